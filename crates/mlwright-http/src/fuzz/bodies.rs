//! What must hold of every body that the readers of rows, tensors and raw bytes take, however it was damaged.

use hyper::HeaderMap;
use hyper::header::HeaderValue;
use mlwright_fuzz::{Random, damage, for_each_seed};
use serde_json::Value;

use super::{CASES, LONG};
use crate::binary::{JSON_LENGTH, RawBytes};
use crate::errors::ApiError;
use crate::json::{Reader, Scalar};
use crate::rows::{RowKind, Rows};
use crate::tensor_values::{GivenTensor, read_tensors};

const ROWS: &[&str] = &[
    r#"[{"amount": 1.5, "kind": "a", "at": null}, {"amount": -2e3, "kind": "b", "at": "2024-01-05"}]"#,
    r#"[[1, 2.5, -3e-2], [4, null, 6], [true, "a", [1]]]"#,
    r#"[{"a": {"b": [1]}, "c": "\u00e9\ud83d\ude00"}, {}, []]"#,
];
const TENSORS: &[&str] = &[
    r#"[{"name": "x", "datatype": "FP64", "shape": [2, 2], "data": [[1, 2.5], [null, -4e3]]}]"#,
    r#"[{"name": "a", "datatype": "INT8", "shape": [2], "data": [127, -128]},
        {"name": "b", "datatype": "BYTES", "shape": [2, 1], "data": [["a"], ["\u00e9"]], "parameters": {}}]"#,
    r#"[{"name": "c", "datatype": "BOOL", "shape": [1, 1, 3], "data": [true, false, null]}]"#,
];
const RAW: &str = r#"[{"name": "x", "datatype": "FP32", "shape": [1, 2], "parameters": {"binary_data_size": 8}},
    {"name": "y", "datatype": "BYTES", "shape": [2], "parameters": {"binary_data_size": 10}},
    {"name": "z", "datatype": "UINT64", "shape": [1], "parameters": {"binary_data_size": 8}}]"#;
const RAW_BYTES: &[u8] =
    b"\x00\x00\x80\x3f\x00\x00\x00\x40\x01\x00\x00\x00a\x01\x00\x00\x00b\x07\0\0\0\0\0\0\0";

fn damaged(random: &mut Random, stock: &[&str]) -> Vec<u8> {
    let (body, other) = (*random.choose(stock), *random.choose(stock));
    damage(random, body.as_bytes(), other.as_bytes())
}

fn read_rows(body: &[u8]) -> Result<Rows<'_>, ApiError> {
    let mut reader = Reader::new(body, 100)?;
    let mut rows = Rows::default();
    rows.read_list(&mut reader, 1_000)?;
    reader.finish()?;
    Ok(rows)
}

/// The rows have the raw bytes, fields and numbers that `serde_json` finds in the body.
fn check_rows(body: &[u8]) -> bool {
    let Ok(rows) = read_rows(body) else {
        return false;
    };
    let shown = String::from_utf8_lossy(body);
    let wanted: Vec<Value> = serde_json::from_slice(body).expect("a list of JSON");
    assert_eq!(rows.kinds.len(), wanted.len(), "{shown}");
    for ((kind, raw), wanted) in rows.kinds.iter().zip(&rows.raw).zip(&wanted) {
        assert_eq!(
            serde_json::from_slice::<Value>(raw).ok().as_ref(),
            Some(wanted),
            "{shown}"
        );
        match (kind, wanted) {
            (RowKind::Object(range), Value::Object(wanted)) => {
                assert_eq!(range.len(), wanted.len(), "{shown}");
                let is_there = |place: usize| wanted.contains_key(rows.fields[place].key.as_ref());
                assert!(range.clone().all(is_there), "{shown}");
            }
            (RowKind::Numbers(range), Value::Array(wanted)) => {
                let numbers: Vec<_> = wanted.iter().filter_map(Value::as_f64).collect();
                assert_eq!(rows.numbers[range.clone()], numbers, "{shown}");
            }
            (RowKind::Values(range), Value::Array(wanted)) => {
                assert_eq!(range.len(), wanted.len(), "{shown}");
                assert!(!wanted.iter().all(Value::is_number), "{shown}");
            }
            _ => panic!("{kind:?} for {wanted}: {shown}"),
        }
    }
    true
}

fn read_inputs(body: &[u8], length: usize) -> Result<Vec<GivenTensor<'_>>, ApiError> {
    let headers = HeaderMap::from_iter([(JSON_LENGTH, HeaderValue::from(length))]);
    let (json, mut raw) = RawBytes::split(&headers, body)?;
    let mut reader = Reader::new(json, 100)?;
    let tensors = read_tensors(&mut reader, &mut raw)?;
    reader.finish()?;
    raw.finish()?;
    Ok(tensors)
}

/// A tensor has as many values as its shape says, all of its datatype, and its name once.
fn check_tensors(body: &[u8], raw: &[u8]) -> bool {
    let whole = [body, raw].concat();
    let Ok(tensors) = read_inputs(&whole, body.len()) else {
        return false;
    };
    for (place, tensor) in tensors.iter().enumerate() {
        assert_eq!(tensor.shape.iter().product::<usize>(), tensor.values.len());
        assert!(
            tensors[..place]
                .iter()
                .all(|other| other.name != tensor.name)
        );
        for value in tensor.values.scalars().iter() {
            let fits = match (tensor.datatype.word(), value) {
                (_, Scalar::Null) | ("BOOL", Scalar::Bool(_)) | ("BYTES", Scalar::Text(_)) => true,
                ("FP32" | "FP64", Scalar::Number(number)) => number.value.is_finite(),
                (word, Scalar::Number(number)) => {
                    word.contains("INT")
                        && number.integer.is_some_and(|integer| {
                            (integer as f64).to_bits() == (number.value + 0.0).to_bits()
                        })
                }
                _ => false,
            };
            assert!(fits, "{value:?} as {}", tensor.datatype.word());
        }
    }
    true
}

/// Run a check on damaged bodies; enough of them have to be taken for it to say something.
fn run(cases: u64, check: impl Fn(&mut Random) -> bool) {
    let taken = std::cell::Cell::new(0);
    for_each_seed(cases, |random| {
        taken.set(taken.get() + u64::from(check(random)));
    });
    assert!(
        taken.get() > cases / 50,
        "{} of {cases} were taken",
        taken.get()
    );
}

fn rows(cases: u64) {
    run(cases, |random| check_rows(&damaged(random, ROWS)));
}

fn tensors(cases: u64) {
    run(cases, |random| {
        check_tensors(&damaged(random, TENSORS), b"")
    });
}

fn raw(cases: u64) {
    run(cases, |random| {
        let is_body = random.below(3) == 0;
        let body = if is_body {
            damaged(random, &[RAW])
        } else {
            RAW.into()
        };
        check_tensors(
            &body,
            &if is_body {
                RAW_BYTES.to_vec()
            } else {
                damage(random, RAW_BYTES, RAW_BYTES)
            },
        )
    });
}

// promise: serve.fuzz-parsers
#[test]
fn rows_are_what_the_body_says() {
    assert!(ROWS.iter().all(|body| check_rows(body.as_bytes())));
    rows(CASES);
}

// promise: serve.fuzz-parsers
#[test]
fn tensors_hold_what_they_claim() {
    assert!(
        TENSORS
            .iter()
            .all(|body| check_tensors(body.as_bytes(), b""))
    );
    tensors(CASES);
}

// promise: serve.fuzz-parsers
#[test]
fn raw_tensors_hold_what_they_claim() {
    assert!(check_tensors(RAW.as_bytes(), RAW_BYTES));
    raw(CASES);
}

#[test]
#[ignore = "long"]
fn bodies_hold_what_they_claim_in_a_long_run() {
    rows(LONG);
    tensors(LONG);
    raw(LONG);
}
