use super::*;

#[test]
fn every_number_is_the_nearest_float() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..200_000 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let value = f64::from_bits(state);
        if !value.is_finite() {
            continue;
        }
        for text in [
            format!("{value:e}"),
            format!("{:.3}", (state >> 40) as f64 / 64.0),
            (state >> 12).to_string(),
        ] {
            let (number, length) =
                parse(text.as_bytes()).unwrap_or_else(|problem| panic!("{text}: {problem}"));
            assert_eq!(length, text.len());
            assert_eq!(
                number.value.to_bits(),
                text.parse::<f64>().expect("a float").to_bits(),
                "{text}"
            );
        }
    }
}

/// Up to 24 digits on both sides of the point: less than a word, a word, several; before the end of the text and before
/// more, as a word is only looked at where there are bytes for it.
#[test]
fn digits_of_every_shape_are_those_of_the_standard_library() {
    let mut state = 88_172_645_463_325_252_u64;
    for whole in 1..=24_usize {
        for after_point in 0..=24_usize {
            for behind in 0..=17_usize {
                let mut digit = |is_first: bool| {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    let least = u64::from(is_first && whole > 1);
                    char::from(b'0' + (least + state % (10 - least)) as u8)
                };
                let mut text: String = (0..whole).map(|place| digit(place == 0)).collect();
                if after_point > 0 {
                    text.push('.');
                    text.extend((0..after_point).map(|_| digit(false)));
                }
                let wanted: f64 = text.parse().expect("a float");
                let integer: Option<i64> = text.parse().ok();
                let end = ["", ",", "]", ":", "/", "é", "\u{ff}", " "][behind % 8];
                let body = format!(
                    "-{text}{end}{}",
                    "7".repeat(behind * usize::from(!end.is_empty()))
                );
                for (body, sign) in [(&body[1..], 1.0), (&body[..], -1.0)] {
                    let (number, length) = parse(body.as_bytes())
                        .unwrap_or_else(|problem| panic!("{body}: {problem}"));
                    let signed = usize::from(sign < 0.0);
                    assert_eq!(length, text.len() + signed, "{body}");
                    assert_eq!(number.value.to_bits(), (sign * wanted).to_bits(), "{body}");
                    if after_point == 0 {
                        let sign = sign as i64;
                        assert_eq!(number.integer, integer.map(|value| sign * value), "{body}");
                    }
                }
            }
        }
    }
}

#[test]
fn integers_are_exact() {
    let integer = |text: &str| parse(text.as_bytes()).expect("a number").0.integer;
    assert_eq!(integer("9007199254740993"), Some(9_007_199_254_740_993));
    assert_eq!(integer("-5"), Some(-5));
    assert_eq!(integer("9223372036854775807"), Some(i64::MAX));
    assert_eq!(integer("-9223372036854775808"), Some(i64::MIN));
    assert_eq!(integer("9223372036854775808"), None);
    assert_eq!(integer("1.0"), Some(1));
    assert_eq!(integer("1e3"), Some(1000));
    assert_eq!(integer("1.5"), None);
    assert_eq!(integer("1180591620717411303424"), None);
}

#[test]
fn a_long_tail_of_zeros_keeps_its_value() {
    let text = format!("0.{}1", "0".repeat(40));
    let parsed = parse(text.as_bytes()).expect("a number").0.value;
    let wanted: f64 = text.parse().expect("a float");
    assert_eq!(parsed.to_bits(), wanted.to_bits());
    let text = format!("1{}", "0".repeat(40));
    let parsed = parse(text.as_bytes()).expect("a number").0.value;
    assert_eq!(parsed.to_bits(), 1e40_f64.to_bits());
}

/// Numbers of a list as they are read one by one, and where the last of them ends.
fn one_by_one(text: &str, room: usize) -> (Vec<u64>, usize) {
    let bytes = text.as_bytes();
    let (mut bits, mut at, mut end) = (Vec::new(), 0, 0);
    while bits.len() < room
        && let Some(b'-' | b'0'..=b'9') = bytes.get(at)
    {
        let (number, length) = parse(&bytes[at..]).expect("a number");
        if number.is_large() {
            break;
        }
        bits.push(number.value.to_bits());
        end = at + length;
        let comma = after_space(bytes, end);
        at = after_space(bytes, comma + 1);
        if bytes.get(comma) != Some(&b',') {
            break;
        }
    }
    (bits, end)
}

#[test]
fn a_list_is_read_as_its_numbers_are_and_ends_before_anything_else() {
    let numbers = [
        "0",
        "-1",
        "12.5",
        "-0.125",
        "3e2",
        "0.1234567",
        "123456789.25",
        "-0",
    ];
    for separator in [",", ", ", ",  ", ",\n\t"] {
        for count in 1..=numbers.len() {
            for end in [
                "",
                "]",
                " ]",
                ",null",
                ", \"a\"",
                ",[1]",
                ",]",
                ",9007199254740993",
                "e",
            ] {
                let list = numbers[numbers.len() - count..].join(separator);
                let text = format!("{list}{end}            ");
                if end == "e" {
                    let mut out = Vec::new();
                    let wrong = parse_list(text.as_bytes(), 0, 100, &mut out);
                    let place = list.len() - numbers[numbers.len() - 1].len();
                    assert_eq!(wrong, Err(("a digit is expected in the exponent", place)));
                    continue;
                }
                for room in [1, 3, 100] {
                    let mut out = Vec::new();
                    let found = parse_list(text.as_bytes(), 0, room, &mut out);
                    let bits: Vec<u64> = out.iter().map(|value| value.to_bits()).collect();
                    let (expected, length) = one_by_one(&text, room);
                    assert_eq!((bits, found), (expected, Ok(length)), "{text:?} {room}");
                    assert_eq!(out.len(), count.min(room));
                }
            }
        }
    }
}

#[test]
fn space_before_a_comma_ends_a_run_of_numbers_and_loses_none() {
    let mut out = Vec::new();
    assert_eq!(parse_list(b"1 ,2", 0, 9, &mut out), Ok(1));
    assert_eq!(out, [1.0]);
}

#[test]
fn long_lists_of_short_and_other_numbers_are_read_as_one_by_one() {
    let forms = [
        "0",
        "-1",
        "12.5",
        "-0.125",
        "0.1234567",
        "7",
        "-9.25",
        "3e2",
        "123456789.25",
        "-0",
    ];
    mlwright_fuzz::for_each_seed(2_000, |random| {
        let others = 3 * random.below(2);
        let mut text = String::new();
        for place in 0..=random.below(80) {
            if place > 0 {
                text.push_str([",", ",", ", ", ",\n"][random.below(3 + others.min(1))]);
            }
            text.push_str(forms[random.below(7 + others)]);
        }
        text.push_str(
            [
                "",
                "]",
                ",null",
                ",\"a\",1,2",
                ",9007199254740993",
                "],[1,2",
            ][random.below(6)],
        );
        let room = [1, 5, 100][random.below(3)];
        let mut out = Vec::new();
        let found = parse_list(text.as_bytes(), 0, room, &mut out);
        let bits: Vec<u64> = out.iter().map(|value| value.to_bits()).collect();
        let (expected, length) = one_by_one(&text, room);
        assert_eq!((bits, found), (expected, Ok(length)), "{text:?} {room}");
    });
}
