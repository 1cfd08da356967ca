//! Rows as they stand in a body: named fields, lists of numbers, or lists of other values, each with its raw bytes.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use crate::errors::ApiError;
use crate::json::{Reader, Scalar};

/// Above this many fields duplicates are found by hashing instead of comparing.
const FEW_FIELDS: usize = 48;

/// One `key: value` of a row; rows that are lists have empty keys.
#[derive(Debug)]
pub(crate) struct Field<'a> {
    pub(crate) key: Cow<'a, str>,
    pub(crate) value: Scalar<'a>,
}

/// Where the content of a row is.
#[derive(Debug, Clone)]
pub(crate) enum RowKind {
    /// An object: its fields.
    Object(Range<usize>),
    /// A list of numbers only.
    Numbers(Range<usize>),
    /// A list with other values among them.
    Values(Range<usize>),
}

/// All rows of a body.
#[derive(Debug, Default)]
pub(crate) struct Rows<'a> {
    pub(crate) fields: Vec<Field<'a>>,
    pub(crate) numbers: Vec<f64>,
    pub(crate) kinds: Vec<RowKind>,
    pub(crate) raw: Vec<&'a [u8]>,
}

impl<'a> Rows<'a> {
    /// Read a list of rows.
    pub(crate) fn read_list(
        &mut self,
        reader: &mut Reader<'a>,
        limit: usize,
    ) -> Result<(), ApiError> {
        if reader.peek()? != b'[' {
            reader.scalar()?;
            return Err(ApiError::Shape("the rows have to be a list".to_owned()));
        }
        reader.open()?;
        let mut is_first = true;
        while reader.next_item(&mut is_first)? {
            if self.kinds.len() == limit {
                return Err(ApiError::TooLarge(format!(
                    "more than {limit} rows in one request"
                )));
            }
            self.read_row(reader)?;
        }
        Ok(())
    }

    /// Read rows that were composed of columns; `is_single` rounds numbers of lists to float32.
    pub(crate) fn of_texts(
        texts: &'a [Cow<'_, [u8]>],
        depth: usize,
        is_single: bool,
    ) -> Result<Self, ApiError> {
        let mut rows = Self::default();
        for text in texts {
            rows.read_row(&mut Reader::new(text, depth)?)?;
        }
        if is_single {
            for number in &mut rows.numbers {
                *number = f64::from(*number as f32);
            }
        }
        Ok(rows)
    }

    /// Read one row.
    pub(crate) fn read_row(&mut self, reader: &mut Reader<'a>) -> Result<(), ApiError> {
        let first = reader.peek()?;
        let start = reader.position();
        let kind = match first {
            b'{' => self.read_object(reader)?,
            b'[' => self.read_values(reader)?,
            _ => {
                reader.scalar()?;
                let row = self.kinds.len();
                return Err(ApiError::Shape(format!(
                    "row {row} is neither an object nor a list"
                )));
            }
        };
        self.kinds.push(kind);
        self.raw.push(reader.since(start));
        Ok(())
    }

    fn read_object(&mut self, reader: &mut Reader<'a>) -> Result<RowKind, ApiError> {
        let start = self.fields.len();
        reader.open()?;
        let mut is_first = true;
        while let Some(key) = reader.next_key(&mut is_first)? {
            if self.fields.len() - start < FEW_FIELDS
                && self.fields[start..].iter().any(|field| field.key == key)
            {
                return Err(reader.wrong("a key appears twice").into());
            }
            let value = reader.scalar()?;
            self.fields.push(Field { key, value });
        }
        if self.fields.len() - start > FEW_FIELDS {
            let mut seen = HashSet::with_capacity(self.fields.len() - start);
            if !self.fields[start..]
                .iter()
                .all(|field| seen.insert(field.key.as_ref()))
            {
                return Err(reader.wrong("a key appears twice").into());
            }
        }
        Ok(RowKind::Object(start..self.fields.len()))
    }

    fn read_values(&mut self, reader: &mut Reader<'a>) -> Result<RowKind, ApiError> {
        let (first_number, first_field) = (self.numbers.len(), self.fields.len());
        reader.open()?;
        let mut is_first = true;
        let mut has_others = false;
        while reader.next_item(&mut is_first)? {
            let byte = reader.peek()?;
            if !has_others && matches!(byte, b'-' | b'0'..=b'9') {
                self.numbers.push(reader.number()?.value);
            } else {
                if !has_others {
                    has_others = true;
                    self.numbers_to_fields(first_number);
                }
                let value = reader.scalar()?;
                self.fields.push(Field {
                    key: Cow::Borrowed(""),
                    value,
                });
            }
        }
        if has_others {
            return Ok(RowKind::Values(first_field..self.fields.len()));
        }
        Ok(RowKind::Numbers(first_number..self.numbers.len()))
    }

    fn numbers_to_fields(&mut self, start: usize) {
        let fields = self.numbers[start..].iter().map(|value| Field {
            key: Cow::Borrowed(""),
            value: Scalar::Number(crate::json::Number {
                value: *value,
                integer: None,
            }),
        });
        self.fields.extend(fields);
        self.numbers.truncate(start);
    }
}
