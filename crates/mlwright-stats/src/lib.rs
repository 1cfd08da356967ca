//! Statistics that the server and the control plane must compute alike: assignment of units to variants,
//! sequential evidence, a detector of a rising bad-event rate, and frozen monitoring cells.

pub mod assign;
pub mod cells;
pub mod detector;
pub mod evidence;
mod salt;

/// `ln(exp(a) + exp(b))` without overflow; minus infinity stands for a zero term.
#[must_use]
pub fn log_add_exp(a: f64, b: f64) -> f64 {
    let (high, low) = if a >= b { (a, b) } else { (b, a) };
    if high.is_infinite() {
        return high;
    }
    high + (low - high).exp().ln_1p()
}

/// `ln(Σ exp(x))` without overflow; minus infinity for no terms.
#[must_use]
pub fn log_sum_exp(terms: &[f64]) -> f64 {
    let high = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if high.is_infinite() {
        return high;
    }
    high + terms.iter().map(|x| (x - high).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::{log_add_exp, log_sum_exp};

    #[test]
    fn sums_of_exponentials_do_not_overflow() {
        assert!((log_sum_exp(&[1000.0, 1000.0]) - (1000.0 + 2f64.ln())).abs() < 1e-12);
        assert!((log_add_exp(-1000.0, -1000.0) - (-1000.0 + 2f64.ln())).abs() < 1e-12);
        assert!((log_add_exp(f64::NEG_INFINITY, 3.0) - 3.0).abs() < 1e-12);
        assert!(log_sum_exp(&[]).is_infinite());
        assert!(log_sum_exp(&[f64::NEG_INFINITY, f64::NEG_INFINITY]).is_infinite());
    }
}
