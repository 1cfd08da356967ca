//! Outputs that are computed from the values of two columns.

use std::collections::HashMap;

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

#[derive(Debug)]
pub(super) enum PairOperation {
    /// Days from the left moment to the right one.
    Age,
    /// Left by right; NaN where right is 0.
    Ratio,
    /// Left less right.
    Difference,
    /// A value per pair of codes, and one for the rest.
    Cross {
        values: HashMap<(u32, u32), f64>,
        rest: f64,
    },
}

impl Pair {
    pub(super) fn value(&self, left: &Reading, right: &Reading) -> f64 {
        let value = match &self.operation {
            PairOperation::Age => match (left.time, right.time) {
                (Some(from), Some(to)) => to.saturating_sub(from) as f64 / MICROS_PER_DAY,
                (Some(_) | None, _) => f64::NAN,
            },
            PairOperation::Ratio if right.number == 0.0 => f64::NAN,
            PairOperation::Ratio => left.number / right.number,
            PairOperation::Difference => left.number - right.number,
            PairOperation::Cross { values, rest } => {
                *values.get(&(left.code, right.code)).unwrap_or(rest)
            }
        };
        self.scaling.map_or(value, |scaling| scaling.of(value))
    }
}
