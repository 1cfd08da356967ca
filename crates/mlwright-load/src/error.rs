//! Why a measurement did not take place.

use std::fmt;
use std::io;

/// The error of this crate.
#[derive(Debug)]
pub enum LoadError {
    /// The plan asks for something that cannot be meant.
    Plan {
        /// What is wrong.
        message: String,
    },
    /// Nobody answers at the address.
    Unreachable {
        /// Host and port.
        address: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// The first request, sent before anything is measured, was not answered as it should be.
    Refused {
        /// What came instead: the status and the beginning of the body.
        answer: String,
    },
    /// What answers does not speak the protocol.
    Protocol {
        /// What was not understood.
        message: String,
    },
    /// The operating system gave no descriptor, timer or thread.
    System {
        /// What it said.
        source: io::Error,
    },
    /// The one who asked wants no result any more.
    Stopped,
}

impl LoadError {
    /// The stable dotted code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Plan { .. } => "bench.plan",
            Self::Unreachable { .. } => "bench.unreachable",
            Self::Refused { .. } => "bench.refused",
            Self::Protocol { .. } => "bench.protocol",
            Self::System { .. } => "bench.system",
            Self::Stopped => "bench.stopped",
        }
    }

    pub(crate) fn plan(message: impl Into<String>) -> Self {
        Self::Plan {
            message: message.into(),
        }
    }
}

impl From<io::Error> for LoadError {
    fn from(source: io::Error) -> Self {
        Self::System { source }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plan { message } => f.write_str(message),
            Self::Unreachable { address, source } => {
                write!(f, "{address} does not answer: {source}")
            }
            Self::Refused { answer } => write!(f, "the first request was answered {answer}"),
            Self::Protocol { message } => write!(f, "the answer was not understood: {message}"),
            Self::System { source } => write!(f, "the operating system refused: {source}"),
            Self::Stopped => f.write_str("stopped before the end"),
        }
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreachable { source, .. } | Self::System { source } => Some(source),
            Self::Plan { .. } | Self::Refused { .. } | Self::Protocol { .. } | Self::Stopped => {
                None
            }
        }
    }
}
