//! What can go wrong when a model is opened or asked.

use std::fmt;

/// The error of this crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelError {
    /// The bytes are not a valid model; what is wrong with them.
    Format(String),
    /// Rows or output have another size than the model needs.
    Shape {
        /// Which slice: `rows` or `out`.
        what: &'static str,
        /// Numbers it must hold.
        expected: usize,
        /// Numbers it holds.
        found: usize,
    },
    /// The engine behind the model failed; its own words.
    Engine(String),
}

impl ModelError {
    /// The stable dotted code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Format(_) => "model.format",
            Self::Shape { .. } => "model.shape",
            Self::Engine(_) => "model.engine",
        }
    }

    /// A format error with a message.
    #[must_use]
    pub fn format(message: impl Into<String>) -> Self {
        Self::Format(message.into())
    }
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format(message) => write!(f, "not a valid model: {message}"),
            Self::Shape {
                what,
                expected,
                found,
            } => {
                write!(
                    f,
                    "{what} holds {found} numbers, the model needs {expected}"
                )
            }
            Self::Engine(message) => write!(f, "the model engine failed: {message}"),
        }
    }
}

impl std::error::Error for ModelError {}
