//! Quiet hours: when only what burns the budget is told, and all else waits for their end.

use record::{SECOND, Time};

/// Minutes of a day.
const DAY: i64 = 24 * 60;

/// From one minute of the day to another, by the wall clock of a zone; over midnight where the end is before the begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quiet {
    /// Minute of the day, 0 to 1439.
    pub from: i64,
    /// Minute of the day, 0 to 1439.
    pub to: i64,
    /// Days that are quiet as a whole, 0 for Monday to 6 for Sunday.
    pub days: Vec<i64>,
    /// The zone's name; the machine's where there is none.
    pub zone: Option<String>,
}

impl Quiet {
    /// `22:30` as a minute of the day.
    pub fn minute(text: &str) -> Option<i64> {
        let (hour, minute) = text.split_once(':')?;
        let two = |t: &str| {
            (t.len() == 2 && t.bytes().all(|b| b.is_ascii_digit())).then(|| t.parse::<i64>().ok())?
        };
        let (hour, minute) = (two(hour)?, two(minute)?);
        (hour < 24 && minute < 60).then_some(hour * 60 + minute)
    }

    /// Until when it is quiet; `None` where it is not. `offset_s`: the zone's offset at that instant, seconds east of UTC.
    ///
    /// Where clocks change within the quiet hours, their end is an hour off once.
    pub fn until(&self, now: Time, offset_s: i64) -> Option<Time> {
        let local = (now.secs() + offset_s).div_euclid(60);
        if !self.at(local) {
            return None;
        }
        // A week of quiet days has no end: a week later it is told all the same.
        let end = (1..=7 * DAY).find(|more| !self.at(local + more)).unwrap_or(7 * DAY);
        Some(Time(((local + end) * 60 - offset_s).saturating_mul(SECOND)))
    }

    /// `local`: minutes since 1970 by the wall clock.
    fn at(&self, local: i64) -> bool {
        // 1970-01-01 was a Thursday.
        let weekday = (local.div_euclid(DAY) + 3).rem_euclid(7);
        let minute = local.rem_euclid(DAY);
        let in_hours = if self.from <= self.to {
            (self.from..self.to).contains(&minute)
        } else {
            minute >= self.from || minute < self.to
        };
        in_hours || self.days.contains(&weekday)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64, minute: i64) -> Time {
        // 2026-11-29 is a Sunday.
        Time::from_secs(1_795_910_400 + hour * 3_600 + minute * 60)
    }

    #[test]
    fn hours_go_over_midnight_by_the_zones_clock() {
        let quiet = Quiet { from: 22 * 60, to: 7 * 60, days: vec![], zone: None };
        assert_eq!(quiet.until(at(21, 59), 0), None);
        assert_eq!(quiet.until(at(22, 0), 0), Some(at(31, 0)));
        assert_eq!(quiet.until(at(30, 59), 0), Some(at(31, 0)));
        assert_eq!(quiet.until(at(31, 0), 0), None);
        // An hour east it is later.
        assert_eq!(quiet.until(at(21, 0), 3_600), Some(at(30, 0)));
    }

    #[test]
    fn days_are_quiet_as_a_whole() {
        let quiet = Quiet { from: 22 * 60, to: 7 * 60, days: vec![6], zone: None };
        // All Sunday, and the night that follows.
        assert_eq!(quiet.until(at(12, 0), 0), Some(at(31, 0)));
        assert_eq!(quiet.until(at(36, 0), 0), None);
    }

    #[test]
    fn minutes_are_read_strictly() {
        assert_eq!(Quiet::minute("22:30"), Some(22 * 60 + 30));
        for wrong in ["24:00", "7:00", "07:60", "0700", "", "+7:00"] {
            assert_eq!(Quiet::minute(wrong), None, "{wrong}");
        }
    }
}
