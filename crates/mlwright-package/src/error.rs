//! Why a package is refused.

use std::fmt;
use std::io;

/// The error of this crate. Every variant names the file it is about.
#[derive(Debug)]
pub enum PackageError {
    /// The folder or a file could not be read.
    Io {
        /// File or folder.
        file: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// There is no package at the path, or it is no folder.
    NotFound {
        /// The path.
        file: String,
    },
    /// A symbolic link, a file with a second hard link, or something that is no regular file.
    Link {
        /// The entry.
        file: String,
        /// What it is.
        what: &'static str,
    },
    /// A file that the manifest lists, or the manifest itself, is not there.
    MissingFile {
        /// The file.
        file: String,
    },
    /// A file that the manifest does not list.
    ExtraFile {
        /// The file.
        file: String,
    },
    /// A file has another size than the manifest says.
    Size {
        /// The file.
        file: String,
        /// Bytes it should have.
        expected: u64,
        /// Bytes it has.
        found: u64,
    },
    /// A file is executable where the manifest says it is not, or the other way round.
    Mode {
        /// The file.
        file: String,
        /// Permission bits in the manifest.
        expected: u32,
        /// Permission bits of the file.
        found: u32,
    },
    /// A file, or the manifest, has another digest than expected.
    Digest {
        /// The file.
        file: String,
        /// SHA-256 it should have.
        expected: String,
        /// SHA-256 it has.
        found: String,
    },
    /// The manifest has the right digest but is not a manifest this version understands.
    Manifest {
        /// What is wrong.
        message: String,
    },
}

impl PackageError {
    /// The stable dotted code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "package.io",
            Self::NotFound { .. } => "package.not-found",
            Self::Link { .. } => "package.link",
            Self::MissingFile { .. } => "package.missing-file",
            Self::ExtraFile { .. } => "package.extra-file",
            Self::Size { .. } => "package.size",
            Self::Mode { .. } => "package.mode",
            Self::Digest { .. } => "package.digest",
            Self::Manifest { .. } => "package.manifest",
        }
    }
}

impl fmt::Display for PackageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { file, source } => write!(f, "{file:?} cannot be read: {source}"),
            Self::NotFound { file } => write!(f, "{file:?} is not a package folder"),
            Self::Link { file, what } => {
                write!(f, "{file:?} is {what}, a package holds regular files only")
            }
            Self::MissingFile { file } => write!(f, "{file:?} is missing"),
            Self::ExtraFile { file } => write!(f, "{file:?} is not in the manifest"),
            Self::Size {
                file,
                expected,
                found,
            } => {
                write!(
                    f,
                    "{file:?} has {found} bytes, the manifest says {expected}"
                )
            }
            Self::Mode {
                file,
                expected,
                found,
            } => {
                write!(
                    f,
                    "{file:?} has mode {found:o}, the manifest says {expected:o}"
                )
            }
            Self::Digest {
                file,
                expected,
                found,
            } => {
                write!(f, "{file:?} has the SHA-256 {found}, expected {expected}")
            }
            Self::Manifest { message } => write!(f, "the manifest is not valid: {message}"),
        }
    }
}

impl std::error::Error for PackageError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::NotFound { .. }
            | Self::Link { .. }
            | Self::MissingFile { .. }
            | Self::ExtraFile { .. }
            | Self::Size { .. }
            | Self::Mode { .. }
            | Self::Digest { .. }
            | Self::Manifest { .. } => None,
        }
    }
}
