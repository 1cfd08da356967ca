//! The Python module `mlwright._native`: arguments from Python, answers and errors back, no logic of its own. Heavy
//! parts run with the interpreter lock released. The types are in `src/mlwright/_native.pyi`.
#![allow(
    clippy::needless_pass_by_value,
    reason = "PyO3 hands arguments over by value"
)]

mod columns;
mod error;
mod features;
mod load;
mod package;
mod predictor;
mod serving;
mod stats;

use mlwright_memory::Memory;
use pyo3::prelude::*;

/// As in `mlwright-server`: a tenth of a request's time.
#[global_allocator]
static MEMORY: Memory = Memory;

/// The version of the compiled core.
#[pyfunction]
fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("NativeError", module.py().get_type::<error::NativeError>())?;
    module.add_class::<predictor::Predictor>()?;
    module.add_class::<stats::RateDetector>()?;
    module.add_function(wrap_pyfunction!(version, module)?)?;
    module.add_function(wrap_pyfunction!(package::verify_package, module)?)?;
    module.add_function(wrap_pyfunction!(features::transform, module)?)?;
    module.add_function(wrap_pyfunction!(features::fit_text, module)?)?;
    module.add_function(wrap_pyfunction!(features::check_rows, module)?)?;
    module.add_function(wrap_pyfunction!(stats::unit_hash, module)?)?;
    module.add_function(wrap_pyfunction!(stats::thresholds, module)?)?;
    module.add_function(wrap_pyfunction!(stats::choose_variant, module)?)?;
    module.add_function(wrap_pyfunction!(stats::event_log_e, module)?)?;
    module.add_function(wrap_pyfunction!(serving::serve, module)?)?;
    module.add_function(wrap_pyfunction!(load::bench, module)?)?;
    module.add_function(wrap_pyfunction!(serving::read_log, module)?)?;
    module.add_function(wrap_pyfunction!(serving::read_feedback, module)?)?;
    module.add_function(wrap_pyfunction!(serving::read_windows, module)?)?;
    module.add_function(wrap_pyfunction!(serving::append_feedback, module)?)?;
    Ok(())
}
