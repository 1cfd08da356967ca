"""The start of a process that opens files which can run code: cut off first, everything else after.

Run as a file by the interpreter that has the file's library (`python -I isolation.py REQUEST`), so it imports
the standard library only. It takes the network away, sets limits, points standard output at standard error
(libraries talk there), and then hands over to `conversion_worker`. What that interpreter lacks of mlwright's
own needs is found behind everything it has.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import sys

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
CPU_S = 1_800
FILE_BYTES = 8 * 2**30
OPEN_FILES = 1_024
MEMORY_SHARE = 2  # libraries map more than they use
OLDEST = (3, 11)


def main() -> None:
    """Isolate this process, then answer what is asked on standard input."""
    request = json.loads(sys.argv[1])
    answers = os.dup(1)
    os.dup2(2, 1)
    isolation = leave_network()
    limit_resources()
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
        is_alone = ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0
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


def refuse_sockets(event: str, _: object) -> None:
    """Raise for whatever reaches out of the process by a socket."""
    if event in ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo"):
        raise PermissionError("a model that is imported reaches no network")


def limit_resources() -> None:
    """Bound processor time, memory, file sizes and open files of this process and its children."""
    memory = MEMORY_SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for kind, most in (
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (bound, bound))


if __name__ == "__main__":
    main()
