//! Time one row per call of a `model.trees` file on rows from a file of little-endian doubles, on one thread:
//! `cargo run --release -p mlwright-model --example time_row -- model.trees rows.f64`. Prints µs per row of each round.

use std::hint::black_box;
use std::time::Instant;

use mlwright_model::{Model as _, Trees};

const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut paths = std::env::args().skip(1);
    let (Some(model), Some(rows)) = (paths.next(), paths.next()) else {
        return Err("usage: time_row model.trees rows.f64".into());
    };
    let trees = Trees::from_bytes(&std::fs::read(model)?)?;
    let bytes = std::fs::read(rows)?;
    let (words, _) = bytes.as_chunks::<8>();
    let rows: Vec<f64> = words.iter().map(|word| f64::from_le_bytes(*word)).collect();
    let mut out = vec![0.0; trees.outputs()];
    let count = rows.len() / trees.inputs();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for row in rows.chunks_exact(trees.inputs()) {
            trees.predict(black_box(row), 1, &mut out)?;
            black_box(&out);
        }
        println!(
            "{:.3} µs",
            start.elapsed().as_secs_f64() * 1e6 / count as f64
        );
    }
    Ok(())
}
