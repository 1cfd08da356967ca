//! How one request ended.

use serde::Serialize;

/// Every arrival of the measured window ends in exactly one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// 2xx, or gRPC status OK, with the expected body.
    Ok,
    /// 2xx with a body that does not hold what was expected.
    Unexpected,
    /// 1xx as a last word, or 3xx.
    Other,
    /// 4xx but 429.
    ClientError,
    /// 429 or 503: the server said that it has too much to do.
    Shed,
    /// 5xx but 503.
    ServerError,
    /// The connection broke, or the answer was no answer.
    ConnectionError,
    /// Sent, and no whole answer in time.
    TimedOut,
    /// Never sent: every connection was busy until its time was over.
    Unsent,
}

impl Outcome {
    /// What an HTTP status means.
    pub(crate) fn of_status(status: u16) -> Self {
        match status {
            200..=299 => Self::Ok,
            429 | 503 => Self::Shed,
            400..=499 => Self::ClientError,
            500..=599 => Self::ServerError,
            _ => Self::Other,
        }
    }
}

/// How many requests ended how; the fields after `offered` add up to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Arrivals that were due in the window.
    pub offered: u64,
    /// Answered as they should be.
    pub ok: u64,
    /// Answered 2xx with another body than expected.
    pub unexpected: u64,
    /// Answered 1xx or 3xx.
    pub other: u64,
    /// Answered 4xx but 429.
    pub client_errors: u64,
    /// Answered 429 or 503.
    pub shed: u64,
    /// Answered 5xx but 503.
    pub server_errors: u64,
    /// Connections that broke.
    pub connection_errors: u64,
    /// Sent, and not answered in time.
    pub timed_out: u64,
    /// Out of time before a connection was free.
    pub unsent: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, outcome: Outcome) {
        self.offered += 1;
        *match outcome {
            Outcome::Ok => &mut self.ok,
            Outcome::Unexpected => &mut self.unexpected,
            Outcome::Other => &mut self.other,
            Outcome::ClientError => &mut self.client_errors,
            Outcome::Shed => &mut self.shed,
            Outcome::ServerError => &mut self.server_errors,
            Outcome::ConnectionError => &mut self.connection_errors,
            Outcome::TimedOut => &mut self.timed_out,
            Outcome::Unsent => &mut self.unsent,
        } += 1;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.offered += other.offered;
        self.ok += other.ok;
        self.unexpected += other.unexpected;
        self.other += other.other;
        self.client_errors += other.client_errors;
        self.shed += other.shed;
        self.server_errors += other.server_errors;
        self.connection_errors += other.connection_errors;
        self.timed_out += other.timed_out;
        self.unsent += other.unsent;
    }
}
