//! A verified, loaded package, asked for whole batches.

use std::path::PathBuf;

use mlwright_features::Transform;
use mlwright_model::{Linear, Model, Trees};
use mlwright_onnx::OnnxModel;
use mlwright_package::{EngineKind, Package, SignatureInputs, Task};
use numpy::{PyArray2, PyReadonlyArray2};
use pyo3::prelude::*;

use crate::columns::{Columns, PyColumn};
use crate::error::Failure;
use crate::features::{apply, matrix};

/// A package ready to predict. Scores have one column for binary (probability of the positive class) and regression,
/// one per class for more classes.
#[pyclass(module = "mlwright._native", frozen)]
pub(crate) struct Predictor {
    manifest: String,
    transform: Option<Transform>,
    model: Box<dyn Model>,
    /// Whether the model gives both probabilities of a binary task; the second is kept.
    has_both_probabilities: bool,
}

#[pymethods]
impl Predictor {
    #[new]
    #[pyo3(signature = (path, onnxruntime=None))]
    fn new(py: Python<'_>, path: PathBuf, onnxruntime: Option<PathBuf>) -> PyResult<Self> {
        Ok(py.detach(|| load(&path, onnxruntime.as_deref()))?)
    }

    /// The manifest of the package (JSON).
    #[getter]
    fn manifest(&self) -> &str {
        &self.manifest
    }

    /// Score columns; give float64 `[rows, K]`.
    fn predict_columns<'py>(
        &self,
        py: Python<'py>,
        columns: Vec<PyColumn<'py>>,
        rows: usize,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let transform = self
            .transform
            .as_ref()
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
        if self.transform.is_some() {
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
        let width = self.model.outputs();
        let scores = py.detach(|| {
            let mut out = vec![0.0; rows.saturating_mul(width)];
            self.model.predict(features, rows, &mut out)?;
            Ok::<_, Failure>(out)
        })?;
        if self.has_both_probabilities {
            let positive = scores.chunks_exact(width).map(|row| row[1]).collect();
            return matrix(py, positive, rows, 1);
        }
        matrix(py, scores, rows, width)
    }
}

fn load(
    path: &std::path::Path,
    onnxruntime: Option<&std::path::Path>,
) -> Result<Predictor, Failure> {
    let package = Package::open(path, None)?;
    let manifest = package.manifest();
    let transform = match &manifest.signature.inputs {
        SignatureInputs::Columns(_) => Some(Transform::from_json(package.file("transform.json")?)?),
        SignatureInputs::Tensor(_) => None,
    };
    let bytes = package.model()?;
    let model: Box<dyn Model> = match manifest.engine.kind {
        EngineKind::Trees => Box::new(Trees::from_bytes(bytes)?),
        EngineKind::Linear => Box::new(Linear::from_json(bytes)?),
        EngineKind::Onnx => {
            let library = onnxruntime.ok_or_else(|| {
                Failure::argument("an ONNX package needs the path of a libonnxruntime")
            })?;
            Box::new(OnnxModel::from_bytes(bytes, library)?)
        }
    };
    let has_both_probabilities = manifest.task == Task::Binary && model.outputs() == 2;
    Ok(Predictor {
        manifest: package.manifest_json().to_owned(),
        transform,
        model,
        has_both_probabilities,
    })
}
