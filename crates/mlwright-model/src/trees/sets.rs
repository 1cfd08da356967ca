//! Categorical splits, decided per category when the model is loaded.
//!
//! Idea: what a categorical feature answers to all its splits depends on one small number, so the answers are rows of
//! a table: one row per category (equal rows are kept once), one for values in no set, one for NaN. Kernels keep what
//! they need per row.

use std::collections::HashMap;

use super::{Forest, Test, is_in_set};

/// Bytes that the tables of a forest may take; a small file may ask for much more.
const MOST_BYTES: usize = 8 << 20;

/// Where the test of a categorical node stands: the feature among those with sets, and the split among its splits.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SetPlace {
    pub(super) feature: u32,
    pub(super) split: u32,
}

/// One categorical feature.
#[derive(Debug)]
pub(super) struct SetFeature {
    feature: u32,
    /// Row of each category.
    row_of: Box<[u32]>,
    nan_row: u32,
    /// Bytes per row.
    width: usize,
    /// One bit per split, set when the row goes right; row 0 is that of values in no set.
    right: Box<[u8]>,
}

impl SetFeature {
    /// The row of the table that answers for a row of inputs.
    #[inline(always)]
    pub(super) fn row(&self, inputs: &[f64]) -> usize {
        let value = inputs[self.feature as usize];
        if value.is_nan() {
            return self.nan_row as usize;
        }
        let category = usize::try_from(value as i32).unwrap_or(usize::MAX);
        self.row_of.get(category).map_or(0, |row| *row as usize)
    }

    pub(super) fn rows(&self) -> usize {
        self.right.len() / self.width
    }

    /// Bytes per row.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// The answers of a row, eight splits a byte, set when it goes right.
    #[inline(always)]
    pub(super) fn answers(&self, row: usize) -> &[u8] {
        &self.right[row * self.width..(row + 1) * self.width]
    }

    pub(super) fn goes_left(&self, row: usize, split: u32) -> bool {
        self.answers(row)[split as usize / 8] >> (split % 8) & 1 == 0
    }
}

/// All categorical features of a forest.
#[derive(Debug)]
pub(super) struct Sets {
    pub(super) features: Box<[SetFeature]>,
}

/// Splits of a feature while they are gathered: their words (trailing zeros cut) and the side of NaN.
#[derive(Default)]
struct Splits<'a> {
    list: Vec<(&'a [u32], bool)>,
    places: HashMap<(&'a [u32], bool), u32>,
}

impl Sets {
    /// Give the tables of a forest and the place of each categorical node; none when they would be too large.
    pub(super) fn build(forest: &Forest) -> Option<(Self, HashMap<u32, SetPlace>)> {
        let mut order: Vec<u32> = Vec::new();
        let mut found: HashMap<u32, (u32, Splits<'_>)> = HashMap::new();
        let mut places = HashMap::new();
        for (index, node) in forest.nodes.iter().enumerate() {
            let Test::Categorical {
                at,
                length,
                nan_left,
            } = node.test
            else {
                continue;
            };
            let (feature, splits) = found.entry(node.feature).or_insert_with(|| {
                order.push(node.feature);
                (order.len() as u32 - 1, Splits::default())
            });
            let split = (used_words(forest, at, length), nan_left);
            let place = *splits.places.entry(split).or_insert_with(|| {
                splits.list.push(split);
                splits.list.len() as u32 - 1
            });
            places.insert(
                index as u32,
                SetPlace {
                    feature: *feature,
                    split: place,
                },
            );
        }
        let mut left = MOST_BYTES;
        let features = order
            .iter()
            .map(|feature| {
                let splits = &found[feature].1.list;
                left = left.checked_sub(most_bytes(splits)?)?;
                Some(answer(*feature, splits))
            })
            .collect::<Option<Box<[SetFeature]>>>()?;
        Some((Self { features }, places))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.features.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.features
            .iter()
            .map(|feature| 4 * feature.row_of.len() + feature.right.len())
            .sum()
    }
}

fn used_words(forest: &Forest, at: u32, length: u32) -> &[u32] {
    let words = forest.words(at, length);
    let used = words
        .iter()
        .rposition(|word| *word != 0)
        .map_or(0, |last| last + 1);
    &words[..used]
}

/// Categories that some split knows.
fn categories(splits: &[(&[u32], bool)]) -> usize {
    let words = splits.iter().map(|(words, _)| words.len());
    32 * words.max().unwrap_or(0)
}

/// Bytes of the table of a feature when all its rows differ.
fn most_bytes(splits: &[(&[u32], bool)]) -> Option<usize> {
    (categories(splits) + 2).checked_mul(splits.len().div_ceil(8) + size_of::<u32>())
}

fn answer(feature: u32, splits: &[(&[u32], bool)]) -> SetFeature {
    let width = splits.len().div_ceil(8);
    let mut rows: HashMap<Vec<u8>, u32> = HashMap::new();
    let mut right: Vec<u8> = Vec::new();
    let mut row_for = |value: f64| {
        let mut bits = vec![0_u8; width];
        for (split, (words, nan_left)) in splits.iter().enumerate() {
            bits[split / 8] |= u8::from(!is_in_set(words, *nan_left, value)) << (split % 8);
        }
        *rows.entry(bits).or_insert_with_key(|bits| {
            right.extend_from_slice(bits);
            (right.len() / width) as u32 - 1
        })
    };
    row_for(-1.0);
    let nan_row = row_for(f64::NAN);
    let row_of = (0..categories(splits))
        .map(|category| row_for(category as f64))
        .collect();
    SetFeature {
        feature,
        row_of,
        nan_row,
        width,
        right: right.into(),
    }
}
