//! Calls of `inference.GRPCInferenceService`.

use mlwright_serve::Arrival;

use crate::errors::ApiError;
use crate::grpc::contents::{read_request, write_output};
use crate::grpc::wire::inference::infer_parameter::ParameterChoice;
use crate::grpc::wire::inference::model_metadata_response::TensorMetadata;
use crate::grpc::wire::inference::{
    InferParameter, ModelInferRequest, ModelInferResponse, ModelMetadataRequest,
    ModelMetadataResponse, ModelReadyRequest, ModelReadyResponse, ModelStreamInferResponse,
    ServerLiveResponse, ServerMetadataResponse, ServerReadyResponse,
};
use crate::infer::{InferAnswer, infer_tensors};
use crate::metadata::{EXTENSIONS, TensorFacts, describe, is_ready};
use crate::paths::Target;
use crate::predict::find_model;
use crate::shared::Shared;

/// Answer `ModelInfer`.
pub(crate) async fn infer(
    shared: &Shared,
    request: &ModelInferRequest,
    arrival: Arrival,
) -> Result<ModelInferResponse, ApiError> {
    let target = target(&request.model_name, &request.model_version)?;
    let snapshot = shared.engine.snapshot();
    // Before the tensors are read: a model that is not there costs nothing.
    let deployment = find_model(&snapshot, target)?;
    let _permit = shared.admit(deployment)?;
    let asked = read_request(request)?;
    let answer = infer_tensors(shared, (deployment, target), &asked, arrival).await?;
    Ok(respond(answer, !request.raw_input_contents.is_empty()))
}

/// Answer one message of `ModelStreamInfer`: a refusal is a message too, the stream goes on.
pub(crate) async fn infer_in_stream(
    shared: &Shared,
    request: &ModelInferRequest,
    arrival: Arrival,
) -> ModelStreamInferResponse {
    match infer(shared, request, arrival).await {
        Ok(answer) => ModelStreamInferResponse {
            error_message: String::new(),
            infer_response: Some(answer),
        },
        Err(error) => refusal_in_stream(request.id.clone(), &error),
    }
}

/// The id of a `ModelInferRequest`; all else is passed over.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct NamedRequest {
    #[prost(string, tag = "3")]
    pub(crate) id: String,
}

/// The message that refuses the request of this id.
pub(crate) fn refusal_in_stream(id: String, error: &ApiError) -> ModelStreamInferResponse {
    ModelStreamInferResponse {
        error_message: error.message(),
        infer_response: Some(ModelInferResponse {
            id,
            ..ModelInferResponse::default()
        }),
    }
}

/// What a request names; an empty version is any.
pub(crate) fn target<'a>(name: &'a str, version: &str) -> Result<Target<'a>, ApiError> {
    let is_number = version.bytes().all(|byte| byte.is_ascii_digit());
    let number = match version {
        "" => None,
        _ if is_number => version.parse().ok(),
        _ => None,
    };
    if number.is_none() && !version.is_empty() {
        let asked = format!("{name}, version {version}");
        return Err(ApiError::ModelUnknown(asked.chars().take(100).collect()));
    }
    Ok(Target {
        name,
        version: number,
        variant: None,
    })
}

fn respond(answer: InferAnswer<'_>, is_raw: bool) -> ModelInferResponse {
    let ids: Vec<String> = answer.prediction_ids().map(|id| id.to_string()).collect();
    let parameter = |text| InferParameter {
        parameter_choice: Some(ParameterChoice::StringParam(text)),
    };
    let parameters = [
        ("variant".to_owned(), parameter(answer.variant.to_owned())),
        ("prediction_ids".to_owned(), parameter(ids.join(","))),
    ];
    let mut response = ModelInferResponse {
        model_name: answer.model.to_owned(),
        model_version: answer.version.to_string(),
        id: answer.id.unwrap_or_default().to_owned(),
        parameters: parameters.into_iter().collect(),
        ..ModelInferResponse::default()
    };
    for output in answer.outputs {
        let raw = is_raw.then_some(&mut response.raw_output_contents);
        response.outputs.push(write_output(output, raw));
    }
    response
}

/// Answer `ServerLive`.
pub(crate) fn live() -> ServerLiveResponse {
    ServerLiveResponse { live: true }
}

/// Answer `ServerReady`.
pub(crate) fn ready(shared: &Shared) -> ServerReadyResponse {
    ServerReadyResponse {
        ready: is_ready(shared),
    }
}

/// Answer `ModelReady`.
pub(crate) fn model_ready(
    shared: &Shared,
    request: &ModelReadyRequest,
) -> Result<ModelReadyResponse, ApiError> {
    let target = target(&request.name, &request.version)?;
    find_model(&shared.engine.snapshot(), target)?;
    Ok(ModelReadyResponse { ready: true })
}

/// Answer `ServerMetadata`.
pub(crate) fn server_metadata() -> ServerMetadataResponse {
    ServerMetadataResponse {
        name: "mlwright".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        extensions: EXTENSIONS.map(str::to_owned).to_vec(),
    }
}

/// Answer `ModelMetadata`.
pub(crate) fn model_metadata(
    shared: &Shared,
    request: &ModelMetadataRequest,
) -> Result<ModelMetadataResponse, ApiError> {
    let target = target(&request.name, &request.version)?;
    let facts = describe(shared, target)?;
    Ok(ModelMetadataResponse {
        name: request.name.clone(),
        versions: facts.versions,
        platform: facts.platform.to_owned(),
        inputs: facts.inputs.into_iter().map(tensor_metadata).collect(),
        outputs: facts.outputs.into_iter().map(tensor_metadata).collect(),
    })
}

fn tensor_metadata(facts: TensorFacts) -> TensorMetadata {
    TensorMetadata {
        name: facts.name,
        datatype: facts.datatype,
        shape: facts.shape,
    }
}
