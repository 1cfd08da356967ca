//! The kernel for many rows: a byte per row, side by side.
//!
//! Idea: rows stand in the columns of a vector of bytes. A test compares one lane of ranks of all rows with its
//! threshold and picks, row by row, the leaf number found on its left or on its right; bottom up, the root ends with
//! the leaf of every row. No row branches, nothing is gathered, and a test costs a few instructions for all rows.
//!
//! Trees have at most 256 leaves, so that their numbers are bytes. The loops are written for the compiler to turn into
//! vector code; see `processor` for the one that matters.

use super::lanes::Lanes;
use super::plan::Plan;
use super::processor::Processor;
use super::sets::Sets;
use super::units::{Unit, Units};
use super::{Forest, Test};

/// Rows scored together.
pub(super) const ROWS: usize = 32;
/// Leaves that a byte can number.
const MOST_LEAVES: usize = 256;
/// Registers: leaf numbers, then what each test of a tree has picked.
const REGISTERS: usize = 2 * MOST_LEAVES;

/// A byte per row.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(32))]
pub(super) struct Column(pub(super) [u8; ROWS]);

/// One test: left when `lane & mask ≤ rank`. Sides are registers.
#[derive(Debug, Clone, Copy)]
struct Step {
    lane: u16,
    mask: u8,
    rank: u8,
    left: u16,
    right: u16,
}

/// The steps of consecutive units, as many as the registers hold: deepest tests first whatever their tree, so that
/// neighbouring steps do not wait for each other.
#[derive(Debug)]
struct Program {
    steps: Box<[Step]>,
    /// The register with the leaf of each unit.
    roots: Box<[u16]>,
}

#[derive(Debug)]
pub(super) struct Batch {
    programs: Box<[Program]>,
    /// First lane of each categorical feature.
    set_lanes: Box<[u16]>,
    lanes: usize,
    has_sets: bool,
    most_leaves: usize,
}

/// Memory that is kept between calls.
#[derive(Debug, Default)]
pub(super) struct BatchScratch {
    lanes: Vec<Column>,
    sums: Vec<f64>,
}

/// What rows are scored with.
pub(super) struct BatchTables<'a> {
    pub(super) forest: &'a Forest,
    pub(super) units: &'a Units,
    pub(super) lanes: &'a Lanes,
    pub(super) sets: &'a Sets,
    pub(super) batch: &'a Batch,
}

impl Batch {
    /// Lay the programs of a forest; none when a tree has too many leaves or there are too many lanes.
    pub(super) fn build(forest: &Forest, plan: &Plan) -> Option<Self> {
        let mut lanes = plan.lanes.len();
        let mut set_lanes = Vec::new();
        for feature in &plan.sets.features {
            set_lanes.push(u16::try_from(lanes).ok()?);
            lanes += feature.width();
        }
        u16::try_from(lanes).ok()?;
        let most_leaves = plan
            .units
            .units
            .iter()
            .map(|unit| unit.leaves as usize)
            .max()
            .unwrap_or(1);
        if most_leaves > MOST_LEAVES {
            return None;
        }
        let mut batch = Self {
            programs: Box::default(),
            set_lanes: set_lanes.into(),
            lanes,
            has_sets: !plan.sets.is_empty(),
            most_leaves,
        };
        let units = &plan.units.units;
        let heights = forest.heights();
        let mut registers = vec![0; forest.nodes.len()];
        let mut programs = Vec::new();
        let mut at = 0;
        while at < units.len() {
            let mut tests = 0;
            let fits = |unit: &&Unit| {
                tests += unit.leaves as usize - 1;
                tests < MOST_LEAVES
            };
            let count = units[at..].iter().take_while(fits).count();
            let order = tests_by_height(forest, &units[at..at + count], &heights);
            for (register, index) in (MOST_LEAVES as u16..).zip(&order) {
                registers[*index] = register;
            }
            programs.push(Program {
                steps: order
                    .iter()
                    .map(|&index| batch.lay_step(forest, plan, index, &registers))
                    .collect(),
                roots: units[at..at + count]
                    .iter()
                    .map(|unit| forest.roots[unit.first_tree as usize])
                    .map(|root| usize::try_from(root).map_or(0, |root| registers[root]))
                    .collect(),
            });
            at += count;
        }
        batch.programs = programs.into();
        Some(batch)
    }

    fn lay_step(&self, forest: &Forest, plan: &Plan, index: usize, registers: &[u16]) -> Step {
        let node = &forest.nodes[index];
        let side = |child: i32, side: usize| match usize::try_from(child) {
            Ok(child) => registers[child],
            Err(_) => plan.leaf_numbers[index][side] as u16,
        };
        let (lane, mask, rank) = match node.test {
            Test::Numeric { .. } => {
                let place = plan.places[index];
                (place.lane, u8::MAX, place.rank)
            }
            Test::Categorical { .. } => {
                let set = plan.set_places[&(index as u32)];
                let first = self.set_lanes[set.feature as usize];
                (first + (set.split / 8) as u16, 1 << (set.split % 8), 0)
            }
        };
        Step {
            lane,
            mask,
            rank,
            left: side(node.left, 0),
            right: side(node.right, 1),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        let programs = self.programs.iter().map(|program| {
            size_of::<Program>() + size_of_val(&*program.steps) + size_of_val(&*program.roots)
        });
        programs.sum::<usize>() + size_of_val(&*self.set_lanes)
    }
}

/// The tests of some units: by height, those above leaves first.
fn tests_by_height(forest: &Forest, units: &[Unit], heights: &[u32]) -> Vec<usize> {
    let mut order = Vec::new();
    let mut open: Vec<i32> = units
        .iter()
        .map(|unit| forest.roots[unit.first_tree as usize])
        .collect();
    while let Some(at) = open.pop() {
        if let Ok((index, node)) = forest.node(at) {
            order.push(index);
            open.extend([node.right, node.left]);
        }
    }
    order.sort_by_key(|index| heights[*index]);
    order
}

/// Score up to [`ROWS`] row-major rows.
#[inline(always)]
pub(super) fn score<P: Processor>(
    tables: &BatchTables<'_>,
    rows: &[f64],
    out: &mut [f64],
    scratch: &mut BatchScratch,
) {
    let BatchScratch { lanes, sums } = scratch;
    lanes.resize(tables.batch.lanes, Column::default());
    let count = out.len() / tables.forest.outputs;
    spread::<P>(tables, rows, count, lanes);
    let forest = tables.forest;
    sums.clear();
    sums.resize(forest.outputs * ROWS, 0.0);
    let (sums, _) = sums.as_chunks_mut::<ROWS>();
    for (sums, base) in sums.iter_mut().zip(&forest.base) {
        sums.fill(*base);
    }
    if tables.batch.has_sets {
        run::<P, true>(tables, lanes, sums);
    } else {
        run::<P, false>(tables, lanes, sums);
    }
    for (row, result) in out.chunks_exact_mut(forest.outputs).enumerate() {
        for (value, sums) in result.iter_mut().zip(&*sums) {
            *value = sums[row];
        }
        forest.finish(result);
    }
}

#[inline(always)]
fn spread<P: Processor>(
    tables: &BatchTables<'_>,
    rows: &[f64],
    count: usize,
    lanes: &mut [Column],
) {
    let (numeric, sets) = lanes.split_at_mut(tables.lanes.len());
    let features = tables.forest.features;
    for column in 0..count {
        let row = &rows[column * features..(column + 1) * features];
        for (lane, ranks) in numeric.iter_mut().enumerate() {
            ranks.0[column % ROWS] = tables.lanes.rank::<P>(lane, row);
        }
        let mut first = 0;
        for feature in &tables.sets.features {
            let answers = feature.answers(feature.row(row));
            for (lane, answer) in sets[first..].iter_mut().zip(answers) {
                lane.0[column % ROWS] = *answer;
            }
            first += feature.width();
        }
    }
}

#[inline(always)]
fn run<P: Processor, const SETS: bool>(
    tables: &BatchTables<'_>,
    lanes: &[Column],
    sums: &mut [[f64; ROWS]],
) {
    let batch = tables.batch;
    let mut registers = [Column::default(); REGISTERS];
    for (number, register) in registers.iter_mut().take(batch.most_leaves).enumerate() {
        register.0.fill(number as u8);
    }
    let mut units = tables.units.units.iter();
    for program in &batch.programs {
        for (place, step) in program.steps.iter().enumerate() {
            let lane = &lanes[step.lane as usize];
            let left = &registers[step.left as usize % REGISTERS];
            let right = &registers[step.right as usize % REGISTERS];
            let mask = if SETS { step.mask } else { u8::MAX };
            registers[(MOST_LEAVES + place) % REGISTERS] =
                P::pick(lane, mask, step.rank, left, right);
        }
        for (root, unit) in program.roots.iter().zip(&mut units) {
            add_leaves(tables, *unit, &registers[*root as usize % REGISTERS], sums);
        }
    }
}

#[inline(always)]
fn add_leaves(tables: &BatchTables<'_>, unit: Unit, leaves: &Column, sums: &mut [[f64; ROWS]]) {
    let trees = unit.trees as usize;
    let values =
        &tables.units.values[unit.values_at..unit.values_at + unit.leaves as usize * trees];
    let outputs =
        &tables.forest.tree_output[unit.first_tree as usize..unit.first_tree as usize + trees];
    for (tree, output) in outputs.iter().enumerate() {
        let sums = &mut sums[*output as usize];
        for row in 0..ROWS {
            sums[row] += values[leaves.0[row] as usize * trees + tree];
        }
    }
}
