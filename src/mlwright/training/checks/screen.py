"""Which columns of a very wide table are worth a close look: those that go along with the label at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mlwright.training.checks.check import CheckInput, Floats
from mlwright.training.checks.quick_model import plain_matrix, sample_rows

MOST_COLUMNS = 1_500
KEPT_COLUMNS = 600
MOST_ROWS = 5_000
AT_ONCE = 1_000  # columns in memory as numbers


def screened(given: CheckInput, targets: Sequence[Floats]) -> CheckInput:
    """Give the same with the inputs that correlate most with a target or with that of the next row.

    A column's values count, and where it is empty. Tables of up to 1,500 columns keep all of theirs.
    """
    if len(given.inputs) <= MOST_COLUMNS:
        return given
    rows = sample_rows(given.frame.height, MOST_ROWS, given.seed)
    frame = given.frame[rows]
    following = np.minimum(rows + 1, given.frame.height - 1)
    views = _standard(np.stack([target[place] for target in targets for place in (rows, following)], axis=1))
    strengths = []
    for start in range(0, len(given.inputs), AT_ONCE):
        matrix = plain_matrix(frame, given.inputs[start : start + AT_ONCE])
        is_empty = np.isnan(matrix)
        made = [_standard(_filled(matrix, is_empty)), _standard(is_empty.astype(float))]
        found = [np.abs(one.T @ views).max(axis=1, initial=0.0) for one in made]
        strengths += np.maximum(*found).tolist()
    kept = np.sort(np.argsort(-np.array(strengths), kind="stable")[:KEPT_COLUMNS])
    return replace(given, inputs=tuple(given.inputs[place] for place in kept))


def _standard(values: Floats) -> Floats:
    centred = values - values.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    return np.asarray(centred / np.where(length > 1e-12, length, 1.0), dtype=np.float64)


def _filled(matrix: Floats, is_empty: np.ndarray) -> Floats:
    counts = np.maximum((~is_empty).sum(axis=0), 1)
    means = np.where(is_empty, 0.0, matrix).sum(axis=0) / counts
    return np.where(is_empty, means, matrix)
