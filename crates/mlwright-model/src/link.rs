//! From raw sums to outputs.

use serde::Deserialize;

/// What turns the raw sums of a row into its outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Link {
    /// Raw sums are the outputs.
    Identity,
    /// 1 / (1 + exp(−slope · raw)), each output on its own.
    Sigmoid,
    /// exp(raw) / Σ exp(raw) over the outputs of the row.
    Softmax,
    /// exp(raw), each output on its own.
    Exp,
    /// One against all: sigmoids divided by their sum over the row.
    Ova,
    /// ln(1 + exp(raw)), each output on its own.
    Softplus,
    /// sign(raw) · raw²: undoes a signed square root of the target.
    Square,
    /// 1 when raw > 0, else 0: the answer of a hinge loss.
    Step,
}

impl Link {
    /// Turn the raw sums of one row into outputs, in place. The operations and their order are `LightGBM`'s.
    pub fn apply(self, slope: f64, row: &mut [f64]) {
        match self {
            Self::Identity => {}
            Self::Sigmoid => each(row, |raw| sigmoid(slope, raw)),
            Self::Softmax => softmax(row),
            Self::Exp => each(row, f64::exp),
            Self::Ova => {
                each(row, |raw| sigmoid(slope, raw));
                let sum: f64 = row.iter().sum();
                each(row, |value| value / sum);
            }
            Self::Softplus => each(row, |raw| raw.exp().ln_1p()),
            Self::Square => each(row, |raw| raw.abs() * raw),
            Self::Step => each(row, |raw| f64::from(u8::from(raw > 0.0))),
        }
    }
}

fn each(row: &mut [f64], change: impl Fn(f64) -> f64) {
    for value in row {
        *value = change(*value);
    }
}

fn sigmoid(slope: f64, raw: f64) -> f64 {
    1.0 / (1.0 + (-slope * raw).exp())
}

fn softmax(row: &mut [f64]) {
    let highest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for value in &mut *row {
        *value = (*value - highest).exp();
        sum += *value;
    }
    for value in row {
        *value /= sum;
    }
}

#[cfg(test)]
mod tests {
    use super::Link;

    #[test]
    fn links_give_the_textbook_values() {
        let mut row = [0.0];
        Link::Sigmoid.apply(1.0, &mut row);
        assert!((row[0] - 0.5).abs() < 1e-15);
        let mut row = [1000.0, 1000.0, -1000.0];
        Link::Softmax.apply(1.0, &mut row);
        assert!((row[0] - 0.5).abs() < 1e-15 && row[2] == 0.0);
        let mut row = [1.0];
        Link::Exp.apply(1.0, &mut row);
        assert!((row[0] - std::f64::consts::E).abs() < 1e-15);
        let mut row = [0.0, 0.0, -800.0];
        Link::Ova.apply(2.0, &mut row);
        assert!((row[0] - 0.5).abs() < 1e-15 && row[2] < 1e-300);
        let mut row = [0.0, 30.0];
        Link::Softplus.apply(1.0, &mut row);
        assert!((row[0] - std::f64::consts::LN_2).abs() < 1e-15 && (row[1] - 30.0).abs() < 1e-12);
        let mut row = [-3.0, 2.0];
        Link::Square.apply(1.0, &mut row);
        assert_eq!(row.map(f64::to_bits), [-9.0_f64, 4.0].map(f64::to_bits));
        let mut row = [-1.0, 0.0, 1e-300];
        Link::Step.apply(1.0, &mut row);
        assert_eq!(row.map(f64::to_bits), [0.0_f64, 0.0, 1.0].map(f64::to_bits));
    }
}
