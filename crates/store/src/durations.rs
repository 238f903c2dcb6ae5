//! How long requests that went well took: counts by route, time and bucket of durations.
//!
//! Each bucket is half as wide again as the one before (two of them double a duration), so that forty tell a millisecond from minutes,
//! and a percentile is right to a fifth. A route mostly needs four to six of them. Counted twice, at 18 bytes a row: by five minutes
//! for a day, for what goes on now, and by the hour for [`DURATION_DAYS`], for what is usual. A hundred busy routes take 6 MB.

use crate::digest::minute;
use crate::error::{Doing, Result};
use crate::limits::{DURATION_DAYS, STEPS_MAX};
use crate::read::{Reader, RouteDurations, Took};
use record::{SECOND, Time};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// Minutes that the fine rows are of, which are kept for a day and an hour, and the coarse ones.
const SPANS: [(i64, i64); 2] = [(5, 25 * 60), (60, DURATION_DAYS * 24 * 60)];

/// So many requests tell how long a route takes: of fewer, what was before is counted with it.
const LATELY: u64 = 50;

/// So long ago is earlier.
const EARLIER_US: i64 = 15 * 60 * SECOND;

/// The longest durations have one bucket: three minutes and more are beyond all limits of time.
const BUCKETS: u8 = 37;

/// The bucket of a duration.
pub fn duration_bucket(us: u64) -> u8 {
    let ms = us as f64 / 1_000.0;
    if ms < 1.0 {
        return 0;
    }
    // At least 0 and, of a u64, less than 100.
    ((ms.log2() * 2.0) as u8 + 1).min(BUCKETS - 1)
}

/// Where a bucket begins, in microseconds.
fn begin(bucket: u8) -> f64 {
    if bucket == 0 { 0.0 } else { 1_000.0 * (f64::from(bucket - 1) / 2.0).exp2() }
}

/// The duration that a share of the counted stays below, in microseconds: the middle of its bucket, from which no duration of the
/// bucket is a fifth away.
fn quantile(buckets: &BTreeMap<u8, u64>, share: f64) -> u64 {
    let rank = buckets.values().sum::<u64>() as f64 * share;
    let mut below = 0;
    let bucket = buckets.iter().find(|(_, n)| {
        below += **n;
        below as f64 >= rank
    });
    bucket.map_or(0, |(&b, _)| if b == 0 { 500 } else { (begin(b) * 2.0_f64.powf(0.25)) as u64 })
}

/// Adds to the counts of a route.
pub(crate) fn add(
    db: &Connection,
    project: i64,
    at: i64,
    shape: i64,
    took: &[(u8, u64)],
    now: Time,
) -> Result<()> {
    let doing = "counting durations";
    for (span, age) in SPANS {
        // What comes so late would go at once.
        if at < minute(now) - age {
            continue;
        }
        let begin = at.div_euclid(span) * span;
        for &(bucket, n) in took {
            db.prepare_cached(
                "INSERT INTO durations (project, span, minute, shape, bucket, n) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO UPDATE SET n = n + ?6",
            )
            .doing(doing)?
            .execute(params![project, span, begin, shape, bucket.min(BUCKETS - 1), i64::try_from(n).unwrap_or(0)])
            .doing(doing)?;
        }
    }
    Ok(())
}

/// Lets go of what is too old.
pub(crate) fn forget(db: &Connection, now: Time) -> Result<()> {
    for (span, age) in SPANS {
        db.execute(
            "DELETE FROM durations WHERE project IN (SELECT DISTINCT project FROM shapes) AND span = ?1 AND minute < ?2",
            params![span, minute(now) - age],
        )
        .doing("letting go of old durations")?;
    }
    Ok(())
}

/// By service, method and route (their numbers): what a row of the reader begins with.
type Key = (i64, i64, i64);

impl Reader {
    /// How long requests of each route took: lately, which is the last five minutes or as many of the last hour as have
    /// [`LATELY`] requests, in the time before that is asked for (where there was no request then, earlier in the last day), and over
    /// time. Only routes with requests in the last hour.
    pub fn durations(&self, project: i64, asked: &DurationsOf) -> Result<Vec<RouteDurations>> {
        let DurationsOf { now, before_from, before_to, line_from, step_minutes } = *asked;
        let lately = self.lately(project, now)?;
        if lately.is_empty() {
            return Ok(Vec::new());
        }
        let mut before = self.buckets(project, 60, before_from, before_to, None)?;
        // Where nobody counted before, what was earlier today is usual.
        let day = (now.plus(-24 * 3_600 * SECOND), now.plus(-EARLIER_US));
        for (key, buckets) in self.buckets(project, 5, day.0, day.1, None)? {
            before.entry(key).or_insert(buckets);
        }
        let fine = now.since(line_from) <= 25 * 3_600 * SECOND;
        let span = if fine { 5 } else { 60 };
        let least = now.since(line_from) / (60 * SECOND) / STEPS_MAX;
        let step = (step_minutes.max(least + 1) + span - 1) / span * span;
        let line = self.buckets(project, span, line_from, now, Some(step))?;
        let first = minute(line_from).div_euclid(step);
        let steps = usize::try_from(minute(now).div_euclid(step) - first + 1).unwrap_or(0);
        let mut lines: BTreeMap<Key, Vec<Option<Took>>> = BTreeMap::new();
        for ((key, at), buckets) in line {
            let line = lines.entry(key).or_insert_with(|| vec![None; steps]);
            if let Some(slot) = usize::try_from(at - first).ok().and_then(|i| line.get_mut(i)) {
                *slot = Some(took(&buckets));
            }
        }
        lately
            .into_iter()
            .map(|(key, buckets)| {
                let name = |id: i64| self.name(id).map(Option::unwrap_or_default);
                Ok(RouteDurations {
                    service: name(key.0)?,
                    method: name(key.1)?,
                    route: name(key.2)?,
                    now: took(&buckets),
                    before: before.get(&(key, 0)).map(took),
                    begin: Time(first * step * 60 * SECOND),
                    step_minutes: step,
                    line: lines.remove(&key).unwrap_or_default(),
                })
            })
            .collect()
    }

    /// Counts by bucket of each route, of its latest requests.
    fn lately(&self, project: i64, now: Time) -> Result<BTreeMap<Key, BTreeMap<u8, u64>>> {
        let mut all: BTreeMap<Key, BTreeMap<u8, u64>> = BTreeMap::new();
        let hour = self.buckets(project, 5, now.plus(-3_600 * SECOND), now, Some(5))?;
        for ((key, _), buckets) in hour.into_iter().rev() {
            let sums = all.entry(key).or_default();
            if sums.values().sum::<u64>() < LATELY {
                for (bucket, n) in buckets {
                    *sums.entry(bucket).or_default() += n;
                }
            }
        }
        Ok(all)
    }

    /// Counts by bucket of each route, and of each step where there are any.
    fn buckets(
        &self,
        project: i64,
        span: i64,
        from: Time,
        to: Time,
        step: Option<i64>,
    ) -> Result<BTreeMap<(Key, i64), BTreeMap<u8, u64>>> {
        let rows = self.rows(
            "SELECT s.service, s.method, s.route, CASE WHEN ?5 > 0 THEN d.minute / ?5 ELSE 0 END, d.bucket, sum(d.n)
             FROM durations d JOIN shapes s ON s.id = d.shape
             WHERE d.project = ?1 AND d.span = ?2 AND d.minute >= ?3 AND d.minute < ?4 GROUP BY 1, 2, 3, 4, 5",
            params![project, span, minute(from), minute(to) + 1, step.unwrap_or(0)],
            |row| {
                let key: Key = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(((key, row.get::<_, i64>(3)?), row.get::<_, u8>(4)?, row.get::<_, i64>(5)?))
            },
        )?;
        let mut all: BTreeMap<(Key, i64), BTreeMap<u8, u64>> = BTreeMap::new();
        for (key, bucket, n) in rows {
            all.entry(key).or_default().insert(bucket, u64::try_from(n).unwrap_or(0));
        }
        Ok(all)
    }
}

fn took(buckets: &BTreeMap<u8, u64>) -> Took {
    Took { requests: buckets.values().sum(), p50_us: quantile(buckets, 0.5), p95_us: quantile(buckets, 0.95) }
}

/// What is asked of durations.
#[derive(Clone, Copy, Debug)]
pub struct DurationsOf {
    /// Up to then.
    pub now: Time,
    /// What is usual: from …
    pub before_from: Time,
    /// … to.
    pub before_to: Time,
    /// The begin of the lines.
    pub line_from: Time,
    /// Their steps.
    pub step_minutes: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bucket_begins_where_the_one_before_ends() {
        let mut last = 0;
        for us in (0..400_000_000).step_by(331) {
            let bucket = duration_bucket(us);
            assert!(bucket == last || bucket == last + 1, "{us}");
            assert!(us as f64 >= begin(bucket) - 1.0, "{us} in {bucket}");
            assert!(bucket == BUCKETS - 1 || (us as f64) < begin(bucket + 1) + 1.0, "{us} in {bucket}");
            last = bucket;
        }
        assert_eq!(last, BUCKETS - 1);
        assert_eq!(duration_bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn a_percentile_is_right_to_a_fifth() {
        for ms in [3_u64, 40, 180, 950, 2_200, 14_000, 52_000] {
            let mut buckets = BTreeMap::new();
            for i in 1..=100 {
                *buckets.entry(duration_bucket(ms * 1_000 * i / 95)).or_default() += 1;
            }
            let p95 = quantile(&buckets, 0.95) as f64 / 1_000.0;
            assert!((p95 / ms as f64 - 1.0).abs() < 0.2, "{ms}: {p95}");
        }
        assert_eq!(quantile(&BTreeMap::new(), 0.95), 0);
    }
}
