//! Releases that nobody told of: what services send names the release that they run, and when that becomes another one, something was
//! deployed.

use super::api::marked;
use record::{Record, SECOND, Time};
use std::collections::HashMap;

/// A service that named another release within this time is running, so the new one has just come. After a longer silence nobody knows
/// when it came.
const SEEN_US: i64 = 10 * 60 * SECOND;
/// Services and environments remembered of a project.
const SERVICES_MAX: usize = 2_000;
/// Releases remembered of each, those that were named last.
const RELEASES_MAX: usize = 64;

/// Releases that the services of a project named, with when they did last.
#[derive(Debug, Default)]
pub struct Releases {
    of: HashMap<(String, String), Vec<(String, Time)>>,
}

impl Releases {
    /// Hears what release a record names, which came at `now`. Gives the deploy that it shows: a release that was never named, while
    /// another one of the same service was just now.
    pub fn hear(&mut self, r: &Record, now: Time) -> Option<Record> {
        let release = r.field("release").filter(|v| !v.is_empty())?;
        // A deploy that is told of is one by itself.
        if r.mark.is_some() {
            return None;
        }
        let service = r.service.as_deref().unwrap_or_default();
        let environment = r.field("environment").unwrap_or_default();
        let key = (service.to_owned(), environment.to_owned());
        if self.of.len() >= SERVICES_MAX && !self.of.contains_key(&key) {
            return None;
        }
        let known = self.of.entry(key).or_default();
        if let Some((_, last)) = known.iter_mut().find(|(name, _)| name == release) {
            *last = now.max(*last);
            return None;
        }
        let runs = known.iter().any(|(_, last)| now.since(*last) <= SEEN_US);
        if known.len() >= RELEASES_MAX
            && let Some(oldest) = (0..known.len()).min_by_key(|&i| known[i].1)
        {
            known.swap_remove(oldest);
        }
        known.push((release.to_owned(), now));
        let told = [("release", release), ("environment", environment), ("service", service)];
        let told: Vec<_> = told.into_iter().filter(|(_, v)| !v.is_empty()).collect();
        let at = r.at.filter(|t| now.since(*t).abs() <= SEEN_US).unwrap_or(now);
        let service = Some(service).filter(|s| !s.is_empty());
        let deploy = marked(at, service, &told);
        let message = format!("named for the first time: release {release}");
        runs.then(|| Record { text: message.clone(), message, ..deploy })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(service: &str, release: &str) -> Record {
        let fields = vec![("release".into(), release.into()), ("environment".into(), "production".into())];
        Record { service: Some(service.into()), fields, ..Record::default() }
    }

    #[test]
    fn a_release_that_takes_over_is_a_deploy() {
        let mut releases = Releases::default();
        let at = |minute: i64| Time(minute * 60 * SECOND);
        assert!(releases.hear(&names("shop", "1.0"), at(0)).is_none(), "the first says nothing");
        assert!(releases.hear(&names("pay", "7.1"), at(1)).is_none(), "another service");
        let deploy = releases.hear(&names("shop", "1.1"), at(5)).expect("a deploy");
        let what = "release=1.1 environment=production service=shop";
        assert_eq!(deploy.mark.as_deref(), Some(&record::Mark::Deploy(what.into())));
        assert!(
            releases.hear(&names("shop", "1.0"), at(6)).is_none(),
            "an instance that is not replaced yet"
        );
        assert!(releases.hear(&names("shop", "1.2"), at(90)).is_none(), "silent for long: it may be old");
    }
}
