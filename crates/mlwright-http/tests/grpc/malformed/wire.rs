//! Bytes, frames and heads that are wrong.

use bytes::Bytes;
use hyper::Request;
use prost::Message;
use tonic::Code;

use super::Class::{Call, Http};
use super::{Case, GOOD, INFER, INVALID, MISSING, case, framed, post, raw_request};

pub(crate) fn of_bytes() -> Vec<Case> {
    let message = |name: &str, bytes: &[u8]| case(name, post(INFER, framed(bytes)), INVALID);
    vec![
        message("bytes of ones", &[0xff; 16]),
        message("a key alone", &[0x0a]),
        message("a length beyond the message", &[0x0a, 0x7f, 0x41]),
        message("an endless varint", &[0x80; 32]),
        message("a field of number 0", &[0x02, 0x00]),
        message("a group", &[0x0b, 0x0c]),
        message("a wire type that is none", &[0x0f]),
        message("a number for a text", &[0x08, 0x01]),
        message("a name that is no UTF-8", &[0x0a, 0x01, 0xff]),
        message("JSON", br#"{"inputs":[]}"#),
        message("an input that is no message", &[0x2a, 0x02, 0xff, 0xff]),
        message(
            "floats of three bytes",
            &[0x2a, 0x07, 0x2a, 0x05, 0x32, 0x03, 0, 0, 0],
        ),
        case(
            "unknown fields alone",
            post(INFER, framed(&[0x98, 0x06, 0x01])),
            MISSING,
        ),
    ]
}

pub(crate) fn of_frames() -> Vec<Case> {
    let good = framed(&raw_request(&[3.0, 1.0]).encode_to_vec());
    let body = |name: &str, body: Vec<u8>, class| case(name, post(INFER, body), class);
    let flag = |flag: u8| [vec![flag], good[1..].to_vec()].concat();
    vec![
        body("no body", Vec::new(), INVALID),
        body("a flag alone", vec![0], INVALID),
        body("half a length", vec![0, 0, 0], INVALID),
        body("a head alone", vec![0, 0, 0, 0, 9], INVALID),
        body(
            "a message cut off",
            good[..good.len() - 1].to_vec(),
            INVALID,
        ),
        body(
            "a byte after the message",
            [&good[..], &[0]].concat(),
            INVALID,
        ),
        body("two messages", good.repeat(2), INVALID),
        body("a compressed message", flag(1), Call(Code::Unimplemented)),
        body("a flag that is none", flag(7), Call(Code::Unimplemented)),
        body(
            "a message of 4 GiB",
            vec![0, 255, 255, 255, 255, 0],
            Call(Code::ResourceExhausted),
        ),
    ]
}

pub(crate) fn of_heads() -> Vec<Case> {
    let good = framed(&raw_request(&[3.0, 1.0]).encode_to_vec());
    let with = |method: &str, path: &str, headers: &[(&str, &str)]| {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Bytes::from(good.clone())).expect("a request")
    };
    let kind = |value: &str, class| {
        (
            format!("content type {value:?}"),
            with("POST", INFER, &[("content-type", value)]),
            class,
        )
    };
    let timeout = |value: &str| {
        let headers = [
            ("content-type", "application/grpc"),
            ("grpc-timeout", value),
        ];
        (
            format!("grpc-timeout {value:?}"),
            with("POST", INFER, &headers),
            INVALID,
        )
    };
    let path = |path: &str| {
        (
            format!("path {path:?}"),
            post(path, good.clone()),
            Call(Code::Unimplemented),
        )
    };
    vec![
        kind("application/grpc", GOOD),
        kind("application/grpc+proto", GOOD),
        kind("application/grpc;charset=utf-8", GOOD),
        kind("application/grpc+json", Http(415)),
        kind("application/grpc-web", Http(415)),
        kind("application/json", Http(415)),
        kind("", Http(415)),
        case("no content type", with("POST", INFER, &[]), Http(415)),
        case(
            "GET",
            with("GET", INFER, &[("content-type", "application/grpc")]),
            Http(405),
        ),
        case(
            "PUT",
            with("PUT", INFER, &[("content-type", "application/grpc")]),
            Http(405),
        ),
        timeout(""),
        timeout("1"),
        timeout("-1S"),
        timeout("123456789S"),
        path("/"),
        path("/inference.GRPCInferenceService/"),
        path("/inference.GRPCInferenceService/modelInfer"),
        path("/inference.GRPCInferenceService/ModelInfer/"),
        path("/inference.GRPCInferenceService/SystemSharedMemoryStatus"),
        path("/nobody.Service/Call"),
    ]
}
