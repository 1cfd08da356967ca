//! What the server and its models are, in the words of the Open Inference Protocol v2.

use mlwright_package::{ColumnType, EngineKind, SignatureInputs, TensorSpec};
use mlwright_serve::{Deployment, Servable, Variant};
use serde::Serialize;
use serde_json::json;

use crate::errors::ApiError;
use crate::infer::row_outputs;
use crate::paths::Target;
use crate::predict::find_model;
use crate::reply::Reply;
use crate::shared::Shared;

/// What this server speaks of Triton's extensions.
pub(crate) const EXTENSIONS: [&str; 4] = [
    "binary_tensor_data",
    "model_configuration",
    "model_repository",
    "statistics",
];

/// Answer `GET /v2`.
pub(crate) fn server() -> Reply {
    let body =
        json!({"name": "mlwright", "version": env!("CARGO_PKG_VERSION"), "extensions": EXTENSIONS});
    Reply::json(body.to_string().into_bytes())
}

/// Whether this server can answer now.
pub(crate) fn is_ready(shared: &Shared) -> bool {
    !shared.engine.snapshot().deployments().is_empty() && !shared.is_draining()
}

/// Answer `GET /v2/health/ready`.
pub(crate) fn ready(shared: &Shared) -> Reply {
    let is_ready = is_ready(shared);
    let body = json!({"ready": is_ready}).to_string().into_bytes();
    Reply::with_status(if is_ready { 200 } else { 503 }, body)
}

/// What a model is.
#[derive(Debug)]
pub(crate) struct ModelFacts {
    pub(crate) versions: Vec<String>,
    pub(crate) platform: &'static str,
    pub(crate) inputs: Vec<TensorFacts>,
    pub(crate) outputs: Vec<TensorFacts>,
}

/// What a tensor is; −1 is a free size.
#[derive(Debug, Serialize)]
pub(crate) struct TensorFacts {
    pub(crate) name: String,
    pub(crate) datatype: String,
    pub(crate) shape: Vec<i64>,
}

/// Answer `GET /v2/models/{name}`.
pub(crate) fn model(shared: &Shared, target: Target<'_>) -> Result<Reply, ApiError> {
    let facts = describe(shared, target)?;
    let body = json!({
        "name": target.name, "versions": facts.versions, "platform": facts.platform,
        "inputs": facts.inputs, "outputs": facts.outputs,
    });
    Ok(Reply::json(body.to_string().into_bytes()))
}

/// Say what a model is: its versions, and the tensors of the version that was named or of the newest.
pub(crate) fn describe(shared: &Shared, target: Target<'_>) -> Result<ModelFacts, ApiError> {
    let snapshot = shared.engine.snapshot();
    let deployment = find_model(&snapshot, target)?;
    let servable = &main_variant(deployment, target).servable;
    let versions = deployment.variants.iter();
    Ok(ModelFacts {
        versions: versions
            .map(|variant| variant.spec.version.to_string())
            .collect(),
        platform: platform(servable),
        inputs: inputs(servable),
        outputs: outputs(servable),
    })
}

/// The variant that the caller names, else the last of the deployment.
pub(crate) fn main_variant<'d>(deployment: &'d Deployment, target: Target<'_>) -> &'d Variant {
    let last = deployment.variants.len() - 1;
    &deployment.variants[target
        .forced(deployment)
        .map_or(last, |choice| choice.variant)]
}

/// Answer `GET /v2/models`: what is served.
pub(crate) fn models(shared: &Shared) -> Reply {
    let snapshot = shared.engine.snapshot();
    let names = snapshot.deployments().iter();
    let names: Vec<_> = names.map(|one| one.spec.name.as_str()).collect();
    Reply::json(json!({"models": names}).to_string().into_bytes())
}

/// Answer `GET /v2/models/{name}/ready`.
pub(crate) fn model_ready(shared: &Shared, target: Target<'_>) -> Result<Reply, ApiError> {
    find_model(&shared.engine.snapshot(), target)?;
    Ok(Reply::json(
        json!({"name": target.name, "ready": true})
            .to_string()
            .into_bytes(),
    ))
}

pub(crate) fn platform(servable: &Servable) -> &'static str {
    match servable.manifest().engine.kind {
        EngineKind::Trees => "mlwright_trees",
        EngineKind::Linear => "mlwright_linear",
        EngineKind::Blend => "mlwright_blend",
        EngineKind::Onnx => "onnxruntime_onnx",
    }
}

fn tensor(spec: &TensorSpec) -> TensorFacts {
    TensorFacts {
        name: spec.name.clone(),
        datatype: spec.datatype.clone(),
        shape: spec.shape.clone(),
    }
}

pub(crate) fn inputs(servable: &Servable) -> Vec<TensorFacts> {
    match &servable.manifest().signature.inputs {
        SignatureInputs::Tensor(specs) => specs.iter().map(tensor).collect(),
        SignatureInputs::Columns(columns) => columns
            .iter()
            .map(|column| TensorFacts {
                name: column.name.clone(),
                datatype: datatype(column.kind).to_owned(),
                shape: vec![-1],
            })
            .collect(),
    }
}

fn datatype(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Number => "FP64",
        ColumnType::Integer => "INT64",
        ColumnType::Boolean => "BOOL",
        ColumnType::String | ColumnType::Timestamp => "BYTES",
    }
}

pub(crate) fn outputs(servable: &Servable) -> Vec<TensorFacts> {
    let signature = &servable.manifest().signature;
    if servable.is_tensor() {
        return signature.outputs.iter().map(tensor).collect();
    }
    row_outputs(servable)
        .into_iter()
        .map(|output| TensorFacts {
            name: output.name.to_owned(),
            datatype: output.datatype.word().to_owned(),
            shape: std::iter::once(-1)
                .chain(output.width.map(|width| width as i64))
                .collect(),
        })
        .collect()
}
