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
    /// Rows among them that the model predicted: those that a cache knew are left out.
    pub inferences: u64,
    /// How often the model was asked for them: once for requests that were asked together.
    pub executions: u64,
    /// Requests that a cache answered.
    pub cached: u64,
    /// Requests on which the model failed.
    pub failures: u64,
    /// From the whole request to the start of the model or the look into the cache: decoding, checking, waiting.
    pub queue_ns: u64,
    /// Inside the model, of those that it answered; where it is asked in place, inside the transform too.
    pub compute_ns: u64,
    /// Inside the cache, of those that it answered.
    pub cached_ns: u64,
    /// From the whole request to its failure.
    pub failure_ns: u64,
    /// When the last one was answered, microseconds since 1970; 0 before the first.
    pub last_us: u64,
}

impl Statistics {
    /// Requests that the model answered.
    #[must_use]
    pub fn computed(&self) -> u64 {
        self.requests.saturating_sub(self.cached)
    }

    /// From the whole request to its prediction, of the answered ones.
    #[must_use]
    pub fn success_ns(&self) -> u64 {
        let parts = [self.queue_ns, self.compute_ns, self.cached_ns];
        parts.into_iter().fold(0, u64::saturating_add)
    }
}

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// An execution of the model for this request.
    Execution,
    /// An execution that another request counts.
    SharedExecution,
    /// The cache.
    Cache,
}

/// The same, while it is counted. What most requests have in common is not counted but derived.
#[derive(Debug, Default)]
pub(crate) struct ExecutionCounts {
    requests: AtomicU64,
    shared: AtomicU64,
    cached: AtomicU64,
    cached_rows: AtomicU64,
    failures: AtomicU64,
    queue_ns: AtomicU64,
    compute_ns: AtomicU64,
    cached_ns: AtomicU64,
    last_us: AtomicU64,
    /// From the whole request to its prediction, by outcome.
    pub(crate) answered: Durations,
    pub(crate) failed: Durations,
}

/// A request that was answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answered {
    pub(crate) source: Source,
    pub(crate) rows: usize,
    /// Until the source was asked.
    pub(crate) queue: Duration,
    /// Until it had answered.
    pub(crate) compute: Duration,
    pub(crate) now_us: u64,
}

impl ExecutionCounts {
    /// Count a request that was answered.
    pub(crate) fn add(&self, answered: &Answered) {
        let ns = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.requests.fetch_add(1, Ordering::Relaxed);
        let inside = match answered.source {
            Source::Execution => &self.compute_ns,
            Source::SharedExecution => {
                self.shared.fetch_add(1, Ordering::Relaxed);
                &self.compute_ns
            }
            Source::Cache => {
                self.cached.fetch_add(1, Ordering::Relaxed);
                self.cached_rows
                    .fetch_add(answered.rows as u64, Ordering::Relaxed);
                &self.cached_ns
            }
        };
        self.queue_ns
            .fetch_add(ns(answered.queue), Ordering::Relaxed);
        inside.fetch_add(ns(answered.compute), Ordering::Relaxed);
        self.last_us.store(answered.now_us, Ordering::Relaxed);
        self.answered.add(answered.queue + answered.compute);
    }

    /// Count a request on which the model failed.
    pub(crate) fn add_failure(&self, took: Duration) {
        self.failed.add(took);
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Sum up; `rows` are all that were predicted, by the model or the cache.
    pub(crate) fn read(&self, rows: u64) -> Statistics {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (requests, cached) = (load(&self.requests), load(&self.cached));
        Statistics {
            requests,
            inferences: rows.saturating_sub(load(&self.cached_rows)),
            executions: requests.saturating_sub(cached + load(&self.shared)),
            cached,
            failures: load(&self.failures),
            queue_ns: load(&self.queue_ns),
            compute_ns: load(&self.compute_ns),
            cached_ns: load(&self.cached_ns),
            failure_ns: self.failed.read().1.saturating_mul(1_000),
            last_us: load(&self.last_us),
        }
    }
}
