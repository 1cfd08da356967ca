//! Requests in the way of `SageMaker`, Vertex AI, Azure ML and `MLflow`.

use mlwright_serve::log::{Cursor, read_predictions};
use serde_json::{Value, json};

use crate::shared;
use crate::stage::{Answer, Stage};

const ENDPOINT: &str = "/endpoints/production/invocations";
const INSTANCES: &str = r#"{"instances":[{"amount":150,"kind":"a"},{"amount":50,"kind":"b"}]}"#;

fn post(path: &str, headers: &str, body: &str) -> Answer {
    shared().ask_with_headers("POST", path, headers, body)
}

fn classes(answer: &Answer) -> Vec<i64> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let answer = answer.json();
    let rows = answer["predictions"].as_array().expect("a list");
    rows.iter()
        .filter_map(|row| row["prediction"].as_i64())
        .collect()
}

// promise: serve.sagemaker
// promise: serve.inference-id
#[test]
fn an_endpoint_answers_json_and_names_the_variant_that_did() {
    let headers = "content-type: application/json\r\n\
        x-amzn-sagemaker-target-variant: champion\r\n\
        x-amzn-sagemaker-inference-id: order-7\r\n\
        x-amzn-sagemaker-custom-attributes: trace=abc\r\n";
    let answer = post(ENDPOINT, headers, INSTANCES);
    assert_eq!(classes(&answer), [1, 0]);
    assert_eq!(
        answer.header("x-amzn-invoked-production-variant"),
        Some("champion")
    );
    assert_eq!(
        answer.header("x-amzn-sagemaker-custom-attributes"),
        Some("trace=abc")
    );
    assert_eq!(
        answer.header("x-amzn-sagemaker-inference-id"),
        Some("order-7")
    );
    let (log, _) = read_predictions(&shared().log("production"), &Cursor::new()).expect("readable");
    let named = log.inference_id.iter().filter(|id| *id == "order-7");
    assert_eq!(named.count(), 2, "one for each row");
    assert_eq!(shared().ask("GET", "/ping", "").status, 200);
    for (path, headers, status) in [
        (ENDPOINT, "x-amzn-sagemaker-target-variant: nobody\r\n", 404),
        (ENDPOINT, "x-amzn-sagemaker-target-model: matrix\r\n", 404),
        (
            ENDPOINT,
            "x-amzn-sagemaker-target-model: fraud.tar.gz\r\n",
            200,
        ),
        (
            "/invocations",
            "x-amzn-sagemaker-target-model: fraud\r\n",
            200,
        ),
        (
            "/invocations",
            "x-amzn-sagemaker-target-model: nothing\r\n",
            404,
        ),
        ("/endpoints/nothing/invocations", "", 404),
        ("/invocations", "", 400),
        (ENDPOINT, "content-type: text/plain\r\n", 415),
    ] {
        assert_eq!(
            post(path, headers, INSTANCES).status,
            status,
            "{path} {headers}"
        );
    }
}

// promise: serve.csv
#[test]
fn tables_are_read_by_column_order_or_by_header() {
    let csv = "content-type: text/csv\r\n";
    let named = "content-type: text/csv; header=present\r\n";
    assert_eq!(classes(&post(ENDPOINT, csv, "150,a\n50,b\n")), [1, 0]);
    assert_eq!(classes(&post(ENDPOINT, csv, "150,\"a\"\r\n")), [1]);
    assert_eq!(
        classes(&post(ENDPOINT, named, "kind,customer,amount\na,c7,150\n")),
        [1]
    );
    let answer = post(
        ENDPOINT,
        &format!("{csv}accept: text/csv\r\n"),
        "100,a\n50,b\n",
    );
    assert_eq!(
        answer.header("content-type"),
        Some("text/csv; charset=utf-8")
    );
    assert!(answer.body.starts_with("1,0.5\n0,"), "{}", answer.body);
    let matrix = post("/endpoints/tensors/invocations", csv, "3,3\n5,5\n");
    assert_eq!(
        matrix.json(),
        json!({"predictions": [[0.5, 0.5], [0.5, 0.5]]})
    );
    for (headers, body, status, code) in [
        (csv, "150", 400, "request.shape"),
        (csv, "150,a,x", 400, "request.shape"),
        (csv, "150,a\n50", 400, "request.shape"),
        (csv, "", 400, "request.shape"),
        (csv, "\"150\",a", 422, "contract.type"),
        (csv, "+150,a", 422, "contract.type"),
        (csv, "nan,a", 422, "contract.type"),
        (csv, ",a", 422, "contract.null"),
        (csv, "150,", 422, "contract.null"),
        (csv, "150,z", 422, "contract.level"),
        (named, "kind,amount\n", 400, "request.shape"),
        (
            named,
            "kind,amount,what\na,150,1\n",
            422,
            "contract.unknown-column",
        ),
        (named, "kind,kind,amount\na,a,150\n", 400, "request.json"),
    ] {
        let answer = post(ENDPOINT, headers, body);
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (status, &json!(code)),
            "{body:?}: {}",
            answer.body
        );
    }
    let words = post("/endpoints/tensors/invocations", csv, "3,x\n");
    assert_eq!(words.status, 400, "{}", words.body);
}

// promise: serve.vertex
#[test]
fn vertex_finds_its_routes_and_says_its_own_of_the_answer() {
    let body = r#"{"instances":[{"amount":150,"kind":"a"}],"parameters":{"x":1}}"#;
    let path = "/v1/projects/p/locations/europe-west1/endpoints/production:predict";
    let answer = shared().ask("POST", path, body);
    assert_eq!(classes(&answer), [1]);
    assert_eq!(answer.json()["deployedModelId"], "champion");
    assert_eq!(answer.json()["modelVersionId"], "1");
    let stage = Stage::start(|config| {
        config["container"] =
            json!({"health_route": "/alive", "predict_route": "/v1/endpoints/1:predict"});
    });
    assert_eq!(
        stage.ask("GET", "/alive", "").json(),
        json!({"ready": true})
    );
    let answer = stage.ask("POST", "/v1/endpoints/1:predict", body);
    assert_eq!(
        answer.status, 400,
        "three deployments, none named: {}",
        answer.body
    );
    assert_eq!(stage.ask("POST", "/alive", "").status, 404);
}

// promise: serve.azure
#[test]
fn azure_names_the_variant_in_its_own_header() {
    let frame = json!({"input_data": {"columns": ["kind", "amount"], "index": [0, 1], "data": [["a", 150], ["b", 50]]}});
    // `/score` names no deployment, and this server has three.
    assert_eq!(
        shared().ask("POST", "/score", &frame.to_string()).status,
        400
    );
    assert_eq!(shared().ask("GET", "/", "").json(), json!({"live": true}));
}

// promise: serve.mlflow-scoring
#[test]
fn data_frames_are_read_as_mlflow_sends_them() {
    let split = |frame: Value| json!({"dataframe_split": frame}).to_string();
    let good = split(json!({"columns": ["kind", "amount"], "data": [["a", 150], ["b", 50]]}));
    assert_eq!(classes(&post(ENDPOINT, "", &good)), [1, 0]);
    let records = r#"{"dataframe_records":[{"amount":150,"kind":"a"}]}"#;
    assert_eq!(classes(&post(ENDPOINT, "", records)), [1]);
    for frame in [
        json!([]),
        json!({"columns": ["kind"]}),
        json!({"data": [["a"]]}),
        json!({"columns": ["kind", "amount"], "data": [["a"]]}),
        json!({"columns": ["kind", "kind"], "data": [["a", "b"]]}),
        json!({"columns": ["kind", 1], "data": [["a", 1]]}),
        json!({"columns": ["kind", "amount"], "data": [1]}),
        json!({"columns": [], "data": []}),
    ] {
        let answer = post(ENDPOINT, "", &split(frame.clone()));
        assert_eq!(answer.status, 400, "{frame}: {}", answer.body);
    }
    let tensorflow = shared().ask("POST", "/v1/models/fraud:predict", records);
    assert_eq!(tensorflow.status, 400, "only where it belongs");
    let twice = r#"{"instances":[],"dataframe_records":[]}"#;
    assert_eq!(post(ENDPOINT, "", twice).status, 400);
}

#[test]
fn a_server_of_one_deployment_needs_no_name() {
    let stage = Stage::start(|_| ());
    stage.serve_only_production(2);
    for path in ["/invocations", "/predict", "/score"] {
        let answer = stage.ask("POST", path, INSTANCES);
        assert_eq!(classes(&answer), [1, 0], "{path}");
    }
    let frame = r#"{"input_data":{"columns":["kind","amount"],"data":[["a",150]]}}"#;
    let headers = "azureml-model-deployment: champion\r\n";
    let answer = stage.ask_with_headers("POST", "/score", headers, frame);
    assert_eq!(classes(&answer), [1]);
    assert_eq!(answer.header("azureml-model-deployment"), Some("champion"));
    let headers = "azureml-model-deployment: green\r\n";
    assert_eq!(
        stage
            .ask_with_headers("POST", "/score", headers, frame)
            .status,
        404
    );
}

// promise: serve.sagemaker
#[test]
fn callers_who_sign_their_requests_hand_the_token_in_a_header_of_its_own() {
    let stage = Stage::start(|config| config["token"] = json!("a-token-of-these-tests"));
    let signed = "authorization: AWS4-HMAC-SHA256 Credential=x\r\n";
    assert_eq!(
        stage
            .ask_with_headers("POST", ENDPOINT, signed, INSTANCES)
            .status,
        401
    );
    let right = format!("{signed}x-mlwright-token: a-token-of-these-tests\r\n");
    assert_eq!(
        stage
            .ask_with_headers("POST", ENDPOINT, &right, INSTANCES)
            .status,
        200
    );
    let wrong = format!("{signed}x-mlwright-token: a-token-of-those-tests\r\n");
    assert_eq!(
        stage
            .ask_with_headers("POST", ENDPOINT, &wrong, INSTANCES)
            .status,
        401
    );
    assert_eq!(stage.ask("GET", "/ping", "").status, 200);
}
