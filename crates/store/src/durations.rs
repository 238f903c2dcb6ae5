//! How long requests that went well took: counts by route, time and bucket of durations.
//!
//! Each bucket is half as wide again as the one before (two of them double a duration), so that forty tell a millisecond from minutes,
//! and a percentile is right to a fifth. A route mostly needs four to six of them. Counted three times, at 18 bytes a row: by five
//! minutes for a day, for what goes on now; by the hour for a week, to be drawn; and by the day for [`DURATION_DAYS`], for what is usual.
//! A hundred busy routes take 5 MB, and a page that looks at all of them reads some ten thousand rows.

use crate::digest::minute;
use crate::error::{Doing, Result};
use crate::limits::DURATION_DAYS;
use crate::read::list::count;
use crate::read::search::listed;
use crate::read::{DurationLines, Reader, RouteDurations, Took};
use record::{SECOND, Time};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// Minutes that rows are of, and for how many minutes they are kept: a little longer than what is drawn of them.
const SPANS: [(i64, i64); 3] = [(FINE, 25 * HOUR), (HOUR, 8 * DAY), (DAY, DURATION_DAYS * DAY)];

/// Five minutes, an hour and a day, in minutes.
const FINE: i64 = 5;
const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;

/// So many requests tell how long a route takes: of fewer, what was before is counted with it.
const LATELY: u64 = 50;

/// Minutes after which something is earlier.
const EARLIER: i64 = 15;

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

/// Counts by bucket, of each shape and step.
type Counts = BTreeMap<(i64, i64), BTreeMap<u8, u64>>;

impl Reader {
    /// How long requests of each route took: lately, which is the last five minutes or as many of the last hour as have [`LATELY`]
    /// requests, and before, which are the days before this one, or its earlier hours where there was no request then. Only routes with
    /// requests in the last hour.
    pub fn durations(&self, project: i64, now: Time) -> Result<Vec<RouteDurations>> {
        let lately = self.lately(project, now)?;
        let at = minute(now);
        let today = at.div_euclid(DAY) * DAY;
        let mut before = self.buckets(project, DAY, (today - DURATION_DAYS * DAY, today), None, &[])?;
        let this_hour = (at - EARLIER).div_euclid(HOUR) * HOUR;
        for (key, buckets) in self.buckets(project, HOUR, (at - DAY, this_hour), None, &[])? {
            before.entry(key).or_insert(buckets);
        }
        let read = |(shape, buckets): (i64, BTreeMap<u8, u64>)| {
            let names = self.row(
                "SELECT COALESCE((SELECT name FROM names WHERE id = s.service), ''),
                 COALESCE((SELECT name FROM names WHERE id = s.method), ''),
                 COALESCE((SELECT name FROM names WHERE id = s.route), '') FROM shapes s WHERE s.id = ?1",
                [shape],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )?;
            let (service, method, route) = names.unwrap_or_default();
            let before = before.get(&(shape, 0)).map(took);
            Ok(RouteDurations { shape, service, method, route, now: took(&buckets), before })
        };
        lately.into_iter().map(read).collect()
    }

    /// How long requests of some routes took over time: a line for each, from one instant up to another in steps of so many minutes, which
    /// are made as wide as what is kept of that time. `None` in steps without requests.
    pub fn duration_lines(
        &self,
        project: i64,
        of: &[&RouteDurations],
        from: Time,
        to: Time,
        step_minutes: i64,
    ) -> Result<DurationLines> {
        // What is older is not kept, and so not drawn: a line has some hundred steps at most.
        let from = from.max(to.plus(-DURATION_DAYS * DAY * 60 * SECOND));
        let length = to.since(from) / (60 * SECOND);
        let span = if length <= DAY {
            FINE
        } else if length <= WEEK {
            HOUR
        } else {
            DAY
        };
        let step = (step_minutes.clamp(1, length.max(1)) + span - 1) / span * span;
        let first = minute(from).div_euclid(step);
        let steps = usize::try_from(minute(to).div_euclid(step) - first + 1).unwrap_or(0);
        let mut lines = DurationLines {
            begin: Time(first * step * 60 * SECOND),
            step_minutes: step,
            lines: vec![vec![None; steps]; of.len()],
        };
        let shapes: Vec<i64> = of.iter().map(|r| r.shape).collect();
        if shapes.is_empty() {
            return Ok(lines);
        }
        let counts = self.buckets(project, span, (first * step, minute(to) + 1), Some(step), &shapes)?;
        for ((shape, at), buckets) in counts {
            let line = shapes.iter().position(|s| *s == shape).and_then(|i| lines.lines.get_mut(i));
            let slot = line.zip(usize::try_from(at - first).ok()).and_then(|(line, i)| line.get_mut(i));
            if let Some(slot) = slot {
                *slot = Some(took(&buckets));
            }
        }
        Ok(lines)
    }

    /// Counts by bucket of each shape, of its latest requests.
    fn lately(&self, project: i64, now: Time) -> Result<BTreeMap<i64, BTreeMap<u8, u64>>> {
        let mut all: BTreeMap<i64, BTreeMap<u8, u64>> = BTreeMap::new();
        let at = minute(now);
        for ((shape, _), buckets) in
            self.buckets(project, FINE, (at - HOUR, at + 1), Some(FINE), &[])?.into_iter().rev()
        {
            let sums = all.entry(shape).or_default();
            if sums.values().sum::<u64>() < LATELY {
                for (bucket, n) in buckets {
                    *sums.entry(bucket).or_default() += n;
                }
            }
        }
        Ok(all)
    }

    /// Counts by bucket from one minute up to another, of some shapes (none: of all), and of each step where there are any.
    fn buckets(
        &self,
        project: i64,
        span: i64,
        (from, to): (i64, i64),
        step: Option<i64>,
        shapes: &[i64],
    ) -> Result<Counts> {
        let only =
            if shapes.is_empty() { String::new() } else { format!("AND shape IN ({})", listed(shapes)) };
        let text = format!(
            "SELECT shape, CASE WHEN ?5 > 0 THEN minute / ?5 ELSE 0 END, bucket, sum(n) FROM durations
             WHERE project = ?1 AND span = ?2 AND minute >= ?3 AND minute < ?4 {only} GROUP BY 1, 2, 3"
        );
        let rows = self.rows(&text, params![project, span, from, to, step.unwrap_or(0)], |row| {
            Ok(((row.get(0)?, row.get(1)?), row.get::<_, u8>(2)?, row.get::<_, i64>(3)?))
        })?;
        let mut all = Counts::new();
        for (key, bucket, n) in rows {
            all.entry(key).or_default().insert(bucket, count(n));
        }
        Ok(all)
    }
}

fn took(buckets: &BTreeMap<u8, u64>) -> Took {
    Took { requests: buckets.values().sum(), p50_us: quantile(buckets, 0.5), p95_us: quantile(buckets, 0.95) }
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
