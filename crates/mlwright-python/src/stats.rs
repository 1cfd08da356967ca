//! Assignment, evidence and detection.

use mlwright_stats::evidence::{self, Direction, Stratum};
use mlwright_stats::{assign, detector};
use pyo3::prelude::*;

use crate::error::Failure;

/// The 53-bit hash of a unit under a salt.
#[pyfunction]
pub(crate) fn unit_hash(salt: &str, unit: &str) -> u64 {
    assign::unit_hash(salt, unit.as_bytes())
}

/// Cumulative 53-bit thresholds of weights that add up to 1.
#[pyfunction]
pub(crate) fn thresholds(weights: Vec<f64>) -> PyResult<Vec<u64>> {
    assign::check_weights(&weights).map_err(Failure::from)?;
    Ok(assign::thresholds(&weights))
}

/// The variant that owns a hash.
#[pyfunction]
pub(crate) fn choose_variant(hash53: u64, thresholds: Vec<u64>) -> usize {
    assign::choose(hash53, &thresholds)
}

/// ln E that bad events fall on the candidate more (`rise`) or less (`fall`) than tolerated.
#[pyfunction]
pub(crate) fn event_log_e(
    strata: Vec<(f64, u64, u64)>,
    tolerated_ratio: f64,
    direction: &str,
) -> PyResult<f64> {
    let direction = match direction {
        "rise" => Direction::Rise,
        "fall" => Direction::Fall,
        other => {
            return Err(Failure::argument(format!(
                "the direction is {other:?}, not 'rise' or 'fall'"
            ))
            .into());
        }
    };
    if !(tolerated_ratio.is_finite() && tolerated_ratio > 0.0) {
        return Err(Failure::argument(format!(
            "the tolerated ratio is {tolerated_ratio}, not above 0"
        ))
        .into());
    }
    let strata: Vec<Stratum> = strata
        .into_iter()
        .map(|(propensity, candidate, champion)| Stratum {
            propensity,
            candidate,
            champion,
        })
        .collect();
    Ok(evidence::event_log_e(&strata, tolerated_ratio, direction))
}

/// An e-detector of a bad-event rate above `reference_rate * tolerance`.
#[pyclass(module = "mlwright._native")]
pub(crate) struct RateDetector(detector::RateDetector);

#[pymethods]
impl RateDetector {
    #[new]
    fn new(
        reference_rate: f64,
        tolerance: f64,
        mean_labels_between_false_alarms: f64,
    ) -> PyResult<Self> {
        let detector = detector::RateDetector::new(
            reference_rate,
            tolerance,
            mean_labels_between_false_alarms,
        );
        Ok(Self(detector.map_err(Failure::from)?))
    }

    /// Add outcomes in order of arrival; give the log evidence now.
    fn update(&mut self, bad: u64, good: u64) -> f64 {
        self.0.update(bad, good)
    }

    /// Forget all evidence and the alarm.
    fn reset(&mut self) {
        self.0.reset();
    }

    /// Whether the evidence has crossed its bound.
    #[getter]
    fn alarmed(&self) -> bool {
        self.0.is_alarmed()
    }

    /// The log evidence now.
    #[getter]
    fn log_evidence(&self) -> f64 {
        self.0.log_evidence()
    }

    /// The log evidence at which the alarm is raised.
    #[getter]
    fn log_bound(&self) -> f64 {
        self.0.log_bound()
    }
}
