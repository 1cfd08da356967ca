//! Names of predictions: 16 hex digits of the process, 10 of a counter.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};

const PROCESS_DIGITS: usize = 16;
const COUNTER_DIGITS: usize = 10;
const HEX: &[u8; 16] = b"0123456789abcdef";

/// The name of a prediction.
///
/// ```
/// let id = mlwright_serve::PredictionId { process: 0xab, counter: 7 };
/// assert_eq!(id.to_string(), "00000000000000ab0000000007");
/// assert_eq!(mlwright_serve::PredictionId::parse("00000000000000ab0000000007"), Some(id));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PredictionId {
    /// Random, one per process.
    pub process: u64,
    /// Counts the rows that this process predicted; 40 bits are written.
    pub counter: u64,
}

impl PredictionId {
    /// The id of the row that many places further in the same request.
    #[must_use]
    pub fn nth(self, row: usize) -> Self {
        Self {
            counter: self.counter + row as u64,
            ..self
        }
    }

    /// Append the 26 characters.
    pub fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.text());
    }

    /// The 26 characters.
    pub(crate) fn text(self) -> [u8; PROCESS_DIGITS + COUNTER_DIGITS] {
        std::array::from_fn(|place| {
            let (value, last) = if place < PROCESS_DIGITS {
                (self.process, PROCESS_DIGITS - 1)
            } else {
                (self.counter, PROCESS_DIGITS + COUNTER_DIGITS - 1)
            };
            HEX[(value >> (4 * (last - place)) & 15) as usize]
        })
    }

    /// Read an id; none when the text has another form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != PROCESS_DIGITS + COUNTER_DIGITS || !text.bytes().all(is_hex) {
            return None;
        }
        let (process, counter) = text.split_at(PROCESS_DIGITS);
        Some(Self {
            process: u64::from_str_radix(process, 16).ok()?,
            counter: u64::from_str_radix(counter, 16).ok()?,
        })
    }
}

impl std::fmt::Display for PredictionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:016x}{:010x}",
            self.process,
            self.counter & ((1 << 40) - 1)
        )
    }
}

/// A random number from the system's seed of hash maps.
pub(crate) fn random_u64() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.write_u128(
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |age| age.as_nanos()),
    );
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_and_other_forms_are_refused() {
        let id = PredictionId {
            process: u64::MAX,
            counter: 12,
        }
        .nth(3);
        let mut written = Vec::new();
        id.write(&mut written);
        assert_eq!(String::from_utf8(written).expect("hex"), id.to_string());
        assert_eq!(PredictionId::parse(&id.to_string()), Some(id));
        for text in [
            "",
            "zz",
            "0",
            &"0".repeat(25),
            &"0".repeat(27),
            &"G".repeat(26),
            &"A".repeat(26),
        ] {
            assert_eq!(PredictionId::parse(text), None, "{text}");
        }
        assert_ne!(random_u64(), random_u64());
    }
}
