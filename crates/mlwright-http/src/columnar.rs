//! Requests that come column by column, written as one JSON row each: the log keeps rows, and there is one way to check
//! them.

use std::borrow::Cow;

use mlwright_package::{SignatureInputs, TensorSpec};
use mlwright_serve::{Deployment, Servable};

use crate::errors::ApiError;
use crate::json::{Number, Scalar};
use crate::predict::unit_text;
use crate::text::{push_integer, push_list, push_number, push_text};
use crate::values::Values;

/// A column, or the one tensor of a matrix model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NamedValues<'v, 'a> {
    pub(crate) name: &'v str,
    pub(crate) values: &'v Values<'a>,
    pub(crate) sizes: &'v [usize],
    /// The values as they stand in the body, when they are one list.
    pub(crate) flat: Option<&'a [u8]>,
    /// Whether they are float32: a matrix model gets the nearest float32, as the caller holds it.
    pub(crate) is_single: bool,
}

/// Most bytes of what stands once in a body and is written once per row.
const REPEATED_BYTES: usize = 256 << 20;

/// Refuse a body that would grow beyond all bounds: so many bytes of it are repeated in each row.
pub(crate) fn check_repeated(bytes: usize, rows: usize) -> Result<(), ApiError> {
    match bytes.checked_mul(rows) {
        Some(all) if all <= REPEATED_BYTES => Ok(()),
        _ => Err(ApiError::TooLarge(format!(
            "the names of the columns, repeated in each row, have more than {REPEATED_BYTES} bytes"
        ))),
    }
}

/// Rows of a columnar request.
pub(crate) fn count_rows(columns: &[NamedValues<'_, '_>], limit: usize) -> Result<usize, ApiError> {
    let rows = columns.first().and_then(|column| column.sizes.first());
    match rows {
        None => Err(ApiError::Shape("the request has no input".to_owned())),
        Some(rows) if *rows > limit => Err(ApiError::TooLarge(format!(
            "more than {limit} rows in one request"
        ))),
        Some(rows) => Ok(*rows),
    }
}

/// The unit, when the deployment has a column for it: the value of the first row.
pub(crate) fn unit_of_columns<'a>(
    deployment: &Deployment,
    columns: &[NamedValues<'_, 'a>],
) -> Option<Cow<'a, str>> {
    let name = deployment.spec.unit.as_deref()?;
    let column = columns.iter().find(|column| column.name == name)?;
    unit_text(&column.values.first()?)
}

/// Write the rows as JSON: objects for a model of named columns, lists for a matrix model.
pub(crate) fn compose<'a>(
    columns: &[NamedValues<'_, 'a>],
    servable: &Servable,
    rows: usize,
) -> Result<Vec<Cow<'a, [u8]>>, ApiError> {
    match &servable.manifest().signature.inputs {
        SignatureInputs::Columns(_) => compose_objects(columns, rows),
        SignatureInputs::Tensor(specs) => {
            let (matrix, width) = find_matrix(columns, servable, specs, rows)?;
            compose_lists(matrix, rows, width)
        }
    }
}

/// The numbers of a request for a matrix model, if they came as bytes: there is no text to be kept of them.
pub(crate) fn bare_matrix(
    columns: &[NamedValues<'_, '_>],
    servable: &Servable,
    rows: usize,
) -> Result<Option<Vec<f64>>, ApiError> {
    let inputs = &servable.manifest().signature.inputs;
    let (SignatureInputs::Tensor(specs), [matrix]) = (inputs, columns) else {
        return Ok(None);
    };
    let Values::Floats(floats) = matrix.values else {
        return Ok(None);
    };
    find_matrix(columns, servable, specs, rows)?;
    Ok(Some(floats.clone()))
}

/// The one tensor of a matrix model and its width.
fn find_matrix<'c, 'v, 'a>(
    tensors: &'c [NamedValues<'v, 'a>],
    servable: &Servable,
    specs: &[TensorSpec],
    rows: usize,
) -> Result<(&'c NamedValues<'v, 'a>, usize), ApiError> {
    let (Some(spec), Some(width)) = (specs.first(), servable.matrix_width()) else {
        return Err(ApiError::Shape(
            "this model takes several tensors: use /v2/models/NAME/infer".to_owned(),
        ));
    };
    let name = &spec.name;
    let [tensor] = tensors else {
        return Err(ApiError::Shape(format!(
            "the model takes one tensor, {name:?}"
        )));
    };
    if tensor.name != name {
        let found = tensor.name;
        return Err(ApiError::Shape(format!(
            "the model has no input {found:?}, it takes {name:?}"
        )));
    }
    if tensor.sizes != [rows, width] {
        let found = tensor.sizes;
        return Err(ApiError::Shape(format!(
            "{name:?} has shape {found:?}, the model takes [rows, {width}]"
        )));
    }
    Ok((tensor, width))
}

fn compose_objects<'a>(
    columns: &[NamedValues<'_, 'a>],
    rows: usize,
) -> Result<Vec<Cow<'a, [u8]>>, ApiError> {
    let is_column = |sizes: &[usize]| matches!(sizes, [count] | [count, 1] if *count == rows);
    if let Some(other) = columns.iter().find(|column| !is_column(column.sizes)) {
        let (name, shape) = (other.name, other.sizes);
        return Err(ApiError::Shape(format!(
            "{name:?} has shape {shape:?}, the columns of this request have [{rows}] or [{rows}, 1]"
        )));
    }
    check_repeated(columns.iter().map(|column| column.name.len()).sum(), rows)?;
    let values: Vec<_> = columns
        .iter()
        .map(|column| column.values.scalars())
        .collect();
    let write = |row: usize| {
        let mut out = vec![b'{'];
        for (at, (column, values)) in columns.iter().zip(&values).enumerate() {
            if at > 0 {
                out.push(b',');
            }
            push_text(&mut out, column.name);
            out.push(b':');
            push_scalar(&mut out, &values[row]);
        }
        out.push(b'}');
        Cow::Owned(out)
    };
    Ok((0..rows).map(write).collect())
}

fn compose_lists<'a>(
    tensor: &NamedValues<'_, 'a>,
    rows: usize,
    width: usize,
) -> Result<Vec<Cow<'a, [u8]>>, ApiError> {
    let name = tensor.name;
    if let Some(place) = inexact_among(tensor.values) {
        return Err(ApiError::Type(format!(
            "value {place} of {name:?} is no number that float64 holds"
        )));
    }
    if let (1, Some(flat)) = (rows, tensor.flat) {
        return Ok(vec![Cow::Borrowed(flat)]);
    }
    if let Some(flat) = tensor.flat {
        return Ok(cut(flat, width).into_iter().map(Cow::Owned).collect());
    }
    let write = |row: &[Scalar<'_>]| {
        let mut out = Vec::with_capacity(row.len() * 20);
        push_list(&mut out, row, push_scalar);
        Cow::Owned(out)
    };
    let values = tensor.values.scalars();
    Ok(values.chunks_exact(width).map(write).collect())
}

/// Cut the text of one list into a list per row: it has nothing but numbers, nulls and white space between its commas.
fn cut(flat: &[u8], width: usize) -> Vec<Vec<u8>> {
    let mut rest = &flat[1..flat.len() - 1];
    let mut rows = Vec::new();
    while let Some(end) = nth_comma(rest, width) {
        rows.push([b"[", &rest[..end], b"]"].concat());
        rest = &rest[end + 1..];
    }
    rows.push([b"[", rest, b"]"].concat());
    rows
}

/// The place of the n-th comma, counted from one. Commas are counted block by block, which needs no branch per byte.
fn nth_comma(text: &[u8], n: usize) -> Option<usize> {
    const BLOCK: usize = 64;
    let mut left = n;
    for (number, block) in text.chunks(BLOCK).enumerate() {
        let commas: u8 = block.iter().map(|byte| u8::from(*byte == b',')).sum();
        if usize::from(commas) >= left {
            let mut places = (0..block.len()).filter(|at| block[*at] == b',');
            return places.nth(left - 1).map(|at| number * BLOCK + at);
        }
        left -= usize::from(commas);
    }
    None
}

/// The numbers of a matrix that was composed: a missing value is NaN, as the kernels know it.
pub(crate) fn numbers_of(matrix: &NamedValues<'_, '_>) -> Vec<f64> {
    let number = |value: &Scalar<'_>| match value {
        Scalar::Number(number) => number.value,
        Scalar::Null | Scalar::Bool(_) | Scalar::Text(_) | Scalar::List | Scalar::Object => {
            f64::NAN
        }
    };
    let mut numbers: Vec<f64> = match matrix.values {
        Values::Numbers(numbers) | Values::Floats(numbers) => numbers.clone(),
        Values::Scalars(scalars) => scalars.iter().map(number).collect(),
    };
    if matrix.is_single {
        for number in &mut numbers {
            *number = f64::from(*number as f32);
        }
    }
    numbers
}

/// The place of a value that float64 does not hold.
fn inexact_among(values: &Values<'_>) -> Option<usize> {
    match values {
        Values::Numbers(_) | Values::Floats(_) => None,
        Values::Scalars(scalars) => scalars.iter().position(|value| !is_exact(value)),
    }
}

/// Whether float64 holds a value; null is a missing one, which JSON has no other way to say.
fn is_exact(value: &Scalar<'_>) -> bool {
    match value {
        Scalar::Number(Number {
            integer: Some(integer),
            ..
        }) => i128::from(*integer) == (*integer as f64) as i128,
        Scalar::Number(_) | Scalar::Null => true,
        Scalar::Bool(_) | Scalar::Text(_) | Scalar::List | Scalar::Object => false,
    }
}

/// Append a value; what is inside a list or an object is not kept.
pub(crate) fn push_scalar(out: &mut Vec<u8>, value: &Scalar<'_>) {
    match value {
        Scalar::Null => out.extend_from_slice(b"null"),
        Scalar::Bool(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
        Scalar::Number(Number {
            integer: Some(integer),
            ..
        }) => push_integer(out, *integer),
        Scalar::Number(number) => push_number(out, number.value),
        Scalar::Text(text) => push_text(out, text),
        Scalar::List => out.extend_from_slice(b"[]"),
        Scalar::Object => out.extend_from_slice(b"{}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_cut_into_rows_as_its_numbers_stand_in_it() {
        for (flat, width, rows) in [
            ("[1]", 1, vec!["[1]"]),
            ("[1, 2.50 ,null,-4e1]", 2, vec!["[1, 2.50 ]", "[null,-4e1]"]),
            ("[1,2,3]", 1, vec!["[1]", "[2]", "[3]"]),
            ("[1,2,3]", 3, vec!["[1,2,3]"]),
        ] {
            let found = cut(flat.as_bytes(), width);
            let texts: Vec<_> = found
                .iter()
                .map(|row| String::from_utf8_lossy(row))
                .collect();
            assert_eq!(texts, rows, "{flat}");
        }
    }

    #[test]
    fn rows_longer_and_shorter_than_a_block_are_cut_at_the_same_places() {
        for (count, width) in [(1_000, 1), (1_000, 10), (1_000, 250), (999, 333), (64, 64)] {
            let numbers: Vec<String> = (0..count)
                .map(|number| (number * number).to_string())
                .collect();
            let flat = format!("[{}]", numbers.join(","));
            let rows = numbers
                .chunks(width)
                .map(|row| format!("[{}]", row.join(",")).into_bytes());
            assert_eq!(cut(flat.as_bytes(), width), rows.collect::<Vec<_>>());
        }
    }
}
