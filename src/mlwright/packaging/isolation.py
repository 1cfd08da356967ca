"""The start of a process that opens files which can run code: cut off first, everything else after.

Run as a file by the interpreter that has the file's library (`python -I isolation.py REQUEST`), so it imports
the standard library only. It takes the network away, sets limits, points standard output at standard error
(libraries talk there), and then hands over to `conversion_worker`. What that interpreter lacks of mlwright's
own needs is found behind everything it has. Where the kernel has namespaces, the work is done by the first
process of one of its own: whatever it starts ends with it, also what hides from its group.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys

CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWPID = 0x10000000, 0x40000000, 0x20000000
CPU_S = 1_800
FILE_BYTES = 8 * 2**30
OPEN_FILES = 1_024
MAPPED_SHARE = 2  # of the memory of the machine: libraries map more than they use
USED_SHARE = 0.8  # of the memory that is free when it starts
OLDEST = (3, 11)


def main() -> None:
    """Isolate this process, then answer what is asked on standard input."""
    request = json.loads(sys.argv[1])
    answers = os.dup(1)
    os.dup2(2, 1)
    isolation = leave_network()
    limit_resources()
    if isolation == "namespace":
        become_first_process()
    os.chdir(request["folder"])
    sys.path += [path for path in request["paths"] if path not in sys.path]
    with os.fdopen(answers, "w", encoding="utf-8") as out:
        if sys.version_info < OLDEST:
            found = ".".join(map(str, sys.version_info[:2]))
            hello = {"error": f"it is Python {found}, mlwright needs 3.11 or newer"}
            out.write(json.dumps(hello) + "\n")
            return
        from mlwright.packaging.conversion_worker import work

        work(request, isolation, out)


def leave_network() -> str:
    """Move to a network without interfaces; where the kernel does not allow that, let Python refuse sockets.

    Gives "namespace" or "python". The second is weaker: code that is not Python's can go around it.
    """
    uid, gid = os.getuid(), os.getgid()
    try:
        flags = CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWPID
        is_alone = ctypes.CDLL(None, use_errno=True).unshare(flags) == 0
    except (OSError, AttributeError):  # no such function outside Linux
        is_alone = False
    if is_alone:
        for path, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{uid} {uid} 1"),
            ("gid_map", f"{gid} {gid} 1"),
        ):
            try:
                with open("/proc/self/" + path, "w", encoding="ascii") as file:  # noqa: PTH123
                    file.write(text)
            except OSError:  # it keeps a name of nobody, which changes nothing here
                break
    sys.addaudithook(refuse_sockets)
    return "namespace" if is_alone else "python"


def become_first_process() -> None:
    """Go on as the first process of the new namespace; the one outside waits, and ends when it ends."""
    inside = os.fork()
    if not inside:
        return
    _, status = os.waitpid(inside, 0)
    if os.WIFSIGNALED(status):
        os.kill(os.getpid(), signal.SIGKILL)
    os._exit(os.WEXITSTATUS(status))


def free_memory() -> int:
    """Give the bytes that may still be used on this machine; all of them where the system does not tell."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        with open("/proc/meminfo", encoding="ascii") as file:  # noqa: PTH123
            lines = dict(line.split(":", 1) for line in file)
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return whole


def refuse_sockets(event: str, _: object) -> None:
    """Raise for whatever reaches out of the process by a socket."""
    if event in ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo"):
        raise PermissionError("a model that is imported reaches no network")


def limit_resources() -> None:
    """Bound processor time, memory, file sizes and open files of this process and its children."""
    mapped = MAPPED_SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for kind, most in (
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_AS, mapped),
        (resource.RLIMIT_DATA, int(USED_SHARE * free_memory())),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (bound, bound))


if __name__ == "__main__":
    main()
