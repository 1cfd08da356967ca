//! Seeded damage to inputs, for the tests of everything that reads bytes of others. The same seed does the same damage.

use std::time::{Duration, Instant};

/// `SplitMix64`: a small source of random numbers (Steele, Lea and Flood 2014).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Start with a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `end`, without `end`; 0 when there is none.
    pub fn below(&mut self, end: usize) -> usize {
        (self.bits() % end.max(1) as u64) as usize
    }

    /// One of some things.
    ///
    /// # Panics
    /// When there are none.
    pub fn choose<'t, T>(&mut self, things: &'t [T]) -> &'t T {
        &things[self.below(things.len())]
    }
}

/// Words that readers of JSON, of numbers and of lengths stumble over.
pub const WORDS: &[&[u8]] = &[
    b"null",
    b"true",
    b"false",
    b"NaN",
    b"-Infinity",
    b"1e400",
    b"-0",
    b"-0.0",
    b"1e-400",
    b"5e-324",
    b"9223372036854775807",
    b"9223372036854775808",
    b"-9223372036854775809",
    b"18446744073709551616",
    b"9007199254740993",
    b"1.7976931348623157e308",
    b"1.7976931348623159e308",
    b"0.1e",
    b"1E+2",
    b"01",
    b"1.",
    b"[",
    b"]",
    b"{",
    b"}",
    b"\"",
    b",",
    b":",
    b"\\",
    b"[]",
    b"{}",
    b"[[[[[[[[[[",
    b"{\"a\":{\"a\":",
    b"\\ud800",
    b"\\udc00",
    b"\\ud83d\\ude00",
    b"\\u0000",
    b"\\u00e9",
    b"\\n",
    b"\\/",
    b"\xff",
    b"\xc0\x80",
    b"\xef\xbb\xbf",
    b"\xf0\x9f\x98\x80",
    b"\xed\xa0\x80",
    b"\x00",
    b"\x7f",
    b"\x00\x00\x00\x00",
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\x00\x00\x00\x80",
    b"\x01\x00\x00\x00",
    b" ",
    b"\r\n",
    b"\t",
    b"-",
    b"+",
    b".",
    b"e",
    b"0",
    b"00000000000000000000",
    b"33333333333333333333333333",
];

/// Longest result: repeats double, and a few of them must not make a flood.
const MOST_BYTES: usize = 1 << 16;

/// Damage some bytes once or a few times; splices come from `other`.
#[must_use]
pub fn damage(random: &mut Random, bytes: &[u8], other: &[u8]) -> Vec<u8> {
    let mut damaged = bytes.to_vec();
    for _ in 0..*random.choose(&[1, 1, 1, 2, 2, 3, 8]) {
        damage_once(random, &mut damaged, other);
        damaged.truncate(MOST_BYTES);
    }
    damaged
}

fn damage_once(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    let at = random.below(bytes.len() + 1);
    let length = *random.choose(&[1, 2, 4, 8, 16, 64, bytes.len()]);
    let end = bytes.len().min(at + length);
    match random.below(9) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        1 if at < bytes.len() => bytes[at] = random.bits() as u8,
        2 => bytes.truncate(at),
        3 => drop(bytes.drain(at..end)),
        4 => {
            let again = bytes[at..end].repeat(*random.choose(&[1, 2, 20]));
            drop(bytes.splice(end..end, again));
        }
        5 => {
            bytes.truncate(at);
            bytes.extend_from_slice(&other[random.below(other.len() + 1)..]);
        }
        6 => drop(bytes.splice(at..at, random.choose(WORDS).iter().copied())),
        7 => drop(bytes.splice(at..end, random.choose(WORDS).iter().copied())),
        _ => replace_number(random, bytes),
    }
}

/// Put a word in the place of a number, if there is one.
fn replace_number(random: &mut Random, bytes: &mut Vec<u8>) {
    let is_number = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
    let from = random.below(bytes.len() + 1);
    let Some(start) = bytes[from..].iter().position(is_number) else {
        return;
    };
    let start = from + start;
    let length = bytes[start..]
        .iter()
        .position(|byte| !is_number(byte))
        .unwrap_or(bytes.len() - start);
    drop(bytes.splice(start..start + length, random.choose(WORDS).iter().copied()));
}

/// Text that is JSON, of any shape, with values that are hard to read.
#[must_use]
pub fn json(random: &mut Random, depth: usize) -> String {
    const VALUES: &[&str] = &[
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1",
        "-1",
        "1.5",
        "1e3",
        "-2.5E-7",
        "0.1",
        "1e308",
        "5e-324",
        "1e-400",
        "9223372036854775807",
        "9223372036854775808",
        "9007199254740993",
        "123456789012345678901234567890",
        "\"\"",
        "\"a\"",
        "\"\\u00e9\"",
        "\"\\ud83d\\ude00\"",
        "\"\\n\\t\\\\\\\"\\/\"",
        "\"é😀\"",
        "[]",
        "{}",
        " [ ] ",
    ];
    if depth == 0 || random.below(3) == 0 {
        return (*random.choose(VALUES)).to_owned();
    }
    let count = random.below(5);
    if random.below(2) == 0 {
        let items: Vec<String> = (0..count).map(|_| json(random, depth - 1)).collect();
        return format!("[{}]", items.join(","));
    }
    let items: Vec<String> = (0..count)
        .map(|place| {
            format!(
                "\"{}{place}\": {}",
                random.choose(&["a", "\\u0061", "é", ""]),
                json(random, depth - 1)
            )
        })
        .collect();
    format!("{{{}}}", items.join(" , "))
}

/// For so many seconds a check goes on at least, if this variable of the environment says so.
const SECONDS: &str = "MLWRIGHT_FUZZ_SECONDS";

/// Run a check on so many seeds, and on those after them while there is time; a failure names its seed.
///
/// # Panics
/// When the check does, or the variable is no number.
pub fn for_each_seed(count: u64, check: impl Fn(&mut Random)) {
    let wanted = std::env::var(SECONDS).unwrap_or_else(|_| "0".to_owned());
    let Ok(seconds) = wanted.parse() else {
        panic!("{SECONDS} has to be a number of whole seconds, it is {wanted:?}");
    };
    let (began, time) = (Instant::now(), Duration::from_secs(seconds));
    for seed in 0.. {
        if seed >= count && began.elapsed() >= time {
            break;
        }
        let named = Named(seed);
        check(&mut Random::new(seed));
        std::mem::forget(named);
    }
}

/// Tells the seed when a check panics.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        eprintln!("the seed is {}", self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_does_the_same_damage_and_another_does_another() {
        let damaged = |seed| damage(&mut Random::new(seed), b"{\"rows\": [1, 2.5]}", b"[3]");
        assert_eq!(damaged(7), damaged(7));
        let all: std::collections::HashSet<_> = (0..1_000).map(damaged).collect();
        assert!(all.len() > 500, "{}", all.len());
    }

    #[test]
    fn nothing_can_be_damaged_too() {
        for_each_seed(1_000, |random| drop(damage(random, b"", b"")));
    }
}
