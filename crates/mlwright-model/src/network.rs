//! Small dense networks: weighted sums, between layers cut off at zero.

use serde::Deserialize;

use crate::ModelError;

/// A network as JSON holds it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NetworkDocument {
    columns: Vec<usize>,
    limit: Option<f64>,
    layers: Vec<LayerDocument>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LayerDocument {
    weights: Vec<Vec<f64>>,
    bias: Vec<f64>,
}

/// One layer: `weights` are input-major, so that a sum over inputs adds whole vectors of outputs.
#[derive(Debug, Clone, PartialEq)]
struct Layer {
    weights: Box<[f64]>,
    bias: Box<[f64]>,
}

impl Layer {
    fn run(&self, inputs: &[f64], out: &mut Vec<f64>) {
        out.clear();
        out.extend_from_slice(&self.bias);
        for (input, weights) in inputs
            .iter()
            .zip(self.weights.chunks_exact(self.bias.len()))
        {
            for (sum, weight) in out.iter_mut().zip(weights) {
                *sum += input * weight;
            }
        }
    }
}

/// A checked network over some columns of a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Network {
    columns: Box<[usize]>,
    limit: Option<f64>,
    layers: Box<[Layer]>,
}

/// Buffers for the numbers between layers, kept from row to row.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    values: Vec<f64>,
    next: Vec<f64>,
}

impl Network {
    /// Check that the layers fit each other, `features` and `outputs`.
    ///
    /// # Errors
    /// [`ModelError::Format`] says what does not fit.
    pub(crate) fn new(
        document: NetworkDocument,
        features: usize,
        outputs: usize,
    ) -> Result<Self, ModelError> {
        if let Some(place) = document.columns.iter().find(|place| **place >= features) {
            return Err(ModelError::format(format!(
                "a network reads feature {place} of {features}"
            )));
        }
        if document.limit.is_some_and(|limit| limit <= 0.0) {
            return Err(ModelError::format("a limit of a network is not positive"));
        }
        let mut width = document.columns.len();
        let mut layers = Vec::with_capacity(document.layers.len());
        for layer in document.layers {
            let next = layer.bias.len();
            if next == 0
                || layer.weights.len() != width
                || layer.weights.iter().any(|row| row.len() != next)
            {
                return Err(ModelError::format(format!(
                    "a layer of {next} sums does not fit {width} numbers"
                )));
            }
            layers.push(Layer {
                weights: layer.weights.concat().into(),
                bias: layer.bias.into(),
            });
            width = next;
        }
        if layers.is_empty() || width != outputs {
            return Err(ModelError::format(format!(
                "a network ends with {width} numbers after {} layers, the model gives {outputs}",
                layers.len()
            )));
        }
        Ok(Self {
            columns: document.columns.into(),
            limit: document.limit,
            layers: layers.into(),
        })
    }

    /// Add the sums of the last layer to `out`.
    pub(crate) fn add(&self, row: &[f64], out: &mut [f64], scratch: &mut Scratch) {
        let Scratch { values, next } = scratch;
        values.clear();
        values.extend(self.columns.iter().map(|place| row[*place]));
        if let Some(limit) = self.limit {
            for value in values.iter_mut() {
                *value = value.clamp(-limit, limit);
            }
        }
        for (number, layer) in self.layers.iter().enumerate() {
            if number > 0 {
                for value in values.iter_mut() {
                    *value = value.max(0.0);
                }
            }
            layer.run(values, next);
            std::mem::swap(values, next);
        }
        for (sum, value) in out.iter_mut().zip(values.iter()) {
            *sum += value;
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        let layers = self.layers.iter();
        size_of_val(&*self.columns)
            + layers
                .map(|layer| size_of_val(&*layer.weights) + size_of_val(&*layer.bias))
                .sum::<usize>()
    }
}
