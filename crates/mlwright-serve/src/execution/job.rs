//! What a model is asked for, and how several requests are asked together.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use tokio::sync::oneshot;

use super::load::Load;
use crate::ServeError;
use crate::servable::Kernel;

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

/// One request that waits for a model.
pub(super) struct Job {
    pub(super) rows: usize,
    pub(super) deadline: Option<Instant>,
    pub(super) work: Work,
}

pub(super) enum Work {
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
    /// A request for rows, and where its answer will be.
    pub(super) fn of_rows(
        inputs: Vec<f64>,
        rows: usize,
        deadline: Option<Instant>,
    ) -> (Self, oneshot::Receiver<Result<Executed, ServeError>>) {
        let (reply, answer) = oneshot::channel();
        let work = Work::Rows { inputs, reply };
        let job = Self {
            rows,
            deadline,
            work,
        };
        (job, answer)
    }

    /// Whether it can be asked together with others.
    fn is_rows(&self) -> bool {
        matches!(self.work, Work::Rows { .. })
    }

    /// The job, unless its caller has left or its deadline has passed, of which its caller is told.
    pub(super) fn if_wanted(self) -> Option<Self> {
        let is_late = self
            .deadline
            .is_some_and(|deadline| deadline <= Instant::now());
        match self.work {
            Work::Rows { reply, .. } if is_late => {
                // The caller may have left in this moment.
                let _ = reply.send(Err(ServeError::Late));
                None
            }
            Work::Rows { ref reply, .. } if reply.is_closed() => None,
            // A call that is dropped tells its caller.
            Work::Call(_) if is_late => None,
            Work::Rows { .. } | Work::Call(_) => Some(self),
        }
    }
}

/// Take the oldest job, with those behind it that can be asked together with it, `most` rows at most.
pub(super) fn take_together(jobs: &mut VecDeque<Job>, most: usize) -> Vec<Job> {
    let mut taken: Vec<Job> = jobs.pop_front().into_iter().collect();
    let mut rows = taken.iter().map(|job| job.rows).sum::<usize>();
    while taken.iter().all(Job::is_rows) {
        match jobs.front() {
            Some(next) if next.is_rows() && rows + next.rows <= most => rows += next.rows,
            Some(_) | None => break,
        }
        taken.extend(jobs.pop_front());
    }
    taken
}

/// Answer jobs, and count the rows that the model was asked for.
pub(super) fn answer(kernel: &Kernel, load: &Load, jobs: Vec<Job>) -> usize {
    let mut called = 0;
    let mut batch = Vec::with_capacity(jobs.len());
    for job in jobs.into_iter().filter_map(Job::if_wanted) {
        match job.work {
            Work::Rows { inputs, reply } => batch.push((inputs, job.rows, reply)),
            Work::Call(call) => {
                called += job.rows;
                // A panic drops the reply, which tells the caller.
                let _ = catch_unwind(AssertUnwindSafe(|| call(kernel)));
            }
        }
    }
    let rows = batch.iter().map(|(_, rows, _)| rows).sum::<usize>();
    if batch.len() > 1 {
        load.count_batch(rows);
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

/// Ask for rows; a panic of the model is an error.
pub(super) fn predict(
    kernel: &Kernel,
    inputs: &[f64],
    rows: usize,
) -> Result<Executed, ServeError> {
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
