use super::testing::{Parts, Random};
use super::*;

fn predict(trees: &Trees, row: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; trees.outputs()];
    trees.predict(row, 1, &mut out).expect("fits");
    out
}

fn one(parts: &Parts, value: f64) -> f64 {
    let trees = Trees::from_bytes(&parts.encode()).expect("valid");
    let fast = predict(&trees, &[value])[0];
    let mut walked = [0.0];
    trees
        .predict_by_walk(&[value], 1, &mut walked)
        .expect("fits");
    assert_eq!(
        fast.to_bits(),
        walked[0].to_bits(),
        "kernel and walk differ at {value}"
    );
    fast
}

fn assert_close(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() < 1e-12,
        "{found}, expected {expected}"
    );
}

#[test]
fn a_numeric_split_sends_equal_values_left() {
    let stump = Parts::stump();
    for (value, expected) in [
        (1.5, 10.5),
        (1.500_001, 20.5),
        (-9.0, 10.5),
        (f64::INFINITY, 20.5),
        (f64::NEG_INFINITY, 10.5),
    ] {
        assert_close(one(&stump, value), expected);
    }
}

#[test]
fn missing_values_follow_lightgbm() {
    const LEFT: u32 = 2;
    let at = |flags: u32, threshold: f64, value: f64| {
        one(
            &Parts {
                flags: vec![flags],
                threshold: vec![threshold],
                ..Parts::stump()
            },
            value,
        )
    };
    let (left, right) = (10.5, 20.5);
    // Missing none: NaN is 0, whatever the default side.
    assert_close(at(LEFT, -1.0, f64::NAN), right);
    assert_close(at(0, 1.0, f64::NAN), left);
    // Missing zero: zero, nearly zero and NaN go to the default side.
    for value in [0.0, -0.0, 1e-36, -1e-35, f64::NAN] {
        assert_close(at(1 << 2 | LEFT, -1.0, value), left);
        assert_close(at(1 << 2, 1.0, value), right);
    }
    assert_close(at(1 << 2, 1.0, 1e-34), left);
    // Missing NaN: only NaN goes to the default side.
    assert_close(at(2 << 2 | LEFT, -1.0, f64::NAN), left);
    assert_close(at(2 << 2, 1.0, f64::NAN), right);
    assert_close(at(2 << 2, 1.0, 0.0), left);
}

#[test]
fn a_categorical_split_looks_at_the_integer_part() {
    let parts = Parts {
        flags: vec![1],
        bitset: vec![0b101, 1 << 31],
        bitset_len: vec![2],
        ..Parts::stump()
    };
    let (left, right) = (10.5, 20.5);
    for value in [0.0, -0.5, 0.9, 2.0, 2.99, 63.0] {
        assert_close(one(&parts, value), left);
    }
    for value in [
        1.0,
        3.0,
        64.0,
        -1.0,
        1e18,
        -1e18,
        3e9,
        f64::NAN,
        f64::INFINITY,
    ] {
        assert_close(one(&parts, value), right);
    }
}

#[test]
fn a_categorical_split_may_send_nan_left_and_only_nan() {
    const LEFT: u32 = 2;
    let (left, right) = (10.5, 20.5);
    let at = |flags: u32, value: f64| {
        let parts = Parts {
            flags: vec![1 | flags],
            bitset: vec![0b101],
            bitset_len: vec![1],
            ..Parts::stump()
        };
        one(&parts, value)
    };
    // Only missing NaN with the default side left changes where NaN goes; other categories follow the set.
    for flags in [0, LEFT, 1 << 2, 1 << 2 | LEFT, 2 << 2] {
        assert_close(at(flags, f64::NAN), right);
    }
    assert_close(at(2 << 2 | LEFT, f64::NAN), left);
    for (value, expected) in [
        (0.0, left),
        (2.0, left),
        (1.0, right),
        (-1.0, right),
        (-3e9, right),
        (32.0, right),
        (1e18, right),
        (f64::INFINITY, right),
        (f64::NEG_INFINITY, right),
    ] {
        assert_close(at(2 << 2 | LEFT, value), expected);
    }
}

#[test]
fn links_base_and_average_are_applied() {
    let parts = Parts {
        link: "sigmoid",
        ..Parts::stump()
    };
    assert_close(one(&parts, 0.0), 1.0 / (1.0 + (-10.5_f64).exp()));
    let parts = Parts {
        average: true,
        roots: vec![0, !0],
        tree_output: vec![0, 0],
        ..Parts::stump()
    };
    assert_close(one(&parts, 9.0), (0.5 + 20.0 + 10.0) / 2.0);
    let parts = Parts {
        roots: Vec::new(),
        tree_output: Vec::new(),
        ..empty()
    };
    assert_close(one(&parts, 9.0), 0.5);
}

fn empty() -> Parts {
    Parts {
        features: 1,
        outputs: 1,
        link: "identity",
        ..Parts::default()
    }
}

#[test]
fn kernel_and_walk_give_the_same_bits_on_random_forests() {
    let mut random = Random::new(5);
    for round in 0..120 {
        let count = random.below(40);
        let trees = Trees::from_bytes(&Parts::random(&mut random, count, round % 2 == 0).encode());
        let trees = trees.expect("valid");

        let rows = 40;
        let values: Vec<f64> = (0..rows * trees.inputs()).map(|_| random.value()).collect();
        let mut fast = vec![0.0; rows * trees.outputs()];
        let mut walked = fast.clone();
        trees.predict(&values, rows, &mut fast).expect("fits");
        trees
            .predict_by_walk(&values, rows, &mut walked)
            .expect("fits");
        let same = fast
            .iter()
            .zip(&walked)
            .all(|(a, b)| a.to_bits() == b.to_bits());
        assert!(same, "round {round}");
    }
}

#[test]
fn a_chain_too_deep_for_the_kernel_is_walked() {
    let nodes = 1_000_i32;
    let parts = Parts {
        feature: vec![0; 1_000],
        flags: vec![0; 1_000],
        threshold: vec![0.0; 1_000],
        left: vec![!0; 1_000],
        right: (1..nodes).chain([!1]).collect(),
        bitset_at: vec![0; 1_000],
        bitset_len: vec![0; 1_000],
        ..Parts::stump()
    };
    let trees = Trees::from_bytes(&parts.encode()).expect("valid");
    assert_eq!(trees.kernel_name(), "walk");
    assert_close(one(&parts, 1.0), 20.5);
    assert_close(one(&parts, 0.0), 10.5);
}

#[test]
fn every_truncation_is_refused() {
    let file = Parts::random(&mut Random::new(1), 3, true).encode();
    for length in 0..file.len() {
        let error = Trees::from_bytes(&file[..length]).expect_err("truncated");
        assert_eq!(error.code(), "model.format");
    }
    let longer = [file.as_slice(), &[0; 8]].concat();
    assert!(Trees::from_bytes(&longer).is_err());
}

#[test]
fn flipped_bytes_never_panic() {
    let mut random = Random::new(2);
    let mut opened = 0;
    for _ in 0..4_000 {
        let mut file = Parts::random(&mut random, 2, true).encode();
        for _ in 0..=random.below(3) {
            let at = random.below(file.len());
            file[at] ^= 1 << random.below(8);
        }
        if let Ok(trees) = Trees::from_bytes(&file) {
            opened += 1;
            let row: Vec<f64> = (0..trees.inputs().min(1_000))
                .map(|_| random.value())
                .collect();
            let mut out = vec![0.0; trees.outputs()];
            if row.len() == trees.inputs() {
                trees.predict(&row, 1, &mut out).expect("fits");
                trees.predict_by_walk(&row, 1, &mut out).expect("fits");
            }
        }
    }
    assert!(
        opened > 100,
        "the flips should leave some files valid, {opened} were"
    );
}

fn assert_refused(parts: &Parts, expected: &str) {
    let error = Trees::from_bytes(&parts.encode())
        .expect_err(expected)
        .to_string();
    assert!(error.contains(expected), "{error}, expected {expected}");
}

#[test]
fn numbers_out_of_range_are_named() {
    let stump = Parts::stump;
    assert_refused(
        &Parts {
            feature: vec![1],
            ..stump()
        },
        "feature 1 of 1",
    );
    assert_refused(
        &Parts {
            flags: vec![16],
            ..stump()
        },
        "unknown flags",
    );
    assert_refused(
        &Parts {
            flags: vec![3 << 2],
            ..stump()
        },
        "missing type 3",
    );
    assert_refused(
        &Parts {
            threshold: vec![f64::NAN],
            ..stump()
        },
        "threshold NaN",
    );
    assert_refused(
        &Parts {
            leaf: vec![1.0, f64::INFINITY],
            ..stump()
        },
        "leaf 1 is inf",
    );
    assert_refused(
        &Parts {
            tree_output: vec![1],
            ..stump()
        },
        "output 1",
    );
    assert_refused(
        &Parts {
            outputs: 0,
            ..stump()
        },
        "0 base values",
    );
    assert_refused(
        &Parts {
            link: "cube",
            ..stump()
        },
        "cube",
    );
    let most = vec![u32::MAX];
    let words = Parts {
        flags: vec![1],
        bitset_at: most.clone(),
        bitset_len: most,
        ..stump()
    };
    assert_refused(&words, "words at");
}

#[test]
fn links_out_of_range_and_cycles_are_named() {
    let stump = Parts::stump;
    assert_refused(
        &Parts {
            roots: vec![1],
            ..stump()
        },
        "node 1 of 1",
    );
    assert_refused(
        &Parts {
            roots: vec![!2],
            ..stump()
        },
        "leaf 2 of 2",
    );
    assert_refused(
        &Parts {
            left: vec![0],
            ..stump()
        },
        "node 0",
    );
    assert_refused(
        &Parts {
            right: vec![!5],
            ..stump()
        },
        "leaf 5",
    );
    assert_refused(
        &Parts {
            left: vec![i32::MIN],
            ..stump()
        },
        "leaf 2147483647",
    );
    let twice = Parts {
        roots: vec![0, 0],
        tree_output: vec![0, 0],
        ..stump()
    };
    assert_refused(&twice, "has a parent already");
    let two = || Parts {
        feature: vec![0; 2],
        flags: vec![0; 2],
        threshold: vec![0.0; 2],
        left: vec![1, !0],
        right: vec![!1, !1],
        bitset_at: vec![0; 2],
        bitset_len: vec![0; 2],
        ..Parts::stump()
    };
    assert!(Trees::from_bytes(&two().encode()).is_ok());
    assert_refused(
        &Parts {
            left: vec![1, 0],
            ..two()
        },
        "leads to node 0",
    );
    assert_refused(
        &Parts {
            right: vec![1, !0],
            ..two()
        },
        "has a parent already",
    );
}

#[test]
fn headers_that_lie_are_refused() {
    let stump = Parts::stump();
    let header = stump.header();
    for (from, to) in [
        ("\"trees\":1", "\"trees\":2"),
        ("\"nodes\":1", "\"nodes\":2147483647"),
        ("\"leaves\":2", "\"leaves\":18446744073709551615"),
        ("\"words\":0", "\"words\":-1"),
        ("\"features\":1", "\"features\":99999999999"),
        ("\"sigmoid\":1.0", "\"sigmoid\":0.0"),
        ("\"sigmoid\":1.0", "\"sigmoid\":1e999"),
        ("[0.5]", "[0.5,0.5]"),
        ("\"average\":false", "\"average\":false,\"more\":1"),
        ("\"average\":false", "\"average\":false,\"average\":true"),
    ] {
        let changed = header.replace(from, to);
        assert_ne!(changed, header);
        assert!(
            Trees::from_bytes(&stump.encode_with_header(&changed)).is_err(),
            "{changed}"
        );
    }
    // Features that no node reads cost nothing until rows come.
    let wide = Parts {
        features: i32::MAX as usize,
        ..stump.clone()
    };
    assert!(Trees::from_bytes(&wide.encode()).is_ok());
    let deep = "[".repeat(100_000);
    assert!(Trees::from_bytes(&stump.encode_with_header(&deep)).is_err());
}
