//! From checked inputs to outputs: in place when the model is quick, with its cache or on its own threads when not.

use std::cell::RefCell;
use std::time::Instant;

use mlwright_features::Cell;
use mlwright_onnx::{Tensor, TensorData};

use super::{Answer, Arrival};
use crate::execution::Executed;
use crate::servable::Kernel;
use crate::statistics::Source;
use crate::{PredictionId, Servable, ServeError, Variant};

/// What a thread keeps of its scratch after a large request: 1 MiB.
const KEPT_NUMBERS: usize = 1 << 17;

thread_local! {
    /// Model inputs of the request at hand; kept so that the hot path does not allocate.
    static SCRATCH: RefCell<Vec<f64>> = const { RefCell::new(Vec::new()) };
}

/// An answer, where it came from, and when that was asked; none where it was asked at once.
pub(super) struct Predicted {
    pub(super) answer: Answer,
    pub(super) source: Source,
    pub(super) began: Option<Instant>,
}

impl From<Answer> for Predicted {
    fn from(answer: Answer) -> Self {
        Self {
            answer,
            source: Source::Execution,
            began: None,
        }
    }
}

pub(super) async fn predict_cells(
    variant: &Variant,
    cells: &[Cell<'_>],
    arrival: Arrival,
) -> Result<Predicted, ServeError> {
    let transform = variant
        .servable
        .transform()
        .ok_or_else(|| ServeError::Unfit("the model takes a matrix, not columns".to_owned()))?;
    let (width_in, width_out) = (transform.inputs().len(), transform.outputs());
    let rows = cells.len().checked_div(width_in).unwrap_or(0);
    let apply = |inputs: &mut Vec<f64>| {
        inputs.clear();
        inputs.resize(rows * width_out, 0.0);
        for row in 0..rows {
            let out = &mut inputs[row * width_out..(row + 1) * width_out];
            transform.apply_row(&cells[row * width_in..(row + 1) * width_in], out)?;
        }
        Ok::<_, ServeError>(())
    };
    if variant.is_plain() {
        arrival.check()?;
        return SCRATCH.with_borrow_mut(|scratch| {
            apply(scratch)?;
            let answer = predict_rows(&variant.servable, scratch, rows);
            scratch.shrink_to(KEPT_NUMBERS);
            answer.map(Predicted::from)
        });
    }
    let mut inputs = Vec::new();
    apply(&mut inputs)?;
    predict_aside(variant, inputs, rows, arrival).await
}

pub(super) async fn predict_matrix(
    variant: &Variant,
    matrix: &[f64],
    arrival: Arrival,
) -> Result<Predicted, ServeError> {
    let width = variant.servable.matrix_width().unwrap_or(0);
    let rows = matrix.len().checked_div(width).unwrap_or(0);
    if variant.is_plain() {
        arrival.check()?;
        return predict_rows(&variant.servable, matrix, rows).map(Predicted::from);
    }
    predict_aside(variant, matrix.to_vec(), rows, arrival).await
}

fn predict_rows(servable: &Servable, inputs: &[f64], rows: usize) -> Result<Answer, ServeError> {
    let width = servable.outputs();
    let mut outputs = vec![0.0; rows * width];
    servable.predict(inputs, rows, &mut outputs)?;
    Ok(decided(servable, outputs, rows, width))
}

/// Predict with a cache or on the model's own threads.
async fn predict_aside(
    variant: &Variant,
    inputs: Vec<f64>,
    rows: usize,
    arrival: Arrival,
) -> Result<Predicted, ServeError> {
    let servable = &variant.servable;
    let width = servable.outputs();
    let began = Instant::now();
    if let Some(known) = variant.cache.as_ref().and_then(|cache| cache.get(&inputs)) {
        return Ok(Predicted {
            answer: decided(servable, known, rows, width),
            source: Source::Cache,
            began: Some(began),
        });
    }
    let kept = variant.cache.as_ref().map(|cache| (cache, inputs.clone()));
    let executed = if let Some(aside) = servable.execution().aside() {
        aside.predict(inputs, rows, arrival.deadline).await?
    } else {
        arrival.check()?;
        let began = Instant::now();
        let mut outputs = vec![0.0; rows * width];
        servable.predict(&inputs, rows, &mut outputs)?;
        Executed {
            outputs,
            began,
            is_shared: false,
        }
    };
    if let Some((cache, inputs)) = kept {
        cache.put(&inputs, &executed.outputs);
    }
    let source = if executed.is_shared {
        Source::SharedExecution
    } else {
        Source::Execution
    };
    Ok(Predicted {
        answer: decided(servable, executed.outputs, rows, width),
        source,
        began: Some(executed.began),
    })
}

pub(super) async fn predict_tensors(
    servable: &Servable,
    tensors: &[(&str, Tensor)],
    rows: usize,
    arrival: Arrival,
) -> Result<Predicted, ServeError> {
    let (found, began) = if let Some(queue) = servable.execution().queue() {
        let owned: Vec<(String, Tensor)> = tensors
            .iter()
            .map(|(name, tensor)| ((*name).to_owned(), tensor.clone()))
            .collect();
        let ask = move |kernel: &Kernel| {
            let named: Vec<(&str, &Tensor)> = owned
                .iter()
                .map(|(name, tensor)| (name.as_str(), tensor))
                .collect();
            let began = Instant::now();
            Ok((kernel.run_tensors(&named)?, began))
        };
        queue.call(rows, arrival.deadline, ask).await?
    } else {
        arrival.check()?;
        let began = Instant::now();
        (servable.predict_tensors(tensors)?, began)
    };
    let main = servable
        .onnx()
        .and_then(mlwright_onnx::OnnxModel::matrix_output)
        .and_then(|place| found.get(place));
    let (outputs, width) = match main.map(|tensor| &tensor.data) {
        Some(TensorData::Fp32(data)) if rows > 0 && data.len() % rows == 0 => (
            data.iter().map(|value| f64::from(*value)).collect(),
            data.len() / rows,
        ),
        Some(TensorData::Fp64(data)) if rows > 0 && data.len() % rows == 0 => {
            (data.clone(), data.len() / rows)
        }
        _ => (Vec::new(), 0),
    };
    let mut answer = decided(servable, outputs, rows, width);
    answer.tensors = found;
    Ok(Predicted {
        began: Some(began),
        ..answer.into()
    })
}

fn decided(servable: &Servable, outputs: Vec<f64>, rows: usize, width: usize) -> Answer {
    let decisions = (0..rows)
        .map(|row| servable.decide(&outputs[row * width..(row + 1) * width]))
        .collect();
    let first = PredictionId {
        process: 0,
        counter: 0,
    };
    Answer {
        first,
        tensors: Vec::new(),
        outputs,
        width,
        decisions,
        has_classes: !servable.classes().is_empty(),
    }
}
