//! When requests are due: fixed before the first is sent, and blind to how the server does.

use crate::clock::SECOND;
use crate::plan::ArrivalKind;

/// A seeded stream of random numbers (`SplitMix64`, Steele, Lea and Flood 2014).
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in 0..1.
    pub(crate) fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// An exponential number of mean one.
    pub(crate) fn exponential(&mut self) -> f64 {
        -(1.0 - self.share()).ln()
    }
}

/// One request that is due: when, and its number among those of its thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) due: u64,
    pub(crate) number: u64,
}

/// Which of several threads asks; together they make one stream of the whole rate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    pub(crate) thread: usize,
    pub(crate) threads: usize,
}

/// The arrivals of one thread in the order they are due.
#[derive(Debug, Clone)]
pub(crate) struct Arrivals {
    kind: ArrivalKind,
    gap: f64,
    start: f64,
    elapsed: f64,
    random: Random,
    next: Arrival,
}

impl Arrivals {
    /// Arrivals at `rate` per second over all threads, from `start` on.
    pub(crate) fn new(kind: ArrivalKind, rate: f64, share: Share, start: u64, seed: u64) -> Self {
        let gap = SECOND as f64 * share.threads as f64 / rate;
        let phase = gap * share.thread as f64 / share.threads as f64;
        let mixed = seed.wrapping_add((share.thread as u64).wrapping_mul(0xd134_2543_de82_ef95));
        let mut arrivals = Self {
            kind,
            gap,
            start: start as f64,
            elapsed: phase,
            random: Random::new(mixed),
            next: Arrival { due: 0, number: 0 },
        };
        if kind == ArrivalKind::Poisson {
            arrivals.elapsed = arrivals.random.exponential() * gap;
        }
        arrivals.next.due = (arrivals.start + arrivals.elapsed) as u64;
        arrivals
    }

    /// When the next request is due.
    pub(crate) fn due(&self) -> u64 {
        self.next.due
    }

    /// How many were taken.
    pub(crate) fn number(&self) -> u64 {
        self.next.number
    }

    /// Take the next arrival.
    pub(crate) fn take(&mut self) -> Arrival {
        let taken = self.next;
        let number = taken.number + 1;
        self.elapsed += match self.kind {
            ArrivalKind::Constant => self.gap,
            ArrivalKind::Poisson => self.random.exponential() * self.gap,
        };
        self.next = Arrival {
            due: (self.start + self.elapsed) as u64,
            number,
        };
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(kind: ArrivalKind, share: Share, seed: u64, count: usize) -> Vec<u64> {
        let mut arrivals = Arrivals::new(kind, 1_000.0, share, SECOND, seed);
        (0..count).map(|_| arrivals.take().due).collect()
    }

    #[test]
    fn constant_arrivals_of_two_threads_interleave_evenly() {
        let mut all: Vec<u64> = (0..2)
            .flat_map(|thread| first(ArrivalKind::Constant, Share { thread, threads: 2 }, 0, 500))
            .collect();
        all.sort_unstable();
        assert_eq!(all[0], SECOND);
        assert!(
            all.windows(2)
                .all(|pair| (pair[1] - pair[0]).abs_diff(1_000_000) <= 1),
            "{all:?}"
        );
    }

    // promise: bench.arrivals
    #[test]
    fn poisson_arrivals_have_the_asked_rate_and_exponential_gaps_and_repeat_with_their_seed() {
        let alone = Share {
            thread: 0,
            threads: 1,
        };
        let times = first(ArrivalKind::Poisson, alone, 7, 200_000);
        assert_eq!(times, first(ArrivalKind::Poisson, alone, 7, 200_000));
        assert_ne!(times[..9], first(ArrivalKind::Poisson, alone, 8, 9));
        let gaps: Vec<f64> = times
            .windows(2)
            .map(|pair| (pair[1] - pair[0]) as f64 / 1e6)
            .collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((mean - 1.0).abs() < 0.01, "{mean}");
        assert!((variance - 1.0).abs() < 0.03, "{variance}");
        let long = gaps.iter().filter(|gap| **gap > 3.0).count() as f64 / gaps.len() as f64;
        assert!((long - (-3.0_f64).exp()).abs() < 0.002, "{long}");
    }

    #[test]
    fn long_runs_do_not_drift() {
        let mut arrivals = Arrivals::new(
            ArrivalKind::Constant,
            30_000.0,
            Share {
                thread: 0,
                threads: 1,
            },
            0,
            0,
        );
        let last = (0..=3_000_000)
            .map(|_| arrivals.take().due)
            .last()
            .expect("some");
        assert!(last.abs_diff(100 * SECOND) < 10_000, "{last}");
    }
}
