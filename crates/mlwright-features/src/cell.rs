//! Values of a row and of a column, before and after their types are known to be right.

use serde::{Deserialize, Serialize};

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Any number.
    Number,
    /// A number without a fraction.
    Integer,
    /// True or false.
    Boolean,
    /// Text.
    String,
    /// A moment, microseconds since 1970 in UTC.
    Timestamp,
}

impl Kind {
    /// The word of this type in contracts and signatures.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::String => "string",
            Self::Timestamp => "timestamp",
        }
    }
}

/// A checked value of one column in one row. Numbers, integers and booleans (1 and 0) are `Number`; the kind of
/// the column tells them apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// No value. `Number(NaN)` counts as null too.
    Null,
    /// A number, an integer or a boolean.
    Number(f64),
    /// Text.
    Text(&'a str),
    /// Microseconds since 1970 in UTC.
    Time(i64),
}

/// A value as a caller sent it, before the contract has looked at it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// null
    Null,
    /// true or false
    Bool(bool),
    /// A number. JSON has no NaN; typed tensors may bring it.
    Number(f64),
    /// A string.
    Text(&'a str),
    /// A list, where a scalar belongs.
    List,
    /// An object, where a scalar belongs.
    Object,
}

impl Value<'_> {
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::List => "a list",
            Self::Object => "an object",
        }
    }
}

/// A whole column of checked values.
#[derive(Debug, Clone, Copy)]
pub enum ColumnSlice<'a> {
    /// Numbers, integers or booleans; NaN is null.
    Number(&'a [f64]),
    /// Microseconds since 1970 in UTC; `i64::MIN` is null.
    Time(&'a [i64]),
    /// Codes into the levels; `u32::MAX` is null.
    Text {
        /// One code per row.
        codes: &'a [u32],
        /// The text of each code.
        levels: &'a [String],
    },
}

impl ColumnSlice<'_> {
    /// The code of a null text.
    pub const NULL_CODE: u32 = u32::MAX;
    /// The time of a null moment.
    pub const NULL_TIME: i64 = i64::MIN;

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Number(values) => values.len(),
            Self::Time(values) => values.len(),
            Self::Text { codes, .. } => codes.len(),
        }
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
