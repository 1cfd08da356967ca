//! Behaviour of the server at its sockets.

mod grpc;
mod overload;
mod protocols;
mod stage;

use std::io::{Read, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use mlwright_http::{ServerConfig, ServerError};
use mlwright_serve::log::{Cursor, read_feedback, read_predictions};
use serde_json::{Value, json};
use stage::{ADMIN_TOKEN, Stage, corrupt, read_answer};

/// A server for tests that only ask.
pub(crate) fn shared() -> &'static Stage {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    STAGE.get_or_init(|| Stage::start(|_| ()))
}

const PREDICT: &str = "/v1/predict/production";
const INFER: &str = "/v2/models/matrix/infer";
const INSTANCES: &str = "/v1/models/matrix:predict";
const GOOD: &str = r#"{"rows":[{"amount":150,"kind":"a","customer":"c7"}]}"#;

fn tensor(change: impl FnOnce(&mut Value)) -> String {
    let mut input =
        json!({"name": "input", "datatype": "FP64", "shape": [2, 2], "data": [3.0, 1.0, 1.0, 3.0]});
    change(&mut input);
    json!({"inputs": [input]}).to_string()
}

#[test]
fn a_prediction_is_answered_and_logged_with_its_input() {
    let stage = Stage::start(|_| ());
    let answer = stage.ask("POST", PREDICT, GOOD).json();
    let prediction = &answer["predictions"][0];
    assert_eq!(
        (&prediction["prediction"], &prediction["variant"]),
        (&json!(1), &json!("champion"))
    );
    assert_eq!(
        (&prediction["model"], &prediction["version"]),
        (&json!("fraud"), &json!(1))
    );
    let id = prediction["id"].as_str().expect("an id");
    let (logged, _) = read_predictions(&stage.log("production"), &Cursor::new()).expect("a log");
    assert_eq!(logged.id, [id]);
    assert_eq!(logged.unit, ["c7"]);
    assert_eq!(
        logged.input,
        [r#"{"amount":150,"kind":"a","customer":"c7"}"#]
    );
    let told = stage.ask(
        "POST",
        "/v1/feedback",
        &json!([{"id": id, "label": 1}]).to_string(),
    );
    assert_eq!(told.status, 200);
    let (labels, _) = read_feedback(&stage.log("_feedback"), &Cursor::new()).expect("a log");
    assert_eq!(
        (labels.id, labels.value),
        (vec![id.to_owned()], vec!["1".to_owned()])
    );
}

#[test]
fn a_tensor_is_logged_row_by_row() {
    let stage = Stage::start(|_| ());
    let answer = stage.ask("POST", INFER, &tensor(|_| ())).json();
    assert_eq!(answer["outputs"][0]["shape"], json!([2, 2]));
    stage.ask(
        "POST",
        INFER,
        r#"{"inputs":[{"name":"input","datatype":"FP64","shape":[1,2],"data":[ 5, 1 ]}]}"#,
    );
    let (logged, _) = read_predictions(&stage.log("tensors"), &Cursor::new()).expect("a log");
    assert_eq!(logged.input, ["[3.0,1.0]", "[1.0,3.0]", "[ 5, 1 ]"]);
    assert_eq!(
        json!(logged.id[..2]),
        answer["parameters"]["prediction_ids"]
    );
}

#[test]
fn every_form_of_a_tensor_gets_the_same_answer() {
    let stage = shared();
    let probabilities = |body: &str, path: &str| {
        let answer = stage.ask("POST", path, body);
        assert_eq!(answer.status, 200, "{body}: {}", answer.body);
        let answer = answer.json();
        let flat = |rows: &Value| -> Vec<f64> {
            let rows = rows.as_array().expect("a list");
            rows.iter()
                .flat_map(|row| row.as_array().expect("a list"))
                .filter_map(Value::as_f64)
                .collect()
        };
        match answer.get("outputs") {
            Some(outputs) if outputs[0].get("data").is_some() => outputs[0]["data"]
                .as_array()
                .expect("a list")
                .iter()
                .filter_map(Value::as_f64)
                .collect(),
            Some(outputs) => flat(outputs),
            None => flat(&answer["predictions"]),
        }
    };
    let expected = probabilities(&tensor(|_| ()), INFER);
    assert_eq!(expected.len(), 4);
    let nested = tensor(|input| input["data"] = json!([[3.0, 1.0], [1.0, 3.0]]));
    let integers = tensor(|input| {
        input["datatype"] = json!("INT64");
        input["data"] = json!([3, 1, 1, 3]);
    });
    for body in [&nested, &integers] {
        assert_eq!(probabilities(body, INFER), expected, "{body}");
    }
    for body in [
        r#"{"instances":[[3,1],[1,3]]}"#,
        r#"{"instances":[{"input":[3,1]},{"input":[1,3]}]}"#,
        r#"{"inputs":[[3,1],[1,3]]}"#,
        r#"{"inputs":{"input":[[3,1],[1,3]]},"signature_name":"serving_default"}"#,
    ] {
        assert_eq!(probabilities(body, INSTANCES), expected, "{body}");
    }
}

#[test]
fn single_precision_tensors_are_the_nearest_float32() {
    let ask = |datatype: &str, value: &str| {
        let body = format!(
            r#"{{"inputs":[{{"name":"input","datatype":"{datatype}","shape":[1,2],"data":[{value},0]}}]}}"#
        );
        shared().ask("POST", INFER, &body).json()["outputs"][0]["data"].clone()
    };
    assert_eq!(ask("FP32", "0.1"), ask("FP64", "0.10000000149011612"));
    assert_ne!(ask("FP32", "0.1"), ask("FP64", "0.1"));
}

#[test]
fn what_is_no_good_request_is_refused_and_harms_nobody() {
    let stage = shared();
    let deep = "[".repeat(120) + &"]".repeat(120);
    for line in include_str!("refusals.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
    {
        let mut parts = line.splitn(4, ' ');
        let mut part = || parts.next().unwrap_or_default();
        let (path, status, code, body) = (part(), part(), part(), part());
        let body = match body {
            "deep" => deep.clone(),
            "bom" => format!("\u{feff}{GOOD}"),
            other => other.to_owned(),
        };
        let answer = stage.ask("POST", path, &body);
        let problem = answer.json();
        assert_eq!(
            (answer.status.to_string().as_str(), problem["code"].as_str()),
            (status, Some(code)),
            "{line}"
        );
        for field in ["hint", "message", "request_id"] {
            assert!(
                problem[field].as_str().is_some_and(|text| !text.is_empty()),
                "{line}"
            );
        }
        let is_foreign = path.starts_with("/v2") || path.starts_with("/v1/models");
        assert_eq!(problem.get("error").is_some(), is_foreign, "{line}");
        let good = stage.ask("POST", PREDICT, GOOD).json();
        assert_eq!(good["predictions"][0]["prediction"], 1);
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let mut connection = shared().connect();
    let request = |amount: u32| {
        let body = format!(r#"{{"row":{{"amount":{amount},"kind":"a"}}}}"#);
        format!(
            "POST {PREDICT} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let amounts = [50, 150, 7, 300, 99, 101];
    let all: String = amounts.iter().map(|amount| request(*amount)).collect();
    connection.write_all(all.as_bytes()).expect("sent");
    let mut received = Vec::new();
    for amount in amounts {
        let answer = read_answer(&mut connection, &mut received).json();
        assert_eq!(
            answer["predictions"][0]["prediction"],
            u32::from(amount > 100)
        );
    }
}

#[test]
fn a_body_in_chunks_is_read() {
    let mut connection = shared().connect();
    let head = format!("POST {PREDICT} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
    let chunks: Vec<String> = GOOD
        .chars()
        .map(|letter| format!("1\r\n{letter}\r\n"))
        .collect();
    let chunks = chunks.concat();
    connection
        .write_all(format!("{head}{chunks}0\r\n\r\n").as_bytes())
        .expect("sent");
    assert_eq!(read_answer(&mut connection, &mut Vec::new()).status, 200);
}

#[test]
fn a_body_over_the_limit_is_refused_and_the_caller_reads_why() {
    let stage = Stage::start(|config| {
        config["limits"] = json!({"body_bytes": 10_000, "body_timeout_ms": 200});
    });
    let announced = stage.ask("POST", PREDICT, &" ".repeat(4 << 20));
    assert_eq!(
        (announced.status, &announced.json()["code"]),
        (413, &json!("request.too-large"))
    );
    assert!(announced.head.contains("connection: close"));
    let mut connection = stage.connect();
    let head = format!("POST {PREDICT} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
    connection.write_all(head.as_bytes()).expect("sent");
    for _ in 0..200 {
        let chunk = format!("1000\r\n{}\r\n", " ".repeat(4096));
        connection
            .write_all(chunk.as_bytes())
            .expect("the server reads on");
    }
    assert_eq!(read_answer(&mut connection, &mut Vec::new()).status, 413);
    let mut slow = stage.connect();
    slow.write_all(
        format!("POST {PREDICT} HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{{").as_bytes(),
    )
    .expect("sent");
    assert_eq!(
        read_answer(&mut slow, &mut Vec::new()).json()["code"],
        "request.timeout"
    );
    assert_eq!(stage.ask("POST", PREDICT, GOOD).status, 200);
}

#[test]
fn more_rows_than_allowed_are_refused_on_every_route() {
    let stage = Stage::start(|config| config["limits"] = json!({"rows": 1}));
    let rows = r#"{"rows":[{"amount":1,"kind":"a"},{"amount":1,"kind":"a"}]}"#;
    for (path, body) in [
        (PREDICT, rows.to_owned()),
        (INFER, tensor(|_| ())),
        (INSTANCES, r#"{"instances":[[1,2],[3,4]]}"#.to_owned()),
        (
            INSTANCES,
            r#"{"inputs":{"input":[[1,2],[3,4]]}}"#.to_owned(),
        ),
    ] {
        let answer = stage.ask("POST", path, &body);
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (413, &json!("request.too-large")),
            "{path}"
        );
    }
}

#[test]
fn bodies_share_a_bound_on_memory() {
    let stage = Stage::start(|config| config["limits"] = json!({"held_bytes": 100}));
    let answer = stage.ask("POST", PREDICT, &format!("{GOOD}{}", " ".repeat(200)));
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (503, &json!("server.overloaded"))
    );
    assert!(answer.head.contains("retry-after: 1"));
    assert_eq!(stage.ask("POST", PREDICT, GOOD).status, 200);
}

#[test]
fn callers_and_operators_need_their_tokens() {
    let token = "token-of-the-callers";
    let stage = Stage::start(|config| config["token"] = json!(token));
    assert_eq!(
        stage.ask("POST", PREDICT, GOOD).json()["code"],
        "request.unauthorised"
    );
    for wrong in [
        "",
        "authorization: Bearer \r\n",
        "authorization: Bearer token-of-the-callerz\r\n",
    ] {
        assert_eq!(
            stage.ask_with_headers("POST", PREDICT, wrong, GOOD).status,
            401
        );
    }
    let right = format!("authorization: Bearer {token}\r\n");
    assert_eq!(
        stage.ask_with_headers("POST", PREDICT, &right, GOOD).status,
        200
    );
    for path in ["/v2/health/live", "/v2/health/ready", "/v2", "/healthz"] {
        assert_eq!(stage.ask("GET", path, "").status, 200, "{path}");
    }
    for path in ["/metrics", "/v2/models/fraud", "/v1/models/fraud"] {
        assert_eq!(stage.ask("GET", path, "").status, 401, "{path}");
        assert_eq!(
            stage.ask_with_headers("GET", path, &right, "").status,
            200,
            "{path}"
        );
    }
    assert_eq!(
        stage
            .ask_with_headers("GET", "/admin/status", &right, "")
            .status,
        404
    );
    assert_eq!(stage.ask_admin("GET", "/admin/status", token).status, 401);
    assert_eq!(
        stage.ask_admin("GET", "/admin/status", ADMIN_TOKEN).json()["epoch"],
        1
    );
}

#[test]
fn without_a_token_only_the_loopback_is_served() {
    let config = json!({"host": "0.0.0.0", "port": 0, "token": null, "admin_token": ADMIN_TOKEN, "document": "d",
        "packages": "p", "log": "l", "server_file": "s"});
    let config = ServerConfig::from_json(&config.to_string()).expect("well formed");
    assert!(matches!(
        mlwright_http::run(&config),
        Err(ServerError::Bind(_))
    ));
}

#[test]
fn swaps_under_load_fail_no_request_and_a_corrupt_package_changes_nothing() {
    let stage = Stage::start(|_| ());
    let (first, second) = (stage.columns_package(100.0), stage.columns_package(10.0));
    let (third, matrix) = (stage.columns_package(1.0), stage.matrix_package());
    corrupt(&stage.package_folder(&third).join("model.linear.json"));
    let (is_over, answered) = (AtomicBool::new(false), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| ask_until(&stage, &is_over, &answered));
        }
        for epoch in 2..40_u32 {
            let before = answered.load(Ordering::Relaxed);
            let digest = if epoch % 2 == 0 { &second } else { &first };
            let version = 1 + u32::from(epoch % 2 == 0);
            stage.write_document(
                u64::from(epoch),
                &[("champion", version, digest, 1.0)],
                &matrix,
            );
            let reload = stage.ask_admin("POST", "/admin/reload", ADMIN_TOKEN);
            assert_eq!(reload.json(), json!({"epoch": epoch, "applied": true}));
            while answered.load(Ordering::Relaxed) < before + 50 {
                std::thread::yield_now();
            }
        }
        stage.write_document(40, &[("champion", 3, &third, 1.0)], &matrix);
        let refused = stage.ask_admin("POST", "/admin/reload", ADMIN_TOKEN).json();
        assert_eq!(
            (&refused["epoch"], &refused["applied"]),
            (&json!(39), &json!(false))
        );
        assert!(
            refused["error"]
                .as_str()
                .is_some_and(|text| text.contains("model.linear.json"))
        );
        is_over.store(true, Ordering::Relaxed);
    });
    assert_eq!(
        stage.ask("POST", PREDICT, GOOD).json()["predictions"][0]["version"],
        1
    );
    let status = stage.ask_admin("GET", "/admin/status", ADMIN_TOKEN).json();
    assert!(
        status["last_error"]
            .as_str()
            .is_some_and(|text| text.contains("model.linear.json"))
    );
    let (logged, _) = read_predictions(&stage.log("production"), &Cursor::new()).expect("a log");
    assert!(logged.id.len() > answered.load(Ordering::Relaxed) as usize);
}

/// Ask over one connection for amount = 50, of which version 1 says 0 and version 2 says 1.
fn ask_until(stage: &Stage, is_over: &AtomicBool, answered: &AtomicU32) {
    let body = r#"{"row":{"amount":50,"kind":"a"}}"#;
    let request = format!(
        "POST {PREDICT} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let (mut connection, mut received) = (stage.connect(), Vec::new());
    while !is_over.load(Ordering::Relaxed) {
        connection.write_all(request.as_bytes()).expect("sent");
        let answer = read_answer(&mut connection, &mut received);
        assert_eq!(answer.status, 200, "{}", answer.body);
        let prediction = &answer.json()["predictions"][0];
        assert_eq!(
            json!(prediction["prediction"].as_u64().map(|class| class + 1)),
            prediction["version"]
        );
        answered.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn broken_http_is_refused_and_harms_nobody() {
    let stage = shared();
    for bytes in [
        &b"\x00\x01\x02\r\n\r\n"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/feedback HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST /v1/feedback HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabc",
    ] {
        let mut connection = stage.connect();
        connection.write_all(bytes).expect("sent");
        let mut answer = Vec::new();
        // A reset after the refusal is as good as an end.
        let _ = connection.read_to_end(&mut answer);
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{answer:?}");
        assert_eq!(stage.ask("POST", PREDICT, GOOD).status, 200);
    }
}

#[test]
fn names_and_metadata_follow_the_document() {
    let stage = shared();
    let by_deployment = stage.ask("GET", "/v2/models/tensors", "").json();
    assert_eq!(by_deployment["versions"], json!(["4"]));
    assert_eq!(
        by_deployment["inputs"],
        json!([{"name": "input", "datatype": "FP64", "shape": [-1, 2]}])
    );
    assert_eq!(
        stage.ask("GET", "/v2/models/matrix/versions/4", "").json()["outputs"],
        by_deployment["outputs"]
    );
    let columns = stage.ask("GET", "/v2/models/fraud", "").json();
    assert_eq!(
        columns["inputs"][1],
        json!({"name": "kind", "datatype": "BYTES", "shape": [-1]})
    );
    let served = stage.ask("GET", "/v1/models/fraud", "").json();
    assert_eq!(served["model_version_status"][0]["state"], "AVAILABLE");
    let metrics = stage.ask("GET", "/metrics", "").body;
    assert!(
        metrics.contains("mlwright_deployment_epoch 1\n"),
        "{metrics}"
    );
}
