//! From one call to one answer: the form of the request first, then authorisation, then the message, then the operation.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::{Frame, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use mlwright_serve::Arrival;
use tokio::sync::mpsc;
use tonic::Code;

use crate::connection::contain;
use crate::errors::ApiError;
use crate::grpc::calls::{CALLS, Operation, find, operate, refuse_in_stream};
use crate::grpc::framing::Messages;
use crate::grpc::reply::Reply;
use crate::grpc::status::{code_of, good, refusal};
use crate::shared::Shared;
use crate::visits::{StreamGuard, Visit};

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Most bytes of a request id that is given back.
const ID_BYTES: usize = 128;
/// Answers of a stream that wait for their caller.
const STREAM_QUEUE: usize = 4;
/// The longest deadline that is kept; a caller that waits longer waits for ever.
const LONGEST: Duration = Duration::from_hours(24);

/// Answer one call; every failure becomes an answer.
pub(crate) async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
    visit: StreamGuard,
) -> Result<Response<Reply>, Infallible> {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    if let Some(status) = refuse_form(&parts) {
        shared
            .counters
            .count(None, &parts.method, status.as_u16(), started.elapsed());
        return Ok(head(status, &parts, Reply::Empty));
    }
    let place = find(parts.uri.path());
    let admitted = admit(&shared, place, &parts);
    let outcome = match admitted {
        Ok((Operation::StreamInfer, until)) => {
            let frames = open_stream(shared, body, until, visit);
            return Ok(head(StatusCode::OK, &parts, Reply::Stream(frames)));
        }
        Ok((operation, until)) => {
            within(until, ask_once(&shared, operation, body, until, &visit)).await
        }
        Err(error) => Err(error),
    };
    let code = outcome.as_ref().map_or_else(code_of, |_| Code::Ok);
    shared.counters.count_call(place, code, started.elapsed());
    if visit.is_crowded() {
        // As over HTTP: answers leave together.
        tokio::task::yield_now().await;
    }
    shared.engine.commit();
    Ok(match outcome {
        Ok(message) => head(StatusCode::OK, &parts, Reply::Message(message, good())),
        Err(error) => {
            let mut response = head(StatusCode::OK, &parts, Reply::Empty);
            response.headers_mut().extend(refuse(&shared, &error));
            response
        }
    })
}

/// What is not gRPC at all gets a status of HTTP.
fn refuse_form(parts: &Parts) -> Option<StatusCode> {
    if parts.method != Method::POST {
        return Some(StatusCode::METHOD_NOT_ALLOWED);
    }
    let kind = parts.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let rest = kind.and_then(|kind| kind.strip_prefix(b"application/grpc"));
    match rest {
        Some([] | [b';', ..] | b"+proto" | [b'+', b'p', b'r', b'o', b't', b'o', b';', ..]) => None,
        _ => Some(StatusCode::UNSUPPORTED_MEDIA_TYPE),
    }
}

fn head(status: StatusCode, parts: &Parts, body: Reply) -> Response<Reply> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, GRPC);
    if let Some(id) = parts.headers.get(REQUEST_ID)
        && id.len() <= ID_BYTES
    {
        headers.insert(REQUEST_ID, id.clone());
    }
    response
}

type Admitted = (Operation, Option<Instant>);

fn admit(shared: &Shared, place: Option<usize>, parts: &Parts) -> Result<Admitted, ApiError> {
    let call = &CALLS[place.ok_or(ApiError::NotFound)?];
    let header = parts.headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
    if !shared.allows(call.authorisation, header) {
        return Err(ApiError::Unauthorised);
    }
    let allowed = parts.headers.get(TIMEOUT).map(read_timeout).transpose()?;
    Ok((
        call.operation,
        allowed.map(|allowed| Instant::now() + allowed),
    ))
}

/// Read a `grpc-timeout`: up to eight digits and a unit.
fn read_timeout(header: &HeaderValue) -> Result<Duration, ApiError> {
    let wrong = || ApiError::Shape("`grpc-timeout` has to be up to 8 digits and a unit".to_owned());
    let (unit, digits) = header.as_bytes().split_last().ok_or_else(wrong)?;
    let is_number = (1..=8).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    if !is_number {
        return Err(wrong());
    }
    let count = digits
        .iter()
        .fold(0_u64, |count, digit| count * 10 + u64::from(digit - b'0'));
    let allowed = match unit {
        b'H' => Duration::from_secs(count * 3600),
        b'M' => Duration::from_secs(count * 60),
        b'S' => Duration::from_secs(count),
        b'm' => Duration::from_millis(count),
        b'u' => Duration::from_micros(count),
        b'n' => Duration::from_nanos(count),
        _ => return Err(wrong()),
    };
    Ok(allowed.min(LONGEST))
}

async fn within<T>(
    until: Option<Instant>,
    work: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, ApiError> {
    match until {
        None => work.await,
        Some(until) => {
            let done = tokio::time::timeout_at(until.into(), work).await;
            match done {
                // Too late is too late, even when the work did not wait.
                Ok(_) | Err(_) if Instant::now() >= until => Err(ApiError::Deadline),
                Ok(outcome) => outcome,
                Err(_) => Err(ApiError::Deadline),
            }
        }
    }
}

async fn ask_once(
    shared: &Shared,
    operation: Operation,
    body: Incoming,
    deadline: Option<Instant>,
    visit: &Visit,
) -> Result<Bytes, ApiError> {
    let mut messages = Messages::new(shared, body);
    let message = messages.only().await?;
    let arrival = Arrival {
        deadline,
        ..Arrival::now()
    };
    let operated = pin!(operate(shared, operation, message, arrival));
    let contained = contain(shared, operated);
    if operation.is_predicting() {
        visit.work(contained).await
    } else {
        contained.await
    }
}

/// Answer the messages of a stream one after the other, in a task that ends when the caller goes.
fn open_stream(
    shared: Arc<Shared>,
    body: Incoming,
    until: Option<Instant>,
    visit: StreamGuard,
) -> mpsc::Receiver<Frame<Bytes>> {
    let (sender, frames) = mpsc::channel(STREAM_QUEUE);
    tokio::task::spawn_local(async move {
        let started = Instant::now();
        let work = answer_stream(&shared, (body, until), &sender, &visit);
        let outcome = within(until, work).await;
        let code = outcome.as_ref().map_or_else(code_of, |()| Code::Ok);
        let place = CALLS
            .iter()
            .position(|call| call.operation == Operation::StreamInfer);
        shared.counters.count_call(place, code, started.elapsed());
        let trailers = outcome.map_or_else(|error| refuse(&shared, &error), |()| good());
        // A caller that has gone misses nothing.
        let _ = sender.send(Frame::trailers(trailers)).await;
        drop(visit);
    });
    frames
}

async fn answer_stream(
    shared: &Shared,
    (body, deadline): (Incoming, Option<Instant>),
    sender: &mpsc::Sender<Frame<Bytes>>,
    visit: &Visit,
) -> Result<(), ApiError> {
    let mut messages = Messages::new(shared, body);
    loop {
        let message = tokio::select! {
            message = messages.next() => message?,
            () = sender.closed() => None,
        };
        let Some(message) = message else {
            return Ok(());
        };
        let arrival = Arrival {
            deadline,
            ..Arrival::now()
        };
        let asked = message.clone();
        let work = pin!(operate(shared, Operation::StreamInfer, asked, arrival));
        let answer = match visit.work(contain(shared, work)).await {
            Err(error @ ApiError::Overloaded) => refuse_in_stream(message, &error)?,
            worked => worked?,
        };
        shared.engine.commit();
        messages.release();
        if sender.send(Frame::data(answer)).await.is_err() {
            return Ok(());
        }
    }
}

fn refuse(shared: &Shared, error: &ApiError) -> HeaderMap {
    let id = shared.next_request_id();
    if *error == ApiError::Internal {
        eprintln!("server.internal: the request {id} failed");
    }
    refusal(error, &id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_digits_and_a_unit() {
        let read = |text: &'static str| read_timeout(&HeaderValue::from_static(text)).ok();
        assert_eq!(read("100m"), Some(Duration::from_millis(100)));
        assert_eq!(read("1n"), Some(Duration::from_nanos(1)));
        assert_eq!(read("99999999H"), Some(LONGEST));
        for wrong in ["", "m", "1", "1x", "-1S", "123456789S", "1.5S", " 1S"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
