//! From one HTTP request to one HTTP answer: limits first, then authorisation, then the body, then the operation.

use std::convert::Infallible;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode, Version};

use mlwright_serve::Arrival;

use crate::errors::ApiError;
use crate::headers::{Headers, text};
use crate::paths::{Door, Target, find, has_error_field};
use crate::reply::Reply;
use crate::routes::{Authorisation, Call, ROUTES, Takes, operate};
use crate::shared::Shared;
use crate::trail::{Passage, request_id};
use crate::visits::Visit;

/// Whether a route is one of those that are refused under overload; probes and operators are not.
pub(crate) fn is_predicting(place: usize) -> bool {
    ROUTES[place].method == "POST" && ROUTES[place].authorisation == Authorisation::Serving
}

/// Most bytes of a URL.
const URL_BYTES: usize = 8 << 10;
/// The media type of most bodies.
const JSON: &str = "application/json";
/// How long a refused body is read on, and the longest pause in it.
const LINGER: Duration = Duration::from_secs(5);
const LINGER_PAUSE: Duration = Duration::from_secs(1);

/// Answer one request; every failure becomes an answer.
pub(crate) async fn answer(
    shared: Arc<Shared>,
    door: Door,
    request: Request<Incoming>,
    visit: &Visit,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    visit.begin_body(body.size_hint().exact());
    let path = parts.uri.path();
    let headers = Headers::of(&parts.headers);
    let mut held = Held::new(&shared);
    let asked = (parts.method.as_str(), path, parts.version);
    let (place, asked) = match find_route(&shared, door, asked, headers.hosts) {
        Ok((place, target)) => {
            let told = (&parts.headers, &headers);
            let asked = ask(&shared, (place, target), told, body, &mut held, visit).await;
            (Some(place), asked)
        }
        Err(error) => (None, Err((error, unread(body)))),
    };
    visit.begin_answer();
    let is_shed = matches!(asked, Err((ApiError::Overloaded, _)));
    if is_shed {
        visit.alert();
    }
    let (mut reply, rest) = match asked {
        Ok(reply) => (reply, None),
        Err((error, rest)) => (refuse(&shared, &error, path, &headers), rest),
    };
    note(
        &shared,
        (place, &parts.method, path),
        &headers,
        started,
        &mut reply,
    );
    let is_last = rest.is_some() || shared.is_draining();
    // A caller that waits for `100 Continue` sends nothing after a refusal.
    if let Some(rest) = rest.filter(|_| headers.expect.is_none()) {
        tokio::task::spawn_local(linger(rest));
    }
    let response = respond(reply, is_last);
    // What is left of the request lies in the connection's buffer, which can only be used again when it is gone.
    drop(parts);
    if visit.is_crowded() && !is_shed {
        // Let the other requests at hand be worked on first: answers that leave together wake their callers once, which
        // saves a sixth of the processor time of a request at 64 connections. A refusal is to be quick.
        tokio::task::yield_now().await;
    }
    shared.engine.commit();
    visit.end_answer();
    Ok(response)
}

/// Count an answer, leave its trail, and give the caller's ids back in it.
pub(crate) fn note(
    shared: &Shared,
    (place, method, path): (Option<usize>, &Method, &str),
    headers: &Headers<'_>,
    started: Instant,
    reply: &mut Reply,
) {
    let took = started.elapsed();
    shared.counters.count(place, method, reply.status, took);
    let passage = Passage {
        method: method.as_str(),
        route: place.map_or("none", |place| ROUTES[place].name),
        path,
        status: reply.status,
        took,
    };
    shared.trail.note(passage, headers);
    shared.trail.answer(headers, reply);
}

/// An error, and what is left of the body.
type Refusal = (ApiError, Option<Incoming>);

/// What is left of a body that nobody read.
fn unread(body: Incoming) -> Option<Incoming> {
    (!body.is_end_stream()).then_some(body)
}

/// Check who asks for what, read the body, do the work.
async fn ask(
    shared: &Shared,
    (place, target): (usize, Target<'_>),
    (all_headers, headers): (&HeaderMap, &Headers<'_>),
    body: Incoming,
    held: &mut Held<'_>,
    visit: &Visit,
) -> Result<Reply, Refusal> {
    if let Err(error) = admit(shared, place, headers, body.size_hint().exact()) {
        return Err((error, unread(body)));
    }
    let body = match read_body(shared, body, held, visit).await {
        Ok(body) => body,
        Err((error, rest)) => return Err((error, Some(rest))),
    };
    visit.begin_answer();
    let call = Call {
        target,
        headers: all_headers,
        body: &body,
        arrival: arrival_of(headers),
    };
    let operation = pin!(operate(shared, ROUTES[place].operation, call));
    let contained = contain(shared, operation);
    let outcome = if is_predicting(place) {
        visit.work(contained).await
    } else {
        contained.await
    };
    outcome.map_err(|error| (error, None))
}

/// Read on what was refused, so that a caller that sends all before it reads gets the answer, not a reset connection.
async fn linger(mut body: Incoming) {
    let read_on = async {
        while let Ok(Some(Ok(_))) = tokio::time::timeout(LINGER_PAUSE, body.frame()).await {}
    };
    // After this time the caller has to live with a reset.
    let _ = tokio::time::timeout(LINGER, read_on).await;
}

/// Bytes of bodies in memory on account of one request.
#[derive(Debug)]
pub(crate) struct Held<'s> {
    shared: &'s Shared,
    bytes: usize,
}

impl<'s> Held<'s> {
    /// Nothing yet.
    pub(crate) fn new(shared: &'s Shared) -> Self {
        Self { shared, bytes: 0 }
    }

    /// Hold more bytes; all requests together may hold so many.
    pub(crate) fn add(&mut self, bytes: usize) -> Result<(), ApiError> {
        self.bytes += bytes;
        let before = self.shared.held_bytes.fetch_add(bytes, Ordering::Relaxed);
        if before + bytes > self.shared.limits.held_bytes {
            return Err(ApiError::Overloaded);
        }
        Ok(())
    }

    /// Hold only so many bytes on.
    pub(crate) fn keep(&mut self, bytes: usize) {
        let freed = self.bytes.saturating_sub(bytes);
        self.bytes -= freed;
        self.shared.held_bytes.fetch_sub(freed, Ordering::Relaxed);
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.shared
            .held_bytes
            .fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Find the route of a request that names its host so many times.
pub(crate) fn find_route<'a>(
    shared: &'a Shared,
    door: Door,
    (method, path, version): (&str, &'a str, Version),
    hosts: usize,
) -> Result<(usize, Target<'a>), ApiError> {
    if path.len() > URL_BYTES {
        return Err(ApiError::TooLarge(format!(
            "the URL has more than {URL_BYTES} bytes"
        )));
    }
    check_host(hosts, version)?;
    let path = match door {
        Door::Serving => shared.container.own_path(method, path),
        Door::Admin | Door::Grpc => path,
    };
    find(door, method, path)
}

/// Whether the caller may use the route, with a body of this kind and length.
pub(crate) fn admit(
    shared: &Shared,
    place: usize,
    headers: &Headers<'_>,
    length: Option<u64>,
) -> Result<(), ApiError> {
    let route = &ROUTES[place];
    let who = route.authorisation;
    if !(shared.allows(who, headers.authorization) || shared.allows_token(who, headers.token)) {
        return Err(ApiError::Unauthorised);
    }
    check_media_type(route.takes, headers)?;
    let limit = shared.limits.body_bytes;
    if length.is_some_and(|length| length > limit as u64) {
        return Err(ApiError::TooLarge(format!(
            "the body has more than {limit} bytes"
        )));
    }
    Ok(())
}

/// A request of HTTP/1.1 names its host once (RFC 9112, 3.2): two readers of one that does not may take it for two.
fn check_host(hosts: usize, version: Version) -> Result<(), ApiError> {
    match hosts {
        1 => Ok(()),
        0 if version != Version::HTTP_11 => Ok(()),
        _ => Err(ApiError::Host),
    }
}

fn check_media_type(takes: Takes, headers: &Headers<'_>) -> Result<(), ApiError> {
    if let Some(coding) = headers.content_encoding
        && coding != b"identity"
    {
        let coding: String = text(coding).unwrap_or("?").chars().take(100).collect();
        return Err(ApiError::MediaType(format!("content-encoding: {coding}")));
    }
    let Some(found) = headers.content_type else {
        return Ok(());
    };
    // Nearly all callers write it like that.
    if found == JSON.as_bytes() && takes.allows(JSON) {
        return Ok(());
    }
    let found = text(found).unwrap_or("?");
    let kind = found.split(';').next().unwrap_or("").trim();
    if takes.allows(&kind.to_ascii_lowercase()) {
        return Ok(());
    }
    Err(ApiError::MediaType(found.chars().take(100).collect()))
}

/// Read the body; on refusal give what is left of it too.
async fn read_body(
    shared: &Shared,
    mut body: Incoming,
    held: &mut Held<'_>,
    visit: &Visit,
) -> Result<Bytes, (ApiError, Incoming)> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let read = {
        let mut collected = pin!(collect(&mut body, held, visit));
        poll_fn(|context| match collected.as_mut().poll(context) {
            Poll::Pending if visit.is_over() => {
                Poll::Ready(Err(ApiError::Timeout(shared.limits.body_timeout_ms)))
            }
            polled => polled,
        })
        .await
    };
    read.map_err(|error| (error, body))
}

async fn collect(
    body: &mut Incoming,
    held: &mut Held<'_>,
    visit: &Visit,
) -> Result<Bytes, ApiError> {
    let limit = held.shared.limits.body_bytes;
    let mut first = Bytes::new();
    let mut rest: Vec<u8> = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| ApiError::Shape("the body broke off".to_owned()))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if held.bytes + data.len() > limit {
            return Err(ApiError::TooLarge(format!(
                "the body has more than {limit} bytes"
            )));
        }
        held.add(data.len())?;
        visit.add_body(data.len());
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

/// The request is here now; its caller may say for how long it waits.
fn arrival_of(headers: &Headers<'_>) -> Arrival {
    let mut arrival = Arrival::now();
    let allowed = headers.patience.and_then(|value| text(value)?.parse().ok());
    // What is no number of milliseconds is no deadline: callers are not refused for their own clocks.
    arrival.deadline =
        allowed.and_then(|allowed| arrival.at.checked_add(Duration::from_millis(allowed)));
    arrival
}

/// A panic costs this request a 500 and nothing else.
pub(crate) async fn contain<T>(
    shared: &Shared,
    operation: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, ApiError> {
    let mut operation = pin!(operation);
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| operation.as_mut().poll(context)));
        polled.unwrap_or_else(|_| {
            shared.counters.panics.fetch_add(1, Ordering::Relaxed);
            Poll::Ready(Err(ApiError::Internal))
        })
    })
    .await
}

/// The answer to a request that failed.
pub(crate) fn refuse(
    shared: &Shared,
    error: &ApiError,
    path: &str,
    headers: &Headers<'_>,
) -> Reply {
    let id = request_id(headers).map_or_else(|| shared.next_request_id(), str::to_owned);
    if *error == ApiError::Internal {
        eprintln!("server.internal: the request {id} failed");
    }
    let body = error.body(&id, has_error_field(path));
    Reply {
        retry_after: error.retry_after(),
        ..Reply::with_status(error.status(), body)
    }
}

fn respond(reply: Reply, is_last: bool) -> Response<Full<Bytes>> {
    // The length of the body is written with the head.
    let mut response = Response::new(Full::new(Bytes::from(reply.body)));
    *response.status_mut() =
        StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, reply.content_type);
    if let Some(seconds) = reply.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    headers.extend(reply.headers);
    if is_last {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
