//! An answer before it becomes HTTP.

use hyper::header::{HeaderName, HeaderValue};

/// The media type of nearly all bodies, made once.
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Status, body and what the headers need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    pub(crate) content_type: HeaderValue,
    pub(crate) retry_after: Option<u32>,
    /// Headers of a protocol.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

impl Reply {
    /// 200 with JSON.
    pub(crate) fn json(body: Vec<u8>) -> Self {
        Self::with_status(200, body)
    }

    /// JSON with another status.
    pub(crate) fn with_status(status: u16, body: Vec<u8>) -> Self {
        Self {
            status,
            body,
            content_type: JSON,
            retry_after: None,
            headers: Vec::new(),
        }
    }
}
