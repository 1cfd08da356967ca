//! The JSON reader against `serde_json`: what one refuses the other refuses, what both take has equal values. This
//! server's reader is stricter in two points only: a key may not appear twice, and the depth is bounded at 100.

use mlwright_fuzz::{Random, WORDS, damage, for_each_seed, json};
use serde_json::{Map, Value};

use super::{CASES, LONG};
use crate::json::{JsonError, Reader, Scalar};
use crate::keys::Keys;
use crate::number;

const DEPTH: usize = 100;

/// A document as the reader sees it.
fn read(body: &[u8]) -> Result<Value, JsonError> {
    let mut reader = Reader::new(body, DEPTH)?;
    let value = read_value(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

fn read_value(reader: &mut Reader<'_>) -> Result<Value, JsonError> {
    match reader.peek()? {
        b'[' => {
            reader.open()?;
            let (mut items, mut is_first) = (Vec::new(), true);
            while reader.next_item(&mut is_first)? {
                items.push(read_value(reader)?);
            }
            Ok(items.into())
        }
        b'{' => {
            reader.open()?;
            let (mut items, mut keys) = (Map::new(), Keys::default());
            while let Some(key) = reader.next_new_key(&mut keys)? {
                items.insert(key.into_owned(), read_value(reader)?);
            }
            Ok(items.into())
        }
        _ => Ok(match reader.scalar()? {
            Scalar::Bool(flag) => flag.into(),
            Scalar::Number(number) => number.value.into(),
            Scalar::Text(text) => text.into_owned().into(),
            Scalar::Null | Scalar::List | Scalar::Object => Value::Null,
        }),
    }
}

/// Equal, with numbers compared as float64.
fn is_equal(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(ours), Value::Number(theirs)) => {
            ours.as_f64().map(f64::to_bits) == theirs.as_f64().map(f64::to_bits)
                || ours.as_f64() == Some(0.0) && theirs.as_f64() == Some(0.0)
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len()
                && ours
                    .iter()
                    .zip(theirs)
                    .all(|(ours, theirs)| is_equal(ours, theirs))
        }
        (Value::Object(ours), Value::Object(theirs)) => {
            ours.len() == theirs.len()
                && ours
                    .iter()
                    .all(|(key, value)| theirs.get(key).is_some_and(|other| is_equal(value, other)))
        }
        _ => ours == theirs,
    }
}

fn check_agreement(body: &[u8]) {
    let shown = String::from_utf8_lossy(body);
    let passed_over = Reader::new(body, DEPTH).and_then(|mut reader| {
        reader.scalar()?;
        reader.finish()
    });
    match (read(body), serde_json::from_slice::<Value>(body)) {
        (Ok(ours), Ok(theirs)) => {
            assert!(is_equal(&ours, &theirs), "{shown}\n{ours}\n{theirs}");
            assert_eq!(passed_over, Ok(()), "{shown}");
        }
        (Ok(_), Err(error)) => panic!("taken, serde_json says {error}: {shown}"),
        (Err(JsonError::TooDeep(_) | JsonError::Syntax("a key appears twice", _)), Ok(_)) => {
            assert!(passed_over.is_err(), "{shown}");
        }
        (Err(error), Ok(_)) => panic!("refused with {error:?}, serde_json takes it: {shown}"),
        (Err(_), Err(_)) => assert!(passed_over.is_err(), "{shown}"),
    }
}

fn agree(cases: u64) {
    for_each_seed(cases, |random| {
        let (body, other) = (json(random, 5), json(random, 3));
        check_agreement(body.as_bytes());
        check_agreement(&damage(random, body.as_bytes(), other.as_bytes()));
    });
}

// promise: serve.fuzz-parsers
#[test]
fn the_reader_takes_what_serde_json_takes_and_reads_the_same() {
    agree(CASES);
}

#[test]
#[ignore = "long"]
fn the_reader_takes_what_serde_json_takes_in_a_long_run() {
    agree(LONG);
}

/// Digits, signs, points and exponents in any order, mostly in the right one.
fn numeric_text(random: &mut Random) -> Vec<u8> {
    let digits = |random: &mut Random| {
        let count = *random.choose(&[0, 1, 1, 2, 5, 15, 16, 17, 19, 20, 40, 400]);
        (0..count)
            .map(|_| b'0' + random.below(10) as u8)
            .collect::<Vec<u8>>()
    };
    let mut text = random.choose(&["", "", "-"]).as_bytes().to_vec();
    text.extend(digits(random));
    if random.below(2) == 0 {
        text.push(b'.');
        text.extend(digits(random));
    }
    if random.below(2) == 0 {
        let exponent = *random.choose(&[0, 1, 5, 22, 23, 300, 308, 310, 330, 99_999]);
        let sign = random.choose(&["e", "E+", "e-"]);
        text.extend(format!("{sign}{exponent}").bytes());
    }
    if random.below(8) == 0 {
        let word = *random.choose(WORDS);
        damage(random, &text, word)
    } else {
        text
    }
}

fn check_number(text: &[u8]) {
    let shown = String::from_utf8_lossy(text);
    let ours = number::parse(text)
        .ok()
        .filter(|(_, length)| *length == text.len());
    let is_number = matches!(text.first(), Some(b'-' | b'0'..=b'9'));
    let is_plain = !text.iter().any(u8::is_ascii_whitespace);
    let theirs = serde_json::from_slice::<f64>(text)
        .ok()
        .filter(|_| is_number && is_plain);
    let Some((number, _)) = ours else {
        assert_eq!(theirs, None, "refused: {shown}");
        return;
    };
    assert!(theirs.is_some(), "taken: {shown}");
    let wanted: f64 = shown
        .parse()
        .expect("the standard library reads all of JSON's numbers");
    assert_eq!(number.value.to_bits(), wanted.to_bits(), "{shown}");
    if shown
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'-')
    {
        assert_eq!(number.integer, shown.parse().ok(), "{shown}");
    } else if let Some(integer) = number.integer {
        assert_eq!(
            (integer as f64).to_bits(),
            (number.value + 0.0).to_bits(),
            "{shown}"
        );
    }
}

fn compare_numbers(cases: u64) {
    for_each_seed(cases, |random| {
        check_number(&numeric_text(random));
        let any = f64::from_bits(random.bits());
        if any.is_finite() {
            check_number(format!("{any:e}").as_bytes());
            check_number(format!("{any}").as_bytes());
        }
    });
}

// promise: serve.fuzz-parsers
#[test]
fn numbers_are_those_of_the_standard_library_to_the_last_bit() {
    compare_numbers(CASES);
}

#[test]
#[ignore = "long"]
fn numbers_are_those_of_the_standard_library_in_a_long_run() {
    compare_numbers(LONG);
}
