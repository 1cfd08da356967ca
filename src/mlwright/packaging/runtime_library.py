"""Find the ONNX Runtime library inside the installed wheel without importing the wheel."""

from __future__ import annotations

import importlib.util
from pathlib import Path

NAMES = ("libonnxruntime.so*", "libonnxruntime*.dylib", "onnxruntime.dll")


def find_runtime_library() -> Path | None:
    """Tell where the library is, None when the wheel is not installed.

    Importing `onnxruntime` would cost a second and numpy; its location costs neither.
    """
    spec = importlib.util.find_spec("onnxruntime")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "capi"
    found = sorted(path for name in NAMES for path in folder.glob(name) if "providers" not in path.name)
    return found[-1] if found else None
