//! The open-loop load generator.
//!
//! Arrivals have fixed times, whatever the server does; latency counts from the time an arrival was due, so a server
//! that stalls is charged with everybody who had to wait. [`run`] measures one rate; who asks drives ramps.

mod alarm;
mod answer;
mod arrivals;
mod call;
mod clock;
mod connection;
mod cpu;
mod error;
mod grpc;
mod histogram;
mod http;
mod line;
mod outcome;
mod plan;
mod probe;
mod report;
mod run;
mod setting;
mod tally;

pub use error::LoadError;
pub use histogram::Histogram;
pub use outcome::Counts;
pub use plan::{ArrivalKind, Plan, Protocol};
pub use report::{FirstAnswer, HistogramReport, LoadReport, Progress};
pub use run::run;
