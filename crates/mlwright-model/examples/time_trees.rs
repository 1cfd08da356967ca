//! Time the kernel and the walk of a `model.trees` file on random rows, one row per call, on one thread:
//! `cargo run --release -p mlwright-model --example time_trees -- model.trees`.

use std::hint::black_box;
use std::time::Instant;

use mlwright_model::{Model, ModelError, Trees};

const ROWS: usize = 4_096;
const ROUNDS: usize = 7;

/// One way to score a row.
type Predict = fn(&Trees, &[f64], &mut [f64]) -> Result<(), ModelError>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args()
        .nth(1)
        .ok_or("usage: time_trees model.trees")?;
    let trees = Trees::from_bytes(&std::fs::read(&path)?)?;
    let rows = random_rows(trees.inputs());
    let mut out = vec![0.0; trees.outputs()];
    println!(
        "{} trees, {} features, kernel {}",
        trees.trees(),
        trees.inputs(),
        trees.has_kernel()
    );
    let ways: [(&str, Predict); 2] = [
        ("kernel", |trees, row, out| trees.predict(row, 1, out)),
        ("walk", |trees, row, out| trees.predict_by_walk(row, 1, out)),
    ];
    for (name, predict) in ways {
        let mut best = f64::INFINITY;
        for _ in 0..ROUNDS {
            let start = Instant::now();
            for row in rows.chunks_exact(trees.inputs()) {
                predict(&trees, black_box(row), &mut out)?;
                black_box(&out);
            }
            best = best.min(start.elapsed().as_secs_f64() * 1e6 / ROWS as f64);
        }
        println!("{name}: {best:.2} µs per row (best of {ROUNDS})");
    }
    Ok(())
}

/// Rows of uniform numbers in −2 to 2, one in ten of them null.
fn random_rows(features: usize) -> Vec<f64> {
    let mut state = 7_u64;
    let mut next = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..ROWS * features)
        .map(|_| {
            if next() < 0.1 {
                f64::NAN
            } else {
                next() * 4.0 - 2.0
            }
        })
        .collect()
}
