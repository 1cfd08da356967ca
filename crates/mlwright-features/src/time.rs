//! Timestamps: text to microseconds since 1970 in UTC, and the parts of a moment.
//!
//! Accepted text: `2024-01-05`, `2024-01-05T10:00:00`, a space for the T, fractions of a second (digits after the
//! sixth are cut), `Z` or an offset `±HH:MM`. Without an offset the time is UTC. Dates must exist; seconds go to 59.

use serde::Deserialize;

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;
const MICROS_PER_DAY: i64 = SECONDS_PER_DAY * MICROS_PER_SECOND;

/// A part of a moment, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimePart {
    /// Minute, 0 to 59.
    Minute,
    /// Hour, 0 to 23.
    Hour,
    /// Day of the week, Monday 0 to Sunday 6.
    Weekday,
    /// Day of the month, from 1.
    Day,
    /// Month, 1 to 12.
    Month,
    /// Quarter of the year, 1 to 4.
    Quarter,
    /// Day of the year, from 1.
    Yearday,
    /// Days since 1970, with fraction.
    EpochDays,
}

impl TimePart {
    /// The part of a moment given in microseconds since 1970.
    #[must_use]
    pub fn of(self, micros: i64) -> f64 {
        let days = micros.div_euclid(MICROS_PER_DAY);
        let within = micros.rem_euclid(MICROS_PER_DAY);
        match self {
            Self::Minute => (within / (60 * MICROS_PER_SECOND) % 60) as f64,
            Self::Hour => (within / (3_600 * MICROS_PER_SECOND)) as f64,
            // 1970-01-01 was a Thursday.
            Self::Weekday => (days + 3).rem_euclid(7) as f64,
            Self::Day => f64::from(date_of_days(days).2),
            Self::Month => f64::from(date_of_days(days).1),
            Self::Quarter => f64::from(date_of_days(days).1.div_ceil(3)),
            Self::Yearday => (days - days_of_date(date_of_days(days).0, 1, 1) + 1) as f64,
            Self::EpochDays => micros as f64 / MICROS_PER_DAY as f64,
        }
    }
}

/// Microseconds since 1970 in UTC of a timestamp text, or none when the text is no valid timestamp.
///
/// ```
/// use mlwright_features::parse_timestamp;
/// assert_eq!(parse_timestamp("1970-01-02T01:00:00+01:00"), Some(86_400_000_000));
/// assert_eq!(parse_timestamp("2023-02-29"), None);
/// ```
#[must_use]
pub fn parse_timestamp(text: &str) -> Option<i64> {
    let mut rest = Digits {
        bytes: text.as_bytes(),
    };
    let year = rest.number(4)?;
    rest.expect(b'-')?;
    let month = rest.number(2)?;
    rest.expect(b'-')?;
    let day = rest.number(2)?;
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    let midnight = days_of_date(year, month, day) * SECONDS_PER_DAY;
    if rest.bytes.is_empty() {
        return Some(midnight * MICROS_PER_SECOND);
    }
    rest.expect_any(b"Tt ")?;
    let (hour, minute, second) = rest.clock()?;
    let micros = rest.fraction()?;
    let offset_minutes = rest.offset()?;
    if !rest.bytes.is_empty() {
        return None;
    }
    let seconds = midnight + hour * 3_600 + minute * 60 + second - offset_minutes * 60;
    Some(seconds * MICROS_PER_SECOND + micros)
}

struct Digits<'a> {
    bytes: &'a [u8],
}

impl Digits<'_> {
    fn number(&mut self, digits: usize) -> Option<i64> {
        let (now, rest) = self.bytes.split_at_checked(digits)?;
        let mut value = 0;
        for byte in now {
            value = value * 10 + i64::from(byte.is_ascii_digit().then(|| byte - b'0')?);
        }
        self.bytes = rest;
        Some(value)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.expect_any(&[byte]).map(|_| ())
    }

    fn expect_any(&mut self, allowed: &[u8]) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        allowed.contains(first).then_some(*first)
    }

    fn clock(&mut self) -> Option<(i64, i64, i64)> {
        let hour = self.number(2)?;
        self.expect(b':')?;
        let minute = self.number(2)?;
        let second = if self.bytes.first() == Some(&b':') {
            self.expect(b':')?;
            self.number(2)?
        } else {
            0
        };
        (hour < 24 && minute < 60 && second < 60).then_some((hour, minute, second))
    }

    fn fraction(&mut self) -> Option<i64> {
        if self.bytes.first() != Some(&b'.') {
            return Some(0);
        }
        self.expect(b'.')?;
        let digits = self
            .bytes
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if digits == 0 || digits > 18 {
            return None;
        }
        let (now, rest) = self.bytes.split_at(digits);
        self.bytes = rest;
        let six = now.iter().copied().chain(std::iter::repeat(b'0')).take(6);
        Some(six.fold(0, |value, byte| value * 10 + i64::from(byte - b'0')))
    }

    fn offset(&mut self) -> Option<i64> {
        if self.bytes.is_empty() {
            return Some(0);
        }
        let sign = match self.expect_any(b"Zz+-")? {
            b'+' => 1,
            b'-' => -1,
            _ => return Some(0),
        };
        let hours = self.number(2)?;
        if self.bytes.first() == Some(&b':') {
            self.expect(b':')?;
        }
        let minutes = self.number(2)?;
        (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970 of a date (Hinnant, "chrono-compatible low-level date algorithms").
fn days_of_date(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Year, month and day of a number of days since 1970 (same source).
fn date_of_days(days: i64) -> (i64, u8, u8) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (
        year_of_era + era * 400 + i64::from(month <= 2),
        month as u8,
        day as u8,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_accepted_form_is_read() {
        let noon = 1_704_448_800_000_000; // 2024-01-05T10:00:00Z
        for (text, expected) in [
            ("2024-01-05T10:00:00", noon),
            ("2024-01-05 10:00:00", noon),
            ("2024-01-05T10:00", noon),
            ("2024-01-05T10:00:00Z", noon),
            ("2024-01-05T12:30:00+02:30", noon),
            ("2024-01-05T08:00:00-0200", noon),
            ("2024-01-05T10:00:00.5", noon + 500_000),
            ("2024-01-05T10:00:00.123456789Z", noon + 123_456),
            ("2024-01-05", noon - 36_000_000_000),
            ("1970-01-01", 0),
            ("1969-12-31T23:59:59", -1_000_000),
            ("2024-02-29", 1_709_164_800_000_000),
        ] {
            assert_eq!(parse_timestamp(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_timestamp_is_refused() {
        for text in [
            "",
            "2024",
            "2024-13-01",
            "2024-00-01",
            "2023-02-29",
            "1900-02-29",
            "2024-04-31",
            "2024-01-05T",
            "2024-1-5",
            "2024-01-05T24:00:00",
            "2024-01-05T10:60:00",
            "2024-01-05T10:00:60",
            "2024-01-05T10:00:00.",
            "2024-01-05T10",
            "2024-01-05T10:00:00+2",
            "2024-01-05T10:00:00+24:00",
            "2024-01-05T10:00:00Zx",
            "2024-01-05x10:00:00",
            "+024-01-05",
            "２024-01-05",
            " 2024-01-05",
            "2024-01-05T10:00:00 Z",
        ] {
            assert_eq!(parse_timestamp(text), None, "{text:?}");
        }
    }

    #[test]
    fn every_month_is_in_its_quarter() {
        for month in 1..=12 {
            let moment = days_of_date(2023, month, 28) * MICROS_PER_DAY;
            let quarter = TimePart::Quarter.of(moment);
            assert!((quarter - ((month - 1) / 3 + 1) as f64).abs() < f64::EPSILON);
        }
    }

    #[test]
    fn dates_and_days_agree_over_six_centuries() {
        let mut days = days_of_date(1800, 1, 1);
        for year in 1800..2400 {
            for month in 1..=12 {
                for day in 1..=days_in_month(year, month) {
                    assert_eq!(days_of_date(year, month, day), days);
                    assert_eq!(date_of_days(days), (year, month as u8, day as u8));
                    days += 1;
                }
            }
        }
    }

    #[test]
    fn parts_are_those_of_the_calendar() {
        let moment = parse_timestamp("2024-12-31T18:07:59").expect("valid");
        let part = |part: TimePart| part.of(moment);
        assert!((part(TimePart::Minute) - 7.0).abs() < f64::EPSILON);
        assert!((part(TimePart::Quarter) - 4.0).abs() < f64::EPSILON);
        assert!((part(TimePart::Hour) - 18.0).abs() < f64::EPSILON);
        assert!(
            (part(TimePart::Weekday) - 1.0).abs() < f64::EPSILON,
            "2024-12-31 was a Tuesday"
        );
        assert!((part(TimePart::Day) - 31.0).abs() < f64::EPSILON);
        assert!((part(TimePart::Month) - 12.0).abs() < f64::EPSILON);
        assert!((part(TimePart::Yearday) - 366.0).abs() < f64::EPSILON);
        assert!((part(TimePart::EpochDays) - 20_088.75).abs() < 0.01);
        let before = parse_timestamp("1969-12-31T23:59:00").expect("valid");
        assert!((TimePart::Minute.of(before) - 59.0).abs() < f64::EPSILON);
        assert!((TimePart::Hour.of(before) - 23.0).abs() < f64::EPSILON);
        assert!((TimePart::Weekday.of(before) - 2.0).abs() < f64::EPSILON);
    }
}
