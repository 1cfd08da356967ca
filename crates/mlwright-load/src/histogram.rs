//! Log-linear histogram of nanoseconds: every value within 0.4 % of the one reported, whatever its size.
//!
//! Values below 256 have a bucket each; above, every power of two is cut into 128 equal buckets, so that a bucket is
//! at most 1/128 of its values wide and its middle at most 1/256 away. The idea is that of the HDR histogram.

/// Buckets per power of two.
const SUB_BUCKETS: u64 = 128;
const SUB_BITS: u32 = SUB_BUCKETS.trailing_zeros();
/// Values above this, 1 100 seconds, count as it.
const LARGEST: u64 = 1 << 40;

/// Counts of durations in nanoseconds; histograms of several threads add up exactly.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    counts: Vec<u64>,
    count: u64,
    sum: u128,
    min: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: vec![0; place(LARGEST) + 1],
            count: 0,
            sum: 0,
            min: u64::MAX,
            max: 0,
        }
    }
}

impl Histogram {
    /// Count one duration.
    pub fn record(&mut self, nanoseconds: u64) {
        let value = nanoseconds.min(LARGEST);
        self.counts[place(value)] += 1;
        self.count += 1;
        self.sum += u128::from(value);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// Add the counts of another histogram.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// How many durations were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The mean, exact; none of nothing.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }

    /// The smallest duration, exact.
    #[must_use]
    pub fn min(&self) -> Option<u64> {
        (self.count > 0).then_some(self.min)
    }

    /// The largest duration, exact.
    #[must_use]
    pub fn max(&self) -> Option<u64> {
        (self.count > 0).then_some(self.max)
    }

    /// The smallest duration that at least this share (0..=1) of all do not exceed, within 0.4 %.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<u64> {
        let wanted = ((share * self.count as f64).ceil() as u64).clamp(1, self.count.max(1));
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                let (low, width) = bucket(at);
                return Some((low + width / 2).clamp(self.min, self.max));
            }
        }
        None
    }

    /// How many durations exceed a bound, counting those of its own bucket as not.
    #[must_use]
    pub fn count_above(&self, nanoseconds: u64) -> u64 {
        self.counts[place(nanoseconds.min(LARGEST)) + 1..]
            .iter()
            .sum()
    }

    /// The buckets that hold something: smallest value, width, count.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64, u64)> {
        let filled = self.counts.iter().enumerate();
        filled.filter(|(_, count)| **count > 0).map(|(at, count)| {
            let (low, width) = bucket(at);
            (low, width, *count)
        })
    }
}

/// The bucket of a value.
fn place(value: u64) -> usize {
    let exponent = (u64::BITS - value.leading_zeros()).saturating_sub(SUB_BITS + 1);
    (u64::from(exponent) * SUB_BUCKETS + (value >> exponent)) as usize
}

/// The smallest value of a bucket and its width.
fn bucket(place: usize) -> (u64, u64) {
    let place = place as u64;
    let exponent = (place / SUB_BUCKETS).saturating_sub(1);
    let low = (place - exponent * SUB_BUCKETS) << exponent;
    (low, 1 << exponent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arrivals::Random;

    #[test]
    fn every_value_is_in_the_bucket_that_says_so() {
        let mut random = Random::new(1);
        let near_powers =
            (0..40).flat_map(|power| [(1u64 << power) - 1, 1 << power, (1 << power) + 1]);
        let drawn = (0..10_000).map(|_| (random.share() * 40.0).exp2() as u64);
        for value in near_powers.chain(drawn).chain(0..1_000) {
            let (low, width) = bucket(place(value));
            assert!(
                low <= value && value < low + width,
                "{value}: {low} + {width}"
            );
            assert!(
                width == 1 || width * SUB_BUCKETS <= low,
                "{value}: {low} + {width}"
            );
        }
        assert_eq!(place(LARGEST) + 1, Histogram::default().counts.len());
    }

    // promise: bench.histogram
    #[test]
    fn quantiles_of_random_durations_are_within_one_percent_of_the_sorted_ones() {
        let mut random = Random::new(7);
        for scale in [300.0, 40_000.0, 3e6, 9e9] {
            let mut all: Vec<u64> = (0..20_001)
                .map(|_| (random.exponential() * scale) as u64)
                .collect();
            let mut histogram = Histogram::default();
            for value in &all {
                histogram.record(*value);
            }
            all.sort_unstable();
            for share in [0.0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0] {
                let rank = ((share * all.len() as f64).ceil() as usize).max(1);
                let (exact, found) = (all[rank - 1], histogram.quantile(share).expect("not empty"));
                assert!(
                    exact.abs_diff(found) as f64 <= 0.01 * exact as f64,
                    "{share}: {exact} {found}"
                );
            }
            let mean = all.iter().sum::<u64>() as f64 / all.len() as f64;
            assert!((histogram.mean().expect("not empty") - mean).abs() < 1e-6 * mean);
            assert_eq!(
                (histogram.min(), histogram.max()),
                (all.first().copied(), all.last().copied())
            );
        }
    }

    #[test]
    fn histograms_of_threads_add_up_to_the_histogram_of_all() {
        let (mut one, mut two, mut both) = (
            Histogram::default(),
            Histogram::default(),
            Histogram::default(),
        );
        for value in 0..5_000_u64 {
            if value % 3 == 0 { &mut one } else { &mut two }.record(value * value);
            both.record(value * value);
        }
        one.merge(&two);
        assert_eq!(one, both);
        assert_eq!(
            both.buckets().map(|(_, _, count)| count).sum::<u64>(),
            5_000
        );
        assert_eq!(both.count_above(u64::MAX), 0);
    }

    #[test]
    fn nothing_has_no_quantile() {
        assert_eq!(Histogram::default().quantile(0.5), None);
        assert_eq!(Histogram::default().mean(), None);
    }
}
