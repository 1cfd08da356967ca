//! Trees that decide alike, walked once.
//!
//! A forest with several outputs often holds each tree once per output, with the same tests and other leaves (a leaf
//! of scikit-learn is a vector). Consecutive trees of the same shape and tests are one *unit*: one walk finds the leaf,
//! which is then a row of values, one per tree.

use super::{Forest, Node, Test};

/// Consecutive trees with equal tests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit {
    pub(super) first_tree: u32,
    pub(super) trees: u32,
    pub(super) leaves: u32,
    /// Place of its values: leaf n of tree k stands at n · trees + k.
    pub(super) values_at: usize,
}

/// The units of a forest and the values of their leaves.
#[derive(Debug)]
pub(super) struct Units {
    pub(super) units: Box<[Unit]>,
    pub(super) values: Box<[f64]>,
}

/// Number, left to right within its tree, of the leaf on the left and on the right of each node; 0 where there is a
/// node.
pub(super) type LeafNumbers = Vec<[u32; 2]>;

impl Units {
    /// Find the units of a forest; number the leaves of every tree.
    pub(super) fn build(forest: &Forest) -> (Self, LeafNumbers) {
        let mut numbers = vec![[0; 2]; forest.nodes.len()];
        let mut units: Vec<Unit> = Vec::new();
        let mut values = Vec::new();
        let mut tree = 0;
        while tree < forest.roots.len() {
            let alike =
                |other: &usize| same_tests(forest, forest.roots[tree], forest.roots[*other]);
            let trees = 1 + (tree + 1..forest.roots.len()).take_while(alike).count();
            let values_at = values.len();
            let mut leaves = 0;
            for k in 0..trees {
                let order = number_leaves(forest, forest.roots[tree + k], &mut numbers);
                leaves = order.len();
                values.resize(values_at + leaves * trees, 0.0);
                for (number, leaf) in order.into_iter().enumerate() {
                    values[values_at + number * trees + k] = forest.leaves[leaf];
                }
            }
            units.push(Unit {
                first_tree: tree as u32,
                trees: trees as u32,
                leaves: leaves as u32,
                values_at,
            });
            tree += trees;
        }
        let built = Self {
            units: units.into(),
            values: values.into(),
        };
        (built, numbers)
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.units) + size_of_val(&*self.values)
    }
}

impl Unit {
    /// The values of a leaf, one per tree.
    #[inline(always)]
    pub(super) fn leaf(self, values: &[f64], number: u32) -> &[f64] {
        let at = self.values_at + number as usize * self.trees as usize;
        &values[at..at + self.trees as usize]
    }
}

/// Number the leaves of a tree from left to right; give them in this order.
fn number_leaves(forest: &Forest, root: i32, numbers: &mut LeafNumbers) -> Vec<usize> {
    let mut order = Vec::new();
    let mut open = vec![(root, None)];
    while let Some((at, parent)) = open.pop() {
        match forest.node(at) {
            Err(leaf) => {
                if let Some((node, side)) = parent {
                    let sides: &mut [u32; 2] = &mut numbers[node];
                    sides[side] = order.len() as u32;
                }
                order.push(leaf);
            }
            Ok((index, node)) => {
                open.extend([
                    (node.right, Some((index, 1))),
                    (node.left, Some((index, 0))),
                ]);
            }
        }
    }
    order
}

fn same_tests(forest: &Forest, one: i32, other: i32) -> bool {
    let mut open = vec![(one, other)];
    while let Some((one, other)) = open.pop() {
        match (forest.node(one), forest.node(other)) {
            (Err(_), Err(_)) => {}
            (Ok((_, a)), Ok((_, b))) if same_test(forest, &a, &b) => {
                open.extend([(a.left, b.left), (a.right, b.right)]);
            }
            (Ok(_), _) | (_, Ok(_)) => return false,
        }
    }
    true
}

fn same_test(forest: &Forest, one: &Node, other: &Node) -> bool {
    let same = match (one.test, other.test) {
        (Test::Categorical { .. }, Test::Categorical { .. }) => {
            let set = |node: &Node| match node.test {
                Test::Categorical {
                    at,
                    length,
                    nan_left,
                } => Some((forest.words(at, length), nan_left)),
                Test::Numeric { .. } => None,
            };
            set(one) == set(other)
        }
        (one, other) => one == other,
    };
    same && one.feature == other.feature
}
