//! The socket side of mlwright's server: decode and check requests, call the engine, answer. Read `routes` first.

mod admin;
mod admission;
mod binary;
mod cloud;
mod columnar;
mod config;
mod connection;
mod counts;
mod csv;
mod errors;
mod examples;
mod feedback;
mod frames;
#[cfg(test)]
mod fuzz;
mod grpc;
mod http2;
mod infer;
mod inherit;
mod json;
mod listen;
mod metadata;
mod metrics;
mod mirror;
mod number;
mod parameters;
mod paths;
mod predict;
mod process;
mod reply;
mod routes;
mod rows;
mod shared;
mod tensor_values;
mod tensorflow;
mod tensorflow_model;
mod tensors;
mod text;
mod tls;
mod trail;
mod triton;
mod visits;

pub use config::{Container, Limits, ServerConfig, ServerError};
pub use inherit::Inherited;
pub use listen::run;
pub use tls::Tls;
