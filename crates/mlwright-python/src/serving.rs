//! The server and its logs.

use std::path::PathBuf;

use mlwright_http::ServerConfig;
use mlwright_serve::log::{self, Cursor};
use mlwright_serve::{FeedbackEvent, FeedbackKind, PredictionId};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::Failure;

/// Run the server until it is told to stop; give its exit code.
#[pyfunction]
pub(crate) fn serve(py: Python<'_>, config_json: &str) -> PyResult<i32> {
    let config = ServerConfig::from_json(config_json).map_err(Failure::from)?;
    py.detach(|| mlwright_http::run(&config))
        .map_err(Failure::from)?;
    Ok(0)
}

/// Read predictions that follow a cursor.
#[pyfunction]
pub(crate) fn read_log(
    py: Python<'_>,
    directory: PathBuf,
    after: Cursor,
) -> PyResult<(Bound<'_, PyDict>, Cursor)> {
    let (columns, cursor) = py
        .detach(|| log::read_predictions(&directory, &after))
        .map_err(Failure::from)?;
    let dict = PyDict::new(py);
    dict.set_item("id", columns.id)?;
    dict.set_item("time_us", columns.time_us)?;
    dict.set_item("variant", columns.variant)?;
    dict.set_item("model", columns.model)?;
    dict.set_item("version", columns.version)?;
    dict.set_item("epoch", columns.epoch)?;
    dict.set_item("rollout", columns.rollout)?;
    dict.set_item("propensity", columns.propensity)?;
    dict.set_item("unit", columns.unit)?;
    dict.set_item("reason", columns.reason)?;
    dict.set_item("latency_us", columns.latency_us)?;
    dict.set_item("prediction", columns.prediction)?;
    dict.set_item("scores", columns.scores)?;
    dict.set_item("input", columns.input)?;
    dict.set_item("inference_id", columns.inference_id)?;
    Ok((dict, cursor))
}

/// Ids, times, kinds and values of feedback.
type Feedback = (Vec<String>, Vec<u64>, Vec<&'static str>, Vec<String>);

/// Read labels and events that follow a cursor.
#[pyfunction]
pub(crate) fn read_feedback(
    py: Python<'_>,
    directory: PathBuf,
    after: Cursor,
) -> PyResult<(Feedback, Cursor)> {
    let (columns, cursor) = py
        .detach(|| log::read_feedback(&directory, &after))
        .map_err(Failure::from)?;
    Ok((
        (columns.id, columns.time_us, columns.kind, columns.value),
        cursor,
    ))
}

/// Read counter windows that follow a cursor.
#[pyfunction]
pub(crate) fn read_windows(
    py: Python<'_>,
    directory: PathBuf,
    after: Cursor,
) -> PyResult<(Bound<'_, PyDict>, Cursor)> {
    let (columns, cursor) = py
        .detach(|| log::read_windows(&directory, &after))
        .map_err(Failure::from)?;
    let dict = PyDict::new(py);
    dict.set_item("time_us", columns.time_us)?;
    dict.set_item("from_us", columns.from_us)?;
    dict.set_item("variant", columns.variant)?;
    dict.set_item("version", columns.version)?;
    dict.set_item("cells", columns.cells)?;
    Ok((dict, cursor))
}

/// Append labels and events; all of them, or none.
#[pyfunction]
pub(crate) fn append_feedback(
    py: Python<'_>,
    directory: PathBuf,
    ids: Vec<String>,
    values: Vec<String>,
    kinds: Vec<String>,
    times_us: Vec<u64>,
) -> PyResult<usize> {
    if [values.len(), kinds.len(), times_us.len()] != [ids.len(); 3] {
        return Err(
            Failure::argument("ids, values, kinds and times have different lengths").into(),
        );
    }
    let events = (0..ids.len())
        .map(|place| {
            let id = ids[place].as_str();
            let kind = FeedbackKind::parse(&kinds[place]);
            match (PredictionId::parse(id), kind) {
                (Some(_), Some(kind)) => Ok((
                    FeedbackEvent {
                        id,
                        kind,
                        value: values[place].as_bytes(),
                    },
                    times_us[place],
                )),
                (None, _) => Err(Failure::argument(format!("{id:?} is not a prediction id"))),
                (_, None) => Err(Failure::argument(format!(
                    "{:?} is no kind of feedback",
                    kinds[place]
                ))),
            }
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(py
        .detach(|| log::append_feedback(&directory, &events))
        .map_err(Failure::from)?)
}
