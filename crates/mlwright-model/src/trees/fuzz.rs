//! Damaged model files: refused, or a model whose walks end and whose kernel agrees with the walk.

use mlwright_fuzz::{Random, damage, for_each_seed};

use super::testing::{self, Parts, blend_file};
use crate::{Blend, Linear, Model, Trees};

const CASES: u64 = 20_000;
const LONG: u64 = 20 * CASES;
/// A file may claim any number of features; rows of that many are not made here.
const MOST_FEATURES: usize = 64;
const LINEAR: &[u8] = br#"{"format":1,"features":2,"link":"softmax","coefficients":[[2.0,-3.0],[0.5,1e3]],"intercept":[1.0,0]}"#;
const BLEND: &str = r#"{"features":1,"outputs":1,"link":"sigmoid","has_trees":true,"networks":[{"columns":[0],
"limit":8.0,"layers":[{"weights":[[1.0,-2.5]],"bias":[0.0,1]},{"weights":[[2],[0.5]],"bias":[0.25]}]}],
"line":{"knots":[-1.0,0.5,2],"values":[-2.0,0.0,1.5]}}"#;

fn forest(random: &mut Random) -> Vec<u8> {
    let mut source = testing::Random::new(random.bits());
    let trees = 1 + random.below(4);
    Parts::random(&mut source, trees, true).encode()
}

/// Damage that keeps the length, which the reader checks first, or any damage.
fn damaged(random: &mut Random, file: &[u8]) -> Vec<u8> {
    if random.below(4) == 0 {
        return damage(random, file, file);
    }
    let mut damaged = file.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(damaged.len());
        damaged[at] = *random.choose(&[0, 1, 2, 0x7f, 0x80, 0xff, random.clone().bits() as u8]);
    }
    damaged
}

fn check_trees(random: &mut Random) -> bool {
    let file = forest(random);
    let Ok(model) = Trees::from_bytes(&damaged(random, &file)) else {
        return false;
    };
    if model.inputs() > MOST_FEATURES {
        return true;
    }
    let mut values = testing::Random::new(random.bits());
    let rows: Vec<f64> = (0..3 * model.inputs()).map(|_| values.value()).collect();
    let (mut fast, mut slow) = (
        vec![0.0; 3 * model.outputs()],
        vec![0.0; 3 * model.outputs()],
    );
    model.predict(&rows, 3, &mut fast).expect("the shapes fit");
    model
        .predict_by_walk(&rows, 3, &mut slow)
        .expect("the shapes fit");
    let is_same = |(fast, slow): (&f64, &f64)| {
        fast.to_bits() == slow.to_bits() || fast.is_nan() && slow.is_nan()
    };
    assert!(fast.iter().zip(&slow).all(is_same), "{fast:?} {slow:?}");
    true
}

fn trees(cases: u64) {
    let taken = std::cell::Cell::new(0);
    for_each_seed(cases, |random| {
        taken.set(taken.get() + u64::from(check_trees(random)));
    });
    assert!(
        taken.get() > cases / 50,
        "{} of {cases} were taken",
        taken.get()
    );
}

fn linear(cases: u64) {
    for_each_seed(cases, |random| {
        if let Ok(model) = Linear::from_json(&damage(random, LINEAR, LINEAR))
            && model.inputs() <= MOST_FEATURES
        {
            let mut out = vec![0.0; model.outputs()];
            model
                .predict(&vec![1.5; model.inputs()], 1, &mut out)
                .expect("the shapes fit");
        }
    });
}

fn blends(cases: u64) {
    let plain = BLEND.replace("true", "false");
    for_each_seed(cases, |random| {
        let text = if random.below(2) == 0 { BLEND } else { &plain };
        let header = damage(random, text.as_bytes(), text.as_bytes());
        let file = blend_file(&header, &Parts::stump().encode());
        if let Ok(model) = Blend::from_bytes(&damage(random, &file, &file))
            && model.inputs() <= MOST_FEATURES
        {
            let mut out = vec![0.0; model.outputs()];
            model
                .predict(&vec![1.5; model.inputs()], 1, &mut out)
                .expect("the shapes fit");
        }
    });
}

// promise: serve.fuzz-parsers
#[test]
fn a_damaged_blend_is_refused_or_predicts() {
    blends(CASES);
}

// promise: serve.fuzz-parsers
#[test]
fn a_damaged_forest_is_refused_or_predicts() {
    trees(CASES);
}

// promise: serve.fuzz-parsers
#[test]
fn a_damaged_linear_model_is_refused_or_predicts() {
    linear(CASES);
}

#[test]
#[ignore = "long"]
fn damaged_models_are_refused_or_predict_in_a_long_run() {
    trees(LONG);
    linear(LONG);
    blends(LONG);
}
