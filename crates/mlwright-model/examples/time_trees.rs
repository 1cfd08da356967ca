//! Time every set of kernels that this processor has for `model.trees` files, and the walk, on random rows:
//! `cargo run --release -p mlwright-model --example time_trees -- model.trees…`. Kernels take turns; the median and the
//! range of the processor time per row are printed, for calls of one row and of 32 and 64 rows.

use std::hint::black_box;

use mlwright_model::{Model, ModelError, Trees};
use rustix::time::{ClockId, clock_gettime};

const ROWS: usize = 2_048;
const ROUNDS: usize = 9;
const CALLS: [usize; 3] = [1, 32, 64];

/// One way to score some rows.
type Predict = fn(&Trees, &[f64], usize, &mut [f64]) -> Result<(), ModelError>;

struct Way {
    name: String,
    trees: Trees,
    predict: Predict,
    /// µs per row, by rows per call.
    times: [Vec<f64>; CALLS.len()],
}

impl Way {
    fn new(name: String, trees: Trees, predict: Predict) -> Self {
        Self {
            name,
            trees,
            predict,
            times: Default::default(),
        }
    }

    fn measure(&mut self, rows: &[f64], out: &mut [f64]) -> Result<(), ModelError> {
        let (inputs, outputs) = (self.trees.inputs(), self.trees.outputs());
        for (call, times) in CALLS.into_iter().zip(&mut self.times) {
            let start = processor_seconds();
            for (rows, out) in rows
                .chunks(call * inputs)
                .zip(out.chunks_mut(call * outputs))
            {
                (self.predict)(&self.trees, black_box(rows), call, out)?;
            }
            black_box(&out);
            times.push((processor_seconds() - start) * 1e6 / ROWS as f64);
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for path in std::env::args().skip(1) {
        let file = std::fs::read(&path)?;
        let trees = Trees::from_bytes(&file)?;
        println!(
            "{path}: {} trees, {} features, {} KB; chosen: {}",
            trees.trees(),
            trees.inputs(),
            trees.memory_bytes() / 1024,
            trees.kernel_name()
        );
        let rows = random_rows(trees.inputs());
        let mut out = vec![0.0; ROWS * trees.outputs()];
        let mut ways: Vec<Way> = Trees::candidates(&file)?
            .into_iter()
            .map(|trees| Way::new(trees.kernel_name(), trees, Trees::predict))
            .collect();
        ways.push(Way::new("walk".to_owned(), trees, Trees::predict_by_walk));
        for _ in 0..ROUNDS {
            for way in &mut ways {
                way.measure(&rows, &mut out)?;
            }
        }
        for mut way in ways {
            print!("  {:62}", way.name);
            for (call, times) in CALLS.into_iter().zip(&mut way.times) {
                times.sort_by(f64::total_cmp);
                let (low, high) = (times[0], times[ROUNDS - 1]);
                print!(" {call:2}: {:.2} ({low:.2}–{high:.2})", times[ROUNDS / 2]);
            }
            println!(" µs per row");
        }
    }
    Ok(())
}

fn processor_seconds() -> f64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 * 1e-9
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
