//! What holds for every call: token, deadline, limits, counters, drain, and what callers cannot change.

use std::io::{Read, Write};

use bytes::Bytes;
use hyper::Request;
use serde_json::json;
use tonic::Code;

use super::caller::Caller;
use super::caller::wire::inference::{
    ModelConfigRequest, ModelConfigResponse, ModelInferRequest, ModelInferResponse,
    ModelMetadataRequest, ModelMetadataResponse, ModelStatisticsRequest, ModelStatisticsResponse,
    RepositoryIndexRequest, RepositoryIndexResponse, RepositoryModelLoadRequest,
    RepositoryModelLoadResponse, RepositoryModelUnloadRequest, RepositoryModelUnloadResponse,
    ServerReadyRequest, ServerReadyResponse,
};
use super::inference::{INFER, raw_request};
use super::{shared, with_grpc};
use crate::stage::Stage;

const TOKEN: &str = "a-token-of-the-tests";
const READY: &str = "/inference.GRPCInferenceService/ServerReady";
const CONFIG: &str = "/inference.GRPCInferenceService/ModelConfig";
const METADATA: &str = "/inference.GRPCInferenceService/ModelMetadata";
const STATISTICS: &str = "/inference.GRPCInferenceService/ModelStatistics";
const INDEX: &str = "/inference.GRPCInferenceService/RepositoryIndex";
const LOAD: &str = "/inference.GRPCInferenceService/RepositoryModelLoad";
const UNLOAD: &str = "/inference.GRPCInferenceService/RepositoryModelUnload";

fn with_header<T>(message: T, name: &'static str, value: &str) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request
        .metadata_mut()
        .insert(name, value.parse().expect("a value"));
    request
}

// promise: serve.grpc-conduct
#[test]
fn predictions_need_the_token_and_probes_do_not() {
    let stage = Stage::start(|config| {
        with_grpc(config);
        config["token"] = json!(TOKEN);
    });
    let caller = Caller::new(&stage);
    let ready: ServerReadyResponse = caller.call(READY, ServerReadyRequest {}).expect("open");
    assert!(ready.ready);
    let infer = |request| {
        caller
            .call_with::<ModelInferRequest, ModelInferResponse>(INFER, request)
            .map_or_else(|status| status.code(), |_| Code::Ok)
    };
    let message = || raw_request(&[3.0, 1.0]);
    assert_eq!(infer(tonic::Request::new(message())), Code::Unauthenticated);
    for (value, code) in [
        ("Bearer wrong", Code::Unauthenticated),
        ("Bearer a-token-of-the-tests", Code::Ok),
        ("bearer a-token-of-the-tests", Code::Ok),
    ] {
        let request = with_header(message(), "authorization", value);
        assert_eq!(infer(request), code, "{value}");
    }
}

#[test]
fn a_deadline_that_has_passed_is_an_error() {
    let caller = Caller::new(shared());
    let request = Request::post(INFER)
        .header("content-type", "application/grpc")
        .header("grpc-timeout", "0n")
        .body(Bytes::new())
        .expect("a request");
    let answer = caller.send(request);
    assert_eq!(answer.code, Some(Code::DeadlineExceeded));
    assert_eq!(answer.headers["mlwright-code"], "request.deadline");
}

#[test]
fn a_message_over_the_limit_is_refused_by_its_length() {
    let stage = Stage::start(|config| {
        with_grpc(config);
        config["limits"] = json!({"body_bytes": 1000});
    });
    let caller = Caller::new(&stage);
    let frame = [&[0][..], &1001_u32.to_be_bytes(), &[0; 20]].concat();
    let request = Request::post(INFER)
        .header("content-type", "application/grpc")
        .body(Bytes::from(frame))
        .expect("a request");
    assert_eq!(caller.send(request).code, Some(Code::ResourceExhausted));
    let many = [1.0; 400];
    let status = caller
        .call::<_, ModelInferResponse>(INFER, raw_request(&many))
        .expect_err("too large");
    assert_eq!(status.code(), Code::ResourceExhausted);
}

#[test]
fn overload_says_when_to_come_again() {
    let stage = Stage::start(|config| {
        with_grpc(config);
        config["limits"] = json!({"in_flight": 0});
    });
    let status = Caller::new(&stage)
        .call::<_, ModelInferResponse>(INFER, raw_request(&[3.0, 1.0]))
        .expect_err("no room");
    assert_eq!(status.code(), Code::Unavailable);
    let trailer = |name| status.metadata().get(name).expect("a trailer");
    assert_eq!(trailer("grpc-retry-pushback-ms"), "1000");
    assert_eq!(trailer("mlwright-code"), "server.overloaded");
}

#[test]
fn calls_are_counted_by_method_and_code() {
    let stage = Stage::start(with_grpc);
    let caller = Caller::new(&stage);
    let good: Result<ModelInferResponse, _> = caller.call(INFER, raw_request(&[3.0, 1.0]));
    good.expect("an answer");
    let bad = caller.call::<_, ModelInferResponse>(INFER, ModelInferRequest::default());
    bad.expect_err("no model");
    let page = stage.ask("GET", "/metrics", "").body;
    for code in ["OK", "NOT_FOUND"] {
        let line = format!(
            "rpc_server_call_duration_seconds_count{{rpc_system_name=\"grpc\",\
            rpc_method=\"inference.GRPCInferenceService/ModelInfer\",rpc_response_status_code=\"{code}\"}} 1"
        );
        assert!(page.lines().any(|found| found == line), "{line}\n{page}");
    }
    assert!(!page.contains("ServerLive"), "{page}");
}

#[test]
fn models_are_described_and_cannot_be_changed() {
    let caller = Caller::new(shared());
    let name = || "matrix".to_owned();
    let request = ModelMetadataRequest {
        name: name(),
        version: "4".to_owned(),
    };
    let metadata: ModelMetadataResponse = caller.call(METADATA, request).expect("metadata");
    assert_eq!(metadata.versions, ["4"]);
    assert_eq!(metadata.inputs[0].shape, [-1, 2]);
    let request = ModelConfigRequest {
        name: name(),
        ..ModelConfigRequest::default()
    };
    let config: ModelConfigResponse = caller.call(CONFIG, request).expect("a configuration");
    let config = config.config.expect("a configuration");
    assert_eq!(
        (config.input[0].dims[0], config.input[0].data_type),
        (2, 12)
    );
    assert_eq!(config.max_batch_size, 100_000);
    let statistics: ModelStatisticsResponse = caller
        .call(STATISTICS, ModelStatisticsRequest::default())
        .expect("statistics");
    let index: RepositoryIndexResponse = caller
        .call(INDEX, RepositoryIndexRequest::default())
        .expect("an index");
    assert_eq!(index.models.len(), statistics.model_stats.len());
    assert!(index.models.iter().any(|model| model.name == "tensors"));
    let load = RepositoryModelLoadRequest {
        model_name: name(),
        ..RepositoryModelLoadRequest::default()
    };
    let loaded: Result<RepositoryModelLoadResponse, _> = caller.call(LOAD, load);
    loaded.expect("what is loaded is loaded");
    let unload = RepositoryModelUnloadRequest {
        model_name: name(),
        ..RepositoryModelUnloadRequest::default()
    };
    let status = caller
        .call::<_, RepositoryModelUnloadResponse>(UNLOAD, unload)
        .expect_err("refused");
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(
        status.metadata().get("mlwright-code").expect("a code"),
        "deployment.fixed"
    );
}

#[test]
fn the_port_for_predictions_speaks_http_2_without_being_asked() {
    let caller = Caller::of_predictions(shared());
    let request = Request::post("/v2/models/matrix/infer")
        .header("content-type", "application/json")
        .body(Bytes::from_static(
            br#"{"inputs":[{"name":"input","datatype":"FP64","shape":[1,2],"data":[3,1]}]}"#,
        ))
        .expect("a request");
    let answer = caller.send(request);
    assert_eq!(answer.http, 200);
    assert!(String::from_utf8_lossy(&answer.body).contains("\"model_version\":\"4\""));
    let unknown = Request::get("/nothing")
        .body(Bytes::new())
        .expect("a request");
    assert_eq!(caller.send(unknown).http, 404);
}

#[test]
fn a_caller_that_speaks_no_http_2_is_let_go() {
    let mut connection = shared().connect_grpc();
    connection
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .expect("written");
    let mut rest = Vec::new();
    // A reset is an end too.
    let _ = connection.read_to_end(&mut rest);
    assert!(rest.is_empty());
}
