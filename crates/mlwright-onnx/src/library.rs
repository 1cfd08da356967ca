//! The one ONNX Runtime of the process.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use ort::environment::Environment;

use crate::OnnxError;

/// The library that is open and its environment. Kept for the life of the process: sessions refer to it.
static OPEN: Mutex<Option<(PathBuf, Environment)>> = Mutex::new(None);

/// Open the library at a path, or give the environment of the same library opened before.
pub(crate) fn environment(library: &Path) -> Result<Environment, OnnxError> {
    let path = library
        .canonicalize()
        .map_err(|e| OnnxError::Library(format!("{}: {e}", library.display())))?;
    let mut open = OPEN
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some((opened, environment)) = &*open {
        if *opened == path {
            return Ok(environment.clone());
        }
        return Err(OnnxError::Library(format!(
            "{} is open in this process, {} cannot be opened too",
            opened.display(),
            path.display()
        )));
    }
    let environment = ort::init_from(&path)
        .map_err(|e| OnnxError::Library(e.to_string()))?
        .with_telemetry(false)
        .build()
        .map_err(|e| OnnxError::Library(e.to_string()))?;
    *open = Some((path, environment.clone()));
    Ok(environment)
}
