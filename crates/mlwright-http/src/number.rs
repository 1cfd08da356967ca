//! JSON numbers: Clinger's fast path where it is exact, the standard library's full routine elsewhere.
//!
//! With digits `m` up to 2^53 and a decimal exponent of at most 22 both `m` and `10^e` are exact in float64, so one
//! multiplication or division rounds once and gives the nearest value (Clinger 1990).

use crate::json::Number;

const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];
/// Float64 holds every integer up to this one.
const EXACT: u64 = 1 << 53;
/// So many digits fit into 64 bits without a sign.
const FITTING_DIGITS: usize = 19;

/// Append the digits from a place on to an integer; give the place after them. More digits than fit give nonsense.
fn take_digits(bytes: &[u8], mut at: usize, mantissa: &mut u64) -> usize {
    while let Some(digit) = bytes
        .get(at)
        .map(|byte| byte.wrapping_sub(b'0'))
        .filter(|digit| *digit < 10)
    {
        *mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    at
}

/// Read the number at the front of `bytes`; give it and its length.
pub(crate) fn parse(bytes: &[u8]) -> Result<(Number, usize), &'static str> {
    let is_negative = bytes.first() == Some(&b'-');
    let start = usize::from(is_negative);
    let mut mantissa = 0;
    let whole_end = take_digits(bytes, start, &mut mantissa);
    if whole_end == start {
        return Err("a digit is expected");
    }
    if bytes[start] == b'0' && whole_end > start + 1 {
        return Err("a number with a leading zero");
    }
    let mut end = whole_end;
    let mut digits = whole_end - start;
    let mut exponent = 0_i32;
    if bytes.get(end) == Some(&b'.') {
        end = take_digits(bytes, whole_end + 1, &mut mantissa);
        let after_point = end - whole_end - 1;
        if after_point == 0 {
            return Err("a digit is expected after the point");
        }
        digits += after_point;
        exponent -= i32::try_from(after_point).unwrap_or(i32::MAX);
    }
    let fraction_end = end;
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let (power, after) = power_of_ten(bytes, end + 1)?;
        exponent = exponent.saturating_add(power);
        end = after;
    }
    let mantissa = (digits <= FITTING_DIGITS).then_some(mantissa);
    let exact = mantissa.filter(|mantissa| *mantissa <= EXACT && exponent.unsigned_abs() <= 22);
    let value = if let Some(mantissa) = exact {
        let scale = POWERS[exponent.unsigned_abs() as usize];
        let mantissa = mantissa as f64;
        let size = if exponent < 0 {
            mantissa / scale
        } else {
            mantissa * scale
        };
        if is_negative { -size } else { size }
    } else {
        full(&bytes[..end])?
    };
    let integer = if fraction_end == whole_end && end == whole_end {
        mantissa.and_then(|mantissa| integer(is_negative, mantissa))
    } else {
        let whole = value as i64;
        (whole as f64 - value == 0.0 && whole.unsigned_abs() < EXACT).then_some(whole)
    };
    Ok((Number { value, integer }, end))
}

fn power_of_ten(bytes: &[u8], at: usize) -> Result<(i32, usize), &'static str> {
    let sign = bytes
        .get(at)
        .copied()
        .filter(|byte| matches!(byte, b'+' | b'-'));
    let start = at + usize::from(sign.is_some());
    let mut end = start;
    let mut power = 0_i32;
    while let Some(digit) = bytes.get(end).filter(|byte| byte.is_ascii_digit()) {
        power = power
            .saturating_mul(10)
            .saturating_add(i32::from(digit - b'0'));
        end += 1;
    }
    if end == start {
        return Err("a digit is expected in the exponent");
    }
    Ok((if sign == Some(b'-') { -power } else { power }, end))
}

fn full(bytes: &[u8]) -> Result<f64, &'static str> {
    let text = std::str::from_utf8(bytes).map_err(|_| "a number is expected")?;
    let value: f64 = text.parse().map_err(|_| "a number is expected")?;
    if value.is_finite() {
        Ok(value)
    } else {
        Err("a number beyond the range of float64")
    }
}

fn integer(is_negative: bool, mantissa: u64) -> Option<i64> {
    if is_negative {
        return 0_i64.checked_sub_unsigned(mantissa);
    }
    i64::try_from(mantissa).ok()
}

#[cfg(test)]
mod tests {
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
}
