//! A model in the threads of those who ask, in batches: no hand-over, and as many threads as there are workers.
//!
//! Time passes in rounds. In each, everything that is ready in the thread gets its turn and the sockets are looked at; then
//! the rows that wait are asked for together. So what arrives while a batch is asked makes the next one, what is too much
//! is refused within a round, and nobody competes with the model for the core.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::BATCH_ROWS;
use super::job::{Executed, Job, Work, answer, predict, take_together};
use super::load::{Load, WAITING};
use crate::ServeError;
use crate::servable::Kernel;

thread_local! {
    /// What waits in this thread, by model; an entry is there while its model has rounds.
    static WAITING_HERE: RefCell<Vec<Rc<Waiting>>> = const { RefCell::new(Vec::new()) };
    static TIME_HERE: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Time that this thread has spent in models since it began, in batches.
#[must_use]
pub fn batch_time() -> Duration {
    TIME_HERE.get()
}

/// A model that is asked in rounds.
#[derive(Debug)]
pub(crate) struct Rounds {
    kernel: Arc<Kernel>,
    pub(super) load: Arc<Load>,
}

/// What waits for one model in one thread.
#[derive(Debug)]
struct Waiting {
    kernel: Arc<Kernel>,
    load: Arc<Load>,
    jobs: RefCell<VecDeque<Job>>,
    rows: Cell<usize>,
}

/// The rounds of a model in a thread; when they end, however that is, they can begin anew.
struct Going(Rc<Waiting>);

impl Drop for Going {
    fn drop(&mut self) {
        let rows = self.0.rows.get();
        self.0.load.rows.fetch_sub(rows, Ordering::Relaxed);
        WAITING_HERE.with_borrow_mut(|all| all.retain(|one| !Rc::ptr_eq(one, &self.0)));
    }
}

impl Rounds {
    pub(super) fn new(kernel: Arc<Kernel>, load: Load) -> Self {
        Self {
            kernel,
            load: Arc::new(load),
        }
    }

    /// # Panics
    /// Outside of a [`tokio::task::LocalSet`], which the rounds are a task of.
    pub(super) fn push(&self, job: Job) -> Result<(), ServeError> {
        self.waiting().push(job)
    }

    /// Whether one more row may wait in this thread.
    pub(super) fn has_room(&self) -> bool {
        WAITING_HERE.with_borrow(|all| {
            self.find(all)
                .is_none_or(|waiting| self.load.has_room(waiting.rows.get(), 1))
        })
    }

    fn find<'w>(&self, all: &'w [Rc<Waiting>]) -> Option<&'w Rc<Waiting>> {
        all.iter().find(|one| Arc::ptr_eq(&one.load, &self.load))
    }

    /// What waits in this thread, with rounds that go on until nothing does.
    fn waiting(&self) -> Rc<Waiting> {
        WAITING_HERE.with_borrow_mut(|all| {
            if let Some(waiting) = self.find(all) {
                return Rc::clone(waiting);
            }
            let waiting = Rc::new(Waiting {
                kernel: Arc::clone(&self.kernel),
                load: Arc::clone(&self.load),
                jobs: RefCell::default(),
                rows: Cell::new(0),
            });
            all.push(Rc::clone(&waiting));
            tokio::task::spawn_local(go_round(Going(Rc::clone(&waiting))));
            waiting
        })
    }
}

impl Waiting {
    fn push(&self, job: Job) -> Result<(), ServeError> {
        let mut jobs = self.jobs.borrow_mut();
        let before = self.rows.get();
        if !self.load.has_room(before, job.rows) || jobs.len() >= WAITING {
            return Err(ServeError::Overloaded);
        }
        self.rows.set(before + job.rows);
        self.load.rows.fetch_add(job.rows, Ordering::Relaxed);
        jobs.push_back(job);
        Ok(())
    }

    /// Let the others of the thread have their turn, and look at the sockets, for as long as that brings rows and these fit
    /// into the batch: whoever got an answer of the last one may be about to ask again.
    async fn gather(&self) {
        let mut before = 0;
        while self.rows.get() < BATCH_ROWS {
            tokio::task::yield_now().await;
            if self.rows.get() == before {
                return;
            }
            before = self.rows.get();
        }
        // Between two full batches the others have a turn too.
        tokio::task::yield_now().await;
    }

    /// Ask for a batch; count the rows that the model was asked for.
    async fn answer(&self, mut jobs: Vec<Job>) -> usize {
        let Some(large) = jobs.pop_if(|job| job.rows > BATCH_ROWS) else {
            return timed(|| answer(&self.kernel, &self.load, jobs));
        };
        let rows = large.rows;
        match large.if_wanted().map(|job| job.work) {
            Some(Work::Rows { inputs, mut reply }) => {
                let asked = tokio::select! {
                    asked = self.ask_in_parts(&inputs, rows) => asked,
                    () = reply.closed() => return 0,
                };
                // The caller may have left in this moment.
                let _ = reply.send(asked);
                rows
            }
            Some(Work::Call(_)) | None => 0,
        }
    }

    /// Ask for many rows batch by batch: the thread has others to see to.
    async fn ask_in_parts(&self, inputs: &[f64], rows: usize) -> Result<Executed, ServeError> {
        let width = self.kernel.model().inputs();
        if inputs.len() != rows * width {
            return predict(&self.kernel, inputs, rows);
        }
        let mut whole = Executed {
            outputs: Vec::with_capacity(rows * self.kernel.model().outputs()),
            began: Instant::now(),
            is_shared: false,
        };
        for part in inputs.chunks(BATCH_ROWS * width) {
            let part = timed(|| predict(&self.kernel, part, part.len() / width))?;
            whole.outputs.extend(part.outputs);
            tokio::task::yield_now().await;
        }
        Ok(whole)
    }
}

/// Note the time that the model takes.
fn timed<T>(ask: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let output = ask();
    TIME_HERE.set(TIME_HERE.get() + began.elapsed());
    output
}

/// Ask for what waits until nothing does.
async fn go_round(going: Going) {
    let waiting = &going.0;
    loop {
        let began = Instant::now();
        waiting.gather().await;
        let jobs = take_together(&mut waiting.jobs.borrow_mut(), BATCH_ROWS);
        if jobs.is_empty() {
            return;
        }
        let rows: usize = jobs.iter().map(|job| job.rows).sum();
        let asked = waiting.answer(jobs).await;
        // With what was read meanwhile.
        waiting.load.learn(asked, began.elapsed());
        waiting.rows.set(waiting.rows.get() - rows);
        waiting.load.rows.fetch_sub(rows, Ordering::Relaxed);
    }
}
