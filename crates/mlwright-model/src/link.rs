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
}

impl Link {
    /// Turn the raw sums of one row into outputs, in place. The operations and their order are `LightGBM`'s.
    pub fn apply(self, slope: f64, row: &mut [f64]) {
        match self {
            Self::Identity => {}
            Self::Sigmoid => {
                for value in row {
                    *value = 1.0 / (1.0 + (-slope * *value).exp());
                }
            }
            Self::Softmax => softmax(row),
            Self::Exp => {
                for value in row {
                    *value = value.exp();
                }
            }
        }
    }
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
    }
}
