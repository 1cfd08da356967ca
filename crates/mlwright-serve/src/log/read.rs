//! Readers of the logs: columns of what follows a cursor, and the next cursor. A reader stops at the first frame of a
//! segment that is not whole; the next call goes on there.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::frame::{MAGIC, next_frame};
use super::record::{FEEDBACK, Fields, PREDICTION, WINDOW};
use super::row::read_row;
use crate::{PredictionId, ServeError};

/// Segment file → offset up to which it was read.
pub type Cursor = BTreeMap<String, u64>;

/// Predictions, one entry per row in every column.
#[derive(Debug, Default, Clone, PartialEq)]
#[allow(missing_docs, reason = "the names are the fields of the log's record")]
pub struct PredictionColumns {
    pub id: Vec<String>,
    pub time_us: Vec<u64>,
    pub variant: Vec<String>,
    pub model: Vec<String>,
    pub version: Vec<u32>,
    pub epoch: Vec<u64>,
    pub rollout: Vec<u64>,
    pub propensity: Vec<f64>,
    pub unit: Vec<String>,
    pub reason: Vec<&'static str>,
    pub latency_us: Vec<u32>,
    pub prediction: Vec<f64>,
    pub scores: Vec<Vec<f64>>,
    pub input: Vec<String>,
    pub inference_id: Vec<String>,
}

/// Labels and events.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the fields of the log's record")]
pub struct FeedbackColumns {
    pub id: Vec<String>,
    pub time_us: Vec<u64>,
    pub kind: Vec<&'static str>,
    pub value: Vec<String>,
}

/// Counter windows; `cells` is JSON: column → counts.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the fields of the log's record")]
pub struct WindowColumns {
    pub time_us: Vec<u64>,
    pub from_us: Vec<u64>,
    pub variant: Vec<String>,
    pub version: Vec<u32>,
    pub cells: Vec<String>,
}

/// Read predictions that follow a cursor.
///
/// # Errors
/// [`ServeError::Log`] when the folder cannot be read; a folder that is not there is empty.
pub fn read_predictions(
    folder: &Path,
    after: &Cursor,
) -> Result<(PredictionColumns, Cursor), ServeError> {
    let mut columns = PredictionColumns::default();
    let cursor = read_frames(folder, after, |fields| columns.add(fields))?;
    Ok((columns, cursor))
}

/// Read labels and events that follow a cursor.
///
/// # Errors
/// [`ServeError::Log`] when the folder cannot be read; a folder that is not there is empty.
pub fn read_feedback(
    folder: &Path,
    after: &Cursor,
) -> Result<(FeedbackColumns, Cursor), ServeError> {
    let mut columns = FeedbackColumns::default();
    let cursor = read_frames(folder, after, |fields| columns.add(fields))?;
    Ok((columns, cursor))
}

/// Read counter windows that follow a cursor.
///
/// # Errors
/// [`ServeError::Log`] when the folder cannot be read; a folder that is not there is empty.
pub fn read_windows(folder: &Path, after: &Cursor) -> Result<(WindowColumns, Cursor), ServeError> {
    let mut columns = WindowColumns::default();
    let cursor = read_frames(folder, after, |fields| columns.add(fields))?;
    Ok((columns, cursor))
}

/// Give every payload to `add`; one of another kind or an unknown form is passed over.
fn read_frames(
    folder: &Path,
    after: &Cursor,
    mut add: impl FnMut(&mut Fields<'_>) -> Option<()>,
) -> Result<Cursor, ServeError> {
    let mut cursor = after.clone();
    for path in segments(folder).map_err(ServeError::Log)? {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        let start = cursor
            .get(name)
            .copied()
            .unwrap_or(0)
            .max(MAGIC.len() as u64);
        let Some(bytes) = read_from(&path, start).map_err(ServeError::Log)? else {
            continue;
        };
        let mut at = 0;
        while let Some((payload, next)) = next_frame(&bytes, at) {
            add(&mut Fields(payload));
            at = next;
        }
        cursor.insert(name.to_owned(), start + at as u64);
    }
    Ok(cursor)
}

fn segments(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "log") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The bytes of a segment from `start` on; none for a file that is no segment, or not yet.
fn read_from(path: &Path, start: u64) -> std::io::Result<Option<Vec<u8>>> {
    let mut file = File::open(path)?;
    let mut bytes = Vec::new();
    let length = file.metadata()?.len();
    if length < MAGIC.len() as u64 {
        return Ok(None);
    }
    let mut magic = [0; MAGIC.len()];
    file.read_exact(&mut magic)?;
    if magic != *MAGIC {
        return Ok(None);
    }
    if length > start {
        file.seek(SeekFrom::Start(start))?;
        file.read_to_end(&mut bytes)?;
    }
    Ok(Some(bytes))
}

impl PredictionColumns {
    fn add(&mut self, fields: &mut Fields<'_>) -> Option<()> {
        if fields.u8()? != PREDICTION {
            return None;
        }
        let (time_us, process, counter) = (fields.u64()?, fields.u64()?, fields.u64()?);
        let (epoch, rollout, propensity) = (fields.u64()?, fields.u64()?, fields.f64()?);
        let _unit_hash = fields.u64()?;
        let reason = if fields.u8()? == 0 {
            "assigned"
        } else {
            "forced"
        };
        let (version, latency_us) = (fields.u32()?, fields.u32()?);
        let (variant, model, unit) = (fields.text()?, fields.text()?, fields.text()?);
        let (rows, width) = (fields.u32()?, fields.u32()? as usize);
        for row in 0..rows {
            let decision = fields.f64()?;
            let scores = (0..width)
                .map(|_| fields.f64())
                .collect::<Option<Vec<f64>>>()?;
            let input = read_row(fields)?;
            self.id.push(
                PredictionId {
                    process,
                    counter: counter.wrapping_add(u64::from(row)),
                }
                .to_string(),
            );
            self.time_us.push(time_us);
            self.variant.push(variant.to_owned());
            self.model.push(model.to_owned());
            self.version.push(version);
            self.epoch.push(epoch);
            self.rollout.push(rollout);
            self.propensity.push(propensity);
            self.unit.push(unit.to_owned());
            self.reason.push(reason);
            self.latency_us.push(latency_us);
            self.prediction.push(decision);
            self.scores.push(scores);
            self.input.push(input.into_owned());
            self.inference_id.push(String::new());
        }
        if !fields.is_empty() {
            let inference_id = fields.text()?;
            let first = self.inference_id.len().saturating_sub(rows as usize);
            self.inference_id[first..].fill(inference_id.to_owned());
        }
        Some(())
    }
}

impl FeedbackColumns {
    fn add(&mut self, fields: &mut Fields<'_>) -> Option<()> {
        if fields.u8()? != FEEDBACK {
            return None;
        }
        let (time_us, kind) = (fields.u64()?, fields.u8()?);
        let (id, value) = (fields.text()?, fields.text()?);
        self.time_us.push(time_us);
        self.kind.push(if kind == 0 { "label" } else { "event" });
        self.id.push(id.to_owned());
        self.value.push(value.to_owned());
        Some(())
    }
}

impl WindowColumns {
    fn add(&mut self, fields: &mut Fields<'_>) -> Option<()> {
        if fields.u8()? != WINDOW {
            return None;
        }
        let (time_us, from_us, version) = (fields.u64()?, fields.u64()?, fields.u32()?);
        let (variant, cells) = (fields.text()?, fields.text()?);
        self.time_us.push(time_us);
        self.from_us.push(from_us);
        self.version.push(version);
        self.variant.push(variant.to_owned());
        self.cells.push(cells.to_owned());
        Some(())
    }
}

#[cfg(test)]
mod fuzz;
