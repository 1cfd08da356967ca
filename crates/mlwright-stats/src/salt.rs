//! The assignment hash of many units under one salt: XXH64 of `"mlw1|" + salt + "|" + unit`, without putting the text
//! together.
//!
//! Idea: the words of 8 bytes that lie in the prefix are known beforehand. Those of the unit are read where they lie,
//! shifted by the bytes of the prefix that belong to the first of them. Writing prefix and unit into one buffer costs
//! three times as much as hashing it, because words are read across the pieces that were written just before.
//!
//! Reference: the XXH64 algorithm, <https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md>.

/// What stands before every salt.
pub(crate) const PREFIX: &str = "mlw1|";

const PRIME_1: u64 = 0x9E37_79B1_85EB_CA87;
const PRIME_2: u64 = 0xC2B2_AE3D_27D4_EB4F;
const PRIME_3: u64 = 0x1656_67B1_9E37_79F9;
const PRIME_4: u64 = 0x85EB_CA77_C2B2_AE63;
const PRIME_5: u64 = 0x27D4_EB2F_1656_67C5;
const WORD: usize = 8;
/// From this length on, XXH64 takes four words at a time.
const STRIPE: usize = 4 * WORD;

/// A salt, ready to hash units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Salt {
    /// Whole words of the prefix.
    words: Box<[u64]>,
    /// These words after [`round`] from zero, as short texts need them.
    rounds: Box<[u64]>,
    /// The bytes after the whole words, and how many.
    rest: u64,
    rest_length: usize,
}

/// The end of a text: a last word that is not full, little-endian, and how many bytes it has.
#[derive(Debug, Clone, Copy)]
struct Rest {
    word: u64,
    length: usize,
}

impl Salt {
    /// Prepare a salt.
    ///
    /// ```
    /// assert_eq!(mlwright_stats::assign::Salt::new("ranking").hash(b"u1"), 1_227_603_564_824_346);
    /// ```
    #[must_use]
    pub fn new(salt: &str) -> Self {
        let text = [PREFIX, salt, "|"].concat().into_bytes();
        let (whole, rest) = text.as_chunks::<WORD>();
        let words: Box<[u64]> = whole.iter().map(|word| u64::from_le_bytes(*word)).collect();
        Self {
            rounds: words.iter().map(|&word| round(0, word)).collect(),
            words,
            rest: partial_word(rest),
            rest_length: rest.len(),
        }
    }

    /// The 53-bit hash of a unit.
    #[inline]
    #[must_use]
    pub fn hash(&self, unit: &[u8]) -> u64 {
        let total = self.words.len() * WORD + self.rest_length + unit.len();
        let digest = if total < STRIPE {
            let mut hash = PRIME_5.wrapping_add(total as u64);
            for known in &self.rounds {
                hash = add_round(hash, *known);
            }
            let end = self.unit_words(unit, |word| hash = add_round(hash, round(0, word)));
            finish(hash, end)
        } else {
            let mut stripes = Stripes::new(total);
            for &word in &self.words {
                stripes.add(word);
            }
            let end = self.unit_words(unit, |word| stripes.add(word));
            finish(stripes.hash, end)
        };
        digest >> 11
    }

    /// Give the whole words from the rest of the prefix on; return what is left of the unit.
    #[inline]
    fn unit_words(&self, unit: &[u8], mut give: impl FnMut(u64)) -> Rest {
        let shift = 8 * self.rest_length as u32;
        let Some((first, _)) = unit.split_first_chunk::<WORD>() else {
            let word = partial_word(unit);
            let length = self.rest_length + unit.len();
            // A shift by 64 cannot be: the rest of the prefix is shorter than a word.
            let joined = self.rest | word << shift;
            if length < WORD {
                return Rest {
                    word: joined,
                    length,
                };
            }
            give(joined);
            return Rest {
                word: word.checked_shr(64 - shift).unwrap_or(0),
                length: length - WORD,
            };
        };
        give(self.rest | u64::from_le_bytes(*first) << shift);
        let (whole, rest) = unit[WORD - self.rest_length..].as_chunks::<WORD>();
        for word in whole {
            give(u64::from_le_bytes(*word));
        }
        let word = match unit.last_chunk::<WORD>() {
            Some(last) if !rest.is_empty() => {
                u64::from_le_bytes(*last) >> (8 * (WORD - rest.len()) as u32)
            }
            _ => 0,
        };
        Rest {
            word,
            length: rest.len(),
        }
    }
}

/// Words of a long text: four lanes as long as whole stripes last, one after another then.
struct Stripes {
    lanes: [u64; 4],
    hash: u64,
    seen: usize,
    in_lanes: usize,
    total: u64,
}

impl Stripes {
    fn new(total: usize) -> Self {
        Self {
            lanes: [
                PRIME_1.wrapping_add(PRIME_2),
                PRIME_2,
                0,
                0_u64.wrapping_sub(PRIME_1),
            ],
            hash: 0,
            seen: 0,
            in_lanes: total / STRIPE * 4,
            total: total as u64,
        }
    }

    #[inline]
    fn add(&mut self, word: u64) {
        if self.seen < self.in_lanes {
            let lane = &mut self.lanes[self.seen % 4];
            *lane = round(*lane, word);
            self.seen += 1;
            if self.seen == self.in_lanes {
                self.hash = self.merge();
            }
        } else {
            self.hash = add_round(self.hash, round(0, word));
        }
    }

    fn merge(&self) -> u64 {
        let [a, b, c, d] = self.lanes;
        let sum = a
            .rotate_left(1)
            .wrapping_add(b.rotate_left(7))
            .wrapping_add(c.rotate_left(12))
            .wrapping_add(d.rotate_left(18));
        let merged = self.lanes.iter().fold(sum, |hash, &lane| {
            (hash ^ round(0, lane))
                .wrapping_mul(PRIME_1)
                .wrapping_add(PRIME_4)
        });
        merged.wrapping_add(self.total)
    }
}

#[inline]
fn round(lane: u64, word: u64) -> u64 {
    lane.wrapping_add(word.wrapping_mul(PRIME_2))
        .rotate_left(31)
        .wrapping_mul(PRIME_1)
}

#[inline]
fn add_round(hash: u64, rounded: u64) -> u64 {
    (hash ^ rounded)
        .rotate_left(27)
        .wrapping_mul(PRIME_1)
        .wrapping_add(PRIME_4)
}

/// The last bytes and the avalanche.
#[inline]
fn finish(mut hash: u64, end: Rest) -> u64 {
    let Rest {
        mut word,
        mut length,
    } = end;
    if length >= 4 {
        hash = (hash ^ (word & 0xFFFF_FFFF).wrapping_mul(PRIME_1))
            .rotate_left(23)
            .wrapping_mul(PRIME_2)
            .wrapping_add(PRIME_3);
        word >>= 32;
        length -= 4;
    }
    for _ in 0..length {
        hash = (hash ^ (word & 0xFF).wrapping_mul(PRIME_5))
            .rotate_left(11)
            .wrapping_mul(PRIME_1);
        word >>= 8;
    }
    hash = (hash ^ hash >> 33).wrapping_mul(PRIME_2);
    hash = (hash ^ hash >> 29).wrapping_mul(PRIME_3);
    hash ^ hash >> 32
}

/// Fewer than eight bytes as a little-endian number.
#[inline]
fn partial_word(bytes: &[u8]) -> u64 {
    debug_assert!(bytes.len() < WORD);
    if let (Some(low), Some(high)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let shift = 8 * (bytes.len() - 4) as u32;
        return u64::from(u32::from_le_bytes(*low)) | u64::from(u32::from_le_bytes(*high)) << shift;
    }
    bytes
        .iter()
        .rev()
        .fold(0, |word, &byte| word << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use xxhash_rust::xxh64::xxh64;

    use super::*;

    #[test]
    fn every_length_of_salt_and_unit_hashes_as_the_reference_implementation() {
        let letters: String = ('a'..='z').cycle().take(120).collect();
        for salt in (0..70).map(|length| &letters[..length]) {
            let prepared = Salt::new(salt);
            for unit in (0..120).map(|length| &letters.as_bytes()[120 - length..]) {
                let text = [PREFIX.as_bytes(), salt.as_bytes(), b"|", unit].concat();
                assert_eq!(
                    prepared.hash(unit),
                    xxh64(&text, 0) >> 11,
                    "salt of {} and unit of {} bytes",
                    salt.len(),
                    unit.len()
                );
            }
        }
    }

    #[test]
    fn bytes_beyond_ascii_and_zeros_hash_as_the_reference_implementation() {
        let bytes: Vec<u8> = (0..=255).rev().collect();
        for salt in ["", "ünit", "\u{0}\u{0}"] {
            for unit in bytes.windows(13).chain(bytes.windows(3)) {
                let text = [PREFIX.as_bytes(), salt.as_bytes(), b"|", unit].concat();
                assert_eq!(Salt::new(salt).hash(unit), xxh64(&text, 0) >> 11);
            }
        }
    }
}
