//! Transforms and contracts.

use mlwright_features::{
    Cell, Contract, Input, RowReader, TextTask, Transform, Value, Violation, ViolationKind,
    fit_text as learn_text,
};
use numpy::{
    PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods,
};
use pyo3::prelude::*;
use serde_json::Value as Json;

use crate::columns::{Columns, PyColumn};
use crate::error::Failure;

/// Apply a transform document to whole columns; give float64 `[rows, outputs]`.
#[pyfunction]
pub(crate) fn transform<'py>(
    py: Python<'py>,
    transform_json: &str,
    columns: Vec<PyColumn<'py>>,
    rows: usize,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let transform = Transform::from_json(transform_json.as_bytes()).map_err(Failure::from)?;
    let columns = Columns::new(columns, transform.inputs())?;
    let numbers = apply(py, &transform, &columns, rows)?;
    matrix(py, numbers, rows, transform.outputs())
}

/// What `fit_text` gives: terms, idf, squares, weights `[terms, targets]`, shifts, scores `[texts, targets]`.
type LearnedText<'py> = (
    Vec<String>,
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray2<f64>>,
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray2<f64>>,
);

/// Learn terms and weights from different texts; `sums` is `[texts, targets]`.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
pub(crate) fn fit_text<'py>(
    py: Python<'py>,
    texts: Vec<String>,
    rows: PyReadonlyArray1<'py, f64>,
    sums: PyReadonlyArray2<'py, f64>,
    parts: PyReadonlyArray1<'py, u32>,
    longest: usize,
    fewest: u32,
    most: usize,
    penalty: f64,
) -> PyResult<LearnedText<'py>> {
    let targets = sums.shape()[1];
    let task = TextTask {
        texts: &texts,
        rows: rows.as_slice()?,
        sums: sums.as_slice()?,
        parts: parts.as_slice()?,
        longest,
        fewest,
        most,
        penalty,
    };
    let fitted = py
        .detach(|| learn_text(&task))
        .ok_or_else(|| Failure::argument("texts, rows, sums and parts do not fit".to_owned()))?;
    let terms = fitted.terms.len();
    Ok((
        fitted.terms,
        PyArray1::from_vec(py, fitted.idf),
        PyArray1::from_vec(py, fitted.squares),
        matrix(py, fitted.weights, terms, targets)?,
        PyArray1::from_vec(py, fitted.shifts),
        matrix(py, fitted.scores, texts.len(), targets)?,
    ))
}

/// Apply a transform with the interpreter lock released.
pub(crate) fn apply(
    py: Python<'_>,
    transform: &Transform,
    columns: &Columns<'_>,
    rows: usize,
) -> Result<Vec<f64>, Failure> {
    let slices = columns.slices()?;
    py.detach(|| {
        let size = rows
            .checked_mul(transform.outputs())
            .filter(|_| slices.iter().all(|slice| slice.len() == rows))
            .ok_or_else(|| Failure::argument(format!("not every column has {rows} rows")))?;
        let mut out = vec![0.0; size];
        transform.apply_columns(&slices, rows, &mut out)?;
        Ok(out)
    })
}

/// Row-major numbers as a numpy matrix.
pub(crate) fn matrix(
    py: Python<'_>,
    numbers: Vec<f64>,
    rows: usize,
    columns: usize,
) -> PyResult<Bound<'_, PyArray2<f64>>> {
    PyArray1::from_vec(py, numbers).reshape([rows, columns])
}

/// Check rows (JSON objects) against a contract document as the server does; give a violation (JSON) or None per
/// row. `inputs` are the columns a row must have: by default all of the contract but the label.
#[pyfunction]
#[pyo3(signature = (contract_json, row_json, inputs=None))]
pub(crate) fn check_rows(
    py: Python<'_>,
    contract_json: &str,
    row_json: Vec<String>,
    inputs: Option<Vec<String>>,
) -> PyResult<Vec<Option<String>>> {
    let contract = Contract::from_json(contract_json.as_bytes()).map_err(Failure::from)?;
    let inputs = match inputs {
        Some(names) => named_inputs(&contract, &names)?,
        None => contract.inputs(),
    };
    let reader = RowReader::new(&contract, &inputs).map_err(Failure::from)?;
    Ok(py.detach(|| {
        row_json
            .iter()
            .map(|row| check_row(&reader, row).err().map(|broken| to_json(&broken)))
            .collect()
    }))
}

fn named_inputs(contract: &Contract, names: &[String]) -> Result<Vec<Input>, Failure> {
    names
        .iter()
        .map(|name| {
            let column = contract
                .column(name)
                .ok_or_else(|| Failure::argument(format!("the contract has no column {name:?}")))?;
            Ok(Input {
                name: name.clone(),
                kind: column.kind,
            })
        })
        .collect()
}

fn check_row(reader: &RowReader, row: &str) -> Result<(), Violation> {
    let no_object = |message: String| Violation {
        kind: ViolationKind::Type,
        column: String::new(),
        message,
    };
    let row: Json = serde_json::from_str(row)
        .map_err(|error| no_object(format!("the row is no JSON: {error}")))?;
    let fields = row
        .as_object()
        .ok_or_else(|| no_object("the row is no JSON object".to_owned()))?;
    let mut cells = vec![Cell::Null; reader.inputs()];
    reader.read(
        fields
            .iter()
            .map(|(name, value)| (name.as_str(), to_value(value))),
        &mut cells,
    )
}

fn to_value(value: &Json) -> Value<'_> {
    match value {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(number) => Value::Number(number.as_f64().unwrap_or(f64::NAN)),
        Json::String(text) => Value::Text(text),
        Json::Array(_) => Value::List,
        Json::Object(_) => Value::Object,
    }
}

fn to_json(violation: &Violation) -> String {
    serde_json::to_string(violation).expect("a violation is plain strings, anything else is a bug")
}
