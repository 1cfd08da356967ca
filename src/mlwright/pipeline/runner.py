"""Run steps in order, reuse what is known, and survive being killed at any point."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlwright.errors import MlwrightError, StepFailed
from mlwright.pipeline.progress import Progress
from mlwright.pipeline.source_code import code_digest
from mlwright.pipeline.step import JSON, Blob, Context, Step, Value, Values
from mlwright.store import BlobStore, Database, canonical_json, digest_json, now_text


@dataclass(frozen=True)
class StepRecord:
    """How one step of a run ended."""

    name: str
    key: str
    status: str
    seconds: float


@dataclass(frozen=True)
class PipelineResult:
    """All values that the steps made, and how."""

    values: Values
    steps: tuple[StepRecord, ...]

    @property
    def is_cached(self) -> bool:
        """Tell whether no cacheable step had to run."""
        return all(record.status == "cached" for record in self.steps)


@dataclass(frozen=True)
class _Journal:
    """Where results of steps are remembered, each as soon as it exists: that is all that resuming needs."""

    database: Database
    blobs: BlobStore

    def find(self, key: str) -> Values | None:
        with self.database.read() as tx:
            row = tx.fetch_one("SELECT outputs FROM step_outputs WHERE key = ?", (key,))
        if row is None:
            return None
        values = {name: _decode(value) for name, value in json.loads(row["outputs"]).items()}
        lost = any(isinstance(v, Blob) and not self.blobs.path(v.digest).exists() for v in values.values())
        return None if lost else values

    def remember(self, step: Step, key: str, values: Values, seconds: float) -> None:
        text = canonical_json({name: _encode(value) for name, value in values.items()})
        with self.database.write() as tx:
            tx.execute(
                "INSERT OR REPLACE INTO step_outputs (key, step, outputs, seconds, made_at)"
                " VALUES (?, ?, ?, ?, ?)",
                (key, step.name, text, seconds, now_text()),
            )

    def notes(self, step: Step, key: str) -> _StepNotes:
        return _StepNotes(self, step, key)

    def record(self, run_id: str, record: StepRecord) -> None:
        with self.database.write() as tx:
            tx.execute(
                "INSERT OR REPLACE INTO run_steps (run_id, name, key, status, seconds)"
                " VALUES (?, ?, ?, ?, ?)",
                (run_id, record.name, record.key, record.status, record.seconds),
            )


@dataclass(frozen=True)
class _StepNotes:
    """Results within a step, kept beside those of whole steps; implements `Notes`."""

    journal: _Journal
    step: Step
    key: str

    def recall(self, key: str) -> bytes | None:
        found = self.journal.find(f"{self.key}/{key}")
        return None if found is None else self._path(found["note"]).read_bytes()

    def remember(self, key: str, data: bytes) -> None:
        blob = Blob(self.journal.blobs.put(data))
        self.journal.remember(self.step, f"{self.key}/{key}", {"note": blob}, 0.0)

    def _path(self, value: Value) -> Path:
        assert isinstance(value, Blob)
        return self.journal.blobs.path(value.digest)


def run_pipeline(  # noqa: PLR0913  # what runs, and what it runs with
    steps: Sequence[Step],
    start: Values,
    *,
    run_id: str,
    database: Database,
    blobs: BlobStore,
    progress: Progress,
    began_cpu_s: float | None = None,
) -> PipelineResult:
    """Run `steps` in order from the values `start`.

    Each result is kept as soon as it exists, so a run that was killed goes on where it stopped when it is
    started again. `began_cpu_s` is the CPU clock from which a budget counts, None for now. Raises what a step
    raises; anything that is not a `MlwrightError` becomes `StepFailed`.
    """
    journal = _Journal(database, blobs)
    began_cpu_s = time.process_time() if began_cpu_s is None else began_cpu_s
    values: dict[str, Value] = dict(start)
    records: list[StepRecord] = []
    blobs.root.mkdir(parents=True, exist_ok=True)
    for number, step in enumerate(steps, 1):
        progress.step_started(step.name, number, len(steps))
        inputs = {name: values[name] for name in step.inputs}
        key = step_key(step, inputs)
        began = time.monotonic()
        made = None if step.has_effects else journal.find(key)
        status = "done" if made is None else "cached"
        if made is None:
            with _scratch(blobs) as scratch:
                context = Context(blobs, scratch, progress, step.name, journal.notes(step, key), began_cpu_s)
                made = _as_remembered(_run(step, inputs, context))
            if made.get("is_unchanged") is True:
                status = "cached"
            if not step.has_effects:
                journal.remember(step, key, made, time.monotonic() - began)
        values.update(made)
        record = StepRecord(step.name, key, status, time.monotonic() - began)
        records.append(record)
        journal.record(run_id, record)
        progress.step_finished(step.name, status, record.seconds, _summary(made))
    return PipelineResult(values, tuple(records))


def known_steps(
    steps: Sequence[Step], start: Values, *, database: Database, blobs: BlobStore
) -> tuple[tuple[str, bool], ...]:
    """Tell for each step whether its result is known; what follows an unknown step is unknown too."""
    journal = _Journal(database, blobs)
    values: dict[str, Value] = dict(start)
    found: list[tuple[str, bool]] = []
    for step in steps:
        has_inputs = all(name in values for name in step.inputs)
        made = None
        if has_inputs and not step.has_effects:
            made = journal.find(step_key(step, {name: values[name] for name in step.inputs}))
        values.update(made or {})
        found.append((step.name, made is not None))
    return tuple(found)


def step_key(step: Step, inputs: Values) -> str:
    """Name the result of a step: code, function, inputs and parameters."""
    return digest_json(
        {
            "code": code_digest(),
            "function": step.function,
            "inputs": {name: _encode(value) for name, value in inputs.items()},
            "parameters": dict(step.parameters),
        }
    )


@contextmanager
def _scratch(blobs: BlobStore) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=".scratch-", dir=blobs.root))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(step: Step, inputs: Values, context: Context) -> Values:
    try:
        made = step.load()(context, inputs, step.parameters)
    except MlwrightError:
        raise
    except Exception as cause:  # border of STYLE §9: the run ends in order
        raise StepFailed(
            f"step {step.name!r} failed: {type(cause).__name__}: {cause}",
            hint="run again with --debug for the traceback; steps before it are kept",
            step=step.name,
        ) from cause
    missing = set(step.outputs) - set(made)
    if missing:
        raise TypeError(f"step {step.name!r} did not make {sorted(missing)}")
    return made


def _as_remembered(made: Values) -> Values:
    """Give values as a later run will find them, so that a resumed run goes on from the very same ones."""
    text = canonical_json({name: _encode(value) for name, value in made.items()})
    return {name: _decode(value) for name, value in json.loads(text).items()}


def _summary(made: Mapping[str, Value]) -> str:
    text = made.get("summary")
    return text if isinstance(text, str) else ""


def _encode(value: Value) -> JSON:
    return {"$blob": value.digest} if isinstance(value, Blob) else value


def _decode(value: JSON) -> Value:
    if isinstance(value, dict) and set(value) == {"$blob"}:
        return Blob(str(value["$blob"]))
    return value
