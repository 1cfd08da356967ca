//! Calls of TensorFlow Serving: `PredictionService` and `ModelService`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use mlwright_serve::Arrival;
use prost::Message as _;
use prost_types::Any;

use crate::errors::ApiError;
use crate::examples::{ExamplesRequest, Feature, Features, Scored, Wanted, score_examples};
use crate::grpc::scalars::{float, read_list, text, whole};
use crate::grpc::tensor_proto::{datatype_of, read_tensor, write_tensor};
use crate::grpc::wire;
use crate::grpc::wire::tensorflow::feature::Kind;
use crate::grpc::wire::tensorflow::serving::model_spec::VersionChoice;
use crate::grpc::wire::tensorflow::serving::model_version_status::State;
use crate::grpc::wire::tensorflow::serving::{
    Class, ClassificationRequest, ClassificationResponse, ClassificationResult, Classifications,
    GetModelMetadataRequest, GetModelMetadataResponse, GetModelStatusRequest,
    GetModelStatusResponse, Input, ModelSpec, ModelVersionStatus, PredictRequest, PredictResponse,
    Regression, RegressionRequest, RegressionResponse, RegressionResult, SignatureDefMap,
    StatusProto, input,
};
use crate::grpc::wire::tensorflow::tensor_shape_proto::Dim;
use crate::grpc::wire::tensorflow::{
    Example, SignatureDef, TensorInfo, TensorShapeProto, tensor_info,
};
use crate::infer::{InferRequest, WantedOutput, infer_tensors};
use crate::json::Scalar;
use crate::metadata::{TensorFacts, inputs, main_variant, outputs};
use crate::paths::Target;
use crate::predict::find_model;
use crate::shared::Shared;

/// The only signature; a request may leave it out.
const SIGNATURE: &str = "serving_default";
const SIGNATURE_DEF: &str = "signature_def";

/// Answer `PredictionService/Predict`.
pub(crate) async fn predict(
    shared: &Shared,
    request: &PredictRequest,
    arrival: Arrival,
) -> Result<PredictResponse, ApiError> {
    let target = target(request.model_spec.as_ref())?;
    let snapshot = shared.engine.snapshot();
    let deployment = find_model(&snapshot, target)?;
    let _permit = shared.admit(deployment)?;
    let tensors = request.inputs.iter();
    let wanted = request.output_filter.iter().map(|name| WantedOutput {
        name: Cow::Borrowed(name),
        is_binary: None,
    });
    let asked = InferRequest {
        tensors: tensors
            .map(|(name, tensor)| read_tensor(name, tensor))
            .collect::<Result<_, _>>()?,
        wanted: wanted.collect(),
        ..InferRequest::default()
    };
    let answer = infer_tensors(shared, (deployment, target), &asked, arrival).await?;
    let written = answer.outputs.into_iter();
    Ok(PredictResponse {
        model_spec: Some(answered_by(target, answer.version)),
        outputs: written
            .map(|output| (output.name.to_owned(), write_tensor(output.tensor)))
            .collect(),
    })
}

/// Answer `PredictionService/Classify`.
pub(crate) async fn classify(
    shared: &Shared,
    request: &ClassificationRequest,
    arrival: Arrival,
) -> Result<ClassificationResponse, ApiError> {
    let target = target(request.model_spec.as_ref())?;
    let asked = (target, request.input.as_ref());
    let scored = score(shared, asked, Wanted::Classes, arrival).await?;
    let classes = |scores: &Vec<f64>| Classifications {
        classes: scored
            .labels
            .iter()
            .zip(scores)
            .map(|(label, score)| Class {
                label: label.clone(),
                score: *score as f32,
            })
            .collect(),
    };
    Ok(ClassificationResponse {
        result: Some(ClassificationResult {
            classifications: scored.rows.iter().map(classes).collect(),
        }),
        model_spec: Some(answered_by(target, scored.version)),
    })
}

/// Answer `PredictionService/Regress`.
pub(crate) async fn regress(
    shared: &Shared,
    request: &RegressionRequest,
    arrival: Arrival,
) -> Result<RegressionResponse, ApiError> {
    let target = target(request.model_spec.as_ref())?;
    let asked = (target, request.input.as_ref());
    let scored = score(shared, asked, Wanted::Number, arrival).await?;
    let numbers = scored.rows.iter().map(|values| Regression {
        value: values[0] as f32,
    });
    Ok(RegressionResponse {
        result: Some(RegressionResult {
            regressions: numbers.collect(),
        }),
        model_spec: Some(answered_by(target, scored.version)),
    })
}

async fn score(
    shared: &Shared,
    (target, input): (Target<'_>, Option<&Input>),
    wanted: Wanted,
    arrival: Arrival,
) -> Result<Scored, ApiError> {
    let snapshot = shared.engine.snapshot();
    let deployment = find_model(&snapshot, target)?;
    let _permit = shared.admit(deployment)?;
    let (examples, context) = match input.and_then(|input| input.kind.as_ref()) {
        Some(input::Kind::ExampleList(list)) => (&list.examples, None),
        Some(input::Kind::ExampleListWithContext(list)) => (&list.examples, list.context.as_ref()),
        None => return Err(ApiError::Shape("the call has no examples".to_owned())),
    };
    if examples.len() > shared.limits.rows {
        let limit = shared.limits.rows;
        return Err(ApiError::TooLarge(format!(
            "more than {limit} rows in one request"
        )));
    }
    let request = ExamplesRequest {
        context: context.map(read_example).transpose()?.unwrap_or_default(),
        examples: examples
            .iter()
            .map(read_example)
            .collect::<Result<_, _>>()?,
        unit: None,
    };
    score_examples(shared, target, &request, wanted, arrival).await
}

fn read_example(example: &Example) -> Result<Features<'_>, ApiError> {
    let features = example.features.iter().flat_map(|all| &all.feature);
    features
        .map(|(name, feature)| read_feature(name, feature))
        .collect()
}

/// A feature without values is a missing one.
fn read_feature<'a>(
    name: &'a str,
    feature: &'a wire::tensorflow::Feature,
) -> Result<Feature<'a>, ApiError> {
    let values = match &feature.kind {
        Some(Kind::BytesList(list)) => read_list(&list.value, |bytes| text(bytes)),
        Some(Kind::FloatList(list)) => read_list(&list.value, |value| float(f64::from(*value))),
        Some(Kind::Int64List(list)) => read_list(&list.value, |value| whole(*value)),
        None => Ok(Vec::new()),
    };
    let mut values = values.map_err(|place| {
        ApiError::Type(format!(
            "value {place} of {name:?} is neither UTF-8 nor finite"
        ))
    })?;
    if values.is_empty() {
        values.push(Scalar::Null);
    }
    Ok(Feature {
        name: Cow::Borrowed(name),
        values,
        is_list: true,
    })
}

/// Answer `PredictionService/GetModelMetadata`.
pub(crate) fn metadata(
    shared: &Shared,
    request: &GetModelMetadataRequest,
) -> Result<GetModelMetadataResponse, ApiError> {
    let target = target(request.model_spec.as_ref())?;
    let fields = &request.metadata_field;
    if fields.is_empty() || fields.iter().any(|field| field != SIGNATURE_DEF) {
        return Err(ApiError::Shape(format!(
            "metadata_field has to be [{SIGNATURE_DEF:?}]"
        )));
    }
    let snapshot = shared.engine.snapshot();
    let variant = main_variant(find_model(&snapshot, target)?, target);
    let signature = SignatureDef {
        inputs: inputs(&variant.servable).into_iter().map(info).collect(),
        outputs: outputs(&variant.servable).into_iter().map(info).collect(),
        method_name: "tensorflow/serving/predict".to_owned(),
    };
    let signatures = SignatureDefMap {
        signature_def: BTreeMap::from([(SIGNATURE.to_owned(), signature)]),
    };
    let any = Any {
        type_url: "type.googleapis.com/tensorflow.serving.SignatureDefMap".to_owned(),
        value: signatures.encode_to_vec(),
    };
    Ok(GetModelMetadataResponse {
        model_spec: Some(answered_by(target, variant.spec.version)),
        metadata: BTreeMap::from([(SIGNATURE_DEF.to_owned(), any)]),
    })
}

fn info(facts: TensorFacts) -> (String, TensorInfo) {
    let dim = |size| Dim {
        size,
        name: String::new(),
    };
    let info = TensorInfo {
        encoding: Some(tensor_info::Encoding::Name(facts.name.clone())),
        dtype: datatype_of(&facts.datatype) as i32,
        tensor_shape: Some(TensorShapeProto {
            dim: facts.shape.into_iter().map(dim).collect(),
            unknown_rank: false,
        }),
    };
    (facts.name, info)
}

/// Answer `ModelService/GetModelStatus`.
pub(crate) fn status(
    shared: &Shared,
    request: &GetModelStatusRequest,
) -> Result<GetModelStatusResponse, ApiError> {
    let target = target(request.model_spec.as_ref())?;
    let snapshot = shared.engine.snapshot();
    let deployment = find_model(&snapshot, target)?;
    let forced = target.forced(deployment).map(|choice| choice.variant);
    let variants = deployment.variants.iter().enumerate();
    let chosen = variants.filter(|(place, _)| forced.is_none_or(|forced| forced == *place));
    let status = |version: u32| ModelVersionStatus {
        version: i64::from(version),
        state: State::Available as i32,
        status: Some(StatusProto::default()),
    };
    Ok(GetModelStatusResponse {
        model_version_status: chosen
            .map(|(_, variant)| status(variant.spec.version))
            .collect(),
    })
}

/// What a request names.
fn target(spec: Option<&ModelSpec>) -> Result<Target<'_>, ApiError> {
    let spec = spec.ok_or_else(|| ApiError::Shape("the call has no model_spec".to_owned()))?;
    if !["", SIGNATURE].contains(&spec.signature_name.as_str()) {
        let found: String = spec.signature_name.chars().take(100).collect();
        return Err(ApiError::Shape(format!(
            "the model has no signature {found:?}, it has {SIGNATURE:?}"
        )));
    }
    let target = Target {
        name: &spec.name,
        ..Target::default()
    };
    match &spec.version_choice {
        None => Ok(target),
        Some(VersionChoice::VersionLabel(label)) => Ok(Target {
            variant: Some(label),
            ..target
        }),
        Some(VersionChoice::Version(asked)) => {
            let version = u32::try_from(*asked).map_err(|_| {
                let asked = format!("{}, version {asked}", spec.name);
                ApiError::ModelUnknown(asked.chars().take(100).collect())
            })?;
            Ok(Target {
                version: Some(version),
                ..target
            })
        }
    }
}

fn answered_by(target: Target<'_>, version: u32) -> ModelSpec {
    ModelSpec {
        name: target.name.to_owned(),
        version_choice: Some(VersionChoice::Version(i64::from(version))),
        signature_name: SIGNATURE.to_owned(),
    }
}
