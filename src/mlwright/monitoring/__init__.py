"""Prediction log, monitors and alerts.

Frames are in `mlwright.monitoring.prediction_log` and `training_rows`: importing this package loads no data
frame library, because the control loop and the command line import it.
"""

from mlwright.monitoring.alert import Alert, record_judgement, standing_alerts
from mlwright.monitoring.detector import Detector
from mlwright.monitoring.feedback import add_labels
from mlwright.monitoring.judgement import Judgement
from mlwright.monitoring.monitor import Monitors, VersionId
from mlwright.monitoring.outcomes import Arrivals, Outcome, OutcomeLog, Stream
from mlwright.monitoring.prediction_log import events, joined, labels, predictions
from mlwright.monitoring.realised import realised_metrics
from mlwright.monitoring.reference import Reference, read_reference
from mlwright.monitoring.training_rows import labelled_rows

__all__ = [
    "Alert",
    "Arrivals",
    "Detector",
    "Judgement",
    "Monitors",
    "Outcome",
    "OutcomeLog",
    "Reference",
    "Stream",
    "VersionId",
    "add_labels",
    "events",
    "joined",
    "labelled_rows",
    "labels",
    "predictions",
    "read_reference",
    "realised_metrics",
    "record_judgement",
    "standing_alerts",
]
