//! Compiles the protocol definitions in `proto` with a compiler written in Rust: no `protoc` has to be installed.

use std::error::Error;

const PROTOS: [&str; 3] = [
    "proto/open_inference.proto",
    "proto/tensorflow.proto",
    "proto/tensorflow_serving.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let descriptors = protox::compile(PROTOS, ["proto"])?;
    prost_build::Config::new()
        .bytes(["."])
        // In the order of their keys: what a caller reads does not change from call to call.
        .btree_map(["."])
        .compile_fds(descriptors)?;
    Ok(())
}
