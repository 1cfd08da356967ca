//! Every reader of a caller's bytes against an independent one, or against what must hold of anything it accepts. The long
//! runs are `--ignored`.

mod bodies;
mod json;
mod requests;

/// Cases of one run: the long one has twenty times as many.
const CASES: u64 = 50_000;
const LONG: u64 = 20 * CASES;
