"""CPU time and memory of server processes, read from the operating system."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

MEGABYTE = 1 << 20
TICKS = os.sysconf("SC_CLK_TCK")


def process_tree(pid: int) -> list[int]:
    """Give a process and all its living descendants."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int(_stat(int(entry.name))[1])
            except OSError:
                continue
    found = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found


def cpu_seconds(pid: int) -> float:
    """Add up user and system time of a process and its descendants."""
    return sum(int(_stat(each)[11]) + int(_stat(each)[12]) for each in process_tree(pid)) / TICKS


def memory_mb(pid: int, *, field: str = "VmRSS") -> float:
    """Add up resident memory (`VmRSS`) or its peak (`VmHWM`) of a process and its descendants."""
    total = 0
    for each in process_tree(pid):
        for line in Path(f"/proc/{each}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                total += int(line.split()[1])
    return total / 1024


def touch_free_memory(megabytes: int) -> None:
    """Write to memory that is free, and free it again: what is written next finds pages that the machine has.

    A virtual machine may have given free memory back to its host. Then the first write to a page costs some
    microseconds, which would be counted for the server that happens to log its requests there.
    """
    ones = b"\1" * MEGABYTE
    with mmap.mmap(-1, megabytes * MEGABYTE) as memory:
        for at in range(0, megabytes * MEGABYTE, MEGABYTE):
            memory[at : at + MEGABYTE] = ones


def _stat(pid: int) -> list[str]:
    """Give the fields after the command name: state, parent, …; user time is [11], system time [12]."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def stolen_seconds(core: int) -> float:
    """Give the time that a core wanted to run since the system started and a hypervisor gave to others."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name == f"cpu{core}":
            return int(ticks[7]) / TICKS
    return 0.0
