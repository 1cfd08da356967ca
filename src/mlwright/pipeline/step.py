"""A function with declared inputs and outputs, named by text so that an unchanged step is never imported."""

from __future__ import annotations

import importlib
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias

from mlwright.pipeline.progress import Progress
from mlwright.store import BlobStore, digest_file

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"


@dataclass(frozen=True)
class Blob:
    """Bytes in the blob store, by digest."""

    digest: str


Value: TypeAlias = "Blob | JSON"
Values: TypeAlias = Mapping[str, Value]


class Notes(Protocol):
    """What a step remembers within itself, for when it is killed and started again."""

    def recall(self, key: str) -> bytes | None:
        """Give what was remembered under a key."""
        ...

    def remember(self, key: str, data: bytes) -> None:
        """Keep bytes under a key."""
        ...


class NoNotes:
    """Forgets everything; implements `Notes`."""

    def recall(self, key: str) -> bytes | None:
        """Give nothing."""
        del key
        return None

    def remember(self, key: str, data: bytes) -> None:
        """Keep nothing."""
        del key, data


@dataclass(frozen=True)
class Context:
    """What a running step may use: the blobs, a scratch folder, a voice, notes of an earlier start.

    `began_cpu_s` is the CPU clock of this process when the run began.
    """

    blobs: BlobStore
    scratch: Path
    progress: Progress
    step: str
    notes: Notes = field(default_factory=NoNotes)
    began_cpu_s: float = 0.0

    def recall(self, key: str) -> bytes | None:
        """Give what this step remembered under a key before it was killed."""
        return self.notes.recall(key)

    def remember(self, key: str, data: bytes) -> None:
        """Keep bytes for this step, should it be killed."""
        self.notes.remember(key, data)

    def move(self, share: float, text: str) -> None:
        """Say how far the step is, 0..1."""
        self.progress.step_moved(self.step, share, text)

    def path(self, value: Value) -> Path:
        """Tell where the bytes of a blob value are."""
        if not isinstance(value, Blob):
            raise TypeError(f"step {self.step!r} asked for bytes of a plain value")
        return self.blobs.path(value.digest)

    def keep(self, data: bytes) -> Blob:
        """Put bytes into the blob store."""
        return Blob(self.blobs.put(data))

    def keep_written(self, write: Callable[[Path], object]) -> Blob:
        """Let `write` fill a new file, then move that file into the blob store."""
        descriptor, name = tempfile.mkstemp(dir=self.scratch)
        os.close(descriptor)
        path = Path(name)
        write(path)
        digest = digest_file(path)
        self.blobs.put_file(path, digest)
        return Blob(digest)


StepFunction: TypeAlias = Callable[[Context, Values, Mapping[str, JSON]], Values]


@dataclass(frozen=True)
class Step:
    """A named function from values to values.

    `function` is "package.module:name" and is imported only when the step must run. `inputs` and `outputs`
    are names of values; `parameters` are JSON values that belong to the step's key. A step that looks at or
    changes something outside its values says `has_effects` and is never cached; it has to be idempotent, and
    says `is_unchanged` among its outputs when it found everything as it should be.
    """

    name: str
    function: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    parameters: Mapping[str, JSON] = field(default_factory=dict)
    has_effects: bool = False

    def load(self) -> StepFunction:
        """Import the function."""
        module, _, name = self.function.partition(":")
        function: StepFunction = getattr(importlib.import_module(module), name)
        return function
