//! The table of remote calls: path, authorisation and operation of each, and the one dispatch over it.

use bytes::Bytes;
use prost::Message;

use mlwright_serve::Arrival;

use crate::errors::ApiError;
use crate::grpc::census::{Levels, check, undecodable};
use crate::grpc::framing::frame;
use crate::grpc::wire::inference::{
    RepositoryIndexRequest, ServerLiveRequest, ServerMetadataRequest, ServerReadyRequest,
};
use crate::grpc::{inference, repository, tensorflow};
use crate::routes::Authorisation;
use crate::shared::Shared;

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Infer,
    StreamInfer,
    ServerLive,
    ServerReady,
    ModelReady,
    ServerMetadata,
    ModelMetadata,
    ModelConfig,
    ModelStatistics,
    RepositoryIndex,
    RepositoryLoad,
    RepositoryUnload,
    TensorflowPredict,
    TensorflowClassify,
    TensorflowRegress,
    TensorflowMetadata,
    TensorflowStatus,
    TensorflowReload,
}

impl Operation {
    /// Whether a call may be refused under overload; probes and questions about models are not.
    pub(crate) fn is_predicting(self) -> bool {
        matches!(
            self,
            Self::Infer
                | Self::TensorflowPredict
                | Self::TensorflowClassify
                | Self::TensorflowRegress
        )
    }
}

/// A row of the table.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) path: &'static str,
    pub(crate) authorisation: Authorisation,
    pub(crate) operation: Operation,
}

use Authorisation::{Nobody, Serving};

const fn row(path: &'static str, authorisation: Authorisation, operation: Operation) -> Call {
    Call {
        path,
        authorisation,
        operation,
    }
}

/// Every call that is offered, the most frequent first.
#[rustfmt::skip]
pub(crate) static CALLS: [Call; 18] = [
    row("/inference.GRPCInferenceService/ModelInfer", Serving, Operation::Infer),
    row("/inference.GRPCInferenceService/ModelStreamInfer", Serving, Operation::StreamInfer),
    row("/inference.GRPCInferenceService/ServerLive", Nobody, Operation::ServerLive),
    row("/inference.GRPCInferenceService/ServerReady", Nobody, Operation::ServerReady),
    row("/inference.GRPCInferenceService/ModelReady", Serving, Operation::ModelReady),
    row("/inference.GRPCInferenceService/ServerMetadata", Nobody, Operation::ServerMetadata),
    row("/inference.GRPCInferenceService/ModelMetadata", Serving, Operation::ModelMetadata),
    row("/inference.GRPCInferenceService/ModelConfig", Serving, Operation::ModelConfig),
    row("/inference.GRPCInferenceService/ModelStatistics", Serving, Operation::ModelStatistics),
    row("/inference.GRPCInferenceService/RepositoryIndex", Serving, Operation::RepositoryIndex),
    row("/inference.GRPCInferenceService/RepositoryModelLoad", Serving, Operation::RepositoryLoad),
    row("/inference.GRPCInferenceService/RepositoryModelUnload", Serving, Operation::RepositoryUnload),
    row("/tensorflow.serving.PredictionService/Predict", Serving, Operation::TensorflowPredict),
    row("/tensorflow.serving.PredictionService/Classify", Serving, Operation::TensorflowClassify),
    row("/tensorflow.serving.PredictionService/Regress", Serving, Operation::TensorflowRegress),
    row("/tensorflow.serving.PredictionService/GetModelMetadata", Serving, Operation::TensorflowMetadata),
    row("/tensorflow.serving.ModelService/GetModelStatus", Serving, Operation::TensorflowStatus),
    row("/tensorflow.serving.ModelService/HandleReloadConfigRequest", Serving, Operation::TensorflowReload),
];

/// Find a call by its path.
pub(crate) fn find(path: &str) -> Option<usize> {
    CALLS.iter().position(|call| call.path == path)
}

/// Do what a call of one message asks for; the answer is framed.
pub(crate) async fn operate(
    shared: &Shared,
    operation: Operation,
    message: Bytes,
    arrival: Arrival,
) -> Result<Bytes, ApiError> {
    check(&message, levels_of(operation))?;
    match operation {
        Operation::Infer => {
            let request = decode(message)?;
            give(inference::infer(shared, &request, arrival).await)
        }
        Operation::StreamInfer => {
            let request = decode(message)?;
            give(Ok(
                inference::infer_in_stream(shared, &request, arrival).await
            ))
        }
        Operation::ServerLive => one(message, |_: &ServerLiveRequest| Ok(inference::live())),
        Operation::ServerReady => one(message, |_: &ServerReadyRequest| {
            Ok(inference::ready(shared))
        }),
        Operation::ModelReady => one(message, |request| inference::model_ready(shared, request)),
        Operation::ServerMetadata => one(message, |_: &ServerMetadataRequest| {
            Ok(inference::server_metadata())
        }),
        Operation::ModelMetadata => one(message, |request| {
            inference::model_metadata(shared, request)
        }),
        Operation::ModelConfig => one(message, |request| repository::config(shared, request)),
        Operation::ModelStatistics => {
            one(message, |request| repository::statistics(shared, request))
        }
        Operation::RepositoryIndex => one(message, |_: &RepositoryIndexRequest| {
            Ok(repository::index(shared))
        }),
        Operation::RepositoryLoad => one(message, |request| repository::load(shared, request)),
        Operation::RepositoryUnload => one(message, |request| repository::unload(shared, request)),
        Operation::TensorflowPredict => {
            let request = decode(message)?;
            give(Box::pin(tensorflow::predict(shared, &request, arrival)).await)
        }
        Operation::TensorflowClassify => {
            let request = decode(message)?;
            give(Box::pin(tensorflow::classify(shared, &request, arrival)).await)
        }
        Operation::TensorflowRegress => {
            let request = decode(message)?;
            give(Box::pin(tensorflow::regress(shared, &request, arrival)).await)
        }
        Operation::TensorflowMetadata => {
            one(message, |request| tensorflow::metadata(shared, request))
        }
        Operation::TensorflowStatus => one(message, |request| tensorflow::status(shared, request)),
        // Only the control plane says what is served.
        Operation::TensorflowReload => Err(ApiError::Fixed),
    }
}

/// Refuse one message of `ModelStreamInfer` unread but for its id; the stream goes on.
pub(crate) fn refuse_in_stream(message: Bytes, error: &ApiError) -> Result<Bytes, ApiError> {
    let request: inference::NamedRequest = decode(message)?;
    Ok(frame(&inference::refusal_in_stream(request.id, error)))
}

/// Fields with messages inside of which a caller may send many: contents of tensors, features of examples.
const MANY: [(Operation, Levels); 5] = [
    (Operation::Infer, &[&[5], &[5]]),
    (Operation::StreamInfer, &[&[5], &[5]]),
    (Operation::TensorflowPredict, &[&[2], &[2], &[2]]),
    (Operation::TensorflowClassify, EXAMPLES),
    (Operation::TensorflowRegress, EXAMPLES),
];
const EXAMPLES: Levels = &[&[2], &[1, 2], &[1, 2], &[1], &[1], &[2], &[1, 2, 3]];

fn levels_of(operation: Operation) -> Levels {
    let row = MANY.iter().find(|row| row.0 == operation);
    row.map_or(&[], |row| row.1)
}

fn decode<Q: Message + Default>(message: Bytes) -> Result<Q, ApiError> {
    Q::decode(message).map_err(|error| undecodable(&error))
}

fn give<A: Message>(answer: Result<A, ApiError>) -> Result<Bytes, ApiError> {
    answer.map(|answer| frame(&answer))
}

/// Decode, answer at once, encode.
fn one<Q: Message + Default, A: Message>(
    message: Bytes,
    answer: impl FnOnce(&Q) -> Result<A, ApiError>,
) -> Result<Bytes, ApiError> {
    give(answer(&decode(message)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_probes_are_open_and_no_path_is_there_twice() {
        for (place, call) in CALLS.iter().enumerate() {
            let is_probe = matches!(
                call.operation,
                Operation::ServerLive | Operation::ServerReady | Operation::ServerMetadata
            );
            assert_eq!(call.authorisation == Nobody, is_probe, "{}", call.path);
            assert_eq!(find(call.path), Some(place));
        }
    }
}
