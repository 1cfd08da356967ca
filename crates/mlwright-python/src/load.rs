//! The load generator.

use std::ops::ControlFlow;

use mlwright_load::Plan;
use pyo3::prelude::*;

use crate::error::Failure;

/// Measure one rate; give what was found (JSON). `on_progress` hears elapsed and total seconds, good and failed
/// answers; an exception in it, and Ctrl-C, ends the load at once.
#[pyfunction]
#[pyo3(signature = (config_json, bodies, on_progress=None))]
pub(crate) fn bench(
    py: Python<'_>,
    config_json: &str,
    bodies: Vec<Vec<u8>>,
    on_progress: Option<Py<PyAny>>,
) -> PyResult<String> {
    let plan = Plan::from_json(config_json).map_err(Failure::from)?;
    let mut interrupted = None;
    let result = py.detach(|| {
        mlwright_load::run(&plan, &bodies, &mut |progress| {
            let told = Python::attach(|py| -> PyResult<()> {
                py.check_signals()?;
                let Some(tell) = &on_progress else {
                    return Ok(());
                };
                let facts = (
                    progress.elapsed_s,
                    progress.total_s,
                    progress.ok,
                    progress.failed,
                );
                tell.call1(py, facts).map(drop)
            });
            match told {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    interrupted = Some(error);
                    ControlFlow::Break(())
                }
            }
        })
    });
    match (interrupted, result) {
        (Some(error), _) => Err(error),
        (None, Ok(report)) => Ok(report.to_json()),
        (None, Err(error)) => Err(Failure::from(error).into()),
    }
}
