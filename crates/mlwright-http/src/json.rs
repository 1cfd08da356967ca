//! A strict single-pass JSON reader (RFC 8259) that decodes request bodies without a tree in between: duplicate keys,
//! `NaN`, a byte order mark, invalid UTF-8, numbers that overflow and bytes after the document are refused.

use std::borrow::Cow;

use mlwright_features::Value;

use crate::keys::Keys;
use crate::number;

/// Why a body is not JSON that this server reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum JsonError {
    /// Not JSON: what, and at which byte.
    Syntax(&'static str, usize),
    /// Lists and objects inside each other beyond the limit.
    TooDeep(usize),
}

/// A number with its exact integer when it has no fraction and fits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Number {
    /// The nearest float64.
    pub(crate) value: f64,
    /// The integer as written, when it is one of 64 bits.
    pub(crate) integer: Option<i64>,
}

/// A value without its inside: lists and objects are skipped, which checks them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    List,
    Object,
}

impl Scalar<'_> {
    /// The value as the contract looks at it.
    pub(crate) fn as_value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Number(number) => Value::Number(number.value),
            Self::Text(text) => Value::Text(text),
            Self::List => Value::List,
            Self::Object => Value::Object,
        }
    }
}

/// Reads one document from front to back.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    limit: usize,
}

type Read<T> = Result<T, JsonError>;

impl<'a> Reader<'a> {
    /// Start at the front of a body; it has to be UTF-8 without a byte order mark.
    pub(crate) fn new(body: &'a [u8], limit: usize) -> Read<Self> {
        let text = std::str::from_utf8(body)
            .map_err(|error| JsonError::Syntax("the body is not UTF-8", error.valid_up_to()))?;
        if text.starts_with('\u{feff}') {
            return Err(JsonError::Syntax(
                "the body starts with a byte order mark",
                0,
            ));
        }
        Ok(Self {
            text,
            at: 0,
            depth: 0,
            limit,
        })
    }

    /// The next byte that is not white space, without taking it.
    pub(crate) fn peek(&mut self) -> Read<u8> {
        let bytes = self.text.as_bytes();
        self.at = number::after_space(bytes, self.at);
        let next = bytes.get(self.at).copied();
        next.ok_or_else(|| self.wrong("the body ends too early"))
    }

    /// Where the reader stands.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// The bytes between a position and here.
    pub(crate) fn since(&self, start: usize) -> &'a [u8] {
        &self.text.as_bytes()[start..self.at]
    }

    /// Take `{` or `[`.
    pub(crate) fn open(&mut self) -> Read<()> {
        self.at += 1;
        self.depth += 1;
        if self.depth > self.limit {
            return Err(JsonError::TooDeep(self.limit));
        }
        Ok(())
    }

    /// Take the next key of an object and its colon, or the closing brace.
    pub(crate) fn next_key(&mut self, is_first: &mut bool) -> Read<Option<Cow<'a, str>>> {
        if !self.next(b'}', is_first)? {
            return Ok(None);
        }
        if self.peek()? != b'"' {
            return Err(self.wrong("a key is expected"));
        }
        let key = self.text_value()?;
        if self.peek()? != b':' {
            return Err(self.wrong("a colon is expected"));
        }
        self.at += 1;
        Ok(Some(key))
    }

    /// Like [`Reader::next_key`], and a key that the object had before is refused.
    pub(crate) fn next_new_key(&mut self, keys: &mut Keys<'a>) -> Read<Option<Cow<'a, str>>> {
        let mut is_first = keys.is_empty();
        let key = self.next_key(&mut is_first)?;
        match &key {
            Some(key) if !keys.add(key.clone()) => Err(self.wrong("a key appears twice")),
            _ => Ok(key),
        }
    }

    /// Whether another item of a list follows; takes the comma or the closing bracket.
    pub(crate) fn next_item(&mut self, is_first: &mut bool) -> Read<bool> {
        self.next(b']', is_first)
    }

    fn next(&mut self, close: u8, is_first: &mut bool) -> Read<bool> {
        let byte = self.peek()?;
        if byte == close {
            self.at += 1;
            self.depth -= 1;
            return Ok(false);
        }
        if *is_first {
            *is_first = false;
            return Ok(true);
        }
        if byte != b',' {
            return Err(self.wrong("a comma or the end of the list or object is expected"));
        }
        self.at += 1;
        if self.peek()? == close {
            return Err(self.wrong("a comma before the end"));
        }
        Ok(true)
    }

    /// Take a value; the inside of lists and objects is checked and passed over.
    pub(crate) fn scalar(&mut self) -> Read<Scalar<'a>> {
        match self.peek()? {
            b'"' => self.text_value().map(Scalar::Text),
            b'-' | b'0'..=b'9' => self.number().map(Scalar::Number),
            b'n' => self.word("null").map(|()| Scalar::Null),
            b't' => self.word("true").map(|()| Scalar::Bool(true)),
            b'f' => self.word("false").map(|()| Scalar::Bool(false)),
            b'[' => self.skip_list().map(|()| Scalar::List),
            b'{' => self.skip_object().map(|()| Scalar::Object),
            _ => Err(self.wrong("a value is expected")),
        }
    }

    /// Take a number.
    pub(crate) fn number(&mut self) -> Read<Number> {
        self.peek()?;
        let (number, length) = number::parse(&self.text.as_bytes()[self.at..])
            .map_err(|problem| self.wrong(problem))?;
        self.at += length;
        Ok(number)
    }

    /// Append the number that is next in a list and those after it, at most `room`, up to anything else; an integer that
    /// float64 may not hold is something else.
    pub(crate) fn numbers(&mut self, out: &mut Vec<f64>, room: usize) -> Read<()> {
        match number::parse_list(self.text.as_bytes(), self.at, room, out) {
            Ok(end) => self.at = end,
            Err((problem, at)) => return Err(JsonError::Syntax(problem, at)),
        }
        Ok(())
    }

    fn skip_list(&mut self) -> Read<()> {
        self.open()?;
        let mut is_first = true;
        while self.next_item(&mut is_first)? {
            self.scalar()?;
        }
        Ok(())
    }

    fn skip_object(&mut self) -> Read<()> {
        self.open()?;
        let mut keys = Keys::default();
        while self.next_new_key(&mut keys)?.is_some() {
            self.scalar()?;
        }
        Ok(())
    }

    /// Nothing but white space may follow.
    pub(crate) fn finish(mut self) -> Read<()> {
        match self.peek() {
            Ok(_) => Err(self.wrong("bytes follow the document")),
            Err(_) => Ok(()),
        }
    }

    pub(crate) fn wrong(&self, what: &'static str) -> JsonError {
        JsonError::Syntax(what, self.at)
    }

    fn word(&mut self, word: &'static str) -> Read<()> {
        if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(());
        }
        Err(self.wrong("a value is expected"))
    }

    fn text_value(&mut self) -> Read<Cow<'a, str>> {
        let bytes = self.text.as_bytes();
        let start = self.at + 1;
        let mut end = start;
        loop {
            match bytes.get(end) {
                Some(b'"') => {
                    self.at = end + 1;
                    return Ok(Cow::Borrowed(&self.text[start..end]));
                }
                Some(b'\\') => return self.escaped_text(start, end),
                Some(0..=0x1f) => {
                    self.at = end;
                    return Err(self.wrong("a control character inside a text"));
                }
                Some(_) => end += 1,
                None => return Err(self.wrong("a text without an end")),
            }
        }
    }

    fn escaped_text(&mut self, start: usize, first_escape: usize) -> Read<Cow<'a, str>> {
        let mut owned = String::from(&self.text[start..first_escape]);
        self.at = first_escape;
        let bytes = self.text.as_bytes();
        loop {
            let from = self.at;
            while !matches!(bytes.get(self.at), None | Some(b'"' | b'\\' | 0..=0x1f)) {
                self.at += 1;
            }
            owned.push_str(&self.text[from..self.at]);
            match bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(owned));
                }
                Some(b'\\') => owned.push(self.escape()?),
                Some(_) => return Err(self.wrong("a control character inside a text")),
                None => return Err(self.wrong("a text without an end")),
            }
        }
    }

    fn escape(&mut self) -> Read<char> {
        let byte = self.text.as_bytes().get(self.at + 1).copied();
        self.at += 2;
        match byte {
            Some(byte @ (b'"' | b'\\' | b'/')) => Ok(char::from(byte)),
            Some(b'b') => Ok('\u{8}'),
            Some(b'f') => Ok('\u{c}'),
            Some(b'n') => Ok('\n'),
            Some(b'r') => Ok('\r'),
            Some(b't') => Ok('\t'),
            Some(b'u') => self.unicode_escape(),
            _ => Err(self.wrong("an unknown escape")),
        }
    }

    fn unicode_escape(&mut self) -> Read<char> {
        let high = self.hex()?;
        if !(0xd800..0xe000).contains(&high) {
            return char::from_u32(high).ok_or_else(|| self.wrong("an unknown character"));
        }
        let lone = "half of a surrogate pair";
        if high >= 0xdc00 || !self.text.as_bytes()[self.at..].starts_with(b"\\u") {
            return Err(self.wrong(lone));
        }
        self.at += 2;
        let low = self.hex()?;
        if !(0xdc00..0xe000).contains(&low) {
            return Err(self.wrong(lone));
        }
        char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))
            .ok_or_else(|| self.wrong(lone))
    }

    fn hex(&mut self) -> Read<u32> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4);
        let value = digits.and_then(|digits| {
            digits.iter().try_fold(0, |sum, digit| {
                Some(sum * 16 + char::from(*digit).to_digit(16)?)
            })
        });
        self.at += 4;
        value.ok_or_else(|| self.wrong("four hex digits are expected"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &[u8]) -> Read<Scalar<'_>> {
        let mut reader = Reader::new(body, 100)?;
        let value = reader.scalar()?;
        reader.finish()?;
        Ok(value)
    }

    #[test]
    fn valid_documents_are_read() {
        for text in [
            "null",
            " true ",
            "false",
            "0",
            "-0",
            "1.5e-3",
            "\"a\\u00e9\\ud83d\\ude00\"",
            "[]",
            "{}",
            "[[1],{\"a\":2}]",
            "{\"a\":{\"b\":[null]}}",
            "\"\u{7f}\"",
            "1e308",
            "123456789012345678901234567890",
        ] {
            assert!(read(text.as_bytes()).is_ok(), "{text}");
            assert!(
                serde_json::from_str::<serde_json::Value>(text).is_ok(),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in [
            "",
            " ",
            "nul",
            "NaN",
            "Infinity",
            "-",
            "01",
            "1.",
            ".5",
            "1e",
            "+1",
            "0x1",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{a:1}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "\"",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"\\udc00\"",
            "\"\n\"",
            "[",
            "{",
            "1 2",
            "\u{feff}1",
            "1e400",
            "'a'",
            "[1}",
            "\"\\u12\"",
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
        assert!(read(b"\"\xff\"").is_err());
    }

    #[test]
    fn a_key_that_appears_twice_is_refused_at_any_depth() {
        let many: Vec<String> = (0..100).map(|n| format!("\"k{n}\":0")).collect();
        let object = |last: &str| format!("[{{\"a\":{{{},{last}}}}}]", many.join(","));
        assert!(read(object("\"k100\":0").as_bytes()).is_ok());
        for text in [
            "{\"a\":1,\"a\":1}",
            "[{\"a\":{\"b\":1,\"\\u0062\":1}}]",
            &object("\"k3\":0"),
            &object("\"k99\":0"),
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let text = format!("{}{}", "[".repeat(101), "]".repeat(101));
        assert_eq!(read(text.as_bytes()), Err(JsonError::TooDeep(100)));
        let text = format!("{}{}", "[".repeat(100), "]".repeat(100));
        assert!(read(text.as_bytes()).is_ok());
    }

    #[test]
    fn texts_without_escapes_are_borrowed() {
        let Ok(Scalar::Text(Cow::Borrowed("plain"))) = read(b"\"plain\"") else {
            panic!("not borrowed");
        };
        assert_eq!(
            read(b"\"a\\n\\\"b\""),
            Ok(Scalar::Text(Cow::Owned("a\n\"b".into())))
        );
    }
}
