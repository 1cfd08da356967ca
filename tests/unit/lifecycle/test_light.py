from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("numpy", "polars", "sklearn", "lightgbm", "onnx", "onnxruntime")


@pytest.mark.parametrize(
    "module",
    ["serve", "up", "status", "rollback", "rollout", "label_add", "monitor", "server_settings"],
)
def test_commands_that_operate_load_no_heavy_library(module: str) -> None:
    code = f"import sys; import mlwright.commands.{module}; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
