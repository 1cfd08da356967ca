//! Names of predictions: 16 hex digits of the process, 10 of a counter.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};

const PROCESS_DIGITS: usize = 16;
const COUNTER_DIGITS: usize = 10;

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
        let mut text = [0; PROCESS_DIGITS + COUNTER_DIGITS];
        // The process is written over the digits of the counter that have no room.
        text[10..18].copy_from_slice(&hex((self.counter >> 32) as u32));
        text[18..].copy_from_slice(&hex(self.counter as u32));
        text[..8].copy_from_slice(&hex((self.process >> 32) as u32));
        text[8..16].copy_from_slice(&hex(self.process as u32));
        text
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

/// The eight hex digits of a number, as the bytes of one word.
fn hex(value: u32) -> [u8; 8] {
    let spread = |word: u64, bits: u32, kept: u64| (word | word << bits) & kept;
    let pairs = spread(u64::from(value), 16, 0x0000_ffff_0000_ffff);
    let bytes = spread(pairs, 8, 0x00ff_00ff_00ff_00ff);
    let digits = spread(bytes, 4, 0x0f0f_0f0f_0f0f_0f0f);
    // With 6 more, those that are letters reach the fifth bit.
    let letters = (digits + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101;
    let from_digit = u64::from_be_bytes([b'0'; 8]);
    let from_letter = u64::from(b'a' - b'0' - 10);
    (digits + from_digit + letters * from_letter).to_be_bytes()
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

    #[test]
    fn ids_are_written_as_the_standard_library_writes_hex() {
        for shift in 0..64 {
            for value in [
                0x0123_4567_89ab_cdef_u64,
                0xfedc_ba98_7654_3210,
                0x9a9a_0909_f0f0_a9a9,
            ] {
                let id = PredictionId {
                    process: value.rotate_left(shift),
                    counter: value.rotate_right(shift),
                };
                assert_eq!(id.text(), id.to_string().as_bytes());
            }
        }
    }
}
