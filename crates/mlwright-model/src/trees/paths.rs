//! The path-mask kernel: one row after the other over [`Blocks`], all tests of a tree at once.

use super::Forest;
use super::blocks::{Blocks, LEAF, MOST_LANES, TOGETHER, WIDTH};
use super::lanes::Lanes;
use super::processor::Processor;
use super::sets::Sets;
use super::units::Units;

/// What a row is scored with.
pub(super) struct Tables<'a> {
    pub(super) forest: &'a Forest,
    pub(super) units: &'a Units,
    pub(super) lanes: &'a Lanes,
    pub(super) sets: &'a Sets,
    pub(super) blocks: &'a Blocks,
}

impl Tables<'_> {
    /// Lanes that blocks name: those of ranks, and the idle one when there are sets.
    pub(super) fn lanes_named(&self) -> usize {
        self.lanes.len() + usize::from(!self.sets.is_empty())
    }
}

/// Score row-major rows. `set_bits` is scratch.
#[inline(always)]
pub(super) fn score<P: Processor>(
    tables: &Tables<'_>,
    rows: &[f64],
    out: &mut [f64],
    set_bits: &mut Vec<u32>,
) {
    if tables.sets.is_empty() {
        score_rows::<P, false>(tables, rows, out, set_bits);
    } else {
        score_rows::<P, true>(tables, rows, out, set_bits);
    }
}

#[inline(always)]
fn score_rows<P: Processor, const SETS: bool>(
    tables: &Tables<'_>,
    rows: &[f64],
    out: &mut [f64],
    set_bits: &mut Vec<u32>,
) {
    let forest = tables.forest;
    for (index, result) in out.chunks_exact_mut(forest.outputs).enumerate() {
        let row = &rows[index * forest.features..(index + 1) * forest.features];
        let mut ranks = [0; MOST_LANES];
        for lane in 0..tables.lanes.len() {
            ranks[lane % MOST_LANES] = tables.lanes.rank::<P>(lane, row);
        }
        result.copy_from_slice(&forest.base);
        if SETS {
            // The idle lane of categorical tests is above every threshold.
            ranks[tables.lanes.len() % MOST_LANES] = u8::MAX;
            gather_sets(tables, row, set_bits);
        }
        score_row::<P, SETS>(tables, &P::prepare(&ranks), set_bits, result);
        forest.finish(result);
    }
}

#[inline(always)]
fn gather_sets(tables: &Tables<'_>, row: &[f64], bits: &mut Vec<u32>) {
    let blocks = tables.blocks.all.len();
    bits.clear();
    bits.resize(blocks, 0);
    for (feature, words) in tables.sets.features.iter().zip(&tables.blocks.set_bits) {
        let words = words.row(feature.row(row), blocks);
        for (bits, word) in bits.iter_mut().zip(words) {
            *bits |= word;
        }
    }
}

#[inline(always)]
fn score_row<P: Processor, const SETS: bool>(
    tables: &Tables<'_>,
    ranks: &P::Ranks,
    sets: &[u32],
    result: &mut [f64],
) {
    match &tables.blocks.flat {
        Some(values) => {
            let mut sum = result[0];
            for (index, (block, values)) in tables.blocks.all.iter().zip(values).enumerate() {
                let sets = if SETS { sets[index] } else { 0 };
                sum += values[P::exit(block, ranks, sets) % WIDTH];
            }
            result[0] = sum;
        }
        None => score_steps::<P, SETS>(tables, ranks, sets, result),
    }
}

#[inline(always)]
fn score_steps<P: Processor, const SETS: bool>(
    tables: &Tables<'_>,
    ranks: &P::Ranks,
    sets: &[u32],
    result: &mut [f64],
) {
    let Blocks {
        all: blocks,
        exits,
        roots,
        steps,
        ..
    } = tables.blocks;
    let units = tables.units.units.chunks(TOGETHER);
    for ((units, roots), steps) in units.zip(roots.chunks(TOGETHER)).zip(steps) {
        let mut at = [LEAF; TOGETHER];
        at[..roots.len()].copy_from_slice(roots);
        for _ in 0..*steps {
            for at in &mut at {
                // A tree that has found its leaf looks at block 0 and stays.
                let is_found = *at & LEAF != 0;
                let block = if is_found { 0 } else { *at as usize };
                let sets = if SETS { sets[block] } else { 0 };
                let exit = P::exit(&blocks[block], ranks, sets);
                let next = exits[block][exit % WIDTH];
                *at = if is_found { *at } else { next };
            }
        }
        for (unit, at) in units.iter().zip(at) {
            let values = unit.leaf(&tables.units.values, at & !LEAF);
            let outputs = &tables.forest.tree_output[unit.first_tree as usize..];
            for (value, output) in values.iter().zip(outputs) {
                result[*output as usize] += value;
            }
        }
    }
}
