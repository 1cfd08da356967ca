//! What is refused before hyper has it, against hyper: both have to see the same requests in the same bytes.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;

use http_body_util::{BodyExt as _, Empty};
use httparse::EMPTY_HEADER;
use hyper::HeaderMap;
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use mlwright_fuzz::{Random, damage, for_each_seed};
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::task::{JoinHandle, LocalSet, yield_now};

use crate::boundary::Boundary;
use crate::headers::Headers;
use crate::shedding::{HEADERS, Plain};

const CASES: u64 = 5_000;
/// So often everything gets its turn until all that can happen has happened.
const TURNS: usize = 8;
const REQUESTS: &[&str] = &[
    "POST /v1/predict/production HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n[1,2]",
    "POST /v2/models/a/infer HTTP/1.1\r\nhost: a:8080\r\ncontent-type: application/json\r\nx-request-id: 7\r\n\
     authorization: Bearer t\r\ncontent-length: 2\r\nconnection: Keep-Alive\r\n\r\n{}",
    "POST /v1/models/a:predict HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nTraceparent: 00-1-2-3\r\n\r\n",
    "POST /x HTTP/1.1\nHost: a\nHost:b\nContent-Length:\t3 \n\nabc",
    "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nab",
    "GET /health HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /x HTTP/1.0\r\nConnection: close, upgrade\r\nUpgrade: h2c\r\nContent-Length: 1\r\n\r\na",
];
/// Words that heads are damaged with.
const WORDS: &str =
    "Content-Length: 3\r\n\r\nTransfer-Encoding: chunked\r\n\n : \t\r\r\n POST  HTTP/1.1 0x1 +1 ,";
const NEXT: &str = "POST /next HTTP/1.1\r\nHost: n\r\nContent-Length: 4\r\n\r\nnext";

/// A request as hyper sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    method: String,
    path: String,
    headers: HeaderMap,
    length: Option<u64>,
    body: Bytes,
}

/// A connection to hyper, on which it sees requests.
struct Conversation {
    socket: UnixStream,
    seen: Rc<RefCell<Vec<Seen>>>,
    connection: JoinHandle<hyper::Result<()>>,
}

impl Conversation {
    fn begin() -> Self {
        let (socket, other) = UnixStream::pair().expect("two sockets");
        let seen = Rc::new(RefCell::new(Vec::new()));
        let notes = Rc::clone(&seen);
        let service = service_fn(move |request: Request<Incoming>| {
            let notes = Rc::clone(&notes);
            async move {
                let (parts, body) = request.into_parts();
                let length = body.size_hint().exact();
                let Ok(body) = body.collect().await else {
                    return Ok(Response::new(Empty::<Bytes>::new()));
                };
                notes.borrow_mut().push(Seen {
                    method: parts.method.to_string(),
                    path: parts.uri.path().to_owned(),
                    headers: parts.headers,
                    length,
                    body: body.to_bytes(),
                });
                Ok::<_, Infallible>(Response::new(Empty::new()))
            }
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(other), service);
        Self {
            socket,
            seen,
            connection: tokio::task::spawn_local(connection),
        }
    }

    /// Send bytes; give the requests that hyper has made since the last ones.
    async fn say(&self, bytes: &[u8]) -> Vec<Seen> {
        // A connection that has ended takes nothing, and sees nothing more.
        let ready = self.socket.ready(Interest::WRITABLE).await;
        let _ = ready.and_then(|_| self.socket.try_write(bytes));
        for _ in 0..TURNS {
            yield_now().await;
        }
        self.seen.borrow_mut().drain(..).collect()
    }
}

fn converse<T>(conversation: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_io().build().expect("a runtime");
    LocalSet::new().block_on(&runtime, conversation)
}

fn damaged(random: &mut Random) -> Vec<u8> {
    let request = random.choose(REQUESTS).as_bytes();
    let others = [REQUESTS[0], REQUESTS[3], REQUESTS[4], WORDS];
    let other = random.choose(&others);
    damage(random, request, other.as_bytes())
}

/// A request that is plain, and not too long; with exactly its bytes.
fn plain(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let (head, body) = {
        let mut headers = [EMPTY_HEADER; HEADERS];
        let plain = Plain::read(&bytes, &mut headers)?;
        (plain.head, usize::try_from(plain.body).ok()?)
    };
    (body < 4_096).then(|| {
        bytes.resize(head + body, b'x');
        bytes
    })
}

/// Run a check that tells whether there was something to check; there has to be so often at least.
fn campaign(least: u64, check: &impl AsyncFn(&mut Random) -> bool) {
    let checked = Cell::new(0);
    for_each_seed(CASES, |random| {
        checked.set(checked.get() + u64::from(converse(check(random))));
    });
    assert!(checked.get() > least, "{checked:?}");
}

/// Whatever passes for plain, hyper sees it the same, and goes on behind it.
async fn check_plain(random: &mut Random) -> bool {
    let Some(bytes) = plain(damaged(random)) else {
        return false;
    };
    let mut headers = [EMPTY_HEADER; HEADERS];
    let wanted = Plain::read(&bytes, &mut headers).expect("it is plain");
    let shown = String::from_utf8_lossy(&bytes);
    let conversation = Conversation::begin();
    let seen = conversation.say(&bytes).await;
    let [seen] = &seen[..] else {
        panic!("hyper sees {seen:?} in {shown:?}");
    };
    assert_eq!(
        (&*seen.method, &*seen.path),
        ("POST", wanted.path),
        "{shown:?}"
    );
    assert_eq!(seen.body, bytes[wanted.head..], "{shown:?}");
    assert_eq!(seen.length, Some(wanted.body), "{shown:?}");
    assert_eq!(Headers::of(&seen.headers), wanted.headers, "{shown:?}");
    let next = conversation.say(NEXT.as_bytes()).await;
    assert!(
        matches!(&next[..], [next] if next.path == "/next"),
        "{next:?} after {shown:?}"
    );
    true
}

/// Where a boundary is said to be reached, hyper has nothing left, whatever it had before.
async fn check_boundary(random: &mut Random) -> bool {
    let mut before = damaged(random);
    before.truncate(random.below(before.len() + 1));
    let Some(request) = plain(damaged(random)) else {
        return false;
    };
    let mut headers = [EMPTY_HEADER; HEADERS];
    let body = Plain::read(&request, &mut headers)
        .expect("it is plain")
        .body;
    let conversation = Conversation::begin();
    let boundary = Boundary::new();
    for seen in conversation.say(&before).await {
        boundary.begin(seen.length);
        assert!(!boundary.is_reached(), "nobody looked at it");
    }
    boundary.pass_request(body);
    let seen = conversation.say(&request).await;
    for one in &seen {
        boundary.begin(one.length);
    }
    if boundary.is_reached() {
        let next = conversation.say(NEXT.as_bytes()).await;
        let shown = String::from_utf8_lossy(&request);
        if next.is_empty() && conversation.connection.is_finished() {
            // What it had before said that the connection ends.
            return true;
        }
        let told = format!("{next:?} after {seen:?} of {before:?} and {shown:?}");
        assert!(
            matches!(&next[..], [next] if next.path == "/next" && next.body == "next"),
            "{told}"
        );
    }
    boundary.is_reached()
}

// promise: serve.fuzz-parsers
#[test]
fn what_is_refused_before_hyper_has_it_is_what_hyper_would_see() {
    campaign(CASES / 20, &check_plain);
}

// promise: serve.fuzz-parsers
#[test]
fn where_a_request_ends_is_known_only_where_hyper_has_nothing_left() {
    campaign(CASES / 100, &check_boundary);
}
