"""What the measurement ran on: machine and versions."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

from peers.environments import VERSIONS


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


def describe_versions(*, peers: bool) -> dict[str, str]:
    """Give the versions of everything that takes part."""
    own = {
        "mlwright": version("mlwright"),
        "lightgbm": version("lightgbm"),
        "python": platform.python_version(),
        "nginx": _said(["nginx", "-v"]).partition("/")[2],
        "wrk": _said(["wrk", "-v"]).split()[1],
        "h2load": _said(["h2load", "--version"]).partition("/")[2],
    }
    return own | (VERSIONS if peers else {})


def _said(command: list[str]) -> str:
    program = shutil.which(command[0]) or f"/usr/sbin/{command[0]}"
    if not Path(program).exists():
        return "–/missing missing"
    done = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).splitlines()[0].strip()


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()
