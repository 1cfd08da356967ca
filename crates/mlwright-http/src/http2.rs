//! HTTP/2 connections: remote calls, and requests of callers that speak it without asking first.

use std::pin::pin;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::Service;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::listen::{DRAIN, HEAD_BYTES, LAST_REQUESTS};
use crate::paths::Door;
use crate::visits::{Ending, Visit};

/// How the preface of HTTP/2 begins; no method of HTTP/1 does.
const PREFACE: &[u8] = b"PRI ";
/// Most requests of a connection at once; more wait at the caller.
const STREAMS: u32 = 1024;
/// A caller that says nothing for so long is asked whether it is there, and has so long to answer.
const QUIET: Duration = Duration::from_mins(1);
const REPLY: Duration = Duration::from_secs(20);

/// Runs what a connection starts on the thread of the connection.
#[derive(Debug, Clone, Copy)]
struct OnThisThread;

impl<F: Future<Output = ()> + 'static> Executor<F> for OnThisThread {
    fn execute(&self, work: F) {
        tokio::task::spawn_local(work);
    }
}

/// Whether a caller begins with the preface of HTTP/2, from its first bytes; they stay to be read. None when it sends
/// nothing in time.
pub(crate) async fn is_spoken(stream: &TcpStream, visit: &Visit) -> Option<bool> {
    let mut first = [0; PREFACE.len()];
    let seen = tokio::select! {
        seen = stream.peek(&mut first) => seen,
        ending = visit.ending() => match ending {
            Ending::Waited => return None,
            Ending::Draining => {
                tokio::time::timeout(LAST_REQUESTS, stream.peek(&mut first)).await.ok()?
            }
        },
    };
    seen.ok().map(|count| first[..count] == *PREFACE)
}

/// Serve a connection; at its end, or once the server drains, finish what has begun and tell the caller to go elsewhere.
pub(crate) async fn serve<T, S, B>(stream: T, service: S, door: Door, visit: &Visit)
where
    T: AsyncRead + AsyncWrite + Unpin + 'static,
    S: Service<Request<Incoming>, Response = Response<B>> + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    S::Future: 'static,
    B: Body + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    visit.begin_idle();
    let connection = http2::Builder::new(OnThisThread)
        .timer(TokioTimer::new())
        .auto_date_header(door != Door::Grpc)
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEAD_BYTES as u32)
        .keep_alive_interval(QUIET)
        .keep_alive_timeout(REPLY)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    // What a caller does wrong on the wire concerns that caller alone.
    let patience = tokio::select! {
        _ = connection.as_mut() => return,
        ending = visit.ending() => match ending {
            Ending::Waited => LAST_REQUESTS,
            Ending::Draining => DRAIN,
        },
    };
    connection.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(patience, connection).await;
}
