//! What happens to a request between its decoding and its answer: choose a variant, transform, predict, log, count;
//! and what keeps that going while packages are swapped. Nothing in here knows HTTP. Read `engine` first.

mod cache;
mod clock;
mod counters;
mod document;
mod engine;
mod error;
mod execution;
pub mod log;
mod prediction_id;
mod servable;
mod snapshot;
mod statistics;
#[cfg(test)]
mod testing;
mod windows;

pub use clock::now_us;
pub use counters::Counters;
pub use document::{DeploymentSpec, Document, Mirror, VariantSpec};
pub use engine::{Answer, Arrival, Engine, EngineConfig, Inputs, Permit, Question, Raw};
pub use error::ServeError;
pub use execution::{Execution, Mode, batch_time};
pub use log::{FeedbackEvent, FeedbackKind};
pub use prediction_id::PredictionId;
pub use servable::Servable;
pub use snapshot::{Choice, Deployment, Reason, Snapshot, Variant};
pub use statistics::{DURATION_BOUNDS_US, Durations, Statistics};
