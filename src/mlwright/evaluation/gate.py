"""A named question with a threshold, put to held-out rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlwright.evaluation.bootstrap import bootstrap_interval, paired_difference
from mlwright.evaluation.interval import Interval
from mlwright.evaluation.verdict import Answer, Verdict
from mlwright.project import GateConfig


@dataclass(frozen=True)
class HeldOut:
    """Labels and predictions of the rows that a gate is asked on.

    `champion` are the champion's predictions for the same rows, None when there is no champion. `blocks`
    names the rows that stand and fall together.
    """

    y: npt.NDArray[np.float64]
    p: npt.NDArray[np.float64]
    threshold: float = 0.5
    champion: npt.NDArray[np.float64] | None = None
    champion_threshold: float = 0.5
    blocks: npt.NDArray[np.generic] | None = None


def judge(gate: GateConfig, held_out: HeldOut, *, seed: int = 7) -> Verdict:
    """Answer a gate by intervals: inconclusive where the rows do not decide.

    A bound passes when the whole interval keeps it and fails when the whole interval breaks it. "No worse"
    passes when the paired difference is surely above minus the tolerance, and fails when it is surely below.
    Without a champion that part is not asked. A gate that asks nothing passes.

    >>> y = np.tile([0.0, 1.0], 200)
    >>> judge(GateConfig(metric="auc", at_least=0.9), HeldOut(y, y)).answer
    'pass'
    """
    questions: dict[str, object] = {}
    answers: list[Answer] = []
    if gate.at_least is not None or gate.at_most is not None:
        found = bootstrap_interval(
            gate.metric,
            held_out.y,
            held_out.p,
            blocks=held_out.blocks,
            seed=seed,
            threshold=held_out.threshold,
        )
        for bound, limit, sign in (("at_least", gate.at_least, 1.0), ("at_most", gate.at_most, -1.0)):
            if limit is not None:
                answers.append(_against(found, limit, sign))
                questions[bound] = {"limit": limit, **found.to_json(), "answer": answers[-1]}
    if gate.no_worse_than is not None and held_out.champion is not None:
        difference = paired_difference(
            gate.metric,
            held_out.y,
            held_out.p,
            held_out.champion,
            blocks=held_out.blocks,
            seed=seed,
            thresholds=(held_out.threshold, held_out.champion_threshold),
        )
        answers.append(_no_worse(difference, gate.tolerance))
        questions["no_worse_than"] = {
            "champion": gate.no_worse_than,
            "tolerance": gate.tolerance,
            **difference.to_json(),
            "answer": answers[-1],
        }
    evidence = {"metric": gate.metric, "rows": len(held_out.y), "questions": questions}
    return Verdict(_together(answers), evidence)


def _against(found: Interval, limit: float, sign: float) -> Answer:
    if not found.is_known:
        return "inconclusive"
    worst, best = (found.low, found.high) if sign > 0 else (found.high, found.low)
    if sign * (worst - limit) >= 0:
        return "pass"
    return "fail" if sign * (best - limit) < 0 else "inconclusive"


def _no_worse(difference: Interval, tolerance: float) -> Answer:
    if not difference.is_known:
        return "inconclusive"
    if difference.low > -tolerance or difference.low == difference.high == 0:
        return "pass"
    return "fail" if difference.high < -tolerance else "inconclusive"


def _together(answers: list[Answer]) -> Answer:
    if "fail" in answers:
        return "fail"
    return "inconclusive" if "inconclusive" in answers else "pass"
