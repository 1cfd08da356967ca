//! Event-side e-process: did bad events fall on the candidate more often than its share allows?
//!
//! For each bad event ask only whether it fell on the candidate. Without harm that is Bernoulli(propensity)
//! whatever traffic, season and base rate do, so the evidence is valid at every look, under ramps and with late
//! labels. With x and c bad events on candidate and champion at propensity π and tolerated ratio r0:
//! `lnE(r) = Σ x·ln(r/r0) − (x+c)·ln((1−π+π·r)/(1−π+π·r0))`, mixed evenly over a grid of alternatives r.

use crate::log_sum_exp;

/// Bad events counted while the candidate had one propensity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stratum {
    /// Share of units the router gave to the candidate, in (0, 1).
    pub propensity: f64,
    /// Bad events on the candidate.
    pub candidate: u64,
    /// Bad events on the champion.
    pub champion: u64,
}

/// Which departure from the tolerated ratio the evidence looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// More events on the candidate than tolerated.
    Rise,
    /// Fewer events on the candidate than tolerated.
    Fall,
}

const RISE: [f64; 8] = [1.1, 1.25, 1.5, 2.0, 3.0, 6.0, 15.0, 50.0];
const FALL: [f64; 8] = [1.03, 1.06, 1.1, 1.15, 1.25, 1.5, 2.0, 5.0];

/// ln E against "the candidate's event rate is at most (rise) or at least (fall) `tolerated_ratio` times the
/// champion's". Reject when it reaches ln(gates/α). Strata whose propensity is not strictly between 0 and 1
/// compare nothing and are left out.
///
/// ```
/// use mlwright_stats::evidence::{Direction, Stratum, event_log_e};
/// let strata = [Stratum { propensity: 0.05, candidate: 3, champion: 10 }];
/// assert!((event_log_e(&strata, 1.0, Direction::Rise) - 1.4084).abs() < 1e-4);
/// ```
#[must_use]
pub fn event_log_e(strata: &[Stratum], tolerated_ratio: f64, direction: Direction) -> f64 {
    let alternative = |k: usize| match direction {
        Direction::Rise => tolerated_ratio * RISE[k],
        Direction::Fall => tolerated_ratio / FALL[k],
    };
    let terms: [f64; 8] =
        std::array::from_fn(|k| log_e_against(strata, tolerated_ratio, alternative(k)));
    log_sum_exp(&terms) - (terms.len() as f64).ln()
}

fn log_e_against(strata: &[Stratum], tolerated: f64, alternative: f64) -> f64 {
    strata
        .iter()
        .filter(|s| s.propensity > 0.0 && s.propensity < 1.0)
        .map(|s| {
            let rest = 1.0 - s.propensity;
            let shift =
                ((rest + s.propensity * alternative) / (rest + s.propensity * tolerated)).ln();
            s.candidate as f64 * (alternative / tolerated).ln()
                - (s.candidate as f64 + s.champion as f64) * shift
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::testing::Uniform;

    fn stratum(propensity: f64, candidate: u64, champion: u64) -> Stratum {
        Stratum {
            propensity,
            candidate,
            champion,
        }
    }

    #[test]
    fn evidence_matches_the_published_check_values() {
        let cases = [
            (vec![stratum(0.05, 3, 10)], 1.0, 1.4084),
            (vec![stratum(0.05, 6, 20)], 1.0, 3.4099),
            (
                vec![stratum(0.01, 2, 30), stratum(0.05, 6, 20)],
                1.02,
                5.0986,
            ),
        ];
        for (strata, tolerated, expected) in cases {
            let found = event_log_e(&strata, tolerated, Direction::Rise);
            assert!(
                (found - expected).abs() < 5e-5,
                "{found} against {expected}"
            );
        }
    }

    #[test]
    fn no_event_is_no_evidence() {
        assert!(event_log_e(&[], 1.0, Direction::Rise).abs() < 1e-12);
        assert!(
            event_log_e(
                &[stratum(0.0, 0, 100), stratum(1.0, 100, 0)],
                1.0,
                Direction::Rise
            )
            .abs()
                < 1e-12
        );
    }

    #[test]
    fn fall_and_rise_look_in_opposite_directions() {
        let fewer = [stratum(0.5, 20, 100)];
        assert!(event_log_e(&fewer, 1.0, Direction::Fall) > 5.0);
        assert!(event_log_e(&fewer, 1.0, Direction::Rise) < 0.0);
    }

    #[test]
    fn huge_counts_stay_finite() {
        let found = event_log_e(
            &[stratum(0.05, 1_000_000_000, 1_000_000_000)],
            1.0,
            Direction::Rise,
        );
        assert!(found.is_finite() && found > 1e6);
    }

    #[test]
    fn a_harmless_candidate_is_rarely_accused_however_often_one_looks() {
        let mut uniform = Uniform::new(11);
        let runs = 2_000;
        let mut false_rollbacks = 0;
        for _ in 0..runs {
            let mut counts = stratum(0.05, 0, 0);
            for _ in 0..600 {
                if uniform.next() < counts.propensity {
                    counts.candidate += 1;
                } else {
                    counts.champion += 1;
                }
                if event_log_e(&[counts], 1.0, Direction::Rise) >= 20f64.ln() {
                    false_rollbacks += 1;
                    break;
                }
            }
        }
        assert!(
            false_rollbacks <= runs / 20,
            "{false_rollbacks} of {runs} at 5 %"
        );
    }
}
