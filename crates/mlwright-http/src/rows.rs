//! Rows as they stand in a body: named fields, lists of numbers, or lists of other values, each with its raw bytes.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use mlwright_serve::Raw;

use crate::errors::ApiError;
use crate::json::{Reader, Scalar};
use crate::tensor_values::ELEMENTS;
use crate::text::{push_list, push_number};

/// Above this many fields duplicates are found by hashing instead of comparing.
const FEW_FIELDS: usize = 48;

/// Room that is made for the fields of a row before they are counted.
const FIRST_FIELDS: usize = 16;
/// The same for numbers, which take a seventh of the room.
const FIRST_NUMBERS: usize = 32;

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

/// Which keys a row may have had: one bit of 256 per key, so that most keys are known to be new without comparing.
#[derive(Debug, Default)]
struct Seen([u64; 4]);

impl Seen {
    /// Add a key; whether its bit was set.
    fn add(&mut self, key: &str) -> bool {
        let bytes = key.as_bytes();
        let (mut first, mut last) = ([0; 8], [0; 8]);
        let length = bytes.len().min(8);
        first[..length].copy_from_slice(&bytes[..length]);
        last[..length].copy_from_slice(&bytes[bytes.len() - length..]);
        let mixed = u64::from_le_bytes(first)
            ^ u64::from_le_bytes(last).rotate_left(29)
            ^ bytes.len() as u64;
        let place = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56;
        let (word, bit) = ((place / 64) as usize, 1 << (place % 64));
        let was_set = self.0[word] & bit != 0;
        self.0[word] |= bit;
        was_set
    }
}

/// All rows of a body.
#[derive(Debug, Default)]
pub(crate) struct Rows<'a> {
    pub(crate) fields: Vec<Field<'a>>,
    pub(crate) numbers: Vec<f64>,
    pub(crate) kinds: Vec<RowKind>,
    /// The text of each row; none if they came as bytes, then all that they are is `numbers`.
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

    /// Rows of a matrix, with the texts that were composed of them: nothing is read again.
    pub(crate) fn of_matrix(texts: &'a [Cow<'_, [u8]>], numbers: Vec<f64>) -> Self {
        Self {
            raw: texts.iter().map(AsRef::as_ref).collect(),
            ..Self::of_numbers(numbers, texts.len())
        }
    }

    /// Rows of a matrix that came as bytes.
    pub(crate) fn of_numbers(numbers: Vec<f64>, rows: usize) -> Self {
        let width = numbers.len().checked_div(rows).unwrap_or(0);
        Self {
            fields: Vec::new(),
            numbers,
            kinds: (0..rows)
                .map(|row| RowKind::Numbers(row * width..(row + 1) * width))
                .collect(),
            raw: Vec::new(),
        }
    }

    /// What the log keeps of the rows.
    pub(crate) fn for_log(&self) -> Raw<'_> {
        if self.raw.is_empty() {
            Raw::Matrix
        } else {
            Raw::Json(&self.raw)
        }
    }

    /// The text of each row, made of its numbers if it has none.
    pub(crate) fn texts(&self) -> Vec<Box<[u8]>> {
        if !self.raw.is_empty() {
            return self.raw.iter().map(|row| (*row).into()).collect();
        }
        let write = |kind: &RowKind| {
            let mut out = Vec::new();
            if let RowKind::Numbers(range) = kind {
                let numbers = self.numbers[range.clone()].iter().copied();
                push_list(&mut out, numbers, push_number);
            }
            out.into()
        };
        self.kinds.iter().map(write).collect()
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
        let mut seen = Seen::default();
        self.fields.reserve(FIRST_FIELDS);
        reader.open()?;
        let mut is_first = true;
        while let Some(key) = reader.next_key(&mut is_first)? {
            let may_be_old = seen.add(&key) && self.fields.len() - start < FEW_FIELDS;
            if may_be_old && self.fields[start..].iter().any(|field| field.key == key) {
                return Err(reader.wrong("a key appears twice").into());
            }
            self.check_room()?;
            let value = reader.scalar()?;
            self.fields.push(Field { key, value });
        }
        if self.fields.len() - start > FEW_FIELDS {
            let mut keys = HashSet::with_capacity(self.fields.len() - start);
            if !self.fields[start..]
                .iter()
                .all(|field| keys.insert(field.key.as_ref()))
            {
                return Err(reader.wrong("a key appears twice").into());
            }
        }
        Ok(RowKind::Object(start..self.fields.len()))
    }

    fn read_values(&mut self, reader: &mut Reader<'a>) -> Result<RowKind, ApiError> {
        let (first_number, first_field) = (self.numbers.len(), self.fields.len());
        self.numbers.reserve(FIRST_NUMBERS);
        reader.open()?;
        let mut is_first = true;
        let mut has_others = false;
        while reader.next_item(&mut is_first)? {
            self.check_room()?;
            let byte = reader.peek()?;
            if !has_others && matches!(byte, b'-' | b'0'..=b'9') {
                let known = self.numbers.len();
                let room = ELEMENTS - self.fields.len() - known;
                reader.numbers(&mut self.numbers, room)?;
                if self.numbers.len() == known {
                    self.numbers.push(reader.number()?.value);
                }
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

    /// A value is up to sixteen times as large in memory as in a body: so many are taken.
    fn check_room(&self) -> Result<(), ApiError> {
        if self.fields.len() + self.numbers.len() >= ELEMENTS {
            return Err(ApiError::TooLarge(format!(
                "more than {ELEMENTS} values in one request"
            )));
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<usize, ApiError> {
        let mut rows = Rows::default();
        rows.read_row(&mut Reader::new(text.as_bytes(), 100)?)?;
        Ok(rows.fields.len())
    }

    #[test]
    fn keys_of_a_row_are_unique_however_many_there_are() {
        for count in [1, 2, 30, 47, 48, 49, 50, 300] {
            let fields: Vec<String> = (0..count).map(|n| format!("\"column_{n}\":1")).collect();
            let row = |last: &str| format!("{{{}{last}}}", fields.join(","));
            assert_eq!(read(&row("")), Ok(count));
            for twice in [0, count / 2, count - 1] {
                assert!(
                    read(&row(&format!(",\"column_{twice}\":2"))).is_err(),
                    "{count} {twice}"
                );
            }
        }
    }
}
