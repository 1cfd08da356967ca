//! Which variant a unit gets: a salted 53-bit hash compared with cumulative integers, equal in every language.

pub use crate::salt::Salt;

/// One more than the largest value of [`unit_hash`]; the last threshold.
pub const HASH_END: u64 = 1 << 53;

/// The 53-bit hash of a unit under a salt: `xxh64("mlw1|" + salt + "|" + unit, seed 0) >> 11`. For many units under
/// one salt prepare a [`Salt`].
///
/// ```
/// assert_eq!(mlwright_stats::assign::unit_hash("ranking", b"u1"), 1_227_603_564_824_346);
/// ```
#[must_use]
pub fn unit_hash(salt: &str, unit: &[u8]) -> u64 {
    Salt::new(salt).hash(unit)
}

/// Why weights do not describe a division of traffic.
#[derive(Debug, Clone, PartialEq)]
pub enum WeightError {
    /// There is no variant.
    Empty,
    /// A weight is negative, not a number or infinite; its place and value.
    NotAShare(usize, f64),
    /// The weights add up to something else than 1.
    Sum(f64),
}

impl std::fmt::Display for WeightError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => write!(f, "there is no weight"),
            Self::NotAShare(index, weight) => {
                write!(f, "weight {index} is {weight}, a share is from 0 to 1")
            }
            Self::Sum(sum) => write!(f, "the weights add up to {sum}, not to 1"),
        }
    }
}

impl std::error::Error for WeightError {}

/// Say whether weights are shares that add up to 1 (within 1e-9).
///
/// # Errors
/// [`WeightError`] names the first weight that is no share, or the sum.
pub fn check_weights(weights: &[f64]) -> Result<(), WeightError> {
    if weights.is_empty() {
        return Err(WeightError::Empty);
    }
    for (index, &weight) in weights.iter().enumerate() {
        if !(0.0..=1.0).contains(&weight) {
            return Err(WeightError::NotAShare(index, weight));
        }
    }
    let sum: f64 = weights.iter().sum();
    if (sum - 1.0).abs() > 1e-9 {
        return Err(WeightError::Sum(sum));
    }
    Ok(())
}

/// Cumulative thresholds `round(cumulative weight · 2^53)`; the last is always 2^53. Weights are taken as they
/// are: see [`check_weights`].
#[must_use]
pub fn thresholds(weights: &[f64]) -> Vec<u64> {
    let mut cumulative = 0.0;
    let mut ends: Vec<u64> = weights
        .iter()
        .map(|weight| {
            cumulative += weight;
            ((cumulative * HASH_END as f64).round() as u64).min(HASH_END)
        })
        .collect();
    if let Some(last) = ends.last_mut() {
        *last = HASH_END;
    }
    ends
}

/// The first variant whose threshold lies above the hash; the last one if none does.
#[must_use]
pub fn choose(hash: u64, thresholds: &[u64]) -> usize {
    thresholds
        .iter()
        .position(|&end| hash < end)
        .unwrap_or(thresholds.len().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_match_the_golden_vectors() {
        assert_eq!(unit_hash("ranking", b"u1"), 1_227_603_564_824_346);
        assert_eq!(unit_hash("ranking", b"u2"), 2_419_239_619_457_350);
        assert_eq!(unit_hash("exp-1", "ünit-7".as_bytes()), 633_667_137_133_609);
    }

    #[test]
    fn thresholds_are_cumulative_and_end_at_two_to_the_53() {
        assert_eq!(thresholds(&[0.5, 0.5]), vec![1 << 52, HASH_END]);
        assert_eq!(thresholds(&[0.0, 1.0]), vec![0, HASH_END]);
        assert_eq!(thresholds(&[1.0, 0.0]), vec![HASH_END, HASH_END]);
        assert!(thresholds(&[]).is_empty());
        assert_eq!(
            *thresholds(&[0.1; 10]).last().expect("ten thresholds"),
            HASH_END
        );
    }

    #[test]
    fn a_variant_without_weight_is_never_chosen() {
        let ends = thresholds(&[0.0, 1.0]);
        assert_eq!(choose(0, &ends), 1);
        assert_eq!(choose(HASH_END - 1, &thresholds(&[1.0, 0.0])), 0);
    }

    #[test]
    fn raising_the_first_weight_only_moves_units_to_it() {
        let (low, high) = (thresholds(&[0.05, 0.95]), thresholds(&[0.25, 0.75]));
        let mut moved = 0;
        for unit in 0..20_000 {
            let hash = unit_hash("ramp", format!("u{unit}").as_bytes());
            let (before, after) = (choose(hash, &low), choose(hash, &high));
            assert!(
                !(before == 0 && after == 1),
                "unit {unit} left the candidate on a ramp"
            );
            moved += usize::from(before != after);
        }
        assert!(
            (3_700..4_300).contains(&moved),
            "moved {moved} of 20000, expected about 4000"
        );
    }

    #[test]
    fn near_equal_salts_assign_independently() {
        let salts: Vec<String> = (0..12).map(|k| format!("exp-{k}")).collect();
        let units = 20_000;
        let deciles: Vec<Vec<usize>> = salts
            .iter()
            .map(|salt| {
                (0..units)
                    .map(|u| {
                        (unit_hash(salt, format!("user-{u}").as_bytes()) * 10 / HASH_END) as usize
                    })
                    .collect()
            })
            .collect();
        for a in 0..salts.len() {
            for b in a + 1..salts.len() {
                let mut cells = [[0.0_f64; 10]; 10];
                for (&x, &y) in deciles[a].iter().zip(&deciles[b]) {
                    cells[x][y] += 1.0;
                }
                let expected = f64::from(units) / 100.0;
                let chi2: f64 = cells
                    .iter()
                    .flatten()
                    .map(|n| (n - expected).powi(2) / expected)
                    .sum();
                assert!(
                    chi2 < 180.0,
                    "salts {a} and {b}: chi2 {chi2} (99 df; 180 is p about 1e-6)"
                );
            }
        }
    }

    #[test]
    fn bad_weights_are_named() {
        assert_eq!(check_weights(&[0.2, 0.8]), Ok(()));
        assert_eq!(check_weights(&[]), Err(WeightError::Empty));
        assert_eq!(
            check_weights(&[-0.1, 1.1]),
            Err(WeightError::NotAShare(0, -0.1))
        );
        assert!(matches!(
            check_weights(&[0.5, f64::NAN]),
            Err(WeightError::NotAShare(1, _))
        ));
        assert_eq!(check_weights(&[0.5, 0.25]), Err(WeightError::Sum(0.75)));
    }
}
