//! The time, which never goes back: an administrator or NTP may set the machine's clock back by an hour, and what was just taken in
//! would lie in the future until it is caught up with. Until then our clock goes at half its pace, so that it agrees again in the end.

use record::Time;
use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// What was told last, and when by the clock that nobody sets.
static LAST: Mutex<Option<(Instant, Time)>> = Mutex::new(None);

/// The time.
pub fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let wall = Time(i64::try_from(since.as_micros()).unwrap_or(i64::MAX));
    let ticks = Instant::now();
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let time = last.map_or(wall, |(at, told)| {
        let passed = i64::try_from(ticks.saturating_duration_since(at).as_micros()).unwrap_or(i64::MAX);
        after(told, passed, wall)
    });
    // So often asked that half a microsecond would be lost each time, the instant stays until the time has moved.
    if last.is_none_or(|(_, told)| time > told) {
        *last = Some((ticks, time));
    }
    time
}

/// The time so many microseconds after another was told, when the machine's clock shows `wall`.
fn after(told: Time, passed_us: i64, wall: Time) -> Time {
    wall.max(told.plus(passed_us / 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::SECOND;

    #[test]
    fn it_follows_the_clock_and_never_goes_back() {
        let noon = Time::from_secs(1_795_500_000);
        assert_eq!(after(noon, SECOND, noon.plus(SECOND)), noon.plus(SECOND));
        assert_eq!(after(noon, SECOND, noon.plus(7_200 * SECOND)), noon.plus(7_200 * SECOND));
        assert_eq!(after(noon, 2 * SECOND, noon.plus(-3_598 * SECOND)), noon.plus(SECOND));
    }
}
