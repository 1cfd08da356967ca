//! What the headers of a request say to this server, found in one pass: requests have few headers, and to look one up in
//! their table costs more than to pass it over.

use hyper::HeaderMap;
use hyper::header::HeaderValue;

/// Headers that every request is asked for; of one that is there several times, the first.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Headers<'r> {
    /// How often the host is named.
    pub(crate) hosts: usize,
    pub(crate) authorization: Option<&'r HeaderValue>,
    /// The token of callers whose `Authorization` is taken: those who sign their requests need it for the signature.
    pub(crate) token: Option<&'r HeaderValue>,
    /// How many milliseconds the caller waits for its answer.
    pub(crate) patience: Option<&'r HeaderValue>,
    pub(crate) content_encoding: Option<&'r HeaderValue>,
    pub(crate) content_type: Option<&'r HeaderValue>,
    pub(crate) expect: Option<&'r HeaderValue>,
    pub(crate) request_id: Option<&'r HeaderValue>,
    /// W3C Trace Context, <https://www.w3.org/TR/trace-context/>.
    pub(crate) trace_parent: Option<&'r HeaderValue>,
}

impl<'r> Headers<'r> {
    /// Find them.
    pub(crate) fn of(map: &'r HeaderMap) -> Self {
        let mut found = Self::default();
        for (name, value) in map {
            let place = match name.as_str() {
                "host" => {
                    found.hosts += 1;
                    continue;
                }
                "authorization" => &mut found.authorization,
                "x-mlwright-token" => &mut found.token,
                "x-request-timeout-ms" => &mut found.patience,
                "content-encoding" => &mut found.content_encoding,
                "content-type" => &mut found.content_type,
                "expect" => &mut found.expect,
                "x-request-id" => &mut found.request_id,
                "traceparent" => &mut found.trace_parent,
                _ => continue,
            };
            place.get_or_insert(value);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(headers: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn the_first_of_each_header_is_found_and_hosts_are_counted() {
        let map = map(&[
            ("host", "a"),
            ("accept", "*/*"),
            ("x-request-id", "1"),
            ("host", "b"),
            ("x-request-id", "2"),
            ("Content-Type", "text/csv"),
        ]);
        let found = Headers::of(&map);
        assert_eq!(found.hosts, 2);
        assert_eq!(found.request_id, Some(&HeaderValue::from_static("1")));
        assert_eq!(found.content_type, map.get("content-type"));
        assert_eq!(found.authorization, None);
    }
}
