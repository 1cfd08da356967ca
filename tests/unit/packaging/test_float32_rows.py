"""A model that was trained on float32 values answers float32 and float64 numbers alike, wherever it runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mlwright.features import native_columns
from mlwright.lifecycle.lowering import library_answers, lower
from mlwright.packaging.export_check import check_export, column_tensors
from mlwright.packaging.exporting import lower_package
from mlwright.packaging.forest import thresholds_of
from mlwright.packaging.graph_run import open_session
from mlwright.packaging.parity import edge_frame
from mlwright.packaging.predictor import PackagePredictor
from mlwright.training.boosted import BoostedLearner
from mlwright.training.encoding import encode_all
from mlwright.training.learner import FitTask, Floats
from mlwright.training.portfolio import BOOSTED
from mlwright.training.problem import Problem
from mlwright.training.score import LINKS
from mlwright.training.trainer import Calibration, Fitted, Member
from tests.unit.training.problems import problem
from tests.unit.training.published import published

ROWS = 1_500
EXACT = 1e-12
NOTES = {"mlwright.release": "0"}
EPOCH = 1_700_000_000.0


def asked() -> Problem:
    rng = np.random.default_rng(6)
    x, seconds = rng.normal(size=ROWS), EPOCH + rng.integers(0, 600, ROWS)
    hole = np.where(rng.random(ROWS) < 0.1, np.nan, rng.gamma(2, 3, ROWS))
    shop = rng.choice([f"s{number}" for number in range(30)], ROWS)
    signal = np.sin(3 * x) + (seconds % 600 > 420) + np.char.endswith(shop, "3") + 0.05 * np.nan_to_num(hole)
    frame = pl.DataFrame({"x": x, "hole": hole, "shop": shop, "seconds": seconds}).with_columns(
        pl.col("hole").fill_nan(None)
    )
    return problem(frame, (signal > 0.8).astype(float))


def boosted(of: Problem) -> Fitted:
    transform, rows = encode_all(of, "native")
    model = BoostedLearner().fit(BOOSTED[0], FitTask(rows, None, of.task, 2, 3, 40, lambda _: False))
    member = Member(BOOSTED[0], 1.0, model, transform)
    return Fitted((member,), LINKS["binary"], Calibration(1.1, -0.2), 0.5, (), (), (), np.zeros(0))


def beside_thresholds(of: Problem, given: Fitted) -> pl.DataFrame:
    """Real rows with numbers on every threshold, one float32 and one float64 step beside it."""
    lowered = lower(given)
    return edge_frame(
        of.frame, list(of.inputs), thresholds_of(lowered.model), lowered.transform, rows=6_000, seed=5
    )


def as_float32(frame: pl.DataFrame) -> pl.DataFrame:
    """Give what a client of float32 sends of the numbers that are read as they are."""
    with np.errstate(over="ignore"):
        return frame.with_columns(pl.col("x", "hole").cast(pl.Float32).cast(pl.Float64))


def answers(folder: Path, of: Problem, frame: pl.DataFrame) -> Floats:
    return PackagePredictor(folder).predict_columns(native_columns(frame, list(of.inputs)), frame.height)


@pytest.mark.promise("train.float32")
def test_thresholds_are_float32_and_answers_are_the_librarys_beside_each_of_them(tmp_path: Path) -> None:
    of = asked()
    given = boosted(of)
    thresholds = np.concatenate([*map(np.array, thresholds_of(lower(given).model).values())])
    assert len(thresholds) > 300
    assert np.array_equal(thresholds.astype(np.float32), thresholds)
    rows = pl.concat([of.frame, beside_thresholds(of, given)], how="vertical_relaxed")
    found = answers(published(lower(given), of, tmp_path), of, rows)
    wanted = library_answers(lower(given).members, rows, list(of.inputs), "binary")
    assert np.abs(found - wanted).max() < EXACT


@pytest.mark.promise("train.float32")
def test_float32_and_float64_numbers_get_the_same_bits_from_package_and_graph(tmp_path: Path) -> None:
    of = asked()
    given = boosted(of)
    rows = pl.concat([of.frame, beside_thresholds(of, given)], how="vertical_relaxed")
    folder = published(lower(given), of, tmp_path)
    single = as_float32(rows)
    assert (rows["x"] != single["x"]).mean() > 0.5
    assert np.array_equal(answers(folder, of, rows), answers(folder, of, single))
    session = open_session(lower_package(folder, NOTES).data)
    double, other = (
        session.run(["score", "prediction"], column_tensors(frame, list(of.inputs)))
        for frame in (rows, single)
    )
    assert all(np.array_equal(one, two) for one, two in zip(double, other, strict=True))


@pytest.mark.promise("train.float32", "export.gate")
def test_the_graph_passes_the_gate_with_rows_beside_thresholds_of_large_numbers(tmp_path: Path) -> None:
    of = asked()
    given = boosted(of)
    folder = published(lower(given), of, tmp_path)
    assert {"number", "scale", "level"} == {output["op"] for output in lower(given).transform["outputs"]}
    near = beside_thresholds(of, given)["seconds"].drop_nulls()
    assert near.filter((near > EPOCH) & (near % 1 != 0)).len() > 500
    report = check_export(
        folder, lower_package(folder, NOTES), real=of.frame, tell=lambda _share, _text: None
    )
    assert (report.real_rows, report.label_flips) == (ROWS, 0)
    assert report.largest_difference < EXACT


@pytest.mark.promise("train.float32")
def test_a_model_whose_transform_does_not_round_compares_float64_numbers(tmp_path: Path) -> None:
    of = asked()
    given = boosted(of)
    transform = given.members[0].transform
    exact = {key: value for key, value in transform.items() if key != "rounding"}
    before = replace(given, members=(replace(given.members[0], transform=exact),))  # type: ignore[arg-type]  # less a key
    rows = beside_thresholds(of, before)
    assert (np.array(thresholds_of(lower(before).model)[0]) % 2.0**-30).any()
    found = answers(published(lower(before), of, tmp_path), of, rows)
    wanted = library_answers(lower(before).members, rows, list(of.inputs), "binary")
    assert np.abs(found - wanted).max() < EXACT
    assert np.abs(found - answers(published(lower(before), of, tmp_path), of, as_float32(rows))).max() > 1e-3
