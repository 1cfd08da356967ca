//! Every way to say no, with its stable code, status and hint; the one place where failures become HTTP.

use mlwright_features::Violation;
use mlwright_serve::ServeError;

use crate::json::JsonError;
use crate::text::{push_integer, push_text};

/// Code, HTTP status and meaning; `docs/reference/errors.md` is generated from these rows.
pub(crate) type Row = (&'static str, u16, &'static str);

const JSON: Row = ("request.json", 400, "The body is not strict JSON");
const TOO_DEEP: Row = (
    "request.too-deep",
    400,
    "Lists and objects inside each other beyond the limit",
);
const SHAPE: Row = (
    "request.shape",
    400,
    "The body is JSON but not of the form that the route takes",
);
const TYPE: Row = ("request.type", 400, "A value or tensor has the wrong type");
const HOST: Row = (
    "request.host",
    400,
    "HTTP/1.1 demands one `Host` of each request",
);
const UNAUTHORISED: Row = (
    "request.unauthorised",
    401,
    "The bearer token is missing or wrong",
);
const NOT_FOUND: Row = ("request.not-found", 404, "No such route");
const MODEL_UNKNOWN: Row = ("model.unknown", 404, "No such model or version is served");
const DEPLOYMENT_UNKNOWN: Row = ("deployment.unknown", 404, "No such deployment is served");
const METHOD: Row = ("request.method", 405, "The route takes another method");
const TIMEOUT: Row = ("request.timeout", 408, "The body did not arrive in time");
const TOO_LARGE: Row = (
    "request.too-large",
    413,
    "The body, the URL or the number of rows is over the limit",
);
const MEDIA_TYPE: Row = (
    "request.media-type",
    415,
    "The content type, or the coding of the content, is not one that the route takes",
);
const ENCODING: Row = (
    "request.encoding",
    415,
    "A message of a remote call is compressed, which this server does not read",
);
const DEADLINE: Row = (
    "request.deadline",
    408,
    "The answer was not there by the deadline that the caller set",
);
const FEEDBACK_ID: Row = (
    "request.type",
    422,
    "A feedback id is not of the form of a prediction id",
);
const FIXED: Row = (
    "deployment.fixed",
    409,
    "The deployment document says what is served; only the control plane changes it",
);
const INTERNAL: Row = (
    "server.internal",
    500,
    "A bug; the request id is in the server's log",
);
const OVERLOADED: Row = (
    "server.overloaded",
    503,
    "Too many requests at once; try again after Retry-After",
);
const NOT_READY: Row = ("server.not-ready", 503, "Nothing is loaded yet");

/// Contract violations are all 422; their codes follow `ViolationKind`.
pub(crate) const CONTRACT: [Row; 8] = [
    (
        "contract.missing-column",
        422,
        "A column that the model needs is missing",
    ),
    (
        "contract.unknown-column",
        422,
        "A column that the contract does not know",
    ),
    (
        "contract.type",
        422,
        "A value of another type than the contract says",
    ),
    ("contract.null", 422, "Null where the contract allows none"),
    (
        "contract.range",
        422,
        "A number beyond the hard limits of the contract",
    ),
    (
        "contract.nan",
        422,
        "NaN or infinity where the contract allows none",
    ),
    ("contract.level", 422, "A level outside a closed list"),
    (
        "contract.length",
        422,
        "A text longer than the contract allows",
    ),
];

/// A request that is not answered as asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ApiError {
    Json(JsonError),
    Shape(String),
    Type(String),
    Host,
    Unauthorised,
    NotFound,
    ModelUnknown(String),
    DeploymentUnknown(String),
    Method(&'static str),
    Timeout(u64),
    TooLarge(String),
    MediaType(String),
    Encoding(String),
    Deadline,
    FeedbackId { row: usize },
    Contract { violation: Violation, row: usize },
    Fixed,
    Overloaded,
    NotReady,
    Internal,
}

impl From<JsonError> for ApiError {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}

impl From<ServeError> for ApiError {
    fn from(error: ServeError) -> Self {
        match error {
            ServeError::Contract { violation, row } => Self::Contract { violation, row },
            ServeError::Tensor(message) => Self::Shape(message),
            ServeError::Overloaded => Self::Overloaded,
            ServeError::Late => Self::Deadline,
            ServeError::Package(_)
            | ServeError::Feature(_)
            | ServeError::Model(_)
            | ServeError::Onnx(_)
            | ServeError::Unfit(_)
            | ServeError::Document(_)
            | ServeError::Panicked
            | ServeError::Log(_) => {
                eprintln!("server.internal: {error}");
                Self::Internal
            }
        }
    }
}

impl ApiError {
    fn row(&self) -> Row {
        match self {
            Self::Json(JsonError::Syntax(..)) => JSON,
            Self::Json(JsonError::TooDeep(_)) => TOO_DEEP,
            Self::Shape(_) => SHAPE,
            Self::Type(_) => TYPE,
            Self::Host => HOST,
            Self::Unauthorised => UNAUTHORISED,
            Self::NotFound => NOT_FOUND,
            Self::ModelUnknown(_) => MODEL_UNKNOWN,
            Self::DeploymentUnknown(_) => DEPLOYMENT_UNKNOWN,
            Self::Method(_) => METHOD,
            Self::Timeout(_) => TIMEOUT,
            Self::TooLarge(_) => TOO_LARGE,
            Self::MediaType(_) => MEDIA_TYPE,
            Self::Encoding(_) => ENCODING,
            Self::Deadline => DEADLINE,
            Self::FeedbackId { .. } => FEEDBACK_ID,
            Self::Contract { violation, .. } => {
                let code = violation.kind.code();
                CONTRACT
                    .into_iter()
                    .find(|row| row.0 == code)
                    .unwrap_or((code, 422, ""))
            }
            Self::Fixed => FIXED,
            Self::Overloaded => OVERLOADED,
            Self::NotReady => NOT_READY,
            Self::Internal => INTERNAL,
        }
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> u16 {
        self.row().1
    }

    /// The stable code.
    pub(crate) fn code(&self) -> &'static str {
        self.row().0
    }

    /// What happened.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Json(JsonError::Syntax(what, at)) => format!("{what}, at byte {at}"),
            Self::Json(JsonError::TooDeep(limit)) => {
                format!("lists and objects lie inside each other more than {limit} deep")
            }
            Self::Shape(message) | Self::Type(message) | Self::TooLarge(message) => message.clone(),
            Self::Host => "the request does not name one host".to_owned(),
            Self::Unauthorised => "the bearer token is missing or wrong".to_owned(),
            Self::NotFound => "there is no such route".to_owned(),
            Self::ModelUnknown(name) => format!("no model {name:?} is served"),
            Self::DeploymentUnknown(name) => format!("no deployment {name:?} is served"),
            Self::Method(_) => "the route takes another method".to_owned(),
            Self::Timeout(ms) => format!("the body did not arrive within {ms} ms"),
            Self::MediaType(found) => {
                format!("the route does not take {found:?}")
            }
            Self::Encoding(found) => format!("{found} came, this server reads none"),
            Self::Deadline => "the answer was not there by the deadline".to_owned(),
            Self::FeedbackId { row } => format!("the id of entry {row} is not a prediction id"),
            Self::Contract { violation, row } => format!("row {row}: {}", violation.message),
            Self::Fixed => {
                "the deployment document says what is served, callers cannot change it".to_owned()
            }
            Self::Overloaded => "too many requests at once".to_owned(),
            Self::NotReady => "nothing is loaded yet".to_owned(),
            Self::Internal => "the server failed on this request".to_owned(),
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::Json(_) => {
                "send strict JSON: no NaN, no duplicate keys, no bytes after the document"
            }
            Self::Shape(_) => {
                "GET /v2/models/NAME shows inputs and shapes; docs/reference/formats.md the bodies"
            }
            Self::Type(_) => "GET /v2/models/NAME shows the datatypes",
            Self::Host => "send the header `Host` once",
            Self::Unauthorised => {
                "send `Authorization: Bearer TOKEN`; the token is in .mlwright/run/token"
            }
            Self::NotFound => {
                "POST /v1/predict/DEPLOYMENT, /v2/models/NAME/infer or /v1/models/NAME:predict"
            }
            Self::ModelUnknown(_) | Self::DeploymentUnknown(_) => {
                "`mlwright status` lists what is served"
            }
            Self::Method(allowed) => match *allowed {
                "GET" => "use GET",
                _ => "use POST",
            },
            Self::Timeout(_) => "send the body at once, or raise body_timeout_ms",
            Self::TooLarge(_) => "send fewer rows in one request",
            Self::MediaType(_) => {
                "send `Content-Type: application/json`, without a Content-Encoding"
            }
            Self::Encoding(_) => "send messages without compression",
            Self::Deadline => "allow more time, or send fewer rows in one request",
            Self::FeedbackId { .. } => {
                "use the `id` that came with the prediction: 26 hex characters"
            }
            Self::Contract { .. } => "mend the value, or the rule in contract.json and train again",
            Self::Fixed => {
                "change the deployment with `mlwright run`, `mlwright up` or `mlwright rollback`"
            }
            Self::Overloaded => "try again after the seconds in Retry-After",
            Self::NotReady => "wait until GET /v2/health/ready answers 200",
            Self::Internal => "report it with the request id; the next request is not affected",
        }
    }

    /// Seconds for `Retry-After`.
    pub(crate) fn retry_after(&self) -> Option<u32> {
        matches!(self, Self::Overloaded | Self::NotReady).then_some(1)
    }

    /// The problem as JSON; protocols that know a field `error` get it too.
    pub(crate) fn body(&self, request_id: &str, has_error_field: bool) -> Vec<u8> {
        let (code, _, _) = self.row();
        let message = self.message();
        let mut body = Vec::with_capacity(256);
        let mut opening: &[u8] = b"{";
        let mut push = |key: &str, write: &dyn Fn(&mut Vec<u8>)| {
            body.extend_from_slice(std::mem::replace(&mut opening, b","));
            push_text(&mut body, key);
            body.push(b':');
            write(&mut body);
        };
        push("code", &|out| push_text(out, code));
        push("message", &|out| push_text(out, &message));
        push("hint", &|out| push_text(out, self.hint()));
        push("request_id", &|out| push_text(out, request_id));
        if let Self::Contract { violation, .. } = self {
            push("column", &|out| push_text(out, violation.column.as_str()));
        }
        if let Self::Contract { row, .. } | Self::FeedbackId { row } = self {
            push("row", &|out| push_integer(out, *row as i64));
        }
        if has_error_field {
            push("error", &|out| push_text(out, &message));
        }
        body.push(b'}');
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mlwright_features::ViolationKind;

    #[test]
    fn every_violation_has_its_row() {
        for kind in ViolationKind::ALL {
            let violation = Violation {
                kind,
                column: "a".into(),
                message: "m".into(),
            };
            let error = ApiError::Contract { violation, row: 3 };
            assert_eq!(error.status(), 422);
            let body: serde_json::Value =
                serde_json::from_slice(&error.body("r", true)).expect("JSON");
            assert_eq!(body["code"], kind.code());
            assert_eq!((&body["column"], &body["row"]), (&"a".into(), &3.into()));
            assert_eq!(body["error"], body["message"]);
        }
    }
}
