//! Triton's configuration, statistics and repository over HTTP.

use serde_json::{Value, json};

use crate::shared;
use crate::stage::{ADMIN_TOKEN, Answer, Stage};

fn get(stage: &Stage, path: &str) -> Value {
    let answer = stage.ask("GET", path, "");
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.json()
}

fn change(path: &str, token: &str, body: &str) -> Answer {
    let headers = format!("authorization: Bearer {token}\r\n");
    shared().ask_with_headers("POST", path, &headers, body)
}

// promise: serve.triton
#[test]
fn configurations_name_the_tensors_without_the_batch() {
    let config = get(shared(), "/v2/models/tensors/config");
    assert_eq!(
        config["input"],
        json!([{"name": "input", "data_type": "TYPE_FP64", "dims": [2]}])
    );
    assert_eq!(config["name"], "tensors");
    assert!(config["max_batch_size"].as_u64() > Some(0));
    assert_eq!(
        config["version_policy"],
        json!({"specific": {"versions": [4]}})
    );
    let config = get(shared(), "/v2/models/production/versions/1/config");
    assert_eq!(
        config["input"][1],
        json!({"name": "kind", "data_type": "TYPE_STRING", "dims": [1]})
    );
    assert_eq!(config["output"][2]["dims"], json!([2]));
    for path in [
        "/v2/models/nothing/config",
        "/v2/models/tensors/versions/9/config",
    ] {
        let answer = shared().ask("GET", path, "");
        assert_eq!(answer.status, 404);
        assert!(answer.json()["error"].is_string());
    }
}

// promise: serve.triton
#[test]
fn statistics_count_rows_requests_and_their_time() {
    let stage = Stage::start(|_| ());
    let before = get(&stage, "/v2/models/tensors/stats");
    assert_eq!(before["model_stats"][0]["inference_count"], 0);
    assert_eq!(before["model_stats"][0]["last_inference"], 0);
    for _ in 0..3 {
        let body = r#"{"instances":[[3,1],[1,3]]}"#;
        assert_eq!(
            stage.ask("POST", "/v1/models/tensors:predict", body).status,
            200
        );
    }
    for path in [
        "/v2/models/tensors/stats",
        "/v2/models/matrix/stats",
        "/v2/models/tensors/versions/4/stats",
    ] {
        let stats = get(&stage, path)["model_stats"][0].clone();
        assert_eq!(
            (&stats["name"], &stats["version"]),
            (&json!("tensors"), &json!("4"))
        );
        assert_eq!(
            (&stats["inference_count"], &stats["execution_count"]),
            (&json!(6), &json!(3))
        );
        let times = &stats["inference_stats"];
        assert_eq!(times["success"]["count"], 3);
        assert_eq!(times["fail"]["count"], 0);
        let ns = |part: &str| times[part]["ns"].as_u64().expect("a number");
        assert!(ns("compute_infer") > 0);
        assert_eq!(ns("success"), ns("queue") + ns("compute_infer"));
        assert!(stats["last_inference"].as_u64() > Some(1_500_000_000_000));
    }
    let all = get(&stage, "/v2/models/stats")["model_stats"].clone();
    assert_eq!(all.as_array().map(Vec::len), Some(3));
}

// promise: serve.triton
#[test]
fn the_repository_lists_what_is_served_and_is_not_changed_by_callers() {
    let stage = shared();
    for body in ["", "{}", r#"{"ready":true}"#] {
        let answer = stage.ask("POST", "/v2/repository/index", body);
        assert_eq!(answer.status, 200, "{body}: {}", answer.body);
        let models = answer.json();
        assert_eq!(
            models[1],
            json!({"name": "tensors", "version": "4", "state": "READY", "reason": ""})
        );
    }
    for body in ["[]", r#"{"ready":1}"#, r#"{"other":true}"#, "{"] {
        assert_eq!(
            stage.ask("POST", "/v2/repository/index", body).status,
            400,
            "{body}"
        );
    }
    let (load, unload) = (
        "/v2/repository/models/tensors/load",
        "/v2/repository/models/tensors/unload",
    );
    for path in [load, unload] {
        assert_eq!(stage.ask("POST", path, "{}").status, 401);
        assert_eq!(change(path, "a-wrong-token-of-someone", "{}").status, 401);
    }
    for body in ["", "{}", r#"{"parameters":{}}"#] {
        assert_eq!(change(load, ADMIN_TOKEN, body).status, 200, "{body}");
    }
    let other = change(load, ADMIN_TOKEN, r#"{"parameters":{"config":"{}"}}"#);
    assert_eq!(
        (other.status, &other.json()["code"]),
        (409, &json!("deployment.fixed"))
    );
    assert_eq!(change(load, ADMIN_TOKEN, "[]").status, 400);
    assert_eq!(
        change("/v2/repository/models/nothing/load", ADMIN_TOKEN, "").status,
        404
    );
    let refused = change(unload, ADMIN_TOKEN, "{}");
    assert_eq!(refused.status, 409);
    assert_eq!(refused.json()["error"], refused.json()["message"]);
    assert_eq!(get(stage, "/v2/models/tensors/ready")["ready"], true);
}

#[test]
fn the_server_names_its_extensions_and_models() {
    let server = get(shared(), "/v2");
    let extensions = server["extensions"].as_array().expect("a list");
    assert!(extensions.contains(&json!("binary_tensor_data")));
    assert_eq!(
        get(shared(), "/v2/models"),
        json!({"models": ["production", "tensors", "values"]})
    );
}

// promise: serve.kserve
#[test]
fn the_name_of_the_model_may_stand_in_the_body_too() {
    let body = r#"{"model_name":"matrix","inputs":[{"name":"input","datatype":"FP64","shape":[1,2],"data":[1,1]}]}"#;
    let answer = shared().ask("POST", "/v2/models/matrix/infer", body);
    assert_eq!(answer.status, 200, "{}", answer.body);
}
