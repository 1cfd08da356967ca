"""What the measurement ran on: machine and versions."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path


def describe_machine() -> dict[str, object]:
    """Give processor, cores, memory, kernel, and what else was running."""
    model = [
        line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")
    ]
    memory = [int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")]
    return {
        "processor": model[0] if model else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(memory[0] / 1024**2, 1) if memory else None,
        "kernel": platform.release(),
        "load_before": os.getloadavg()[0],
    }


def describe_versions() -> dict[str, str]:
    """Give the versions of everything that takes part."""
    return {
        "mlwright": version("mlwright"),
        "lightgbm": version("lightgbm"),
        "python": platform.python_version(),
        "nginx": _said(["nginx", "-v"]).partition("/")[2],
        "wrk": _said(["wrk", "-v"]).split()[1],
    }


def _said(command: list[str]) -> str:
    program = shutil.which(command[0]) or f"/usr/sbin/{command[0]}"
    done = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).splitlines()[0].strip()


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()
