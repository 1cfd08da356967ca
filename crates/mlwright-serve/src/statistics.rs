//! How often a variant ran and how long that took, as inference protocols report it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::engine::now_us;

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
}

impl ExecutionCounts {
    /// Count a request that was answered.
    pub(crate) fn add(&self, queue: Duration, compute: Duration) {
        let ns = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.queue_ns.fetch_add(ns(queue), Ordering::Relaxed);
        self.compute_ns.fetch_add(ns(compute), Ordering::Relaxed);
        self.last_us.store(now_us(), Ordering::Relaxed);
    }

    /// Count a request on which the model failed.
    pub(crate) fn add_failure(&self) {
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
