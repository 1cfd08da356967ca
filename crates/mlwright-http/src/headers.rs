//! What the headers of a request say to this server, found in one pass: requests have few headers, and to look one up in
//! their table costs more than to pass it over.

use hyper::HeaderMap;

/// Headers that every request is asked for; of one that is there several times, the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Headers<'r> {
    /// How often the host is named.
    pub(crate) hosts: usize,
    pub(crate) authorization: Option<&'r [u8]>,
    /// The token of callers whose `Authorization` is taken: those who sign their requests need it for the signature.
    pub(crate) token: Option<&'r [u8]>,
    /// How many milliseconds the caller waits for its answer.
    pub(crate) patience: Option<&'r [u8]>,
    pub(crate) content_encoding: Option<&'r [u8]>,
    pub(crate) content_type: Option<&'r [u8]>,
    pub(crate) expect: Option<&'r [u8]>,
    pub(crate) request_id: Option<&'r [u8]>,
    /// W3C Trace Context, <https://www.w3.org/TR/trace-context/>.
    pub(crate) trace_parent: Option<&'r [u8]>,
}

impl<'r> Headers<'r> {
    /// Find them.
    pub(crate) fn of(map: &'r HeaderMap) -> Self {
        let mut found = Self::default();
        for (name, value) in map {
            found.add(name.as_str(), value.as_bytes());
        }
        found
    }

    /// Note a header; its name is in small letters.
    pub(crate) fn add(&mut self, name: &str, value: &'r [u8]) {
        let place = match name {
            "host" => {
                self.hosts += 1;
                return;
            }
            "authorization" => &mut self.authorization,
            "x-mlwright-token" => &mut self.token,
            "x-request-timeout-ms" => &mut self.patience,
            "content-encoding" => &mut self.content_encoding,
            "content-type" => &mut self.content_type,
            "expect" => &mut self.expect,
            "x-request-id" => &mut self.request_id,
            "traceparent" => &mut self.trace_parent,
            _ => return,
        };
        place.get_or_insert(value);
    }
}

/// The text of a header, if it is one: visible letters of ASCII and spaces.
pub(crate) fn text(value: &[u8]) -> Option<&str> {
    let is_text = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t');
    std::str::from_utf8(value)
        .ok()
        .filter(|_| value.iter().all(is_text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

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
        assert_eq!(found.request_id, Some(&b"1"[..]));
        assert_eq!(found.content_type, Some(&b"text/csv"[..]));
        assert_eq!(found.authorization, None);
    }
}
