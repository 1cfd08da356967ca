//! Behaviour of the server at its gRPC listener.

mod caller;
mod conduct;
mod inference;
mod malformed;
mod tensorflow;

use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::stage::Stage;

/// A server for tests that only ask.
fn shared() -> &'static Stage {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    STAGE.get_or_init(|| Stage::start(with_grpc))
}

fn with_grpc(config: &mut Value) {
    config["grpc_port"] = json!(0);
}
