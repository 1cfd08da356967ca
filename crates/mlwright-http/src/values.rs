//! The values of a list in a body, or of the bytes of a tensor: numbers alone take eight bytes each, others stand as they
//! were read.

use std::borrow::Cow;

use crate::errors::ApiError;
use crate::json::{Number, Reader, Scalar};
use crate::tensor_values::{DIMENSIONS, ELEMENTS};

/// Most values for which room is made on the word of a shape alone.
const EXPECTED: usize = 256;

/// Values in their order.
#[derive(Debug, Clone)]
pub(crate) enum Values<'a> {
    /// Nothing but numbers, of which float64 says all that there is to say.
    Numbers(Vec<f64>),
    /// Floats that came as such, not as text, whole ones too: none is infinite, and NaN is a missing value.
    Floats(Vec<f64>),
    /// Any values.
    Scalars(Vec<Scalar<'a>>),
}

impl Default for Values<'_> {
    fn default() -> Self {
        Self::Numbers(Vec::new())
    }
}

impl<'a> Values<'a> {
    /// Values of typed lists: floats, if they are.
    pub(crate) fn of_typed(scalars: Vec<Scalar<'a>>) -> Self {
        let float = |scalar: &Scalar<'_>| match scalar {
            Scalar::Null => Some(f64::NAN),
            Scalar::Number(Number {
                value,
                integer: None,
            }) => Some(*value),
            _ => None,
        };
        let floats: Option<Vec<f64>> = scalars.iter().map(float).collect();
        floats.map_or(Self::Scalars(scalars), Self::Floats)
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) | Self::Floats(numbers) => numbers.len(),
            Self::Scalars(scalars) => scalars.len(),
        }
    }

    /// The first one.
    pub(crate) fn first(&self) -> Option<Scalar<'a>> {
        match self {
            Self::Numbers(numbers) => numbers.first().map(|value| as_scalar(*value)),
            Self::Floats(floats) => floats.first().map(|value| float_as_scalar(*value)),
            Self::Scalars(scalars) => scalars.first().cloned(),
        }
    }

    /// All, as they would have been read one by one.
    pub(crate) fn scalars(&self) -> Cow<'_, [Scalar<'a>]> {
        match self {
            Self::Numbers(numbers) => numbers.iter().copied().map(as_scalar).collect(),
            Self::Floats(floats) => floats.iter().copied().map(float_as_scalar).collect(),
            Self::Scalars(scalars) => Cow::Borrowed(scalars),
        }
    }

    /// The place of the first one that is so.
    pub(crate) fn position(&self, is: impl Fn(&Scalar<'_>) -> bool) -> Option<usize> {
        match self {
            Self::Numbers(numbers) => numbers.iter().position(|value| is(&as_scalar(*value))),
            Self::Floats(floats) => floats.iter().position(|value| is(&float_as_scalar(*value))),
            Self::Scalars(scalars) => scalars.iter().position(is),
        }
    }

    /// Add one of any kind.
    pub(crate) fn push(&mut self, scalar: Scalar<'a>) {
        match self {
            Self::Numbers(_) | Self::Floats(_) => {
                let mut scalars = self.scalars().into_owned();
                scalars.push(scalar);
                *self = Self::Scalars(scalars);
            }
            Self::Scalars(scalars) => scalars.push(scalar),
        }
    }
}

fn as_scalar<'a>(value: f64) -> Scalar<'a> {
    Scalar::Number(Number::of_float(value))
}

fn float_as_scalar<'a>(value: f64) -> Scalar<'a> {
    if value.is_nan() {
        Scalar::Null
    } else {
        Scalar::Number(Number {
            value,
            integer: None,
        })
    }
}

/// Values of a list, or of lists inside it.
#[derive(Debug, Default)]
pub(crate) struct Data<'a> {
    pub(crate) values: Values<'a>,
    /// Size of the lists of each level, from the outermost.
    pub(crate) sizes: Vec<usize>,
    raw: &'a [u8],
}

impl<'a> Data<'a> {
    /// Values of one list that does not stand so in the body.
    pub(crate) fn of_column(values: Vec<Scalar<'a>>) -> Self {
        Self {
            sizes: vec![values.len()],
            values: Values::Scalars(values),
            raw: &[],
        }
    }

    /// The values as they stand in the body, when they are one list.
    pub(crate) fn flat(&self) -> Option<&'a [u8]> {
        (self.sizes.len() == 1 && !self.raw.is_empty()).then_some(self.raw)
    }

    /// Read a list of values, or lists of lists of equal sizes; the shape, if it is known, says how many to expect.
    pub(crate) fn read(reader: &mut Reader<'a>, shape: Option<&[usize]>) -> Result<Self, ApiError> {
        if reader.peek()? != b'[' {
            reader.scalar()?;
            return Err(ApiError::Shape("a list of values is expected".to_owned()));
        }
        let start = reader.position();
        let mut data = Self::default();
        let expected = shape.map_or(0, |shape| {
            shape
                .iter()
                .fold(1, |all: usize, size| all.saturating_mul(*size))
        });
        data.values = Values::Numbers(Vec::with_capacity(expected.min(EXPECTED)));
        let mut sizes = Vec::new();
        data.read_level(reader, 0, &mut sizes)?;
        data.sizes = sizes.into_iter().flatten().collect();
        data.raw = reader.since(start);
        Ok(data)
    }

    /// Read the list at a level; the values have to lie in the last level, and lists of one level be of one size.
    fn read_level(
        &mut self,
        reader: &mut Reader<'a>,
        level: usize,
        sizes: &mut Vec<Option<usize>>,
    ) -> Result<(), ApiError> {
        let ragged = || ApiError::Shape("the lists of `data` are not of equal sizes".to_owned());
        if level == DIMENSIONS || (level == sizes.len() && self.values.len() > 0) {
            return Err(ragged());
        }
        if level == sizes.len() {
            sizes.push(None);
        }
        reader.open()?;
        let (mut count, mut is_first) = (0, true);
        while reader.next_item(&mut is_first)? {
            let first = reader.peek()?;
            if first == b'[' {
                self.read_level(reader, level + 1, sizes)?;
                count += 1;
            } else if level + 1 < sizes.len() {
                return Err(ragged());
            } else if self.values.len() == ELEMENTS {
                return Err(ApiError::TooLarge(format!(
                    "more than {ELEMENTS} values in one tensor"
                )));
            } else {
                count += self.read_values(reader, first)?;
            }
        }
        match sizes[level].replace(count) {
            Some(other) if other != count => Err(ragged()),
            _ => Ok(()),
        }
    }

    /// Read as many values of a list as are of one kind; give how many.
    fn read_values(&mut self, reader: &mut Reader<'a>, first: u8) -> Result<usize, ApiError> {
        let known = self.values.len();
        if let (Values::Numbers(numbers), b'-' | b'0'..=b'9') = (&mut self.values, first) {
            reader.numbers(numbers, ELEMENTS - known)?;
        }
        if self.values.len() == known {
            self.values.push(reader.scalar()?);
        }
        Ok(self.values.len() - known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_what_they_are_when_another_value_comes() {
        let mut values = Values::Numbers(vec![1.0, -2.5]);
        let first = values.first();
        values.push(Scalar::Null);
        values.push(Scalar::Bool(true));
        assert_eq!(values.len(), 4);
        assert_eq!(values.first(), first);
        let (one, half) = (Number::of_float(1.0), Number::of_float(-2.5));
        assert_eq!((one.integer, half.integer), (Some(1), None));
        let expected = [
            Scalar::Number(one),
            Scalar::Number(half),
            Scalar::Null,
            Scalar::Bool(true),
        ];
        assert_eq!(*values.scalars(), expected);
    }

    #[test]
    fn typed_values_are_floats_if_all_are() {
        let float = |value| {
            Scalar::Number(Number {
                value,
                integer: None,
            })
        };
        let given = vec![float(1.0), Scalar::Null, float(-2.5)];
        let values = Values::of_typed(given.clone());
        assert!(matches!(&values, Values::Floats(floats) if floats.len() == 3));
        assert_eq!((values.first(), values.len()), (Some(float(1.0)), 3));
        assert_eq!(*values.scalars(), given);
        assert_eq!(values.position(|value| *value == Scalar::Null), Some(1));
        for other in [Scalar::Bool(true), Scalar::Number(Number::of_float(1.0))] {
            let values = Values::of_typed(vec![float(1.0), other]);
            assert!(matches!(values, Values::Scalars(_)));
        }
    }
}
