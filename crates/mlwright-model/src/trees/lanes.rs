//! Numbers of a row as ranks: the common input of the kernels that compare bytes.
//!
//! Idea: a forest asks a feature only about its own thresholds, so a number is replaced by how many of them it is
//! above: `x ≤ threshold[t]` becomes `rank(x) ≤ t`, one byte against one byte, exactly. A *lane* is a feature as some
//! nodes want to see it (see [`View`]) with up to 255 of their distinct thresholds; a feature with more has several
//! lanes.
//!
//! The rank is found in two steps over sixteen thresholds each, without branches: first over the last threshold of
//! every cell of sixteen, then inside the cell.

use std::collections::BTreeMap;

use super::processor::Processor;
use super::{Forest, Missing, Test, ZERO};

/// Thresholds of one lane: the rank above all of them must fit a byte.
const MOST_THRESHOLDS: usize = 255;
pub(super) const CELL: usize = 16;
/// More lanes than this are left to the kernels that do not need them.
const MOST_LANES: usize = 1 << 15;

/// How nodes look at a numeric feature: numbers in a band around zero, and NaN, become another number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct View {
    /// Values no further from zero than this are missing; negative for none.
    band: f64,
    /// What missing values become: 0, −∞ (left of every threshold) or NaN (right: no comparison is true).
    missing: f64,
}

impl View {
    /// The view of a node.
    pub(super) fn new(missing: Missing, default_left: bool) -> Self {
        let side = if default_left {
            f64::NEG_INFINITY
        } else {
            f64::NAN
        };
        match missing {
            Missing::None => Self {
                band: -1.0,
                missing: 0.0,
            },
            Missing::Zero => Self {
                band: ZERO,
                missing: side,
            },
            Missing::Nan => Self {
                band: -1.0,
                missing: side,
            },
        }
    }

    /// The value as the nodes see it. NaN is outside no band, so it is missing in every view.
    #[inline(always)]
    pub(super) fn see(self, value: f64) -> f64 {
        if value.abs() > self.band {
            value
        } else {
            self.missing
        }
    }

    fn key(self) -> (u64, u64) {
        (self.band.to_bits(), self.missing.to_bits())
    }
}

/// Where the test of a numeric node stands: left when the rank of the lane is at most `rank`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    pub(super) lane: u16,
    pub(super) rank: u8,
}

#[derive(Debug, Clone, Copy)]
struct Lane {
    view: View,
    feature: u32,
    /// Place of the pivots; the cells follow.
    at: u32,
    last_cell: u8,
    thresholds: u8,
}

/// A feature and the bits of a view.
type Key = (u32, (u64, u64));

/// All lanes of a forest.
#[derive(Debug)]
pub(super) struct Lanes {
    lanes: Box<[Lane]>,
    thresholds: Box<[[f64; CELL]]>,
}

impl Lanes {
    /// Give the lanes of a forest and the place of each node (an idle one for categorical nodes); none when there are
    /// too many.
    pub(super) fn build(forest: &Forest) -> Option<(Self, Vec<Place>)> {
        let mut wanted: BTreeMap<Key, (View, Vec<f64>)> = BTreeMap::new();
        for (feature, view, threshold) in numeric_tests(forest) {
            let entry = wanted.entry((feature, view.key()));
            entry.or_insert((view, Vec::new())).1.push(threshold);
        }
        let mut lanes = Vec::new();
        let mut cells = Vec::new();
        let mut first_lane = BTreeMap::new();
        for (&(feature, key), (view, thresholds)) in &mut wanted {
            thresholds.sort_by(f64::total_cmp);
            thresholds.dedup_by_key(|threshold| threshold.to_bits());
            first_lane.insert((feature, key), lanes.len());
            for part in thresholds.chunks(MOST_THRESHOLDS) {
                lanes.push(lay_lane(feature, *view, part, &mut cells)?);
            }
        }
        if lanes.len() > MOST_LANES {
            return None;
        }
        let mut places = vec![Place::default(); forest.nodes.len()];
        for (place, node) in places.iter_mut().zip(&forest.nodes) {
            let Some((view, threshold)) = numeric(node.test) else {
                continue;
            };
            let key = (node.feature, view.key());
            let rank = wanted[&key].1.partition_point(|known| *known < threshold);
            *place = Place {
                lane: (first_lane[&key] + rank / MOST_THRESHOLDS) as u16,
                rank: (rank % MOST_THRESHOLDS) as u8,
            };
        }
        let built = Self {
            lanes: lanes.into(),
            thresholds: cells.into(),
        };
        Some((built, places))
    }

    pub(super) fn len(&self) -> usize {
        self.lanes.len()
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.lanes) + size_of_val(&*self.thresholds)
    }

    /// The rank of a row in a lane. (No iterator over lanes: its closure would not be compiled for the processor of the
    /// kernel that asks.)
    #[inline(always)]
    pub(super) fn rank<P: Processor>(&self, lane: usize, row: &[f64]) -> u8 {
        let lane = &self.lanes[lane];
        let value = lane.view.see(row[lane.feature as usize]);
        let at = lane.at as usize;
        let cell = P::above(value, &self.thresholds[at]).min(u32::from(lane.last_cell));
        let inside = P::above(value, &self.thresholds[at + 1 + cell as usize]);
        (cell * CELL as u32 + inside).min(u32::from(lane.thresholds)) as u8
    }
}

fn lay_lane(
    feature: u32,
    view: View,
    thresholds: &[f64],
    cells: &mut Vec<[f64; CELL]>,
) -> Option<Lane> {
    let at = u32::try_from(cells.len()).ok()?;
    // What fills up is +∞: only NaN is above it, and its rank is cut to the number of thresholds.
    let mut pivots = [f64::INFINITY; CELL];
    let parts = thresholds.chunks(CELL);
    let last_cell = parts.len() - 1;
    for (pivot, part) in pivots.iter_mut().zip(parts.clone().take(last_cell)) {
        *pivot = part[CELL - 1];
    }
    cells.push(pivots);
    for part in parts {
        let mut cell = [f64::INFINITY; CELL];
        cell[..part.len()].copy_from_slice(part);
        cells.push(cell);
    }
    Some(Lane {
        view,
        feature,
        at,
        last_cell: last_cell as u8,
        thresholds: thresholds.len() as u8,
    })
}

fn numeric(test: Test) -> Option<(View, f64)> {
    match test {
        Test::Numeric {
            threshold,
            missing,
            default_left,
        } => Some((View::new(missing, default_left), threshold)),
        Test::Categorical { .. } => None,
    }
}

fn numeric_tests(forest: &Forest) -> impl Iterator<Item = (u32, View, f64)> {
    forest.nodes.iter().filter_map(|node| {
        let (view, threshold) = numeric(node.test)?;
        Some((node.feature, view, threshold))
    })
}
