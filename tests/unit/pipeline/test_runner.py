"""Steps run once, and a run that was killed goes on."""

from __future__ import annotations

import sys
import types
from collections.abc import Mapping
from pathlib import Path

import pytest

from mlwright.errors import StepFailed
from mlwright.pipeline import Blob, Context, Silent, Step, Values, run_pipeline
from mlwright.pipeline.step import JSON
from mlwright.store import BlobStore, Database

CALLS: list[str] = []


def double(context: Context, inputs: Values, parameters: Mapping[str, JSON]) -> Values:
    CALLS.append("double")
    number = inputs["number"]
    assert isinstance(number, int)
    return {"doubled": context.keep(str(number * 2).encode()), "summary": "doubled"}


def show(context: Context, inputs: Values, parameters: Mapping[str, JSON]) -> Values:
    CALLS.append("show")
    if parameters.get("explode"):
        raise RuntimeError("bang")
    return {"text": context.path(inputs["doubled"]).read_text()}


@pytest.fixture(autouse=True)
def steps_module(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("steps_under_test")
    module.__dict__.update(double=double, show=show)
    monkeypatch.setitem(sys.modules, "steps_under_test", module)
    CALLS.clear()


def steps(**parameters: JSON) -> list[Step]:
    return [
        Step("double", "steps_under_test:double", ("number",), ("doubled",)),
        Step("show", "steps_under_test:show", ("doubled",), ("text",), parameters),
    ]


class Bench:
    def __init__(self, folder: Path) -> None:
        self.database = Database.open(folder / "meta.sqlite")
        self.blobs = BlobStore(folder / "blobs")
        with self.database.write() as tx:
            tx.execute(
                "INSERT INTO runs (id, started_at, status, actor, reason)"
                " VALUES ('r', '', 'running', 'a', 'b')"
            )

    def run(self, number: int, **parameters: JSON) -> dict[str, object]:
        result = run_pipeline(
            steps(**parameters),
            {"number": number},
            run_id="r",
            database=self.database,
            blobs=self.blobs,
            progress=Silent(),
        )
        return dict(result.values) | {"cached": result.is_cached}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.promise("run.cached")
def test_the_same_inputs_again_run_nothing(bench: Bench) -> None:
    assert bench.run(3)["text"] == "6"
    assert bench.run(3)["cached"] is True
    assert CALLS == ["double", "show"]


def test_a_changed_parameter_runs_only_what_depends_on_it(bench: Bench) -> None:
    bench.run(3)
    bench.run(3, other=1)
    assert CALLS == ["double", "show", "show"]


@pytest.mark.promise("run.resumes")
def test_what_was_done_before_a_failure_is_kept(bench: Bench) -> None:
    with pytest.raises(StepFailed, match="bang"):
        bench.run(3, explode=True)
    assert bench.run(3)["text"] == "6"
    assert CALLS == ["double", "show", "show"]


def test_a_lost_blob_is_made_again(bench: Bench) -> None:
    doubled = bench.run(3)["doubled"]
    assert isinstance(doubled, Blob)
    bench.blobs.path(doubled.digest).unlink()
    assert bench.run(3)["text"] == "6"
    assert CALLS == ["double", "show", "double"]


def test_no_scratch_is_left_behind(bench: Bench) -> None:
    bench.run(3)
    assert [path for path in bench.blobs.root.iterdir() if path.name.startswith(".")] == []
