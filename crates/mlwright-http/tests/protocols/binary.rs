//! Triton's binary tensors.

use serde_json::{Value, json};

use crate::shared;
use crate::stage::Answer;

const INFER: &str = "/v2/models/matrix/infer";
const COLUMNS: &str = "/v2/models/fraud/infer";

fn ask(path: &str, document: &Value, raw: &[u8]) -> Answer {
    let text = document.to_string();
    ask_saying(path, &text.len().to_string(), &text, raw)
}

fn ask_saying(path: &str, length: &str, text: &str, raw: &[u8]) -> Answer {
    let headers = format!(
        "inference-header-content-length: {length}\r\ncontent-type: application/octet-stream\r\n"
    );
    let body = [text.as_bytes(), raw].concat();
    shared().ask_with_headers("POST", path, &headers, body)
}

fn input(datatype: &str, shape: &Value, size: usize) -> Value {
    json!({"name": "input", "datatype": datatype, "shape": shape, "parameters": {"binary_data_size": size}})
}

fn floats(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn texts(values: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for value in values {
        bytes.extend(u32::try_from(value.len()).expect("short").to_le_bytes());
        bytes.extend(value.as_bytes());
    }
    bytes
}

/// The rows [3, 1] and [1, 3] as float32.
fn rows(parameters: &Value) -> Answer {
    let document = json!({"inputs": [input("FP32", &json!([2, 2]), 16)], "parameters": parameters});
    ask(INFER, &document, &floats(&[3.0, 1.0, 1.0, 3.0]))
}

// promise: serve.binary-tensors
#[test]
fn binary_tensors_get_the_answer_of_json_in_the_form_that_is_asked_for() {
    let body = r#"{"inputs":[{"name":"input","datatype":"FP32","shape":[2,2],"data":[3,1,1,3]}]}"#;
    let expected = shared().ask("POST", INFER, body).json()["outputs"][0]["data"].clone();
    let answer = rows(&json!({}));
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["outputs"][0]["data"], expected);
    assert_eq!(answer.header("inference-header-content-length"), None);

    let answer = rows(&json!({"binary_data_output": true}));
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(
        answer.header("content-type"),
        Some("application/octet-stream")
    );
    let length = answer
        .header("inference-header-content-length")
        .expect("a length");
    let (document, raw) = answer.bytes.split_at(length.parse().expect("a number"));
    let document: Value = serde_json::from_slice(document).expect("JSON");
    let output = &document["outputs"][0];
    assert_eq!(output["parameters"], json!({"binary_data_size": 32}));
    assert_eq!(
        (&output["datatype"], output.get("data")),
        (&json!("FP64"), None)
    );
    let numbers: Vec<f64> = raw
        .chunks_exact(8)
        .map(|bytes| f64::from_le_bytes(bytes.try_into().expect("eight")))
        .collect();
    assert_eq!(json!(numbers), expected);
}

#[test]
fn outputs_are_binary_one_by_one() {
    let document = json!({
        "inputs": [
            {"name": "amount", "datatype": "FP64", "shape": [2], "parameters": {"binary_data_size": 16}},
            {"name": "kind", "datatype": "BYTES", "shape": [2, 1], "parameters": {"binary_data_size": 10}}],
        "outputs": [
            {"name": "score", "parameters": {"binary_data": false}},
            {"name": "prediction"}],
        "parameters": {"binary_data_output": true}});
    let mut raw: Vec<u8> = [150.0_f64, 50.0]
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    raw.extend(texts(&["a", "b"]));
    let answer = ask(COLUMNS, &document, &raw);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let length = answer
        .header("inference-header-content-length")
        .expect("a length");
    let (document, raw) = answer.bytes.split_at(length.parse().expect("a number"));
    let document: Value = serde_json::from_slice(document).expect("JSON");
    assert_eq!(document["outputs"][0]["name"], "score");
    assert_eq!(
        document["outputs"][0]["data"].as_array().map(Vec::len),
        Some(2)
    );
    assert_eq!(document["outputs"][1]["parameters"]["binary_data_size"], 16);
    assert_eq!(raw, [1_i64.to_le_bytes(), 0_i64.to_le_bytes()].concat());
}

#[test]
fn every_number_type_is_read() {
    let one: [(&str, &[u8]); 13] = [
        ("FP32", &1_f32.to_le_bytes()),
        ("FP64", &1_f64.to_le_bytes()),
        ("FP16", &[0x00, 0x3c]),
        ("BF16", &[0x80, 0x3f]),
        ("INT8", &[1]),
        ("INT16", &[1, 0]),
        ("INT32", &[1, 0, 0, 0]),
        ("INT64", &[1, 0, 0, 0, 0, 0, 0, 0]),
        ("UINT8", &[1]),
        ("UINT16", &[1, 0]),
        ("UINT32", &[1, 0, 0, 0]),
        ("UINT64", &[1, 0, 0, 0, 0, 0, 0, 0]),
        ("BOOL", &[1]),
    ];
    for (datatype, bytes) in one {
        let raw = [bytes, bytes].concat();
        let document = json!({"inputs": [input(datatype, &json!([1, 2]), raw.len())]});
        let answer = ask(INFER, &document, &raw);
        if datatype == "BOOL" {
            assert_eq!(answer.status, 400, "a matrix model takes numbers");
            continue;
        }
        assert_eq!(answer.status, 200, "{datatype}: {}", answer.body);
        assert_eq!(
            answer.json()["outputs"][0]["data"],
            json!([0.5, 0.5]),
            "{datatype}"
        );
    }
}

#[test]
fn nan_is_a_missing_value_and_infinity_is_refused() {
    let ask_one = |value: f32| {
        let document = json!({"inputs": [input("FP32", &json!([1, 2]), 8)]});
        ask(INFER, &document, &floats(&[value, 1.0]))
    };
    let null = r#"{"inputs":[{"name":"input","datatype":"FP32","shape":[1,2],"data":[null,1]}]}"#;
    let null = shared().ask("POST", INFER, null);
    let missing = ask_one(f32::NAN);
    assert_eq!(missing.status, null.status, "{}", missing.body);
    assert_eq!(missing.json()["outputs"], null.json()["outputs"]);
    for value in [f32::INFINITY, f32::NEG_INFINITY] {
        assert_eq!(ask_one(value).status, 400);
    }
    let document = json!({"inputs": [
        {"name": "amount", "datatype": "FP32", "shape": [1], "parameters": {"binary_data_size": 4}}]});
    let answer = ask(COLUMNS, &document, &floats(&[f32::NAN]));
    assert_eq!(
        answer.status, 422,
        "the contract allows no null: {}",
        answer.body
    );
}

#[test]
fn malformed_binary_bodies_are_refused() {
    let good = json!({"inputs": [input("FP32", &json!([1, 2]), 8)]}).to_string();
    let length = good.len().to_string();
    let raw = floats(&[1.0, 2.0]);
    assert_eq!(ask_saying(INFER, &length, &good, &raw).status, 200);
    for wrong in [
        "",
        "-1",
        "+5",
        "x",
        "1e2",
        "99999999999999999999",
        "100000",
        "0x10",
    ] {
        let answer = ask_saying(INFER, wrong, &good, &raw);
        assert_eq!(answer.status, 400, "{wrong}: {}", answer.body);
    }
    let twice = format!("{length}\r\ninference-header-content-length: {length}");
    assert_eq!(ask_saying(INFER, &twice, &good, &raw).status, 400);
    for short in [0, 5] {
        assert_eq!(
            ask_saying(INFER, &short.to_string(), &good, &raw).status,
            400
        );
    }
    for raw in [&raw[..7], &[&raw[..], b"x"].concat(), b""] {
        assert_eq!(
            ask_saying(INFER, &length, &good, raw).status,
            400,
            "{raw:?}"
        );
    }
    let cases = [
        input("FP32", &json!([1, 2]), 7),
        input("FP32", &json!([1, 3]), 8),
        input("FP32", &json!([2, 2]), 8),
        input("FP64", &json!([1, 2]), 8),
        input("COMPLEX", &json!([1, 2]), 8),
        input("FP32", &json!([1_u64 << 62, 8]), 8),
        input("FP32", &json!([4_294_967_296_u64, 4_294_967_296_u64]), 8),
        input("FP32", &json!([-1, -2]), 8),
        input("BYTES", &json!([1, 2]), 8),
        input("BYTES", &json!([1_000_000_000, 2]), 8),
        json!({"name": "input", "datatype": "FP32", "shape": [1, 2], "parameters": {"binary_data_size": -8}}),
        json!({"name": "input", "datatype": "FP32", "shape": [1, 2], "parameters": {"binary_data_size": "8"}}),
        json!({"name": "input", "datatype": "FP32", "shape": [1, 2], "parameters": {"binary_data_size": 8.5}}),
        json!({"name": "input", "datatype": "FP32", "shape": [1, 2], "parameters": [8]}),
        json!({"name": "input", "datatype": "FP32", "shape": [1, 2], "data": [1, 2], "parameters": {"binary_data_size": 8}}),
        json!({"name": "input", "datatype": "FP32", "shape": [1, 2]}),
        json!({"name": "input", "datatype": "FP32", "shape": [1, 2], "parameters": {"shared_memory_region": "r"}}),
    ];
    for case in cases {
        let answer = ask(INFER, &json!({"inputs": [case]}), &raw);
        assert!(
            [400, 413].contains(&answer.status),
            "{case}: {}",
            answer.body
        );
        assert_eq!(answer.json()["error"], answer.json()["message"]);
    }
    let body = json!({"inputs": [input("FP32", &json!([1, 2]), 8)]}).to_string();
    assert_eq!(
        shared().ask("POST", INFER, &body).status,
        400,
        "no bytes follow"
    );
}

#[test]
fn malformed_texts_are_refused() {
    let kind = |size: usize| {
        json!({"inputs": [
            {"name": "amount", "datatype": "FP64", "shape": [1], "data": [150]},
            {"name": "kind", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": size}}]})
    };
    assert_eq!(ask(COLUMNS, &kind(5), &texts(&["a"])).status, 200);
    let cases: [&[u8]; 6] = [
        b"",
        b"\x01\0\0",
        b"\x02\0\0\0a",
        b"\x01\0\0\0ab",
        b"\xff\xff\xff\xffa",
        b"\x01\0\0\0\xff",
    ];
    for raw in cases {
        let answer = ask(COLUMNS, &kind(raw.len()), raw);
        assert_eq!(answer.status, 400, "{raw:?}: {}", answer.body);
    }
}

#[test]
fn wanted_outputs_are_named_once_and_known() {
    let cases = [
        json!([{"name": "nothing"}]),
        json!([{"name": "probabilities"}, {"name": "probabilities"}]),
        json!([{"name": "probabilities", "parameters": {"binary_data": 1}}]),
        json!([{"name": "probabilities", "parameters": {"classification": 2}}]),
        json!([{"parameters": {"binary_data": true}}]),
    ];
    for wanted in cases {
        let document = json!({"inputs": [input("FP32", &json!([1, 2]), 8)], "outputs": wanted});
        let answer = ask(INFER, &document, &floats(&[1.0, 2.0]));
        assert_eq!(answer.status, 400, "{wanted}: {}", answer.body);
    }
}
