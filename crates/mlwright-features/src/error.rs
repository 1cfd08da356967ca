//! What can go wrong with a transform or a contract itself; a row that breaks a contract is a [`crate::Violation`].

use std::fmt;

/// The error of this crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeatureError {
    /// The transform document is not valid.
    Transform(String),
    /// The contract document is not valid.
    Contract(String),
    /// Cells or columns do not fit the transform: count, kind or length.
    Shape(String),
}

impl FeatureError {
    /// The stable dotted code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Transform(_) => "features.transform",
            Self::Contract(_) => "features.contract",
            Self::Shape(_) => "features.shape",
        }
    }
}

impl fmt::Display for FeatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transform(message) => write!(f, "not a valid transform: {message}"),
            Self::Contract(message) => write!(f, "not a valid contract: {message}"),
            Self::Shape(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for FeatureError {}
