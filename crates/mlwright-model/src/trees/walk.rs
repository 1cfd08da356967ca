//! The reference: follow each tree from its root as the format describes it.

use super::{Forest, Missing, Node, Test, ZERO};

/// Score row-major rows; sizes are checked by the caller.
pub(super) fn predict(forest: &Forest, rows: &[f64], out: &mut [f64]) {
    for (index, result) in out.chunks_exact_mut(forest.outputs).enumerate() {
        let row = &rows[index * forest.features..(index + 1) * forest.features];
        result.copy_from_slice(&forest.base);
        for (&root, &output) in forest.roots.iter().zip(&forest.tree_output) {
            result[output as usize] += leaf(forest, root, row);
        }
        forest.finish(result);
    }
}

fn leaf(forest: &Forest, root: i32, row: &[f64]) -> f64 {
    let mut at = root;
    while at >= 0 {
        let node = &forest.nodes[at as usize];
        at = if goes_left(forest, node, row[node.feature as usize]) {
            node.left
        } else {
            node.right
        };
    }
    forest.leaves[!at as usize]
}

fn goes_left(forest: &Forest, node: &Node, value: f64) -> bool {
    match node.test {
        Test::Numeric {
            threshold,
            missing,
            default_left,
        } => {
            let value = if value.is_nan() && missing != Missing::Nan {
                0.0
            } else {
                value
            };
            let is_missing = match missing {
                Missing::None => false,
                Missing::Zero => value.abs() <= ZERO,
                Missing::Nan => value.is_nan(),
            };
            if is_missing {
                default_left
            } else {
                value <= threshold
            }
        }
        Test::Categorical {
            at,
            length,
            nan_left,
        } => {
            let words = &forest.bitset[at as usize..(at + length) as usize];
            is_in_set(words, nan_left, value)
        }
    }
}

/// Whether a value goes left in a categorical split: its integer part is in the set, or it is NaN and NaN goes left.
pub(super) fn is_in_set(words: &[u32], nan_left: bool, value: f64) -> bool {
    if value.is_nan() {
        return nan_left;
    }
    u32::try_from(value as i32).is_ok_and(|bit| has_bit(words, bit))
}

/// Whether a bit is set; bits beyond the words are not.
fn has_bit(words: &[u32], bit: u32) -> bool {
    words
        .get((bit / 32) as usize)
        .is_some_and(|word| word >> (bit % 32) & 1 == 1)
}
