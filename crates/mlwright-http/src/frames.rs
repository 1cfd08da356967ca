//! Data frames in the JSON of `MLflow`'s scoring protocol: `{"columns": […], "data": [[…]]}`.

use std::borrow::Cow;

use crate::errors::ApiError;
use crate::json::{Reader, Scalar};
use crate::keys::Keys;
use crate::tensor_values::ELEMENTS;
use crate::values::Data;

/// Columns by name.
pub(crate) type Columns<'a> = Vec<(Cow<'a, str>, Data<'a>)>;

/// Read a frame that is split into names and rows.
pub(crate) fn read_split<'a>(
    reader: &mut Reader<'a>,
    limit: usize,
) -> Result<Columns<'a>, ApiError> {
    let wrong = || {
        ApiError::Shape(
            "a data frame has to be an object with `columns` and rows in `data`".to_owned(),
        )
    };
    if reader.peek()? != b'{' {
        return Err(wrong());
    }
    reader.open()?;
    let (mut names, mut rows) = (None, None);
    let mut keys = Keys::default();
    while let Some(key) = reader.next_new_key(&mut keys)? {
        match key.as_ref() {
            "columns" if reader.peek()? == b'[' => names = Some(read_names(reader)?),
            "data" if reader.peek()? == b'[' => rows = Some(read_rows(reader, limit)?),
            "index" => {
                reader.scalar()?;
            }
            _ => return Err(wrong()),
        }
    }
    let (Some(names), Some((values, widths))) = (names, rows) else {
        return Err(wrong());
    };
    if let Some(row) = widths.iter().position(|width| *width != names.len()) {
        let (found, expected) = (widths[row], names.len());
        return Err(ApiError::Shape(format!(
            "row {row} has {found} values for {expected} columns"
        )));
    }
    let width = names.len().max(1);
    let column = |(place, name): (usize, Cow<'a, str>)| {
        let column = values.iter().skip(place).step_by(width);
        (name, Data::of_column(column.cloned().collect()))
    };
    Ok(names.into_iter().enumerate().map(column).collect())
}

fn read_names<'a>(reader: &mut Reader<'a>) -> Result<Vec<Cow<'a, str>>, ApiError> {
    reader.open()?;
    let (mut names, mut known) = (Vec::new(), Keys::default());
    let mut is_first = true;
    while reader.next_item(&mut is_first)? {
        match reader.scalar()? {
            Scalar::Text(name) if known.add(name.clone()) => names.push(name),
            _ => {
                return Err(ApiError::Shape(
                    "`columns` has to hold texts, each once".to_owned(),
                ));
            }
        }
    }
    Ok(names)
}

type Rows<'a> = (Vec<Scalar<'a>>, Vec<usize>);

/// The values of all rows, and how many each row has.
fn read_rows<'a>(reader: &mut Reader<'a>, limit: usize) -> Result<Rows<'a>, ApiError> {
    let too_large = || {
        ApiError::TooLarge(format!(
            "more than {limit} rows or {ELEMENTS} values in one request"
        ))
    };
    reader.open()?;
    let (mut values, mut widths) = (Vec::new(), Vec::new());
    let mut is_first = true;
    while reader.next_item(&mut is_first)? {
        if reader.peek()? != b'[' {
            return Err(ApiError::Shape(
                "`data` has to be a list of rows".to_owned(),
            ));
        }
        reader.open()?;
        let (start, mut is_first) = (values.len(), true);
        while reader.next_item(&mut is_first)? {
            if values.len() == ELEMENTS {
                return Err(too_large());
            }
            values.push(reader.scalar()?);
        }
        widths.push(values.len() - start);
        if widths.len() > limit {
            return Err(too_large());
        }
    }
    Ok((values, widths))
}
