//! What single requests leave behind: their id and trace in the answer, a sample of the slow ones, and, if it is wanted, a
//! line each in the access log.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue};
use mlwright_serve::now_us;
use serde_json::{Value, json};

use crate::headers::{Headers, text};
use crate::reply::Reply;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Of level 2 of W3C Trace Context.
const TRACE_RESPONSE: HeaderName = HeaderName::from_static("traceresponse");
/// Longest request id that is given back.
const ID_BYTES: usize = 128;
/// Slow requests that are remembered.
const SAMPLE: usize = 64;
/// At most one slow request in so many microseconds is remembered: a slow hour does not wash away how it began.
const SAMPLE_GAP_US: u64 = 100_000;

/// How one request went.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passage<'a> {
    pub(crate) method: &'a str,
    /// Name in the route table.
    pub(crate) route: &'static str,
    pub(crate) path: &'a str,
    pub(crate) status: u16,
    pub(crate) took: Duration,
}

/// The trail of a server.
#[derive(Debug)]
pub(crate) struct Trail {
    has_access_log: bool,
    slow: Duration,
    spans: AtomicU64,
    sample: Mutex<VecDeque<Value>>,
    last_us: AtomicU64,
}

impl Trail {
    /// A trail that samples requests slower than `slow_ms`.
    pub(crate) fn new(has_access_log: bool, slow_ms: u64) -> Self {
        Self {
            has_access_log,
            slow: Duration::from_millis(slow_ms),
            spans: AtomicU64::new(now_us()),
            sample: Mutex::default(),
            last_us: AtomicU64::new(0),
        }
    }

    /// Note a request where that is wanted; most requests end at the first comparison.
    pub(crate) fn note(&self, passage: Passage<'_>, headers: &Headers<'_>) {
        let is_slow = passage.took >= self.slow;
        if !is_slow && !self.has_access_log {
            return;
        }
        let now = now_us();
        let entry = json!({
            "time_us": now,
            "method": passage.method,
            "route": passage.route,
            "path": passage.path.chars().take(200).collect::<String>(),
            "status": passage.status,
            "took_us": u64::try_from(passage.took.as_micros()).unwrap_or(u64::MAX),
            "request_id": request_id(headers),
            "trace_id": trace(headers).map(|(id, _)| id),
        });
        if self.has_access_log {
            eprintln!("request: {entry}");
        }
        if is_slow && now.saturating_sub(self.last_us.load(Ordering::Relaxed)) >= SAMPLE_GAP_US {
            self.last_us.store(now, Ordering::Relaxed);
            let mut sample = self.sample.lock().unwrap_or_else(PoisonError::into_inner);
            if sample.len() == SAMPLE {
                sample.pop_front();
            }
            sample.push_back(entry);
        }
    }

    /// The slow requests that are remembered, the oldest first.
    pub(crate) fn slow(&self) -> Vec<Value> {
        let sample = self.sample.lock().unwrap_or_else(PoisonError::into_inner);
        sample.iter().cloned().collect()
    }

    /// Give id and trace back to the caller who sent them.
    pub(crate) fn answer(&self, headers: &Headers<'_>, answer: &mut Reply) {
        if let Some(id) = request_id(headers).and_then(|id| HeaderValue::from_str(id).ok()) {
            answer.headers.push((REQUEST_ID, id));
        }
        if let Some((trace_id, flags)) = trace(headers) {
            let span = self.spans.fetch_add(1, Ordering::Relaxed);
            let text = format!("00-{trace_id}-{span:016x}-{flags}");
            if let Ok(value) = HeaderValue::from_str(&text) {
                answer.headers.push((TRACE_RESPONSE, value));
            }
        }
    }
}

/// The caller's own id of a request, if it is one that can be given back.
pub(crate) fn request_id<'r>(headers: &Headers<'r>) -> Option<&'r str> {
    let id = text(headers.request_id?)?;
    let is_visible = id.bytes().all(|byte| byte.is_ascii_graphic());
    (is_visible && (1..=ID_BYTES).contains(&id.len())).then_some(id)
}

/// Trace id and flags of a valid `traceparent`.
fn trace<'r>(headers: &Headers<'r>) -> Option<(&'r str, &'r str)> {
    let text = text(headers.trace_parent?)?;
    let is_hex = |part: &str, digits: usize| {
        part.len() == digits
            && part
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let mut parts = text.split('-');
    let (version, id, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_valid = is_hex(version, 2)
        && version != "ff"
        && is_hex(id, 32)
        && id.bytes().any(|byte| byte != b'0')
        && is_hex(span, 16)
        && is_hex(flags, 2)
        && (version != "00" || parts.next().is_none());
    is_valid.then_some((id, flags))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::HeaderMap;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).expect("a header"));
        headers
    }

    fn request_id(value: &str) -> bool {
        let map = headers("x-request-id", value);
        super::request_id(&Headers::of(&map)).is_some()
    }

    // promise: serve.trace
    #[test]
    fn a_valid_trace_goes_on_and_an_invalid_one_is_ignored() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        let good = format!("00-{id}-00f067aa0ba902b7-01");
        let given = headers("traceparent", &good);
        let given = Headers::of(&given);
        assert_eq!(trace(&given), Some((id, "01")));
        let mut answer = Reply::json(Vec::new());
        Trail::new(false, 100).answer(&given, &mut answer);
        let [(name, back)] = &answer.headers[..] else {
            panic!("one header: {answer:?}")
        };
        assert_eq!(name, "traceresponse");
        let back = back.to_str().expect("text");
        assert!(
            back.starts_with(&format!("00-{id}-")) && back.ends_with("-01"),
            "{back}"
        );
        for bad in [
            "",
            "00",
            &good.to_uppercase(),
            &good.replacen("00", "ff", 1),
            &format!("{good}-1"),
            &good.replace(id, &"0".repeat(32)),
            &good[1..],
        ] {
            let bad = headers("traceparent", bad);
            assert_eq!(trace(&Headers::of(&bad)), None, "{bad:?}");
        }
    }

    #[test]
    fn request_ids_are_given_back_if_they_are_short_and_visible() {
        assert!(request_id("a-1"));
        for bad in ["", "a b", &"x".repeat(129)] {
            assert!(!request_id(bad), "{bad:?}");
        }
    }

    #[test]
    fn only_slow_requests_are_sampled_and_not_all_of_them() {
        let trail = Trail::new(false, 100);
        let passage = |ms| Passage {
            method: "POST",
            route: "predict",
            path: "/v1/predict/a",
            status: 200,
            took: Duration::from_millis(ms),
        };
        for ms in [99, 100, 150] {
            trail.note(passage(ms), &Headers::default());
        }
        let slow = trail.slow();
        assert_eq!(slow.len(), 1, "the second one came within the gap");
        assert_eq!(
            (&slow[0]["took_us"], &slow[0]["route"]),
            (&100_000.into(), &"predict".into())
        );
    }
}
