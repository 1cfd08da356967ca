//! Values of typed lists as the rest of the server knows them.

use std::borrow::Cow;

use crate::json::{Number, Scalar};

/// All values of a list, or the place of the first that is none.
pub(crate) fn read_list<'a, T>(
    list: &'a [T],
    read: impl Fn(&'a T) -> Option<Scalar<'a>>,
) -> Result<Vec<Scalar<'a>>, usize> {
    let values = list.iter().enumerate();
    values
        .map(|(place, value)| read(value).ok_or(place))
        .collect()
}

/// A whole number of 63 bits.
pub(crate) fn whole<'a>(value: impl TryInto<i64>) -> Option<Scalar<'a>> {
    let integer = value.try_into().ok()?;
    Some(Scalar::Number(Number {
        value: integer as f64,
        integer: Some(integer),
    }))
}

/// A float: NaN is a missing value, infinity is none, as in raw bytes.
pub(crate) fn float<'a>(value: f64) -> Option<Scalar<'a>> {
    if value.is_nan() {
        return Some(Scalar::Null);
    }
    value.is_finite().then_some(Scalar::Number(Number {
        value,
        integer: None,
    }))
}

/// A text in UTF-8.
pub(crate) fn text(bytes: &[u8]) -> Option<Scalar<'_>> {
    let text = std::str::from_utf8(bytes).ok()?;
    Some(Scalar::Text(Cow::Borrowed(text)))
}
