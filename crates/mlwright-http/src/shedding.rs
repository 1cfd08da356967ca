//! What is refused before hyper has it. Under overload most requests are refused, and what that takes is taken from answers:
//! here a request is read where it lies, to see whether it is one that would be refused at once, and its answer is the one
//! that [`crate::connection`] would give. Whatever is not plainly that goes on to hyper untouched.

use std::time::Instant;

use httparse::{EMPTY_HEADER, Header, Request, Status};
use hyper::{Method, StatusCode, Version};

use crate::connection::{admit, find_route, is_predicting, note, refuse};
use crate::errors::ApiError;
use crate::headers::Headers;
use crate::paths::Door;
use crate::reply::Reply;
use crate::shared::Shared;
use crate::visits::Visit;

/// Most headers of a request that is refused here; longest name of one that says something.
pub(crate) const HEADERS: usize = 32;
const NAME_BYTES: usize = 24;
/// Digits of a length that fit into its number.
const LENGTH_DIGITS: usize = 18;

/// What became of bytes that begin a request.
#[derive(Debug)]
pub(crate) enum Look {
    /// It is refused: so many bytes of the connection are its, and this is the answer.
    Refused { length: u64, answer: Vec<u8> },
    /// Hyper is to have it.
    Passed(Option<Passed>),
}

/// A request that hyper is to have, of which the bytes hold some or all and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Passed {
    /// Bytes of its body.
    pub(crate) body: u64,
    /// Those that are still to come.
    pub(crate) rest: u64,
}

/// Look at bytes that begin a request, as far as they are known to do so.
pub(crate) fn look(shared: &Shared, visit: &Visit, bytes: &[u8]) -> Look {
    let began = Instant::now();
    let mut headers = [EMPTY_HEADER; HEADERS];
    let Some(plain) = Plain::read(bytes, &mut headers) else {
        return Look::Passed(None);
    };
    let length = plain.head as u64 + plain.body;
    if visit.boundary.is_reached()
        && let Some(answer) = answer(shared, visit, &plain, began)
    {
        return Look::Refused { length, answer };
    }
    let rest = length.checked_sub(bytes.len() as u64);
    Look::Passed(rest.map(|rest| Passed {
        body: plain.body,
        rest,
    }))
}

/// A request that two readers cannot understand differently: POST, HTTP/1.1, a path of plain letters, one length, and no
/// word about how the connection or the body goes on.
#[derive(Debug)]
pub(crate) struct Plain<'b> {
    pub(crate) path: &'b str,
    pub(crate) headers: Headers<'b>,
    /// Bytes of the head.
    pub(crate) head: usize,
    /// Bytes of the body.
    pub(crate) body: u64,
}

impl<'b> Plain<'b> {
    /// Read a head; none where it is not all there, or not plain.
    pub(crate) fn read<'h>(bytes: &'b [u8], headers: &'h mut [Header<'b>]) -> Option<Self> {
        let mut request = Request::new(headers);
        let Ok(Status::Complete(head)) = request.parse(bytes) else {
            return None;
        };
        let path = request.path.filter(|path| is_plain(path))?;
        if request.method != Some("POST") || request.version != Some(1) {
            return None;
        }
        let (mut told, mut body) = (Headers::default(), None);
        for header in request.headers.iter() {
            let mut small = [0; NAME_BYTES];
            // Longer ones say nothing to this server.
            let Some(name) = small.get_mut(..header.name.len()) else {
                continue;
            };
            name.copy_from_slice(header.name.as_bytes());
            name.make_ascii_lowercase();
            match &*name {
                b"content-length" if body.is_none() => body = Some(length(header.value)?),
                b"connection" if header.value.eq_ignore_ascii_case(b"keep-alive") => {}
                b"content-length" | b"connection" | b"transfer-encoding" | b"expect"
                | b"upgrade" => return None,
                name => told.add(std::str::from_utf8(name).ok()?, header.value),
            }
        }
        Some(Self {
            path,
            headers: told,
            head,
            body: body?,
        })
    }
}

fn is_plain(path: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/:._-".contains(&byte);
    path.starts_with('/') && path.bytes().all(is_plain)
}

fn length(digits: &[u8]) -> Option<u64> {
    if digits.len() > LENGTH_DIGITS || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The answer to a request that is refused at once; none to any other.
fn answer(shared: &Shared, visit: &Visit, plain: &Plain<'_>, began: Instant) -> Option<Vec<u8>> {
    let (path, headers) = (plain.path, &plain.headers);
    let asked = (Method::POST.as_str(), path, Version::HTTP_11);
    let (place, target) = find_route(shared, Door::Serving, asked, headers.hosts).ok()?;
    admit(shared, place, headers, Some(plain.body)).ok()?;
    if !is_predicting(place) || shared.is_draining() {
        return None;
    }
    let is_refused = visit.is_full() || {
        let snapshot = shared.engine.snapshot();
        let deployment = snapshot.find(target.name)?;
        let is_known = !target.is_forced() || target.forced(deployment).is_some();
        is_known && !deployment.has_room()
    };
    if !is_refused {
        return None;
    }
    let mut reply = refuse(shared, &ApiError::Overloaded, path, headers);
    note(
        shared,
        (Some(place), &Method::POST, path),
        headers,
        began,
        &mut reply,
    );
    Some(to_bytes(&reply))
}

/// An answer as HTTP/1.1 has it (RFC 9112); one that blames the server needs no date (RFC 9110, 6.6.1).
fn to_bytes(reply: &Reply) -> Vec<u8> {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let mut bytes = Vec::with_capacity(512);
    bytes.extend_from_slice(b"HTTP/1.1 ");
    bytes.extend_from_slice(status.as_str().as_bytes());
    bytes.push(b' ');
    bytes.extend_from_slice(status.canonical_reason().unwrap_or("").as_bytes());
    let mut push = |name: &str, value: &[u8]| {
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value);
    };
    push("content-type", reply.content_type.as_bytes());
    if let Some(seconds) = reply.retry_after {
        push("retry-after", seconds.to_string().as_bytes());
    }
    for (name, value) in &reply.headers {
        push(name.as_str(), value.as_bytes());
    }
    push("content-length", reply.body.len().to_string().as_bytes());
    bytes.extend_from_slice(b"\r\n\r\n");
    bytes.extend_from_slice(&reply.body);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(request: &str) -> Option<(usize, u64)> {
        let mut headers = [EMPTY_HEADER; HEADERS];
        Plain::read(request.as_bytes(), &mut headers).map(|plain| (plain.head, plain.body))
    }

    #[test]
    fn only_what_says_nothing_but_what_it_asks_for_and_how_long_it_is_is_plain() {
        let line = "POST /v1/models/a:predict HTTP/1.1\r\n";
        let plain = "Host: a\r\nX-Anything-At-All-That-Has-A-Long-Name: 1\r\nCONNECTION: Keep-Alive\r\ncontent-length: 12\r\n";
        let whole = format!("{line}{plain}\r\n");
        assert_eq!(read(&whole), Some((whole.len(), 12)));
        for more in [
            "Transfer-Encoding: chunked",
            "Content-Length: 12",
            "Connection: close",
            "Connection: keep-alive, upgrade",
            "Expect: 100-continue",
            "Upgrade: h2c",
        ] {
            assert_eq!(
                read(&format!("{line}{more}\r\n{plain}\r\n")),
                None,
                "{more}"
            );
            assert_eq!(
                read(&format!("{line}{plain}{more}\r\n\r\n")),
                None,
                "{more}"
            );
        }
        for other in [
            "GET /v1/models/a:predict HTTP/1.1\r\n",
            "POST /v1/models/a:predict HTTP/1.0\r\n",
            "POST /v1/models/a:predict?b HTTP/1.1\r\n",
            "POST /v1/models/%61:predict HTTP/1.1\r\n",
            "POST http://a/v1/models/a:predict HTTP/1.1\r\n",
            "POST * HTTP/1.1\r\n",
        ] {
            assert_eq!(read(&format!("{other}{plain}\r\n")), None, "{other}");
        }
        for length in ["", "+1", "1,1", "0x1", "1 1", "1000000000000000000"] {
            let head = format!("{line}Content-Length: {length}\r\n\r\n");
            assert_eq!(read(&head), None, "{length}");
        }
        assert_eq!(read(&whole[..whole.len() - 1]), None, "not all there");
        assert_eq!(read(&format!("{line}Host: a\r\n\r\n")), None, "no length");
        let many = "a: b\r\n".repeat(HEADERS);
        assert_eq!(read(&format!("{line}{many}{plain}\r\n")), None, "too many");
    }
}
