//! Counts over time and over routes, marks, what was dropped, and how large it all is.

use super::list::count;
use super::{DroppedRow, MarkSeen, Reader, RouteHealth, RouteLine, Sizes, Step};
use crate::error::{Error, Result};
use crate::limits::STEPS_MAX;
use crate::problems::{find_problem, hex};
use crate::store::DATABASE;
use record::{SECOND, Time};
use rusqlite::params;
use std::collections::{BTreeMap, BTreeSet};

/// A minute in microseconds.
const MINUTE_US: i64 = 60 * SECOND;

impl Reader {
    /// Requests and failures of a project from one instant up to another, in equal steps of `step_minutes`.
    ///
    /// Steps begin at whole multiples since the epoch, so that two pages draw the same bars; those with nothing are there too.
    /// Counts older than thirty days are by the hour, and fall into the step of the hour's first minute.
    pub fn timeline(&self, project: i64, from: Time, to: Time, step_minutes: i64) -> Result<Vec<Step>> {
        let (mut line, begin, end, step) = empty_line(from, to, step_minutes)?;
        for (table, failures) in [("requests", false), ("failed", true)] {
            let healthy = if failures { "" } else { HEALTHY };
            let text = format!(
                "SELECT (minute - ?2) / ?4, sum(n) FROM {table} c
                 WHERE project = ?1 AND minute >= ?2 AND minute < ?3 {healthy} GROUP BY 1"
            );
            let rows = self.rows(&text, params![project, begin, end, step], |row| {
                Ok((row.get::<_, i64>(0)?, count(row.get(1)?)))
            })?;
            for (i, n) in rows {
                let Some(step) = usize::try_from(i).ok().and_then(|i| line.get_mut(i)) else { continue };
                *(if failures { &mut step.failures } else { &mut step.requests }) += n;
            }
        }
        for (i, n) in self.counted_twice(project, begin, end, step)? {
            if let Some(step) = usize::try_from(i).ok().and_then(|i| line.get_mut(i)) {
                step.requests = step.requests.saturating_sub(n);
            }
        }
        whole_requests(&mut line);
        Ok(line)
    }

    /// Requests that went well and were counted by a proxy and by the service behind it, by step: see [`same_traffic`].
    fn counted_twice(&self, project: i64, begin: i64, end: i64, step: i64) -> Result<Vec<(i64, u64)>> {
        type Route = (i64, i64);
        let shapes: Vec<(i64, Route, bool)> = self.rows(
            "SELECT id, method, route, service = 0 FROM shapes
             WHERE project = ?1 AND status > 0 AND status < 500 AND release = 0 AND environment = 0",
            [project],
            |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?), row.get(3)?)),
        )?;
        let mut sides: BTreeMap<Route, (bool, bool)> = BTreeMap::new();
        for (_, route, unnamed) in &shapes {
            let (proxy, named) = sides.entry(*route).or_default();
            *(if *unnamed { proxy } else { named }) = true;
        }
        let both: BTreeMap<i64, (Route, bool)> = shapes
            .into_iter()
            .filter(|(_, route, _)| sides.get(route) == Some(&(true, true)))
            .map(|(id, route, unnamed)| (id, (route, unnamed)))
            .collect();
        if both.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.rows(
            "SELECT shape, (minute - ?2) / ?4, sum(n) FROM requests
             WHERE project = ?1 AND minute >= ?2 AND minute < ?3 GROUP BY 1, 2",
            params![project, begin, end, step],
            |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, count(row.get(2)?))),
        )?;
        let mut counted: BTreeMap<(i64, Route), (u64, u64)> = BTreeMap::new();
        for (shape, i, n) in rows {
            let Some(&(route, unnamed)) = both.get(&shape) else { continue };
            let (proxy, named) = counted.entry((i, route)).or_default();
            *(if unnamed { proxy } else { named }) += n;
        }
        Ok(counted.into_iter().map(|((i, _), (proxy, named))| (i, proxy.min(named))).collect())
    }

    /// Failures of one problem from one instant up to another, in equal steps as of [`Reader::timeline`].
    ///
    /// # Errors
    /// More steps than [`STEPS_MAX`]; an id that is none.
    pub fn problem_line(
        &self,
        project: i64,
        id: &str,
        from: Time,
        to: Time,
        step_minutes: i64,
    ) -> Result<Vec<Step>> {
        let (mut line, begin, end, step) = empty_line(from, to, step_minutes)?;
        let Some(problem) = find_problem(&self.db, project, hex(id)?)? else { return Ok(line) };
        let rows = self.rows(
            "SELECT (minute - ?2) / ?4, sum(n) FROM counts WHERE problem = ?1 AND minute >= ?2 AND minute < ?3
             GROUP BY 1",
            params![problem, begin, end, step],
            |row| Ok((row.get::<_, i64>(0)?, count(row.get(1)?))),
        )?;
        for (i, n) in rows {
            if let Some(step) = usize::try_from(i).ok().and_then(|i| line.get_mut(i)) {
                step.failures += n;
            }
        }
        Ok(line)
    }

    /// How each route of a project did from one instant up to another, the worst first (by failures and failed requests).
    pub fn health(&self, project: i64, from: Time, to: Time) -> Result<Vec<RouteHealth>> {
        let mut routes: BTreeMap<(String, String, String), (u64, u64, u64)> = BTreeMap::new();
        for (table, failures) in [("requests", false), ("failed", true)] {
            let text = format!(
                "SELECT COALESCE((SELECT name FROM names WHERE id = s.service), ''),
                 COALESCE((SELECT name FROM names WHERE id = s.method), ''),
                 COALESCE((SELECT name FROM names WHERE id = s.route), ''),
                 sum(c.n), sum(CASE WHEN s.status >= 500 OR s.status = 0 THEN c.n ELSE 0 END)
                 FROM {table} c JOIN shapes s ON s.id = c.shape
                 WHERE c.project = ?1 AND c.minute >= ?2 AND c.minute < ?3 GROUP BY s.service, s.method, s.route"
            );
            let args = params![project, minute(from), minute(to.plus(MINUTE_US - 1))];
            let rows = self.rows(&text, args, |row| {
                let key: (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok((key, count(row.get(3)?), count(row.get(4)?)))
            })?;
            for (key, all, failed) in rows {
                let sums = routes.entry(key).or_default();
                if failures {
                    sums.2 += all;
                } else {
                    sums.0 += all;
                    sums.1 += failed;
                }
            }
        }
        let told = routes.iter().map(|((service, method, route), sums)| {
            ((method.clone(), route.clone()), (service.clone(), service.is_empty(), sums.0 > 0))
        });
        for ((method, route), service) in same_traffic(told.collect()) {
            let key = |service: String| (service, method.clone(), route.clone());
            let Some(proxy) = routes.remove(&key(String::new())) else { continue };
            let sums = routes.entry(key(service)).or_default();
            (sums.0, sums.1, sums.2) = (sums.0.max(proxy.0), sums.1.max(proxy.1), sums.2 + proxy.2);
        }
        let mut health: Vec<RouteHealth> = routes.into_iter().map(route_health).collect();
        health.sort_by_key(|r| std::cmp::Reverse(r.failures.max(r.failed_requests)));
        Ok(health)
    }

    /// Of each route that had failures: requests and failures from one instant up to another, in steps as of [`Reader::timeline`];
    /// most failures first, `limit` at most.
    pub fn route_lines(
        &self,
        project: i64,
        from: Time,
        to: Time,
        step_minutes: i64,
        limit: usize,
    ) -> Result<Vec<RouteLine>> {
        let (empty, begin, end, step) = empty_line(from, to, step_minutes)?;
        let mut lines: BTreeMap<(i64, i64, i64), Vec<Step>> = BTreeMap::new();
        let mut failing = BTreeSet::new();
        for (table, failures) in [("failed", true), ("requests", false)] {
            let healthy = if failures { "" } else { HEALTHY };
            let text = format!(
                "SELECT s.service, s.method, s.route, (c.minute - ?2) / ?4, sum(c.n)
                 FROM {table} c JOIN shapes s ON s.id = c.shape
                 WHERE c.project = ?1 AND c.minute >= ?2 AND c.minute < ?3 {healthy} GROUP BY 1, 2, 3, 4"
            );
            let rows = self.rows(&text, params![project, begin, end, step], |row| {
                Ok(((row.get(0)?, row.get(1)?, row.get(2)?), row.get::<_, i64>(3)?, count(row.get(4)?)))
            })?;
            for (key, i, n) in rows {
                if failures {
                    failing.insert((key.1, key.2));
                }
                // Routes without a failure are many, and nobody looks for them here.
                if failing.contains(&(key.1, key.2)) {
                    lines.entry(key).or_insert_with(|| empty.clone());
                }
                let line = lines.get_mut(&key);
                let slot = line.zip(usize::try_from(i).ok()).and_then(|(line, i)| line.get_mut(i));
                if let Some(slot) = slot {
                    *(if failures { &mut slot.failures } else { &mut slot.requests }) += n;
                }
            }
        }
        let told = lines.iter().map(|(&(service, method, route), line)| {
            ((method, route), (service, service == 0, line.iter().any(|s| s.requests > 0)))
        });
        for ((method, route), service) in same_traffic(told.collect()) {
            let Some(proxy) = lines.remove(&(0, method, route)) else { continue };
            let line = lines.entry((service, method, route)).or_insert_with(|| empty.clone());
            for (step, more) in line.iter_mut().zip(proxy) {
                step.requests = step.requests.max(more.requests);
                step.failures += more.failures;
            }
        }
        lines.retain(|_, line| line.iter().any(|s| s.failures > 0));
        lines.values_mut().for_each(|line| whole_requests(line));
        let sum = |line: &[Step]| line.iter().map(|s| s.failures).sum::<u64>();
        let mut sorted: Vec<_> = lines.into_iter().collect();
        sorted.sort_by_key(|(key, line)| (std::cmp::Reverse(sum(line)), *key));
        sorted
            .into_iter()
            .take(limit)
            .map(|((service, method, route), line)| {
                let name = |id: i64| self.name(id).map(Option::unwrap_or_default);
                Ok(RouteLine { service: name(service)?, method: name(method)?, route: name(route)?, line })
            })
            .collect()
    }

    /// Of each release that had failures, as [`Reader::route_lines`]; requests are not counted by release.
    pub fn release_lines(
        &self,
        project: i64,
        from: Time,
        to: Time,
        step_minutes: i64,
        limit: usize,
    ) -> Result<Vec<(String, Vec<Step>)>> {
        let (empty, begin, end, step) = empty_line(from, to, step_minutes)?;
        let rows = self.rows(
            "SELECT n.name, (c.minute - ?2) / ?4, sum(c.n)
             FROM failed c JOIN shapes s ON s.id = c.shape JOIN names n ON n.id = s.release
             WHERE c.project = ?1 AND c.minute >= ?2 AND c.minute < ?3 GROUP BY 1, 2",
            params![project, begin, end, step],
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, count(row.get(2)?))),
        )?;
        let mut lines: BTreeMap<String, Vec<Step>> = BTreeMap::new();
        for (name, i, n) in rows {
            let line = lines.entry(name).or_insert_with(|| empty.clone());
            if let Some(slot) = usize::try_from(i).ok().and_then(|i| line.get_mut(i)) {
                slot.failures += n;
            }
        }
        let mut sorted: Vec<_> = lines.into_iter().collect();
        sorted.sort_by_key(|(_, line)| std::cmp::Reverse(line.iter().map(|s| s.failures).sum::<u64>()));
        sorted.truncate(limit);
        Ok(sorted)
    }

    /// The last minute of which a project has a count; `None` if nothing ever came.
    pub fn last_counted(&self, project: i64) -> Result<Option<Time>> {
        let text = "SELECT max(m) FROM (SELECT max(minute) AS m FROM requests WHERE project = ?1
                    UNION ALL SELECT max(minute) FROM failed WHERE project = ?1)";
        let minute = self.row(text, [project], |row| row.get::<_, Option<i64>>(0))?.flatten();
        Ok(minute.map(|m| Time(m.saturating_mul(MINUTE_US))))
    }

    pub(crate) fn name(&self, id: i64) -> Result<Option<String>> {
        self.row("SELECT name FROM names WHERE id = ?1", [id], |row| row.get(0))
    }

    /// The marks of a project from one instant up to another, first to last; the latest 1,000.
    pub fn marks(&self, project: i64, from: Time, to: Time) -> Result<Vec<MarkSeen>> {
        let mut marks = self.rows(
            "SELECT id, at, kind, what FROM marks WHERE project = ?1 AND at >= ?2 AND at < ?3
             ORDER BY at DESC, id DESC LIMIT 1000",
            params![project, from.0, to.0],
            |row| {
                Ok(MarkSeen {
                    id: row.get::<_, i64>(0)?.cast_unsigned(),
                    at: Time(row.get(1)?),
                    kind: row.get(2)?,
                    what: row.get(3)?,
                })
            },
        )?;
        marks.reverse();
        Ok(marks)
    }

    /// What was not taken in, of all projects, most first.
    pub fn dropped(&self) -> Result<Vec<DroppedRow>> {
        self.rows(
            "SELECT project, wire, reason, n, first, last FROM dropped ORDER BY n DESC, project, wire, reason",
            [],
            |row| {
                Ok(DroppedRow {
                    project: row.get(0)?,
                    wire: row.get(1)?,
                    reason: row.get(2)?,
                    count: count(row.get(3)?),
                    first: Time(row.get(4)?),
                    last: Time(row.get(5)?),
                })
            },
        )
    }

    /// The releases that a project's failures named, latest named first; 100 at most.
    pub fn releases(&self, project: i64) -> Result<Vec<String>> {
        self.names(project, 4)
    }

    /// The environments that a project's failures named.
    pub fn environments(&self, project: i64) -> Result<Vec<String>> {
        self.names(project, 5)
    }

    /// The services that a project's failures and requests named.
    pub fn services(&self, project: i64) -> Result<Vec<String>> {
        self.names(project, 3)
    }

    /// The routes that a project's failures and requests named.
    pub fn routes(&self, project: i64) -> Result<Vec<String>> {
        self.names(project, 2)
    }

    fn names(&self, project: i64, kind: i64) -> Result<Vec<String>> {
        let text = "SELECT name FROM names WHERE project = ?1 AND kind = ?2 ORDER BY id DESC LIMIT 100";
        self.rows(text, [project, kind], |row| row.get(0))
    }

    /// How large the folder is and what it holds. Rows are counted one by one: not for each request.
    pub fn sizes(&self) -> Result<Sizes> {
        let number = |sql: &str| -> Result<u64> {
            Ok(self.row(sql, [], |row| row.get::<_, i64>(0))?.map(count).unwrap_or(0))
        };
        let file = |name: &str| std::fs::metadata(self.folder.join(name)).map(|m| m.len()).unwrap_or(0);
        let page = number("PRAGMA page_size")?;
        Ok(Sizes {
            database_bytes: file(DATABASE) + file(&format!("{DATABASE}-wal")),
            free_bytes: number("PRAGMA freelist_count")? * page,
            journal_bytes: crate::journal::bytes(&self.folder.join("journal")),
            problems: number("SELECT count(*) FROM problems")?,
            failures: number("SELECT count(*) FROM failures")?,
            examples: number("SELECT count(*) FROM examples")?,
        })
    }
}

/// Of requests, those that went well: the failed are counted as failures.
const HEALTHY: &str =
    "AND EXISTS (SELECT 1 FROM shapes h WHERE h.id = c.shape AND h.status > 0 AND h.status < 500)";

/// Requests are the healthy and the failed; where nobody counts the healthy ones, they are not known.
fn whole_requests(line: &mut [Step]) {
    if line.iter().any(|s| s.requests > 0) {
        line.iter_mut().for_each(|s| s.requests += s.failures);
    }
}

/// The steps from one instant up to another with nothing counted yet; the first and the last minute, and the minutes of a step.
fn empty_line(from: Time, to: Time, step_minutes: i64) -> Result<(Vec<Step>, i64, i64, i64)> {
    let step = step_minutes.max(1);
    let begin = minute(from).div_euclid(step) * step;
    let end = minute(to.plus(MINUTE_US - 1));
    let steps = end.saturating_sub(begin).saturating_add(step - 1) / step;
    if steps > STEPS_MAX {
        return Err(Error::Invalid(format!("a time line has {STEPS_MAX} steps at most; take longer ones")));
    }
    let at = |i: i64| Time((begin + i * step).saturating_mul(MINUTE_US));
    let line = (0..steps.max(0)).map(|i| Step { at: at(i), ..Step::default() }).collect();
    Ok((line, begin, end, step))
}

fn minute(at: Time) -> i64 {
    at.0.div_euclid(MINUTE_US)
}

/// The routes on which one service fails or counts requests, while a log that names no service counts them: a proxy's in front
/// of it, so both tell of the same requests, of which the larger count holds all. Gives that service for each. Of two services
/// nobody knows whose requests they are.
fn same_traffic<Route: Ord, Service>(rows: Vec<(Route, (Service, bool, bool))>) -> Vec<(Route, Service)> {
    let mut routes: BTreeMap<Route, (bool, Vec<Service>)> = BTreeMap::new();
    for (route, (service, unnamed, counted)) in rows {
        let (by_proxy, named) = routes.entry(route).or_default();
        if unnamed {
            *by_proxy = counted;
        } else {
            named.push(service);
        }
    }
    let one = |(route, (by_proxy, mut named)): (Route, (bool, Vec<Service>))| {
        let service = named.pop()?;
        (by_proxy && named.is_empty()).then_some((route, service))
    };
    routes.into_iter().filter_map(one).collect()
}

/// Clients of wires tell of healthy requests, of failed ones, or of both; failures are counted by us. So the failed are whichever
/// of the two is more.
fn route_health((key, sums): ((String, String, String), (u64, u64, u64))) -> RouteHealth {
    let ((service, method, route), (counted, counted_failed, failures)) = (key, sums);
    let healthy = counted.saturating_sub(counted_failed);
    let failed = counted_failed.max(failures);
    let requests = (counted > 0).then_some(healthy + failed);
    let share = requests.map(|all| failed as f64 / all as f64);
    RouteHealth {
        service,
        method,
        route,
        requests,
        failed_requests: if counted > 0 { failed } else { 0 },
        failures,
        share,
    }
}
