//! The rings of a request: admit → (choose a variant, check the row) → transform → predict → log → count; and the swap of
//! what is served. Choosing and checking need the decoded request, so the socket side calls them on the snapshot.

mod predict;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use mlwright_features::Cell;
use mlwright_onnx::Tensor;

use crate::cache::Cache;
use crate::clock::{now_us, time_of};
use crate::counters::Counters;
use crate::log::{self, FeedbackEvent, FeedbackLog, LoggedRows, PredictionRecord, Writer};
use crate::prediction_id::random_u64;
use crate::snapshot::VariantCounts;
use crate::statistics::Answered;
use crate::{
    Choice, Deployment, DeploymentSpec, Document, PredictionId, Servable, ServeError, Snapshot,
    Variant,
};

/// Longest id of a caller that is logged.
const INFERENCE_ID_BYTES: usize = 128;

/// Where things are and how much may happen at once.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Folder of packages.
    pub packages: PathBuf,
    /// Folder of logs.
    pub log: PathBuf,
    /// Whether rows go into the log.
    pub log_inputs: bool,
    /// The shared library of ONNX Runtime.
    pub onnxruntime: Option<PathBuf>,
    /// Most requests at once.
    pub max_in_flight: usize,
    /// About how long a request may wait for a model that has threads of its own.
    pub longest_wait: Duration,
}

/// Serves deployments; shared by all threads.
#[derive(Debug)]
pub struct Engine {
    config: EngineConfig,
    snapshot: ArcSwap<Snapshot>,
    /// One change at a time; holds why the last one was refused.
    change: Mutex<Option<String>>,
    counters: Arc<Counters>,
    feedback: FeedbackLog,
    process: u64,
    next: AtomicU64,
}

/// The right to answer one request; dropping it makes room for another.
#[derive(Debug)]
pub struct Permit<'e>(&'e Counters);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// When a request was there, and when its caller stops waiting.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// When the whole request was there.
    pub at: Instant,
    /// When its caller stops waiting, if it says so: a model is not asked after that.
    pub deadline: Option<Instant>,
}

impl Arrival {
    /// A request that is here now and has all the time.
    #[must_use]
    pub fn now() -> Self {
        Self {
            at: Instant::now(),
            deadline: None,
        }
    }

    /// # Errors
    /// [`ServeError::Late`] when the deadline has passed.
    fn check(&self) -> Result<(), ServeError> {
        match self.deadline {
            Some(deadline) if deadline <= Instant::now() => Err(ServeError::Late),
            Some(_) | None => Ok(()),
        }
    }
}

/// What the model of a variant gets.
#[derive(Debug, Clone, Copy)]
pub enum Inputs<'a> {
    /// Checked cells, row by row.
    Cells(&'a [Cell<'a>]),
    /// Model inputs, row by row.
    Matrix(&'a [f64]),
    /// Tensors of a graph.
    Tensors {
        /// By name.
        tensors: &'a [(&'a str, Tensor)],
        /// Rows among them.
        rows: usize,
    },
}

/// Rows as they came.
#[derive(Debug, Clone, Copy)]
pub enum Raw<'a> {
    /// JSON of each row; empty when nothing is kept of them.
    Json(&'a [&'a [u8]]),
    /// The numbers of [`Inputs::Matrix`], which came as such.
    Matrix,
}

/// A decoded request that has its variant.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Which variant, and why.
    pub choice: Choice,
    /// Id of the first row.
    pub ids: PredictionId,
    /// Who asked, if the request says.
    pub unit: Option<&'a str>,
    /// The rows.
    pub inputs: Inputs<'a>,
    /// The caller's own id of the request, for the log.
    pub inference_id: Option<&'a str>,
    /// The rows as they came, for the log.
    pub raw: Raw<'a>,
    /// When it came.
    pub arrival: Arrival,
}

/// The answer to a question.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Id of the first row.
    pub first: PredictionId,
    /// Outputs of a graph that was asked with tensors; empty otherwise.
    pub tensors: Vec<Tensor>,
    outputs: Vec<f64>,
    width: usize,
    decisions: Vec<f64>,
    has_classes: bool,
}

impl Answer {
    /// Outputs of a row: probabilities, or the value.
    #[must_use]
    pub fn row(&self, row: usize) -> &[f64] {
        &self.outputs[row * self.width..(row + 1) * self.width]
    }

    /// Index of the predicted class; none for regression.
    #[must_use]
    pub fn class_of(&self, row: usize) -> Option<usize> {
        self.has_classes.then(|| self.decisions[row] as usize)
    }
}

/// Where and when a prediction is logged.
struct Written<'d> {
    deployment: &'d Deployment,
    variant: &'d Variant,
    time_us: u64,
    latency: Duration,
}

impl Engine {
    /// Open the logs; nothing is served yet.
    ///
    /// # Errors
    /// [`ServeError::Log`] when the log folder cannot be used.
    pub fn new(config: EngineConfig) -> Result<Self, ServeError> {
        let counters = Arc::new(Counters::default());
        let process = random_u64();
        let feedback = FeedbackLog::open(&config.log, process, Arc::clone(&counters))?;
        Ok(Self {
            snapshot: ArcSwap::from_pointee(Snapshot::new(0, Vec::new())),
            change: Mutex::new(None),
            counters,
            feedback,
            process,
            next: AtomicU64::new(0),
            config,
        })
    }

    /// What is served now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Serve a document: load what is new first, then swap; requests on the old state finish on it. The epoch that is
    /// served already is no work. Gives the epoch.
    ///
    /// # Errors
    /// [`ServeError`] says why; then nothing has changed.
    pub fn apply(&self, document: Document) -> Result<u64, ServeError> {
        let mut problem = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let applied = self.apply_locked(document);
        *problem = applied.as_ref().err().map(ToString::to_string);
        applied
    }

    fn apply_locked(&self, document: Document) -> Result<u64, ServeError> {
        let served = self.snapshot();
        let epoch = document.epoch;
        if epoch == served.epoch() && epoch > 0 {
            return Ok(epoch);
        }
        document.check()?;
        if epoch < served.epoch() {
            let newer = served.epoch();
            return Err(ServeError::Document(format!(
                "epoch {epoch} is older than {newer}, which is served"
            )));
        }
        let deployments = document
            .deployments
            .into_iter()
            .map(|spec| self.load(spec, epoch, &served).map(Arc::new))
            .collect::<Result<Vec<_>, _>>()?;
        self.snapshot
            .store(Arc::new(Snapshot::new(epoch, deployments)));
        flush_all(&served, true, Some(&self.snapshot()));
        Ok(epoch)
    }

    fn load(
        &self,
        spec: DeploymentSpec,
        epoch: u64,
        served: &Snapshot,
    ) -> Result<Deployment, ServeError> {
        let before = served
            .deployments()
            .iter()
            .find(|one| one.spec.name == spec.name);
        let log = match before {
            Some(before) => Arc::clone(&before.log),
            None => Arc::new(Writer::open(
                &self.config.log.join(&spec.name),
                self.process,
                Arc::clone(&self.counters),
            )?),
        };
        let variants = spec
            .variants
            .iter()
            .map(|variant| {
                let loaded = served
                    .variants()
                    .find(|(_, other)| other.spec.digest == variant.digest);
                let servable = match loaded {
                    Some((_, other)) => Arc::clone(&other.servable),
                    None => Arc::new(self.open(&variant.digest)?),
                };
                let same = before.and_then(|before| {
                    let is_same = |other: &&Variant| is_same_version(&other.spec, variant);
                    let found = before.variants.iter().find(is_same)?;
                    Some((found, before.spec.cache_entries == spec.cache_entries))
                });
                let cache = match same {
                    Some((other, true)) => other.cache.clone(),
                    Some((_, false)) | None => Cache::new(spec.cache_entries).map(Arc::new),
                };
                let counts = same.map(|(other, _)| Arc::clone(&other.counts));
                let counts = match counts {
                    Some(counts) => counts,
                    None => Arc::new(VariantCounts::new(&servable)?),
                };
                Ok(Variant {
                    spec: variant.clone(),
                    servable,
                    counts,
                    cache,
                })
            })
            .collect::<Result<Vec<_>, ServeError>>()?;
        Ok(Deployment::new(spec, epoch, variants, log))
    }

    fn open(&self, digest: &str) -> Result<Servable, ServeError> {
        Servable::open(
            &self.config.packages.join(digest),
            Some(digest),
            self.config.onnxruntime.as_deref(),
        )?
        .with_execution(self.config.longest_wait)
    }

    /// Why the last document was refused, if it was.
    #[must_use]
    pub fn last_error(&self) -> Option<String> {
        self.change
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Room for one more request of a deployment, or none: too many are being answered, or all its models have more to do
    /// than they do in time. To be asked before a body is decoded, which would be for nothing.
    #[must_use]
    pub fn admit(&self, deployment: &Deployment) -> Option<Permit<'_>> {
        if !deployment.has_room() {
            return None;
        }
        let before = self.counters.in_flight.fetch_add(1, Ordering::Relaxed);
        let permit = Permit(&self.counters);
        (before < self.config.max_in_flight).then_some(permit)
    }

    /// Ids for the rows of one request: the first one.
    #[must_use]
    pub fn next_ids(&self, rows: usize) -> PredictionId {
        let counter = self.next.fetch_add(rows.max(1) as u64, Ordering::Relaxed);
        PredictionId {
            process: self.process,
            counter,
        }
    }

    /// Predict, log and count. [`Engine::commit`] has to follow before the answer leaves.
    ///
    /// # Errors
    /// [`ServeError`] when shapes do not fit or the runtime fails; a log that cannot be written is no error but a
    /// counted drop.
    pub async fn answer(
        &self,
        deployment: &Deployment,
        question: &Question<'_>,
    ) -> Result<Answer, ServeError> {
        let variant = &deployment.variants[question.choice.variant];
        let arrival = question.arrival;
        let began = Instant::now();
        let predicted = match question.inputs {
            Inputs::Cells(cells) => predict::predict_cells(variant, cells, arrival).await,
            Inputs::Matrix(matrix) => predict::predict_matrix(variant, matrix, arrival).await,
            Inputs::Tensors { tensors, rows } => {
                predict::predict_tensors(&variant.servable, tensors, rows, arrival).await
            }
        };
        let executions = &variant.counts.executions;
        let predicted = predicted.inspect_err(|_| executions.add_failure(arrival.at.elapsed()))?;
        let done = Instant::now();
        let time_us = time_of(done);
        let began = predicted.began.unwrap_or(began);
        let mut answer = predicted.answer;
        executions.add(&Answered {
            source: predicted.source,
            rows: answer.decisions.len(),
            queue: began - arrival.at,
            compute: done - began,
            now_us: time_us,
        });
        answer.first = question.ids;
        let written = Written {
            deployment,
            variant,
            time_us,
            latency: done - arrival.at,
        };
        self.write_log(&written, question, &answer);
        count(variant, question, &answer);
        Ok(answer)
    }

    fn write_log(&self, written: &Written<'_>, question: &Question<'_>, answer: &Answer) {
        let (deployment, variant) = (written.deployment, written.variant);
        let inputs = match (question.raw, question.inputs) {
            _ if !self.config.log_inputs => LoggedRows::Json(&[]),
            (Raw::Json(rows), _) => LoggedRows::Json(rows),
            (Raw::Matrix, Inputs::Matrix(numbers)) => LoggedRows::Numbers(numbers),
            (Raw::Matrix, Inputs::Cells(_) | Inputs::Tensors { .. }) => LoggedRows::Json(&[]),
        };
        deployment.log.append_prediction(&PredictionRecord {
            time_us: written.time_us,
            ids: question.ids,
            epoch: deployment.epoch,
            rollout: deployment.spec.rollout.unwrap_or(0),
            propensity: question.choice.propensity,
            unit_hash: question.choice.hash,
            reason: question.choice.reason,
            variant: &variant.spec.name,
            model: &variant.spec.model,
            version: variant.spec.version,
            latency_us: u32::try_from(written.latency.as_micros()).unwrap_or(u32::MAX),
            unit: question.unit.unwrap_or(""),
            decisions: &answer.decisions,
            scores: &answer.outputs,
            width: answer.width,
            inputs,
            inference_id: question
                .inference_id
                .filter(|id| id.len() <= INFERENCE_ID_BYTES)
                .unwrap_or(""),
        });
    }

    /// Bring the predictions that this thread answered into the log: to be called before their answers leave, once for
    /// as many as leave together.
    pub fn commit(&self) {
        log::commit();
    }

    /// Keep labels and events: all of them, or none.
    ///
    /// # Errors
    /// [`ServeError::Log`] when they cannot be written.
    pub fn feedback(&self, events: &[FeedbackEvent<'_>]) -> Result<(), ServeError> {
        self.feedback.append(events, now_us())
    }

    /// Counts of the engine.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Write counter windows that are full or old enough; to be called about once a second.
    pub fn flush_due(&self) {
        flush_all(&self.snapshot(), false, None);
    }

    /// Write all counter windows.
    pub fn flush(&self) {
        flush_all(&self.snapshot(), true, None);
    }
}

/// Flush the log and the windows of a snapshot; with a `successor`, only those that it does not go on counting under the same name.
fn flush_all(snapshot: &Snapshot, is_forced: bool, successor: Option<&Snapshot>) {
    for deployment in snapshot.deployments() {
        // Those whose callers left before their answers did.
        deployment.log.write_waiting();
    }
    for (deployment, variant) in snapshot.variants() {
        let is_kept = successor.is_some_and(|next| {
            next.variants()
                .filter(|(_, other)| other.spec.name == variant.spec.name)
                .any(|(_, other)| Arc::ptr_eq(&other.counts, &variant.counts))
        });
        if is_kept {
            continue;
        }
        if let Some(window) = variant.counts.windows.take(is_forced) {
            deployment
                .log
                .append_window(now_us(), &variant.spec, &window);
        }
    }
}

fn is_same_version(one: &crate::VariantSpec, other: &crate::VariantSpec) -> bool {
    one.model == other.model && one.version == other.version && one.digest == other.digest
}

fn count(variant: &Variant, question: &Question<'_>, answer: &Answer) {
    let rows = answer.decisions.len();
    variant
        .counts
        .predictions
        .fetch_add(rows as u64, Ordering::Relaxed);
    if let Inputs::Cells(cells) = question.inputs {
        let width = cells.len().checked_div(rows).unwrap_or(0);
        for row in 0..rows {
            let values = answer.row(row);
            let score = variant.servable.score(values).unwrap_or_else(|| {
                // As the reference: the largest probability, or the one value of a regression.
                values.iter().copied().fold(f64::NAN, f64::max)
            });
            variant
                .counts
                .windows
                .count(&cells[row * width..(row + 1) * width], score);
        }
    }
}

#[cfg(test)]
mod tests;
