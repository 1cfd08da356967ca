"""When fraud becomes known: a chargeback after a skewed delay of days to weeks, never later than maturity."""

from __future__ import annotations

import numpy as np

from population import Floats
from schemes import CARD_TEST, FRESH, FRIENDLY, SCHEMES, TAKEOVER

MATURITY_DAYS = 28.0
MEDIAN_DAYS = {CARD_TEST: 4.0, TAKEOVER: 4.5, FRESH: 3.5, FRIENDLY: 13.0}
UNREPORTED = {FRESH: 0.10, FRIENDLY: 0.0}


def report_fraud(rng: np.random.Generator, day: Floats, scheme: np.ndarray) -> Floats:
    """Give the day each fraud is charged back; NaN for honest purchases and for those nobody reports."""
    arrival = np.full(len(day), np.nan)
    for name in SCHEMES:
        of = np.flatnonzero(scheme == name)
        delay = MEDIAN_DAYS.get(name, 6.0) * rng.lognormal(0.0, 0.65, len(of))
        delay = np.clip(delay, 0.6, MATURITY_DAYS - 0.01)
        silent = rng.random(len(of)) < UNREPORTED.get(name, 0.03)
        arrival[of] = np.where(silent, np.nan, day[of] + delay)
    return arrival
