//! Open and verify a model package: an immutable folder whose name is the digest of its manifest.
//!
//! Nothing is parsed before it is verified: the folder holds regular files only, the manifest has the expected
//! digest, and every file has the size, permission and digest that the manifest says. Then the bytes in memory are
//! what was checked; the folder is not read again.

mod digest;
mod error;
#[cfg(test)]
mod fuzz;
mod manifest;
mod package;

pub use digest::sha256_hex;
pub use error::PackageError;
pub use manifest::{
    Class, ColumnSpec, ColumnType, Engine, EngineKind, FileEntry, Manifest, Provenance, Signature,
    SignatureInputs, Task, TensorSpec,
};
pub use package::{MANIFEST, Package};
