//! From one HTTP request to one HTTP answer: limits first, then authorisation, then the body, then the operation.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER,
};
use hyper::{Request, Response, StatusCode};

use crate::errors::ApiError;
use crate::reply::Reply;
use crate::routes::{Door, ROUTES, find, has_error_field, operate};
use crate::shared::Shared;

/// Most bytes of a URL.
const URL_BYTES: usize = 8 << 10;

/// Answer one request; every failure becomes an answer.
pub(crate) async fn answer(
    shared: Arc<Shared>,
    door: Door,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let mut is_whole = false;
    let mut route = None;
    let outcome = match admit(&shared, door, &parts, body.size_hint().exact()) {
        Ok((place, target)) => {
            route = Some(place);
            match read_body(&shared, body).await {
                Ok(bytes) => {
                    is_whole = true;
                    run(&shared, place, target, &bytes)
                }
                Err(error) => Err(error),
            }
        }
        Err(error) => {
            is_whole = body.is_end_stream();
            Err(error)
        }
    };
    let reply = outcome.unwrap_or_else(|error| refuse(&shared, &error, path));
    shared
        .counters
        .count(route, reply.status, started.elapsed());
    Ok(respond(reply, !is_whole || shared.is_draining()))
}

fn admit<'a>(
    shared: &Shared,
    door: Door,
    parts: &'a hyper::http::request::Parts,
    length: Option<u64>,
) -> Result<(usize, crate::routes::Target<'a>), ApiError> {
    if parts.uri.path().len() > URL_BYTES {
        return Err(ApiError::TooLarge(format!(
            "the URL has more than {URL_BYTES} bytes"
        )));
    }
    let (place, target) = find(door, parts.method.as_str(), parts.uri.path())?;
    let header = parts.headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
    if !shared.allows(ROUTES[place].authorisation, header) {
        return Err(ApiError::Unauthorised);
    }
    if ROUTES[place].method == "POST" {
        check_media_type(parts)?;
    }
    let limit = shared.limits.body_bytes;
    if length.is_some_and(|length| length > limit as u64) {
        return Err(ApiError::TooLarge(format!(
            "the body has more than {limit} bytes"
        )));
    }
    Ok((place, target))
}

fn check_media_type(parts: &hyper::http::request::Parts) -> Result<(), ApiError> {
    let Some(found) = parts.headers.get(CONTENT_TYPE) else {
        return Ok(());
    };
    let text = found.to_str().unwrap_or("?");
    let kind = text
        .split(';')
        .next()
        .unwrap_or("")
        .trim()
        .to_ascii_lowercase();
    // Clients that do not care (curl -d, wrk) send the form type or a binary one: their body is still JSON or refused.
    let is_careless = [
        "application/x-www-form-urlencoded",
        "application/octet-stream",
        "",
    ]
    .contains(&kind.as_str());
    if kind.ends_with("/json") || kind.ends_with("+json") || is_careless {
        return Ok(());
    }
    Err(ApiError::MediaType(text.chars().take(100).collect()))
}

async fn read_body(shared: &Shared, body: Incoming) -> Result<Bytes, ApiError> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let allowed = shared.limits.body_timeout_ms;
    tokio::time::timeout(
        Duration::from_millis(allowed),
        collect(body, shared.limits.body_bytes),
    )
    .await
    .unwrap_or(Err(ApiError::Timeout(allowed)))
}

async fn collect(mut body: Incoming, limit: usize) -> Result<Bytes, ApiError> {
    let mut first = Bytes::new();
    let mut rest: Vec<u8> = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| ApiError::Shape("the body broke off".to_owned()))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if first.len().max(rest.len()) + data.len() > limit {
            return Err(ApiError::TooLarge(format!(
                "the body has more than {limit} bytes"
            )));
        }
        if first.is_empty() && rest.is_empty() {
            first = data;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&first);
            }
            rest.extend_from_slice(&data);
        }
    }
    Ok(if rest.is_empty() {
        first
    } else {
        Bytes::from(rest)
    })
}

/// A panic costs this request a 500 and nothing else.
fn run(
    shared: &Shared,
    place: usize,
    target: crate::routes::Target<'_>,
    body: &[u8],
) -> Result<Reply, ApiError> {
    let received = Instant::now();
    catch_unwind(AssertUnwindSafe(|| {
        operate(shared, ROUTES[place].operation, target, body, received)
    }))
    .unwrap_or_else(|_| {
        shared.counters.panics.fetch_add(1, Ordering::Relaxed);
        Err(ApiError::Internal)
    })
}

fn refuse(shared: &Shared, error: &ApiError, path: &str) -> Reply {
    let body = error.body(&shared.next_request_id(), has_error_field(path));
    Reply {
        retry_after: error.retry_after(),
        ..Reply::with_status(error.status(), body)
    }
}

fn respond(reply: Reply, is_last: bool) -> Response<Full<Bytes>> {
    let length = reply.body.len();
    let mut response = Response::new(Full::new(Bytes::from(reply.body)));
    *response.status_mut() =
        StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    if let Some(seconds) = reply.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if is_last {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
