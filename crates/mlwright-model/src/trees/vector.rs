//! Which instructions the processor has, and the kernels compiled for them.
//!
//! The only module with unsafe code. It is of two kinds: loads and stores of arrays of fixed size, and calls of functions
//! compiled for instructions that the processor was asked about first: an [`Instructions`] is only made here, after the
//! question.
#![allow(
    unsafe_code,
    reason = "vector instructions that not every processor has"
)]

use super::batch::{self, BatchScratch, BatchTables};
use super::paths::{self, Tables};
use super::processor::Portable;

/// Instructions that this processor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Instructions(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Instructions {
    /// All that this processor has, the best first.
    pub(super) fn available() -> Vec<Self> {
        let mut found = vec![Self(Kind::Portable)];
        #[cfg(target_arch = "x86_64")]
        {
            let has_avx2 = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("popcnt");
            if has_avx2 {
                found.insert(0, Self(Kind::Avx2));
            }
            let has_avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512vbmi");
            if has_avx2 && has_avx512 {
                found.insert(0, Self(Kind::Avx512));
            }
        }
        found
    }

    pub(super) fn name(self) -> &'static str {
        match self.0 {
            Kind::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
        }
    }

    /// Whether there is more than plain code.
    pub(super) fn is_vector(self) -> bool {
        self.0 != Kind::Portable
    }

    /// The place in a block that the path of an exit must have for [`paths`](Self::paths).
    pub(super) fn exit_order(self) -> fn(usize) -> usize {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => x86::packed_order,
            _ => |exit| exit,
        }
    }

    /// Score rows with the path-mask kernel; its blocks were built in [`exit_order`](Self::exit_order).
    pub(super) fn paths(
        self,
        tables: &Tables<'_>,
        rows: &[f64],
        out: &mut [f64],
        bits: &mut Vec<u32>,
    ) {
        match self.0 {
            Kind::Portable => paths::score::<Portable>(tables, rows, out, bits),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: AVX2 was asked for when `self` was made.
            Kind::Avx2 => unsafe { x86::paths_avx2(tables, rows, out, bits) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: AVX-512 was asked for when `self` was made.
            Kind::Avx512 => unsafe { x86::paths_avx512(tables, rows, out, bits) },
        }
    }

    /// Score up to [`batch::ROWS`] rows with the batch kernel.
    pub(super) fn batch(
        self,
        tables: &BatchTables<'_>,
        rows: &[f64],
        out: &mut [f64],
        scratch: &mut BatchScratch,
    ) {
        match self.0 {
            Kind::Portable => batch::score::<Portable>(tables, rows, out, scratch),
            // SAFETY: AVX2 was asked for when `self` was made.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { x86::batch_avx2(tables, rows, out, scratch) },
            // SAFETY: AVX-512 was asked for when `self` was made.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { x86::batch_avx512(tables, rows, out, scratch) },
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256i, __mmask32, _CMP_NLE_UQ, _mm_loadu_si128, _mm256_and_si256, _mm256_blendv_epi8,
        _mm256_broadcastsi128_si256, _mm256_castpd_si256, _mm256_cmp_pd, _mm256_cmpeq_epi8,
        _mm256_cmpeq_epi32, _mm256_cmple_epu8_mask, _mm256_load_si256, _mm256_loadu_pd,
        _mm256_loadu_si256, _mm256_mask_blend_epi8, _mm256_max_epu8, _mm256_movemask_epi8,
        _mm256_movepi8_mask, _mm256_packs_epi16, _mm256_packs_epi32, _mm256_permutex2var_epi8,
        _mm256_set1_epi8, _mm256_set1_epi32, _mm256_set1_pd, _mm256_shuffle_epi8,
        _mm256_slli_epi16, _mm256_store_si256, _mm512_and_si512, _mm512_cmp_pd_mask,
        _mm512_cmpeq_epi32_mask, _mm512_loadu_pd, _mm512_loadu_si512, _mm512_set1_epi32,
        _mm512_set1_pd,
    };

    use super::super::batch::{self, BatchScratch, BatchTables, Column};
    use super::super::blocks::{Block, MOST_LANES};
    use super::super::lanes::CELL;
    use super::super::paths::{self, Tables};
    use super::super::processor::Processor;

    /// The order in which packing leaves the comparisons of [`Avx2::exit`].
    pub(super) fn packed_order(exit: usize) -> usize {
        let (half, within) = (exit / 16, exit % 16);
        8 * (within / 4) + 4 * half + within % 4
    }

    /// AVX2, with the ranks in `TABLES` pieces of sixteen lanes.
    struct Avx2<const TABLES: usize>;

    impl<const TABLES: usize> Processor for Avx2<TABLES> {
        type Ranks = [__m256i; TABLES];

        #[inline(always)]
        fn above(value: f64, thresholds: &[f64; CELL]) -> u32 {
            // SAFETY: loads stay inside the array; AVX2 is there, as in every caller.
            unsafe {
                let value = _mm256_set1_pd(value);
                let above = |at: usize| {
                    let four = _mm256_loadu_pd(thresholds.as_ptr().add(at));
                    _mm256_castpd_si256(_mm256_cmp_pd::<_CMP_NLE_UQ>(value, four))
                };
                let low = _mm256_packs_epi32(above(0), above(4));
                let high = _mm256_packs_epi32(above(8), above(12));
                // Each comparison is two bytes of ones.
                let bits = _mm256_movemask_epi8(_mm256_packs_epi32(low, high)) as u32;
                bits.count_ones() / 2
            }
        }

        #[inline(always)]
        fn prepare(ranks: &[u8; MOST_LANES]) -> Self::Ranks {
            std::array::from_fn(|table| {
                let piece = &ranks[16 * table..16 * table + 16];
                // SAFETY: the piece has 16 bytes; AVX2 is there, as in every caller.
                unsafe { _mm256_broadcastsi128_si256(_mm_loadu_si128(piece.as_ptr().cast())) }
            })
        }

        #[inline(always)]
        fn exit(block: &Block, ranks: &Self::Ranks, sets: u32) -> usize {
            // SAFETY: loads stay inside the arrays of the block, which is aligned; AVX2 is there, as in every caller.
            unsafe {
                let lane = _mm256_load_si256(block.lane.as_ptr().cast());
                let rank = _mm256_load_si256(block.rank.as_ptr().cast());
                let seen = look_up(lane, ranks);
                let is_left = _mm256_cmpeq_epi8(_mm256_max_epu8(seen, rank), rank);
                let bits = _mm256_movemask_epi8(is_left) as u32 | sets;
                let bits = _mm256_set1_epi32(bits as i32);
                let agrees = |at: usize| {
                    let path = _mm256_load_si256(block.path.as_ptr().add(at).cast());
                    let left = _mm256_load_si256(block.left.as_ptr().add(at).cast());
                    _mm256_cmpeq_epi32(_mm256_and_si256(bits, path), left)
                };
                let low = _mm256_packs_epi32(agrees(0), agrees(8));
                let high = _mm256_packs_epi32(agrees(16), agrees(24));
                let all = _mm256_movemask_epi8(_mm256_packs_epi16(low, high));
                all.trailing_zeros() as usize
            }
        }

        #[inline(always)]
        fn pick(lane: &Column, mask: u8, rank: u8, left: &Column, right: &Column) -> Column {
            let mut picked = Column::default();
            // SAFETY: a column is 32 aligned bytes; AVX2 is there, as in every caller.
            unsafe {
                let load = |column: &Column| _mm256_load_si256(column.0.as_ptr().cast());
                let rank = _mm256_set1_epi8(rank as i8);
                let mut seen = load(lane);
                if mask != u8::MAX {
                    seen = _mm256_and_si256(seen, _mm256_set1_epi8(mask as i8));
                }
                let is_left = _mm256_cmpeq_epi8(_mm256_max_epu8(seen, rank), rank);
                let chosen = _mm256_blendv_epi8(load(right), load(left), is_left);
                _mm256_store_si256(picked.0.as_mut_ptr().cast(), chosen);
            }
            picked
        }
    }

    /// The bytes of a table of up to 256 at 32 places: a look-up per piece of sixteen, then bits 4 to 7 of the place
    /// choose between pieces (moved to the top of each byte, where a blend looks).
    #[inline(always)]
    fn look_up<const TABLES: usize>(place: __m256i, tables: &[__m256i; TABLES]) -> __m256i {
        // SAFETY: no memory is touched; AVX2 is there, as in every caller.
        unsafe {
            // A shuffle gives 0 for places from 128 on: bit 7 is cut off where it can be set.
            let low = if TABLES > 8 {
                _mm256_and_si256(place, _mm256_set1_epi8(0x7f))
            } else {
                place
            };
            let mut found: [__m256i; TABLES] =
                std::array::from_fn(|table| _mm256_shuffle_epi8(tables[table], low));
            let choices = [
                _mm256_slli_epi16::<3>(place),
                _mm256_slli_epi16::<2>(place),
                _mm256_slli_epi16::<1>(place),
                place,
            ];
            let mut pieces = TABLES;
            for choice in choices {
                if pieces == 1 {
                    break;
                }
                pieces /= 2;
                for piece in 0..pieces {
                    found[piece] =
                        _mm256_blendv_epi8(found[2 * piece], found[2 * piece + 1], choice);
                }
            }
            found[0]
        }
    }

    /// AVX-512 with VBMI, with the ranks in `TABLES` pieces of 64 lanes. Columns stay 32 bytes.
    struct Avx512<const TABLES: usize>;

    impl<const TABLES: usize> Processor for Avx512<TABLES> {
        type Ranks = [[__m256i; 2]; TABLES];

        #[inline(always)]
        fn above(value: f64, thresholds: &[f64; CELL]) -> u32 {
            // SAFETY: loads stay inside the array; AVX-512 is there, as in every caller.
            unsafe {
                let value = _mm512_set1_pd(value);
                let above = |at: usize| {
                    let eight = _mm512_loadu_pd(thresholds.as_ptr().add(at));
                    u32::from(_mm512_cmp_pd_mask::<_CMP_NLE_UQ>(value, eight))
                };
                (above(0) | above(8) << 8).count_ones()
            }
        }

        #[inline(always)]
        fn prepare(ranks: &[u8; MOST_LANES]) -> Self::Ranks {
            let load = |at: usize| {
                let piece = &ranks[at..at + 32];
                // SAFETY: the piece has 32 bytes; AVX-512 is there, as in every caller.
                unsafe { _mm256_loadu_si256(piece.as_ptr().cast()) }
            };
            std::array::from_fn(|table| [load(64 * table), load(64 * table + 32)])
        }

        #[inline(always)]
        fn exit(block: &Block, ranks: &Self::Ranks, sets: u32) -> usize {
            // SAFETY: loads stay inside the arrays of the block; AVX-512 is there, as in every caller.
            unsafe {
                let lane = _mm256_load_si256(block.lane.as_ptr().cast());
                let rank = _mm256_load_si256(block.rank.as_ptr().cast());
                let piece = |table: usize| {
                    let [low, high] = ranks[table];
                    _mm256_permutex2var_epi8(low, lane, high)
                };
                // Bits 6 and 7 of the lane choose between pieces.
                let bit_6: __mmask32 = _mm256_movepi8_mask(_mm256_slli_epi16::<1>(lane));
                let mut seen = piece(0);
                if TABLES > 1 {
                    seen = _mm256_mask_blend_epi8(bit_6, seen, piece(1));
                }
                if TABLES > 2 {
                    let upper = _mm256_mask_blend_epi8(bit_6, piece(2), piece(3));
                    seen = _mm256_mask_blend_epi8(_mm256_movepi8_mask(lane), seen, upper);
                }
                let bits = _mm256_cmple_epu8_mask(seen, rank) | sets;
                let bits = _mm512_set1_epi32(bits as i32);
                let agrees = |at: usize| {
                    let path = _mm512_loadu_si512(block.path.as_ptr().add(at).cast());
                    let left = _mm512_loadu_si512(block.left.as_ptr().add(at).cast());
                    u32::from(_mm512_cmpeq_epi32_mask(_mm512_and_si512(bits, path), left))
                };
                (agrees(0) | agrees(16) << 16).trailing_zeros() as usize
            }
        }

        #[inline(always)]
        fn pick(lane: &Column, mask: u8, rank: u8, left: &Column, right: &Column) -> Column {
            let mut picked = Column::default();
            // SAFETY: a column is 32 aligned bytes; AVX-512 is there, as in every caller.
            unsafe {
                let load = |column: &Column| _mm256_load_si256(column.0.as_ptr().cast());
                let seen = _mm256_and_si256(load(lane), _mm256_set1_epi8(mask as i8));
                let is_left = _mm256_cmple_epu8_mask(seen, _mm256_set1_epi8(rank as i8));
                let chosen = _mm256_mask_blend_epi8(is_left, load(right), load(left));
                _mm256_store_si256(picked.0.as_mut_ptr().cast(), chosen);
            }
            picked
        }
    }

    /// The path-mask kernel in AVX2.
    ///
    /// # Safety
    /// The processor has AVX2, BMI1 and POPCNT.
    pub(super) unsafe fn paths_avx2(
        tables: &Tables<'_>,
        rows: &[f64],
        out: &mut [f64],
        bits: &mut Vec<u32>,
    ) {
        // SAFETY: the caller promises the instructions.
        unsafe {
            match tables.lanes_named().div_ceil(16) {
                0 | 1 => avx2_rows::<1>(tables, rows, out, bits),
                2 => avx2_rows::<2>(tables, rows, out, bits),
                3 | 4 => avx2_rows::<4>(tables, rows, out, bits),
                5..=8 => avx2_rows::<8>(tables, rows, out, bits),
                _ => avx2_rows::<16>(tables, rows, out, bits),
            }
        }
    }

    #[target_feature(enable = "avx2,bmi1,popcnt")]
    fn avx2_rows<const TABLES: usize>(
        tables: &Tables<'_>,
        rows: &[f64],
        out: &mut [f64],
        bits: &mut Vec<u32>,
    ) {
        paths::score::<Avx2<TABLES>>(tables, rows, out, bits);
    }

    /// The path-mask kernel in AVX-512.
    ///
    /// # Safety
    /// The processor has what `avx512_rows` enables.
    pub(super) unsafe fn paths_avx512(
        tables: &Tables<'_>,
        rows: &[f64],
        out: &mut [f64],
        bits: &mut Vec<u32>,
    ) {
        // SAFETY: the caller promises the instructions.
        unsafe {
            match tables.lanes_named().div_ceil(64) {
                0 | 1 => avx512_rows::<1>(tables, rows, out, bits),
                2 => avx512_rows::<2>(tables, rows, out, bits),
                _ => avx512_rows::<4>(tables, rows, out, bits),
            }
        }
    }

    #[target_feature(enable = "avx2,bmi1,popcnt,avx512f,avx512bw,avx512vl,avx512vbmi")]
    fn avx512_rows<const TABLES: usize>(
        tables: &Tables<'_>,
        rows: &[f64],
        out: &mut [f64],
        bits: &mut Vec<u32>,
    ) {
        paths::score::<Avx512<TABLES>>(tables, rows, out, bits);
    }

    #[target_feature(enable = "avx2,bmi1,popcnt")]
    pub(super) fn batch_avx2(
        tables: &BatchTables<'_>,
        rows: &[f64],
        out: &mut [f64],
        scratch: &mut BatchScratch,
    ) {
        batch::score::<Avx2<1>>(tables, rows, out, scratch);
    }

    #[target_feature(enable = "avx2,bmi1,popcnt,avx512f,avx512bw,avx512vl,avx512vbmi")]
    pub(super) fn batch_avx512(
        tables: &BatchTables<'_>,
        rows: &[f64],
        out: &mut [f64],
        scratch: &mut BatchScratch,
    ) {
        batch::score::<Avx512<1>>(tables, rows, out, scratch);
    }
}
