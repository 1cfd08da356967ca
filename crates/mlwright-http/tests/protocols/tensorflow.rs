//! TensorFlow Serving over REST, and what `KServe`'s first protocol shares with it.

use serde_json::{Value, json};

use crate::shared;

fn ask(method: &str, path: &str, body: &Value) -> Value {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let answer = shared().ask(method, path, &body);
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.json()
}

fn refused(path: &str, body: &Value) -> (u16, Value) {
    let answer = shared().ask("POST", path, &body.to_string());
    (answer.status, answer.json()["error"].clone())
}

// promise: serve.tensorflow
#[test]
fn examples_are_classified_with_a_label_and_a_score_for_each_class() {
    let examples = json!({"signature_name": "serving_default", "context": {"kind": "a", "amount": 1},
        "examples": [{"amount": 150}, {"amount": [100]}, {}]});
    let answer = ask("POST", "/v1/models/fraud:classify", &examples);
    let result = answer["result"].as_array().expect("a list");
    assert_eq!(result.len(), 3);
    assert_eq!(result[1], json!([["0", 0.5], ["1", 0.5]]));
    assert_eq!(result[0][1][0], "1");
    assert!(result[0][1][1].as_f64() > Some(0.99));
    assert!(
        result[2][1][1].as_f64() < Some(0.01),
        "the context has the amount"
    );
    for path in [
        "/v1/models/fraud/versions/1:classify",
        "/v1/models/fraud/labels/champion:classify",
    ] {
        assert_eq!(ask("POST", path, &examples), answer, "{path}");
    }
    let matrix = json!({"examples": [{"input": [3, 3]}]});
    let answer = ask("POST", "/v1/models/matrix:classify", &matrix);
    assert_eq!(answer, json!({"result": [[["0", 0.5], ["1", 0.5]]]}));
    assert_eq!(
        ask(
            "POST",
            "/v1/models/fraud:classify",
            &json!({"examples": []})
        ),
        json!({"result": []})
    );
}

// promise: serve.tensorflow
#[test]
fn examples_of_a_regression_get_a_number_each() {
    let examples = json!({"examples": [{"amount": 1.5}, {"amount": [-1]}]});
    let answer = ask("POST", "/v1/models/price:regress", &examples);
    assert_eq!(answer, json!({"result": [2.5, 0.0]}));
    let answer = ask(
        "POST",
        "/v1/models/price:predict",
        &json!({"instances": [{"amount": 1}]}),
    );
    assert_eq!(answer["predictions"][0]["prediction"], 2.0);
}

#[test]
fn examples_that_do_not_fit_are_refused_with_an_error() {
    let good = json!({"examples": [{"amount": 1, "kind": "a"}]});
    let cases = [
        ("/v1/models/price:classify", good.clone(), 400),
        ("/v1/models/fraud:regress", good.clone(), 400),
        ("/v1/models/nothing:classify", good.clone(), 404),
        ("/v1/models/fraud/versions/9:classify", good.clone(), 404),
        ("/v1/models/fraud/labels/nobody:classify", good, 404),
        ("/v1/models/fraud:classify", json!([]), 400),
        ("/v1/models/fraud:classify", json!({}), 400),
        ("/v1/models/fraud:classify", json!({"examples": {}}), 400),
        ("/v1/models/fraud:classify", json!({"examples": [1]}), 400),
        (
            "/v1/models/fraud:classify",
            json!({"examples": [], "other": 1}),
            400,
        ),
        (
            "/v1/models/fraud:classify",
            json!({"examples": [], "context": [1]}),
            400,
        ),
        (
            "/v1/models/fraud:classify",
            json!({"examples": [{"amount": [1, 2], "kind": "a"}]}),
            422,
        ),
        (
            "/v1/models/fraud:classify",
            json!({"examples": [{"amount": {"b64": "AA=="}, "kind": "a"}]}),
            422,
        ),
        (
            "/v1/models/fraud:classify",
            json!({"examples": [{"amount": 1}]}),
            422,
        ),
    ];
    for (path, body, status) in cases {
        let (found, error) = refused(path, &body);
        assert_eq!(found, status, "{path} {body}: {error}");
        assert!(error.is_string(), "{path} {body}");
    }
}

// promise: serve.kserve
#[test]
fn the_status_of_a_model_says_versions_and_that_it_is_ready() {
    for path in [
        "/v1/models/fraud",
        "/v1/models/fraud/versions/1",
        "/v1/models/fraud/labels/champion",
    ] {
        let status = ask("GET", path, &Value::Null);
        assert_eq!(
            (&status["name"], &status["ready"]),
            (&json!("fraud"), &json!(true))
        );
        assert_eq!(
            status["model_version_status"],
            json!([{"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}])
        );
    }
    let models = ask("GET", "/v1/models", &Value::Null);
    assert_eq!(
        models,
        json!({"models": ["production", "tensors", "values"]})
    );
    assert_eq!(
        ask("GET", "/v2/health/live", &Value::Null),
        json!({"live": true})
    );
    assert_eq!(
        ask("GET", "/v2/health/ready", &Value::Null),
        json!({"ready": true})
    );
}

// promise: serve.tensorflow
#[test]
fn the_metadata_of_a_model_is_its_signature() {
    let metadata = ask("GET", "/v1/models/matrix/metadata", &Value::Null);
    assert_eq!(
        metadata["model_spec"],
        json!({"name": "matrix", "signature_name": "", "version": "4"})
    );
    let signature = &metadata["metadata"]["signature_def"]["signature_def"]["serving_default"];
    assert_eq!(signature["method_name"], "tensorflow/serving/predict");
    let shape = json!({"dim": [{"size": "-1", "name": ""}, {"size": "2", "name": ""}], "unknown_rank": false});
    assert_eq!(
        signature["inputs"]["input"],
        json!({"dtype": "DT_DOUBLE", "tensor_shape": shape, "name": "input"})
    );
}
