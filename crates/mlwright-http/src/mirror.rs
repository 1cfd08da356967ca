//! Mirrored traffic: a deployment is asked what another one was asked, after the caller has its answer, on a thread of its
//! own with a bounded queue. Whatever happens here neither slows nor fails the live answer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::thread;

use mlwright_serve::{Arrival, Deployment, PredictionId};

use crate::errors::ApiError;
use crate::predict::{Turn, find_deployment, score_turn};
use crate::rows::Rows;
use crate::shared::Shared;

/// Most requests that wait; more are dropped and counted.
const WAITING: usize = 1024;
/// Longest rows that are mirrored.
const BYTES: usize = 1 << 20;
/// How much the thread stands back behind those that answer callers.
const NICE: i32 = 10;

/// The live side.
#[derive(Debug)]
pub(crate) struct Mirror {
    queue: SyncSender<Mirrored>,
    counts: Arc<MirrorCounts>,
}

/// What became of mirrored requests.
#[derive(Debug, Default)]
pub(crate) struct MirrorCounts {
    answered: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
}

impl MirrorCounts {
    /// Counts with their words.
    pub(crate) fn by_outcome(&self) -> [(&'static str, u64); 3] {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        [
            ("answered", load(&self.answered)),
            ("failed", load(&self.failed)),
            ("dropped", load(&self.dropped)),
        ]
    }
}

/// One request. It keeps the ids of the live one: labels join both.
struct Mirrored {
    to: String,
    ids: PredictionId,
    unit: Option<String>,
    inference_id: Option<String>,
    rows: Vec<Box<[u8]>>,
}

/// The other side, until [`Backstage::start`] gives it a thread.
#[derive(Debug)]
pub(crate) struct Backstage {
    queue: Receiver<Mirrored>,
    counts: Arc<MirrorCounts>,
}

impl std::fmt::Debug for Mirrored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mirrored")
            .field("to", &self.to)
            .finish_non_exhaustive()
    }
}

impl Mirror {
    /// Both sides.
    pub(crate) fn new() -> (Self, Backstage) {
        let (sender, receiver) = sync_channel(WAITING);
        let counts = Arc::new(MirrorCounts::default());
        let mirror = Self {
            queue: sender,
            counts: Arc::clone(&counts),
        };
        let backstage = Backstage {
            queue: receiver,
            counts,
        };
        (mirror, backstage)
    }

    /// What became of mirrored requests.
    pub(crate) fn counts(&self) -> &MirrorCounts {
        &self.counts
    }

    /// Show an answered request to the deployment that mirrors its own, if it is among the share that is mirrored.
    pub(crate) fn offer(&self, deployment: &Deployment, turn: &Turn<'_>, rows: &Rows<'_>) {
        let Some(mirror) = &deployment.spec.mirror else {
            return;
        };
        if !deployment.is_mirrored(turn.unit.as_deref(), turn.ids) {
            return;
        }
        let rows = rows.texts();
        let bytes: usize = rows.iter().map(|row| row.len()).sum();
        let mirrored = Mirrored {
            to: mirror.to.clone(),
            ids: turn.ids,
            unit: turn.unit.as_deref().map(str::to_owned),
            inference_id: turn.inference_id.map(str::to_owned),
            rows,
        };
        if bytes > BYTES || self.queue.try_send(mirrored).is_err() {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Backstage {
    /// Answer mirrored requests until the server ends.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(self, shared: &Arc<Shared>) -> std::io::Result<()> {
        let shared = Arc::downgrade(shared);
        let run = move || {
            // Without the right to stand back it works as well.
            let _ = rustix::process::nice(NICE);
            crate::listen::on_own_runtime(async {
                self.answer_all(&shared).await;
                Ok(())
            })
        };
        thread::Builder::new()
            .name("mirror".to_owned())
            .spawn(run)?;
        Ok(())
    }

    async fn answer_all(&self, shared: &Weak<Shared>) {
        // The sender lives in what is shared: both end together.
        while let Ok(mirrored) = self.queue.recv() {
            let Some(shared) = shared.upgrade() else {
                return;
            };
            let count = match answer(&shared, &mirrored).await {
                Ok(()) => &self.counts.answered,
                Err(_) => &self.counts.failed,
            };
            count.fetch_add(1, Ordering::Relaxed);
            shared.engine.commit();
        }
    }
}

async fn answer(shared: &Shared, mirrored: &Mirrored) -> Result<(), ApiError> {
    let snapshot = shared.engine.snapshot();
    let deployment = find_deployment(&snapshot, &mirrored.to)?;
    let texts: Vec<_> = mirrored
        .rows
        .iter()
        .map(|row| row.as_ref().into())
        .collect();
    let rows = Rows::of_texts(&texts, shared.limits.json_depth, false)?;
    let turn = Turn {
        choice: deployment.choose(mirrored.unit.as_deref(), mirrored.ids),
        ids: mirrored.ids,
        unit: mirrored.unit.as_deref().map(Into::into),
        inference_id: mirrored.inference_id.as_deref(),
    };
    score_turn(shared, deployment, &turn, &rows, Arrival::now()).await?;
    Ok(())
}
