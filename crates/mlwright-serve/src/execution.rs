//! Where a model is asked: in the request's own thread, on threads of its own, or there in batches. Measured when it is
//! loaded.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::ServeError;
use crate::servable::Kernel;

/// A thread that answers others too may be held for so long by one row.
const INLINE_US: f64 = 250.0;
/// Below this a hand-over between threads costs more than batches can save.
const BATCH_US: f64 = 150.0;
/// Batches have to save this share of a row's time.
const BATCH_RATIO: f64 = 0.7;
/// Rows of the batch that is measured.
const TRIAL_ROWS: usize = 16;
/// Most rows that are asked for together. More would save little, and all of them wait for the last.
const BATCH_ROWS: usize = 32;
/// Let in what is expected to be answered within this share of the longest wait: threads may be slower by then.
const RESERVE: f64 = 0.5;
/// How much nicer than others the thread of a model is. Where both want the same core all the time, whoever reads requests
/// and refuses what is too much gets three fifths of it: with half, requests piled up unread. More would interrupt the
/// model for each request, and batches would be small.
const BEHIND: i32 = 2;
/// How much the newest rows count in what a row is expected to take: one in so many.
const NEWEST: u64 = 8;
/// A row that takes so many times as long as expected counts as this long.
const PAUSE: u64 = 4;
/// Most requests that wait for one model.
const WAITING: usize = 1024;
const TRIALS: usize = 9;
const TRIAL_TIME: Duration = Duration::from_millis(30);

/// Where a model is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// In the thread of the request: cheaper than any hand-over.
    Inline,
    /// On threads of its own: a row takes long.
    Threads,
    /// On a thread of its own, with all rows that wait: together they take much less.
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
    queue: Option<Arc<Queue>>,
}

impl Execution {
    /// Ask in the thread of the caller, unmeasured.
    pub(crate) fn inline() -> Self {
        Self {
            mode: Mode::Inline,
            row_us: None,
            batch_row_us: None,
            queue: None,
        }
    }

    /// Measure a model with rows of its own or the one given, and start the threads that it needs. A graph that takes no rows
    /// could be slow: it gets a thread.
    pub(crate) fn start(kernel: &Arc<Kernel>, row: Option<&[f64]>, longest_wait: Duration) -> Self {
        let measured = row.map(|row| {
            let varied = kernel.model().varied_rows();
            let rows = varied.unwrap_or_else(|| row.repeat(TRIAL_ROWS));
            (time(kernel, &rows, 1), time(kernel, &rows, TRIAL_ROWS))
        });
        let mode = measured.map_or(Mode::Threads, |(one, many)| Mode::choose(one, many));
        Self::with_mode(kernel, mode, measured, longest_wait)
    }

    fn with_mode(
        kernel: &Arc<Kernel>,
        mode: Mode,
        measured: Option<(f64, f64)>,
        longest_wait: Duration,
    ) -> Self {
        let threads = match mode {
            Mode::Inline => 0,
            Mode::Threads if !kernel.is_graph() => {
                thread::available_parallelism().map_or(1, std::num::NonZero::get)
            }
            // A session of the runtime runs one call at a time.
            Mode::Threads | Mode::Batches => 1,
        };
        let row_us = match mode {
            Mode::Batches => measured.map(|(_, many)| many),
            Mode::Threads | Mode::Inline => measured.map(|(one, _)| one),
        };
        let queue = (threads > 0).then(|| {
            Arc::new(Queue {
                state: Mutex::default(),
                ready: Condvar::new(),
                rows: AtomicUsize::new(0),
                batches: AtomicU64::new(0),
                batched_rows: AtomicU64::new(0),
                takes_batches: mode == Mode::Batches,
                row_ns: AtomicU64::new(row_us.map_or(0, |row_us| (row_us * 1e3) as u64)),
                longest_ns: longest_wait.as_nanos() as f64 * threads as f64 * RESERVE,
            })
        });
        for _ in 0..threads {
            if let Some(queue) = &queue {
                let (kernel, queue) = (Arc::clone(kernel), Arc::clone(queue));
                thread::spawn(move || work(&kernel, &queue));
            }
        }
        Self {
            mode,
            row_us: measured.map(|(one, _)| one),
            batch_row_us: measured.map(|(_, many)| many),
            queue,
        }
    }

    /// Where the model is asked.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Microseconds of one row, and of a row among sixteen, as measured when it was loaded.
    #[must_use]
    pub fn measured_us(&self) -> Option<(f64, f64)> {
        self.row_us.zip(self.batch_row_us)
    }

    /// Rows that wait or are being asked for.
    #[must_use]
    pub fn waiting_rows(&self) -> usize {
        self.queue
            .as_ref()
            .map_or(0, |queue| queue.rows.load(Ordering::Relaxed))
    }

    /// Batches so far, and the rows in them.
    #[must_use]
    pub fn batches(&self) -> (u64, u64) {
        self.queue.as_ref().map_or((0, 0), |queue| {
            let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
            (load(&queue.batches), load(&queue.batched_rows))
        })
    }

    /// The queue, unless the model is asked in the caller's thread.
    pub(crate) fn queue(&self) -> Option<&Queue> {
        self.queue.as_deref()
    }
}

impl Drop for Execution {
    fn drop(&mut self) {
        if let Some(queue) = &self.queue {
            queue.lock().is_closed = true;
            queue.ready.notify_all();
        }
    }
}

/// Median microseconds of a row among `count` that are asked for together; `rows` has [`TRIAL_ROWS`] or more, which take
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

/// What waits for a model.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    ready: Condvar,
    /// Rows that wait or are being asked for.
    rows: AtomicUsize,
    batches: AtomicU64,
    batched_rows: AtomicU64,
    takes_batches: bool,
    /// What a row takes at present, in nanoseconds that pass, with those in which other threads had the core; 0 is
    /// unknown.
    row_ns: AtomicU64,
    /// What all rows together may take.
    longest_ns: f64,
}

#[derive(Debug, Default)]
struct State {
    jobs: VecDeque<Job>,
    is_closed: bool,
}

/// Outputs, and the execution that they came from.
#[derive(Debug, PartialEq)]
pub(crate) struct Executed {
    pub(crate) outputs: Vec<f64>,
    pub(crate) began: Instant,
    /// Whether another request of the same execution counts it.
    pub(crate) is_shared: bool,
}

type Reply<T> = oneshot::Sender<Result<T, ServeError>>;
type Call = Box<dyn FnOnce(&Kernel) + Send>;

struct Job {
    rows: usize,
    deadline: Option<Instant>,
    work: Work,
}

enum Work {
    Rows {
        inputs: Vec<f64>,
        reply: Reply<Executed>,
    },
    /// Anything else; it replies by itself.
    Call(Call),
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job")
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl Job {
    /// Whether its caller has left: nobody wants the result.
    fn is_left(&self) -> bool {
        match &self.work {
            Work::Rows { reply, .. } => reply.is_closed(),
            Work::Call(_) => false,
        }
    }

    fn is_late(&self) -> bool {
        self.deadline
            .is_some_and(|deadline| deadline <= Instant::now())
    }
}

impl Queue {
    /// Ask for rows; the caller may leave at any time.
    pub(crate) async fn predict(
        &self,
        inputs: Vec<f64>,
        rows: usize,
        deadline: Option<Instant>,
    ) -> Result<Executed, ServeError> {
        let (reply, answer) = oneshot::channel();
        let work = Work::Rows { inputs, reply };
        self.push(Job {
            rows,
            deadline,
            work,
        })?;
        answer.await.unwrap_or(Err(ServeError::Late))
    }

    /// Do something else with the model.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        rows: usize,
        deadline: Option<Instant>,
        call: impl FnOnce(&Kernel) -> Result<T, ServeError> + Send + 'static,
    ) -> Result<T, ServeError> {
        let (reply, answer) = oneshot::channel();
        let call = move |kernel: &Kernel| {
            if !reply.is_closed() {
                // The caller may have left.
                let _ = reply.send(call(kernel));
            }
        };
        self.push(Job {
            rows,
            deadline,
            work: Work::Call(Box::new(call)),
        })?;
        // Without an answer the call was dropped unasked, or it panicked.
        answer.await.unwrap_or_else(|_| {
            Err(
                if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                    ServeError::Late
                } else {
                    ServeError::Panicked
                },
            )
        })
    }

    fn push(&self, job: Job) -> Result<(), ServeError> {
        let before = self.rows.fetch_add(job.rows, Ordering::Relaxed);
        let mut state = self.lock();
        // A request larger than the whole queue is welcome when nothing else waits.
        let is_full = before > 0 && before + job.rows > self.most_rows();
        if is_full || state.jobs.len() >= WAITING {
            self.rows.fetch_sub(job.rows, Ordering::Relaxed);
            return Err(ServeError::Overloaded);
        }
        state.jobs.push_back(job);
        drop(state);
        self.ready.notify_one();
        Ok(())
    }

    /// How many rows may wait: as many as are answered in time at the present pace, or a batch behind the one that is asked.
    fn most_rows(&self) -> usize {
        let least = if self.takes_batches {
            2 * BATCH_ROWS
        } else {
            1
        };
        match self.row_ns.load(Ordering::Relaxed) {
            0 => WAITING,
            row_ns => ((self.longest_ns / row_ns as f64) as usize).max(least),
        }
    }

    /// Learn from rows that were answered; of two threads that do so at once, one may be forgotten.
    fn learn(&self, rows: usize, took: Duration) {
        if rows == 0 {
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

    /// What to do next: the oldest job, with those behind it as far as batches go. None when the queue is closed.
    fn take(&self) -> Option<Vec<Job>> {
        let mut state = self.lock();
        while state.jobs.is_empty() {
            if state.is_closed {
                return None;
            }
            state = self
                .ready
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let mut taken: Vec<Job> = state.jobs.pop_front().into_iter().collect();
        let mut rows = taken.iter().map(|job| job.rows).sum::<usize>();
        let is_batch = |job: &Job| matches!(job.work, Work::Rows { .. });
        while self.takes_batches && taken.iter().all(is_batch) {
            match state.jobs.front() {
                Some(next) if is_batch(next) && rows + next.rows <= BATCH_ROWS => {}
                Some(_) | None => break,
            }
            taken.extend(state.jobs.pop_front());
            rows = taken.iter().map(|job| job.rows).sum();
        }
        Some(taken)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread of a model.
fn work(kernel: &Kernel, queue: &Queue) {
    // Where the system has no such thing, threads are equal.
    let _ = rustix::process::nice(BEHIND);
    while let Some(jobs) = queue.take() {
        let rows: usize = jobs.iter().map(|job| job.rows).sum();
        let began = Instant::now();
        let asked = answer(kernel, queue, jobs);
        queue.learn(asked, began.elapsed());
        queue.rows.fetch_sub(rows, Ordering::Relaxed);
        // On the same core, whoever reads requests and refuses goes first: the next batch is larger for it.
        thread::yield_now();
    }
}

/// Answer jobs, and count the rows that the model was asked for.
fn answer(kernel: &Kernel, queue: &Queue, jobs: Vec<Job>) -> usize {
    let mut called = 0;
    let mut batch = Vec::with_capacity(jobs.len());
    for job in jobs.into_iter().filter(|job| !job.is_left()) {
        let is_late = job.is_late();
        match job.work {
            Work::Rows { reply, .. } if is_late => {
                // The caller may have left in this moment.
                let _ = reply.send(Err(ServeError::Late));
            }
            Work::Rows { inputs, reply } => batch.push((inputs, job.rows, reply)),
            Work::Call(_) if is_late => {}
            Work::Call(call) => {
                called += job.rows;
                // A panic drops the reply, which tells the caller.
                let _ = catch_unwind(AssertUnwindSafe(|| call(kernel)));
            }
        }
    }
    let rows = batch.iter().map(|(_, rows, _)| rows).sum::<usize>();
    if batch.len() > 1 {
        queue.batches.fetch_add(1, Ordering::Relaxed);
        queue.batched_rows.fetch_add(rows as u64, Ordering::Relaxed);
        let together: Vec<f64> = batch
            .iter()
            .flat_map(|(inputs, _, _)| inputs)
            .copied()
            .collect();
        if let Ok(all) = predict(kernel, &together, rows) {
            let width = kernel.model().outputs();
            let mut rest = all.outputs.as_slice();
            for (place, (_, rows, reply)) in batch.into_iter().enumerate() {
                let (own, others) = rest.split_at(rows * width);
                rest = others;
                let _ = reply.send(Ok(Executed {
                    outputs: own.to_vec(),
                    began: all.began,
                    is_shared: place > 0,
                }));
            }
            return called + rows;
        }
        // One of them is to blame: the others are not to suffer.
    }
    for (inputs, own, reply) in batch {
        let _ = reply.send(predict(kernel, &inputs, own));
    }
    called + rows
}

fn predict(kernel: &Kernel, inputs: &[f64], rows: usize) -> Result<Executed, ServeError> {
    catch_unwind(AssertUnwindSafe(|| {
        let began = Instant::now();
        let model = kernel.model();
        let mut outputs = vec![0.0; rows * model.outputs()];
        model.predict(inputs, rows, &mut outputs)?;
        Ok(Executed {
            outputs,
            began,
            is_shared: false,
        })
    }))
    .unwrap_or(Err(ServeError::Panicked))
}

#[cfg(test)]
mod tests;
