//! Writers of the logs.

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::frame::{LONGEST, push_frame};
use super::record::{FEEDBACK, PredictionRecord, WINDOW, push_bytes};
use super::segment::{SEGMENT_BYTES, Segment, cut_torn_tails};
use crate::clock::now_us;
use crate::counters::Counters;
use crate::prediction_id::random_u64;
use crate::windows::Window;
use crate::{ServeError, VariantSpec};

/// What is kept of the space for frames after a large request.
const KEPT_BYTES: usize = 1 << 20;
/// Folder of labels and events.
const FEEDBACK_FOLDER: &str = "_feedback";

/// Predictions are written together once so many bytes wait, whatever else is going on.
const WAITING_BYTES: usize = 256 << 10;

thread_local! {
    /// Writers with predictions of this thread that are not in the log yet.
    static UNWRITTEN: RefCell<Vec<Arc<Writer>>> = const { RefCell::new(Vec::new()) };
}

/// Bring the predictions of this thread into the log; an answer may leave only after that.
pub(crate) fn commit() {
    UNWRITTEN.with_borrow_mut(|writers| {
        for writer in writers.drain(..) {
            writer.write_waiting();
        }
    });
}

/// Appends to the segments of one folder. Predictions wait for [`commit`], so that requests that are answered together
/// share a write; everything else is written at once.
#[derive(Debug)]
pub(crate) struct Writer {
    folder: PathBuf,
    process: u64,
    segment_bytes: u64,
    counters: Arc<Counters>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    segment: Option<Segment>,
    /// Frames that wait; kept so that the hot path does not allocate.
    frames: Vec<u8>,
    /// How many.
    waiting: u64,
    last_began_us: u64,
}

impl Writer {
    /// Open a folder: torn tails of dead writers are cut, a new segment begins with the first record.
    pub(crate) fn open(
        folder: &Path,
        process: u64,
        counters: Arc<Counters>,
    ) -> Result<Self, ServeError> {
        Self::with_segments_of(folder, process, counters, SEGMENT_BYTES)
    }

    pub(crate) fn with_segments_of(
        folder: &Path,
        process: u64,
        counters: Arc<Counters>,
        segment_bytes: u64,
    ) -> Result<Self, ServeError> {
        std::fs::create_dir_all(folder)
            .and_then(|()| cut_torn_tails(folder))
            .map_err(ServeError::Log)?;
        let state = Mutex::new(State {
            segment: None,
            frames: Vec::new(),
            waiting: 0,
            last_began_us: 0,
        });
        Ok(Self {
            folder: folder.to_owned(),
            process,
            segment_bytes,
            counters,
            state,
        })
    }

    /// Take one request; a failure is counted, never returned: predictions go on without their log. It is in the log
    /// after the next [`commit`] of this thread.
    pub(crate) fn append_prediction(self: &Arc<Self>, record: &PredictionRecord<'_>) {
        let mut state = self.lock();
        let start = state.frames.len();
        push_frame(&mut state.frames, |out| record.write(out));
        if state.frames.len() - start > LONGEST {
            state.frames.truncate(start);
            self.counters.log_dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        state.waiting += 1;
        if state.frames.len() > WAITING_BYTES {
            self.write_locked(&mut state);
        }
        drop(state);
        UNWRITTEN.with_borrow_mut(|writers| {
            if !writers.iter().any(|writer| Arc::ptr_eq(writer, self)) {
                writers.push(Arc::clone(self));
            }
        });
    }

    /// Append a counter window.
    pub(crate) fn append_window(&self, time_us: u64, variant: &VariantSpec, window: &Window) {
        let written = self.append(|frames| {
            push_frame(frames, |out| {
                out.push(WINDOW);
                out.extend_from_slice(&time_us.to_le_bytes());
                out.extend_from_slice(&window.from_us.to_le_bytes());
                out.extend_from_slice(&variant.version.to_le_bytes());
                push_bytes(out, variant.name.as_bytes());
                push_bytes(out, window.cells.as_bytes());
            });
        });
        self.count(1, &written);
    }

    fn append(&self, push: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let mut state = self.lock();
        self.write_locked(&mut state);
        push(&mut state.frames);
        let written = if state.frames.len() > LONGEST {
            Err(io::Error::other("no reader would take so long a record"))
        } else {
            self.write_frames(&mut state)
        };
        state.frames.clear();
        state.frames.shrink_to(KEPT_BYTES);
        written
    }

    /// Write the predictions that wait.
    pub(crate) fn write_waiting(&self) {
        self.write_locked(&mut self.lock());
    }

    fn write_locked(&self, state: &mut State) {
        if state.waiting == 0 {
            return;
        }
        let written = self.write_frames(state);
        self.count(state.waiting, &written);
        state.frames.clear();
        state.frames.shrink_to(KEPT_BYTES);
        state.waiting = 0;
    }

    fn write_frames(&self, state: &mut State) -> io::Result<()> {
        let State {
            segment,
            frames,
            last_began_us,
            waiting: _,
        } = state;
        let is_over = |segment: &Segment| segment.is_torn || segment.size >= self.segment_bytes;
        if segment.as_ref().is_some_and(is_over) {
            *segment = None;
        }
        let current = if let Some(current) = segment {
            current
        } else {
            *last_began_us = now_us().max(*last_began_us + 1);
            segment.insert(Segment::begin(&self.folder, *last_began_us, self.process)?)
        };
        current.append(frames)
    }

    fn count(&self, records: u64, written: &io::Result<()>) {
        let counter = match written {
            Ok(()) => &self.counters.log_records,
            Err(_) => &self.counters.log_dropped,
        };
        counter.fetch_add(records, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(crate) fn continue_in(&self, segment: Segment) {
        let mut state = self.lock();
        state.segment = Some(segment);
    }

    fn sync(&self) -> io::Result<()> {
        let state = self.lock();
        state.segment.as_ref().map_or(Ok(()), Segment::sync)
    }
}

/// What is told of a prediction later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedbackKind {
    /// The true value.
    Label,
    /// Something that happened, such as `error`.
    Event,
}

impl FeedbackKind {
    /// The word in files and columns.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::Event => "event",
        }
    }

    /// Read the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Label, Self::Event]
            .into_iter()
            .find(|kind| kind.word() == word)
    }
}

/// A label or an event of one prediction.
#[derive(Debug, Clone, Copy)]
pub struct FeedbackEvent<'a> {
    /// Id of the prediction.
    pub id: &'a str,
    /// What kind of feedback.
    pub kind: FeedbackKind,
    /// JSON of the label, or of the name of the event.
    pub value: &'a [u8],
}

/// The log of labels and events.
#[derive(Debug)]
pub(crate) struct FeedbackLog {
    writer: Writer,
    counters: Arc<Counters>,
}

impl FeedbackLog {
    pub(crate) fn open(
        log: &Path,
        process: u64,
        counters: Arc<Counters>,
    ) -> Result<Self, ServeError> {
        let writer = Writer::open(&log.join(FEEDBACK_FOLDER), process, Arc::clone(&counters))?;
        Ok(Self { writer, counters })
    }

    /// Append all events in one write.
    pub(crate) fn append(
        &self,
        events: &[FeedbackEvent<'_>],
        time_us: u64,
    ) -> Result<(), ServeError> {
        if events.is_empty() {
            return Ok(());
        }
        let timed = events.iter().map(|event| (*event, time_us));
        self.writer
            .append(|frames| push_events(frames, timed))
            .map_err(ServeError::Log)?;
        self.counters
            .feedback
            .fetch_add(events.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

fn push_events<'a>(frames: &mut Vec<u8>, events: impl Iterator<Item = (FeedbackEvent<'a>, u64)>) {
    for (event, time_us) in events {
        push_frame(frames, |out| {
            out.push(FEEDBACK);
            out.extend_from_slice(&time_us.to_le_bytes());
            out.push(match event.kind {
                FeedbackKind::Label => 0,
                FeedbackKind::Event => 1,
            });
            push_bytes(out, event.id.as_bytes());
            push_bytes(out, event.value);
        });
    }
}

/// Append labels and events from outside the server, each with its arrival time; synced to disk before it returns.
///
/// # Errors
/// [`ServeError::Log`] when they cannot be written; then none is kept.
pub fn append_feedback(
    folder: &Path,
    events: &[(FeedbackEvent<'_>, u64)],
) -> Result<usize, ServeError> {
    if events.is_empty() {
        return Ok(0);
    }
    let writer = Writer::open(folder, random_u64(), Arc::new(Counters::default()))?;
    let written = writer.append(|frames| push_events(frames, events.iter().copied()));
    written
        .and_then(|()| writer.sync())
        .map_err(ServeError::Log)?;
    Ok(events.len())
}
