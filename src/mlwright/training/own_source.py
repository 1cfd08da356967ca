"""Own training code by its name: where it is, and the digest of its source, without importing it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.machinery import PathFinder
from pathlib import Path

from mlwright.errors import TrainerUnknown

PORTFOLIO = "portfolio"
SHORT_NAMES: Mapping[str, str] = {
    "torch": "mlwright.integrations.torch_table:fit",
    "torch-text": "mlwright.integrations.torch_table:fit_text",
    "keras": "mlwright.integrations.keras_table:fit",
    "keras-text": "mlwright.integrations.keras_table:fit_text",
}
"""Trainers that come with mlwright, by the word that [training] may say for them."""
NEEDED: Mapping[str, tuple[str, str]] = {
    "torch": ("onnxscript", "torch"),
    "keras": ("tf2onnx", "tensorflow"),
}
"""What must be installed for them, and the extra that brings it."""
SKIPPED_FOLDERS = ("node_modules", "__pycache__", "site-packages")
FORM = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


@dataclass(frozen=True)
class OwnSource:
    """Where a function of one's own is, and what its code is now."""

    module: str
    function: str
    digest: str

    @property
    def name(self) -> str:
        """Give the name as [training] says it."""
        return f"{self.module}:{self.function}"


def find_own_source(trainer: str, root: Path) -> OwnSource:
    """Find `package.module:function` in the project folder, or where packages are installed.

    A module of the project stands for all Python files of the project, an installed one for its package.
    Raises `TrainerUnknown` when there is no such module; nothing is imported.
    """
    full = SHORT_NAMES.get(trainer, trainer)
    if trainer in SHORT_NAMES:
        _require_installed(trainer)
    if FORM.fullmatch(full) is None:
        known = ", ".join([PORTFOLIO, *SHORT_NAMES])
        raise TrainerUnknown(
            f"there is no trainer {trainer!r}",
            hint=f"set `trainer` in [training] to one of {known}, or to a function of yours as "
            "`module:function`",
        )
    module, _, function = full.partition(":")
    path = _module_path(module, [str(root), *sys.path])
    if path is None:
        raise TrainerUnknown(
            f"the trainer {trainer!r} names the module {module!r}, which is not there",
            hint=f"put {module.replace('.', '/')}.py into {str(root)!r}, or install its package",
        )
    return OwnSource(module, function, _digest(path, module, root))


def _require_installed(trainer: str) -> None:
    library, extra = NEEDED[trainer.partition("-")[0]]
    missing = [name for name in (extra, library) if PathFinder.find_spec(name) is None]
    if missing:
        raise TrainerUnknown(
            f"the trainer {trainer!r} needs {' and '.join(missing)}, which {sys.executable} does not have",
            hint=f"install `mlwright[{extra}]`",
        )


def _module_path(module: str, places: list[str]) -> Path | None:
    """Find the file of a module package by package, as the interpreter would, and import none of them."""
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):
        spec = PathFinder.find_spec(".".join(parts[:depth]), places)
        if spec is None:
            return None
        if depth == len(parts):
            return Path(spec.origin) if spec.origin else None
        places = list(spec.submodule_search_locations or ())
    return None


def _digest(path: Path, module: str, root: Path) -> str:
    found = sha256()
    for file in _sources(path, module, root):
        found.update(str(file).encode() + b"\0" + file.read_bytes() + b"\0")
    return found.hexdigest()


def _sources(path: Path, module: str, root: Path) -> list[Path]:
    """Give the files that stand for a module, in an order of their own."""
    if path.is_relative_to(root) and "site-packages" not in path.relative_to(root).parts:
        return sorted(_python_files(root))
    depth = module.count(".") + (path.name == "__init__.py")
    top = path.parents[depth - 1] if depth else path
    return sorted(_python_files(top)) if top.is_dir() else [path]


def _python_files(folder: Path) -> Iterator[Path]:
    for item in folder.iterdir():
        if item.is_dir():
            is_environment = (item / "pyvenv.cfg").exists()
            if not item.name.startswith(".") and item.name not in SKIPPED_FOLDERS and not is_environment:
                yield from _python_files(item)
        elif item.suffix == ".py":
            yield item
