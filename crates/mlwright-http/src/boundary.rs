//! Where one request of a connection of HTTP/1.1 ends and the next begins, as far as it is known before hyper says so.
//!
//! A request may be kept from hyper only where hyper has nothing of it, or two readers would see different requests in the
//! same bytes. Hyper does not tell what it has read and not yet used, but it can be concluded. Let it be given bytes that
//! are, by themselves, one request with a body of a stated length, and let the next request that it makes have a body of
//! that length. What it had before held no whole head, or it had made a request of that; so the head that it found ends with
//! the first empty line of what it was given, and the body after it takes all the rest. It has nothing left. This stays so
//! until it is given bytes that nobody looked at.

use std::cell::Cell;

/// What hyper has read and not yet used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unused {
    /// Anything, such as the beginning of the next request.
    Unknown,
    /// One request with a body of so many bytes; what stands before it is unknown.
    Request(u64),
    /// Nothing.
    Nothing,
}

/// What is known of the bytes of one connection.
#[derive(Debug)]
pub(crate) struct Boundary {
    unused: Cell<Unused>,
    /// Hyper has sent all it had to say.
    is_sent: Cell<bool>,
}

impl Boundary {
    /// Nothing is known.
    pub(crate) fn new() -> Self {
        Self {
            unused: Cell::new(Unused::Unknown),
            is_sent: Cell::new(false),
        }
    }

    /// Whether the next bytes are the first of a request.
    pub(crate) fn is_reached(&self) -> bool {
        self.unused.get() == Unused::Nothing
    }

    /// Whether answers have left.
    pub(crate) fn is_sent(&self) -> bool {
        self.is_sent.get()
    }

    /// Hyper gets bytes that nobody looked at.
    pub(crate) fn pass(&self) {
        self.unused.set(Unused::Unknown);
    }

    /// Hyper gets one request with a body of so many bytes, at once or bit by bit, and no more.
    pub(crate) fn pass_request(&self, body: u64) {
        self.unused.set(Unused::Request(body));
    }

    /// Hyper has made a request; its body is so long, if its head says that.
    pub(crate) fn begin(&self, body: Option<u64>) {
        let is_same = |given| matches!(given, Unused::Request(length) if body == Some(length));
        self.unused.set(if is_same(self.unused.get()) {
            Unused::Nothing
        } else {
            Unused::Unknown
        });
    }

    /// Hyper gets an answer, to send it.
    pub(crate) fn answer(&self) {
        self.is_sent.set(false);
    }

    /// Hyper has sent all it had to say.
    pub(crate) fn send(&self) {
        self.is_sent.set(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boundary_is_reached_where_hyper_has_made_what_it_was_given_of_what_it_was_given() {
        let boundary = Boundary::new();
        for (body, is_reached) in [(Some(5), true), (Some(4), false), (None, false)] {
            boundary.pass_request(5);
            assert!(!boundary.is_reached(), "hyper may have more");
            boundary.begin(body);
            assert_eq!(boundary.is_reached(), is_reached, "{body:?}");
        }
        boundary.pass_request(5);
        boundary.begin(Some(5));
        boundary.begin(Some(5));
        assert!(!boundary.is_reached(), "another one that nobody looked at");
        boundary.pass_request(5);
        boundary.begin(Some(5));
        boundary.pass();
        assert!(!boundary.is_reached());
        boundary.begin(Some(5));
        assert!(!boundary.is_reached());
    }
}
