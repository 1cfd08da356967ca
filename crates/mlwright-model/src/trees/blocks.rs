//! Trees cut into blocks whose exit is found by comparing bits: the tables of the path-mask kernel.
//!
//! Idea: a block is a connected piece of a tree with up to 32 exits, hence up to 31 tests. All its tests are decided
//! at once, whether or not the row would come by: one comparison of 32 bytes (the ranks of the lanes that the tests
//! read, against the ranks of their thresholds) gives a word with one bit per test, set when it goes left. Each
//! exit knows which tests lie on its path and which of them must go left; exactly one exit agrees with the word. A
//! tree with more than 32 leaves is several blocks, cut so that few are on any path.
//!
//! Categorical tests have idle bytes; their bits come from a table with a row per category (see `sets`).
//!
//! This is `QuickScorer` (Lucchese et al., SIGIR 2015) turned around: its masks remove leaves test by test, which needs
//! the tests in the order of features; here a whole tree is one comparison.

use super::plan::Plan;
use super::sets::SetFeature;
use super::units::{Unit, Units};
use super::{Forest, Test};

/// Exits of a block, and tests rounded up.
pub(super) const WIDTH: usize = 32;
/// Lanes a block can name: one byte.
pub(super) const MOST_LANES: usize = 256;
/// Beyond this the tables leave the caches that make them worth it.
const MOST_BYTES: usize = 64 << 20;
/// Blocks on the longest path; a chain of tests would need many, and the walk stops at its leaf.
const MOST_STEPS: u32 = 16;
/// Units walked at the same time, to hide the latency of a block.
pub(super) const TOGETHER: usize = 4;
/// Marks an exit that is a leaf: the rest is its place among the leaves of the unit.
pub(super) const LEAF: u32 = 1 << 31;

/// The tests and exits of one block. Test k goes left when `rank(lane[k]) ≤ rank[k]`.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub(super) struct Block {
    pub(super) lane: [u8; WIDTH],
    pub(super) rank: [u8; WIDTH],
    /// Bits of the tests on the path to each exit.
    pub(super) path: [u32; WIDTH],
    /// Those of them that go left; a bit outside the path where there is no exit.
    pub(super) left: [u32; WIDTH],
}

/// The bits of one categorical feature: a word per row of its table and block.
#[derive(Debug)]
pub(super) struct SetBits {
    words: Box<[u32]>,
}

/// Everything the kernel reads.
#[derive(Debug)]
pub(super) struct Blocks {
    pub(super) all: Box<[Block]>,
    /// Where each exit of each block leads: a block, or a leaf.
    pub(super) exits: Box<[[u32; WIDTH]]>,
    /// First block of each unit.
    pub(super) roots: Box<[u32]>,
    /// Blocks on the longest path of any unit in each group of [`TOGETHER`] units.
    pub(super) steps: Box<[u32]>,
    /// Leaf value of each exit, when block k is unit k and every unit is one tree: no looking up.
    pub(super) flat: Option<Box<[[f64; WIDTH]]>>,
    pub(super) set_bits: Box<[SetBits]>,
}

impl SetBits {
    #[inline(always)]
    pub(super) fn row(&self, row: usize, blocks: usize) -> &[u32] {
        &self.words[row * blocks..(row + 1) * blocks]
    }
}

impl Blocks {
    /// Cut the first tree of every unit; none when the tables would be too large or the trees are chains. `order` gives
    /// the place in a block that a vector kernel wants for the path of an exit.
    pub(super) fn build(forest: &Forest, plan: &Plan, order: fn(usize) -> usize) -> Option<Self> {
        let (sets, lanes) = (&plan.sets, plan.lanes.len());
        if lanes + usize::from(!sets.is_empty()) > MOST_LANES {
            return None;
        }
        let cut = Cut::new(forest);
        let mut builder = Builder {
            forest,
            plan,
            cut: &cut,
            idle_lane: lanes as u8,
            order,
            blocks: Vec::new(),
            exits: Vec::new(),
            set_tests: Vec::new(),
        };
        let units = &plan.units.units;
        let mut roots = Vec::with_capacity(units.len());
        let mut steps = vec![1; units.len().div_ceil(TOGETHER)];
        for (index, unit) in units.iter().enumerate() {
            let root = forest.roots[unit.first_tree as usize];
            roots.push(builder.blocks.len() as u32);
            builder.lay_tree(root)?;
            let needed = usize::try_from(root).map_or(1, |root| cut.steps[root]);
            let most = &mut steps[index / TOGETHER];
            *most = needed.max(*most);
        }
        let rows: usize = sets.features.iter().map(SetFeature::rows).sum();
        let set_bytes = rows.checked_mul(4 * builder.blocks.len())?;
        if steps.iter().any(|steps| *steps > MOST_STEPS) || set_bytes > MOST_BYTES {
            return None;
        }
        let is_flat = forest.outputs == 1
            && roots.len() == builder.blocks.len()
            && units.iter().all(|unit| unit.trees == 1);
        Some(Self {
            set_bits: builder.set_bits(),
            flat: is_flat.then(|| flat_values(&plan.units, &builder.exits)),
            all: builder.blocks.into(),
            exits: builder.exits.into(),
            roots: roots.into(),
            steps: steps.into(),
        })
    }

    /// Whether no tree needs a second block.
    pub(super) fn is_one_block_each(&self) -> bool {
        self.steps.iter().all(|steps| *steps == 1)
    }

    pub(super) fn bytes(&self) -> usize {
        let words: usize = self.set_bits.iter().map(|bits| bits.words.len()).sum();
        let flat = self.flat.as_deref().map_or(0, size_of_val);
        let small = 4 * (words + self.roots.len() + self.steps.len());
        size_of_val(&*self.all) + size_of_val(&*self.exits) + flat + small
    }
}

fn flat_values(units: &Units, exits: &[[u32; WIDTH]]) -> Box<[[f64; WIDTH]]> {
    let value = |unit: &Unit, exit: u32| units.values[unit.values_at + (exit & !LEAF) as usize];
    units
        .units
        .iter()
        .zip(exits)
        .map(|(unit, exits)| exits.map(|exit| value(unit, exit)))
        .collect()
}

/// Where trees are cut: bottom up, a node joins its children's blocks as long as the exits fit, and cuts off the child
/// that lies on the shorter path first, so that paths cross few blocks.
struct Cut {
    /// Whether a node begins a block of its own.
    is_root: Vec<bool>,
    /// Blocks on the longest path from a node, its own included.
    steps: Vec<u32>,
}

impl Cut {
    fn new(forest: &Forest) -> Self {
        let count = forest.nodes.len();
        let mut cut = Self {
            is_root: vec![false; count],
            steps: vec![1; count],
        };
        let mut exits = vec![0_u32; count];
        for (index, node) in forest.nodes.iter().enumerate().rev() {
            // (steps, exits, node) of the children; a leaf is no block and one exit.
            let side = |child: i32| match usize::try_from(child) {
                Ok(child) => (cut.steps[child], exits[child], Some(child)),
                Err(_) => (0, 1, None),
            };
            let mut sides = [side(node.left), side(node.right)];
            sides.sort_by_key(|&(steps, exits, _)| (steps, std::cmp::Reverse(exits)));
            for at in 0..2 {
                if sides[0].1 + sides[1].1 <= WIDTH as u32 {
                    break;
                }
                let (steps, exits, child) = &mut sides[at];
                if let Some(child) = child {
                    cut.is_root[*child] = true;
                    *steps += 1;
                    *exits = 1;
                }
            }
            cut.steps[index] = sides[0].0.max(sides[1].0).max(1);
            exits[index] = sides[0].1 + sides[1].1;
        }
        cut
    }
}

/// What leads into a node or a leaf inside a block, with the tests passed.
struct Link {
    to: i32,
    /// Number of the leaf.
    leaf: u32,
    path: u32,
    left: u32,
}

struct Builder<'a> {
    forest: &'a Forest,
    plan: &'a Plan,
    cut: &'a Cut,
    /// The lane behind the numeric ones, whose rank is 255: its tests never go left.
    idle_lane: u8,
    order: fn(usize) -> usize,
    blocks: Vec<Block>,
    exits: Vec<[u32; WIDTH]>,
    /// Categorical tests: node, block, bit.
    set_tests: Vec<(u32, u32, u8)>,
}

impl Builder<'_> {
    /// Lay the blocks of a tree, the root's first.
    fn lay_tree(&mut self, root: i32) -> Option<()> {
        let mut open = vec![(root, None)];
        while let Some((from, exit)) = open.pop() {
            let block = u32::try_from(self.blocks.len()).ok()?;
            if let Some((parent, place)) = exit {
                let exits: &mut [u32; WIDTH] = &mut self.exits[parent as usize];
                exits[place] = block;
            }
            self.lay_block(from, block, &mut open);
            let bytes = self.blocks.len() * (size_of::<Block>() + size_of::<[u32; WIDTH]>());
            if bytes > MOST_BYTES || block == LEAF - 1 {
                return None;
            }
        }
        Some(())
    }

    fn lay_block(&mut self, from: i32, number: u32, open: &mut Vec<(i32, Option<(u32, usize)>)>) {
        let mut block = Block {
            lane: [0; WIDTH],
            rank: [0; WIDTH],
            path: [0; WIDTH],
            left: [1; WIDTH],
        };
        let mut exits = [LEAF; WIDTH];
        let (mut tests, mut exit) = (0_u8, 0);
        let mut inside = vec![Link {
            to: from,
            leaf: 0,
            path: 0,
            left: 0,
        }];
        while let Some(link) = inside.pop() {
            let is_cut = link.to >= 0 && link.to != from && self.cut.is_root[link.to as usize];
            if link.to < 0 || is_cut {
                let place = (self.order)(exit);
                (block.path[place], block.left[place]) = (link.path, link.left);
                if is_cut {
                    open.push((link.to, Some((number, exit))));
                } else {
                    exits[exit] = LEAF | link.leaf;
                }
                exit += 1;
                continue;
            }
            let at = link.to as usize;
            let node = self.forest.nodes[at];
            let place = self.plan.places[at];
            (block.lane[tests as usize], block.rank[tests as usize]) = match node.test {
                Test::Numeric { .. } => (place.lane as u8, place.rank),
                Test::Categorical { .. } => {
                    self.set_tests.push((at as u32, number, tests));
                    (self.idle_lane, 0)
                }
            };
            let bit = 1_u32 << tests;
            tests += 1;
            let leaves = self.plan.leaf_numbers[at];
            let path = link.path | bit;
            for (to, leaf, left) in [
                (node.right, leaves[1], link.left),
                (node.left, leaves[0], link.left | bit),
            ] {
                inside.push(Link {
                    to,
                    leaf,
                    path,
                    left,
                });
            }
        }
        self.blocks.push(block);
        self.exits.push(exits);
    }

    fn set_bits(&self) -> Box<[SetBits]> {
        let sets = &self.plan.sets;
        let mut bits: Vec<Vec<u32>> = sets
            .features
            .iter()
            .map(|feature| vec![0; feature.rows() * self.blocks.len()])
            .collect();
        for (node, block, bit) in &self.set_tests {
            let place = self.plan.set_places[node];
            let feature = &sets.features[place.feature as usize];
            for row in 0..feature.rows() {
                let is_left = feature.goes_left(row, place.split);
                let word = row * self.blocks.len() + *block as usize;
                bits[place.feature as usize][word] |= u32::from(is_left) << bit;
            }
        }
        bits.into_iter()
            .map(|words| SetBits {
                words: words.into(),
            })
            .collect()
    }
}
