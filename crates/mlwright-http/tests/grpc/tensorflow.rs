//! TensorFlow Serving over gRPC, called by tonic's client.

use std::collections::BTreeMap;

use prost::Message;
use tonic::Code;

use super::caller::Caller;
use super::caller::wire::tensorflow::feature::Kind;
use super::caller::wire::tensorflow::serving::model_spec::VersionChoice;
use super::caller::wire::tensorflow::serving::{
    ClassificationRequest, ClassificationResponse, ExampleListWithContext, GetModelMetadataRequest,
    GetModelMetadataResponse, GetModelStatusRequest, GetModelStatusResponse, Input, ModelSpec,
    PredictRequest, PredictResponse, RegressionRequest, RegressionResponse, SignatureDefMap, input,
};
use super::caller::wire::tensorflow::tensor_shape_proto::Dim;
use super::caller::wire::tensorflow::{
    BytesList, DataType, Example, Feature, Features, FloatList, TensorProto, TensorShapeProto,
};
use super::shared;

pub(crate) const PREDICT: &str = "/tensorflow.serving.PredictionService/Predict";
pub(crate) const CLASSIFY: &str = "/tensorflow.serving.PredictionService/Classify";
const REGRESS: &str = "/tensorflow.serving.PredictionService/Regress";
pub(crate) const METADATA: &str = "/tensorflow.serving.PredictionService/GetModelMetadata";
const STATUS: &str = "/tensorflow.serving.ModelService/GetModelStatus";
const RELOAD: &str = "/tensorflow.serving.ModelService/HandleReloadConfigRequest";

pub(crate) fn spec(name: &str) -> ModelSpec {
    ModelSpec {
        name: name.to_owned(),
        ..ModelSpec::default()
    }
}

pub(crate) fn tensor(dtype: DataType, sizes: &[i64]) -> TensorProto {
    let dim = |size: &i64| Dim {
        size: *size,
        name: String::new(),
    };
    TensorProto {
        dtype: dtype as i32,
        tensor_shape: Some(TensorShapeProto {
            dim: sizes.iter().map(dim).collect(),
            unknown_rank: false,
        }),
        ..TensorProto::default()
    }
}

pub(crate) fn request(tensor: TensorProto) -> PredictRequest {
    PredictRequest {
        model_spec: Some(spec("matrix")),
        inputs: BTreeMap::from([("input".to_owned(), tensor)]),
        output_filter: Vec::new(),
    }
}

fn probabilities(request: PredictRequest) -> Vec<f64> {
    let caller = Caller::new(shared());
    let answer: PredictResponse = caller.call(PREDICT, request).expect("an answer");
    let version = answer.model_spec.expect("a spec").version_choice;
    assert_eq!(version, Some(VersionChoice::Version(4)));
    answer.outputs["probabilities"].double_val.clone()
}

// promise: serve.grpc-tensorflow
#[test]
fn values_and_raw_content_get_the_same_answer() {
    let listed = probabilities(request(TensorProto {
        float_val: vec![3.0, 1.0, 1.0, 3.0],
        ..tensor(DataType::DtFloat, &[2, 2])
    }));
    let bytes = [3.0_f32, 1.0, 1.0, 3.0].map(f32::to_le_bytes).concat();
    let raw = probabilities(request(TensorProto {
        tensor_content: bytes.into(),
        ..tensor(DataType::DtFloat, &[2, 2])
    }));
    assert_eq!(listed, raw);
    assert!((listed[1] - 0.880_797_077_977_882_3).abs() < 1e-12);
}

#[test]
fn values_that_repeat_may_be_left_out() {
    let short = probabilities(request(TensorProto {
        double_val: vec![3.0, 1.0],
        ..tensor(DataType::DtDouble, &[2, 2])
    }));
    assert_eq!(short[2..], [0.5, 0.5]);
}

fn feature(kind: Kind) -> Feature {
    Feature { kind: Some(kind) }
}

fn example(amount: f32) -> Example {
    let amount = feature(Kind::FloatList(FloatList {
        value: vec![amount],
    }));
    Example {
        features: Some(Features {
            feature: BTreeMap::from([("amount".to_owned(), amount)]),
        }),
    }
}

fn examples() -> Input {
    let kind = feature(Kind::BytesList(BytesList {
        value: vec!["a".into()],
    }));
    Input {
        kind: Some(input::Kind::ExampleListWithContext(
            ExampleListWithContext {
                examples: vec![example(150.0), example(50.0)],
                context: Some(Example {
                    features: Some(Features {
                        feature: BTreeMap::from([("kind".to_owned(), kind)]),
                    }),
                }),
            },
        )),
    }
}

#[test]
fn examples_are_classified_with_the_context_they_share() {
    let caller = Caller::new(shared());
    let request = ClassificationRequest {
        model_spec: Some(spec("production")),
        input: Some(examples()),
    };
    let answer: ClassificationResponse = caller.call(CLASSIFY, request).expect("an answer");
    let found = answer.result.expect("a result").classifications;
    let labels: Vec<&str> = found[0]
        .classes
        .iter()
        .map(|one| one.label.as_str())
        .collect();
    assert_eq!(labels, ["0", "1"]);
    assert!(found[0].classes[1].score > 0.99 && found[1].classes[1].score < 0.01);
    let status = caller
        .call::<_, RegressionResponse>(
            REGRESS,
            RegressionRequest {
                model_spec: Some(spec("production")),
                input: Some(examples()),
            },
        )
        .expect_err("no regression");
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[test]
fn status_and_signature_say_what_is_served() {
    let caller = Caller::new(shared());
    let status: GetModelStatusResponse = caller
        .call(
            STATUS,
            GetModelStatusRequest {
                model_spec: Some(spec("matrix")),
            },
        )
        .expect("an answer");
    assert_eq!(status.model_version_status[0].version, 4);
    assert_eq!(status.model_version_status[0].state, 30);
    let request = GetModelMetadataRequest {
        model_spec: Some(spec("matrix")),
        metadata_field: vec!["signature_def".to_owned()],
    };
    let answer: GetModelMetadataResponse = caller.call(METADATA, request).expect("an answer");
    let any = &answer.metadata["signature_def"];
    assert!(
        any.type_url
            .ends_with("/tensorflow.serving.SignatureDefMap")
    );
    let map = SignatureDefMap::decode(any.value.as_slice()).expect("signatures");
    let input = &map.signature_def["serving_default"].inputs["input"];
    assert_eq!(input.dtype, DataType::DtDouble as i32);
    let sizes = &input.tensor_shape.as_ref().expect("a shape").dim;
    assert_eq!(
        sizes.iter().map(|dim| dim.size).collect::<Vec<_>>(),
        [-1, 2]
    );
}

#[test]
fn callers_cannot_change_what_is_served() {
    let status = Caller::new(shared())
        .call::<_, GetModelStatusResponse>(RELOAD, GetModelStatusRequest::default())
        .expect_err("refused");
    assert_eq!(status.code(), Code::FailedPrecondition);
}
