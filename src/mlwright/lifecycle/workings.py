"""What a model looks at: contributions of columns to its answers, and what is lost when one is shuffled."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import polars as pl

from mlwright.data import Column
from mlwright.evaluation import Interval
from mlwright.evaluation.bootstrap import Drawing
from mlwright.evaluation.importance import REPETITIONS, ShuffleJudge
from mlwright.features import native_columns
from mlwright.lifecycle.allowance import Allowance
from mlwright.lifecycle.contributions import Contributions, explain_rows, row_seconds, unexplained
from mlwright.lifecycle.rows import Rows
from mlwright.packaging.predictor import PackagePredictor
from mlwright.project import Task
from mlwright.project.config import MetricName
from mlwright.training.learner import Floats
from mlwright.training.sample import whole_lists

TOP = 20  # columns that are shuffled and listed
DRAWN = 6  # columns whose contributions are drawn by value
EXPLAINED_ROWS = 400
FEWEST_EXPLAINED = 20
MOST_CELLS = 6_000_000  # numbers of contributions, or of shuffled rows, that are held at once
TRIAL = 20
SHUFFLED_ROWS = 4_000
FEWEST_SHUFFLED = 200
SHUFFLES = 4
FEW_CLASSES = 5  # more of them cost a sort each: their ranking metrics give way to the log-loss
LEVELS = 12
POINTS = 120
Z = 1.96
UNITS = {"identity": "prediction", "exp": "logarithm"}


@dataclass(frozen=True)
class Asked:
    """The model, and the held-out rows (`places` among all) that it is asked about."""

    rows: Rows
    places: np.ndarray
    predictor: PackagePredictor
    members: bytes
    task: Task
    metric: MetricName
    seed: int


def column_workings(asked: Asked, allowance: Allowance) -> dict[str, object]:
    """Give contributions and importance of the columns that matter most, as far as the seconds go."""
    explained = _explain(asked, allowance)
    order = _order(asked, explained)
    found: dict[str, object] = {"columns": len(asked.rows.inputs), "contributions": None}
    if explained is not None:
        found["contributions"] = _contributions(asked, *explained, order)
    found["importance"] = _importance(asked, order[:TOP], allowance)
    return found


def _explain(asked: Asked, allowance: Allowance) -> tuple[pl.DataFrame, Contributions] | None:
    """Explain rows in portions until enough are, or the time of the part is over."""
    form = unexplained(asked.members)
    if form:
        allowance.skip("contributions", f"none are known for models of the form {form!r}")
        return None
    inputs = asked.rows.inputs
    outputs = max(len(asked.rows.classes), 1) if asked.task == "multiclass" else 1
    seconds = allowance.part(0.35)
    fits = int(seconds / max(row_seconds(asked.members), 1e-9))
    most = min(EXPLAINED_ROWS, len(asked.places), fits, MOST_CELLS // (len(inputs) * outputs))
    if most < min(FEWEST_EXPLAINED, len(asked.places)):
        allowance.skip("contributions", f"{fits} rows fit into {seconds:.1f} CPU seconds: the trees are many")
        return None
    chosen = np.random.default_rng(asked.seed + 1).permutation(asked.places)[:most]
    frame = asked.rows.frame[chosen].select([column.name for column in inputs])
    before = allowance.used()
    first = explain_rows(asked.members, frame[:TRIAL], inputs, asked.task)
    spent = allowance.used() - before
    if spent > 0:  # the guess from the leaves can be off by the depth of the trees
        most = min(most, int(TRIAL * seconds / spent))
    if most <= TRIAL:
        return frame[:TRIAL], first
    return frame[:most], explain_rows(asked.members, frame[:most], inputs, asked.task)


def _order(asked: Asked, explained: tuple[pl.DataFrame, Contributions] | None) -> list[int]:
    """Give the places of columns, those first that contribute most; without contributions as they stand."""
    if explained is None:
        return list(range(len(asked.rows.inputs)))
    sizes = np.abs(explained[1].values).mean(axis=(0, 2))
    return [int(place) for place in np.argsort(-sizes, kind="stable")]


def _contributions(
    asked: Asked, frame: pl.DataFrame, contributions: Contributions, order: list[int]
) -> dict[str, object]:
    sizes = np.abs(contributions.values).mean(axis=2)
    errors = (
        sizes.std(axis=0, ddof=1) / np.sqrt(len(sizes)) if len(sizes) > 1 else np.full(sizes.shape[1], np.nan)
    )
    means = sizes.mean(axis=0)
    names = contributions.columns
    return {
        "rows": len(sizes),
        "unit": UNITS.get(str(json.loads(asked.members).get("link")), "log-odds"),
        "base": [float(value) for value in contributions.base[:TOP]],
        "columns": [
            {
                "column": names[place],
                **Interval(
                    float(means[place]),
                    max(float(means[place] - Z * errors[place]), 0.0),
                    float(means[place] + Z * errors[place]),
                ).to_json(),
            }
            for place in order[:TOP]
        ],
        "others": float(means[order[TOP:]].sum()),
        "by_value": [
            _by_value(asked, frame[names[place]], asked.rows.inputs[place], contributions.values[:, place])
            for place in order[:DRAWN]
            if means[place] > 0
        ],
    }


def _by_value(asked: Asked, values: pl.Series, column: Column, parts: Floats) -> dict[str, object]:
    """Give contributions by the value of their column: points of numbers and moments, summaries of levels.

    Of several classes it is the one to which the column contributes most.
    """
    output = int(np.abs(parts).mean(axis=0).argmax())
    of_class = asked.rows.classes[output] if asked.task == "multiclass" else None
    found: dict[str, object] = {"column": column.name, "type": column.type, "class": of_class}
    given = parts[:, output]
    if column.type in ("string", "boolean"):
        return {**found, "levels": _levels(values, given)}
    numbers = values
    if column.type == "timestamp":
        numbers = values.cast(pl.Datetime("us")).to_physical() / 1e6
    known = numbers.cast(pl.Float64).fill_nan(None)
    places = np.flatnonzero((known.is_finite() & known.is_not_null()).to_numpy())[:POINTS]
    points = [[known[int(place)], float(given[place])] for place in places]
    nulls = given[known.is_null().to_numpy()]
    null = {"rows": len(nulls), "mean": float(nulls.mean())} if len(nulls) else None
    return {**found, "points": sorted(points), "null": null}


def _levels(values: pl.Series, given: Floats) -> list[dict[str, object]]:
    texts = values.cast(pl.String)
    counts = texts.value_counts(sort=False).sort(["count", texts.name], descending=[True, False])
    found = []
    for level, count in counts.head(LEVELS).iter_rows():
        same = texts.eq_missing(level).to_numpy()
        low, middle, high = np.quantile(given[same], [0.1, 0.5, 0.9])
        found.append(
            {
                "level": level,
                "rows": int(count),
                "mean": float(given[same].mean()),
                "low": float(low),
                "middle": float(middle),
                "high": float(high),
            }
        )
    return found


def _importance(asked: Asked, order: list[int], allowance: Allowance) -> dict[str, object] | None:
    """Shuffle one column after the other, and judge each by the same redrawn rows."""
    generator = np.random.default_rng(asked.seed + 2)
    inputs = asked.rows.inputs
    most = min(SHUFFLED_ROWS, max(MOST_CELLS // len(inputs), FEWEST_SHUFFLED))
    chosen = np.sort(generator.permutation(asked.places)[:most])
    lists = asked.rows.lists(asked.places)
    if lists is not None:
        chosen = asked.places[whole_lists(lists, most, generator)]
    y = asked.rows.target[chosen]
    metric = asked.metric
    if metric in ("auc", "average_precision") and len(asked.rows.classes) > FEW_CLASSES:
        metric = "log_loss"
    frame = asked.rows.frame[chosen].select([column.name for column in inputs])
    columns = native_columns(frame, inputs)
    drawing = Drawing(asked.rows.blocks(chosen), asked.seed, REPETITIONS)
    plain = asked.predictor.predict_columns(columns, len(chosen))
    judge = ShuffleJudge(metric, y, plain, drawing=drawing, threshold=asked.predictor.threshold)
    seconds = allowance.part(0.5)
    until = allowance.used() + seconds
    found: list[dict[str, object]] = []
    for place in order:
        if allowance.used() > until:
            allowance.skip(
                "importance",
                f"{len(order) - len(found)} columns are not judged, {seconds:.1f} CPU seconds were over",
            )
            break
        shuffled = []
        for _ in range(SHUFFLES):
            moved = generator.permutation(len(chosen))
            name, kind, values, levels = columns[place]
            swapped = [*columns[:place], (name, kind, values[moved], levels), *columns[place + 1 :]]
            shuffled.append(asked.predictor.predict_columns(swapped, len(chosen)))
        found.append({"column": inputs[place].name, **judge.drop(shuffled).to_json()})
    found.sort(key=lambda item: -float(str(item["value"] or 0.0)))
    return {"metric": metric, "rows": len(chosen), "shuffles": SHUFFLES, "columns": found}
