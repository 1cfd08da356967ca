//! Model kernels behind one trait: tree ensembles in mlwright's own format, linear models, and
//! blends of these and small networks. No I/O, no async.

mod blend;
mod error;
mod line;
mod linear;
mod link;
mod model;
mod network;
mod trees;

pub use blend::Blend;
pub use error::ModelError;
pub use linear::Linear;
pub use link::Link;
pub use model::Model;
pub use trees::Trees;
