//! Reads one HTTP/1.1 answer from pieces: status, end of the body, and whether the connection may be used again.

use std::mem;

use memchr::{memchr, memmem};

/// Bytes of a head before it is no answer.
const HEAD_BYTES: usize = 64 * 1024;

/// A whole answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) keeps_open: bool,
}

/// Why bytes are no answer.
pub(crate) type Malformed = &'static str;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    Length(u64),
    ChunkSize {
        size: u64,
        digits: u8,
        is_extension: bool,
    },
    ChunkData(u64),
    ChunkEnd,
    Trailer {
        is_empty_line: bool,
    },
    UntilClose,
}

const CHUNK: State = State::ChunkSize {
    size: 0,
    digits: 0,
    is_extension: false,
};

/// The state of reading one answer after another from one connection.
#[derive(Debug)]
pub(crate) struct AnswerReader {
    state: State,
    head: Vec<u8>,
    status: u16,
    keeps_open: bool,
    has_no_body: bool,
    keeps_body: bool,
    body: Vec<u8>,
}

impl AnswerReader {
    /// A reader; `is_head` says that the requests are HEAD, `keeps_body` that somebody will look at bodies.
    pub(crate) fn new(is_head: bool, keeps_body: bool) -> Self {
        Self {
            state: State::Head,
            head: Vec::new(),
            status: 0,
            keeps_open: true,
            has_no_body: is_head,
            keeps_body,
            body: Vec::new(),
        }
    }

    /// The body of the answer that was completed last, if bodies are kept.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Forget what was read, for a new connection.
    pub(crate) fn reset(&mut self) {
        self.state = State::Head;
        self.head.clear();
        self.body.clear();
    }

    /// Take what arrived; give the answer when it is whole. Bytes after its end are malformed: nobody asked for them.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) -> Result<Option<Answer>, Malformed> {
        if self.state == State::Head && self.head.is_empty() {
            self.body.clear();
        }
        while !bytes.is_empty() {
            let (rest, is_whole) = match self.state {
                State::Head => self.feed_head(bytes)?,
                State::Length(left) => self.feed_length(left, bytes),
                State::UntilClose => {
                    self.keep(bytes);
                    (&bytes[bytes.len()..], false)
                }
                State::ChunkSize { .. }
                | State::ChunkData(_)
                | State::ChunkEnd
                | State::Trailer { .. } => self.feed_chunked(bytes)?,
            };
            bytes = rest;
            if is_whole {
                return if bytes.is_empty() {
                    Ok(Some(self.finish()))
                } else {
                    Err("bytes after its end")
                };
            }
        }
        Ok(None)
    }

    /// The server closed the connection: the end of an answer without a length, else of a broken one.
    pub(crate) fn close(&mut self) -> Option<Answer> {
        (self.state == State::UntilClose).then(|| {
            self.keeps_open = false;
            self.finish()
        })
    }

    fn finish(&mut self) -> Answer {
        self.state = State::Head;
        Answer {
            status: self.status,
            keeps_open: self.keeps_open,
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.keeps_body {
            self.body.extend_from_slice(bytes);
        }
    }

    fn feed_head<'a>(&mut self, bytes: &'a [u8]) -> Result<(&'a [u8], bool), Malformed> {
        if self.head.is_empty()
            && let Some(end) = memmem::find(bytes, b"\r\n\r\n")
        {
            let is_whole = self.read_head(&bytes[..end + 2])?;
            return Ok((&bytes[end + 4..], is_whole));
        }
        let searched = self.head.len().saturating_sub(3);
        let before = self.head.len();
        self.head.extend_from_slice(bytes);
        let Some(end) = memmem::find(&self.head[searched..], b"\r\n\r\n") else {
            let is_short = self.head.len() <= HEAD_BYTES;
            return if is_short {
                Ok((&[], false))
            } else {
                Err("a head of more than 64 KiB")
            };
        };
        let end = searched + end;
        let head = mem::take(&mut self.head);
        let is_whole = self.read_head(&head[..end + 2])?;
        Ok((&bytes[end + 4 - before..], is_whole))
    }

    /// Read status line and headers, each with its line end; whether the answer ends here.
    fn read_head(&mut self, head: &[u8]) -> Result<bool, Malformed> {
        let minor = match head {
            [
                b'H',
                b'T',
                b'T',
                b'P',
                b'/',
                b'1',
                b'.',
                minor @ (b'0' | b'1'),
                b' ',
                rest @ ..,
            ] => {
                self.status = status(rest)?;
                *minor
            }
            _ => return Err("no status line of HTTP/1.1"),
        };
        self.keeps_open = minor == b'1';
        let (mut length, mut is_chunked) = (None, false);
        let mut at = memchr(b'\n', head).map_or(head.len(), |end| end + 1);
        while at < head.len() {
            let end = memchr(b'\n', &head[at..]).map_or(head.len(), |end| at + end + 1);
            let (name, value) = header(&head[at..end])?;
            if name.eq_ignore_ascii_case(b"content-length") {
                length = Some(number(value)?);
            } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
                is_chunked = value.to_ascii_lowercase().ends_with(b"chunked");
            } else if name.eq_ignore_ascii_case(b"connection") {
                let value = value.to_ascii_lowercase();
                self.keeps_open = match minor {
                    b'1' => memmem::find(&value, b"close").is_none(),
                    _ => memmem::find(&value, b"keep-alive").is_some(),
                };
            }
            at = end;
        }
        if (100..200).contains(&self.status) {
            return Ok(false); // the answer proper follows
        }
        if self.has_no_body || matches!(self.status, 204 | 304) {
            return Ok(true);
        }
        self.state = match (is_chunked, length) {
            (true, _) => CHUNK,
            (false, Some(0)) => return Ok(true),
            (false, Some(length)) => State::Length(length),
            (false, None) => State::UntilClose,
        };
        Ok(false)
    }

    fn feed_length<'a>(&mut self, left: u64, bytes: &'a [u8]) -> (&'a [u8], bool) {
        let taken = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.keep(&bytes[..taken]);
        self.state = State::Length(left - taken as u64);
        (&bytes[taken..], left == taken as u64)
    }

    fn feed_chunked<'a>(&mut self, bytes: &'a [u8]) -> Result<(&'a [u8], bool), Malformed> {
        if let State::ChunkData(left) = self.state {
            let (rest, is_whole) = self.feed_length(left, bytes);
            self.state = if is_whole {
                State::ChunkEnd
            } else {
                State::ChunkData(left - (bytes.len() as u64))
            };
            return Ok((rest, false));
        }
        let (byte, rest) = (bytes[0], &bytes[1..]);
        match byte {
            b'\r' => {}
            b'\n' => match self.end_of_line()? {
                Some(state) => self.state = state,
                None => return Ok((rest, true)),
            },
            byte => self.state = self.in_line(byte)?,
        }
        Ok((rest, false))
    }

    /// What follows the line that ends here; nothing after the empty line of a trailer.
    fn end_of_line(&self) -> Result<Option<State>, Malformed> {
        match self.state {
            State::ChunkEnd => Ok(Some(CHUNK)),
            State::ChunkSize { digits: 0, .. } => Err("a chunk without its size"),
            State::ChunkSize { size: 0, .. }
            | State::Trailer {
                is_empty_line: false,
            } => Ok(Some(State::Trailer {
                is_empty_line: true,
            })),
            State::ChunkSize { size, .. } => Ok(Some(State::ChunkData(size))),
            State::Trailer {
                is_empty_line: true,
            } => Ok(None),
            State::Head | State::Length(_) | State::ChunkData(_) | State::UntilClose => {
                Err("a line where there is none")
            }
        }
    }

    fn in_line(&self, byte: u8) -> Result<State, Malformed> {
        match self.state {
            State::Trailer { .. } => Ok(State::Trailer {
                is_empty_line: false,
            }),
            State::ChunkSize {
                size,
                digits,
                is_extension,
            } if is_extension || byte == b';' => Ok(State::ChunkSize {
                size,
                digits,
                is_extension: true,
            }),
            State::ChunkSize { digits: 15, .. } => Err("a chunk of more than 2^60 bytes"),
            State::ChunkSize {
                size,
                digits,
                is_extension,
            } => {
                let digit = (byte as char)
                    .to_digit(16)
                    .ok_or("a chunk without its size")?;
                Ok(State::ChunkSize {
                    size: size * 16 + u64::from(digit),
                    digits: digits + 1,
                    is_extension,
                })
            }
            State::ChunkEnd
            | State::Head
            | State::Length(_)
            | State::ChunkData(_)
            | State::UntilClose => Err("a chunk without its end"),
        }
    }
}

fn status(text: &[u8]) -> Result<u16, Malformed> {
    match text {
        [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', ..] => {
            Ok(u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0'))
        }
        _ => Err("no status"),
    }
}

fn header(line: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let colon = memchr(b':', line).ok_or("a header without a colon")?;
    Ok((&line[..colon], line[colon + 1..].trim_ascii()))
}

fn number(text: &[u8]) -> Result<u64, Malformed> {
    let text = std::str::from_utf8(text).map_err(|_| "a length that is no number")?;
    text.parse().map_err(|_| "a length that is no number")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feed an answer whole and in every pair of pieces; give what is common to all.
    fn read(text: &str, is_head: bool) -> (Result<Option<Answer>, Malformed>, String) {
        let bytes = text.as_bytes();
        let mut found = Vec::new();
        for cut in 0..bytes.len() {
            let mut reader = AnswerReader::new(is_head, true);
            let mut result = reader.feed(&bytes[..cut]);
            if result == Ok(None) {
                result = reader.feed(&bytes[cut..]);
            }
            if result == Ok(None) {
                result = Ok(reader.close());
            }
            found.push((result, String::from_utf8_lossy(reader.body()).into_owned()));
        }
        assert!(
            found.iter().all(|each| *each == found[0]),
            "{text:?}: {found:?}"
        );
        found.swap_remove(0)
    }

    fn good(
        status: u16,
        keeps_open: bool,
        body: &str,
    ) -> (Result<Option<Answer>, Malformed>, String) {
        (Ok(Some(Answer { status, keeps_open })), body.to_owned())
    }

    // promise: bench.answers
    #[test]
    fn answers_are_whole_however_they_are_cut() {
        let cases = [
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                good(200, true, "hello"),
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length:  0\r\nConnection: Close\r\n\r\n",
                good(200, false, ""),
            ),
            (
                "HTTP/1.1 503 \r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\nno",
                good(503, true, "no"),
            ),
            ("HTTP/1.1 204 No Content\r\n\r\n", good(204, true, "")),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Made\r\ncontent-length: 1\r\n\r\n!",
                good(201, true, "!"),
            ),
            (
                "HTTP/1.1 200 OK\r\n\r\nuntil the end",
                good(200, false, "until the end"),
            ),
            (
                "HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\n1",
                good(200, false, "1"),
            ),
            (
                "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 1\r\n\r\n1",
                good(200, true, "1"),
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;why=1\r\n \r\nA\r\n0123456789\r\n0\r\n\r\n",
                good(200, true, "hello 0123456789"),
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n00\r\nname: value\r\nother: x\r\n\r\n",
                good(200, true, "ab"),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text, false), expected, "{text:?}");
        }
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n";
        assert_eq!(read(head, true), good(200, true, ""));
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for text in [
            "HTTP/2 200\r\n\r\n",
            "SSH-2.0-OpenSSH\r\n\r\n",
            "HTTP/1.1 abc\r\n\r\n",
            "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nabc",
        ] {
            let mut reader = AnswerReader::new(false, true);
            assert!(reader.feed(text.as_bytes()).is_err(), "{text:?}");
        }
        let mut endless = AnswerReader::new(false, true);
        let piece = vec![b'a'; 40_000];
        assert!(endless.feed(&piece).is_ok() && endless.feed(&piece).is_err());
    }

    #[test]
    fn a_close_in_the_middle_is_no_answer() {
        let mut reader = AnswerReader::new(false, true);
        assert_eq!(
            reader.feed(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe"),
            Ok(None)
        );
        assert_eq!(reader.close(), None);
    }

    #[test]
    fn one_reader_reads_answer_after_answer() {
        let mut reader = AnswerReader::new(false, true);
        for round in 0..3 {
            let text = format!("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{round}");
            assert!(matches!(reader.feed(text.as_bytes()), Ok(Some(_))));
            assert_eq!(reader.body(), round.to_string().as_bytes());
        }
    }
}
