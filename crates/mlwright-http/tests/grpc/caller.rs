//! A caller of remote calls: tonic's client on one connection, and the same connection for what no client would send.

use std::future::Future;
use std::net::TcpStream;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::{HeaderMap, Request, Response, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tonic::client::Grpc;
use tonic::{Code, Status};
use tonic_prost::ProstCodec;

use crate::stage::{BOUND, Stage};

/// Messages of the protocols, as the server itself has them.
#[allow(
    clippy::all,
    clippy::pedantic,
    dead_code,
    missing_docs,
    unreachable_pub
)]
pub(crate) mod wire {
    pub(crate) mod inference {
        include!(concat!(env!("OUT_DIR"), "/inference.rs"));
    }
    pub(crate) mod tensorflow {
        include!(concat!(env!("OUT_DIR"), "/tensorflow.rs"));
        pub(crate) mod serving {
            include!(concat!(env!("OUT_DIR"), "/tensorflow.serving.rs"));
        }
    }
}

/// One connection, and the thread's runtime that drives it.
pub(crate) struct Caller {
    runtime: tokio::runtime::Runtime,
    sender: SendRequest<tonic::body::Body>,
    authority: String,
}

/// What a call that no client would send got: HTTP's status, and the status of the call if there is one.
#[derive(Debug)]
pub(crate) struct RawAnswer {
    pub(crate) http: u16,
    pub(crate) code: Option<Code>,
    pub(crate) message: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Caller {
    /// Connect to the gRPC listener of a stage.
    pub(crate) fn new(stage: &Stage) -> Self {
        Self::on(stage.connect_grpc())
    }

    /// Connect to the listener for predictions.
    pub(crate) fn of_predictions(stage: &Stage) -> Self {
        Self::on(stage.connect())
    }

    fn on(stream: TcpStream) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let authority = stream.peer_addr().expect("an address").to_string();
        stream.set_nodelay(true).expect("no delay");
        stream.set_nonblocking(true).expect("not blocking");
        let sender = runtime.block_on(async {
            let stream = tokio::net::TcpStream::from_std(stream).expect("a stream");
            let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .expect("HTTP/2");
            tokio::spawn(connection);
            sender
        });
        Self {
            runtime,
            sender,
            authority,
        }
    }

    /// Call with tonic's client.
    pub(crate) fn call<Q, A>(&self, path: &'static str, request: Q) -> Result<A, Status>
    where
        Q: Message + Default + 'static,
        A: Message + Default + 'static,
    {
        self.call_with(path, tonic::Request::new(request))
            .map(tonic::Response::into_inner)
    }

    /// Call with metadata, with tonic's client.
    pub(crate) fn call_with<Q, A>(
        &self,
        path: &'static str,
        request: tonic::Request<Q>,
    ) -> Result<tonic::Response<A>, Status>
    where
        Q: Message + Default + 'static,
        A: Message + Default + 'static,
    {
        let mut client = self.client();
        self.bounded(client.unary(
            request,
            path.parse().expect("a path"),
            ProstCodec::<Q, A>::default(),
        ))
    }

    /// Send messages in one stream; every answer, and how the stream ended.
    pub(crate) fn stream<Q, A>(&self, path: &'static str, requests: Vec<Q>) -> (Vec<A>, Status)
    where
        Q: Message + Default + Send + 'static,
        A: Message + Default + Send + 'static,
    {
        let mut client = self.client();
        self.bounded(async {
            let codec = ProstCodec::<Q, A>::default();
            let requests = tonic::Request::new(tokio_stream::iter(requests));
            let path = path.parse().expect("a path");
            let mut answers = client
                .streaming(requests, path, codec)
                .await
                .expect("a stream")
                .into_inner();
            let mut all = Vec::new();
            loop {
                match answers.message().await {
                    Ok(Some(answer)) => all.push(answer),
                    Ok(None) => return (all, Status::ok("")),
                    Err(status) => return (all, status),
                }
            }
        })
    }

    /// Send a request as it stands.
    pub(crate) fn send(&self, request: Request<Bytes>) -> RawAnswer {
        let (mut parts, body) = request.into_parts();
        parts.uri = self.uri(parts.uri.path());
        let request = Request::from_parts(parts, tonic::body::Body::new(Full::new(body)));
        let mut sender = self.sender.clone();
        let (parts, trailers, body) = self.bounded(async move {
            sender.ready().await.expect("a connection");
            let response = sender.send_request(request).await.expect("an answer");
            let (parts, body) = response.into_parts();
            let collected = body.collect().await.expect("a body");
            let trailers = collected.trailers().cloned();
            (parts, trailers, collected.to_bytes())
        });
        let mut headers = parts.headers;
        headers.extend(trailers.unwrap_or_default());
        let status = Status::from_header_map(&headers);
        RawAnswer {
            http: parts.status.as_u16(),
            code: status.as_ref().map(Status::code),
            message: status.map_or_else(String::new, |status| status.message().to_owned()),
            headers,
            body,
        }
    }

    fn client(&self) -> Grpc<Channel> {
        Grpc::with_origin(Channel(self.sender.clone()), self.uri("/"))
    }

    fn uri(&self, path: &str) -> Uri {
        format!("http://{}{path}", self.authority)
            .parse()
            .expect("a URI")
    }

    fn bounded<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime
            .block_on(async { tokio::time::timeout(BOUND, work).await })
            .expect("an answer in time")
    }
}

/// The connection as tonic's client takes it.
#[derive(Debug, Clone)]
struct Channel(SendRequest<tonic::body::Body>);

impl tower_service::Service<Request<tonic::body::Body>> for Channel {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, hyper::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<tonic::body::Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}
