//! Every error of the Rust crates as one Python exception with a stable code.

use mlwright_features::FeatureError;
use mlwright_http::ServerError;
use mlwright_load::LoadError;
use mlwright_package::PackageError;
use mlwright_serve::ServeError;
use mlwright_stats::assign::WeightError;
use mlwright_stats::detector::DetectorError;
use pyo3::exceptions::PyException;
use pyo3::{PyErr, create_exception};

create_exception!(
    mlwright._native,
    NativeError,
    PyException,
    "A failure in the compiled core: args are (code, message)."
);

/// A failure on its way to Python.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An argument that is not what the function takes.
    Argument(String),
    Features(FeatureError),
    Package(PackageError),
    Weights(WeightError),
    Detector(DetectorError),
    Serve(ServeError),
    Server(ServerError),
    Load(LoadError),
}

impl Failure {
    pub(crate) fn argument(message: impl Into<String>) -> Self {
        Self::Argument(message.into())
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        let (code, message) = match failure {
            Failure::Argument(message) => ("native.argument", message),
            Failure::Features(error) => (error.code(), error.to_string()),
            Failure::Package(error) => (error.code(), error.to_string()),
            Failure::Weights(error) => ("stats.weights", error.to_string()),
            Failure::Detector(error) => ("stats.detector", error.to_string()),
            Failure::Serve(error) => (error.code(), error.to_string()),
            Failure::Server(error) => (error.code(), error.to_string()),
            Failure::Load(error) => (error.code(), error.to_string()),
        };
        NativeError::new_err((code, message))
    }
}

macro_rules! failure_from {
    ($($variant:ident: $error:ty),* $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        })*
    };
}

failure_from!(
    Features: FeatureError,
    Package: PackageError,
    Weights: WeightError,
    Detector: DetectorError,
    Serve: ServeError,
    Server: ServerError,
    Load: LoadError,
);
