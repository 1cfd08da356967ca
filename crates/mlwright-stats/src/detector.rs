//! Notice that a bad-event rate left its tolerance, with a stated mean number of labels between false alarms.
//!
//! A mixture e-detector (Shin, Ramdas, Rinaldo 2022) on a stream of bad and good outcomes. The null is
//! p ≤ p0 = min(reference · tolerance, 0.999). For each alternative p1 (odds of p0 times 1.1 … 10) a
//! Shiryaev-Roberts sum starts one new test per label: a batch of n labels makes S ← (S + n) · e, where e is the
//! likelihood ratio of p1 to p0 over the batch and has mean ≤ 1 under the null. So E[S − labels] ≤ 0, and an
//! alarm at the mean of S over the alternatives ≥ N comes on average after at least N labels.

use crate::{log_add_exp, log_sum_exp};

const ODDS_RATIOS: [f64; 7] = [1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0];
const LARGEST_NULL: f64 = 0.999;
/// A reference without a single bad outcome does not show that bad outcomes are impossible.
const SMALLEST_NULL: f64 = 1e-6;

/// Why a detector cannot be built.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DetectorError {
    /// The reference rate is not a share.
    ReferenceRate(f64),
    /// The tolerance is not a finite number of at least 1.
    Tolerance(f64),
    /// The mean number of labels between false alarms is not a finite number of at least 1.
    MeanLabels(f64),
}

impl std::fmt::Display for DetectorError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ReferenceRate(rate) => {
                write!(f, "the reference rate is {rate}, it must be from 0 to 1")
            }
            Self::Tolerance(ratio) => write!(
                f,
                "the tolerance is {ratio}, it must be a finite number of at least 1"
            ),
            Self::MeanLabels(mean) => {
                write!(
                    f,
                    "the mean labels between false alarms is {mean}, it must be a finite number of at least 1"
                )
            }
        }
    }
}

impl std::error::Error for DetectorError {}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Alternative {
    /// ln of the likelihood ratio of one bad outcome, and of one good one.
    bad: f64,
    good: f64,
    /// ln S.
    log_sum: f64,
}

/// The detector of one stream; feed outcomes in order of arrival, in batches much smaller than the mean number of
/// labels between false alarms (the order inside a batch is not used).
///
/// ```
/// let mut detector = mlwright_stats::detector::RateDetector::new(0.05, 1.25, 100_000.0).unwrap();
/// for _ in 0..40 {
///     detector.update(25, 75); // a quarter is bad where a twentieth was
/// }
/// assert!(detector.is_alarmed());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RateDetector {
    alternatives: [Alternative; ODDS_RATIOS.len()],
    null_rate: f64,
    log_bound: f64,
    alarmed: bool,
}

impl RateDetector {
    /// Start without evidence. The null is a bad rate of at most `reference_rate * tolerance`.
    ///
    /// # Errors
    /// [`DetectorError`] names the argument that is out of range.
    pub fn new(
        reference_rate: f64,
        tolerance: f64,
        mean_labels_between_false_alarms: f64,
    ) -> Result<Self, DetectorError> {
        if !(0.0..=1.0).contains(&reference_rate) {
            return Err(DetectorError::ReferenceRate(reference_rate));
        }
        if !(tolerance.is_finite() && tolerance >= 1.0) {
            return Err(DetectorError::Tolerance(tolerance));
        }
        if !(mean_labels_between_false_alarms.is_finite()
            && mean_labels_between_false_alarms >= 1.0)
        {
            return Err(DetectorError::MeanLabels(mean_labels_between_false_alarms));
        }
        let null_rate = (reference_rate * tolerance).clamp(SMALLEST_NULL, LARGEST_NULL);
        let alternatives = ODDS_RATIOS.map(|ratio| {
            let odds = null_rate / (1.0 - null_rate) * ratio;
            let rate = odds / (1.0 + odds);
            Alternative {
                bad: (rate / null_rate).ln(),
                good: ((1.0 - rate) / (1.0 - null_rate)).ln(),
                log_sum: f64::NEG_INFINITY,
            }
        });
        Ok(Self {
            alternatives,
            null_rate,
            log_bound: mean_labels_between_false_alarms.ln(),
            alarmed: false,
        })
    }

    /// Add a batch of outcomes; give the log evidence now. The alarm stays until [`RateDetector::reset`].
    pub fn update(&mut self, bad: u64, good: u64) -> f64 {
        if bad + good > 0 {
            let log_starts = (bad as f64 + good as f64).ln();
            for alternative in &mut self.alternatives {
                let log_e = bad as f64 * alternative.bad + good as f64 * alternative.good;
                alternative.log_sum = log_add_exp(alternative.log_sum, log_starts) + log_e;
            }
            self.alarmed |= self.log_evidence() >= self.log_bound;
        }
        self.log_evidence()
    }

    /// ln of the mixture sum; minus infinity before the first label.
    #[must_use]
    pub fn log_evidence(&self) -> f64 {
        log_sum_exp(&self.alternatives.map(|alternative| alternative.log_sum))
            - (ODDS_RATIOS.len() as f64).ln()
    }

    /// The log evidence at which the alarm is raised: ln of the mean labels between false alarms.
    #[must_use]
    pub fn log_bound(&self) -> f64 {
        self.log_bound
    }

    /// The largest bad rate that is still inside the tolerance.
    #[must_use]
    pub fn null_rate(&self) -> f64 {
        self.null_rate
    }

    /// Whether the evidence has crossed its bound since the start or the last reset.
    #[must_use]
    pub fn is_alarmed(&self) -> bool {
        self.alarmed
    }

    /// Forget all evidence and the alarm.
    pub fn reset(&mut self) {
        self.alarmed = false;
        for alternative in &mut self.alternatives {
            alternative.log_sum = f64::NEG_INFINITY;
        }
    }
}

#[cfg(test)]
pub(crate) mod testing {
    /// `SplitMix64`: a small seeded source of uniform numbers for simulations.
    pub(crate) struct Uniform(u64);

    impl Uniform {
        pub(crate) fn new(seed: u64) -> Self {
            Self(seed)
        }

        pub(crate) fn next(&mut self) -> f64 {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::Uniform;
    use super::*;

    /// Labels until the alarm at a bad rate, at most `longest`.
    fn run_length(
        detector: &mut RateDetector,
        uniform: &mut Uniform,
        rate: f64,
        batch: u64,
        longest: u64,
    ) -> u64 {
        let mut labels = 0;
        detector.reset();
        while labels < longest && !detector.is_alarmed() {
            let bad = (0..batch).filter(|_| uniform.next() < rate).count() as u64;
            detector.update(bad, batch - bad);
            labels += batch;
        }
        labels
    }

    fn mean_run_length(rate: f64, reference: f64, tolerance: f64, batch: u64, runs: u64) -> f64 {
        let mut detector = RateDetector::new(reference, tolerance, 1_000.0).expect("valid");
        let mut uniform = Uniform::new(7);
        let total: u64 = (0..runs)
            .map(|_| run_length(&mut detector, &mut uniform, rate, batch, 20_000))
            .sum();
        total as f64 / runs as f64
    }

    #[test]
    fn false_alarms_are_as_rare_as_promised_at_the_edge_of_the_tolerance() {
        for (reference, batch) in [(0.02, 1), (0.02, 50), (0.3, 1), (0.7, 10)] {
            let mean = mean_run_length(reference * 1.25, reference, 1.25, batch, 300);
            assert!(
                mean >= 1_000.0,
                "reference {reference}, batches of {batch}: {mean} labels between false alarms"
            );
        }
    }

    #[test]
    fn a_rate_inside_the_tolerance_almost_never_alarms() {
        let mean = mean_run_length(0.02, 0.02, 1.25, 10, 100);
        assert!(mean > 3_000.0, "{mean}");
    }

    #[test]
    fn a_doubled_rate_is_found_soon() {
        let mut detector = RateDetector::new(0.05, 1.25, 100_000.0).expect("valid");
        let mut uniform = Uniform::new(3);
        let mut lengths: Vec<u64> = (0..101)
            .map(|_| run_length(&mut detector, &mut uniform, 0.125, 10, 100_000))
            .collect();
        lengths.sort_unstable();
        assert!(lengths[50] < 1_500, "median {} labels", lengths[50]);
    }

    #[test]
    fn a_large_reference_rate_still_has_alternatives() {
        let mut detector = RateDetector::new(0.9, 1.25, 1_000.0).expect("valid");
        assert!((detector.null_rate() - 0.999).abs() < 1e-12);
        assert!(detector.update(10, 0).is_finite());
        let mut detector = RateDetector::new(0.6, 1.25, 1_000.0).expect("valid");
        for _ in 0..20 {
            detector.update(95, 5);
        }
        assert!(detector.is_alarmed());
    }

    #[test]
    fn nothing_is_no_evidence_and_a_reset_forgets() {
        let mut detector = RateDetector::new(0.0, 1.0, 10.0).expect("valid");
        assert!(detector.update(0, 0).is_infinite());
        detector.update(5, 0);
        assert!(detector.is_alarmed());
        detector.reset();
        assert!(!detector.is_alarmed());
        assert!(detector.log_evidence().is_infinite());
    }

    #[test]
    fn arguments_out_of_range_are_named() {
        assert_eq!(
            RateDetector::new(1.5, 1.0, 10.0),
            Err(DetectorError::ReferenceRate(1.5))
        );
        assert_eq!(
            RateDetector::new(0.5, 0.5, 10.0),
            Err(DetectorError::Tolerance(0.5))
        );
        assert_eq!(
            RateDetector::new(0.5, 1.0, 0.0),
            Err(DetectorError::MeanLabels(0.0))
        );
    }
}
