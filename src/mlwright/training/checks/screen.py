"""Which columns of a very wide table are worth a close look: those that go along with the label at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mlwright.training.checks.check import CheckInput, Floats
from mlwright.training.checks.quick_model import sample_rows
from mlwright.training.screening import MOST_ROWS, strongest_columns

MOST_COLUMNS = 1_500
KEPT_COLUMNS = 600


def screened(given: CheckInput, targets: Sequence[Floats]) -> CheckInput:
    """Give the same with the inputs that go along most with a target or with that of the next row.

    Tables of up to 1,500 columns keep all of theirs.
    """
    if len(given.inputs) <= MOST_COLUMNS:
        return given
    rows = sample_rows(given.frame.height, MOST_ROWS, given.seed)
    following = np.minimum(rows + 1, given.frame.height - 1)
    views = [target[place] for target in targets for place in (rows, following)]
    kept = strongest_columns(given.frame[rows], given.inputs, views, KEPT_COLUMNS)
    return replace(given, inputs=tuple(kept))
