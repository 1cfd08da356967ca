//! Behaviour of each protocol's requests and answers, byte by byte.

mod binary;
mod cloud;
mod growth;
mod tensorflow;
mod triton;
