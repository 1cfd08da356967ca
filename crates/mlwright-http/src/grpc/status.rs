//! The one place where failures become gRPC: a code, the same text as over HTTP, and trailers for programs.

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use tonic::{Code, Status};

use crate::errors::ApiError;

/// Most characters of a message: trailers are headers, and callers bound them.
const MESSAGE: usize = 1000;

/// What a caller may compress with, told to one whose message cannot be read.
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const CODE: HeaderName = HeaderName::from_static("mlwright-code");
const HINT: HeaderName = HeaderName::from_static("mlwright-hint");
const REQUEST_ID: HeaderName = HeaderName::from_static("mlwright-request-id");
/// When a caller that retries by itself may do so.
const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

/// The code of an error.
pub(crate) fn code_of(error: &ApiError) -> Code {
    match error {
        ApiError::Json(_)
        | ApiError::Shape(_)
        | ApiError::Type(_)
        | ApiError::Host
        | ApiError::MediaType(_)
        | ApiError::FeedbackId { .. }
        | ApiError::Contract { .. } => Code::InvalidArgument,
        ApiError::Unauthorised => Code::Unauthenticated,
        ApiError::NotFound | ApiError::Method(_) | ApiError::Encoding(_) => Code::Unimplemented,
        ApiError::ModelUnknown(_) | ApiError::DeploymentUnknown(_) => Code::NotFound,
        ApiError::Timeout(_) | ApiError::Deadline => Code::DeadlineExceeded,
        ApiError::TooLarge(_) => Code::ResourceExhausted,
        ApiError::Fixed => Code::FailedPrecondition,
        ApiError::Overloaded | ApiError::NotReady => Code::Unavailable,
        ApiError::Internal => Code::Internal,
    }
}

/// Trailers of an answer that went well.
pub(crate) fn good() -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert(Status::GRPC_STATUS, HeaderValue::from_static("0"));
    trailers
}

/// Trailers of a refusal.
pub(crate) fn refusal(error: &ApiError, request_id: &str) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    let message: String = error.message().chars().take(MESSAGE).collect();
    let status = Status::new(code_of(error), message);
    if status.add_header(&mut trailers).is_err() {
        // The text cannot be written as a header: the code alone has to do.
        trailers.insert(Status::GRPC_STATUS, HeaderValue::from(status.code() as i32));
    }
    if matches!(error, ApiError::Encoding(_)) {
        trailers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    trailers.insert(CODE, HeaderValue::from_static(error.code()));
    trailers.insert(HINT, HeaderValue::from_static(error.hint()));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        trailers.insert(REQUEST_ID, id);
    }
    if let Some(seconds) = error.retry_after() {
        trailers.insert(PUSHBACK, HeaderValue::from(seconds * 1000));
    }
    trailers
}
