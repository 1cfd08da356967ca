//! The port that every kernel fills.

use crate::ModelError;

/// A loaded model: numbers in, numbers out, row by row. Implementations are immutable and may be asked from many
/// threads at once; a call does not block on anything but the processor.
pub trait Model: Send + Sync {
    /// Numbers per input row.
    fn inputs(&self) -> usize;

    /// Numbers per output row: 1 for binary (probability of the positive class) and regression, K for K classes.
    fn outputs(&self) -> usize;

    /// Score `n` rows. `rows` is row-major with `n * inputs()` numbers (NaN for null), `out` gets
    /// `n * outputs()` numbers.
    ///
    /// # Errors
    /// [`ModelError::Shape`] when a slice has another length, [`ModelError::Engine`] when an outside engine fails.
    fn predict(&self, rows: &[f64], n: usize, out: &mut [f64]) -> Result<(), ModelError>;

    /// Rows that take different ways through the model, row-major, for measuring what a row costs: the same row again finds
    /// everything it needs in the processor's cache. None where every row costs the same.
    fn varied_rows(&self) -> Option<Vec<f64>> {
        None
    }

    /// Memory that the model holds, tables of kernels included; for a model behind an outside engine, the size of
    /// its file.
    fn memory_bytes(&self) -> usize;
}

/// Refuse slices that do not fit a model and a number of rows.
pub(crate) fn check_shape(
    model: &impl Model,
    rows: &[f64],
    n: usize,
    out: &[f64],
) -> Result<(), ModelError> {
    let expected = n.saturating_mul(model.inputs());
    if rows.len() != expected {
        return Err(ModelError::Shape {
            what: "rows",
            expected,
            found: rows.len(),
        });
    }
    let expected = n.saturating_mul(model.outputs());
    if out.len() != expected {
        return Err(ModelError::Shape {
            what: "out",
            expected,
            found: out.len(),
        });
    }
    Ok(())
}
