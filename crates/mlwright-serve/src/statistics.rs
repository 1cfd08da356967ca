//! How often a variant ran and how long that took, as inference protocols report it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of duration histograms, in microseconds: from 5 ms on those that OpenTelemetry's conventions for HTTP and
/// RPC servers name, below them as fine as models are quick.
pub const DURATION_BOUNDS_US: [u64; 22] = [
    10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 75_000, 100_000,
    250_000, 500_000, 750_000, 1_000_000, 2_500_000, 5_000_000, 7_500_000, 10_000_000,
];

/// How many durations fell between which bounds.
#[derive(Debug, Default)]
pub struct Durations {
    buckets: [AtomicU64; DURATION_BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

impl Durations {
    /// Count one.
    pub fn add(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bounds = DURATION_BOUNDS_US.iter();
        let bucket = bounds.take_while(|bound| micros > **bound).count();
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(micros, Ordering::Relaxed);
    }

    /// Counts by bound, the last one for those above all, and the sum in microseconds.
    #[must_use]
    pub fn read(&self) -> ([u64; DURATION_BOUNDS_US.len() + 1], u64) {
        let buckets = std::array::from_fn(|at| self.buckets[at].load(Ordering::Relaxed));
        (buckets, self.sum_us.load(Ordering::Relaxed))
    }
}

/// Executions of one variant since it was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Requests that were answered.
    pub requests: u64,
    /// Requests on which the model failed.
    pub failures: u64,
    /// From the whole request to the start of the model, of the answered ones: decoding, checking, waiting.
    pub queue_ns: u64,
    /// Inside the transform and the model, of the answered ones.
    pub compute_ns: u64,
    /// When the last one was answered, microseconds since 1970; 0 before the first.
    pub last_us: u64,
}

/// The same, while it is counted.
#[derive(Debug, Default)]
pub(crate) struct ExecutionCounts {
    requests: AtomicU64,
    failures: AtomicU64,
    queue_ns: AtomicU64,
    compute_ns: AtomicU64,
    last_us: AtomicU64,
    /// From the whole request to its prediction, by outcome.
    pub(crate) answered: Durations,
    pub(crate) failed: Durations,
}

impl ExecutionCounts {
    /// Count a request that was answered.
    pub(crate) fn add(&self, queue: Duration, compute: Duration, now_us: u64) {
        let ns = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.queue_ns.fetch_add(ns(queue), Ordering::Relaxed);
        self.compute_ns.fetch_add(ns(compute), Ordering::Relaxed);
        self.last_us.store(now_us, Ordering::Relaxed);
        self.answered.add(queue + compute);
    }

    /// Count a request on which the model failed.
    pub(crate) fn add_failure(&self, took: Duration) {
        self.failed.add(took);
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Statistics {
        Statistics {
            requests: self.requests.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            queue_ns: self.queue_ns.load(Ordering::Relaxed),
            compute_ns: self.compute_ns.load(Ordering::Relaxed),
            last_us: self.last_us.load(Ordering::Relaxed),
        }
    }
}
