//! gRPC: the Open Inference Protocol and TensorFlow Serving on the same engine as HTTP. Read `calls` first.

mod answer;
mod calls;
mod census;
mod contents;
mod framing;
mod inference;
mod reply;
mod repository;
mod scalars;
mod status;
mod tensor_proto;
mod tensorflow;
mod wire;

pub(crate) use answer::answer;
pub(crate) use calls::CALLS;
