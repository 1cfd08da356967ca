"""Blends of a forest, networks and a line answer alike in Python, in the compiled code and as a graph."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mlwright.features import native_columns
from mlwright.lifecycle.lowering import library_answers, lower
from mlwright.packaging.blend_file import Line, forest_in, read_blend
from mlwright.packaging.export_check import check_export
from mlwright.packaging.exporting import lower_package
from mlwright.packaging.predictor import PackagePredictor
from mlwright.project import Task
from mlwright.training.boosted import BoostedLearner
from mlwright.training.encoding import encode_all
from mlwright.training.learner import Candidate, FitTask, Learner
from mlwright.training.linear import LinearLearner
from mlwright.training.network import NetworkLearner
from mlwright.training.portfolio import BOOSTED, LINEAR, NETWORK
from mlwright.training.problem import Problem
from mlwright.training.score import LINKS
from mlwright.training.trainer import Calibration, Fitted, Member
from tests.unit.training.problems import problem
from tests.unit.training.published import published

ROWS = 600
EXACT = 1e-12
NOTES = {"mlwright.release": "0"}
FAMILIES: dict[str, tuple[Candidate, Learner]] = {
    "trees": (BOOSTED[0], BoostedLearner()),
    "linear": (LINEAR, LinearLearner()),
    "network": (NETWORK, NetworkLearner()),
}


def asked(task: Task) -> Problem:
    rng = np.random.default_rng(5)
    x, hole = rng.normal(size=(2, ROWS))
    hole[::7] = np.nan
    shop = rng.choice([f"s{number}" for number in range(30)], ROWS)
    signal = np.sin(3 * x) + np.char.endswith(shop, "3") + 0.3 * rng.normal(size=ROWS)
    target = {
        "binary": (signal > 0.3).astype(float),
        "multiclass": np.digitize(signal, [-0.5, 0.5]).astype(float),
        "regression": 1e4 + 50 * signal,
    }[task]
    frame = pl.DataFrame({"x": x, "hole": hole, "shop": shop})
    return problem(frame, target, task=task, classes=4 if task == "multiclass" else 2)


def fitted(of: Problem, *names: str) -> Fitted:
    members = []
    for name in names:
        candidate, learner = FAMILIES[name]
        transform, rows = encode_all(of, candidate.encoding)
        task = FitTask(rows, None, of.task, of.classes, 3, 30, lambda _: False)
        members.append(Member(candidate, 1 / len(names), learner.fit(candidate, task), transform))
    line = Calibration(1.2, -0.3) if of.task == "binary" else Calibration()
    return Fitted(tuple(members), LINKS[of.task], line, 0.5, (), (), (), np.zeros(0))


def edges(of: Problem) -> pl.DataFrame:
    far = pl.DataFrame(
        {
            "x": [np.inf, -np.inf, 1e300, None, 0.0],
            "hole": [None, 1e300, -1e300, np.inf, 0.0],
            "shop": ["", None, "never", "s1", "s3"],
        }
    )
    return pl.concat([of.frame, far.cast(dict(of.frame.schema))])  # type: ignore[arg-type]  # by name


@pytest.mark.promise("serve.blend")
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("names", [("trees", "linear", "network"), ("linear", "network"), ("network",)])
def test_a_blend_is_the_weighted_sum_of_its_members(
    task: Task, names: tuple[str, ...], tmp_path: Path
) -> None:
    of = asked(task)
    given = fitted(of, *names)
    folder = published(lower(given), of, tmp_path)
    assert (forest_in(folder / "model.blend") is not None) == ("trees" in names)
    columns, frame = list(of.inputs), edges(of)
    found = PackagePredictor(folder).predict_columns(native_columns(frame, columns), frame.height)
    wanted = library_answers(lower(given).members, frame, columns, task)
    assert np.isfinite(found).all()
    assert np.max(np.abs(found - wanted) / np.maximum(1, np.abs(wanted))) < EXACT


@pytest.mark.promise("train.isotonic", "serve.blend")
@pytest.mark.parametrize("names", [("trees",), ("linear",), ("trees", "network")])
def test_a_calibration_with_corners_is_served_exactly(names: tuple[str, ...], tmp_path: Path) -> None:
    of = asked("binary")
    bent = Calibration(knots=(-2.0, -0.5, 0.25, 3.0), values=(-1.0, -1.0, 0.5, 2.0))
    given = replace(fitted(of, *names), calibration=bent)
    columns, frame = list(of.inputs), edges(of)
    found = PackagePredictor(published(lower(given), of, tmp_path)).predict_columns(
        native_columns(frame, columns), frame.height
    )
    straight = replace(given, calibration=Calibration())
    plain = library_answers(lower(straight).members, frame, columns, "binary")
    wanted = library_answers(lower(given).members, frame, columns, "binary")
    assert np.abs(found - wanted).max() < EXACT
    assert np.abs(plain - wanted).max() > 0.01


@pytest.mark.promise("serve.blend", "export.blend")
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_blend_is_exported_as_one_graph(task: Task, tmp_path: Path) -> None:
    of = asked(task)
    folder = published(lower(fitted(of, "trees", "linear", "network")), of, tmp_path)
    report = check_export(
        folder, lower_package(folder, NOTES), real=of.frame, tell=lambda _share, _text: None
    )
    assert (report.real_rows, report.label_flips) == (ROWS, 0)
    assert report.largest_difference < EXACT


@pytest.mark.promise("export.blend")
def test_a_line_through_the_sums_is_exported_exactly(tmp_path: Path) -> None:
    of = asked("binary")
    lowered = lower(fitted(of, "linear", "network"))
    blend = read_blend(lowered.model)
    line = Line((-2.0, -0.5, 0.25, 3.0), (-1.0, -1.0, 0.5, 2.0))
    bent = type(blend)(blend.features, blend.outputs, blend.link, None, blend.networks, line)
    folder = published(replace(lowered, model=bent.to_bytes()), of, tmp_path)
    report = check_export(
        folder, lower_package(folder, NOTES), real=of.frame, tell=lambda _share, _text: None
    )
    assert report.largest_difference < EXACT
    columns = native_columns(of.frame, list(of.inputs))
    straight = library_answers(lowered.members, of.frame, list(of.inputs), "binary")
    margins = np.log(straight) - np.log1p(-straight)
    inside = (margins > -2) & (margins < 3)
    wanted = 1 / (1 + np.exp(-np.interp(margins, line.knots, line.values)))
    found = PackagePredictor(folder).predict_columns(columns, ROWS)
    assert inside.sum() > ROWS / 4
    assert np.abs(found - wanted)[inside].max() < 1e-9
