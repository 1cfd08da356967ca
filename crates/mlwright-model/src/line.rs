//! A rising line of straight pieces through margins: isotonic calibration as a table.

use serde::Deserialize;

use crate::ModelError;

/// The corners of the line as JSON holds them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LineDocument {
    knots: Vec<f64>,
    values: Vec<f64>,
}

/// The line: through its corners, and with a slope of 1 before the first and behind the last.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    knots: Box<[f64]>,
    values: Box<[f64]>,
    /// Of the piece before each corner, and of that behind the last.
    slopes: Box<[f64]>,
}

impl Line {
    /// Check that corners rise.
    ///
    /// # Errors
    /// [`ModelError::Format`] when they do not.
    pub(crate) fn new(document: LineDocument) -> Result<Self, ModelError> {
        let LineDocument { knots, values } = document;
        let rises = knots.windows(2).all(|pair| pair[0] < pair[1])
            && values.windows(2).all(|pair| pair[0] <= pair[1]);
        if knots.is_empty() || knots.len() != values.len() || !rises {
            return Err(ModelError::format(format!(
                "{} knots with {} values are no rising line",
                knots.len(),
                values.len()
            )));
        }
        let pieces = knots.windows(2).zip(values.windows(2));
        let mut slopes = vec![1.0];
        slopes.extend(pieces.map(|(x, y)| (y[1] - y[0]) / (x[1] - x[0])));
        slopes.push(1.0);
        if slopes.iter().any(|slope| !slope.is_finite()) {
            return Err(ModelError::format("a piece of the line is too steep"));
        }
        Ok(Self {
            knots: knots.into(),
            values: values.into(),
            slopes: slopes.into(),
        })
    }

    /// The height of the line.
    pub(crate) fn at(&self, margin: f64) -> f64 {
        let piece = self.knots.partition_point(|knot| *knot < margin);
        let corner = piece.saturating_sub(1);
        self.values[corner] + (margin - self.knots[corner]) * self.slopes[piece]
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.knots) + size_of_val(&*self.values) + size_of_val(&*self.slopes)
    }
}
