//! Triton's extensions of the Open Inference Protocol over HTTP: configuration, statistics and repository of models.

use std::time::Duration;

use mlwright_serve::{Deployment, Variant};
use serde_json::{Value, json};

use crate::errors::ApiError;
use crate::json::{Reader, Scalar};
use crate::keys::Keys;
use crate::metadata::{TensorFacts, inputs, main_variant, outputs, platform};
use crate::paths::Target;
use crate::predict::find_model;
use crate::reply::Reply;
use crate::shared::Shared;

/// Answer `GET /v2/models/{name}/config`.
pub(crate) fn config(shared: &Shared, target: Target<'_>) -> Result<Reply, ApiError> {
    let snapshot = shared.engine.snapshot();
    let deployment = find_model(&snapshot, target)?;
    let servable = &main_variant(deployment, target).servable;
    let (inputs, outputs) = (inputs(servable), outputs(servable));
    let is_batched = is_batched(&inputs, &outputs);
    let versions = deployment
        .variants
        .iter()
        .map(|variant| variant.spec.version);
    let body = json!({
        "name": target.name,
        "platform": platform(servable),
        "backend": "mlwright",
        "version_policy": {"specific": {"versions": versions.collect::<Vec<_>>()}},
        "max_batch_size": if is_batched { shared.limits.rows } else { 0 },
        "input": inputs.iter().map(|one| tensor_config(one, is_batched)).collect::<Vec<_>>(),
        "output": outputs.iter().map(|one| tensor_config(one, is_batched)).collect::<Vec<_>>(),
        "default_model_filename": servable.manifest().engine.file,
        "parameters": {},
    });
    Ok(Reply::json(body.to_string().into_bytes()))
}

/// A tensor as a model configuration says it: without the dimension of the batch, and never without dimensions.
fn tensor_config(tensor: &TensorFacts, is_batched: bool) -> Value {
    let (data_type, dims) = (config_type(tensor), config_dims(tensor, is_batched));
    json!({"name": tensor.name, "data_type": data_type, "dims": dims})
}

/// Whether the first dimension of all tensors is that of the rows.
pub(crate) fn is_batched(inputs: &[TensorFacts], outputs: &[TensorFacts]) -> bool {
    let mut all = inputs.iter().chain(outputs);
    all.all(|one| one.shape.first() == Some(&-1))
}

/// The datatype in the words of a model configuration.
pub(crate) fn config_type(tensor: &TensorFacts) -> String {
    match tensor.datatype.as_str() {
        "BYTES" => "TYPE_STRING".to_owned(),
        word => format!("TYPE_{word}"),
    }
}

/// The dimensions after that of the batch; a tensor without any has one of size 1.
pub(crate) fn config_dims(tensor: &TensorFacts, is_batched: bool) -> Vec<i64> {
    match tensor.shape.get(usize::from(is_batched)..) {
        None | Some([]) => vec![1],
        Some(dims) => dims.to_vec(),
    }
}

/// Answer `GET /v2/models/{name}/stats`.
pub(crate) fn model_stats(shared: &Shared, target: Target<'_>) -> Result<Reply, ApiError> {
    let snapshot = shared.engine.snapshot();
    let deployment = find_model(&snapshot, target)?;
    let stats: Vec<Value> = match target.forced(deployment) {
        Some(choice) => vec![variant_stats(
            deployment,
            &deployment.variants[choice.variant],
        )],
        None => deployment
            .variants
            .iter()
            .map(|one| variant_stats(deployment, one))
            .collect(),
    };
    Ok(stats_reply(&stats))
}

/// Answer `GET /v2/models/stats`.
pub(crate) fn all_stats(shared: &Shared) -> Reply {
    let snapshot = shared.engine.snapshot();
    let stats = snapshot
        .variants()
        .map(|(deployment, variant)| variant_stats(deployment, variant));
    stats_reply(&stats.collect::<Vec<_>>())
}

fn stats_reply(stats: &[Value]) -> Reply {
    Reply::json(json!({"model_stats": stats}).to_string().into_bytes())
}

/// Transforms of inputs and outputs count with the model.
fn variant_stats(deployment: &Deployment, variant: &Variant) -> Value {
    let found = variant.statistics();
    let misses = variant.cache_counts().map_or(0, |(_, misses)| misses);
    let times = |count: u64, ns: u64| json!({"count": count, "ns": ns});
    json!({
        "name": deployment.spec.name,
        "version": variant.spec.version.to_string(),
        "last_inference": Duration::from_micros(found.last_us).as_millis() as u64,
        "inference_count": found.inferences,
        "execution_count": found.executions,
        "inference_stats": {
            "success": times(found.requests, found.success_ns()),
            "fail": times(found.failures, found.failure_ns),
            "queue": times(found.requests, found.queue_ns),
            "compute_input": times(found.computed(), 0),
            "compute_infer": times(found.computed(), found.compute_ns),
            "compute_output": times(found.computed(), 0),
            "cache_hit": times(found.cached, found.cached_ns),
            "cache_miss": times(misses, 0),
        },
        "response_stats": {},
        "batch_stats": [],
        "memory_usage": [],
    })
}

/// Answer `POST /v2/repository/index`: every version of every deployment; all are ready.
pub(crate) fn index(shared: &Shared, body: &[u8]) -> Result<Reply, ApiError> {
    if !body.is_empty() {
        read_index_request(body, shared.limits.json_depth)?;
    }
    let snapshot = shared.engine.snapshot();
    let models = snapshot.variants().map(|(deployment, variant)| {
        json!({"name": deployment.spec.name, "version": variant.spec.version.to_string(), "state": "READY", "reason": ""})
    });
    let models: Vec<Value> = models.collect();
    Ok(Reply::json(json!(models).to_string().into_bytes()))
}

fn read_index_request(body: &[u8], depth: usize) -> Result<(), ApiError> {
    let wrong = || ApiError::Shape("the body has to be an object with `ready`".to_owned());
    let mut reader = Reader::new(body, depth)?;
    if reader.peek()? != b'{' {
        return Err(wrong());
    }
    reader.open()?;
    let mut keys = Keys::default();
    while let Some(key) = reader.next_new_key(&mut keys)? {
        match (key.as_ref(), reader.scalar()?) {
            ("ready", Scalar::Bool(_)) => {}
            _ => return Err(wrong()),
        }
    }
    Ok(reader.finish()?)
}

/// Answer `POST /v2/repository/models/{name}/load`: what is served is loaded, and nothing else can be.
pub(crate) fn load(shared: &Shared, target: Target<'_>, body: &[u8]) -> Result<Reply, ApiError> {
    find_model(&shared.engine.snapshot(), target)?;
    if has_parameters(body, shared.limits.json_depth)? {
        return Err(ApiError::Fixed);
    }
    Ok(Reply::json(
        json!({"name": target.name, "load": true})
            .to_string()
            .into_bytes(),
    ))
}

/// Answer `POST /v2/repository/models/{name}/unload`: only the control plane takes a model away.
pub(crate) fn unload(shared: &Shared, target: Target<'_>) -> Result<Reply, ApiError> {
    find_model(&shared.engine.snapshot(), target)?;
    Err(ApiError::Fixed)
}

/// Whether a caller wants to load something else than what is there: another configuration, other files.
fn has_parameters(body: &[u8], depth: usize) -> Result<bool, ApiError> {
    if body.is_empty() {
        return Ok(false);
    }
    let wrong = || ApiError::Shape("the body has to be an object with `parameters`".to_owned());
    let mut reader = Reader::new(body, depth)?;
    if reader.peek()? != b'{' {
        return Err(wrong());
    }
    reader.open()?;
    let (mut keys, mut has_some) = (Keys::default(), false);
    while let Some(key) = reader.next_new_key(&mut keys)? {
        if key != "parameters" || reader.peek()? != b'{' {
            return Err(wrong());
        }
        reader.open()?;
        let mut names = Keys::default();
        while reader.next_new_key(&mut names)?.is_some() {
            reader.scalar()?;
            has_some = true;
        }
    }
    reader.finish()?;
    Ok(has_some)
}
