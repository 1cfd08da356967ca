"""Sequential evidence and assignment, computed by the same compiled code that the server uses."""

from mlwright.statistics.assignment import choose_variant, thresholds, unit_hash
from mlwright.statistics.evidence import Stratum, event_log_evidence
from mlwright.statistics.rate_detector import RateDetector

__all__ = ["RateDetector", "Stratum", "choose_variant", "event_log_evidence", "thresholds", "unit_hash"]
