//! Columns from Python: `(name, kind, values, levels)`.

use std::collections::HashMap;

use mlwright_features::{ColumnSlice, Input};
use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::error::Failure;

/// A column as Python passes it.
pub(crate) type PyColumn<'py> = (String, String, Bound<'py, PyAny>, Option<Vec<String>>);

enum Values<'py> {
    Number(PyReadonlyArray1<'py, f64>),
    Time(PyReadonlyArray1<'py, i64>),
    Text(PyReadonlyArray1<'py, u32>, Vec<String>),
}

/// Borrowed columns, in the order of a transform's inputs.
pub(crate) struct Columns<'py> {
    names: Vec<String>,
    values: Vec<Values<'py>>,
}

impl<'py> Columns<'py> {
    /// Pick and borrow the columns that the inputs name; others are left alone.
    pub(crate) fn new(columns: Vec<PyColumn<'py>>, inputs: &[Input]) -> Result<Self, Failure> {
        let mut by_name = HashMap::with_capacity(columns.len());
        for (name, kind, array, levels) in columns {
            by_name.entry(name).or_insert((kind, array, levels));
        }
        let mut values = Vec::with_capacity(inputs.len());
        for input in inputs {
            let (kind, array, levels) = by_name.remove(&input.name).ok_or_else(|| {
                Failure::argument(format!("the column {:?} is missing", input.name))
            })?;
            values.push(borrow(&input.name, &kind, &array, levels)?);
        }
        Ok(Self {
            names: inputs.iter().map(|input| input.name.clone()).collect(),
            values,
        })
    }

    /// The columns as slices.
    pub(crate) fn slices(&self) -> Result<Vec<ColumnSlice<'_>>, Failure> {
        self.names
            .iter()
            .zip(&self.values)
            .map(|(name, values)| {
                let slice = match values {
                    Values::Number(array) => array.as_slice().map(ColumnSlice::Number),
                    Values::Time(array) => array.as_slice().map(ColumnSlice::Time),
                    Values::Text(codes, levels) => codes
                        .as_slice()
                        .map(|codes| ColumnSlice::Text { codes, levels }),
                };
                slice.map_err(|_| {
                    Failure::argument(format!("the values of {name:?} are not contiguous"))
                })
            })
            .collect()
    }
}

fn borrow<'py>(
    name: &str,
    kind: &str,
    array: &Bound<'py, PyAny>,
    levels: Option<Vec<String>>,
) -> Result<Values<'py>, Failure> {
    let wrong = |dtype: &str| {
        Failure::argument(format!(
            "the values of {name:?} ({kind}) are no array of {dtype}"
        ))
    };
    match (kind, levels) {
        ("string", None) => Err(Failure::argument(format!(
            "the string column {name:?} has no levels"
        ))),
        (_, Some(levels)) => {
            let codes = array.cast::<PyArray1<u32>>().map_err(|_| wrong("uint32"))?;
            Ok(Values::Text(codes.readonly(), levels))
        }
        ("number" | "integer" | "boolean", None) => Ok(Values::Number(
            array
                .cast::<PyArray1<f64>>()
                .map_err(|_| wrong("float64"))?
                .readonly(),
        )),
        ("timestamp", None) => Ok(Values::Time(
            array
                .cast::<PyArray1<i64>>()
                .map_err(|_| wrong("int64"))?
                .readonly(),
        )),
        (_, None) => Err(Failure::argument(format!(
            "the column {name:?} has the unknown kind {kind:?}"
        ))),
    }
}
