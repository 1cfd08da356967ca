//! Why something could not be served.

use std::fmt;

use mlwright_features::{FeatureError, Violation};
use mlwright_model::ModelError;
use mlwright_onnx::OnnxError;
use mlwright_package::PackageError;

/// A failure of the engine.
#[derive(Debug)]
pub enum ServeError {
    /// A package is not what its name says.
    Package(PackageError),
    /// A package's transform or contract cannot be used.
    Feature(FeatureError),
    /// A package's model cannot be used.
    Model(ModelError),
    /// ONNX Runtime or a graph failed.
    Onnx(OnnxError),
    /// The parts of a package do not fit each other.
    Unfit(String),
    /// The deployment document cannot be served.
    Document(String),
    /// A row breaks the data contract.
    Contract {
        /// What was broken.
        violation: Violation,
        /// Which row.
        row: usize,
    },
    /// The tensors of a request do not fit the graph.
    Tensor(String),
    /// More waits for the model than it can answer in time.
    Overloaded,
    /// The caller's deadline passed before the model was asked.
    Late,
    /// The model hit a bug.
    Panicked,
    /// The log cannot be written or read.
    Log(std::io::Error),
}

impl ServeError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Package(error) => error.code(),
            Self::Feature(_) => "package.transform",
            Self::Model(error) => error.code(),
            Self::Onnx(error) => error.code(),
            Self::Unfit(_) => "package.unfit",
            Self::Document(_) => "deployment.document",
            Self::Contract { violation, .. } => violation.kind.code(),
            Self::Tensor(_) => "request.shape",
            Self::Overloaded => "request.overloaded",
            Self::Late => "request.deadline",
            Self::Panicked => "server.internal",
            Self::Log(_) => "log.unusable",
        }
    }
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Package(error) => error.fmt(f),
            Self::Feature(error) => error.fmt(f),
            Self::Model(error) => error.fmt(f),
            Self::Onnx(error) => error.fmt(f),
            Self::Unfit(message) | Self::Document(message) | Self::Tensor(message) => {
                f.write_str(message)
            }
            Self::Contract { violation, row } => write!(f, "row {row}: {violation}"),
            Self::Overloaded => f.write_str("too many requests wait for the model"),
            Self::Late => f.write_str("the deadline passed before the model was asked"),
            Self::Panicked => f.write_str("the model hit a bug"),
            Self::Log(error) => write!(f, "the log: {error}"),
        }
    }
}

impl std::error::Error for ServeError {}

impl From<PackageError> for ServeError {
    fn from(error: PackageError) -> Self {
        Self::Package(error)
    }
}

impl From<FeatureError> for ServeError {
    fn from(error: FeatureError) -> Self {
        Self::Feature(error)
    }
}

impl From<ModelError> for ServeError {
    fn from(error: ModelError) -> Self {
        Self::Model(error)
    }
}

impl From<OnnxError> for ServeError {
    fn from(error: OnnxError) -> Self {
        match error {
            OnnxError::Tensor(message) => Self::Tensor(message),
            other => Self::Onnx(other),
        }
    }
}
