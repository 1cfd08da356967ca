//! The few operations that kernels want in the instructions of a processor, and their definition in plain code.

use super::batch::{Column, ROWS};
use super::blocks::{Block, MOST_LANES, WIDTH};
use super::lanes::CELL;

/// What the kernels do in the instructions of a processor.
pub(super) trait Processor {
    /// How many thresholds a value is above: not `≤` them, so that NaN is above all.
    fn above(value: f64, thresholds: &[f64; CELL]) -> u32;

    /// The ranks of a row as it likes to look them up.
    type Ranks;

    /// Prepare the ranks of a row.
    fn prepare(ranks: &[u8; MOST_LANES]) -> Self::Ranks;

    /// The exit of a block; `sets` holds the bits of its categorical tests.
    fn exit(block: &Block, ranks: &Self::Ranks, sets: u32) -> usize;

    /// Row by row, the left byte where `lane & mask ≤ rank`, else the right one.
    fn pick(lane: &Column, mask: u8, rank: u8, left: &Column, right: &Column) -> Column;
}

/// Any processor: the definition that vector code is tested against.
pub(super) struct Portable;

impl Processor for Portable {
    type Ranks = [u8; MOST_LANES];

    #[inline(always)]
    #[expect(clippy::neg_cmp_op_on_partial_ord, reason = "NaN must count")]
    fn above(value: f64, thresholds: &[f64; CELL]) -> u32 {
        let mut count = 0_u64;
        for threshold in thresholds {
            count += u64::from(!(value <= *threshold));
        }
        count as u32
    }

    #[inline(always)]
    fn prepare(ranks: &[u8; MOST_LANES]) -> Self::Ranks {
        *ranks
    }

    #[inline(always)]
    fn exit(block: &Block, ranks: &Self::Ranks, sets: u32) -> usize {
        let mut bits = sets;
        for test in 0..WIDTH {
            let is_left = ranks[block.lane[test] as usize] <= block.rank[test];
            bits |= u32::from(is_left) << test;
        }
        let mut agrees = 0_u32;
        for exit in 0..WIDTH {
            agrees |= u32::from(bits & block.path[exit] == block.left[exit]) << exit;
        }
        agrees.trailing_zeros() as usize
    }

    #[inline(always)]
    fn pick(lane: &Column, mask: u8, rank: u8, left: &Column, right: &Column) -> Column {
        let mut picked = *right;
        for row in 0..ROWS {
            let left_or_zero = u8::from(lane.0[row] & mask <= rank).wrapping_neg();
            picked.0[row] ^= (left.0[row] ^ picked.0[row]) & left_or_zero;
        }
        picked
    }
}
