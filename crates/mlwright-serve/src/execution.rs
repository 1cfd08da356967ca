//! Where a model is asked: in the request's own thread or on threads of its own, row by row or in batches. Measured when it
//! is loaded.

mod job;
mod load;
mod queue;
mod rounds;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use crate::ServeError;
use crate::servable::Kernel;
pub(crate) use job::Executed;
use job::Job;
use load::Load;
pub(crate) use queue::Queue;
use rounds::Rounds;
pub use rounds::batch_time;

/// A thread that answers others too may be held for so long by one row.
const INLINE_US: f64 = 250.0;
/// Below this, waiting for each other costs more than batches can save.
const BATCH_US: f64 = 150.0;
/// Batches have to save this share of a row's time.
const BATCH_RATIO: f64 = 0.7;
/// Most rows that are asked for together; a batch of so many is measured. More would save little, and all of them wait for
/// the last.
const BATCH_ROWS: usize = 32;
/// Threads that answer others too may be held by a batch for this share of the longest wait.
const ROUND_SHARE: f64 = 0.25;
const TRIALS: usize = 9;
const TRIAL_TIME: Duration = Duration::from_millis(30);

/// Where a model is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// In the thread of the request: cheaper than any hand-over.
    Inline,
    /// On threads of its own: a row takes long.
    Threads,
    /// With all rows that wait: together they take much less. In the threads of the requests, one batch after the other;
    /// on a thread of its own where a batch would hold these for too long.
    Batches,
}

impl Mode {
    /// The word for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Inline => "inline",
            Self::Threads => "threads",
            Self::Batches => "batches",
        }
    }

    fn choose(row_us: f64, batch_row_us: f64) -> Self {
        if row_us >= BATCH_US && batch_row_us <= BATCH_RATIO * row_us {
            Self::Batches
        } else if row_us > INLINE_US {
            Self::Threads
        } else {
            Self::Inline
        }
    }
}

/// How a model is asked, and what that was decided by.
#[derive(Debug)]
pub struct Execution {
    mode: Mode,
    row_us: Option<f64>,
    batch_row_us: Option<f64>,
    aside: Option<Aside>,
}

/// Where a request leaves its rows for a model that it does not ask at once.
#[derive(Debug)]
pub(crate) enum Aside {
    Queue(Arc<Queue>),
    Rounds(Rounds),
}

impl Aside {
    fn rounds(kernel: &Arc<Kernel>, row_us: f64, longest_wait: Duration) -> Self {
        let load = Load::new(Some(row_us), longest_wait, 1).in_batches(1);
        Self::Rounds(Rounds::new(Arc::clone(kernel), load))
    }

    fn batches(kernel: &Arc<Kernel>, row_us: f64, longest_wait: Duration) -> Self {
        // One batch is asked for and one waits.
        let load = Load::new(Some(row_us), longest_wait, 1).in_batches(2);
        let queue = Arc::new(Queue::new(load, true));
        spawn(kernel, &queue);
        Self::Queue(queue)
    }

    fn threads(kernel: &Arc<Kernel>, row_us: Option<f64>, longest_wait: Duration) -> Self {
        let threads = if kernel.is_graph() {
            1
        } else {
            thread::available_parallelism().map_or(1, std::num::NonZero::get)
        };
        let queue = Arc::new(Queue::new(Load::new(row_us, longest_wait, threads), false));
        for _ in 0..threads {
            spawn(kernel, &queue);
        }
        Self::Queue(queue)
    }

    /// Ask for rows; the caller may leave at any time.
    pub(crate) async fn predict(
        &self,
        inputs: Vec<f64>,
        rows: usize,
        deadline: Option<Instant>,
    ) -> Result<Executed, ServeError> {
        let (job, answer) = Job::of_rows(inputs, rows, deadline);
        match self {
            Self::Queue(queue) => queue.push(job)?,
            Self::Rounds(rounds) => rounds.push(job)?,
        }
        answer.await.unwrap_or(Err(ServeError::Late))
    }

    /// Whether one more row may wait.
    fn has_room(&self) -> bool {
        match self {
            Self::Queue(queue) => queue.has_room(),
            Self::Rounds(rounds) => rounds.has_room(),
        }
    }

    fn load(&self) -> &Load {
        match self {
            Self::Queue(queue) => &queue.load,
            Self::Rounds(rounds) => &rounds.load,
        }
    }
}

impl Execution {
    /// Ask in the thread of the caller, unmeasured.
    pub(crate) fn inline() -> Self {
        Self {
            mode: Mode::Inline,
            row_us: None,
            batch_row_us: None,
            aside: None,
        }
    }

    /// Measure a model with rows of its own or the one given, and start the threads that it needs. A graph that takes no rows
    /// could be slow: it gets a thread.
    pub(crate) fn start(kernel: &Arc<Kernel>, row: Option<&[f64]>, longest_wait: Duration) -> Self {
        let measured = row.map(|row| {
            let varied = kernel.model().varied_rows();
            let rows = varied.unwrap_or_else(|| row.repeat(BATCH_ROWS));
            (time(kernel, &rows, 1), time(kernel, &rows, BATCH_ROWS))
        });
        let mode = measured.map_or(Mode::Threads, |(one, many)| Mode::choose(one, many));
        let aside = match (mode, measured) {
            (Mode::Inline, _) => None,
            (Mode::Batches, Some((_, row_us))) => {
                // A session of the runtime runs one call at a time: workers would wait for each other.
                let has_rounds = !kernel.is_graph() && fits_round(row_us, longest_wait);
                Some(if has_rounds {
                    Aside::rounds(kernel, row_us, longest_wait)
                } else {
                    Aside::batches(kernel, row_us, longest_wait)
                })
            }
            (Mode::Threads | Mode::Batches, _) => Some(Aside::threads(
                kernel,
                measured.map(|(row_us, _)| row_us),
                longest_wait,
            )),
        };
        Self {
            mode,
            row_us: measured.map(|(one, _)| one),
            batch_row_us: measured.map(|(_, many)| many),
            aside,
        }
    }

    /// Where the model is asked.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Microseconds of one row, and of a row among thirty-two, as measured when it was loaded.
    #[must_use]
    pub fn measured_us(&self) -> Option<(f64, f64)> {
        self.row_us.zip(self.batch_row_us)
    }

    /// Rows that wait or are being asked for.
    #[must_use]
    pub fn waiting_rows(&self) -> usize {
        self.aside
            .as_ref()
            .map_or(0, |aside| aside.load().rows.load(Ordering::Relaxed))
    }

    /// Batches so far, and the rows in them.
    #[must_use]
    pub fn batches(&self) -> (u64, u64) {
        self.aside
            .as_ref()
            .map_or((0, 0), |aside| aside.load().batches())
    }

    /// Whether one more row may wait.
    pub(crate) fn has_room(&self) -> bool {
        self.aside.as_ref().is_none_or(Aside::has_room)
    }

    /// Where rows wait, unless the model is asked at once.
    pub(crate) fn aside(&self) -> Option<&Aside> {
        self.aside.as_ref()
    }

    /// The queue of a model with threads of its own.
    pub(crate) fn queue(&self) -> Option<&Queue> {
        match &self.aside {
            Some(Aside::Queue(queue)) => Some(queue),
            Some(Aside::Rounds(_)) | None => None,
        }
    }
}

impl Drop for Execution {
    fn drop(&mut self) {
        if let Some(queue) = self.queue() {
            queue.close();
        }
    }
}

/// Whether a batch of rows that take so long is over soon enough for others that wait in the same thread.
fn fits_round(row_us: f64, longest_wait: Duration) -> bool {
    BATCH_ROWS as f64 * row_us <= ROUND_SHARE * longest_wait.as_micros() as f64
}

fn spawn(kernel: &Arc<Kernel>, queue: &Arc<Queue>) {
    let (kernel, queue) = (Arc::clone(kernel), Arc::clone(queue));
    thread::spawn(move || queue.work(&kernel));
}

/// Median microseconds of a row among `count` that are asked for together; `rows` has [`BATCH_ROWS`] or more, which take
/// turns.
fn time(kernel: &Kernel, rows: &[f64], count: usize) -> f64 {
    let model = kernel.model();
    let width = model.inputs();
    let turns = rows.len().checked_div(count * width).unwrap_or(1);
    let mut out = vec![0.0; count * model.outputs()];
    let began = Instant::now();
    let mut times = Vec::with_capacity(TRIALS);
    // A model that cannot predict this row was refused before. The first call warms caches up.
    while times.len() < TRIALS && (times.len() < 2 || began.elapsed() < TRIAL_TIME) {
        let first = times.len() % turns * count * width;
        let inputs = &rows[first..first + count * width];
        let start = Instant::now();
        let _ = model.predict(inputs, count, &mut out);
        times.push(start.elapsed().as_secs_f64() * 1e6 / count as f64);
    }
    times.remove(0);
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

#[cfg(test)]
mod tests;
