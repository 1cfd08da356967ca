//! Calls of TensorFlow Serving that are wrong.

use bytes::Bytes;
use prost::Message;

use super::super::caller::wire::tensorflow::serving::model_spec::VersionChoice;
use super::super::caller::wire::tensorflow::serving::{
    ClassificationRequest, GetModelMetadataRequest, ModelSpec, PredictRequest,
};
use super::super::caller::wire::tensorflow::{DataType, TensorProto, TensorShapeProto};
use super::super::tensorflow;
use super::{Case, Class, GOOD, INVALID, MISSING, case, framed, post};

/// A good request with the change of a case.
fn predict(name: &str, change: fn(&mut PredictRequest), class: Class) -> Case {
    let mut request = tensorflow::request(TensorProto {
        float_val: vec![3.0, 1.0],
        ..tensorflow::tensor(DataType::DtFloat, &[1, 2])
    });
    change(&mut request);
    let body = framed(&request.encode_to_vec());
    case(name, post(tensorflow::PREDICT, body), class)
}

fn input(request: &mut PredictRequest) -> &mut TensorProto {
    request.inputs.get_mut("input").expect("an input")
}

fn shape(request: &mut PredictRequest) -> &mut TensorShapeProto {
    input(request).tensor_shape.as_mut().expect("a shape")
}

fn spec(request: &mut PredictRequest) -> &mut ModelSpec {
    request.model_spec.as_mut().expect("a spec")
}

pub(crate) fn of_specs() -> Vec<Case> {
    let metadata = GetModelMetadataRequest {
        model_spec: Some(tensorflow::spec("matrix")),
        metadata_field: vec!["other".to_owned()],
    };
    let classify = ClassificationRequest {
        model_spec: Some(tensorflow::spec("matrix")),
        input: None,
    };
    vec![
        predict("good tensor", |_| (), GOOD),
        predict("no model_spec", |r| r.model_spec = None, INVALID),
        predict(
            "unknown signature",
            |r| spec(r).signature_name = "other".to_owned(),
            INVALID,
        ),
        predict(
            "version -1",
            |r| spec(r).version_choice = Some(VersionChoice::Version(-1)),
            MISSING,
        ),
        predict(
            "unknown label",
            |r| spec(r).version_choice = Some(VersionChoice::VersionLabel("x".to_owned())),
            MISSING,
        ),
        case(
            "examples missing",
            post(tensorflow::CLASSIFY, framed(&classify.encode_to_vec())),
            INVALID,
        ),
        case(
            "unknown metadata",
            post(tensorflow::METADATA, framed(&metadata.encode_to_vec())),
            INVALID,
        ),
    ]
}

pub(crate) fn of_tensors() -> Vec<Case> {
    vec![
        predict("no inputs", |r| r.inputs.clear(), INVALID),
        predict("no dtype", |r| input(r).dtype = 0, INVALID),
        predict("a dtype that is none", |r| input(r).dtype = 999, INVALID),
        predict("no shape", |r| input(r).tensor_shape = None, INVALID),
        predict("an unknown rank", |r| shape(r).unknown_rank = true, INVALID),
        predict("a negative size", |r| shape(r).dim[0].size = -1, INVALID),
        predict(
            "an overflowing shape",
            |r| shape(r).dim[0].size = i64::MAX,
            INVALID,
        ),
        predict(
            "more values than the shape",
            |r| input(r).float_val.push(1.0),
            INVALID,
        ),
        predict("no values", |r| input(r).float_val.clear(), INVALID),
        predict(
            "values of another type",
            |r| input(r).dtype = DataType::DtDouble as i32,
            INVALID,
        ),
        predict(
            "content beside values",
            |r| input(r).tensor_content = Bytes::from_static(&[0; 8]),
            INVALID,
        ),
        predict(
            "content of another size",
            |r| {
                input(r).float_val.clear();
                input(r).tensor_content = Bytes::from_static(&[0; 7]);
            },
            INVALID,
        ),
        predict(
            "texts as content",
            |r| {
                input(r).float_val.clear();
                input(r).dtype = DataType::DtString as i32;
                input(r).tensor_content = Bytes::from_static(&[0; 8]);
            },
            INVALID,
        ),
        predict(
            "an unknown output",
            |r| r.output_filter = vec!["other".to_owned()],
            INVALID,
        ),
    ]
}
