//! Files to test with: an encoder of `model.trees` and seeded random forests.

use std::ops::Range;

use super::format::MAGIC;

/// `SplitMix64`: a small seeded source of random numbers.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(super) fn value(&mut self) -> f64 {
        const ODD: [f64; 14] = [
            0.0,
            -0.0,
            1e-36,
            -1e-36,
            1e-35,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            3e9,
            -3e9,
            -0.5,
            0.5,
            31.9,
            64.0,
        ];
        match self.below(3) {
            0 => ODD[self.below(ODD.len())],
            1 => self.below(100) as f64 - 10.0,
            _ => self.below(2_000_000) as f64 / 1e6 - 1.0,
        }
    }
}

/// The size of a random forest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) trees: usize,
    /// At most so many leaves per tree.
    pub(super) leaves: usize,
    pub(super) features: usize,
    pub(super) outputs: usize,
    pub(super) categorical: bool,
}

/// A blend of a header, and of a forest when the header says so.
pub(crate) fn blend_file(header: &[u8], forest: &[u8]) -> Vec<u8> {
    let mut file = b"MLWBLND1".to_vec();
    file.extend((header.len() as u32).to_le_bytes());
    file.extend(header);
    if header.windows(4).any(|word| word == b"true") {
        file.resize(file.len().next_multiple_of(8), 0);
        file.extend(forest);
    }
    file
}

/// The arrays of a file, to be encoded or first spoilt.
#[derive(Clone, Default)]
pub(crate) struct Parts {
    pub(super) features: usize,
    pub(super) outputs: usize,
    pub(super) link: &'static str,
    pub(super) average: bool,
    pub(super) roots: Vec<i32>,
    pub(super) tree_output: Vec<u32>,
    pub(super) feature: Vec<u32>,
    pub(super) flags: Vec<u32>,
    pub(super) threshold: Vec<f64>,
    pub(super) left: Vec<i32>,
    pub(super) right: Vec<i32>,
    pub(super) bitset_at: Vec<u32>,
    pub(super) bitset_len: Vec<u32>,
    pub(super) leaf: Vec<f64>,
    pub(super) bitset: Vec<u32>,
}

impl Parts {
    /// One split on feature 0 at 1.5: left 10, right 20.
    pub(crate) fn stump() -> Self {
        Self {
            features: 1,
            outputs: 1,
            link: "identity",
            roots: vec![0],
            tree_output: vec![0],
            feature: vec![0],
            flags: vec![0],
            threshold: vec![1.5],
            left: vec![!0],
            right: vec![!1],
            bitset_at: vec![0],
            bitset_len: vec![0],
            leaf: vec![10.0, 20.0],
            ..Self::default()
        }
    }

    /// A random forest; without categorical splits when `categorical` is false.
    pub(super) fn random(random: &mut Random, trees: usize, categorical: bool) -> Self {
        let features = 1 + random.below(6);
        let outputs = 1 + random.below(3);
        let mut parts = Self {
            features,
            outputs,
            link: "identity",
            ..Self::default()
        };
        parts.bitset = (0..8).map(|_| random.next() as u32).collect();
        for tree in 0..trees {
            parts.tree_output.push((tree % outputs) as u32);
            let root = parts.grow(random, 0, categorical);
            parts.roots.push(root);
        }
        parts
    }

    fn grow(&mut self, random: &mut Random, depth: usize, categorical: bool) -> i32 {
        if random.below(10) < depth {
            return self.new_leaf(random);
        }
        let at = self.feature.len();
        self.push_test(random, categorical);
        self.left[at] = self.grow(random, depth + 1, categorical);
        self.right[at] = self.grow(random, depth + 1, categorical);
        at as i32
    }

    /// Add a random test without children.
    fn push_test(&mut self, random: &mut Random, categorical: bool) {
        let is_categorical = categorical && random.below(4) == 0;
        self.feature.push(random.below(self.features) as u32);
        let missing = (random.below(3) as u32) << 2;
        let default_left = (random.below(2) as u32) << 1;
        self.flags
            .push(missing | default_left | u32::from(is_categorical));
        let threshold = random.value();
        self.threshold
            .push(if threshold.is_nan() { 0.25 } else { threshold });
        self.bitset_at.push(random.below(5) as u32);
        self.bitset_len.push(random.below(4) as u32);
        self.left.push(0);
        self.right.push(0);
    }

    /// A forest of trees with about so many leaves each; some trees repeat the tests of the one before.
    pub(super) fn shaped(random: &mut Random, shape: Shape) -> Self {
        let mut parts = Self {
            features: shape.features,
            outputs: shape.outputs,
            link: "identity",
            bitset: (0..64).map(|_| random.next() as u32).collect(),
            ..Self::default()
        };
        let mut last = 0..0;
        for tree in 0..shape.trees {
            parts.tree_output.push((tree % shape.outputs) as u32);
            if tree > 0 && random.below(4) == 0 {
                last = parts.repeat_tree(random, last);
                continue;
            }
            let first = parts.feature.len();
            let leaves = 1 + random.below(shape.leaves);
            let root = parts.grow_leaves(random, leaves, shape.categorical);
            parts.roots.push(root);
            last = first..parts.feature.len();
        }
        parts
    }

    /// Add a tree with the tests of the last one, which has these nodes.
    fn repeat_tree(&mut self, random: &mut Random, last: Range<usize>) -> Range<usize> {
        let first = self.feature.len();
        let shift = (first - last.start) as i32;
        let moved = |parts: &mut Self, random: &mut Random, link: i32| {
            if link >= 0 {
                link + shift
            } else {
                parts.new_leaf(random)
            }
        };
        let root = self.roots[self.roots.len() - 1];
        let root = moved(self, random, root);
        self.roots.push(root);
        for node in last {
            self.feature.push(self.feature[node]);
            self.flags.push(self.flags[node]);
            self.threshold.push(self.threshold[node]);
            self.bitset_at.push(self.bitset_at[node]);
            self.bitset_len.push(self.bitset_len[node]);
            for side in 0..2 {
                let link = [self.left[node], self.right[node]][side];
                let link = moved(self, random, link);
                [&mut self.left, &mut self.right][side].push(link);
            }
        }
        first..self.feature.len()
    }

    fn new_leaf(&mut self, random: &mut Random) -> i32 {
        self.leaf.push(random.below(1_000_000) as f64 / 7.0 - 5e4);
        !(self.leaf.len() as i32 - 1)
    }

    fn grow_leaves(&mut self, random: &mut Random, leaves: usize, categorical: bool) -> i32 {
        if leaves == 1 {
            return self.new_leaf(random);
        }
        let at = self.feature.len();
        self.push_test(random, categorical);
        let on_left = 1 + random.below(leaves - 1);
        self.left[at] = self.grow_leaves(random, on_left, categorical);
        self.right[at] = self.grow_leaves(random, leaves - on_left, categorical);
        at as i32
    }

    pub(super) fn header(&self) -> String {
        let base = vec!["0.5"; self.outputs].join(",");
        format!(
            concat!(
                r#"{{"features":{},"trees":{},"outputs":{},"link":"{}","sigmoid":1.0,"base":[{}],"#,
                r#""average":{},"nodes":{},"leaves":{},"words":{}}}"#
            ),
            self.features,
            self.roots.len(),
            self.outputs,
            self.link,
            base,
            self.average,
            self.feature.len(),
            self.leaf.len(),
            self.bitset.len(),
        )
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        self.encode_with_header(&self.header())
    }

    pub(super) fn encode_with_header(&self, header: &str) -> Vec<u8> {
        let mut file = MAGIC.to_vec();
        file.extend((header.len() as u32).to_le_bytes());
        file.extend(header.as_bytes());
        pad(&mut file);
        append(&mut file, &self.roots, i32::to_le_bytes);
        append(&mut file, &self.tree_output, u32::to_le_bytes);
        append(&mut file, &self.feature, u32::to_le_bytes);
        append(&mut file, &self.flags, u32::to_le_bytes);
        append(&mut file, &self.threshold, f64::to_le_bytes);
        append(&mut file, &self.left, i32::to_le_bytes);
        append(&mut file, &self.right, i32::to_le_bytes);
        append(&mut file, &self.bitset_at, u32::to_le_bytes);
        append(&mut file, &self.bitset_len, u32::to_le_bytes);
        append(&mut file, &self.leaf, f64::to_le_bytes);
        append(&mut file, &self.bitset, u32::to_le_bytes);
        file
    }
}

fn append<T: Copy, const SIZE: usize>(
    file: &mut Vec<u8>,
    values: &[T],
    encode: impl Fn(T) -> [u8; SIZE],
) {
    for value in values {
        file.extend(encode(*value));
    }
    pad(file);
}

fn pad(file: &mut Vec<u8>) {
    file.resize(file.len().next_multiple_of(8), 0);
}
