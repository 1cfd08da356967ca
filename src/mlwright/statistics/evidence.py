"""Event-side e-process: did bad events fall on the candidate more often than its share allows?

For each bad event ask only whether it fell on the candidate. Without harm that is Bernoulli(propensity),
whatever traffic, season and base rate do: valid at every look, under ramps and late labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mlwright import native


@dataclass(frozen=True)
class Stratum:
    """Bad events counted while the candidate had one propensity."""

    propensity: float
    candidate: int
    champion: int


def event_log_evidence(
    strata: Sequence[Stratum], *, tolerated_ratio: float, direction: Literal["rise", "fall"] = "rise"
) -> float:
    """Give ln E against "the candidate's bad-event rate is at most `tolerated_ratio` times the champion's".

    >>> round(event_log_evidence([Stratum(0.05, 3, 10)], tolerated_ratio=1.0), 4)
    1.4084
    """
    return native.event_log_e(
        [(item.propensity, item.candidate, item.champion) for item in strata], tolerated_ratio, direction
    )
