"""Ask whether probabilities mean what they say on the test rows.

Idea: the calibration error (ECE, ten bins of equally many rows) is above 0 by chance alone, so it is held
against that of labels drawn from the scores themselves. A line through the log-odds tells what is wrong:
a slope below 1 means over-confident scores, a shift means a wrong level.
"""

from __future__ import annotations

import numpy as np

from mlwright.data import Finding
from mlwright.evaluation.reliability import equal_bins
from mlwright.evaluation.report import CALIBRATION_BINS, calibrate
from mlwright.training.calibration import fit_line
from mlwright.training.checks.check import CheckInput, Floats
from mlwright.training.checks.quality import parts_of
from mlwright.training.checks.quick_model import sample_rows

FEWEST_OF_CLASS = 30
MOST_ROWS = 20_000
DRAWS = 100
RARELY = 0.99  # of the draws have a smaller error
BEYOND = 1.1  # times that error
RELEVANT = 0.03
RELEVANT_SHARE = 0.2  # of the rarer class
ACCEPTED = (0.8, 1.25)  # of slopes
CLIP = 1e-6


def check_calibration(given: CheckInput) -> list[Finding]:
    """Name probabilities that are off beyond chance: `calibration.off`."""
    if given.scores is None or given.task == "regression":
        return []
    rows = sample_rows(len(given.test), given.some(MOST_ROWS), given.seed)
    target, scores = given.target[given.test][rows], given.scores[rows]
    if scores.ndim == 2:
        target = (scores.argmax(axis=1) == target).astype(float)
        scores = scores.max(axis=1)
    if min(target.sum(), len(target) - target.sum()) < FEWEST_OF_CLASS:
        return []
    order = np.argsort(scores, kind="stable")  # rows drawn in order need no sorting
    rows, target, scores = rows[order], target[order], scores[order]
    error = calibrate(target, scores).error
    random = np.random.default_rng(given.seed)
    drawn = _errors_by_chance(scores, random)
    chance = float(np.quantile(drawn, RARELY))
    rate = float(target.mean())
    if error <= BEYOND * chance or error < min(RELEVANT, RELEVANT_SHARE * min(rate, 1 - rate)):
        return []
    blocks = None if given.blocks is None else given.blocks[rows]
    slope, low, high = _slope(target, scores, parts_of(len(rows), blocks, seed=given.seed))
    said = _said(slope, low, high, float(scores.mean()), rate)
    again = [_redrawn(target, scores, random) for _ in range(DRAWS)]
    evidence: dict[str, object] = {
        "ece": error,
        "low": float(np.quantile(again, 0.025)),
        "high": float(np.quantile(again, 0.975)),
        "by_chance": chance,
        "slope": slope,
        "slope_low": low,
        "slope_high": high,
        "predicted": float(scores.mean()),
        "observed": rate,
    }
    return [
        Finding(
            "calibration.off",
            "warning",
            f"probabilities are off by {error:.3f} on average, {chance:.3f} would be chance: {said}",
            evidence,
            "rank by the score, but do not multiply it with costs before it is recalibrated on newer rows",
        )
    ]


def _errors_by_chance(scores: Floats, random: np.random.Generator) -> list[float]:
    """Give the errors of scores that are right, of labels drawn from them."""
    parts = equal_bins(scores, CALIBRATION_BINS)
    means = [float(scores[part].mean()) for part in parts]
    found = []
    for _ in range(DRAWS):
        labels = random.random(len(scores)) < scores
        gaps = [abs(mean - labels[part].mean()) for part, mean in zip(parts, means, strict=True)]
        distance = sum(len(part) * gap for part, gap in zip(parts, gaps, strict=True))
        found.append(float(distance) / len(scores))
    return found


def _slope(target: Floats, scores: Floats, parts: np.ndarray) -> tuple[float, float, float]:
    """Give the slope of labels over log-odds, and two standard errors around it by leaving out parts."""
    margins = np.log(np.clip(scores, CLIP, 1 - CLIP) / (1 - np.clip(scores, CLIP, 1 - CLIP)))
    whole = fit_line(margins, target, np.ones(len(target))).slope
    count = int(parts.max()) + 1
    without = np.array(
        [
            fit_line(margins[parts != part], target[parts != part], np.ones(int((parts != part).sum()))).slope
            for part in range(count)
        ]
    )
    error = float(np.sqrt(((without - without.mean()) ** 2).sum() * (count - 1) / count))
    return whole, whole - 2 * error, whole + 2 * error


def _redrawn(target: Floats, scores: Floats, random: np.random.Generator) -> float:
    rows = np.sort(random.integers(0, len(target), len(target)))
    return calibrate(target[rows], scores[rows]).error


def _said(slope: float, low: float, high: float, predicted: float, observed: float) -> str:
    if high < 1 and slope < ACCEPTED[0]:
        return f"over-confident (slope {slope:.2f})"
    if low > 1 and slope > ACCEPTED[1]:
        return f"under-confident (slope {slope:.2f})"
    if abs(predicted - observed) > RELEVANT_SHARE / 2 * observed:
        return f"{predicted:.3f} are predicted and {observed:.3f} happen"
    return "not along a line"
