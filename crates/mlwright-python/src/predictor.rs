//! A verified, loaded package, asked for whole batches: the server's own loading and model, without a socket.

use std::path::PathBuf;

use mlwright_package::Task;
use mlwright_serve::Servable;
use numpy::{PyArray2, PyReadonlyArray2};
use pyo3::prelude::*;

use crate::columns::{Columns, PyColumn};
use crate::error::Failure;
use crate::features::{apply, matrix};

/// A package ready to predict. Scores have one column for binary (probability of the positive class) and regression,
/// one per class for more classes.
#[pyclass(module = "mlwright._native", frozen)]
pub(crate) struct Predictor(Servable);

#[pymethods]
impl Predictor {
    #[new]
    #[pyo3(signature = (path, onnxruntime=None))]
    fn new(py: Python<'_>, path: PathBuf, onnxruntime: Option<PathBuf>) -> PyResult<Self> {
        let servable = py.detach(|| Servable::open(&path, None, onnxruntime.as_deref()));
        Ok(Self(servable.map_err(Failure::from)?))
    }

    /// The manifest of the package (JSON).
    #[getter]
    fn manifest(&self) -> String {
        serde_json::to_string(self.0.manifest())
            .expect("a manifest was read from JSON, anything else is a bug")
    }

    /// Score columns; give float64 `[rows, K]`.
    fn predict_columns<'py>(
        &self,
        py: Python<'py>,
        columns: Vec<PyColumn<'py>>,
        rows: usize,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let transform = self
            .0
            .transform()
            .ok_or_else(|| Failure::argument("the package takes a matrix"))?;
        let columns = Columns::new(columns, transform.inputs())?;
        let features = apply(py, transform, &columns, rows)?;
        self.score(py, &features, rows)
    }

    /// Score a C-contiguous float64 matrix `[rows, features]`; give float64 `[rows, K]`.
    fn predict_matrix<'py>(
        &self,
        py: Python<'py>,
        values: PyReadonlyArray2<'py, f64>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        if !self.0.is_tensor() {
            return Err(Failure::argument("the package takes columns").into());
        }
        let rows = values.as_array().nrows();
        let features = values
            .as_slice()
            .map_err(|_| Failure::argument("the matrix is not C-contiguous"))?;
        self.score(py, features, rows)
    }
}

impl Predictor {
    fn score<'py>(
        &self,
        py: Python<'py>,
        features: &[f64],
        rows: usize,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let width = self.0.outputs();
        let scores = py.detach(|| {
            let mut out = vec![0.0; rows.saturating_mul(width)];
            self.0.predict(features, rows, &mut out)?;
            Ok::<_, Failure>(out)
        })?;
        if self.0.manifest().task == Task::Binary && width == 2 {
            let positive = scores.chunks_exact(width).map(|row| row[1]).collect();
            return matrix(py, positive, rows, 1);
        }
        matrix(py, scores, rows, width)
    }
}
