//! Compiles the protocol definitions in `proto` with a compiler written in Rust: no `protoc` has to be installed.

use std::error::Error;
use std::path::PathBuf;

use prost::Message as _;

const PROTOS: [&str; 3] = [
    "proto/open_inference.proto",
    "proto/tensorflow.proto",
    "proto/tensorflow_serving.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let descriptors = protox::compile(PROTOS, ["proto"])?;
    let folder = PathBuf::from(std::env::var("OUT_DIR")?);
    // Tests compare these with the descriptors of other implementations.
    std::fs::write(folder.join("descriptors.bin"), descriptors.encode_to_vec())?;
    prost_build::Config::new()
        .bytes(["."])
        .compile_fds(descriptors)?;
    Ok(())
}
