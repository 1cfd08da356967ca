//! A verified package, loaded and tried once.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mlwright_features::{Cell, Contract, RowReader, Transform};
use mlwright_model::{Blend, Linear, Model, Trees};
use mlwright_onnx::{OnnxModel, Tensor};
use mlwright_package::{Class, EngineKind, Manifest, Package, SignatureInputs, Task};

use crate::ServeError;
use crate::execution::Execution;

/// What answers: own kernels or a graph.
#[derive(Debug)]
pub(crate) enum Kernel {
    Trees(Trees),
    Linear(Linear),
    Blend(Blend),
    Graph(OnnxModel),
}

impl Kernel {
    pub(crate) fn model(&self) -> &dyn Model {
        match self {
            Self::Trees(model) => model,
            Self::Linear(model) => model,
            Self::Blend(model) => model,
            Self::Graph(model) => model,
        }
    }
}

impl Kernel {
    /// Whether ONNX Runtime answers.
    pub(crate) fn is_graph(&self) -> bool {
        matches!(self, Self::Graph(_))
    }

    /// Run named tensors through the graph; give all of its outputs.
    pub(crate) fn run_tensors(
        &self,
        tensors: &[(&str, &Tensor)],
    ) -> Result<Vec<Tensor>, ServeError> {
        let graph = self
            .graph()
            .ok_or_else(|| ServeError::Tensor("the model takes rows, not tensors".to_owned()))?;
        Ok(graph.run_tensors(tensors)?)
    }

    /// The graph, when ONNX Runtime answers.
    pub(crate) fn graph(&self) -> Option<&OnnxModel> {
        match self {
            Self::Graph(model) => Some(model),
            Self::Trees(_) | Self::Linear(_) | Self::Blend(_) => None,
        }
    }
}

/// How named columns become model inputs.
#[derive(Debug)]
struct Columns {
    transform: Transform,
    reader: RowReader,
}

/// A model package ready to predict.
#[derive(Debug)]
pub struct Servable {
    manifest: Manifest,
    reference: Option<Vec<u8>>,
    columns: Option<Columns>,
    kernel: Arc<Kernel>,
    execution: Execution,
    threshold: f64,
}

impl Servable {
    /// Verify a package folder, load its parts and predict once.
    ///
    /// # Errors
    /// [`ServeError`] says which part is missing, corrupt or does not fit.
    pub fn open(
        folder: &Path,
        expected_digest: Option<&str>,
        onnxruntime: Option<&Path>,
    ) -> Result<Self, ServeError> {
        let package = Package::open(folder, expected_digest)?;
        let manifest = package.manifest().clone();
        let bytes = package.model()?;
        let kernel = match manifest.engine.kind {
            EngineKind::Trees => Kernel::Trees(Trees::from_bytes(bytes)?),
            EngineKind::Linear => Kernel::Linear(Linear::from_json(bytes)?),
            EngineKind::Blend => Kernel::Blend(Blend::from_bytes(bytes)?),
            EngineKind::Onnx => {
                let library = onnxruntime.ok_or_else(|| {
                    ServeError::Unfit("an ONNX model needs the library of onnxruntime".to_owned())
                })?;
                Kernel::Graph(OnnxModel::from_bytes(bytes, library)?)
            }
        };
        let columns = match &manifest.signature.inputs {
            SignatureInputs::Tensor(_) => None,
            SignatureInputs::Columns(_) => {
                let transform = Transform::from_json(package.file("transform.json")?)?;
                let contract = Contract::from_json(package.file("contract.json")?)?;
                let reader = RowReader::new(&contract, transform.inputs())?;
                Some(Columns { transform, reader })
            }
        };
        let threshold = manifest.signature.threshold.unwrap_or(0.5);
        let reference = package.file("reference.json").ok().map(<[u8]>::to_vec);
        let servable = Self {
            manifest,
            reference,
            columns,
            kernel: Arc::new(kernel),
            execution: Execution::inline(),
            threshold,
        };
        servable.check()?;
        servable.try_once()?;
        Ok(servable)
    }

    fn check(&self) -> Result<(), ServeError> {
        let unfit = |message: String| Err(ServeError::Unfit(message));
        let model = self.kernel.model();
        if let Some(columns) = &self.columns
            && columns.transform.outputs() != model.inputs()
        {
            let (found, expected) = (columns.transform.outputs(), model.inputs());
            return unfit(format!(
                "the transform gives {found} numbers, the model takes {expected}"
            ));
        }
        let classes = &self.manifest.signature.classes;
        let fits = match self.manifest.task {
            Task::Binary => classes.len() == 2 && matches!(model.outputs(), 0..=2),
            Task::Multiclass => classes.len() >= 2 && matches!(model.outputs(), 0 | 2..),
            Task::Regression => classes.is_empty(),
        };
        if !fits {
            let outputs = model.outputs();
            return unfit(format!(
                "{} classes do not fit {outputs} outputs",
                classes.len()
            ));
        }
        if self.manifest.task == Task::Binary
            && self
                .manifest
                .signature
                .positive
                .as_ref()
                .is_some_and(|positive| *positive != classes[1])
        {
            return unfit("the positive class has to be the second of the classes".to_owned());
        }
        Ok(())
    }

    fn try_once(&self) -> Result<(), ServeError> {
        let Some(row) = self.trial_row()? else {
            return Ok(());
        };
        let mut out = vec![0.0; self.outputs()];
        self.predict(&row, 1, &mut out)
    }

    /// A row of model inputs: of missing columns, or zeros. None for a graph of several tensors.
    fn trial_row(&self) -> Result<Option<Vec<f64>>, ServeError> {
        if self.matrix_width().is_none() {
            return Ok(None);
        }
        let mut row = vec![0.0; self.kernel.model().inputs()];
        if let Some(columns) = &self.columns {
            let cells = vec![Cell::Null; columns.transform.inputs().len()];
            columns.transform.apply_row(&cells, &mut row)?;
        }
        Ok(Some(row))
    }

    /// Measure the model, which warms it up, and give it the threads that it needs; a request may wait for them for about
    /// `longest_wait`.
    ///
    /// # Errors
    /// [`ServeError`] when the transform refuses a row of missing columns.
    pub(crate) fn with_execution(mut self, longest_wait: Duration) -> Result<Self, ServeError> {
        let row = self.trial_row()?;
        self.execution = Execution::start(&self.kernel, row.as_deref(), longest_wait);
        Ok(self)
    }

    /// What answers: a kernel chosen for this processor and these tables, or the runtime.
    #[must_use]
    pub fn kernel_name(&self) -> String {
        match self.kernel.as_ref() {
            Kernel::Trees(model) => model.kernel_name(),
            Kernel::Linear(_) => "linear".to_owned(),
            Kernel::Blend(model) => model.kernel_name(),
            Kernel::Graph(_) => "onnxruntime".to_owned(),
        }
    }

    /// Memory of the model's tables.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.kernel.model().memory_bytes()
    }

    /// Where the model is asked.
    #[must_use]
    pub fn execution(&self) -> &Execution {
        &self.execution
    }

    /// The manifest of the package.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Whether it takes tensors as they are rather than named columns.
    #[must_use]
    pub fn is_tensor(&self) -> bool {
        self.columns.is_none()
    }

    /// Reads and checks rows of named columns.
    #[must_use]
    pub fn reader(&self) -> Option<&RowReader> {
        self.columns.as_ref().map(|columns| &columns.reader)
    }

    /// Names of the input columns, in the order of the cells.
    #[must_use]
    pub fn transform(&self) -> Option<&Transform> {
        self.columns.as_ref().map(|columns| &columns.transform)
    }

    /// Numbers per row that the model takes; none for a graph of several tensors.
    #[must_use]
    pub fn matrix_width(&self) -> Option<usize> {
        match self.kernel.as_ref() {
            Kernel::Trees(model) => Some(model.inputs()),
            Kernel::Linear(model) => Some(model.inputs()),
            Kernel::Blend(model) => Some(model.inputs()),
            Kernel::Graph(model) => model.is_matrix().then(|| model.inputs()),
        }
    }

    /// Numbers per row that the model gives.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.kernel.model().outputs()
    }

    /// The graph, when ONNX Runtime answers.
    #[must_use]
    pub fn onnx(&self) -> Option<&OnnxModel> {
        self.kernel.graph()
    }

    /// The monitoring cells (`reference.json`), if the package has them.
    pub(crate) fn reference(&self) -> Option<&[u8]> {
        self.reference.as_deref()
    }

    /// The classes of a classifier, the positive one last; empty for regression.
    #[must_use]
    pub fn classes(&self) -> &[Class] {
        &self.manifest.signature.classes
    }

    /// Predict rows of model inputs.
    ///
    /// # Errors
    /// [`ServeError::Model`] when shapes do not fit or the runtime fails.
    pub fn predict(&self, rows: &[f64], n: usize, out: &mut [f64]) -> Result<(), ServeError> {
        Ok(self.kernel.model().predict(rows, n, out)?)
    }

    /// Run named tensors through the graph; give all of its outputs.
    ///
    /// # Errors
    /// [`ServeError::Tensor`] when they do not fit, [`ServeError::Onnx`] when the runtime fails.
    pub fn predict_tensors(&self, tensors: &[(&str, Tensor)]) -> Result<Vec<Tensor>, ServeError> {
        let given: Vec<(&str, &Tensor)> = tensors
            .iter()
            .map(|(name, tensor)| (*name, tensor))
            .collect();
        self.kernel.run_tensors(&given)
    }

    /// Probability of the positive class of a binary model.
    #[must_use]
    pub fn score(&self, outputs: &[f64]) -> Option<f64> {
        if self.manifest.task != Task::Binary {
            return None;
        }
        match outputs {
            [score] | [_, score] => Some(*score),
            _ => None,
        }
    }

    /// What a row's outputs mean: the index of a class, or the value itself.
    #[must_use]
    pub fn decide(&self, outputs: &[f64]) -> f64 {
        match self.manifest.task {
            Task::Regression => outputs.first().copied().unwrap_or(f64::NAN),
            Task::Binary => {
                let is_positive = self
                    .score(outputs)
                    .is_some_and(|score| score >= self.threshold);
                f64::from(u8::from(is_positive))
            }
            Task::Multiclass => {
                let best = |best: usize, place: usize| {
                    if outputs[place] > outputs[best] {
                        place
                    } else {
                        best
                    }
                };
                (0..outputs.len()).fold(0, best) as f64
            }
        }
    }
}
