//! The time of day.

use std::cell::Cell;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// After this time the clock of the day is read again, which somebody may have set.
const TRUSTED: Duration = Duration::from_millis(100);

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
    KNOWN.set(Some((just_now, time_us)));
    time_us
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_has_the_time_of_day_and_their_order() {
        let begun = Instant::now();
        let mut last = 0;
        while begun.elapsed() < 3 * TRUSTED {
            let before = now_us();
            let found = time_of(Instant::now());
            let after = now_us();
            // A thread may stand still between two readings, never go back by more than their rounding.
            assert!(found + 1 >= before.min(last) && found <= after + 1);
            assert!(found.abs_diff(after) < 1_000_000, "{found} {after}");
            last = found;
        }
    }

    #[test]
    fn an_instant_before_the_known_one_is_asked_anew() {
        let early = Instant::now();
        std::thread::sleep(Duration::from_millis(2));
        time_of(Instant::now());
        assert!(now_us() - time_of(early) < 1_000_000);
    }
}
