//! What no good caller sends: each case gets the right class of refusal, and the next good call on the same connection is
//! answered as ever.

// A case reads as what it changes.
#![allow(clippy::assigning_clones)]

mod tensorflow;
mod tensors;
mod wire;

use std::io::{Read, Write};

use bytes::Bytes;
use hyper::Request;
use prost::Message;
use tonic::Code;

use super::caller::wire::inference::model_infer_request::InferInputTensor;
use super::caller::wire::inference::{
    InferTensorContents, ModelInferRequest, ModelInferResponse, ServerLiveRequest,
    ServerLiveResponse,
};
use super::caller::{Caller, RawAnswer};
use super::inference::{INFER, raw_request};
use super::shared;

/// Name, request, and what is to come of it.
type Case = (String, Request<Bytes>, Class);

/// The class of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Call(Code),
    Http(u16),
}

use Class::{Call, Http};
const INVALID: Class = Call(Code::InvalidArgument);
const MISSING: Class = Call(Code::NotFound);
const GOOD: Class = Call(Code::Ok);

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a short message");
    [&[0][..], &length.to_be_bytes(), message].concat()
}

fn post(path: &str, body: Vec<u8>) -> Request<Bytes> {
    Request::post(path)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Bytes::from(body))
        .expect("a request")
}

/// A good request for one row with the change of a case.
fn typed(change: impl FnOnce(&mut ModelInferRequest)) -> Request<Bytes> {
    let contents = InferTensorContents {
        fp64_contents: vec![3.0, 1.0],
        ..InferTensorContents::default()
    };
    let mut request = ModelInferRequest {
        model_name: "matrix".to_owned(),
        inputs: vec![InferInputTensor {
            name: "input".to_owned(),
            datatype: "FP64".to_owned(),
            shape: vec![1, 2],
            contents: Some(contents),
            ..InferInputTensor::default()
        }],
        ..ModelInferRequest::default()
    };
    change(&mut request);
    post(INFER, framed(&request.encode_to_vec()))
}

fn contents(request: &mut ModelInferRequest) -> &mut InferTensorContents {
    request.inputs[0].contents.as_mut().expect("contents")
}

/// The same row in raw bytes of a datatype.
fn raw(datatype: &str, bytes: &[u8]) -> Request<Bytes> {
    typed(|request| {
        request.inputs[0].contents = None;
        request.inputs[0].datatype = datatype.to_owned();
        request.raw_input_contents = vec![Bytes::copy_from_slice(bytes)];
    })
}

fn case(name: &str, request: Request<Bytes>, class: Class) -> Case {
    (name.to_owned(), request, class)
}

fn class_of(answer: &RawAnswer) -> Class {
    match answer.http {
        200 => answer.code.map_or(Http(200), Call),
        other => Http(other),
    }
}

fn all() -> Vec<Case> {
    [
        tensors::of_models(),
        tensors::of_shapes(),
        tensors::of_inputs(),
        tensors::of_typed_values(),
        tensors::of_raw_values(),
        tensors::of_columns(),
        wire::of_bytes(),
        wire::of_frames(),
        wire::of_heads(),
        tensorflow::of_specs(),
        tensorflow::of_tensors(),
    ]
    .concat()
}

/// The server lives, and says what it said before.
fn check_health(caller: &Caller, after: &str) {
    let path = "/inference.GRPCInferenceService/ServerLive";
    let live: ServerLiveResponse = caller
        .call(path, ServerLiveRequest {})
        .unwrap_or_else(|status| panic!("after {after}: {status}"));
    assert!(live.live, "after {after}");
    let golden: ModelInferResponse = caller
        .call(INFER, raw_request(&[3.0, 1.0]))
        .unwrap_or_else(|status| panic!("after {after}: {status}"));
    let bytes = golden.raw_output_contents[0].as_ref();
    let positive = f64::from_le_bytes(bytes[8..].try_into().expect("two values"));
    assert!(
        (positive - 0.880_797_077_977_882_3).abs() < 1e-12,
        "after {after}"
    );
}

// promise: serve.grpc-malformed
#[test]
fn each_malformed_call_gets_its_class_and_harms_nobody() {
    let caller = Caller::new(shared());
    let cases = all();
    let malformed = cases.iter().filter(|(.., class)| *class != GOOD).count();
    assert!(malformed >= 120, "{malformed}");
    let mut wrong = Vec::new();
    for (name, request, class) in cases {
        let answer = caller.send(request);
        let found = class_of(&answer);
        if found != class {
            wrong.push(format!(
                "{name}: {found:?} for {class:?}: {}",
                answer.message
            ));
        }
        if class != GOOD && matches!(class, Call(_)) {
            assert!(answer.headers.contains_key("mlwright-code"), "{name}");
            assert!(answer.message.len() <= 4000, "{name}");
        }
        check_health(&caller, &name);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Bytes on the wire that are no HTTP/2, or the beginning of it.
#[test]
fn garbage_on_the_wire_harms_nobody_else() {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let caller = Caller::new(shared());
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    for (name, bytes) in [
        ("zeros", vec![0; 64]),
        ("TLS", vec![0x16, 3, 1, 2, 0, 1, 0, 1]),
        ("half a preface", PREFACE[..10].to_vec()),
        ("a preface and garbage", [PREFACE, &[0xff; 64]].concat()),
        (
            "half a frame",
            [PREFACE, &settings, &[0, 1, 0, 1, 4, 0]].concat(),
        ),
        (
            "data of no stream",
            [PREFACE, &settings, &[0, 0, 1, 0, 0, 0, 0, 0, 0, 9]].concat(),
        ),
        (
            "headers that cannot be read",
            [PREFACE, &settings, &[0, 0, 2, 1, 5, 0, 0, 0, 1, 0xff, 0xff]].concat(),
        ),
        (
            "a frame too large",
            [PREFACE, &settings, &[255, 255, 255, 0, 0, 0, 0, 0, 1]].concat(),
        ),
    ] {
        let mut connection = shared().connect_grpc();
        // The server may close before all is written.
        let _ = connection.write_all(&bytes);
        let _ = connection.shutdown(std::net::Shutdown::Write);
        let _ = connection.read_to_end(&mut Vec::new());
        check_health(&caller, name);
    }
}
