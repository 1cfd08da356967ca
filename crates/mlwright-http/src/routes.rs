//! The route table: method, path, authorisation and operation of every endpoint, and the one dispatch over it.

use std::time::Instant;

use crate::admin;
use crate::errors::ApiError;
use crate::feedback;
use crate::metadata;
use crate::predict;
use crate::reply::Reply;
use crate::shared::Shared;
use crate::tensorflow;
use crate::tensors;

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Authorisation {
    /// Everybody: probes.
    Nobody,
    /// Callers with the serving token.
    Serving,
    /// Operators with the admin token, on the admin listener only.
    Admin,
}

/// What a route does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Predict,
    Infer,
    TensorflowPredict,
    TensorflowStatus,
    Feedback,
    ServerMetadata,
    ModelMetadata,
    ModelReady,
    Live,
    Ready,
    Metrics,
    AdminStatus,
    AdminReload,
}

/// One part of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// This very text.
    Is(&'static str),
    /// The name of a deployment or model.
    Name,
    /// A version number.
    Version,
    /// A name followed by `:predict`.
    NamePredict,
    /// A version number followed by `:predict`.
    VersionPredict,
}

/// A row of the table.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) name: &'static str,
    pub(crate) method: &'static str,
    pub(crate) path: &'static [Part],
    pub(crate) authorisation: Authorisation,
    pub(crate) operation: Operation,
}

use Authorisation::{Admin, Nobody, Serving};
use Part::{Is, Name, NamePredict, Version, VersionPredict};

const fn row(
    name: &'static str,
    method: &'static str,
    path: &'static [Part],
    authorisation: Authorisation,
    operation: Operation,
) -> Route {
    Route {
        name,
        method,
        path,
        authorisation,
        operation,
    }
}

const V2_MODEL: &[Part] = &[Is("v2"), Is("models"), Name];
const V2_VERSION: &[Part] = &[Is("v2"), Is("models"), Name, Is("versions"), Version];
const V2_INFER: &[Part] = &[Is("v2"), Is("models"), Name, Is("infer")];
const V2_VERSION_INFER: &[Part] = &[
    Is("v2"),
    Is("models"),
    Name,
    Is("versions"),
    Version,
    Is("infer"),
];
const V2_READY: &[Part] = &[Is("v2"), Is("models"), Name, Is("ready")];
const V2_VERSION_READY: &[Part] = &[
    Is("v2"),
    Is("models"),
    Name,
    Is("versions"),
    Version,
    Is("ready"),
];
const V1_PREDICT: &[Part] = &[Is("v1"), Is("models"), NamePredict];
const V1_VERSION_PREDICT: &[Part] = &[Is("v1"), Is("models"), Name, Is("versions"), VersionPredict];

/// Every endpoint of the server.
pub(crate) static ROUTES: [Route; 20] = [
    row(
        "predict",
        "POST",
        &[Is("v1"), Is("predict"), Name],
        Serving,
        Operation::Predict,
    ),
    row(
        "tensorflow_predict",
        "POST",
        V1_PREDICT,
        Serving,
        Operation::TensorflowPredict,
    ),
    row("infer", "POST", V2_INFER, Serving, Operation::Infer),
    row(
        "feedback",
        "POST",
        &[Is("v1"), Is("feedback")],
        Serving,
        Operation::Feedback,
    ),
    row(
        "tensorflow_predict",
        "POST",
        V1_VERSION_PREDICT,
        Serving,
        Operation::TensorflowPredict,
    ),
    row(
        "tensorflow_status",
        "GET",
        &[Is("v1"), Is("models"), Name],
        Serving,
        Operation::TensorflowStatus,
    ),
    row("infer", "POST", V2_VERSION_INFER, Serving, Operation::Infer),
    row(
        "server_metadata",
        "GET",
        &[Is("v2")],
        Nobody,
        Operation::ServerMetadata,
    ),
    row(
        "live",
        "GET",
        &[Is("v2"), Is("health"), Is("live")],
        Nobody,
        Operation::Live,
    ),
    row(
        "ready",
        "GET",
        &[Is("v2"), Is("health"), Is("ready")],
        Nobody,
        Operation::Ready,
    ),
    row("live", "GET", &[Is("health")], Nobody, Operation::Live),
    row("live", "GET", &[Is("healthz")], Nobody, Operation::Live),
    row("ready", "GET", &[Is("readyz")], Nobody, Operation::Ready),
    row(
        "metrics",
        "GET",
        &[Is("metrics")],
        Serving,
        Operation::Metrics,
    ),
    row(
        "model_ready",
        "GET",
        V2_READY,
        Serving,
        Operation::ModelReady,
    ),
    row(
        "model_ready",
        "GET",
        V2_VERSION_READY,
        Serving,
        Operation::ModelReady,
    ),
    row(
        "model_metadata",
        "GET",
        V2_MODEL,
        Serving,
        Operation::ModelMetadata,
    ),
    row(
        "model_metadata",
        "GET",
        V2_VERSION,
        Serving,
        Operation::ModelMetadata,
    ),
    row(
        "admin_status",
        "GET",
        &[Is("admin"), Is("status")],
        Admin,
        Operation::AdminStatus,
    ),
    row(
        "admin_reload",
        "POST",
        &[Is("admin"), Is("reload")],
        Admin,
        Operation::AdminReload,
    ),
];

/// Which listener a request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// Predictions.
    Serving,
    /// Operators.
    Admin,
}

/// What a path says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: Option<u32>,
}

/// Find the route of a request.
pub(crate) fn find<'a>(
    door: Door,
    method: &str,
    path: &'a str,
) -> Result<(usize, Target<'a>), ApiError> {
    let mut allowed = None;
    for (place, route) in ROUTES.iter().enumerate() {
        if (route.authorisation == Admin) != (door == Door::Admin) {
            continue;
        }
        let Some(target) = matches(route.path, path) else {
            continue;
        };
        if route.method == method {
            return Ok((place, target));
        }
        allowed = Some(route.method);
    }
    Err(allowed.map_or(ApiError::NotFound, ApiError::Method))
}

fn matches<'a>(parts: &[Part], path: &'a str) -> Option<Target<'a>> {
    let mut pieces = path.strip_prefix('/')?.split('/');
    let mut target = Target {
        name: "",
        version: None,
    };
    for part in parts {
        let piece = pieces.next()?;
        match part {
            Is(text) if piece == *text => {}
            Is(_) => return None,
            Name => target.name = name(piece)?,
            NamePredict => target.name = name(piece.strip_suffix(":predict")?)?,
            Version => target.version = Some(version(piece)?),
            VersionPredict => target.version = Some(version(piece.strip_suffix(":predict")?)?),
        }
    }
    pieces.next().is_none().then_some(target)
}

fn version(piece: &str) -> Option<u32> {
    let is_number = piece.bytes().all(|byte| byte.is_ascii_digit());
    piece.parse().ok().filter(|_| is_number)
}

fn name(piece: &str) -> Option<&str> {
    (!piece.is_empty() && !piece.contains(':')).then_some(piece)
}

/// Whether a protocol's clients look for a field `error`.
pub(crate) fn has_error_field(path: &str) -> bool {
    path.starts_with("/v2") || path.starts_with("/v1/models")
}

/// Do what the route says.
pub(crate) fn operate(
    shared: &Shared,
    operation: Operation,
    target: Target<'_>,
    body: &[u8],
    received: Instant,
) -> Result<Reply, ApiError> {
    match operation {
        Operation::Predict => predict::predict(shared, target, body, received),
        Operation::Infer => tensors::infer(shared, target, body, received),
        Operation::TensorflowPredict => tensorflow::predict(shared, target, body, received),
        Operation::TensorflowStatus => tensorflow::status(shared, target),
        Operation::Feedback => feedback::take(shared, body),
        Operation::ServerMetadata => Ok(metadata::server()),
        Operation::ModelMetadata => metadata::model(shared, target),
        Operation::ModelReady => metadata::model_ready(shared, target),
        Operation::Live => Ok(Reply::json(br#"{"live":true}"#.to_vec())),
        Operation::Ready => Ok(metadata::ready(shared)),
        Operation::Metrics => Ok(admin::metrics(shared)),
        Operation::AdminStatus => Ok(admin::status(shared)),
        Operation::AdminReload => Ok(admin::reload(shared)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // promise: serve.routes-declare
    #[test]
    fn every_route_declares_who_may_call_it() {
        for route in &ROUTES {
            let is_admin_path = route.path.first() == Some(&Is("admin"));
            assert_eq!(
                route.authorisation == Admin,
                is_admin_path,
                "{}",
                route.name
            );
            let is_probe = matches!(
                route.operation,
                Operation::Live | Operation::Ready | Operation::ServerMetadata
            );
            assert_eq!(route.authorisation == Nobody, is_probe, "{}", route.name);
        }
    }

    #[test]
    fn paths_name_their_model_and_version() {
        let find = |method, path| {
            find(Door::Serving, method, path).map(|(place, target)| (ROUTES[place].name, target))
        };
        let target = |name, version| Target { name, version };
        assert_eq!(
            find("POST", "/v1/predict/a"),
            Ok(("predict", target("a", None)))
        );
        assert_eq!(
            find("POST", "/v1/models/a:predict"),
            Ok(("tensorflow_predict", target("a", None)))
        );
        assert_eq!(
            find("POST", "/v1/models/a/versions/3:predict"),
            Ok(("tensorflow_predict", target("a", Some(3))))
        );
        assert_eq!(
            find("POST", "/v2/models/a/versions/3/infer"),
            Ok(("infer", target("a", Some(3))))
        );
        assert_eq!(
            find("GET", "/v2/models/a"),
            Ok(("model_metadata", target("a", None)))
        );
        assert_eq!(find("GET", "/v1/predict/a"), Err(ApiError::Method("POST")));
        for path in [
            "/",
            "",
            "/v1/predict",
            "/v1/predict/",
            "/v1/predict/a/b",
            "/admin/status",
            "//v2",
            "/v2/",
        ] {
            assert_eq!(find("POST", path), Err(ApiError::NotFound), "{path}");
        }
    }
}
