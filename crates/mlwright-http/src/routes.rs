//! The route table: method, path, authorisation, bodies and operation of every endpoint, and the one dispatch over it.

use hyper::HeaderMap;

use mlwright_serve::Arrival;

use crate::admin;
use crate::cloud::{self, Cloud};
use crate::errors::ApiError;
use crate::examples;
use crate::feedback;
use crate::metadata;
use crate::paths::Target;
use crate::predict;
use crate::reply::Reply;
use crate::shared::Shared;
use crate::tensorflow;
use crate::tensorflow_model;
use crate::tensors;
use crate::triton;

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Authorisation {
    /// Everybody: probes.
    Nobody,
    /// Callers with the serving token.
    Serving,
    /// Operators with the admin token, on the serving listener: protocols have their repository routes there.
    Operator,
    /// Operators with the admin token, on the admin listener only.
    Admin,
}

/// Which bodies a route takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// None; a body is read and forgotten.
    Nothing,
    /// JSON.
    Json,
    /// JSON, and raw bytes of tensors after it.
    Tensors,
    /// JSON, or CSV.
    Tables,
}

impl Takes {
    /// Whether a body of this media type may be of use. Clients that do not care (curl -d, wrk) send the form type or a
    /// binary one: their body is still JSON or refused.
    pub(crate) fn allows(self, media_type: &str) -> bool {
        let is_json = media_type.ends_with("/json") || media_type.ends_with("+json");
        let is_careless = [
            "application/x-www-form-urlencoded",
            "application/octet-stream",
            "",
        ]
        .contains(&media_type);
        match self {
            Self::Nothing => true,
            Self::Json | Self::Tensors => is_json || is_careless,
            Self::Tables => is_json || is_careless || media_type == "text/csv",
        }
    }
}

/// What a route does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Predict,
    Infer,
    TensorflowPredict,
    TensorflowStatus,
    TensorflowMetadata,
    Classify,
    Regress,
    Invoke(Cloud),
    Feedback,
    ServerMetadata,
    ModelMetadata,
    ModelReady,
    Models,
    ModelConfig,
    ModelStats,
    AllStats,
    RepositoryIndex,
    RepositoryLoad,
    RepositoryUnload,
    Live,
    Ready,
    Metrics,
    AdminStatus,
    AdminReload,
}

/// A row of the table.
#[derive(Debug)]
pub(crate) struct Route {
    /// The name in the access log and among slow requests.
    pub(crate) name: &'static str,
    pub(crate) method: &'static str,
    /// Its parts `{name}`, `{version}` and `{variant}` stand for any name, number and name, `{_}` for any
    /// text.
    pub(crate) path: &'static str,
    /// How many bytes of the path stand before its first part.
    pub(crate) prefix: usize,
    pub(crate) authorisation: Authorisation,
    pub(crate) takes: Takes,
    pub(crate) operation: Operation,
}

/// A request that has its route and its whole body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) target: Target<'a>,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    /// When the whole body was there.
    pub(crate) arrival: Arrival,
}

use Authorisation::{Admin, Nobody, Operator, Serving};
use Takes::{Json, Nothing, Tables, Tensors};

const fn prefix(path: &str) -> usize {
    let (bytes, mut length) = (path.as_bytes(), 0);
    while length < bytes.len() && bytes[length] != b'{' {
        length += 1;
    }
    length
}

const fn get(
    name: &'static str,
    path: &'static str,
    authorisation: Authorisation,
    operation: Operation,
) -> Route {
    Route {
        name,
        method: "GET",
        path,
        prefix: prefix(path),
        authorisation,
        takes: Nothing,
        operation,
    }
}

const fn post(
    name: &'static str,
    path: &'static str,
    authorisation: Authorisation,
    takes: Takes,
    operation: Operation,
) -> Route {
    Route {
        name,
        method: "POST",
        path,
        prefix: prefix(path),
        authorisation,
        takes,
        operation,
    }
}

/// Every endpoint of the server; those of the hot path come first.
#[rustfmt::skip] // a table: one row, one line
pub(crate) static ROUTES: [Route; 49] = [
    post("predict", "/v1/predict/{name}", Serving, Json, Operation::Predict),
    post("tensorflow_predict", "/v1/models/{name}:predict", Serving, Json, Operation::TensorflowPredict),
    post("infer", "/v2/models/{name}/infer", Serving, Tensors, Operation::Infer),
    post("feedback", "/v1/feedback", Serving, Json, Operation::Feedback),
    get("live", "/health", Nobody, Operation::Live),
    get("live", "/healthz", Nobody, Operation::Live),
    get("ready", "/readyz", Nobody, Operation::Ready),
    get("metrics", "/metrics", Serving, Operation::Metrics),
    get("live", "/v2/health/live", Nobody, Operation::Live),
    get("ready", "/v2/health/ready", Nobody, Operation::Ready),
    get("server_metadata", "/v2", Nobody, Operation::ServerMetadata),
    post("infer", "/v2/models/{name}/versions/{version}/infer", Serving, Tensors, Operation::Infer),
    get("model_stats", "/v2/models/stats", Serving, Operation::AllStats),
    get("models", "/v2/models", Serving, Operation::Models),
    get("model_ready", "/v2/models/{name}/ready", Serving, Operation::ModelReady),
    get("model_ready", "/v2/models/{name}/versions/{version}/ready", Serving, Operation::ModelReady),
    get("model_metadata", "/v2/models/{name}", Serving, Operation::ModelMetadata),
    get("model_metadata", "/v2/models/{name}/versions/{version}", Serving, Operation::ModelMetadata),
    get("model_config", "/v2/models/{name}/config", Serving, Operation::ModelConfig),
    get("model_config", "/v2/models/{name}/versions/{version}/config", Serving, Operation::ModelConfig),
    get("model_stats", "/v2/models/{name}/stats", Serving, Operation::ModelStats),
    get("model_stats", "/v2/models/{name}/versions/{version}/stats", Serving, Operation::ModelStats),
    post("repository_index", "/v2/repository/index", Serving, Json, Operation::RepositoryIndex),
    post("repository_load", "/v2/repository/models/{name}/load", Operator, Json, Operation::RepositoryLoad),
    post("repository_unload", "/v2/repository/models/{name}/unload", Operator, Json, Operation::RepositoryUnload),
    post("tensorflow_predict", "/v1/models/{name}/versions/{version}:predict", Serving, Json, Operation::TensorflowPredict),
    post("tensorflow_predict", "/v1/models/{name}/labels/{variant}:predict", Serving, Json, Operation::TensorflowPredict),
    post("classify", "/v1/models/{name}:classify", Serving, Json, Operation::Classify),
    post("classify", "/v1/models/{name}/versions/{version}:classify", Serving, Json, Operation::Classify),
    post("classify", "/v1/models/{name}/labels/{variant}:classify", Serving, Json, Operation::Classify),
    post("regress", "/v1/models/{name}:regress", Serving, Json, Operation::Regress),
    post("regress", "/v1/models/{name}/versions/{version}:regress", Serving, Json, Operation::Regress),
    post("regress", "/v1/models/{name}/labels/{variant}:regress", Serving, Json, Operation::Regress),
    get("models", "/v1/models", Serving, Operation::Models),
    get("tensorflow_status", "/v1/models/{name}", Serving, Operation::TensorflowStatus),
    get("tensorflow_status", "/v1/models/{name}/versions/{version}", Serving, Operation::TensorflowStatus),
    get("tensorflow_status", "/v1/models/{name}/labels/{variant}", Serving, Operation::TensorflowStatus),
    get("tensorflow_metadata", "/v1/models/{name}/metadata", Serving, Operation::TensorflowMetadata),
    get("tensorflow_metadata", "/v1/models/{name}/versions/{version}/metadata", Serving, Operation::TensorflowMetadata),
    get("tensorflow_metadata", "/v1/models/{name}/labels/{variant}/metadata", Serving, Operation::TensorflowMetadata),
    get("ready", "/ping", Nobody, Operation::Ready),
    post("sagemaker", "/invocations", Serving, Tables, Operation::Invoke(Cloud::Sagemaker)),
    post("sagemaker", "/endpoints/{name}/invocations", Serving, Tables, Operation::Invoke(Cloud::Sagemaker)),
    post("vertex", "/predict", Serving, Json, Operation::Invoke(Cloud::Vertex)),
    post("vertex", "/v1/projects/{_}/locations/{_}/endpoints/{name}:predict", Serving, Json, Operation::Invoke(Cloud::Vertex)),
    get("live", "/", Nobody, Operation::Live),
    post("azure", "/score", Serving, Json, Operation::Invoke(Cloud::Azure)),
    get("admin_status", "/admin/status", Admin, Operation::AdminStatus),
    post("admin_reload", "/admin/reload", Admin, Nothing, Operation::AdminReload),
];

/// Do what the route says.
pub(crate) async fn operate(
    shared: &Shared,
    operation: Operation,
    call: Call<'_>,
) -> Result<Reply, ApiError> {
    match operation {
        Operation::Predict => predict::predict(shared, call).await,
        Operation::Infer => tensors::infer(shared, call).await,
        Operation::TensorflowPredict => tensorflow::predict(shared, call).await,
        Operation::TensorflowStatus => tensorflow_model::status(shared, call.target),
        Operation::TensorflowMetadata => tensorflow_model::metadata(shared, call.target),
        Operation::Classify => examples::classify(shared, call).await,
        Operation::Regress => examples::regress(shared, call).await,
        Operation::Invoke(cloud) => cloud::invoke(shared, call, cloud).await,
        Operation::Feedback => feedback::take(shared, call.body),
        Operation::ServerMetadata => Ok(metadata::server()),
        Operation::ModelMetadata => metadata::model(shared, call.target),
        Operation::ModelReady => metadata::model_ready(shared, call.target),
        Operation::Models => Ok(metadata::models(shared)),
        Operation::ModelConfig => triton::config(shared, call.target),
        Operation::ModelStats => triton::model_stats(shared, call.target),
        Operation::AllStats => Ok(triton::all_stats(shared)),
        Operation::RepositoryIndex => triton::index(shared, call.body),
        Operation::RepositoryLoad => triton::load(shared, call.target, call.body),
        Operation::RepositoryUnload => triton::unload(shared, call.target),
        Operation::Live => Ok(Reply::json(br#"{"live":true}"#.to_vec())),
        Operation::Ready => Ok(metadata::ready(shared)),
        Operation::Metrics => Ok(admin::metrics(shared, call.headers)),
        Operation::AdminStatus => Ok(admin::status(shared)),
        Operation::AdminReload => Ok(admin::reload(shared)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // promise: serve.routes-declare
    #[test]
    fn every_route_declares_who_may_call_it_and_with_what() {
        for route in &ROUTES {
            let name = route.name;
            let is_admin_path = route.path.starts_with("/admin/");
            assert_eq!(route.authorisation == Admin, is_admin_path, "{name}");
            let is_change = ["/load", "/unload"]
                .iter()
                .any(|end| route.path.ends_with(end));
            assert_eq!(route.authorisation == Operator, is_change, "{name}");
            let is_probe = matches!(
                route.operation,
                Operation::Live | Operation::Ready | Operation::ServerMetadata
            );
            assert_eq!(route.authorisation == Nobody, is_probe, "{name}");
            assert!(["GET", "POST"].contains(&route.method), "{name}");
            let has_body = route.method == "POST" && route.operation != Operation::AdminReload;
            assert_eq!(route.takes != Nothing, has_body, "{name}");
        }
    }

    #[test]
    fn patterns_are_unique_and_have_known_parts() {
        for (place, route) in ROUTES.iter().enumerate() {
            let rest = ["{name}", "{version}", "{variant}", "{_}"]
                .iter()
                .fold(route.path.to_owned(), |path, part| path.replace(part, ""));
            assert!(!rest.contains(['{', '}']), "{}", route.path);
            let is_new = |other: &Route| (other.method, other.path) != (route.method, route.path);
            assert!(ROUTES[..place].iter().all(is_new), "{}", route.path);
        }
    }
}
