//! A graph ready to run.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use mlwright_model::{Model, ModelError};
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{Session, SessionInputValue};

use crate::library::environment;
use crate::{Datatype, OnnxError, Tensor, TensorData, TensorSpec};

/// An ONNX graph in a session. A session runs one call at a time (`Run` of the runtime is not safe to share), so
/// calls from several threads wait for each other.
#[derive(Debug)]
pub struct OnnxModel {
    session: Mutex<Session>,
    inputs: Vec<TensorSpec>,
    outputs: Vec<TensorSpec>,
    matrix: Option<Matrix>,
    file_bytes: usize,
}

/// How a graph serves as a [`Model`]: one numeric input of rows and one numeric output.
#[derive(Debug, Clone, Copy)]
struct Matrix {
    columns: usize,
    output: usize,
    output_columns: usize,
}

impl OnnxModel {
    /// Load a graph with the ONNX Runtime library at a path (the first one opened in a process stays).
    ///
    /// # Errors
    /// [`OnnxError::Library`] when the library cannot be opened, [`OnnxError::Graph`] when the graph cannot be
    /// loaded or has inputs or outputs that are no tensors of a [`Datatype`].
    pub fn from_bytes(bytes: &[u8], library: &Path) -> Result<Self, OnnxError> {
        let environment = environment(library)?;
        let session = new_session(&environment, bytes).map_err(OnnxError::Graph)?;
        let inputs = specs(session.inputs(), "input")?;
        let outputs = specs(session.outputs(), "output")?;
        let mut model = Self {
            session: Mutex::new(session),
            inputs,
            outputs,
            matrix: None,
            file_bytes: bytes.len(),
        };
        model.matrix = model.find_matrix();
        Ok(model)
    }

    /// Inputs of the graph, in order.
    #[must_use]
    pub fn input_specs(&self) -> &[TensorSpec] {
        &self.inputs
    }

    /// Outputs of the graph, in order.
    #[must_use]
    pub fn output_specs(&self) -> &[TensorSpec] {
        &self.outputs
    }

    /// Whether the graph serves as a [`Model`]: one numeric input `[rows, columns]` and a float output with one or
    /// more numbers per row. Other graphs are asked with [`OnnxModel::run_tensors`].
    #[must_use]
    pub fn is_matrix(&self) -> bool {
        self.matrix.is_some()
    }

    /// Place among the outputs of the one that serves as the model's output: `probabilities`, else the last float
    /// output.
    #[must_use]
    pub fn matrix_output(&self) -> Option<usize> {
        self.matrix.map(|matrix| matrix.output)
    }

    /// Run named tensors through the graph; give all outputs in order.
    ///
    /// # Errors
    /// [`OnnxError::Tensor`] when an input is unknown, missing, repeated or does not fit, [`OnnxError::Run`] when
    /// the runtime fails.
    pub fn run_tensors(&self, tensors: &[(&str, &Tensor)]) -> Result<Vec<Tensor>, OnnxError> {
        let ordered = self.order(tensors)?;
        let values: Vec<SessionInputValue<'_>> = ordered
            .iter()
            .map(|tensor| tensor.to_input())
            .collect::<Result<_, _>>()
            .map_err(|error| run_error(&error))?;
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = session
            .run(values.as_slice())
            .map_err(|error| run_error(&error))?;
        self.outputs
            .iter()
            .map(|spec| {
                let value = answer.get(&spec.name).ok_or_else(|| {
                    OnnxError::Run(format!("the output {:?} was not computed", spec.name))
                })?;
                Tensor::of_output(value, spec.datatype).map_err(|error| run_error(&error))
            })
            .collect()
    }

    /// The tensors in the order of the graph's inputs.
    fn order<'t>(&self, tensors: &[(&str, &'t Tensor)]) -> Result<Vec<&'t Tensor>, OnnxError> {
        if let Some((name, _)) = tensors
            .iter()
            .find(|(name, _)| self.inputs.iter().all(|spec| spec.name != *name))
        {
            return Err(OnnxError::Tensor(format!(
                "the graph has no input {name:?}"
            )));
        }
        self.inputs
            .iter()
            .map(|spec| {
                let mut given = tensors.iter().filter(|(name, _)| *name == spec.name);
                match (given.next(), given.next()) {
                    (Some((_, tensor)), None) => spec.check(tensor).map(|()| *tensor),
                    (None, _) => Err(OnnxError::Tensor(format!(
                        "the input {:?} is missing",
                        spec.name
                    ))),
                    (Some(_), Some(_)) => Err(OnnxError::Tensor(format!(
                        "the input {:?} is given twice",
                        spec.name
                    ))),
                }
            })
            .collect()
    }

    fn find_matrix(&self) -> Option<Matrix> {
        let [input] = self.inputs.as_slice() else {
            return None;
        };
        let [_, columns] = input.shape.as_slice() else {
            return None;
        };
        let columns = usize::try_from(*columns).ok()?;
        let is_float = |spec: &TensorSpec| matches!(spec.datatype, Datatype::Fp32 | Datatype::Fp64);
        let output = self
            .outputs
            .iter()
            .position(|spec| spec.name == "probabilities" && is_float(spec))
            .or_else(|| self.outputs.iter().rposition(is_float))?;
        // The columns of an output may be dynamic in the graph: one row of zeros tells, and tests the graph.
        let row = Tensor {
            shape: vec![1, columns],
            data: TensorData::of_numbers(&vec![0.0; columns], input.datatype)?,
        };
        let answer = self.run_tensors(&[(&input.name, &row)]).ok()?;
        let output_columns = match answer[output].shape.as_slice() {
            [1] => 1,
            [1, columns] => *columns,
            _ => return None,
        };
        Some(Matrix {
            columns,
            output,
            output_columns,
        })
    }

    fn run_matrix(
        &self,
        matrix: Matrix,
        rows: &[f64],
        n: usize,
        out: &mut [f64],
    ) -> Result<(), OnnxError> {
        let input = &self.inputs[0];
        let data = TensorData::of_numbers(rows, input.datatype).ok_or_else(|| {
            OnnxError::Tensor(format!("the input {:?} takes no numbers", input.name))
        })?;
        let tensor = Tensor {
            shape: vec![n, matrix.columns],
            data,
        };
        let answer = self.run_tensors(&[(&input.name, &tensor)])?;
        let result = &answer[matrix.output].data;
        if result.len() != out.len() {
            return Err(OnnxError::Run(format!(
                "{} numbers came out for {n} rows",
                result.len()
            )));
        }
        match result {
            TensorData::Fp32(values) => out
                .iter_mut()
                .zip(values)
                .for_each(|(to, from)| *to = f64::from(*from)),
            TensorData::Fp64(values) => out.copy_from_slice(values),
            TensorData::Int64(_)
            | TensorData::Int32(_)
            | TensorData::Bool(_)
            | TensorData::Bytes(_) => {
                return Err(OnnxError::Run("the output is not of floats".to_owned()));
            }
        }
        Ok(())
    }
}

impl Model for OnnxModel {
    /// Numbers per row; 0 when the graph is no matrix model.
    fn inputs(&self) -> usize {
        self.matrix.map_or(0, |matrix| matrix.columns)
    }

    /// Columns of the output as the graph has them: 2 for a binary classifier that gives both probabilities.
    fn outputs(&self) -> usize {
        self.matrix.map_or(0, |matrix| matrix.output_columns)
    }

    fn predict(&self, rows: &[f64], n: usize, out: &mut [f64]) -> Result<(), ModelError> {
        let matrix = self.matrix.ok_or_else(|| {
            ModelError::Engine("the graph takes named tensors, not rows".to_owned())
        })?;
        for (what, found, width) in [
            ("rows", rows.len(), matrix.columns),
            ("out", out.len(), matrix.output_columns),
        ] {
            let expected = n.saturating_mul(width);
            if found != expected {
                return Err(ModelError::Shape {
                    what,
                    expected,
                    found,
                });
            }
        }
        if n == 0 {
            return Ok(());
        }
        self.run_matrix(matrix, rows, n, out)
            .map_err(|error| ModelError::Engine(error.to_string()))
    }

    /// The size of the graph's file: what the runtime holds beside it is not told.
    fn memory_bytes(&self) -> usize {
        self.file_bytes
    }
}

fn new_session(
    environment: &ort::environment::Environment,
    bytes: &[u8],
) -> Result<Session, String> {
    // Each failed step hands the builder back inside its error, which is of no use here.
    let builder = Session::builder(environment).map_err(|e| e.to_string())?;
    let builder = builder.with_intra_threads(1).map_err(|e| e.to_string())?;
    let builder = builder.with_inter_threads(1).map_err(|e| e.to_string())?;
    let mut builder = builder
        .with_optimization_level(GraphOptimizationLevel::All)
        .map_err(|e| e.to_string())?;
    builder.commit_from_memory(bytes).map_err(|e| e.to_string())
}

fn specs(outlets: &[ort::value::Outlet], what: &str) -> Result<Vec<TensorSpec>, OnnxError> {
    if outlets.is_empty() {
        return Err(OnnxError::Graph(format!("the graph has no {what}")));
    }
    outlets.iter().map(TensorSpec::of_outlet).collect()
}

fn run_error(error: &ort::Error) -> OnnxError {
    OnnxError::Run(error.to_string())
}
