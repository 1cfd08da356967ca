//! What TensorFlow Serving says of a model over REST: status and signatures. `KServe`'s first protocol asks at the
//! same path whether the model is ready, so that the body holds both.

use serde_json::{Map, Value, json};

use crate::errors::ApiError;
use crate::metadata::{TensorFacts, inputs, main_variant, outputs};
use crate::paths::Target;
use crate::predict::find_model;
use crate::reply::Reply;
use crate::shared::Shared;

/// Answer `GET /v1/models/{name}`, with a version or label or for all of them.
pub(crate) fn status(shared: &Shared, target: Target<'_>) -> Result<Reply, ApiError> {
    let snapshot = shared.engine.snapshot();
    let deployment = find_model(&snapshot, target)?;
    let forced = target.forced(deployment).map(|choice| choice.variant);
    let variants = deployment.variants.iter().enumerate();
    let chosen = variants.filter(|(place, _)| forced.is_none_or(|forced| forced == *place));
    let versions: Vec<Value> = chosen
        .map(|(_, variant)| {
            json!({
                "version": variant.spec.version.to_string(), "state": "AVAILABLE",
                "status": {"error_code": "OK", "error_message": ""},
            })
        })
        .collect();
    let body = json!({"name": target.name, "ready": true, "model_version_status": versions});
    Ok(Reply::json(body.to_string().into_bytes()))
}

/// Answer `GET /v1/models/{name}/metadata`.
pub(crate) fn metadata(shared: &Shared, target: Target<'_>) -> Result<Reply, ApiError> {
    let snapshot = shared.engine.snapshot();
    let deployment = find_model(&snapshot, target)?;
    let variant = main_variant(deployment, target);
    let signature = json!({
        "inputs": tensor_infos(&inputs(&variant.servable)),
        "outputs": tensor_infos(&outputs(&variant.servable)),
        "method_name": "tensorflow/serving/predict",
        "defaults": {},
    });
    let body = json!({
        "model_spec": {"name": target.name, "signature_name": "", "version": variant.spec.version.to_string()},
        "metadata": {"signature_def": {"signature_def": {"serving_default": signature}}},
    });
    Ok(Reply::json(body.to_string().into_bytes()))
}

/// Tensors of the Open Inference Protocol as TensorFlow's `TensorInfo`, by name.
fn tensor_infos(tensors: &[TensorFacts]) -> Map<String, Value> {
    let info = |tensor: &TensorFacts| {
        let name = tensor.name.clone();
        let dims: Vec<Value> = tensor
            .shape
            .iter()
            .map(|size| json!({"size": size.to_string(), "name": ""}))
            .collect();
        let info = json!({
            "dtype": dtype(&tensor.datatype),
            "tensor_shape": {"dim": dims, "unknown_rank": false},
            "name": name,
        });
        (name, info)
    };
    tensors.iter().map(info).collect()
}

/// TensorFlow's word for a datatype.
fn dtype(datatype: &str) -> String {
    match datatype {
        "FP64" => "DT_DOUBLE".to_owned(),
        "FP32" => "DT_FLOAT".to_owned(),
        "BYTES" => "DT_STRING".to_owned(),
        other => format!("DT_{other}"),
    }
}
