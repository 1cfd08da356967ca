//! Every kernel that this processor can run, against the readable walk.

use super::testing::{Parts, Random, Shape};
use super::*;

/// Rows of a forest: values at its thresholds and one step beside them, categories known and unseen, nulls.
fn rows_around(parts: &Parts, random: &mut Random, count: usize) -> Vec<f64> {
    let mut at: Vec<Vec<f64>> = vec![Vec::new(); parts.features];
    for (node, &feature) in parts.feature.iter().enumerate() {
        if parts.flags[node] & 1 == 0 {
            at[feature as usize].push(parts.threshold[node]);
        }
    }
    let mut rows = Vec::with_capacity(count * parts.features);
    for place in 0..count * parts.features {
        let thresholds = &at[place % parts.features];
        let value = match random.below(8) {
            0 => f64::NAN,
            1 => random.below(300) as f64 - 5.0,
            2 | 3 => random.value(),
            _ if thresholds.is_empty() => random.value(),
            side => {
                let threshold = thresholds[random.below(thresholds.len())];
                [threshold, threshold.next_up(), threshold.next_down()][side % 3]
            }
        };
        rows.push(value);
    }
    rows
}

/// Score rows in calls of `call` rows and demand the bits of the walk.
fn assert_same_bits(trees: &Trees, rows: &[f64], call: usize, what: &str) {
    let (inputs, outputs) = (trees.inputs(), trees.outputs());
    let count = rows.len() / inputs;
    let mut walked = vec![0.0; count * outputs];
    trees
        .predict_by_walk(rows, count, &mut walked)
        .expect("fits");
    let mut found = vec![0.0; walked.len()];
    for (rows, out) in rows
        .chunks(call * inputs)
        .zip(found.chunks_mut(call * outputs))
    {
        let n = out.len() / outputs;
        trees.predict(rows, n, out).expect("fits");
    }
    let differs = (0..found.len()).find(|at| found[*at].to_bits() != walked[*at].to_bits());
    assert!(
        differs.is_none(),
        "{} differs from the walk in row {} of {what}, {call} rows per call",
        trees.kernel_name(),
        differs.unwrap_or(0) / outputs
    );
}

// promise: serve.kernels
#[test]
fn every_kernel_gives_the_bits_of_the_walk_on_forests_of_any_shape() {
    let mut random = Random::new(11);
    let mut rows_compared = 0;
    for round in 0..32 {
        let trees = [0, 1, 2, 1 + random.below(300)][round % 4];
        let features = [1, 3, 8, 14, 30, 55, 110, 290][random.below(8)];
        let shape = Shape {
            trees,
            leaves: 1 + random.below([8, 32, 300][round % 3].min(1 + 6_000 / (trees + 1))),
            features,
            outputs: 1 + random.below(3),
            categorical: round % 2 == 0,
        };
        let parts = Parts::shaped(&mut random, shape);
        let rows = rows_around(&parts, &mut random, 350);
        rows_compared += 350;
        let candidates = Trees::candidates(&parts.encode()).expect("valid");
        for candidate in &candidates {
            for call in [1, 1 + random.below(70), 350] {
                assert_same_bits(candidate, &rows, call, &format!("{shape:?}"));
            }
        }
    }
    assert!(rows_compared >= 10_000);
}

#[test]
fn vector_kernels_are_among_those_tested() {
    let shape = Shape {
        trees: 20,
        leaves: 31,
        features: 5,
        outputs: 1,
        categorical: true,
    };
    let file = Parts::shaped(&mut Random::new(3), shape).encode();
    let names: Vec<String> = Trees::candidates(&file)
        .expect("valid")
        .iter()
        .map(Trees::kernel_name)
        .collect();
    assert!(
        names
            .iter()
            .any(|name| name.contains("path masks (portable)"))
    );
    assert!(names.iter().any(|name| name.contains("branchless")));
    #[cfg(target_arch = "x86_64")]
    for (name, is_there) in [
        ("avx2", is_x86_feature_detected!("avx2")),
        ("avx512", is_x86_feature_detected!("avx512vbmi")),
    ] {
        if is_there {
            assert!(names.iter().any(|found| found.contains(name)), "{names:?}");
        } else {
            eprintln!("skipped: this processor has no {name}, its kernels were not compared");
        }
    }
}

#[test]
fn the_rule_takes_path_masks_for_small_trees_and_the_branchless_walk_for_large_ones() {
    let shape = |leaves| Shape {
        trees: 10,
        leaves,
        features: 4,
        outputs: 2,
        categorical: false,
    };
    let name = |leaves| {
        let file = Parts::shaped(&mut Random::new(4), shape(leaves)).encode();
        Trees::from_bytes(&file).expect("valid").kernel_name()
    };
    let small = name(20);
    let has_vectors = Instructions::available()[0].is_vector();
    assert_eq!(small.starts_with("path masks"), has_vectors, "{small}");
    assert!(small.contains("rows in columns"), "{small}");
    assert!(name(200).starts_with("branchless walk"), "{}", name(200));
}

#[test]
fn many_categorical_splits_have_a_fast_kernel_too() {
    let shape = Shape {
        trees: 300,
        leaves: 32,
        features: 3,
        outputs: 1,
        categorical: true,
    };
    let mut random = Random::new(6);
    let mut parts = Parts::shaped(&mut random, shape);
    // Sets of their own for every categorical split: more than the branchless kernel spreads per row.
    parts.bitset = (0..20_000).map(|_| random.next() as u32).collect();
    for node in 0..parts.feature.len() {
        parts.flags[node] |= 1;
        parts.bitset_at[node] = (node * 2) as u32 % 19_990;
        parts.bitset_len[node] = 1 + random.below(3) as u32;
    }
    let trees = Trees::from_bytes(&parts.encode()).expect("valid");
    assert!(
        trees.kernel_name().starts_with("path masks"),
        "{}",
        trees.kernel_name()
    );
    let rows = rows_around(&parts, &mut random, 64);
    assert_same_bits(&trees, &rows, 1, "sets");
    assert_same_bits(&trees, &rows, 64, "sets");
}

#[test]
fn varied_rows_take_different_ways() {
    let shape = Shape {
        trees: 100,
        leaves: 31,
        features: 8,
        outputs: 1,
        categorical: false,
    };
    let forest = Parts::shaped(&mut Random::new(5), shape);
    let trees = Trees::from_bytes(&forest.encode()).expect("valid");
    let rows = trees.varied_rows().expect("few features");
    let count = rows.len() / trees.inputs();
    let mut out = vec![0.0; count];
    trees.predict(&rows, count, &mut out).expect("it fits");
    out.sort_by(f64::total_cmp);
    out.dedup();
    assert_eq!(out.len(), count);
}

#[test]
fn trees_with_equal_tests_are_walked_once() {
    let stump = Parts::stump();
    let twice = Parts {
        outputs: 2,
        roots: vec![0, 1],
        tree_output: vec![0, 1],
        feature: vec![0; 2],
        flags: vec![0; 2],
        threshold: vec![1.5; 2],
        left: vec![!0, !2],
        right: vec![!1, !3],
        bitset_at: vec![0; 2],
        bitset_len: vec![0; 2],
        leaf: vec![10.0, 20.0, 30.0, 40.0],
        ..stump
    };
    let forest = format::read(&twice.encode()).expect("valid");
    let (units, _) = units::Units::build(&forest);
    assert_eq!(units.units.len(), 1);
    assert_eq!(&*units.values, &[10.0, 30.0, 20.0, 40.0]);
    let other = Parts {
        threshold: vec![1.5, 2.5],
        ..twice
    };
    let forest = format::read(&other.encode()).expect("valid");
    assert_eq!(units::Units::build(&forest).0.units.len(), 2);
}

#[test]
fn memory_is_counted() {
    let shape = Shape {
        trees: 50,
        leaves: 31,
        features: 5,
        outputs: 1,
        categorical: true,
    };
    let file = Parts::shaped(&mut Random::new(8), shape).encode();
    let trees = Trees::from_bytes(&file).expect("valid");
    assert!(
        (file.len()..50 * file.len()).contains(&trees.memory_bytes()),
        "{} bytes for a file of {}",
        trees.memory_bytes(),
        file.len()
    );
}
