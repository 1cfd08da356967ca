"""The one door to the compiled core."""

from __future__ import annotations

from mlwright._native import (
    NativeError,
    Predictor,
    RateDetector,
    append_feedback,
    bench,
    check_rows,
    choose_variant,
    event_log_e,
    fit_text,
    read_feedback,
    read_log,
    read_windows,
    serve,
    thresholds,
    transform,
    unit_hash,
    verify_package,
    version,
)

__all__ = [
    "NativeError",
    "Predictor",
    "RateDetector",
    "append_feedback",
    "bench",
    "check_rows",
    "choose_variant",
    "event_log_e",
    "fit_text",
    "read_feedback",
    "read_log",
    "read_windows",
    "serve",
    "thresholds",
    "transform",
    "unit_hash",
    "verify_package",
    "version",
]
