//! Tree ensembles: `format` reads and checks `model.trees`, `walk` is the readable reference, `kernel` the fast
//! path for the same forest. Both add the leaves tree by tree, so they give the same bits.

mod format;
#[cfg(test)]
mod fuzz;
mod kernel;
#[cfg(test)]
mod testing;
mod walk;

use crate::model::{Model, check_shape};
use crate::{Link, ModelError};
use kernel::Kernel;

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
    kernel: Option<Kernel>,
}

impl Trees {
    /// Read and check the bytes of a `model.trees` file. Nothing is trusted: sizes, indices and numbers are checked
    /// before use, and no memory beyond a multiple of the file's size is taken.
    ///
    /// # Errors
    /// [`ModelError::Format`] says what is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let forest = format::read(bytes)?;
        let kernel = Kernel::build(&forest);
        Ok(Self { forest, kernel })
    }

    /// Number of trees.
    #[must_use]
    pub fn trees(&self) -> usize {
        self.forest.roots.len()
    }

    /// Whether the branchless kernel serves this model; the readable walk serves the others.
    #[must_use]
    pub fn has_kernel(&self) -> bool {
        self.kernel.is_some()
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
        match &self.kernel {
            Some(kernel) => kernel.predict(&self.forest, rows, out),
            None => walk::predict(&self.forest, rows, out),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
