"""The network learns what no line can, the same each time, and within its time."""

from __future__ import annotations

import numpy as np
import pytest

from mlwright.training.learner import FitTask, Floats, Matrix
from mlwright.training.network import NetworkLearner, NetworkModel, read_network
from mlwright.training.pieces import Pieces
from mlwright.training.portfolio import NETWORK
from mlwright.training.score import row_losses

ROWS = 3_000


def rows(seed: int = 1) -> Floats:
    values = np.random.default_rng(seed).normal(size=(ROWS, 3))
    values[:, 2] = 1.0
    return values


def wave(values: Floats) -> Floats:
    return np.asarray(np.sin(3 * values[:, 0]) * values[:, 1])


def fit(target: Floats, *, last: int = 10**9, task: str = "regression", classes: int = 2) -> NetworkModel:
    given = Matrix(rows(), target, np.ones(ROWS))
    asked = FitTask(given, None, task, classes, 4, None, lambda number: number >= last)  # type: ignore[arg-type]
    return NetworkLearner().fit(NETWORK, asked)


@pytest.mark.promise("train.network")
def test_a_network_learns_what_no_line_can() -> None:
    model = fit(5_000 + 100 * wave(rows()))
    unseen = rows(2)
    error = np.mean((model.margins(unseen) - 5_000 - 100 * wave(unseen)) ** 2)
    assert error < 0.3 * np.var(100 * wave(unseen))


@pytest.mark.promise("train.network")
def test_classes_are_learned_and_absent_ones_get_hardly_any_probability() -> None:
    target = np.digitize(wave(rows()), [-0.3, 0.3]).astype(np.float64)
    margins = fit(target, task="multiclass", classes=4).margins(rows())
    shares = np.bincount(target.astype(int)) / ROWS
    assert row_losses("multiclass", target, margins).mean() < 0.8 * -(shares * np.log(shares)).sum()
    assert (margins[:, 3] < margins[:, :3].min(axis=1)).all()


@pytest.mark.promise("train.network")
def test_the_same_rows_give_the_same_network_and_its_dump_reads_back() -> None:
    target = (wave(rows()) > 0).astype(np.float64)
    first, second = fit(target, task="binary"), fit(target, task="binary")
    assert first.dump() == second.dump()
    again = read_network(first.dump().text)
    assert np.array_equal(again.margins(rows(3)), first.margins(rows(3)))


@pytest.mark.promise("train.network")
def test_a_network_ends_when_time_is_up_and_answers_anything_finite() -> None:
    model = fit(wave(rows()), last=30)
    assert model.rounds < fit(wave(rows())).rounds
    far = np.array([[1e300, -1e300, 1e300], [0.0, 0.0, 0.0]])
    assert np.isfinite(model.margins(far)).all()


@pytest.mark.promise("train.network")
def test_layers_over_pieces_are_layers_over_the_numbers() -> None:
    pieces = Pieces.of(rows(), 20)
    rng = np.random.default_rng(6)
    weights, bias = rng.normal(size=(pieces.width, 4)), rng.normal(size=4)
    (first, start), (second, end) = pieces.before([(weights, bias)])
    given = np.clip(rows(5), -8, 8)
    found = np.maximum(given @ first + start, 0.0) @ second + end
    assert np.abs(found - (pieces.apply(given).astype(np.float64) @ weights + bias)).max() < 1e-4
    assert pieces.edges[2].size == 0


def test_a_network_of_no_columns_says_the_mean() -> None:
    given = Matrix(np.zeros((ROWS, 0)), np.full(ROWS, 3.0), np.ones(ROWS))
    asked = FitTask(given, None, "regression", 2, 4, None, lambda _: False)
    assert NetworkLearner().fit(NETWORK, asked).margins(np.zeros((2, 0))) == pytest.approx(3.0, abs=0.2)
