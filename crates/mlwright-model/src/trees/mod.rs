//! Tree ensembles: `format` reads and checks `model.trees`, `walk` is the readable reference, `kernel` chooses what is
//! fast for the same forest: `branchless` (one row, any processor), `paths` over `blocks` (one row, vector
//! instructions) or `batch` (many rows). All add the leaves tree by tree, so they give the same bits.
#![allow(
    clippy::inline_always,
    reason = "code is compiled for the instructions of the function that it is inlined into"
)]

mod batch;
mod blocks;
mod branchless;
mod format;
#[cfg(test)]
mod fuzz;
mod kernel;
mod lanes;
mod paths;
mod plan;
mod processor;
mod sets;
#[cfg(test)]
pub(crate) mod testing;
mod units;
mod vector;
mod walk;

use crate::model::{Model, check_shape};
use crate::{Link, ModelError};
use kernel::{Kernels, Wish};
use vector::Instructions;
use walk::is_in_set;

/// Which values a numeric node sends to its default side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Missing {
    /// None: NaN counts as 0.
    None,
    /// Zero (and NaN, which counts as 0).
    Zero,
    /// NaN.
    Nan,
}

/// The test of one inner node.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Test {
    /// Left when x ≤ threshold, or to the default side when x is missing.
    Numeric {
        threshold: f64,
        missing: Missing,
        default_left: bool,
    },
    /// Left when the bit of the truncated value is set in `bitset[at..at + length]`; NaN has a side of its own.
    Categorical {
        at: u32,
        length: u32,
        nan_left: bool,
    },
}

/// An inner node; a negative child `c` is the leaf `!c`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Node {
    feature: u32,
    test: Test,
    left: i32,
    right: i32,
}

/// A checked forest: every index is in range, every node has one parent and children come after their parents.
#[derive(Debug, Clone, PartialEq)]
struct Forest {
    features: usize,
    outputs: usize,
    link: Link,
    slope: f64,
    base: Box<[f64]>,
    /// What raw sums are divided by, per output: 1, or the number of trees in random-forest mode.
    divisors: Box<[f64]>,
    /// Root of each tree, negative for a tree that is a single leaf.
    roots: Box<[i32]>,
    /// Output that each tree adds to.
    tree_output: Box<[u32]>,
    nodes: Box<[Node]>,
    leaves: Box<[f64]>,
    bitset: Box<[u32]>,
}

impl Forest {
    /// The node that a link leads to and its place, or the place of the leaf.
    fn node(&self, link: i32) -> Result<(usize, Node), usize> {
        match usize::try_from(link) {
            Ok(index) => Ok((index, self.nodes[index])),
            Err(_) => Err(!link as usize),
        }
    }

    /// Steps from each node to its deepest leaf.
    fn heights(&self) -> Vec<u32> {
        let mut heights = vec![0; self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate().rev() {
            let below = |child: i32| usize::try_from(child).map_or(0, |child| heights[child]);
            heights[index] = 1 + below(node.left).max(below(node.right));
        }
        heights
    }

    fn bytes(&self) -> usize {
        size_of_val(&*self.base)
            + size_of_val(&*self.divisors)
            + size_of_val(&*self.roots)
            + size_of_val(&*self.tree_output)
            + size_of_val(&*self.nodes)
            + size_of_val(&*self.leaves)
            + size_of_val(&*self.bitset)
    }

    /// The words of a categorical test.
    fn words(&self, at: u32, length: u32) -> &[u32] {
        &self.bitset[at as usize..(at + length) as usize]
    }

    /// Turn raw sums (base included) into outputs, in place.
    fn finish(&self, row: &mut [f64]) {
        for (value, divisor) in row.iter_mut().zip(&self.divisors) {
            *value /= divisor;
        }
        self.link.apply(self.slope, row);
    }
}

/// `LightGBM`'s zero: the double nearest to the float 1e-35, not the double 1e-35.
const ZERO: f64 = 1e-35_f32 as f64;

/// A tree ensemble that decides like `LightGBM`, missing values and categorical splits included.
#[derive(Debug)]
pub struct Trees {
    forest: Forest,
    kernels: Box<Kernels>,
}

impl Trees {
    /// Read and check the bytes of a `model.trees` file. Nothing is trusted: sizes, indices and numbers are checked
    /// before use, and no memory beyond a multiple of the file's size is taken.
    ///
    /// # Errors
    /// [`ModelError::Format`] says what is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let forest = format::read(bytes)?;
        let kernels = Box::new(Kernels::choose(&forest));
        Ok(Self { forest, kernels })
    }

    /// Number of trees.
    #[must_use]
    pub fn trees(&self) -> usize {
        self.forest.roots.len()
    }

    /// What turns its sums into outputs.
    #[must_use]
    pub fn link(&self) -> Link {
        self.forest.link
    }

    /// The model once with each set of kernels that it can have on this processor, whatever the rule would choose: for
    /// tests and measurements.
    ///
    /// # Errors
    /// Those of [`Trees::from_bytes`].
    pub fn candidates(bytes: &[u8]) -> Result<Vec<Self>, ModelError> {
        let forest = format::read(bytes)?;
        let mut found: Vec<Self> = Vec::new();
        for with in Instructions::available() {
            for wish in [Wish::Paths, Wish::Branchless] {
                let kernels = Box::new(Kernels::build(&forest, with, wish));
                if found
                    .iter()
                    .all(|other| other.kernels.name() != kernels.name())
                {
                    let forest = forest.clone();
                    found.push(Self { forest, kernels });
                }
            }
        }
        Ok(found)
    }

    /// What scores this model on this processor, in words.
    #[must_use]
    pub fn kernel_name(&self) -> String {
        self.kernels.name()
    }

    /// Score like [`Model::predict`] with the readable walk, whatever kernel the model has: the reference for
    /// tests and measurements.
    ///
    /// # Errors
    /// Those of [`Model::predict`].
    pub fn predict_by_walk(
        &self,
        rows: &[f64],
        n: usize,
        out: &mut [f64],
    ) -> Result<(), ModelError> {
        check_shape(self, rows, n, out)?;
        walk::predict(&self.forest, rows, out);
        Ok(())
    }
}

impl Model for Trees {
    fn inputs(&self) -> usize {
        self.forest.features
    }

    fn outputs(&self) -> usize {
        self.forest.outputs
    }

    fn predict(&self, rows: &[f64], n: usize, out: &mut [f64]) -> Result<(), ModelError> {
        check_shape(self, rows, n, out)?;
        self.kernels.predict(&self.forest, rows, out);
        Ok(())
    }

    fn varied_rows(&self) -> Option<Vec<f64>> {
        kernel::probes(&self.forest)
    }

    fn memory_bytes(&self) -> usize {
        self.forest.bytes() + self.kernels.bytes()
    }
}

#[cfg(test)]
mod kernel_tests;
#[cfg(test)]
mod tests;
