//! The time of day.

use std::cell::Cell;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// After this time the clock of the day is read again, which somebody may have set.
const TRUSTED: Duration = Duration::from_millis(100);
/// Two readings further apart than this, a thread may lose its processor between them, are not taken for one moment.
const APART: Duration = Duration::from_micros(20);

thread_local! {
    /// An instant and its time of day.
    static KNOWN: Cell<Option<(Instant, u64)>> = const { Cell::new(None) };
}

/// Microseconds since 1970.
#[must_use]
pub fn now_us() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |age| u64::try_from(age.as_micros()).unwrap_or(u64::MAX))
}

/// Microseconds since 1970 at an instant that has just been read: most requests need not read a second clock.
pub(crate) fn time_of(just_now: Instant) -> u64 {
    if let Some((known, time_us)) = KNOWN.get()
        && let Some(since) = just_now.checked_duration_since(known)
        && since < TRUSTED
    {
        return time_us + u64::from(since.subsec_micros());
    }
    let time_us = now_us();
    KNOWN.set((just_now.elapsed() < APART).then_some((just_now, time_us)));
    time_us
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_has_the_time_of_day() {
        let begun = Instant::now();
        while begun.elapsed() < 3 * TRUSTED {
            let before = now_us();
            let found = time_of(Instant::now());
            let after = now_us();
            assert!(before <= found + 1 && found <= after + 1 + APART.as_micros() as u64);
        }
    }

    #[test]
    fn an_instant_before_the_known_one_is_asked_anew() {
        let early = Instant::now();
        let known = time_of(Instant::now());
        while now_us() <= known + APART.as_micros() as u64 {}
        let before = now_us();
        let found = time_of(early);
        assert!(before <= found && found <= now_us());
    }
}
