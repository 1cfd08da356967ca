"""Many questions at once: chances corrected so that one false alarm among all of them stays rare.

Reference: Holm 1979, A simple sequentially rejective multiple test procedure.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(chances: Sequence[float]) -> list[float]:
    """Correct chances; what stays below a rate is wrong at that rate over the whole family.

    >>> [round(chance, 3) for chance in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(chances)), key=lambda place: chances[place])
    steps = [chances[place] * (len(chances) - rank) for rank, place in enumerate(order)]
    corrected = np.minimum(np.maximum.accumulate(steps), 1.0) if steps else np.zeros(0)
    found = [1.0] * len(chances)
    for place, chance in zip(order, corrected.tolist(), strict=True):
        found[place] = float(chance)
    return found
