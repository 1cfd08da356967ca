//! What the server is told when it starts.

use std::fmt;
use std::net::{IpAddr, ToSocketAddrs};
use std::path::PathBuf;

use serde::Deserialize;

use crate::inherit::Inherited;
use crate::tls::Tls;

/// Bounds on one request.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Most bytes of a body.
    pub body_bytes: usize,
    /// Most lists and objects inside each other.
    pub json_depth: usize,
    /// Longest wait for the head of a request.
    pub header_timeout_ms: u64,
    /// Longest wait for a body; one that is slower than 1 KiB a second for long is given up earlier.
    pub body_timeout_ms: u64,
    /// Longest wait for the next request of a connection.
    pub idle_timeout_ms: u64,
    /// Longest wait of a request for its turn before others are refused.
    pub queue_ms: u64,
    /// Requests that take longer may be remembered.
    pub slow_ms: u64,
    /// Most rows of one request.
    pub rows: usize,
    /// Most bytes of all bodies in memory; more get 503.
    pub held_bytes: usize,
    /// Most requests being answered at once; more get 503.
    pub in_flight: usize,
    /// Most connections of one worker; more wait in the backlog.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 64 << 20,
            json_depth: 100,
            header_timeout_ms: 10_000,
            body_timeout_ms: 30_000,
            idle_timeout_ms: 75_000,
            queue_ms: 25,
            slow_ms: 100,
            rows: 100_000,
            held_bytes: 512 << 20,
            in_flight: 1024,
            connections: 8192,
        }
    }
}

/// Paths that a platform wants of the containers it runs; they come beside the server's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Container {
    /// Asks whether the server is ready.
    pub health_route: Option<String>,
    /// Asks for predictions in the way of Vertex AI.
    pub predict_route: Option<String>,
}

impl Container {
    /// The path of the server's own that a path stands for.
    pub(crate) fn own_path<'p>(&self, method: &str, path: &'p str) -> &'p str {
        let is = |route: &Option<String>| route.as_deref() == Some(path);
        match method {
            "GET" if is(&self.health_route) => "/ping",
            "POST" if is(&self.predict_route) => "/predict",
            _ => path,
        }
    }

    fn check(&self) -> Result<(), ServerError> {
        let routes = [&self.health_route, &self.predict_route];
        match routes
            .into_iter()
            .flatten()
            .find(|route| !route.starts_with('/'))
        {
            Some(route) => Err(ServerError::Config(format!(
                "the route {route:?} does not begin with a slash"
            ))),
            None => Ok(()),
        }
    }
}

/// Addresses, tokens and folders of one server.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    /// Address for predictions.
    pub host: String,
    /// Port for predictions; 0 takes any free one.
    pub port: u16,
    /// Port of the admin listener, always on the loopback; 0 takes any free one.
    #[serde(default)]
    pub admin_port: u16,
    /// Port for gRPC, on the same address; 0 takes any free one, none means no gRPC.
    #[serde(default)]
    pub grpc_port: Option<u16>,
    /// Threads; 0 is one per core.
    #[serde(default)]
    pub workers: usize,
    /// Token of callers; none means that everybody may ask, which only the loopback allows.
    pub token: Option<String>,
    /// Token of the admin listener.
    pub admin_token: String,
    /// The deployment document.
    pub document: PathBuf,
    /// Folder of packages.
    pub packages: PathBuf,
    /// Folder of the prediction log.
    pub log: PathBuf,
    /// Whether rows go into the log.
    #[serde(default = "yes")]
    pub log_inputs: bool,
    /// The shared library of ONNX Runtime, if ONNX models are to be served.
    #[serde(default)]
    pub onnxruntime: Option<PathBuf>,
    /// Where to write pid and ports once the server listens.
    pub server_file: PathBuf,
    /// Whether each request leaves a line on standard error.
    #[serde(default)]
    pub access_log: bool,
    /// Certificate and key; none speaks plain text.
    #[serde(default)]
    pub tls: Option<Tls>,
    /// Listening sockets of the parent process; without, the addresses above are opened.
    #[serde(default)]
    pub inherited: Option<Inherited>,
    /// Whether to end instead of waiting when the deployment document cannot be served: another process serves.
    #[serde(default)]
    pub must_serve: bool,
    /// Paths of the platform that runs the server as a container.
    #[serde(default)]
    pub container: Container,
    /// Bounds on one request.
    #[serde(default)]
    pub limits: Limits,
}

fn yes() -> bool {
    true
}

impl fmt::Debug for ServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerConfig")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("document", &self.document)
            .finish_non_exhaustive()
    }
}

/// Why the server did not start or had to end.
#[derive(Debug)]
pub enum ServerError {
    /// The configuration cannot be used.
    Config(String),
    /// The address cannot be listened on.
    Bind(String),
    /// The certificate or its key cannot be used.
    Tls(String),
    /// The log or the packages folder cannot be used.
    Engine(String),
    /// The system refused something.
    Io(std::io::Error),
}

impl ServerError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Config(_) => "server.config",
            Self::Bind(_) => "server.bind",
            Self::Tls(_) => "server.tls",
            Self::Engine(_) => "server.engine",
            Self::Io(_) => "server.io",
        }
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(message)
            | Self::Bind(message)
            | Self::Tls(message)
            | Self::Engine(message) => f.write_str(message),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ServerError {}

impl From<std::io::Error> for ServerError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl ServerConfig {
    /// Read a configuration document.
    ///
    /// # Errors
    /// [`ServerError::Config`] says what is wrong.
    pub fn from_json(text: &str) -> Result<Self, ServerError> {
        let config: Self = serde_json::from_str(text)
            .map_err(|error| ServerError::Config(format!("the configuration: {error}")))?;
        if config.admin_token.len() < 16 {
            return Err(ServerError::Config(
                "the admin token has fewer than 16 characters".to_owned(),
            ));
        }
        if config.token.as_ref().is_some_and(|token| token.len() < 16) {
            return Err(ServerError::Config(
                "the token has fewer than 16 characters".to_owned(),
            ));
        }
        config.container.check()?;
        Ok(config)
    }

    /// The address for predictions. Without a token only the loopback is allowed.
    pub(crate) fn address(&self) -> Result<std::net::SocketAddr, ServerError> {
        let bind = |what: &str| ServerError::Bind(format!("{:?} {what}", self.host));
        let address = (self.host.as_str(), self.port)
            .to_socket_addrs()
            .map_err(|_| bind("is no address of this machine"))?
            .next()
            .ok_or_else(|| bind("is no address of this machine"))?;
        if self.token.is_none() && !is_loopback(address.ip()) {
            return Err(bind(
                "can be reached by others: serving without a token is for the loopback only",
            ));
        }
        Ok(address)
    }

    /// The address for gRPC, if it is offered.
    pub(crate) fn grpc_address(&self) -> Result<Option<std::net::SocketAddr>, ServerError> {
        let with_port = |port| Ok(std::net::SocketAddr::new(self.address()?.ip(), port));
        self.grpc_port.map(with_port).transpose()
    }

    pub(crate) fn worker_count(&self) -> usize {
        if self.workers > 0 {
            return self.workers.min(256);
        }
        std::thread::available_parallelism().map_or(1, usize::from)
    }
}

fn is_loopback(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback(),
        IpAddr::V6(v6) => {
            v6.is_loopback() || v6.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback())
        }
    }
}
