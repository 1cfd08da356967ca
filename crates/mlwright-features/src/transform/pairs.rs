//! Outputs that are computed from the values of two columns.

use super::{Reading, Scaling};

const MICROS_PER_DAY: f64 = 86_400_000_000.0;

/// An output that reads two columns, by their places among the inputs.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) place: usize,
    pub(super) left: usize,
    pub(super) right: usize,
    pub(super) operation: PairOperation,
    pub(super) scaling: Option<Scaling>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PairOperation {
    /// Days from the left moment to the right one.
    Age,
}

impl Pair {
    pub(super) fn value(&self, left: &Reading, right: &Reading) -> f64 {
        let value = match self.operation {
            PairOperation::Age => match (left.time, right.time) {
                (Some(from), Some(to)) => to.saturating_sub(from) as f64 / MICROS_PER_DAY,
                (Some(_) | None, _) => f64::NAN,
            },
        };
        self.scaling.map_or(value, |scaling| scaling.of(value))
    }
}
