//! ONNX graphs run by ONNX Runtime, whose shared library is opened at run time: the installed wheel carries it, so
//! nothing is linked or downloaded. One library per process; each session computes on one thread.

mod error;
mod library;
mod model;
mod tensor;

pub use error::OnnxError;
pub use model::OnnxModel;
pub use tensor::{Datatype, Tensor, TensorData, TensorSpec};
