//! Time the hash that assigns a unit to a variant, on one thread:
//! `cargo run --release -p mlwright-stats --example time_assignment`.

use std::hint::black_box;
use std::time::Instant;

use mlwright_stats::assign::Salt;

const UNITS: usize = 4_096;
const PASSES: usize = 500;
const ROUNDS: usize = 9;
/// With a unit of 9 bytes the hashed text has 24.
const SALT: &str = "ranking-7";

fn main() {
    let units: Vec<String> = (0..UNITS)
        .map(|number| format!("user-{:04}", number * number % 9_973))
        .collect();
    let salt = Salt::new(SALT);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..PASSES {
            for unit in &units {
                black_box(salt.hash(black_box(unit.as_bytes())));
            }
        }
        let nanoseconds = start.elapsed().as_secs_f64() * 1e9 / (UNITS * PASSES) as f64;
        println!("{nanoseconds:.2} ns");
    }
}
