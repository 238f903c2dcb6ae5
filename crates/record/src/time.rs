//! Instants as microseconds since 1970-01-01T00:00:00Z, and the civil calendar they come from.
//!
//! Log lines are read by the million, so conversion is plain arithmetic; zones with rules (DST) are the program's matter.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Microseconds in a second.
pub const SECOND: i64 = 1_000_000;

/// An instant: microseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Time(pub i64);

/// How sure the offset of a record's time is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Zone {
    /// The log states its offset, or writes epoch time.
    Stated,
    /// The log writes wall-clock time: `at` holds it as if it were UTC until the offset is found.
    Wall,
    /// The line has no time: `at` is that of the neighbour before it in the same stream.
    #[default]
    Neighbour,
    /// The log writes the time of day alone: as [`Zone::Wall`], on the day of the file's last change, which is that of a copy where it
    /// was copied.
    Clock,
}

/// A wall-clock reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Civil {
    /// Year, 0 to 9999.
    pub year: i32,
    /// Month, 1 to 12.
    pub month: u32,
    /// Day of the month, 1 to 31.
    pub day: u32,
    /// Hour, 0 to 23.
    pub hour: u32,
    /// Minute, 0 to 59.
    pub minute: u32,
    /// Second, 0 to 60 (leap seconds are read as 59.999…).
    pub second: u32,
    /// Microsecond.
    pub micros: u32,
}

impl Civil {
    /// The instant this reading names at an offset (seconds east of UTC); `None` if it is no valid reading.
    pub fn at_offset(&self, offset_s: i32) -> Option<Time> {
        let Civil { year, month, day, hour, minute, second, micros } = *self;
        if !(0..=9999).contains(&year)
            || !(1..=12).contains(&month)
            || day == 0
            || day > days_in_month(year, month)
            || hour > 23
            || minute > 59
            || second > 60
            || offset_s.abs() > 86_400
        {
            return None;
        }
        let (second, micros) = if second == 60 { (59, 999_999) } else { (second, micros.min(999_999)) };
        let days = days_from_civil(year, month, day);
        let secs = days * 86_400 + i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
        Some(Time((secs - i64::from(offset_s)) * SECOND + i64::from(micros)))
    }
}

impl Time {
    /// From Unix seconds.
    pub fn from_secs(secs: i64) -> Time {
        Time(secs.saturating_mul(SECOND))
    }

    /// Whole seconds since the epoch.
    pub fn secs(self) -> i64 {
        self.0.div_euclid(SECOND)
    }

    /// The UTC wall clock.
    pub fn civil(self) -> Civil {
        let secs = self.0.div_euclid(SECOND);
        let micros = self.0.rem_euclid(SECOND) as u32;
        let (days, rest) = (secs.div_euclid(86_400), secs.rem_euclid(86_400) as u32);
        let (year, month, day) = civil_from_days(days);
        Civil { year, month, day, hour: rest / 3600, minute: rest / 60 % 60, second: rest % 60, micros }
    }

    /// Moves by microseconds; saturates.
    pub fn plus(self, micros: i64) -> Time {
        Time(self.0.saturating_add(micros))
    }

    /// Microseconds from `other` to `self`.
    pub fn since(self, other: Time) -> i64 {
        self.0.saturating_sub(other.0)
    }
}

impl Time {
    /// Microseconds that certainly lie between two stamps: one of whole seconds names the second that it begins, as logs cut
    /// fractions off rather than round them.
    pub fn apart(self, other: Time) -> i64 {
        let whole = |t: Time| if t.0.rem_euclid(SECOND) == 0 { SECOND - 1 } else { 0 };
        let after = self.since(other.plus(whole(other)));
        let before = other.since(self.plus(whole(self)));
        after.max(before).max(0)
    }
}

/// RFC 3339 in UTC; fractions only where there are any.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = self.civil();
        write!(f, "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", c.year, c.month, c.day, c.hour, c.minute, c.second)?;
        match c.micros {
            0 => {}
            m if m % 1000 == 0 => write!(f, ".{:03}", m / 1000)?,
            m => write!(f, ".{m:06}")?,
        }
        f.write_str("Z")
    }
}

fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a proleptic Gregorian date (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn days_from_civil(year: i32, month: u32, day: u32) -> i64 {
    let y = i64::from(year) - i64::from(month <= 2);
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let mp = (i64::from(month) + 9) % 12;
    let doy = (153 * mp + 2) / 5 + i64::from(day) - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

fn civil_from_days(days: i64) -> (i32, u32, u32) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = (doy - (153 * mp + 2) / 5 + 1) as u32;
    let month = if mp < 10 { mp + 3 } else { mp - 9 } as u32;
    ((yoe + era * 400 + i64::from(month <= 2)) as i32, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn civil_and_back() {
        for secs in [0, 951_782_400, 1_795_503_600, -1, 253_402_300_799] {
            let t = Time::from_secs(secs);
            assert_eq!(t.civil().at_offset(0), Some(t));
        }
        assert_eq!(Time::from_secs(1_795_503_600).to_string(), "2026-11-24T07:00:00Z");
    }

    #[test]
    fn impossible_readings_are_refused() {
        let c = Civil { year: 2026, month: 2, day: 29, ..Civil::default() };
        assert_eq!(c.at_offset(0), None);
        assert!(Civil { year: 2024, ..c }.at_offset(0).is_some());
    }
}
