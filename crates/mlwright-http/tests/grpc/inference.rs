//! The Open Inference Protocol over gRPC, called by tonic's client.

use bytes::Bytes;
use hyper::Request;
use serde_json::json;
use tonic::Code;

use super::caller::Caller;
use super::caller::wire::inference::infer_parameter::ParameterChoice;
use super::caller::wire::inference::model_infer_request::InferInputTensor;
use super::caller::wire::inference::{
    ModelInferRequest, ModelInferResponse, ModelReadyRequest, ModelReadyResponse,
    ModelStreamInferResponse, ServerLiveRequest, ServerLiveResponse,
};
use super::{shared, with_grpc};
use crate::stage::Stage;

pub(crate) const INFER: &str = "/inference.GRPCInferenceService/ModelInfer";
const STREAM: &str = "/inference.GRPCInferenceService/ModelStreamInfer";

fn input(datatype: &str, shape: &[i64]) -> InferInputTensor {
    InferInputTensor {
        name: "input".to_owned(),
        datatype: datatype.to_owned(),
        shape: shape.to_vec(),
        ..InferInputTensor::default()
    }
}

/// A request of rows of two numbers each.
pub(crate) fn raw_request(values: &[f32]) -> ModelInferRequest {
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    ModelInferRequest {
        model_name: "matrix".to_owned(),
        id: "r1".to_owned(),
        inputs: vec![input("FP32", &[values.len() as i64 / 2, 2])],
        raw_input_contents: vec![bytes.into()],
        ..ModelInferRequest::default()
    }
}

fn floats(bytes: &[u8]) -> Vec<f64> {
    bytes
        .as_chunks::<8>()
        .0
        .iter()
        .map(|piece| f64::from_le_bytes(*piece))
        .collect()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

// promise: serve.grpc
#[test]
fn raw_tensors_are_answered_raw() {
    let caller = Caller::new(shared());
    let answer: ModelInferResponse = caller
        .call(INFER, raw_request(&[3.0, 1.0, 1.0, 3.0]))
        .expect("an answer");
    assert_eq!(
        (answer.model_name.as_str(), answer.id.as_str()),
        ("matrix", "r1")
    );
    assert_eq!(answer.outputs[0].shape, [2, 2]);
    assert_eq!(answer.outputs[0].contents, None);
    let found = floats(&answer.raw_output_contents[0]);
    let p = sigmoid(2.0);
    for (found, wanted) in found.iter().zip([1.0 - p, p, p, 1.0 - p]) {
        assert!((found - wanted).abs() < 1e-12, "{found} {wanted}");
    }
    let Some(ParameterChoice::StringParam(variant)) =
        &answer.parameters["variant"].parameter_choice
    else {
        panic!("no variant");
    };
    assert_eq!(variant, "champion");
}

#[test]
fn health_is_open_and_models_are_named() {
    let caller = Caller::new(shared());
    let live: ServerLiveResponse = caller
        .call(
            "/inference.GRPCInferenceService/ServerLive",
            ServerLiveRequest {},
        )
        .expect("an answer");
    assert!(live.live);
    let unknown = ModelReadyRequest {
        name: "nobody".to_owned(),
        ..ModelReadyRequest::default()
    };
    let status = caller
        .call::<_, ModelReadyResponse>("/inference.GRPCInferenceService/ModelReady", unknown)
        .expect_err("unknown");
    assert_eq!(status.code(), Code::NotFound);
    assert_eq!(
        status.metadata().get("mlwright-code").expect("a code"),
        "model.unknown"
    );
}

#[test]
fn a_stream_answers_each_message_and_outlives_a_bad_one() {
    let caller = Caller::new(shared());
    let bad = ModelInferRequest {
        id: "bad".to_owned(),
        ..raw_request(&[1.0, 2.0, 3.0])
    };
    let requests = vec![raw_request(&[3.0, 1.0]), bad, raw_request(&[1.0, 3.0])];
    let (answers, status): (Vec<ModelStreamInferResponse>, _) = caller.stream(STREAM, requests);
    assert_eq!((answers.len(), status.code()), (3, Code::Ok));
    assert!(
        answers[1].error_message.contains("binary bytes"),
        "{answers:?}"
    );
    let ids = answers.iter().map(|answer| {
        answer
            .infer_response
            .as_ref()
            .expect("a response")
            .id
            .as_str()
    });
    assert_eq!(ids.collect::<Vec<_>>(), ["r1", "bad", "r1"]);
    assert!(answers[2].error_message.is_empty());
}

#[test]
fn a_compressed_message_is_refused_and_says_what_is_read() {
    let caller = Caller::new(shared());
    let request = Request::post(INFER)
        .header("content-type", "application/grpc")
        .header("grpc-encoding", "gzip")
        .header("x-request-id", "r-17")
        .body(Bytes::from_static(&[1, 0, 0, 0, 1, 0]))
        .expect("a request");
    let answer = caller.send(request);
    assert_eq!((answer.http, answer.code), (200, Some(Code::Unimplemented)));
    assert!(answer.message.contains("compressed"), "{}", answer.message);
    assert_eq!(answer.headers["grpc-accept-encoding"], "identity");
    assert_eq!(answer.headers["x-request-id"], "r-17");
}

// promise: serve.sheds
#[test]
fn a_stream_goes_on_after_a_message_for_which_there_is_no_time() {
    const MESSAGES: usize = 6;
    let stage = Stage::start(|config| {
        with_grpc(config);
        config["limits"] = json!({"queue_ms": 1});
    });
    let rows = vec![1.0; 8_000];
    let requests = || {
        let named = |number: usize| ModelInferRequest {
            id: number.to_string(),
            ..raw_request(&rows)
        };
        (0..MESSAGES).map(named).collect::<Vec<_>>()
    };
    let ask = || Caller::new(&stage).stream::<_, ModelStreamInferResponse>(STREAM, requests());
    let streams: Vec<_> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..12).map(|_| scope.spawn(ask)).collect();
        callers
            .into_iter()
            .map(|caller| caller.join().expect("answers"))
            .collect()
    });
    let (mut good, mut refused) = (0, 0);
    for (answers, status) in streams {
        assert_eq!((status.code(), answers.len()), (Code::Ok, MESSAGES));
        for (number, answer) in answers.into_iter().enumerate() {
            let response = answer.infer_response.expect("a response");
            assert_eq!(response.id, number.to_string());
            if answer.error_message.is_empty() {
                assert_eq!(response.model_name, "matrix");
                good += 1;
            } else {
                assert_eq!(response.model_name, "");
                refused += 1;
            }
        }
    }
    assert!(good > 0 && refused > 0, "{good} good, {refused} refused");
}
