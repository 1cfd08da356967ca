//! Sums of a forest and of networks, calibrated by a rising line, then a link.

use serde::Deserialize;

use crate::line::{Line, LineDocument};
use crate::model::{Model, check_shape};
use crate::network::{Network, NetworkDocument, Scratch};
use crate::{Link, ModelError, Trees};

const MAGIC: &[u8] = b"MLWBLND1";
const PADDED: usize = 8;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    features: usize,
    outputs: usize,
    link: Link,
    has_trees: bool,
    networks: Vec<NetworkDocument>,
    line: Option<LineDocument>,
}

/// A blend read from `model.blend`.
#[derive(Debug)]
pub struct Blend {
    features: usize,
    outputs: usize,
    link: Link,
    trees: Option<Trees>,
    networks: Box<[Network]>,
    line: Option<Line>,
}

impl Blend {
    /// Read and check the bytes of a file: a magic word, the length of the header, the header in JSON with its
    /// networks, and the forest as `model.trees` would hold it.
    ///
    /// # Errors
    /// [`ModelError::Format`] when a size, a number or the JSON is wrong, or the forest does not fit.
    ///
    /// ```
    /// use mlwright_model::{Blend, Model};
    /// let header = br#"{"features":2,"outputs":1,"link":"identity","has_trees":false,"line":null,"networks":[
    ///   {"columns":[1],"limit":null,"layers":[{"weights":[[1.0,-1.0]],"bias":[0.0,0.0]},
    ///                                         {"weights":[[1.0],[3.0]],"bias":[0.5]}]}]}"#;
    /// let file = [b"MLWBLND1", &(header.len() as u32).to_le_bytes()[..], header].concat();
    /// let mut out = [0.0; 2];
    /// let model = Blend::from_bytes(&file).unwrap();
    /// model.predict(&[f64::NAN, 10.0, f64::NAN, -1.0], 2, &mut out).unwrap();
    /// assert_eq!(out, [10.5, 3.5]);
    /// ```
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let (header, rest) =
            split(bytes).ok_or_else(|| ModelError::format("no blend, or one that was cut off"))?;
        let header: Header =
            serde_json::from_slice(header).map_err(|e| ModelError::format(e.to_string()))?;
        let (features, outputs) = (header.features, header.outputs);
        if !header.has_trees && !rest.is_empty() {
            return Err(ModelError::format("bytes behind a blend without trees"));
        }
        let trees = header
            .has_trees
            .then(|| forest(rest, features, outputs))
            .transpose()?;
        if outputs == 0 || (trees.is_none() && header.networks.is_empty()) {
            return Err(ModelError::format("there is nothing to add up"));
        }
        if header.line.is_some() && outputs != 1 {
            return Err(ModelError::format(format!("a line for {outputs} outputs")));
        }
        let networks = header.networks.into_iter();
        Ok(Self {
            features,
            outputs,
            link: header.link,
            trees,
            networks: networks
                .map(|network| Network::new(network, features, outputs))
                .collect::<Result<_, _>>()?,
            line: header.line.map(Line::new).transpose()?,
        })
    }

    /// What scores this model, in words.
    #[must_use]
    pub fn kernel_name(&self) -> String {
        let networks = self.networks.len();
        match &self.trees {
            Some(trees) => format!("blend of {} with {networks} networks", trees.kernel_name()),
            None => format!("blend of {networks} networks"),
        }
    }
}

/// The header and what stands behind it, from the next multiple of eight bytes on.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.strip_prefix(MAGIC)?.split_first_chunk()?;
    let header = rest.get(..u32::from_le_bytes(*length) as usize)?;
    let end = (MAGIC.len() + size_of::<u32>() + header.len()).next_multiple_of(PADDED);
    Some((header, bytes.get(end..).unwrap_or_default()))
}

/// A forest whose answers are its sums.
fn forest(bytes: &[u8], features: usize, outputs: usize) -> Result<Trees, ModelError> {
    let trees = Trees::from_bytes(bytes)?;
    if (trees.inputs(), trees.outputs(), trees.link()) != (features, outputs, Link::Identity) {
        return Err(ModelError::format(format!(
            "the forest of a blend gives sums of {} outputs from {} features, the blend {outputs} from {features}",
            trees.outputs(),
            trees.inputs()
        )));
    }
    Ok(trees)
}

impl Model for Blend {
    fn inputs(&self) -> usize {
        self.features
    }

    fn outputs(&self) -> usize {
        self.outputs
    }

    fn predict(&self, rows: &[f64], n: usize, out: &mut [f64]) -> Result<(), ModelError> {
        check_shape(self, rows, n, out)?;
        match &self.trees {
            Some(trees) => trees.predict(rows, n, out)?,
            None => out.fill(0.0),
        }
        let mut scratch = Scratch::default();
        for (index, result) in out.chunks_exact_mut(self.outputs).enumerate() {
            let row = &rows[index * self.features..(index + 1) * self.features];
            for network in &self.networks {
                network.add(row, result, &mut scratch);
            }
            if let Some(line) = &self.line {
                result[0] = line.at(result[0]);
            }
            self.link.apply(1.0, result);
        }
        Ok(())
    }

    fn varied_rows(&self) -> Option<Vec<f64>> {
        self.trees.as_ref().and_then(Model::varied_rows)
    }

    fn memory_bytes(&self) -> usize {
        self.trees.as_ref().map_or(0, Model::memory_bytes)
            + self.networks.iter().map(Network::bytes).sum::<usize>()
            + self.line.as_ref().map_or(0, Line::bytes)
    }
}

#[cfg(test)]
mod tests;
