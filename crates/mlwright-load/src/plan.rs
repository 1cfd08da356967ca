//! What to measure: where, how often, for how long.

use std::fmt::Write as _;

use serde::Deserialize;

use crate::clock::{MILLISECOND, SECOND};
use crate::error::LoadError;

/// How requests travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// HTTP/1.1, one request at a time on each connection.
    Http,
    /// Unary gRPC over HTTP/2, `streams` requests at a time on each connection.
    Grpc,
}

/// How arrivals are spread over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ArrivalKind {
    /// Equal gaps.
    Constant,
    /// Exponential gaps, as from many callers who do not know each other.
    Poisson,
}

/// One rate, measured once.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// How requests travel.
    pub protocol: Protocol,
    /// Name or address of the server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// HTTP method; gRPC is always POST.
    pub method: String,
    /// Path and query, for gRPC `/package.Service/Method`.
    pub path: String,
    /// More headers of every request.
    pub headers: Vec<(String, String)>,
    /// Connections kept open.
    pub connections: usize,
    /// Requests at a time on one gRPC connection.
    pub streams: usize,
    /// Threads of the generator.
    pub threads: usize,
    /// Arrivals a second over all threads.
    pub rate: f64,
    /// How they are spread.
    pub arrivals: ArrivalKind,
    /// Seed of the spread.
    pub seed: u64,
    /// Seconds of load before anything is counted.
    pub warm_up_s: f64,
    /// Seconds that are counted.
    pub seconds: f64,
    /// Longest wait for an answer from the time an arrival is due.
    pub timeout_ms: u64,
    /// Process of the server, for its CPU time.
    pub pid: Option<u32>,
    /// Text that the body of every good answer holds.
    pub expect: Option<String>,
}

impl Plan {
    /// Read a plan (JSON) and refuse what cannot be meant.
    ///
    /// # Errors
    ///
    /// [`LoadError::Plan`] says what is wrong.
    pub fn from_json(text: &str) -> Result<Self, LoadError> {
        let plan: Self =
            serde_json::from_str(text).map_err(|error| LoadError::plan(error.to_string()))?;
        plan.check()?;
        Ok(plan)
    }

    fn check(&self) -> Result<(), LoadError> {
        let is_span = |value: f64| value.is_finite() && (0.0..=86_400.0).contains(&value);
        let problem = if !(self.rate.is_finite() && self.rate > 0.0 && self.rate <= 1e8) {
            format!(
                "a rate of {} requests/s is not between 0 and 100 million",
                self.rate
            )
        } else if !is_span(self.seconds) || self.seconds == 0.0 || !is_span(self.warm_up_s) {
            format!(
                "{} s after {} s of warm-up is not up to a day",
                self.seconds, self.warm_up_s
            )
        } else if self.threads == 0 || self.connections < self.threads || self.streams == 0 {
            format!(
                "{} connections do not suffice for {} threads",
                self.connections, self.threads
            )
        } else if self.timeout_ms == 0 || self.timeout_ms > 600_000 {
            format!(
                "a time-out of {} ms is not between 1 and 600 000",
                self.timeout_ms
            )
        } else if !self.path.starts_with('/') || !is_visible(&self.path) {
            format!(
                "the path {:?} does not begin with a slash or holds spaces",
                self.path
            )
        } else if self.method.is_empty()
            || !self.method.bytes().all(|byte| byte.is_ascii_alphabetic())
        {
            format!("{:?} is no method", self.method)
        } else if let Some((name, _)) = self
            .headers
            .iter()
            .find(|(name, value)| !is_header(name, value))
        {
            format!("the header {name:?} cannot be sent")
        } else {
            return Ok(());
        };
        Err(LoadError::plan(problem))
    }

    /// Host and port as people write them.
    #[must_use]
    pub fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    pub(crate) fn timeout(&self) -> u64 {
        self.timeout_ms * MILLISECOND
    }

    /// One request as it goes over a connection: all of HTTP/1.1, or the frame of a gRPC message, not compressed.
    pub(crate) fn render(&self, body: &[u8]) -> Vec<u8> {
        match self.protocol {
            Protocol::Http => self.render_http(body),
            Protocol::Grpc => [&[0], &(body.len() as u32).to_be_bytes()[..], body].concat(),
        }
    }

    fn render_http(&self, body: &[u8]) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        if !self
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("host"))
        {
            let _ = write!(head, "host: {}\r\n", self.address());
        }
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if !body.is_empty() || !matches!(self.method.as_str(), "GET" | "HEAD") {
            let _ = write!(head, "content-length: {}\r\n", body.len());
        }
        head.push_str("\r\n");
        [head.as_bytes(), body].concat()
    }
}

fn is_visible(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether a header can be sent and is not ours to say.
fn is_header(name: &str, value: &str) -> bool {
    let ours = ["content-length", "transfer-encoding", "connection"];
    !name.is_empty()
        && is_visible(name)
        && !name.contains(':')
        && !ours.iter().any(|known| name.eq_ignore_ascii_case(known))
        && !value.bytes().any(|byte| byte < b' ' || byte == 0x7f)
}

/// When the load begins, when it starts to count, and when it ends, in nanoseconds of the run's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    pub(crate) start: u64,
    pub(crate) measure_from: u64,
    pub(crate) end: u64,
}

impl Schedule {
    pub(crate) fn new(plan: &Plan, start: u64) -> Self {
        let measure_from = start + (plan.warm_up_s * SECOND as f64) as u64;
        let end = measure_from + (plan.seconds * SECOND as f64) as u64;
        Self {
            start,
            measure_from,
            end,
        }
    }

    pub(crate) fn counts(&self, at: u64) -> bool {
        (self.measure_from..self.end).contains(&at)
    }
}
