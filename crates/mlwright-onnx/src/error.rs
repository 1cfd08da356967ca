//! What can go wrong between a graph and its answer.

use std::fmt;

/// The error of this crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnnxError {
    /// The shared library cannot be opened, or another one is open already.
    Library(String),
    /// The bytes are no graph that the runtime accepts, or it has types beyond mlwright's.
    Graph(String),
    /// A tensor does not fit the graph: name, datatype or shape.
    Tensor(String),
    /// The runtime failed while computing.
    Run(String),
}

impl OnnxError {
    /// The stable dotted code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Library(_) => "onnx.library",
            Self::Graph(_) => "onnx.graph",
            Self::Tensor(_) => "onnx.tensor",
            Self::Run(_) => "onnx.run",
        }
    }
}

impl fmt::Display for OnnxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Library(message) => write!(f, "ONNX Runtime cannot be opened: {message}"),
            Self::Graph(message) => write!(f, "not a usable ONNX graph: {message}"),
            Self::Tensor(message) => f.write_str(message),
            Self::Run(message) => write!(f, "ONNX Runtime failed: {message}"),
        }
    }
}

impl std::error::Error for OnnxError {}
