//! The server and its logs.

use std::collections::HashMap;

use pyo3::prelude::*;

use crate::error::NativeError;

fn absent<T>() -> PyResult<T> {
    Err(NativeError::new_err((
        "native.absent",
        "this build of the compiled core has no server",
    )))
}

/// Run the server.
#[pyfunction]
pub(crate) fn serve(_config_json: &str) -> PyResult<i32> {
    absent()
}

/// Read the prediction log.
#[pyfunction]
pub(crate) fn read_log(_directory: &str, _after: HashMap<String, u64>) -> PyResult<()> {
    absent()
}

/// Read the feedback log.
#[pyfunction]
pub(crate) fn read_feedback(_directory: &str, _after: HashMap<String, u64>) -> PyResult<()> {
    absent()
}

/// Read the counter windows.
#[pyfunction]
pub(crate) fn read_windows(_directory: &str, _after: HashMap<String, u64>) -> PyResult<()> {
    absent()
}

/// Append feedback.
#[pyfunction]
pub(crate) fn append_feedback(
    _directory: &str,
    _ids: Vec<String>,
    _values: Vec<String>,
    _kinds: Vec<String>,
    _times_us: Vec<i64>,
) -> PyResult<usize> {
    absent()
}
