"""What held-out rows say: metrics with intervals, differences, and the answers of gates."""

from mlwright.evaluation.bootstrap import bootstrap_interval, paired_difference
from mlwright.evaluation.gate import HeldOut, judge
from mlwright.evaluation.interval import Interval
from mlwright.evaluation.metric import is_loss, metric_value, told_metrics
from mlwright.evaluation.multiplicity import holm
from mlwright.evaluation.report import calibrate, evaluate
from mlwright.evaluation.slices import Slice, evaluate_slices
from mlwright.evaluation.verdict import Answer, Verdict

__all__ = [
    "Answer",
    "HeldOut",
    "Interval",
    "Slice",
    "Verdict",
    "bootstrap_interval",
    "calibrate",
    "evaluate",
    "evaluate_slices",
    "holm",
    "is_loss",
    "judge",
    "metric_value",
    "paired_difference",
    "told_metrics",
]
