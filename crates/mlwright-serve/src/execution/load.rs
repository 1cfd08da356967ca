//! How much waits for a model, how fast that goes down, and so how much more may wait.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::BATCH_ROWS;

/// Let in what is expected to be answered within this share of the longest wait: threads may be slower by then.
const RESERVE: f64 = 0.4;
/// How much the newest rows count in what a row is expected to take: one in so many.
const NEWEST: u64 = 8;
/// A row that takes so many times as long as expected counts as this long.
const PAUSE: u64 = 4;
/// Most requests that wait for one model in one place.
pub(super) const WAITING: usize = 1024;

/// What waits for a model and what was asked for, wherever that is done.
#[derive(Debug)]
pub(super) struct Load {
    /// Rows that wait or are being asked for.
    pub(super) rows: AtomicUsize,
    batches: AtomicU64,
    batched_rows: AtomicU64,
    /// What a row takes at present, in nanoseconds that pass, with those in which others had the core; 0 is unknown.
    row_ns: AtomicU64,
    /// What all rows that wait in one place together may take.
    longest_ns: f64,
    /// Rows that may wait however long they take.
    least_rows: usize,
    /// Fewer rows than this say nothing about the pace: a batch may take the same time for one row and for many.
    telling_rows: usize,
}

impl Load {
    /// Nothing waits; `threads` work on what will, and a row takes so long at first.
    pub(super) fn new(row_us: Option<f64>, longest_wait: Duration, threads: usize) -> Self {
        Self {
            rows: AtomicUsize::new(0),
            batches: AtomicU64::new(0),
            batched_rows: AtomicU64::new(0),
            row_ns: AtomicU64::new(row_us.map_or(0, |row_us| (row_us * 1e3) as u64)),
            longest_ns: longest_wait.as_nanos() as f64 * threads as f64 * RESERVE,
            least_rows: 1,
            telling_rows: 1,
        }
    }

    /// The same where rows are asked for in batches and so many of these may wait at least.
    pub(super) fn in_batches(self, least: usize) -> Self {
        Self {
            least_rows: least * BATCH_ROWS,
            telling_rows: BATCH_ROWS / 2,
            ..self
        }
    }

    /// Whether there is room for `rows` behind those `before`. A request larger than all the room is welcome when nothing
    /// else waits.
    pub(super) fn has_room(&self, before: usize, rows: usize) -> bool {
        before == 0 || before + rows <= self.most_rows()
    }

    /// How many rows may wait: as many as are answered in time at the present pace.
    fn most_rows(&self) -> usize {
        match self.row_ns.load(Ordering::Relaxed) {
            0 => WAITING,
            row_ns => ((self.longest_ns / row_ns as f64) as usize).max(self.least_rows),
        }
    }

    /// Learn from rows that were answered; of two threads that do so at once, one may be forgotten.
    pub(super) fn learn(&self, rows: usize, took: Duration) {
        if rows < self.telling_rows {
            return;
        }
        let newest = took.as_nanos() as u64 / rows as u64;
        let before = match self.row_ns.load(Ordering::Relaxed) {
            0 => newest,
            before => before,
        };
        // A pause of the machine is not the pace.
        let after = before - before / NEWEST + newest.min(PAUSE * before) / NEWEST;
        self.row_ns.store(after.max(1), Ordering::Relaxed);
    }

    /// Note a batch of several requests.
    pub(super) fn count_batch(&self, rows: usize) {
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.batched_rows.fetch_add(rows as u64, Ordering::Relaxed);
    }

    /// Batches of several requests so far, and the rows in them.
    pub(super) fn batches(&self) -> (u64, u64) {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (load(&self.batches), load(&self.batched_rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // promise: serve.sheds
    #[test]
    fn a_thread_that_slows_down_lets_fewer_rows_wait_and_a_pause_tells_little() {
        let load = Load::new(Some(4.0), Duration::from_millis(1), 1);
        assert_eq!(load.most_rows(), 100, "400 µs of 4 µs each");
        assert!(load.has_room(0, 1_000) && load.has_room(80, 20) && !load.has_room(81, 20));
        load.learn(1, Duration::from_secs(1));
        assert_eq!(load.most_rows(), 72, "a second counts as four rows");
        load.learn(0, Duration::from_nanos(1));
        assert_eq!(load.most_rows(), 72, "rows that nobody wanted tell nothing");
        (0..200).for_each(|_| load.learn(1, Duration::from_micros(1)));
        assert!(load.most_rows() > 300);
    }

    #[test]
    fn a_batch_may_always_wait_and_a_small_one_tells_nothing_about_the_pace() {
        let load = Load::new(Some(50.0), Duration::from_millis(1), 1).in_batches(2);
        assert_eq!(load.most_rows(), 2 * BATCH_ROWS, "more than 400 µs");
        let load = Load::new(Some(4.0), Duration::from_millis(1), 1).in_batches(1);
        load.learn(1, Duration::from_micros(160));
        assert_eq!(load.most_rows(), 100, "a full batch may take no longer");
        load.learn(BATCH_ROWS, Duration::from_micros(320));
        assert!(load.most_rows() < 100);
    }
}
