//! Verifying packages.

use std::path::PathBuf;

use mlwright_package::Package;
use pyo3::prelude::*;

use crate::error::Failure;

/// Verify a package folder; give its manifest (JSON).
#[pyfunction]
#[pyo3(signature = (path, digest=None))]
pub(crate) fn verify_package(
    py: Python<'_>,
    path: PathBuf,
    digest: Option<String>,
) -> PyResult<String> {
    let package = py
        .detach(|| Package::open(&path, digest.as_deref()))
        .map_err(Failure::from)?;
    Ok(package.manifest_json().to_owned())
}
