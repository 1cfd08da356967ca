"""The formats that can be imported: how each is recognised, and what opening one means."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from mlwright.errors import ModelUnsupported, ModelUntrusted, SourceUnreadable

Opening: TypeAlias = Literal["data", "apart", "trusted"]
"""Read as data; opened by its library in a process apart; or a program, run there only when trusted."""
HEAD_BYTES = 4_096


@dataclass(frozen=True)
class Head:
    """What recognising looks at: the name, the first bytes, and the names inside an archive or a folder."""

    suffix: str
    start: bytes
    members: tuple[str, ...] = ()

    def has(self, ending: str) -> bool:
        """Tell whether a member's path ends like this."""
        return any(member.endswith(ending) for member in self.members)


@dataclass(frozen=True)
class Format:
    """One row of the table."""

    name: str
    written_by: str
    opening: Opening
    recognises: Callable[[Head], bool]

    def require(self, path: Path, *, is_trusted: bool) -> None:
        """Raise `ModelUntrusted` when opening would run a program that nobody said to trust."""
        if self.opening == "trusted" and not is_trusted:
            raise ModelUntrusted(
                f"{path.name!r} is {self.written_by}: opening it runs whatever program is in it",
                hint="if you made it yourself, repeat with `--trust`: it then runs in a process without "
                "network, which can still read and write your files",
                format=self.name,
            )


def _is_catboost(head: Head) -> bool:
    if head.start.startswith(b"CBM1"):
        return True  # its own binary file: the reader says how to write JSON
    return head.start.lstrip()[:1] == b"{" and (
        b'"oblivious_trees"' in head.start or b"features_info" in head.start
    )


FORMATS: Sequence[Format] = (
    Format("lightgbm", "a LightGBM text model", "data", lambda head: head.start.startswith(b"tree\n")),
    Format(
        "xgboost",
        "an XGBoost model in JSON or UBJSON",
        "data",
        lambda head: head.start.lstrip()[:1] == b"{" and b"learner" in head.start,
    ),
    Format("catboost", "a CatBoost model in JSON", "data", _is_catboost),
    Format("onnx", "an ONNX graph", "data", lambda head: head.suffix == ".onnx"),
    Format(
        "torch-export",
        "a program of torch.export",
        "apart",
        lambda head: head.suffix == ".pt2" or head.has("/archive_format"),
    ),
    Format(
        "keras",
        "a Keras model",
        "apart",
        lambda head: (
            "metadata.json" in head.members
            or (head.suffix in (".h5", ".keras", ".hdf5") and head.start.startswith(b"\x89HDF"))
        ),
    ),
    Format(
        "saved-model", "a SavedModel of TensorFlow", "apart", lambda head: "saved_model.pb" in head.members
    ),
    Format("torch", "a pickled module of PyTorch", "trusted", lambda head: head.has("data.pkl")),
    Format(
        "pickle",
        "a pickle",
        "trusted",
        lambda head: head.start[:1] == b"\x80" or head.suffix in (".pkl", ".pickle", ".joblib"),
    ),
)
NAMES = tuple(entry.name for entry in FORMATS)


def format_of(path: Path, name: str | None = None) -> Format:
    """Tell what wrote a file or folder, without running anything of it; a name says it instead.

    Raises `SourceUnreadable` when there is none, `ModelUnsupported` when it is none of the table's.
    """
    head = _head(path)
    if name is not None:
        return next(entry for entry in FORMATS if entry.name == name)
    found = next((entry for entry in FORMATS if entry.recognises(head)), None)
    if found is None:
        raise ModelUnsupported(
            f"{path.name!r} is in no format that can be imported",
            hint=f"say what wrote it with --framework: {', '.join(NAMES)}",
        )
    return found


def _head(path: Path) -> Head:
    if path.is_dir():
        return Head(path.suffix, b"", tuple(sorted(item.name for item in path.iterdir())))
    if not path.is_file():
        raise SourceUnreadable(f"there is no file {str(path)!r}", hint="check the path")
    with path.open("rb") as file:
        start = file.read(HEAD_BYTES)
    members: tuple[str, ...] = ()
    if start.startswith(b"PK"):
        try:
            with zipfile.ZipFile(path) as archive:
                members = tuple(archive.namelist())
        except zipfile.BadZipFile:
            members = ()
    return Head(path.suffix.lower(), start, members)
