"""What the measurement ran on."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from pathlib import Path


def describe_machine() -> dict[str, object]:
    """Give processor, vector units, cores, memory, kernel, and what else was running."""
    cpu = {
        key.strip(): value.strip()
        for key, _, value in (line.partition(":") for line in _lines("/proc/cpuinfo"))
    }
    memory = [int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")]
    flags = cpu.get("flags", "").split()
    return {
        "processor": cpu.get("model name", platform.processor()),
        "vectors": next((name for name in ("avx512f", "avx2", "avx") if name in flags), "no AVX"),
        "cores": os.cpu_count(),
        "memory_gb": round(memory[0] / 1024**2, 1) if memory else None,
        "kernel": platform.release(),
        "load_before": os.getloadavg()[0],
    }


def machine_line(machine: Mapping[str, object]) -> str:
    """Say it in one line of a page."""
    return (
        f"{machine['processor']} ({machine['vectors']}), {machine['cores']} cores, {machine['memory_gb']} GB,"
        f" Linux {machine['kernel']}. Load average before the run: {machine['load_before']:.2f}."
    )


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()
