//! Which kernels score a forest: chosen when it is loaded, by the processor and by what their tables would cost.
//!
//! | rows per call | forest | kernel |
//! |---|---|---|
//! | few | every tree has at most 32 leaves, the processor has vector instructions | path masks |
//! | few | others | branchless walk, else path masks of several blocks, else the readable walk |
//! | many | every tree has at most 256 leaves | rows in columns |
//!
//! The rule is that of measurements (`examples/time_trees.rs`, `benchmarks/kernels`): a tree of several blocks costs about
//! the branchless walk. A kernel in vector instructions is compared with the readable walk before it is trusted, because
//! it may run on a processor that its tests never saw.

use std::cell::RefCell;

use super::batch::{self, Batch, BatchScratch, BatchTables};
use super::blocks::Blocks;
use super::branchless::Branchless;
use super::lanes::Lanes;
use super::paths::Tables;
use super::plan::Plan;
use super::sets::Sets;
use super::units::Units;
use super::vector::Instructions;
use super::{Forest, Test, walk};

/// Rows from which a batch costs less than path masks row by row.
const BATCH_BESIDE_PATHS: usize = 16;
/// Rows from which a batch costs less than other kernels row by row.
const BATCH_BESIDE_WALKS: usize = 8;

/// Features of a forest whose kernels can be compared with the walk at a small cost.
const MOST_PROBED: usize = 1 << 14;

/// Scores a few rows, one after the other.
#[derive(Debug)]
enum One {
    Paths(Blocks),
    Branchless(Branchless),
    Walk,
}

/// What the kernels over ranks share.
#[derive(Debug)]
struct Ranked {
    units: Units,
    lanes: Lanes,
    sets: Sets,
}

/// The kernels of a forest.
#[derive(Debug)]
pub(super) struct Kernels {
    one: One,
    batch: Option<Batch>,
    ranked: Option<Ranked>,
    with: Instructions,
}

thread_local! {
    /// Kept per thread so that a request allocates nothing.
    static SCRATCH: RefCell<(Vec<u32>, BatchScratch)> = RefCell::default();
}

/// What a test or a measurement asks for instead of the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Rule,
    Paths,
    Branchless,
}

impl Kernels {
    /// The kernels for this processor.
    pub(super) fn choose(forest: &Forest) -> Self {
        let mut kernels = Instructions::available()
            .into_iter()
            .map(|with| Self::build(forest, with, Wish::Rule));
        let trusted = kernels.find(|kernels| {
            !kernels.with.is_vector() || kernels.ranked.is_none() || kernels.agree_with_walk(forest)
        });
        trusted.expect("portable kernels are always available; this is a bug")
    }

    /// The kernels for some instructions.
    pub(super) fn build(forest: &Forest, with: Instructions, wanted: Wish) -> Self {
        let plan = Plan::new(forest);
        let blocks = plan
            .as_ref()
            .filter(|_| wanted != Wish::Branchless)
            .and_then(|plan| Blocks::build(forest, plan, with.exit_order()));
        let batch = plan.as_ref().and_then(|plan| Batch::build(forest, plan));
        let is_first = |blocks: &Blocks| match wanted {
            Wish::Rule => with.is_vector() && blocks.is_one_block_each(),
            Wish::Paths => true,
            Wish::Branchless => false,
        };
        let one = match blocks {
            Some(blocks) if is_first(&blocks) => One::Paths(blocks),
            blocks => match (Branchless::build(forest), blocks) {
                (Some(kernel), _) => One::Branchless(kernel),
                (None, Some(blocks)) => One::Paths(blocks),
                (None, None) => One::Walk,
            },
        };
        let is_ranked = batch.is_some() || matches!(one, One::Paths(_));
        Self {
            ranked: plan.filter(|_| is_ranked).map(|plan| Ranked {
                units: plan.units,
                lanes: plan.lanes,
                sets: plan.sets,
            }),
            one,
            batch,
            with,
        }
    }

    /// Score row-major rows; sizes are checked by the caller.
    pub(super) fn predict(&self, forest: &Forest, rows: &[f64], out: &mut [f64]) {
        let count = out.len() / forest.outputs;
        let least = match self.one {
            One::Paths(_) => BATCH_BESIDE_PATHS,
            One::Branchless(_) | One::Walk => BATCH_BESIDE_WALKS,
        };
        // Full batches, and a last one when it pays.
        let rest = count % batch::ROWS;
        let batched = match &self.batch {
            Some(_) if rest >= least => count,
            Some(_) => count - rest,
            None => 0,
        };
        let (first_rows, last_rows) = rows.split_at(batched * forest.features);
        let (first_out, last_out) = out.split_at_mut(batched * forest.outputs);
        self.predict_many(forest, first_rows, first_out);
        self.predict_few(forest, last_rows, last_out);
    }

    fn predict_few(&self, forest: &Forest, rows: &[f64], out: &mut [f64]) {
        match (&self.one, &self.ranked) {
            (One::Branchless(kernel), _) => kernel.predict(forest, rows, out),
            (One::Paths(blocks), Some(ranked)) => {
                let tables = Tables {
                    forest,
                    units: &ranked.units,
                    lanes: &ranked.lanes,
                    sets: &ranked.sets,
                    blocks,
                };
                SCRATCH.with_borrow_mut(|(bits, _)| self.with.paths(&tables, rows, out, bits));
            }
            (One::Walk, _) | (One::Paths(_), None) => walk::predict(forest, rows, out),
        }
    }

    /// Score with the batch kernel, whatever the number of rows; with the other one when there is none.
    fn predict_many(&self, forest: &Forest, rows: &[f64], out: &mut [f64]) {
        let (Some(batch), Some(ranked)) = (&self.batch, &self.ranked) else {
            return self.predict_few(forest, rows, out);
        };
        let tables = BatchTables {
            forest,
            units: &ranked.units,
            lanes: &ranked.lanes,
            sets: &ranked.sets,
            batch,
        };
        SCRATCH.with_borrow_mut(|(_, scratch)| {
            for (index, out) in out.chunks_mut(batch::ROWS * forest.outputs).enumerate() {
                let first = index * batch::ROWS * forest.features;
                let length = out.len() / forest.outputs * forest.features;
                let rows = &rows[first..first + length];
                self.with.batch(&tables, rows, out, scratch);
            }
        });
    }

    /// Whether the kernels and the walk give the same bits on rows of the forest's own thresholds and some odd numbers.
    fn agree_with_walk(&self, forest: &Forest) -> bool {
        let Some(rows) = probes(forest) else {
            return false;
        };
        let mut walked = vec![0.0; batch::ROWS * forest.outputs];
        walk::predict(forest, &rows, &mut walked);
        let same = |found: &[f64]| {
            let pairs = found.iter().zip(&walked);
            pairs.fold(true, |same, (a, b)| same && a.to_bits() == b.to_bits())
        };
        let mut few = vec![0.0; walked.len()];
        self.predict_few(forest, &rows, &mut few);
        let mut many = vec![0.0; walked.len()];
        self.predict_many(forest, &rows, &mut many);
        same(&few) && same(&many)
    }

    /// What scores few rows and many rows.
    pub(super) fn name(&self) -> String {
        let with = self.with.name();
        let one = match &self.one {
            One::Paths(_) => format!("path masks ({with})"),
            One::Branchless(_) => "branchless walk".to_owned(),
            One::Walk => "walk".to_owned(),
        };
        if self.batch.is_some() {
            format!("{one}; batches: rows in columns ({with})")
        } else {
            one
        }
    }

    pub(super) fn bytes(&self) -> usize {
        let one = match &self.one {
            One::Paths(blocks) => blocks.bytes(),
            One::Branchless(kernel) => kernel.bytes(),
            One::Walk => 0,
        };
        let ranked = self.ranked.as_ref().map_or(0, |ranked| {
            ranked.units.bytes() + ranked.lanes.bytes() + ranked.sets.bytes()
        });
        one + ranked + self.batch.as_ref().map_or(0, Batch::bytes)
    }
}

/// A batch of rows that meet thresholds and categories of the forest, spread over its nodes. None for a header that
/// promises so many features that the rows would be large.
pub(super) fn probes(forest: &Forest) -> Option<Vec<f64>> {
    const ODD: [f64; 4] = [f64::NAN, 0.0, f64::INFINITY, -1.0];
    if forest.features > MOST_PROBED {
        return None;
    }
    let mut rows = vec![0.0; batch::ROWS * forest.features];
    for (place, value) in rows.iter_mut().enumerate() {
        *value = ODD[place % 7 % ODD.len()];
    }
    for (place, node) in forest.nodes.iter().enumerate() {
        let value = match node.test {
            Test::Numeric { threshold, .. } if place % 3 == 0 => threshold.next_up(),
            Test::Numeric { threshold, .. } => threshold,
            Test::Categorical { .. } => (place % 64) as f64,
        };
        rows[place * 11 % batch::ROWS * forest.features + node.feature as usize] = value;
    }
    Some(rows)
}
