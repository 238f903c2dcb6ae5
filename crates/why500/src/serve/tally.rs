//! Requests that were told of in sum (Sentry's sessions), beside those that were read one by one.
//!
//! A service that sends both would be counted twice. So of a sum only what goes beyond the requests of the same service and minute
//! that were counted one by one is added: all of it where neither transactions nor logs are read, nine tenths where one in ten
//! transactions is sampled, nothing where all are. SDKs send sums a minute later than what they are sums of. Services are told
//! apart by name: a proxy's log counts for the proxy.

use record::{SECOND, Time};
use std::collections::{BTreeMap, HashMap};

/// Minutes remembered: sums come a minute late, those of a client that was cut off some more.
const MINUTES_MAX: i64 = 30;
/// Services of all projects remembered of a minute. Beyond, what is told in sum is not counted.
const SERVICES_MAX: usize = 2_000;

/// Of a service in a minute.
#[derive(Default)]
struct Counts {
    /// One by one.
    read: u64,
    /// In sum: each process of a service sends its own.
    told: u64,
    /// Of these, so many were added.
    added: u64,
}

/// What was counted lately.
#[derive(Default)]
pub struct Tally {
    minutes: BTreeMap<i64, HashMap<(i64, String), Counts>>,
}

impl Tally {
    fn of(&mut self, project: i64, minute: i64, service: &str, newest: i64) -> Option<&mut Counts> {
        self.minutes = self.minutes.split_off(&newest.saturating_sub(MINUTES_MAX));
        if !(newest.saturating_sub(MINUTES_MAX)..=newest).contains(&minute) {
            return None;
        }
        let services = self.minutes.entry(minute).or_default();
        let key = (project, service.to_owned());
        if services.len() >= SERVICES_MAX && !services.contains_key(&key) {
            return None;
        }
        Some(services.entry(key).or_default())
    }

    /// So many were counted one by one.
    pub fn read(&mut self, project: i64, minute: i64, service: &str, n: u64, now: Time) {
        if let Some(counts) = self.of(project, minute, service, minute_of(now)) {
            counts.read = counts.read.saturating_add(n);
        }
    }

    /// So many are told of in sum; gives how many of them are to be added.
    pub fn told(&mut self, project: i64, minute: i64, service: &str, n: u64, now: Time) -> u64 {
        let Some(counts) = self.of(project, minute, service, minute_of(now)) else { return 0 };
        counts.told = counts.told.saturating_add(n);
        let more = counts.told.saturating_sub(counts.read).saturating_sub(counts.added);
        counts.added += more;
        more
    }
}

/// The minute of an instant, since the Unix epoch.
pub fn minute_of(at: Time) -> i64 {
    at.0.div_euclid(60 * SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_one_by_one_is_not_counted_again() {
        let (mut tally, now) = (Tally::default(), Time::from_secs(60 * 1_000));
        tally.read(1, 998, "shop", 10, now);
        // Two processes; one in ten requests has a transaction.
        assert_eq!(tally.told(1, 998, "shop", 60, now), 50);
        assert_eq!(tally.told(1, 998, "shop", 40, now), 40);
        // Others have their own.
        assert_eq!(tally.told(1, 998, "orders", 7, now), 7);
        assert_eq!(tally.told(2, 998, "shop", 7, now), 7);
        tally.read(1, 999, "shop", 30, now);
        assert_eq!(tally.told(1, 999, "shop", 30, now), 0);
        // So old that nobody knows what was counted; not come yet.
        assert_eq!(tally.told(1, 900, "shop", 30, now), 0);
        assert_eq!(tally.told(1, 1_001, "shop", 30, now), 0);
        assert_eq!(tally.told(1, 1_000, "shop", u64::MAX, now), u64::MAX);
        assert_eq!(tally.told(1, 1_000, "shop", 5, now), 0);
    }
}
