//! Triton's extensions of `inference.GRPCInferenceService`: configuration, statistics and repository of models.

use std::time::Duration;

use mlwright_serve::{Deployment, Variant};

use crate::errors::ApiError;
use crate::grpc::inference::target;
use crate::grpc::wire::inference::repository_index_response::ModelIndex;
use crate::grpc::wire::inference::{
    DataType, InferStatistics, ModelConfig, ModelConfigRequest, ModelConfigResponse, ModelInput,
    ModelOutput, ModelStatistics, ModelStatisticsRequest, ModelStatisticsResponse,
    RepositoryIndexResponse, RepositoryModelLoadRequest, RepositoryModelLoadResponse,
    RepositoryModelUnloadRequest, RepositoryModelUnloadResponse, StatisticDuration,
};
use crate::metadata::{TensorFacts, describe};
use crate::predict::find_model;
use crate::shared::Shared;
use crate::triton::{config_dims, config_type, is_batched};

/// Answer `ModelConfig`.
pub(crate) fn config(
    shared: &Shared,
    request: &ModelConfigRequest,
) -> Result<ModelConfigResponse, ApiError> {
    let facts = describe(shared, target(&request.name, &request.version)?)?;
    let is_batched = is_batched(&facts.inputs, &facts.outputs);
    let rows = i32::try_from(shared.limits.rows).unwrap_or(i32::MAX);
    let input = |facts: &TensorFacts| ModelInput {
        name: facts.name.clone(),
        data_type: data_type(facts),
        dims: config_dims(facts, is_batched),
    };
    let output = |facts: &TensorFacts| ModelOutput {
        name: facts.name.clone(),
        data_type: data_type(facts),
        dims: config_dims(facts, is_batched),
    };
    Ok(ModelConfigResponse {
        config: Some(ModelConfig {
            name: request.name.clone(),
            platform: facts.platform.to_owned(),
            backend: "mlwright".to_owned(),
            max_batch_size: if is_batched { rows } else { 0 },
            input: facts.inputs.iter().map(input).collect(),
            output: facts.outputs.iter().map(output).collect(),
        }),
    })
}

fn data_type(facts: &TensorFacts) -> i32 {
    DataType::from_str_name(&config_type(facts)).map_or(0, i32::from)
}

/// Answer `ModelStatistics`: of one version, of all versions of a model, or of all models.
pub(crate) fn statistics(
    shared: &Shared,
    request: &ModelStatisticsRequest,
) -> Result<ModelStatisticsResponse, ApiError> {
    let snapshot = shared.engine.snapshot();
    if request.name.is_empty() {
        let all = snapshot.variants();
        return Ok(ModelStatisticsResponse {
            model_stats: all.map(|(one, variant)| of_variant(one, variant)).collect(),
        });
    }
    let target = target(&request.name, &request.version)?;
    let deployment = find_model(&snapshot, target)?;
    let forced = target.forced(deployment).map(|choice| choice.variant);
    let variants = deployment.variants.iter().enumerate();
    Ok(ModelStatisticsResponse {
        model_stats: variants
            .filter(|(place, _)| forced.is_none_or(|forced| forced == *place))
            .map(|(_, variant)| of_variant(deployment, variant))
            .collect(),
    })
}

/// Transforms of inputs and outputs count with the model.
fn of_variant(deployment: &Deployment, variant: &Variant) -> ModelStatistics {
    let found = variant.statistics();
    let misses = variant.cache_counts().map_or(0, |(_, misses)| misses);
    let times = |count, ns| Some(StatisticDuration { count, ns });
    ModelStatistics {
        name: deployment.spec.name.clone(),
        version: variant.spec.version.to_string(),
        last_inference: Duration::from_micros(found.last_us).as_millis() as u64,
        inference_count: found.inferences,
        execution_count: found.executions,
        inference_stats: Some(InferStatistics {
            success: times(found.requests, found.success_ns()),
            fail: times(found.failures, found.failure_ns),
            queue: times(found.requests, found.queue_ns),
            compute_input: times(found.computed(), 0),
            compute_infer: times(found.computed(), found.compute_ns),
            compute_output: times(found.computed(), 0),
            cache_hit: times(found.cached, found.cached_ns),
            cache_miss: times(misses, 0),
        }),
    }
}

/// Answer `RepositoryIndex`: every version of every deployment; all are ready.
pub(crate) fn index(shared: &Shared) -> RepositoryIndexResponse {
    let snapshot = shared.engine.snapshot();
    let models = snapshot.variants().map(|(deployment, variant)| ModelIndex {
        name: deployment.spec.name.clone(),
        version: variant.spec.version.to_string(),
        state: "READY".to_owned(),
        reason: String::new(),
    });
    RepositoryIndexResponse {
        models: models.collect(),
    }
}

/// Answer `RepositoryModelLoad`: what is served is loaded, and nothing else can be.
pub(crate) fn load(
    shared: &Shared,
    request: &RepositoryModelLoadRequest,
) -> Result<RepositoryModelLoadResponse, ApiError> {
    find_model(&shared.engine.snapshot(), target(&request.model_name, "")?)?;
    if request.parameters.is_empty() {
        Ok(RepositoryModelLoadResponse {})
    } else {
        Err(ApiError::Fixed)
    }
}

/// Answer `RepositoryModelUnload`: only the control plane takes a model away.
pub(crate) fn unload(
    shared: &Shared,
    request: &RepositoryModelUnloadRequest,
) -> Result<RepositoryModelUnloadResponse, ApiError> {
    find_model(&shared.engine.snapshot(), target(&request.model_name, "")?)?;
    Err(ApiError::Fixed)
}
