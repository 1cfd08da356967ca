//! Counts of the whole engine.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// What happened since the process started.
#[derive(Debug, Default)]
pub struct Counters {
    pub(crate) log_records: AtomicU64,
    pub(crate) log_dropped: AtomicU64,
    pub(crate) feedback: AtomicU64,
    pub(crate) in_flight: AtomicUsize,
}

impl Counters {
    /// Records appended to the prediction log.
    #[must_use]
    pub fn log_records(&self) -> u64 {
        self.log_records.load(Ordering::Relaxed)
    }

    /// Records that could not be written.
    #[must_use]
    pub fn log_dropped(&self) -> u64 {
        self.log_dropped.load(Ordering::Relaxed)
    }

    /// Labels and events received.
    #[must_use]
    pub fn feedback(&self) -> u64 {
        self.feedback.load(Ordering::Relaxed)
    }

    /// Requests being answered now.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }
}
