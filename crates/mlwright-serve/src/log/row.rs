//! A row in a record: its JSON, or its numbers if they came as such. It is read back as JSON.
//!
//! Of JSON, a list of numbers takes half a byte a character, anything else stands as it is. Such a list is written with
//! fifteen characters: ten digits, space, `e`, comma, minus, and point. Half the bytes are half the disk, and half the
//! memory that the system keeps them in until they are there.

use std::borrow::Cow;

use super::record::{Fields, push_bytes};

/// In a length: so many characters follow, two in a byte, and the brackets around them are left out.
const PACKED: u32 = 1 << 31;
/// In a length: so many numbers follow, eight bytes each. Nobody writes them as text who may never read them.
const NUMBERS: u32 = 1 << 30;

/// Characters by their half byte; the last stands for none.
const CHARACTERS: &[u8; 15] = b"0123456789 e,-.";

/// Append a row.
pub(crate) fn push_row(out: &mut Vec<u8>, json: &[u8]) {
    let Some(list) = inside_list_of_numbers(json) else {
        return push_bytes(out, json);
    };
    out.extend_from_slice(&(list.len() as u32 | PACKED).to_le_bytes());
    let (blocks, rest) = list.as_chunks::<8>();
    let start = out.len();
    out.resize(start + 4 * blocks.len(), 0);
    let (packed, _) = out[start..].as_chunks_mut::<4>();
    for (packed, block) in packed.iter_mut().zip(blocks) {
        *packed = pack(*block);
    }
    let mut tail = [b'0'; 8];
    tail[..rest.len()].copy_from_slice(rest);
    out.extend_from_slice(&pack(tail)[..rest.len().div_ceil(2)]);
}

/// Append a row of numbers.
pub(crate) fn push_numbers(out: &mut Vec<u8>, numbers: &[f64]) {
    out.extend_from_slice(&(numbers.len() as u32 | NUMBERS).to_le_bytes());
    out.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

/// Read a row that was appended, as JSON; none if the payload is too short or holds what is never written.
pub(crate) fn read_row<'a>(fields: &mut Fields<'a>) -> Option<Cow<'a, str>> {
    let length = fields.u32()?;
    let (form, length) = (
        length & (PACKED | NUMBERS),
        (length & !(PACKED | NUMBERS)) as usize,
    );
    match form {
        0 => fields.text_of(length).map(Cow::Borrowed),
        PACKED => unpack(fields.bytes(length.div_ceil(2))?, length).map(Cow::Owned),
        NUMBERS => {
            let (numbers, _) = fields.bytes(length.checked_mul(8)?)?.as_chunks();
            Some(Cow::Owned(write_numbers(numbers)))
        }
        _ => None,
    }
}

/// Missing numbers are null.
fn write_numbers(numbers: &[[u8; 8]]) -> String {
    let texts: Vec<String> = numbers
        .iter()
        .map(|bytes| serde_json::Value::from(f64::from_le_bytes(*bytes)).to_string())
        .collect();
    format!("[{}]", texts.join(","))
}

fn unpack(packed: &[u8], length: usize) -> Option<String> {
    let halves = packed.iter().flat_map(|byte| [byte & 15, byte >> 4]);
    let mut json = String::with_capacity(length + 2);
    json.push('[');
    for half in halves.take(length) {
        json.push(char::from(*CHARACTERS.get(usize::from(half))?));
    }
    json.push(']');
    Some(json)
}

/// What stands between the brackets, if all of it has a half byte. No early return: it is done in blocks.
fn inside_list_of_numbers(json: &[u8]) -> Option<&[u8]> {
    let list = json.strip_prefix(b"[")?.strip_suffix(b"]")?;
    let all = list
        .iter()
        .fold(true, |all, character| all & has_half(*character));
    all.then_some(list)
}

fn has_half(character: u8) -> bool {
    matches!(character, b'0'..=b'9' | b' ' | b'e' | b',' | b'-' | b'.')
}

/// Put each of eight characters into half a byte, all of them at once: of most it is the lower half of their code.
fn pack(characters: [u8; 8]) -> [u8; 4] {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let codes = u64::from_le_bytes(characters);
    let is_e = codes >> 6 & ONES;
    let is_space = !(codes >> 6 | codes >> 4 | codes >> 3) & ONES;
    // Six more and ten more, by shifts, which are done for several words at once.
    let more = (is_e << 1 | is_e << 2) + (is_space << 1 | is_space << 3);
    let halves = (codes & (15 * ONES)) + more;
    let bytes = (halves | halves >> 4) & 0x00ff_00ff_00ff_00ff;
    let pairs = (bytes | bytes >> 8) & 0x0000_ffff_0000_ffff;
    ((pairs | pairs >> 16) as u32).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(json: &str) -> Vec<u8> {
        let mut out = Vec::new();
        push_row(&mut out, json.as_bytes());
        out
    }

    fn read(bytes: &[u8]) -> Option<String> {
        let mut fields = Fields(bytes);
        let row = read_row(&mut fields)?.into_owned();
        fields.is_empty().then_some(row)
    }

    #[test]
    fn every_character_is_at_its_place() {
        for (place, character) in CHARACTERS.iter().enumerate() {
            assert!(has_half(*character));
            assert_eq!(pack([*character; 8]), [place as u8 * 0x11; 4]);
        }
        let others = (0..=255).filter(|byte| !CHARACTERS.contains(byte));
        assert!(others.clone().count() == 241 && !others.into_iter().any(has_half));
    }

    // promise: serve.log-numbers-packed
    #[test]
    fn a_list_of_numbers_takes_half_a_byte_a_character_and_comes_back_as_it_was() {
        for json in [
            "[]",
            "[1]",
            "[-1]",
            "[0.5,-2.25]",
            "[ 1e5, -2.5e-7 ]",
            "[12345678901234567890,0]",
            "[0123456789 e,-.0123456789 e,-.]",
        ] {
            let bytes = written(json);
            assert_eq!(bytes.len(), 4 + (json.len() - 2).div_ceil(2), "{json}");
            assert_eq!(read(&bytes).as_deref(), Some(json));
        }
    }

    // promise: serve.log-numbers-packed
    #[test]
    fn numbers_that_came_as_bytes_are_kept_so_and_read_back_as_json() {
        let mut bytes = Vec::new();
        push_numbers(&mut bytes, &[1.0, 0.1, f64::NAN, -2.5e-7, 1e300, -0.0]);
        assert_eq!(bytes.len(), 4 + 6 * 8);
        let json = read(&bytes).expect("a row");
        assert_eq!(json, "[1.0,0.1,null,-2.5e-7,1e+300,-0.0]");
        for end in 0..bytes.len() {
            assert_eq!(read(&bytes[..end]), None, "{end} bytes");
        }
        let mut none = Vec::new();
        push_numbers(&mut none, &[]);
        assert_eq!(read(&none).as_deref(), Some("[]"));
    }

    #[test]
    fn anything_else_stands_as_it_is() {
        for json in [
            "",
            "[",
            "]",
            "[null,1]",
            "[1E5]",
            "[1e+5]",
            "[1,\t2]",
            "[\"a\"]",
            "[[1],[2]]",
            "{\"a\":1}",
            "[ü]",
        ] {
            let bytes = written(json);
            assert_eq!(bytes[4..], *json.as_bytes(), "{json}");
            assert_eq!(read(&bytes).as_deref(), Some(json));
        }
    }

    #[test]
    fn what_is_never_written_is_no_row() {
        let whole = written("[0.5,-2.25]");
        for end in 0..whole.len() {
            assert_eq!(read(&whole[..end]), None, "{end} bytes");
        }
        let mut unknown = whole;
        unknown[4] = 0xff;
        assert_eq!(read(&unknown), None);
        let mut beyond = (u32::MAX).to_le_bytes().to_vec();
        beyond.push(0);
        assert_eq!(read(&beyond), None);
    }
}
