//! The file `model.trees`, version 1: a JSON header and flat little-endian arrays, each padded to 8 bytes.

use serde::Deserialize;

use super::{Forest, Missing, Node, Test};
use crate::{Link, ModelError};

/// First bytes of a file.
pub(super) const MAGIC: &[u8; 8] = b"MLWTREE1";
const CATEGORICAL: u32 = 1;
const DEFAULT_LEFT: u32 = 2;
const MISSING_SHIFT: u32 = 2;
const KNOWN_FLAGS: u32 = 0b1111;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    features: usize,
    trees: usize,
    outputs: usize,
    link: Link,
    sigmoid: f64,
    base: Vec<f64>,
    average: bool,
    nodes: usize,
    leaves: usize,
    words: usize,
}

impl Header {
    fn check(&self) -> Result<(), ModelError> {
        if self.outputs == 0 || self.base.len() != self.outputs {
            return Err(bad(format!(
                "{} base values for {} outputs",
                self.base.len(),
                self.outputs
            )));
        }
        if !(self.sigmoid.is_finite() && self.sigmoid > 0.0) {
            return Err(bad(format!("sigmoid is {}", self.sigmoid)));
        }
        let largest = i32::MAX as usize;
        for (name, count) in [
            ("features", self.features),
            ("trees", self.trees),
            ("nodes", self.nodes),
        ] {
            if count > largest {
                return Err(bad(format!("{count} {name}, at most {largest}")));
            }
        }
        if self.leaves > largest || self.words > largest {
            return Err(bad(format!(
                "{} leaves and {} words, at most {largest}",
                self.leaves, self.words
            )));
        }
        Ok(())
    }

    /// Bytes of all arrays; counts are at most 2^31, so nothing overflows 64 bits.
    fn array_bytes(&self) -> u64 {
        let [trees, nodes, leaves, words] =
            [self.trees, self.nodes, self.leaves, self.words].map(|n| n as u64);
        let quads = 2 * padded(4 * trees) + 6 * padded(4 * nodes) + padded(4 * words);
        quads + 8 * nodes + 8 * leaves
    }
}

/// Read and check a file.
pub(super) fn read(bytes: &[u8]) -> Result<Forest, ModelError> {
    let rest = bytes
        .strip_prefix(MAGIC)
        .ok_or_else(|| bad("the file does not begin with MLWTREE1"))?;
    let (length, rest) = rest
        .split_first_chunk::<4>()
        .ok_or_else(|| bad("the file ends before the header"))?;
    let length = u32::from_le_bytes(*length) as usize;
    let json = rest
        .get(..length)
        .ok_or_else(|| bad("the file ends inside the header"))?;
    let header: Header = serde_json::from_slice(json).map_err(|e| bad(format!("header: {e}")))?;
    header.check()?;
    let start = padded((MAGIC.len() + 4 + length) as u64);
    let expected = start + header.array_bytes();
    if bytes.len() as u64 != expected {
        return Err(bad(format!(
            "the file has {} bytes, its header says {expected}",
            bytes.len()
        )));
    }
    let mut arrays = Arrays {
        bytes: &bytes[start as usize..],
    };
    let roots = arrays.take(header.trees, i32::from_le_bytes);
    let tree_output = arrays.take(header.trees, u32::from_le_bytes);
    let raw = RawNodes {
        feature: arrays.take(header.nodes, u32::from_le_bytes),
        flags: arrays.take(header.nodes, u32::from_le_bytes),
        threshold: arrays.take(header.nodes, f64::from_le_bytes),
        left: arrays.take(header.nodes, i32::from_le_bytes),
        right: arrays.take(header.nodes, i32::from_le_bytes),
        bitset_at: arrays.take(header.nodes, u32::from_le_bytes),
        bitset_len: arrays.take(header.nodes, u32::from_le_bytes),
    };
    let leaves: Vec<f64> = arrays.take(header.leaves, f64::from_le_bytes);
    let bitset: Vec<u32> = arrays.take(header.words, u32::from_le_bytes);
    if let Some(index) = leaves.iter().position(|leaf| !leaf.is_finite()) {
        return Err(bad(format!("leaf {index} is {}", leaves[index])));
    }
    if let Some(index) = tree_output
        .iter()
        .position(|&output| output as usize >= header.outputs)
    {
        return Err(bad(format!(
            "tree {index} adds to output {}",
            tree_output[index]
        )));
    }
    let nodes = (0..header.nodes)
        .map(|index| raw.node(index, &header))
        .collect::<Result<Vec<Node>, _>>()?;
    check_links(&roots, &nodes, header.leaves)?;
    Ok(Forest {
        features: header.features,
        outputs: header.outputs,
        link: header.link,
        slope: header.sigmoid,
        divisors: divisors(&header, &tree_output),
        base: header.base.into(),
        roots: roots.into(),
        tree_output: tree_output.into(),
        nodes: nodes.into(),
        leaves: leaves.into(),
        bitset: bitset.into(),
    })
}

struct RawNodes {
    feature: Vec<u32>,
    flags: Vec<u32>,
    threshold: Vec<f64>,
    left: Vec<i32>,
    right: Vec<i32>,
    bitset_at: Vec<u32>,
    bitset_len: Vec<u32>,
}

impl RawNodes {
    fn node(&self, index: usize, header: &Header) -> Result<Node, ModelError> {
        let (feature, flags) = (self.feature[index], self.flags[index]);
        if feature as usize >= header.features {
            return Err(bad(format!(
                "node {index} reads feature {feature} of {}",
                header.features
            )));
        }
        if flags & !KNOWN_FLAGS != 0 {
            return Err(bad(format!("node {index} has unknown flags {flags:#x}")));
        }
        let missing = match flags >> MISSING_SHIFT {
            0 => Missing::None,
            1 => Missing::Zero,
            2 => Missing::Nan,
            other => return Err(bad(format!("node {index} has missing type {other}"))),
        };
        let test = if flags & CATEGORICAL == 0 {
            let threshold = self.threshold[index];
            if threshold.is_nan() {
                return Err(bad(format!("node {index} has the threshold NaN")));
            }
            Test::Numeric {
                threshold,
                missing,
                default_left: flags & DEFAULT_LEFT != 0,
            }
        } else {
            let (at, length) = (self.bitset_at[index], self.bitset_len[index]);
            if u64::from(at) + u64::from(length) > header.words as u64 {
                return Err(bad(format!(
                    "node {index} has {length} words at {at} of {}",
                    header.words
                )));
            }
            Test::Categorical {
                at,
                length,
                nan_left: missing == Missing::Nan && flags & DEFAULT_LEFT != 0,
            }
        };
        Ok(Node {
            feature,
            test,
            left: self.left[index],
            right: self.right[index],
        })
    }
}

/// Children come after their parents and nothing has two parents: so every walk ends, and laying the trees out
/// takes no more room than they do. Leaves may be shared.
fn check_links(roots: &[i32], nodes: &[Node], leaves: usize) -> Result<(), ModelError> {
    let mut has_parent = vec![false; nodes.len()];
    let mut claim = |child: i32, first: usize, from: &dyn Fn() -> String| {
        if child < 0 {
            let leaf = !child as usize;
            return if leaf < leaves {
                Ok(())
            } else {
                Err(bad(format!("{} leads to leaf {leaf} of {leaves}", from())))
            };
        }
        let index = child as usize;
        if index < first || index >= has_parent.len() {
            return Err(bad(format!(
                "{} leads to node {index} of {}",
                from(),
                has_parent.len()
            )));
        }
        if std::mem::replace(&mut has_parent[index], true) {
            return Err(bad(format!(
                "{} leads to node {index}, which has a parent already",
                from()
            )));
        }
        Ok(())
    };
    for (index, &root) in roots.iter().enumerate() {
        claim(root, 0, &|| format!("the root of tree {index}"))?;
    }
    for (index, node) in nodes.iter().enumerate() {
        claim(node.left, index + 1, &|| format!("node {index}"))?;
        claim(node.right, index + 1, &|| format!("node {index}"))?;
    }
    Ok(())
}

fn divisors(header: &Header, tree_output: &[u32]) -> Box<[f64]> {
    let mut counts = vec![0_u32; header.outputs];
    if header.average {
        for &output in tree_output {
            counts[output as usize] += 1;
        }
    }
    counts
        .into_iter()
        .map(|count| f64::from(count.max(1)))
        .collect()
}

/// The rest of the file; its length has been checked against the header.
struct Arrays<'a> {
    bytes: &'a [u8],
}

impl Arrays<'_> {
    fn take<T, const SIZE: usize>(
        &mut self,
        count: usize,
        decode: impl Fn([u8; SIZE]) -> T,
    ) -> Vec<T> {
        let (now, rest) = self.bytes.split_at(padded((count * SIZE) as u64) as usize);
        self.bytes = rest;
        now.as_chunks::<SIZE>()
            .0
            .iter()
            .take(count)
            .map(|chunk| decode(*chunk))
            .collect()
    }
}

fn padded(length: u64) -> u64 {
    length.next_multiple_of(8)
}

fn bad(message: impl Into<String>) -> ModelError {
    ModelError::format(message)
}
