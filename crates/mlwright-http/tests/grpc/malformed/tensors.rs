//! Models, shapes, tensors and columns of the Open Inference Protocol that are wrong.

use bytes::Bytes;
use hyper::Request;
use prost::Message;
use tonic::Code;

use super::super::caller::wire::inference::model_infer_request::{
    InferInputTensor, InferRequestedOutputTensor,
};
use super::super::caller::wire::inference::{InferTensorContents, ModelInferRequest};
use super::Class::Call;
use super::{
    Case, GOOD, INFER, INVALID, MISSING, case, contents, framed, post, raw, raw_request, typed,
};

pub(crate) fn of_models() -> Vec<Case> {
    let version = |version: &'static str, class| {
        let request = typed(|request| request.model_version = version.to_owned());
        (format!("version {version:?}"), request, class)
    };
    vec![
        case("nothing", post(INFER, framed(&[])), MISSING),
        case(
            "unknown model",
            typed(|r| r.model_name = "nobody".to_owned()),
            MISSING,
        ),
        case(
            "name of a megabyte",
            typed(|r| r.model_name = "x".repeat(1 << 20)),
            MISSING,
        ),
        case(
            "name with NUL",
            typed(|r| r.model_name = "matrix\0".to_owned()),
            MISSING,
        ),
        version("4", GOOD),
        version("9", MISSING),
        version("-1", MISSING),
        version("4 ", MISSING),
        version("+4", MISSING),
        version("x", MISSING),
        version("99999999999999999999", MISSING),
        case("id with NUL", typed(|r| r.id = "\0".to_owned()), INVALID),
        case(
            "id of a megabyte",
            typed(|r| r.id = "x".repeat(1 << 20)),
            GOOD,
        ),
    ]
}

pub(crate) fn of_shapes() -> Vec<Case> {
    let shape = |sizes: &[i64], class| {
        let request = typed(|request| request.inputs[0].shape = sizes.to_vec());
        (format!("shape {sizes:?}"), request, class)
    };
    vec![
        shape(&[], INVALID),
        shape(&[2], INVALID),
        shape(&[2, 1], INVALID),
        shape(&[1, 1], INVALID),
        shape(&[1, 3], INVALID),
        shape(&[1, 2, 1], INVALID),
        shape(&[0, 2], INVALID),
        shape(&[1, 0], INVALID),
        shape(&[-1, 2], INVALID),
        shape(&[-1, -2], INVALID),
        shape(&[i64::MIN, 2], INVALID),
        shape(&[i64::MAX, i64::MAX], INVALID),
        shape(&[1 << 62, 4], INVALID),
        shape(&[16, (1 << 60) + 2], INVALID),
        shape(&[1 << 32, 1 << 32], INVALID),
        shape(&[1; 17], INVALID),
        shape(&[1; 10_000], INVALID),
    ]
}

pub(crate) fn of_inputs() -> Vec<Case> {
    let named = |name: &str| typed(|request| request.inputs[0].name = name.to_owned());
    let output = |names: &[&str]| {
        let wanted = names.iter().map(|name| InferRequestedOutputTensor {
            name: (*name).to_owned(),
            ..InferRequestedOutputTensor::default()
        });
        typed(|request| request.outputs = wanted.collect())
    };
    vec![
        case("no inputs", typed(|r| r.inputs.clear()), INVALID),
        case("unknown input", named("other"), INVALID),
        case("input without a name", named(""), INVALID),
        case(
            "input with a name of a megabyte",
            named(&"n".repeat(1 << 20)),
            INVALID,
        ),
        case(
            "input twice",
            typed(|r| r.inputs.push(r.inputs[0].clone())),
            INVALID,
        ),
        case(
            "100 inputs of one name",
            typed(|r| r.inputs = vec![r.inputs[0].clone(); 100]),
            INVALID,
        ),
        case(
            "an input too many",
            typed(|r| {
                let mut other = r.inputs[0].clone();
                other.name = "other".to_owned();
                r.inputs.push(other);
            }),
            INVALID,
        ),
        case(
            "more fields than any message has",
            post(INFER, framed(&[0x2a, 0].repeat(70_000))),
            Call(Code::ResourceExhausted),
        ),
        case(
            "more texts than any tensor has",
            post(INFER, framed(&many_texts())),
            Call(Code::ResourceExhausted),
        ),
        case("known output", output(&["probabilities"]), GOOD),
        case("unknown output", output(&["other"]), INVALID),
        case("output without a name", output(&[""]), INVALID),
        case(
            "output twice",
            output(&["probabilities", "probabilities"]),
            INVALID,
        ),
    ]
}

/// A tensor of more than four million empty texts in eight megabytes.
fn many_texts() -> Vec<u8> {
    let contents = [0x42, 0].repeat((4 << 20) + 1);
    let wrap = |field: u8, inside: &[u8]| {
        let mut out = vec![field << 3 | 2];
        prost::encoding::encode_varint(inside.len() as u64, &mut out);
        [out, inside.to_vec()].concat()
    };
    wrap(5, &wrap(5, &contents))
}

pub(crate) fn of_typed_values() -> Vec<Case> {
    let datatype = |word: &str, class| {
        let request = typed(|request| request.inputs[0].datatype = word.to_owned());
        let word: String = word.chars().take(20).collect();
        (format!("FP64 values as {word:?}"), request, class)
    };
    let value = |value: f64, class| {
        let request = typed(|request| contents(request).fp64_contents[1] = value);
        (format!("value {value}"), request, class)
    };
    vec![
        datatype("", INVALID),
        datatype("fp64", INVALID),
        datatype("FP8", INVALID),
        datatype("TYPE_FP64", INVALID),
        datatype(&"F".repeat(1 << 20), INVALID),
        datatype("FP32", INVALID),
        datatype("INT64", INVALID),
        datatype("BOOL", INVALID),
        datatype("BYTES", INVALID),
        datatype("FP16", INVALID),
        value(f64::INFINITY, INVALID),
        value(f64::NEG_INFINITY, INVALID),
        // Missing, as null is in JSON: the kernel knows what to do.
        value(f64::NAN, GOOD),
        value(1e308, GOOD),
        case(
            "no contents",
            typed(|r| r.inputs[0].contents = None),
            INVALID,
        ),
        case(
            "contents of two types",
            typed(|r| contents(r).fp32_contents = vec![1.0]),
            INVALID,
        ),
        case(
            "too few values",
            typed(|r| contents(r).fp64_contents.truncate(1)),
            INVALID,
        ),
        case(
            "too many values",
            typed(|r| contents(r).fp64_contents.push(1.0)),
            INVALID,
        ),
        case(
            "UINT64 over 63 bits",
            typed(|r| {
                r.inputs[0].datatype = "UINT64".to_owned();
                *contents(r) = InferTensorContents {
                    uint64_contents: vec![1, u64::MAX],
                    ..InferTensorContents::default()
                };
            }),
            INVALID,
        ),
        case(
            "INT8 over 8 bits",
            typed(|r| {
                r.inputs[0].datatype = "INT8".to_owned();
                *contents(r) = InferTensorContents {
                    int_contents: vec![1, 128],
                    ..InferTensorContents::default()
                };
            }),
            INVALID,
        ),
        case(
            "texts for numbers",
            typed(|r| {
                r.inputs[0].datatype = "BYTES".to_owned();
                *contents(r) = InferTensorContents {
                    bytes_contents: vec!["1".into(), "2".into()],
                    ..InferTensorContents::default()
                };
            }),
            INVALID,
        ),
        case(
            "flags for numbers",
            typed(|r| {
                r.inputs[0].datatype = "BOOL".to_owned();
                *contents(r) = InferTensorContents {
                    bool_contents: vec![true, false],
                    ..InferTensorContents::default()
                };
            }),
            INVALID,
        ),
    ]
}

pub(crate) fn of_raw_values() -> Vec<Case> {
    let two = [3.0_f64, 1.0].map(f64::to_le_bytes).concat();
    let pair =
        |request: &mut ModelInferRequest| request.raw_input_contents = vec![two.clone().into(); 2];
    vec![
        case("raw FP64", raw("FP64", &two), GOOD),
        case("raw FP16", raw("FP16", &[0, 0x42, 0, 0x3c]), GOOD),
        case("raw bytes missing", raw("FP64", &[]), INVALID),
        case("a raw byte too few", raw("FP64", &two[1..]), INVALID),
        case("a raw byte too many", raw("FP32", &[0; 9]), INVALID),
        case("raw bytes of another size", raw("FP32", &two), INVALID),
        case(
            "raw infinity",
            raw("FP32", &[f32::INFINITY, 1.0].map(f32::to_le_bytes).concat()),
            INVALID,
        ),
        case(
            "raw NaN is a missing value",
            raw("FP32", &[f32::NAN, 1.0].map(f32::to_le_bytes).concat()),
            GOOD,
        ),
        case("raw BOOL of 2", raw("BOOL", &[1, 2]), INVALID),
        case(
            "raw UINT64 over 63 bits",
            raw("UINT64", &[255; 16]),
            INVALID,
        ),
        case("raw of an unknown datatype", raw("INT4", &[0]), INVALID),
        case("raw text cut in its length", raw("BYTES", &[1, 0]), INVALID),
        case(
            "raw text longer than the bytes",
            raw("BYTES", &[255; 8]),
            INVALID,
        ),
        case(
            "raw text that is no UTF-8",
            raw("BYTES", &[1, 0, 0, 0, 0xff, 0, 0, 0, 0]),
            INVALID,
        ),
        case(
            "raw and typed contents",
            typed(|r| r.raw_input_contents = vec![two.clone().into()]),
            INVALID,
        ),
        case(
            "two raws for one input",
            typed(|r| {
                r.inputs[0].contents = None;
                pair(r);
            }),
            INVALID,
        ),
        case(
            "one raw for two inputs",
            typed(|r| {
                r.inputs[0].contents = None;
                let mut other = r.inputs[0].clone();
                other.name = "other".to_owned();
                r.inputs.push(other);
                r.raw_input_contents = vec![two.clone().into()];
            }),
            INVALID,
        ),
        case(
            "raw without inputs",
            typed(|r| {
                r.inputs.clear();
                pair(r);
            }),
            INVALID,
        ),
        case(
            "more rows than the limit",
            raw_rows(100_001),
            Call(Code::ResourceExhausted),
        ),
        case(
            "raw of an overflowing shape",
            typed(|r| {
                r.inputs[0].contents = None;
                r.inputs[0].shape = vec![1 << 61, 8];
                r.raw_input_contents = vec![Bytes::new()];
            }),
            INVALID,
        ),
    ]
}

fn raw_rows(rows: usize) -> Request<Bytes> {
    post(
        INFER,
        framed(&raw_request(&vec![1.0; rows * 2]).encode_to_vec()),
    )
}

/// Columns against a contract: `amount` at most a million, `kind` one of `a` and `b`.
pub(crate) fn of_columns() -> Vec<Case> {
    let column = |name: &str, datatype: &str, contents: InferTensorContents| InferInputTensor {
        name: name.to_owned(),
        datatype: datatype.to_owned(),
        shape: vec![1],
        contents: Some(contents),
        ..InferInputTensor::default()
    };
    let amount = |value: f64| {
        column(
            "amount",
            "FP64",
            InferTensorContents {
                fp64_contents: vec![value],
                ..InferTensorContents::default()
            },
        )
    };
    let kind = |text: &[u8]| {
        column(
            "kind",
            "BYTES",
            InferTensorContents {
                bytes_contents: vec![Bytes::copy_from_slice(text)],
                ..InferTensorContents::default()
            },
        )
    };
    let ask = |inputs: Vec<InferInputTensor>| {
        typed(|request| {
            request.model_name = "production".to_owned();
            request.inputs = inputs;
        })
    };
    let mut long = amount(1.0);
    long.shape = vec![2];
    let mut other = kind(b"a");
    other.name = "other".to_owned();
    vec![
        case("good columns", ask(vec![amount(150.0), kind(b"a")]), GOOD),
        case(
            "a number beyond its limits",
            ask(vec![amount(2e6), kind(b"a")]),
            INVALID,
        ),
        case(
            "a level that is not listed",
            ask(vec![amount(1.0), kind(b"z")]),
            INVALID,
        ),
        case("a missing column", ask(vec![amount(1.0)]), INVALID),
        case(
            "an unknown column",
            ask(vec![amount(1.0), kind(b"a"), other]),
            INVALID,
        ),
        case(
            "a text that is no UTF-8",
            ask(vec![amount(1.0), kind(&[0xff])]),
            INVALID,
        ),
        case(
            "columns of different lengths",
            ask(vec![long, kind(b"a")]),
            INVALID,
        ),
        case(
            "a text for a number",
            ask(vec![
                column(
                    "amount",
                    "BYTES",
                    InferTensorContents {
                        bytes_contents: vec!["1".into()],
                        ..InferTensorContents::default()
                    },
                ),
                kind(b"a"),
            ]),
            INVALID,
        ),
    ]
}
