//! One unary gRPC call on an HTTP/2 connection, and the connection.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use h2::client::{self, SendRequest};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::task;

use crate::error::LoadError;
use crate::outcome::Outcome;
use crate::plan::Plan;

/// Bytes that a server may send on one connection before they are taken; enough to never stand still.
const WINDOW: u32 = 1 << 24;

/// What every call begins with.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    uri: Uri,
    headers: HeaderMap,
}

/// The head of the plan's calls.
pub(crate) fn request(plan: &Plan) -> Result<Head, LoadError> {
    let wrong =
        |what: &dyn fmt::Display| LoadError::plan(format!("the call cannot be sent: {what}"));
    let uri = format!("http://{}{}", plan.address(), plan.path)
        .parse()
        .map_err(|error| wrong(&error))?;
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/grpc"));
    headers.insert("te", HeaderValue::from_static("trailers"));
    for (name, value) in &plan.headers {
        let name: HeaderName = name.parse().map_err(|error| wrong(&error))?;
        headers.insert(name, value.parse().map_err(|error| wrong(&error))?);
    }
    Ok(Head { uri, headers })
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    /// gRPC status 0..=16, or the HTTP status when that was not 200.
    pub(crate) status: u16,
    /// What the server said of a failure.
    pub(crate) message: Option<String>,
    /// The message with its frame, if bodies are kept.
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// What a status means: overload is "resource exhausted" or "unavailable", the caller's fault is what it is in HTTP.
    pub(crate) fn outcome(&self) -> Outcome {
        match self.status {
            0 => Outcome::Ok,
            8 | 14 => Outcome::Shed,
            3 | 5 | 6 | 7 | 9 | 11 | 12 | 16 => Outcome::ClientError,
            1 | 2 | 4 | 10 | 13 | 15 => Outcome::ServerError,
            http => match Outcome::of_status(http) {
                Outcome::Ok => Outcome::Other,
                other => other,
            },
        }
    }

    pub(crate) fn describe(&self) -> String {
        match &self.message {
            Some(message) => format!("status {}: {message}", self.status),
            None => format!("status {}", self.status),
        }
    }
}

/// Why there is no reply.
#[derive(Debug)]
pub(crate) enum Failure {
    /// No connection.
    Connect(io::Error),
    /// The connection or the stream broke.
    Http2(h2::Error),
    /// The call ended without a gRPC status.
    NoStatus,
}

impl Failure {
    pub(crate) fn is_down(&self) -> bool {
        matches!(self, Self::Connect(_))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "no connection: {error}"),
            Self::Http2(error) => write!(f, "{error}"),
            Self::NoStatus => f.write_str("the answer has no grpc-status"),
        }
    }
}

impl From<h2::Error> for Failure {
    fn from(error: h2::Error) -> Self {
        Self::Http2(error)
    }
}

/// A connection that is opened again when it breaks.
#[derive(Debug)]
pub(crate) struct Link {
    sender: RefCell<Option<SendRequest<Bytes>>>,
    opening: Mutex<()>,
    reopened: Cell<u64>,
}

impl Link {
    /// Connect; call it within a local set, which carries the connection.
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        let sender = RefCell::new(Some(connect(address).await?));
        Ok(Self {
            sender,
            opening: Mutex::new(()),
            reopened: Cell::new(0),
        })
    }

    /// How often it had to be opened again.
    pub(crate) fn reopened(&self) -> u64 {
        self.reopened.get()
    }

    /// Open it again if it broke; one caller does, the others wait.
    pub(crate) async fn ensure_open(&self, address: SocketAddr) -> Result<(), Failure> {
        if self.sender.borrow().is_some() {
            return Ok(());
        }
        let _alone = self.opening.lock().await;
        if self.sender.borrow().is_none() {
            let sender = connect(address).await.map_err(Failure::Connect)?;
            self.reopened.set(self.reopened.get() + 1);
            *self.sender.borrow_mut() = Some(sender);
        }
        Ok(())
    }

    /// Make one call.
    pub(crate) async fn call(
        &self,
        head: Head,
        frame: Bytes,
        keeps_body: bool,
    ) -> Result<Reply, Failure> {
        let sender = self.sender.borrow().clone();
        let Some(sender) = sender else {
            return Err(Failure::Connect(io::Error::from(
                io::ErrorKind::NotConnected,
            )));
        };
        let result = exchange(sender, head, frame, keeps_body).await;
        if let Err(Failure::Http2(error)) = &result
            && (error.is_io() || error.is_go_away())
        {
            *self.sender.borrow_mut() = None;
        }
        result
    }
}

async fn connect(address: SocketAddr) -> io::Result<SendRequest<Bytes>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut builder = client::Builder::new();
    builder
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .enable_push(false);
    let (sender, connection) = builder.handshake(stream).await.map_err(io::Error::other)?;
    task::spawn_local(async move {
        let _ = connection.await; // every call on it hears of its end
    });
    sender.ready().await.map_err(io::Error::other)
}

async fn exchange(
    sender: SendRequest<Bytes>,
    head: Head,
    frame: Bytes,
    keeps_body: bool,
) -> Result<Reply, Failure> {
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = head.uri;
    *request.version_mut() = http::Version::HTTP_2;
    *request.headers_mut() = head.headers;
    let mut sender = sender.ready().await?;
    let (response, mut stream) = sender.send_request(request, false)?;
    stream.send_data(frame, true)?;
    let response = response.await?;
    let (parts, mut body) = response.into_parts();
    let mut kept = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece?;
        let _ = body.flow_control().release_capacity(piece.len()); // the stream may have ended with it
        if keeps_body {
            kept.extend_from_slice(&piece);
        }
    }
    let trailers = body.trailers().await?;
    if parts.status != http::StatusCode::OK {
        return Ok(Reply {
            status: parts.status.as_u16(),
            message: None,
            body: kept,
        });
    }
    let has_status = |headers: &&HeaderMap| headers.contains_key("grpc-status");
    let ending = trailers
        .as_ref()
        .filter(has_status)
        .or(Some(&parts.headers).filter(has_status));
    let text = |name| ending.and_then(|headers| headers.get(name)?.to_str().ok());
    let status = text("grpc-status")
        .and_then(|status| status.parse().ok())
        .filter(|status| *status <= 16);
    Ok(Reply {
        status: status.ok_or(Failure::NoStatus)?,
        message: text("grpc-message").map(str::to_owned),
        body: kept,
    })
}
