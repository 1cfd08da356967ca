"""Hold the model against simpler ones on the test rows: is it worth having, and worth its complexity?

A model that is not better than a constant by a standard error, neither in the project's metric nor in the
usual one of the task, is useless and blocks; one that ranks has to be better in the order of its lists. What
repeats earlier values, a line and an untuned booster are fitted on a sample of the training rows; a tie with
them is advice.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mlwright.data import Finding
from mlwright.project import MetricName
from mlwright.training.checks.check import CheckInput, Floats, Rows
from mlwright.training.checks.quality import ALWAYS, Estimate, chosen_metric, gain, parts_of
from mlwright.training.checks.simple_models import booster, constant, earlier_values, line
from mlwright.training.problem import goal_of

FEWEST_ROWS = 30
FEWEST_OF_CLASS = 5
FEWEST_LISTS = 20
SURELY = 2.0  # standard errors by which a simpler model is better
SIMPLER = {
    "the last value": "add columns of earlier values, or serve the last value",
    "a day earlier": "add columns of values a day earlier, or serve those",
    "a week earlier": "add columns of values a week earlier, or serve those",
    "a linear model": "a linear model is as good, smaller and easier to explain",
    "an untuned booster": "raise `budget_cpu_s` in [training], or look for columns that tell more",
}


def check_ladder(given: CheckInput) -> list[Finding]:
    """Compare with simpler models: `ladder.constant`, `ladder.beaten` and `ladder.tied`."""
    if given.scores is None or len(given.train) < FEWEST_ROWS or len(given.test) < 2:
        return []
    if given.task != "regression" and len(np.unique(given.target[given.train])) < 2:
        return []
    rows = given.sample.test
    target, scores = given.target[given.test][rows], given.scores[rows]
    blocks = None if given.blocks is None else given.blocks[rows]
    parts = parts_of(len(rows), blocks, seed=given.seed)
    metric = chosen_metric(given)
    useless = _useless(given, rows, parts)
    if useless is not None:
        return [useless]
    goal = goal_of(given.task, given.training)
    others: dict[str, Floats] = earlier_values(given)
    if given.facts.get("kept") != "linear" and goal != "poisson":
        others["a linear model"] = line(given)
    untuned = booster(given)
    if untuned is not None:
        others["an untuned booster"] = untuned
    threshold = 0.5 if given.threshold is None else given.threshold
    found = []
    for name, other in others.items():
        better = gain(metric, target, scores, other, parts, threshold=threshold, lists=blocks)
        finding = _compared(name, metric, better)
        if finding is not None:
            found.append(finding)
    return found


def _useless(given: CheckInput, rows: Rows, parts: Rows) -> Finding | None:
    assert given.scores is not None
    target, scores = given.target[given.test][rows], given.scores[rows]
    blocks = None if given.blocks is None else given.blocks[rows]
    is_ranked = goal_of(given.task, given.training) == "rank"
    metrics: Iterable[MetricName] = dict.fromkeys((chosen_metric(given), ALWAYS[given.task]))
    if is_ranked:
        metrics = ("ndcg",)
    same = constant(given)
    threshold = 0.5 if given.threshold is None else given.threshold
    gains = {
        metric: gain(
            metric,
            target,
            scores,
            same,
            parts,
            threshold=threshold if metric == "accuracy" else 0.5,
            lists=blocks,
        )
        for metric in metrics
    }
    if any(one.is_above(0.0) for one in gains.values()):
        return None
    is_known = _tells(given, target)
    if is_ranked and blocks is not None:
        is_known = len(np.unique(blocks)) >= FEWEST_LISTS
    said = ", ".join(f"{metric} {one.value:+.3g} ± {one.error:.2g}" for metric, one in gains.items())
    return Finding(
        "ladder.constant",
        "blocking" if is_known else "warning",
        f"nothing is found in the inputs that tells {given.data.label!r}: a constant is as good ({said})"
        if is_known
        else f"{len(target)} test rows are too few to tell the model from a constant answer ({said})",
        {name: {"gain": one.value, "error": _finite(one)} for name, one in gains.items()},
        "look for columns that tell the label, or check that labels belong to their rows",
    )


def _tells(given: CheckInput, target: Floats) -> bool:
    if len(target) < FEWEST_ROWS:
        return False
    if given.task != "binary":
        return True
    return bool(min(target.sum(), len(target) - target.sum()) >= FEWEST_OF_CLASS)


def _compared(name: str, metric: str, better: Estimate) -> Finding | None:
    if not np.isfinite(better.error) or better.is_above(0.0):
        return None
    evidence = {"simpler": name, "metric": metric, "gain": better.value, "error": better.error}
    said = f"{metric} differs by {better.value:+.3g} ± {better.error:.2g}"
    if Estimate(-better.value, better.error).is_above(0.0, errors=SURELY):
        text = f"{name} is better than the model on the test rows ({said})"
        return Finding("ladder.beaten", "warning", text, evidence, SIMPLER[name], name)
    text = f"the model is no surer than {name} on the test rows ({said})"
    return Finding("ladder.tied", "info", text, evidence, SIMPLER[name], name)


def _finite(one: Estimate) -> float | None:
    return one.error if np.isfinite(one.error) else None
