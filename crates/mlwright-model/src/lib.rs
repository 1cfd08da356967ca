//! Model kernels behind one trait: tree ensembles in mlwright's own format and linear models. No I/O, no async.

mod error;
mod linear;
mod link;
mod model;
mod trees;

pub use error::ModelError;
pub use linear::Linear;
pub use link::Link;
pub use model::Model;
pub use trees::Trees;
