"""Compare what validation said with what the test rows say: a gap beyond chance means an over-fitted choice.

Only promises that were too good count. With a time the gap may also mean that the world changed; what was
found about that stands under `extrapolation`.
"""

from __future__ import annotations

import numpy as np

from mlwright.data import Finding
from mlwright.evaluation.metric import is_loss
from mlwright.training.checks.check import CheckInput
from mlwright.training.checks.quality import chosen_metric, estimate, parts_of

SURELY = 2.5  # standard errors
RELEVANT = 0.05  # of the test value, for scores that end at 1 of the way between value and 1 too
RELEVANT_LOSS = 0.1
OPTIMISM = 1.0  # standard errors of the test value by which a nested estimate is worse


def check_overfit(given: CheckInput) -> list[Finding]:
    """Compare validation with test rows, `overfit.validation`, and with nested choices, `overfit.nested`."""
    promised = given.facts.get("value")
    metric = chosen_metric(given)
    if given.scores is None or not isinstance(promised, int | float) or metric != given.training.metric:
        return []
    parts = parts_of(len(given.test), given.blocks, seed=given.seed)
    threshold = 0.5 if given.threshold is None else given.threshold
    test = estimate(
        metric, given.target[given.test], given.scores, parts, threshold=threshold, lists=given.blocks
    )
    if not np.isfinite(test.error):
        return []
    sign = -1.0 if is_loss(metric) else 1.0
    validated = given.facts.get("validated")
    rows = validated if isinstance(validated, int) and validated > 0 else len(given.test)
    error = test.error * float(np.sqrt(1 + len(given.test) / rows))
    gap = sign * (float(promised) - test.value)
    evidence: dict[str, object] = {
        "metric": metric,
        "validation": float(promised),
        "test": test.value,
        "gap": gap,
        "error": error,
    }
    found = []
    relevant = (RELEVANT_LOSS if sign < 0 else RELEVANT) * abs(test.value)
    if gap > SURELY * error and gap > relevant:
        text = f"validation promised {metric} {promised:.4g}, the test rows say {test.value:.4g}"
        advice = "believe the test rows; name `time` or `group` in [data] if rows depend on each other"
        if given.data.time is not None:
            advice = "believe the test rows, the future differs; retrain often and look at `extrapolation`"
        found.append(Finding("overfit.validation", "warning", text, evidence, advice))
    optimism = given.facts.get("optimism")
    if isinstance(optimism, int | float) and sign * float(optimism) > OPTIMISM * test.error:
        text = f"choices made without the rows they are judged on are worse by {abs(optimism):.3g} {metric}"
        advice = (
            "lower `budget_cpu_s` or `trials` in [training], or bring more rows: few were chosen on too often"
        )
        found.append(Finding("overfit.nested", "warning", text, {**evidence, "optimism": optimism}, advice))
    return found
