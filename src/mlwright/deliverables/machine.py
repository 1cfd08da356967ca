"""What a measurement ran on: processor, memory, kernel, versions, and how busy it was before."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from mlwright._version import __version__


@dataclass(frozen=True)
class Machine:
    """Facts without which numbers mean nothing; None is not known."""

    processor: str
    cores: int | None
    memory_gb: float | None
    system: str
    load_average: float | None
    mlwright: str
    python: str


def describe_machine() -> Machine:
    """Look at this machine now."""
    memory = _first("/proc/meminfo", "MemTotal")
    return Machine(
        processor=_first("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        cores=os.cpu_count(),
        memory_gb=None if memory is None else round(int(memory.split()[0]) / 1024**2, 1),
        system=f"{platform.system()} {platform.release()}",
        load_average=round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        mlwright=__version__,
        python=platform.python_version(),
    )


def _first(path: str, name: str) -> str | None:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), None)
