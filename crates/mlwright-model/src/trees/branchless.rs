//! The fast path: branchless, sixteen trees in flight.
//!
//! Idea: a node becomes one 16-byte slot and its children stand side by side, so a step is one compare and one
//! add: `n = left + !(x ≤ threshold)`. Everything that is not "x ≤ threshold" is done once per row, when the row is
//! spread over *lanes*: a lane holds a feature as the nodes that read it want to see it. A feature whose missing
//! values go left has them as −∞ in one lane, right as NaN (no comparison with it is true) in another; a categorical split has a lane of its own
//! that is 0 (left) or 1 (right) against the threshold 0.5. So the results are those of `walk`, bit for bit:
//! the leaves are added tree by tree in the same order.
//!
//! A leaf slot keeps its value as threshold, points to itself and reads lane 0, which is −∞: further steps stay.
//! Trees are grouped by depth, because a group takes as many steps as its deepest tree needs.
//!
//! `examples/time_trees.rs` measures it against the walk.

use std::cell::RefCell;
use std::collections::HashMap;

use super::walk::is_in_set;
use super::{Forest, Missing, Test, ZERO};

/// Trees walked at the same time, to hide the latency of loads.
const IN_FLIGHT: usize = 16;
/// Beyond this many distinct categorical splits, testing all of them per row costs more than the walk.
const MOST_CATEGORICAL: usize = 2_048;
/// A forest deeper than this (a chain) is left to the walk, which stops at the leaf.
const DEEPEST: u32 = 256;

#[derive(Debug, Clone, Copy)]
struct Slot {
    threshold: f64,
    lane: u32,
    left: u32,
}

#[derive(Debug)]
struct Group {
    slots: [u32; IN_FLIGHT],
    /// Place of each tree in the order of the file; beyond the last tree for padding.
    trees: [u32; IN_FLIGHT],
    depth: u32,
}

/// How a feature looks in a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum View {
    /// NaN is 0.
    Plain,
    /// NaN is −∞ or stays NaN.
    Nan { left: bool },
    /// NaN and zero are −∞ or NaN.
    Zero { left: bool },
    /// 0 when the category is in the bitset (or is NaN and NaN goes left), else 1.
    Category {
        at: u32,
        length: u32,
        nan_left: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Lane {
    feature: u32,
    view: View,
}

#[derive(Debug)]
pub(super) struct Branchless {
    slots: Box<[Slot]>,
    groups: Box<[Group]>,
    lanes: Box<[Lane]>,
}

thread_local! {
    /// Lanes of the row, then the leaf values of the trees: kept per thread so that a request allocates nothing.
    static SCRATCH: RefCell<Vec<f64>> = const { RefCell::new(Vec::new()) };
}

impl Branchless {
    /// Lay a forest out, or give none when the kernel cannot serve it exactly or not faster.
    pub(super) fn build(forest: &Forest) -> Option<Self> {
        let mut builder = Builder::new(forest)?;
        let mut order: Vec<usize> = (0..forest.roots.len()).collect();
        order.sort_by_key(|&tree| builder.tree_depth(tree));
        let mut groups = Vec::with_capacity(order.len().div_ceil(IN_FLIGHT));
        for trees in order.chunks(IN_FLIGHT) {
            let mut group = Group {
                slots: [0; IN_FLIGHT],
                trees: [forest.roots.len() as u32; IN_FLIGHT],
                depth: 0,
            };
            for (place, &tree) in trees.iter().enumerate() {
                group.slots[place] = builder.lay_tree(tree)?;
                group.trees[place] = tree as u32;
                group.depth = group.depth.max(builder.tree_depth(tree));
            }
            groups.push(group);
        }
        Some(Self {
            slots: builder.slots.into(),
            groups: groups.into(),
            lanes: builder.lanes.into(),
        })
    }

    /// Score row-major rows; sizes are checked by the caller.
    pub(super) fn predict(&self, forest: &Forest, rows: &[f64], out: &mut [f64]) {
        SCRATCH.with_borrow_mut(|scratch| {
            scratch.clear();
            scratch.resize(self.lanes.len() + forest.roots.len() + 1, 0.0);
            let (lanes, values) = scratch.split_at_mut(self.lanes.len());
            for (index, result) in out.chunks_exact_mut(forest.outputs).enumerate() {
                let row = &rows[index * forest.features..(index + 1) * forest.features];
                self.spread(forest, row, lanes);
                self.score(lanes, values);
                result.copy_from_slice(&forest.base);
                for (&output, value) in forest.tree_output.iter().zip(&*values) {
                    result[output as usize] += value;
                }
                forest.finish(result);
            }
        });
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.slots) + size_of_val(&*self.groups) + size_of_val(&*self.lanes)
    }

    fn spread(&self, forest: &Forest, row: &[f64], lanes: &mut [f64]) {
        lanes[0] = f64::NEG_INFINITY;
        for (lane, target) in self.lanes.iter().zip(lanes).skip(1) {
            let value = row[lane.feature as usize];
            *target = match lane.view {
                View::Plain => {
                    if value.is_nan() {
                        0.0
                    } else {
                        value
                    }
                }
                View::Nan { left } => {
                    if value.is_nan() {
                        side(left)
                    } else {
                        value
                    }
                }
                View::Zero { left } => {
                    if value.is_nan() || value.abs() <= ZERO {
                        side(left)
                    } else {
                        value
                    }
                }
                View::Category {
                    at,
                    length,
                    nan_left,
                } => {
                    let words = &forest.bitset[at as usize..(at + length) as usize];
                    f64::from(u8::from(!is_in_set(words, nan_left, value)))
                }
            };
        }
    }

    fn score(&self, lanes: &[f64], values: &mut [f64]) {
        for group in &self.groups {
            let mut at = group.slots;
            for _ in 0..group.depth {
                for place in &mut at {
                    let slot = self.slots[*place as usize];
                    let goes_left = lanes[slot.lane as usize] <= slot.threshold;
                    *place = slot.left + u32::from(!goes_left);
                }
            }
            for (&place, &tree) in at.iter().zip(&group.trees) {
                values[tree as usize] = self.slots[place as usize].threshold;
            }
        }
    }
}

/// The value that every threshold sends to a side: no comparison with NaN is true.
fn side(left: bool) -> f64 {
    if left { f64::NEG_INFINITY } else { f64::NAN }
}

struct Builder<'a> {
    forest: &'a Forest,
    /// Steps from each node to its deepest leaf.
    depths: Vec<u32>,
    slots: Vec<Slot>,
    lanes: Vec<Lane>,
    places: HashMap<Lane, u32>,
    /// Where the bits of each categorical split were first seen.
    bitsets: HashMap<&'a [u32], u32>,
    categorical: usize,
}

impl<'a> Builder<'a> {
    fn new(forest: &'a Forest) -> Option<Self> {
        if forest.nodes.len() > (u32::MAX / 4) as usize {
            return None;
        }
        let depths = forest.heights();
        // Slot 0 is the one-leaf tree that fills the last group; lane 0 is −∞.
        let slots = vec![Slot {
            threshold: 0.0,
            lane: 0,
            left: 0,
        }];
        let lanes = vec![Lane {
            feature: 0,
            view: View::Plain,
        }];
        let builder = Self {
            forest,
            depths,
            slots,
            lanes,
            places: HashMap::new(),
            bitsets: HashMap::new(),
            categorical: 0,
        };
        let deepest = (0..forest.roots.len())
            .map(|tree| builder.tree_depth(tree))
            .max()
            .unwrap_or(0);
        (deepest <= DEEPEST).then_some(builder)
    }

    fn tree_depth(&self, tree: usize) -> u32 {
        let root = self.forest.roots[tree];
        if root < 0 {
            0
        } else {
            self.depths[root as usize]
        }
    }

    /// Lay the slots of a tree, breadth first; give the slot of its root.
    fn lay_tree(&mut self, tree: usize) -> Option<u32> {
        let root_slot = self.reserve();
        let mut open = vec![(self.forest.roots[tree], root_slot)];
        let mut next = 0;
        while let Some(&(at, slot)) = open.get(next) {
            next += 1;
            if at < 0 {
                let threshold = self.forest.leaves[!at as usize];
                self.slots[slot as usize] = Slot {
                    threshold,
                    lane: 0,
                    left: slot,
                };
                continue;
            }
            let node = self.forest.nodes[at as usize];
            let (threshold, view) = match node.test {
                Test::Numeric {
                    threshold,
                    missing,
                    default_left,
                } => {
                    let view = match missing {
                        Missing::None => View::Plain,
                        Missing::Nan => View::Nan { left: default_left },
                        Missing::Zero => View::Zero { left: default_left },
                    };
                    (threshold, view)
                }
                Test::Categorical {
                    at,
                    length,
                    nan_left,
                } => (0.5, self.category_view(at, length, nan_left)),
            };
            let lane = self.lane(Lane {
                feature: node.feature,
                view,
            })?;
            let (left, right) = (self.reserve(), self.reserve());
            self.slots[slot as usize] = Slot {
                threshold,
                lane,
                left,
            };
            open.push((node.left, left));
            open.push((node.right, right));
        }
        Some(root_slot)
    }

    /// Splits with the same bits share a view: the first place of these bits in the bitset, trailing zeros cut.
    fn category_view(&mut self, at: u32, length: u32, nan_left: bool) -> View {
        let forest = self.forest;
        let words = &forest.bitset[at as usize..(at + length) as usize];
        let used = words
            .iter()
            .rposition(|word| *word != 0)
            .map_or(0, |last| last + 1);
        let first = *self.bitsets.entry(&words[..used]).or_insert(at);
        View::Category {
            at: first,
            length: used as u32,
            nan_left,
        }
    }

    fn reserve(&mut self) -> u32 {
        self.slots.push(Slot {
            threshold: 0.0,
            lane: 0,
            left: 0,
        });
        self.slots.len() as u32 - 1
    }

    /// The place of a lane, new or shared; none when there are too many categorical ones.
    fn lane(&mut self, lane: Lane) -> Option<u32> {
        if let Some(&place) = self.places.get(&lane) {
            return Some(place);
        }
        self.categorical += usize::from(matches!(lane.view, View::Category { .. }));
        if self.categorical > MOST_CATEGORICAL {
            return None;
        }
        let place = self.lanes.len() as u32;
        self.lanes.push(lane);
        self.places.insert(lane, place);
        Some(place)
    }
}
