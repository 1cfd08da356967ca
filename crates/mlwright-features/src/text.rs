//! Short texts of numbers and names: for level look-ups without allocation and for messages.

use std::fmt::Write;

/// The text of an integer or boolean value, built without allocation.
pub(crate) struct ShortText {
    bytes: [u8; 32],
    length: usize,
}

impl ShortText {
    /// The text of an integral number: `-3`, `12`; other numbers in their shortest form.
    pub(crate) fn of_number(value: f64) -> Self {
        let mut text = Self {
            bytes: [0; 32],
            length: 0,
        };
        // Beyond 32 bytes only numbers of more than 31 digits would go; they are no level anyone listed.
        let written = if value.fract() == 0.0 && value.abs() < 1e18 {
            write!(text, "{}", value as i64)
        } else {
            write!(text, "{value:e}")
        };
        if written.is_err() {
            text.length = 0;
        }
        text
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

impl Write for ShortText {
    fn write_str(&mut self, part: &str) -> std::fmt::Result {
        let end = self.length + part.len();
        self.bytes
            .get_mut(self.length..end)
            .ok_or(std::fmt::Error)?
            .copy_from_slice(part.as_bytes());
        self.length = end;
        Ok(())
    }
}

/// A number for a message: plain while short, `1e9` when that is shorter for a large or small one.
pub(crate) fn number(value: f64) -> String {
    let plain = format!("{value}");
    if value == 0.0 || (1e-4..1e6).contains(&value.abs()) {
        return plain;
    }
    let scientific = format!("{value:e}");
    if scientific.len() < plain.len() {
        scientific
    } else {
        plain
    }
}

/// A text in quotes for a message, cut after 40 characters, control characters escaped.
pub(crate) fn quoted(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// The known name nearest to an unknown one, if it is near enough to be a slip.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > 100 {
        return None;
    }
    known
        .map(|candidate| (edits(name, candidate), candidate))
        .min()
        .filter(|(distance, _)| *distance <= 1 + name.chars().count() / 4)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance, letters compared without case.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.to_lowercase().chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_become_their_text() {
        for (value, text) in [
            (1.0, "1"),
            (-3.0, "-3"),
            (0.0, "0"),
            (-0.0, "0"),
            (1e15, "1000000000000000"),
        ] {
            assert_eq!(ShortText::of_number(value).as_str(), text);
        }
        assert_eq!(ShortText::of_number(0.5).as_str(), "5e-1");
        assert_eq!(
            ShortText::of_number(-f64::MIN_POSITIVE).as_str(),
            "-2.2250738585072014e-308"
        );
    }

    #[test]
    fn numbers_in_messages_are_short() {
        for (value, text) in [
            (1e9, "1e9"),
            (5000.0, "5000"),
            (0.25, "0.25"),
            (1_234_567.0, "1234567"),
            (1e-9, "1e-9"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn long_texts_are_cut_and_control_characters_escaped() {
        assert_eq!(quoted("a\nb"), "\"a\\nb\"");
        assert!(quoted(&"ü".repeat(100)).chars().count() < 50);
    }

    #[test]
    fn a_slip_finds_its_column() {
        let known = ["amount", "category", "ts"];
        assert_eq!(nearest("amuont", known.into_iter()), Some("amount"));
        assert_eq!(nearest("Category", known.into_iter()), Some("category"));
        assert_eq!(nearest("zebra", known.into_iter()), None);
    }
}
