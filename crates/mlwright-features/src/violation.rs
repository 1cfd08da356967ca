//! A row that does not keep its contract, as a value.

use std::fmt;

use serde::Serialize;

/// What a row did against its contract; the words are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ViolationKind {
    /// A column that the model needs is not there.
    MissingColumn,
    /// A column that the contract does not know.
    UnknownColumn,
    /// A value of another type.
    Type,
    /// Null where the contract allows none.
    Null,
    /// A number beyond the hard limits.
    Range,
    /// NaN or infinity where the contract allows none.
    Nan,
    /// A level outside a closed list.
    Level,
    /// Text longer than allowed.
    Length,
}

impl ViolationKind {
    /// All kinds, in the order of their declaration.
    pub const ALL: [Self; 8] = [
        Self::MissingColumn,
        Self::UnknownColumn,
        Self::Type,
        Self::Null,
        Self::Range,
        Self::Nan,
        Self::Level,
        Self::Length,
    ];

    /// The stable word of this kind, as in the error code `contract.<word>`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::MissingColumn => "missing-column",
            Self::UnknownColumn => "unknown-column",
            Self::Type => "type",
            Self::Null => "null",
            Self::Range => "range",
            Self::Nan => "nan",
            Self::Level => "level",
            Self::Length => "length",
        }
    }

    /// The error code of this kind: `contract.<word>`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::MissingColumn => "contract.missing-column",
            Self::UnknownColumn => "contract.unknown-column",
            Self::Type => "contract.type",
            Self::Null => "contract.null",
            Self::Range => "contract.range",
            Self::Nan => "contract.nan",
            Self::Level => "contract.level",
            Self::Length => "contract.length",
        }
    }
}

/// One broken promise of a row: the first that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// What was broken.
    pub kind: ViolationKind,
    /// The column, as the caller wrote it.
    pub column: String,
    /// One sentence with names in quotes and numbers.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Violation {}
