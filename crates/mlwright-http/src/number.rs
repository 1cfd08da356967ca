//! JSON numbers: Clinger's fast path where it is exact, the standard library's full routine elsewhere.
//!
//! With digits `m` up to 2^53 and a decimal exponent of at most 22 both `m` and `10^e` are exact in float64, so one
//! multiplication or division rounds once and gives the nearest value (Clinger 1990). The digits of short numbers are
//! taken all at once, as the bytes of one word (Lemire, "Number parsing at a gigabyte per second", 2021).

use crate::json::Number;

const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];
/// Eight bytes without value.
const ZEROS: u64 = u64::from_le_bytes([b'0'; 8]);
/// Float64 holds every integer up to this one.
const EXACT: u64 = 1 << 53;
/// So many digits fit into 64 bits without a sign.
const FITTING_DIGITS: usize = 19;

/// Append the digits from a place on to an integer; give the place after them. More digits than fit give nonsense.
fn take_digits(bytes: &[u8], mut at: usize, mantissa: &mut u64) -> usize {
    while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let word = u64::from_le_bytes(*word);
        if others(word) != 0 {
            break;
        }
        let eight = sum(word ^ ZEROS) as u64;
        *mantissa = mantissa.wrapping_mul(100_000_000).wrapping_add(eight);
        at += 8;
    }
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

/// The highest bit of each byte of a word that is no digit. The first is right, and so is the second if the first is a
/// point; a carry may reach those after it.
#[inline]
fn others(word: u64) -> u64 {
    // Brings all above 9 to the highest bit.
    ((word ^ ZEROS).wrapping_add(u64::from_le_bytes([0x76; 8])) | word)
        & u64::from_le_bytes([0x80; 8])
}

/// The number at the front of `bytes`, with its length, if it has at most seven digits and no exponent, as most have.
#[expect(
    clippy::inline_always,
    reason = "a call costs as much as a third of the work"
)]
#[expect(
    clippy::needless_bitwise_bool,
    reason = "numbers below one follow no pattern that a branch could be guessed from"
)]
#[inline(always)]
fn short(bytes: &[u8]) -> Option<(f64, usize)> {
    let is_negative = *bytes.first()? == b'-';
    let start = usize::from(is_negative);
    let word = u64::from_le_bytes(*bytes.get(start..)?.first_chunk()?);
    let digits = word ^ ZEROS;
    let others = others(word);
    // Places in a word are counted in bits.
    let whole = others.trailing_zeros().wrapping_sub(7);
    let has_leading_zero = (digits as u8 == 0) & (whole > 8);
    if (whole.wrapping_sub(1) >= 56) | has_leading_zero {
        return None;
    }
    let (mut end, mut after_point, mut joined) = (whole, 0, digits);
    if (word >> whole) as u8 == b'.' {
        let rest = others & (others - 1);
        end = rest.trailing_zeros().wrapping_sub(7);
        after_point = end.wrapping_sub(whole + 8);
        // No digit, or the word ends first.
        if (after_point.wrapping_sub(1) >= 48) | (end > 56) {
            return None;
        }
        let below = (1 << whole) - 1;
        joined = digits & below | digits >> 8 & !below;
    }
    if (word >> end) as u8 | 0x20 == b'e' {
        return None;
    }
    // What follows the digits falls out at the top; zeros come in before them.
    let mantissa = sum(joined << (64 - whole - after_point));
    let size = mantissa as f64 / POWERS[after_point as usize / 8];
    // Without a branch: signs follow no pattern.
    let value = f64::from_bits(size.to_bits() | u64::from(is_negative) << 63);
    Some((value, start + end as usize / 8))
}

/// The number whose eight digits are the bytes of a word, the first of them the lowest.
#[inline]
fn sum(digits: u64) -> i64 {
    const LOW: u64 = 0x0000_00ff_0000_00ff;
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let first = (pairs & LOW).wrapping_mul(100 + (1_000_000 << 32));
    let second = (pairs >> 16 & LOW).wrapping_mul(1 + (10_000 << 32));
    (first.wrapping_add(second) >> 32) as i64
}

/// Read the number at the front of `bytes`; give it and its length.
pub(crate) fn parse(bytes: &[u8]) -> Result<(Number, usize), &'static str> {
    match short(bytes) {
        Some((value, length)) => Ok((Number::of_float(value), length)),
        None => parse_any(bytes),
    }
}

/// The same for one of any form.
fn parse_any(bytes: &[u8]) -> Result<(Number, usize), &'static str> {
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
        whole(value)
    };
    Ok((Number { value, integer }, end))
}

/// Append the numbers of a list from one on, at most `room`, as far as nothing else is among them: an integer that float64
/// may not hold is something else. Give the place after the last of them, or what is wrong, and where.
pub(crate) fn parse_list(
    bytes: &[u8],
    at: usize,
    room: usize,
    out: &mut Vec<f64>,
) -> Result<usize, (&'static str, usize)> {
    let (mut end, mut next) = (at, at);
    let limit = out.len().saturating_add(room);
    let mut are_short = true;
    while out.len() < limit {
        if are_short {
            let taken = take_short(bytes, next, limit, out);
            if taken > next {
                (end, next) = (taken - 1, taken);
            }
            if out.len() == limit {
                break;
            }
        }
        let found = short(&bytes[next..]);
        are_short = found.is_some();
        if let Some((value, length)) = found {
            out.push(value);
            end = next + length;
        } else if let Some((value, after)) = next_float(bytes, next)? {
            out.push(value);
            end = after;
        } else {
            break;
        }
        if bytes.get(end) != Some(&b',') {
            break;
        }
        // Many write one space after a comma.
        next = end + 1 + usize::from(bytes.get(end + 1) == Some(&b' '));
    }
    Ok(end)
}

/// Append the numbers from a place on, as far as they are short ones with commas after them; give the place after the last
/// of these commas. Where the next number begins is not known from the one before it: several are read at a time.
fn take_short(bytes: &[u8], at: usize, limit: usize, out: &mut Vec<f64>) -> usize {
    let mut next = at;
    while let Some(block) = bytes.get(next..).and_then(<[u8]>::first_chunk) {
        let (first, mut commas) = (next, commas(block));
        while commas != 0 {
            let comma = first + commas.trailing_zeros() as usize;
            commas &= commas - 1;
            // Many write one space after a comma.
            let start = next + usize::from(bytes[next] == b' ');
            match short(&bytes[start..]) {
                Some((value, length)) if start + length == comma && out.len() < limit => {
                    out.push(value);
                }
                _ => return next,
            }
            next = comma + 1;
        }
        if next == first {
            break;
        }
    }
    next
}

/// A bit for each comma of a block.
fn commas(block: &[u8; 64]) -> u64 {
    const SEVEN: u64 = u64::from_le_bytes([0x7f; 8]);
    let (words, _) = block.as_chunks();
    let mut all = 0;
    for (place, word) in words.iter().enumerate() {
        let differing = u64::from_le_bytes(*word) ^ u64::from_le_bytes([b','; 8]);
        // The highest bit of each byte that is zero, then these bits side by side.
        let found = !(((differing & SEVEN) + SEVEN) | differing | SEVEN);
        all |= ((found >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * place);
    }
    all
}

/// Any number after white space, with the place after it; none where something else is next.
fn next_float(bytes: &[u8], at: usize) -> Result<Option<(f64, usize)>, (&'static str, usize)> {
    let start = after_space(bytes, at);
    if !matches!(bytes.get(start), Some(b'-' | b'0'..=b'9')) {
        return Ok(None);
    }
    let (number, length) = parse_any(&bytes[start..]).map_err(|problem| (problem, start))?;
    Ok((!number.is_large()).then_some((number.value, start + length)))
}

/// The place of the next byte that is no white space.
#[inline]
pub(crate) fn after_space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\n' | b'\t' | b'\r')) {
        at += 1;
    }
    at
}

impl Number {
    /// What a float says.
    pub(crate) fn of_float(value: f64) -> Self {
        let integer = whole(value);
        Self { value, integer }
    }

    /// Whether it is an integer that its float may not hold.
    pub(crate) fn is_large(self) -> bool {
        let integer = self.integer.map_or(0, i64::unsigned_abs);
        integer >= EXACT
    }
}

/// The integer that a float is, if there is no other whose nearest float it is.
#[inline]
fn whole(value: f64) -> Option<i64> {
    let whole = value as i64;
    (whole as f64 - value == 0.0 && whole.unsigned_abs() < EXACT).then_some(whole)
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
mod tests;
