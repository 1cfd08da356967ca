//! A model on threads of its own: requests wait in one queue for all of them.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use tokio::sync::oneshot;

use super::BATCH_ROWS;
use super::job::{Job, Work, answer, take_together};
use super::load::{Load, WAITING};
use crate::ServeError;
use crate::servable::Kernel;

/// How much nicer than others the thread of a model is. Where both want the same core all the time, whoever reads requests
/// and refuses what is too much gets three fifths of it: with half, requests piled up unread. More would interrupt the
/// model for each request, and batches would be small.
const BEHIND: i32 = 2;

/// What waits for the threads of a model.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    ready: Condvar,
    pub(super) load: Load,
    takes_batches: bool,
}

#[derive(Debug, Default)]
struct State {
    jobs: VecDeque<Job>,
    is_closed: bool,
}

impl Queue {
    pub(super) fn new(load: Load, takes_batches: bool) -> Self {
        Self {
            state: Mutex::default(),
            ready: Condvar::new(),
            load,
            takes_batches,
        }
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

    /// Whether one more row may wait.
    pub(super) fn has_room(&self) -> bool {
        self.load
            .has_room(self.load.rows.load(Ordering::Relaxed), 1)
    }

    pub(super) fn push(&self, job: Job) -> Result<(), ServeError> {
        let before = self.load.rows.fetch_add(job.rows, Ordering::Relaxed);
        let mut state = self.lock();
        if !self.load.has_room(before, job.rows) || state.jobs.len() >= WAITING {
            self.load.rows.fetch_sub(job.rows, Ordering::Relaxed);
            return Err(ServeError::Overloaded);
        }
        state.jobs.push_back(job);
        drop(state);
        self.ready.notify_one();
        Ok(())
    }

    /// Let the threads end when nothing waits any more.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.ready.notify_all();
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
        let most = if self.takes_batches { BATCH_ROWS } else { 0 };
        Some(take_together(&mut state.jobs, most))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answer what waits, until the queue is closed: the life of a thread of the model.
    pub(super) fn work(&self, kernel: &Kernel) {
        // Where the system has no such thing, threads are equal.
        let _ = rustix::process::nice(BEHIND);
        while let Some(jobs) = self.take() {
            let rows: usize = jobs.iter().map(|job| job.rows).sum();
            let began = Instant::now();
            let asked = answer(kernel, &self.load, jobs);
            self.load.learn(asked, began.elapsed());
            self.load.rows.fetch_sub(rows, Ordering::Relaxed);
            // On the same core, whoever reads requests and refuses goes first: the next batch is larger for it.
            thread::yield_now();
        }
    }
}
