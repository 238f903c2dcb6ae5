//! What set a problem off, and what ended it: its onset held against deploys, configuration changes, services that went and came
//! back, and against the healthy requests of the same routes.

use crate::events::{Event, Kind, service_kind};
use crate::group::{Group, Scene};
use crate::problem::{Ended, Trigger};
use crate::recognise::Scope;
use record::{Class, Record, SECOND, Time, TriggerKind};

/// A deploy may lie so long before the first failure, if the failing routes were not asked for (or failed at once) in between.
const DEPLOY_REACH_US: i64 = 30 * 60 * SECOND;
/// A rollout that was told of as it began is under way for so long: it builds, and replaces one instance after the other.
const ROLLOUT_US: i64 = 10 * 60 * SECOND;
/// Whoever asks for what a new process does wrong comes within this time, where the route was asked for before.
const RESTART_REACH_US: i64 = 120 * SECOND;
/// So many failures of a route that never went well are no accident of the input.
const NEVER_WELL_MIN: usize = 8;
/// Until somebody writes there it may take so long.
const READ_ONLY_REACH_US: i64 = 24 * 60 * 60 * SECOND;
/// So much around the onset is held against each other to see whether more requests came …
const LOAD_LEAST_US: i64 = 60 * SECOND;
/// … and no more.
const LOAD_MOST_US: i64 = 10 * 60 * SECOND;
/// Of fewer requests before the onset nothing is concluded.
const LOAD_REQUESTS_MIN: u64 = 20;
/// Times as many are more than chance and a rush hour.
const LOAD_TIMES_MIN: f64 = 1.5;
/// A statement that waits is told after a second or some; what waited before has ended.
const WAIT_REACH_US: i64 = 60 * SECOND;
/// Fewer failures of one route are chance.
const FAILURES_MIN: usize = 3;
/// Chance below which healthy requests between a deploy and the first failure speak against the deploy.
const CHANCE_MIN: f64 = 0.05;

/// Healthy and failed requests of the problem's routes, as far as they are remembered.
struct Around {
    /// Times of healthy requests of the failing routes, sorted.
    healthy: Vec<Time>,
    onset: Time,
    last: Time,
    /// Share of the routes' requests that failed from onset to last failure.
    share: f64,
}

fn around(scene: &Scene<'_>, g: &Group) -> Option<Around> {
    let times: Vec<Time> = g.failures.iter().filter_map(|&k| scene.failures[k].at).collect();
    let (onset, last) = (times.first().copied()?, times.last().copied()?);
    let mut keys: std::collections::HashSet<(&str, &str)> = std::collections::HashSet::new();
    for &k in &g.failures {
        let f = &scene.failures[k];
        keys.insert((&f.method, &f.route));
    }
    let mut healthy = Vec::new();
    let mut streams: Vec<usize> = g.failures.iter().filter_map(|&k| scene.failures[k].stream).collect();
    streams.sort_unstable();
    streams.dedup();
    for s in streams {
        for key in &keys {
            if let Some(seen) = scene.obs.streams[s].traffic.seen(key.0, key.1) {
                healthy.extend(seen.samples().map(|s| s.at));
            }
        }
    }
    healthy.sort_unstable();
    let inside = healthy.iter().filter(|t| **t >= onset && **t <= last).count();
    let share = times.len() as f64 / (times.len() + inside) as f64;
    Some(Around { healthy, onset, last, share })
}

impl Around {
    /// How likely is it that all requests between `from` and the onset went well by chance, had the fault been there already?
    fn chance_since(&self, from: Time) -> f64 {
        let n =
            self.healthy.iter().filter(|t| **t > from.plus(SECOND) && t.plus(SECOND) < self.onset).count();
        (1.0 - self.share).max(0.02).powi(i32::try_from(n).unwrap_or(i32::MAX))
    }

    fn healthy_before(&self) -> usize {
        self.healthy.iter().filter(|t| **t < self.onset).count()
    }
}

/// From when on all requests met the change. What went well while a rollout was under way may have met the release before.
fn in_force(scene: &Scene<'_>, e: &Event) -> Time {
    let begun = scene.obs.records[e.record].field("rollout") == Some("begun");
    if begun { e.at.plus(ROLLOUT_US) } else { e.at }
}

fn latest<'a>(
    scene: &'a Scene<'_>,
    kinds: &[Kind],
    onset: Time,
    reach: i64,
) -> impl Iterator<Item = &'a Event> {
    let kinds = kinds.to_vec();
    let end = scene.events.list.partition_point(|e| e.at <= onset.plus(SECOND));
    scene.events.list[..end]
        .iter()
        .rev()
        .take_while(move |e| onset.since(e.at) <= reach)
        .filter(move |e| kinds.contains(&e.kind))
}

/// Finds the trigger of a problem.
pub(crate) fn trigger(scene: &Scene<'_>, g: &Group) -> Trigger {
    let Some(a) = around(scene, g) else { return Trigger::default() };
    if g.cause.class == Class::Unknown {
        return Trigger::default();
    }
    let name = g.cause.name.as_str();
    // A primary that steps down takes no writes.
    let stepped = g.cause.is(Class::Database, "read-only")
        && latest(scene, &[Kind::Down], a.onset, 20 * SECOND).any(|e| e.service.is_some());
    let outage = g.fingerprint.starts_with("outage|") || stepped;
    // A dependency's own log tells best when it went.
    if matches!(g.cause.class, Class::Database | Class::Upstream) && outage {
        // Who calls is not who went.
        let caller = g.causes.first().map(|(c, _)| scene.record(*c));
        let is_callers = |e: &&Event| {
            let r = &scene.obs.records[e.record];
            caller.is_some_and(|c| (c.source, &c.service) == (r.source, &r.service))
        };
        let down = latest(scene, &[Kind::Down], a.onset, 20 * SECOND).find(|e| !is_callers(e));
        let deploy = latest(scene, &[Kind::Deploy], a.onset, 5 * SECOND).next().filter(|d| {
            down.is_none_or(|x| x.service.is_none() && x.at >= d.at) && g.cause.class == Class::Upstream
        });
        if let Some(d) = deploy {
            return of(TriggerKind::Deploy, d.at, &d.what);
        }
        // A place in the code called the dependency, and is none.
        let peer = || g.culprit.clone().filter(|c| !is_code(c));
        let (at, what) = down.map_or_else(
            || (a.onset, peer()),
            |e| {
                (
                    e.at,
                    Some(match &e.service {
                        Some(s) => format!("{s}: {}", e.what),
                        None => e.what.clone(),
                    }),
                )
            },
        );
        return Trigger { kind: TriggerKind::Dependency, at: Some(at), what };
    }
    // A disk that fails takes no writes from here on, whatever was deployed lately.
    if g.cause.is(Class::Config, "permission-denied")
        && g.causes.iter().any(|(c, _)| says_read_only(scene.record(*c)))
        && let Some(e) = latest(scene, &[Kind::Down], a.onset, READ_ONLY_REACH_US)
            .find(|e| e.what.contains("file system") && e.what.ends_with("read-only"))
    {
        return of(TriggerKind::Dependency, e.at, &e.what);
    }
    // Traffic causes: requests that met, load that filled something.
    let by_load = matches!(
        (g.cause.class, name),
        (Class::Database, "deadlock" | "constraint-violation" | "query-timeout")
    );
    if by_load {
        let what = risen(scene, &a);
        return Trigger { kind: TriggerKind::Traffic, at: Some(a.onset), what };
    }
    let change = latest(scene, &[Kind::Deploy, Kind::Config], a.onset, DEPLOY_REACH_US)
        .find(|e| a.chance_since(in_force(scene, e)) >= CHANCE_MIN);
    // A deploy reloads and restarts what it touches: the deploy is the word for both.
    let change = change.map(|e| match e.kind {
        Kind::Config => latest(scene, &[Kind::Deploy], a.onset, DEPLOY_REACH_US)
            .find(|d| d.at.since(e.at).abs() <= 15 * SECOND)
            .unwrap_or(e),
        _ => e,
    });
    if let Some(e) = change
        && !matches!(
            (g.cause.class, name),
            (Class::Upstream, "rate-limited" | "tls-failure" | "authentication-failed")
                | (Class::Database, "lock-timeout" | "too-many-connections")
                | (Class::Resource, "disk-full")
        )
    {
        let kind = if e.kind == Kind::Deploy { TriggerKind::Deploy } else { TriggerKind::ConfigChange };
        return of(kind, e.at, &e.what);
    }
    let healthy_before = a.healthy_before();
    // Nobody wrote down a deploy, but the program that fails was started anew right before, and had not failed until then.
    if g.cause.class == Class::Code
        && healthy_before > 2
        && let Some(source) = g.causes.first().map(|(c, _)| scene.record(*c).source)
        && let Some(e) = latest(scene, &[Kind::Up], a.onset, RESTART_REACH_US).find(|e| {
            let before = a.healthy.iter().filter(|t| **t < e.at).count();
            let begun = scene.obs.range.is_some_and(|(from, _)| e.at.since(from) > 3 * SECOND);
            begun
                && scene.obs.records[e.record].source == source
                && before > 2
                && a.chance_since(e.at) >= CHANCE_MIN
        })
        && !latest(scene, &[Kind::Down], e.at, 10 * SECOND)
            .any(|d| scene.obs.records[d.record].source == source)
    {
        return of(TriggerKind::Deploy, e.at, &format!("restart: {}", e.what));
    }
    let one_input = matches!(
        (g.cause.class, name),
        (Class::Resource, "execution-timeout" | "workers-exhausted" | "memory-exhausted")
    ) && !crate::inputs::separate(scene, g).is_empty();
    // What takes all there is of a time or of connections waits for somebody, where a database says that it let statements wait.
    if matches!(
        (g.cause.class, name),
        (Class::Resource, "execution-timeout" | "workers-exhausted")
            | (Class::Database, "too-many-connections" | "pool-exhausted")
            | (Class::Upstream, "timeout")
    ) && let Some((at, what)) = waited(scene, &a)
    {
        return of(TriggerKind::Dependency, at, &what);
    }
    let kind = match (g.cause.class, name) {
        (Class::Upstream, "timeout") if one_slow_route(scene, g, &a) => TriggerKind::Traffic,
        (
            Class::Database | Class::Upstream,
            "lock-timeout"
            | "authentication-failed"
            | "rate-limited"
            | "tls-failure"
            | "bad-response"
            | "error-response"
            | "timeout"
            | "connection-refused"
            | "connection-lost"
            | "connection-reset"
            | "dns-failure"
            | "read-only"
            | "storage-full"
            | "host-unreachable",
        ) => TriggerKind::Dependency,
        (Class::Database, "too-many-connections" | "pool-exhausted") => TriggerKind::Traffic,
        _ if one_input => TriggerKind::Data,
        (Class::Resource, "workers-exhausted") => TriggerKind::Dependency,
        (
            Class::Resource,
            "memory-exhausted" | "disk-full" | "execution-timeout" | "process-crash" | "load-shed",
        ) => TriggerKind::Traffic,
        // Configuration does not change by itself: requests that went well before it say that somebody changed it.
        (Class::Config, _) if healthy_before > 2 || asked_before(scene, g, a.onset) > 20 => {
            TriggerKind::ConfigChange
        }
        (Class::Code, "missing-dependency") if healthy_before > 2 => TriggerKind::Deploy,
        // A route that was asked for often and never went well does not depend on the input.
        (Class::Code, _)
            if !a.healthy.is_empty()
                || scene.failures.len() > g.failures.len() && g.failures.len() < NEVER_WELL_MIN =>
        {
            TriggerKind::Data
        }
        (Class::Database, "schema-mismatch") if healthy_before > 2 => TriggerKind::Deploy,
        _ => TriggerKind::None,
    };
    let what = if kind == TriggerKind::Traffic { risen(scene, &a) } else { None };
    Trigger { kind, at: (kind != TriggerKind::None).then_some(a.onset), what }
}

/// `/srv/shop/public/index.php:51`.
fn is_code(culprit: &str) -> bool {
    let (path, line) = culprit.rsplit_once(':').unwrap_or((culprit, ""));
    let file = path.rsplit(['/', '\\']).next().unwrap_or(path);
    path.contains(['/', '\\']) && !path.contains("://") && file.contains('.') && !line.is_empty()
        || culprit.starts_with('/') && file.contains('.') && !culprit.ends_with(".sock")
}

/// Was a write refused since the file system takes none (errno EROFS)?
fn says_read_only(r: &Record) -> bool {
    let says = |text: &str| text.contains("ead-only file system") || text.contains("EROFS");
    says(&r.message) || r.exceptions.iter().any(|e| says(&e.message))
}

/// Since when statements waited for locks or took long, as a database or its client says, in the time of the problem or right before.
fn waited(scene: &Scene<'_>, a: &Around) -> Option<(Time, String)> {
    let near = |at: Time| a.onset.since(at) <= WAIT_REACH_US && at <= a.last;
    let (at, lock, c) = (0..scene.candidates.len())
        .filter_map(|c| {
            let f = scene.candidates[c].best().filter(|f| f.scope == Scope::Background)?;
            let lock = f.cause.is(Class::Database, "lock-timeout");
            (lock || f.cause.is(Class::Database, "query-timeout")).then_some(())?;
            Some((scene.record(c).at.filter(|at| near(*at))?, lock, c))
        })
        .min()?;
    let r = scene.record(c);
    let path = scene.obs.paths.get(r.source as usize).map_or("", String::as_str);
    let whose = service_kind(r.format, path).unwrap_or("database");
    Some((at, format!("{whose}: statements {}", if lock { "wait for a lock" } else { "take long" })))
}

/// A proxy gave up on one route of an application that answers all else: nothing went away, what that route does takes so long.
fn one_slow_route(scene: &Scene<'_>, g: &Group, a: &Around) -> bool {
    let failures = || g.failures.iter().map(|&k| &scene.failures[k]);
    let Some(first) = failures().next() else { return false };
    let one =
        failures().all(|f| (&f.method, &f.route, f.stream) == (&first.method, &first.route, first.stream));
    // Who waits for somebody else than its own application throws or says so itself.
    let thrown = g.causes.iter().any(|(c, _)| !scene.record(*c).exceptions.is_empty());
    let well = first.stream.map_or(0, |s| scene.obs.streams[s].traffic.well_between(a.onset, a.last));
    one && !thrown && g.failures.len() >= FAILURES_MIN && well >= 4 * g.failures.len()
}

/// By how much more requests came from the onset on than as long before, where the logs show it.
fn risen(scene: &Scene<'_>, a: &Around) -> Option<String> {
    // What the logs do not reach back to did not come: nothing.
    let known = a.onset.since(scene.obs.range?.0);
    let length = a.last.since(a.onset).clamp(LOAD_LEAST_US, LOAD_MOST_US).min(known);
    if length < LOAD_LEAST_US {
        return None;
    }
    let (mut before, mut then) = (0, 0);
    for (at, n) in scene.obs.streams.iter().flat_map(|s| s.traffic.over_time(LOAD_LEAST_US)) {
        if at >= a.onset && at < a.onset.plus(length) {
            then += n;
        } else if at < a.onset && at >= a.onset.plus(-length) {
            before += n;
        }
    }
    let rose = before >= LOAD_REQUESTS_MIN && then as f64 >= before as f64 * LOAD_TIMES_MIN;
    let minutes = length as f64 / (60.0 * SECOND as f64);
    let rate = |n: u64| format!("{:.0}", n as f64 / minutes);
    rose.then(|| format!("{} requests a minute, {} before", rate(then), rate(before)))
}

/// Requests that the failing streams answered well before the onset, on whatever route.
fn asked_before(scene: &Scene<'_>, g: &Group, onset: Time) -> usize {
    g.failures
        .first()
        .and_then(|&k| scene.failures[k].stream)
        .map_or(0, |s| scene.obs.streams[s].traffic.well_between(Time(i64::MIN), onset))
}

fn of(kind: TriggerKind, at: Time, what: &str) -> Trigger {
    Trigger { kind, at: Some(at), what: Some(what.to_owned()).filter(|w| !w.is_empty()) }
}

/// When the problem ended, and what ended it.
pub(crate) fn ended(scene: &Scene<'_>, g: &Group) -> Option<Ended> {
    let a = around(scene, g)?;
    let after: Vec<&Time> = a.healthy.iter().filter(|t| **t > a.last).collect();
    let chance = (1.0 - a.share).max(0.02).powi(i32::try_from(after.len()).unwrap_or(i32::MAX));
    if after.is_empty() || chance >= CHANCE_MIN {
        return None;
    }
    let first = **after.first()?;
    let from = scene.events.list.partition_point(|e| e.at < a.last.plus(-2 * SECOND));
    let what = scene.events.list[from..]
        .iter()
        .take_while(|e| e.at <= first.plus(2 * SECOND))
        .filter(|e| matches!(e.kind, Kind::Rollback | Kind::Deploy | Kind::Up | Kind::Config))
        .min_by_key(|e| match e.kind {
            Kind::Rollback => 0,
            Kind::Deploy => 1,
            _ if e.service.is_some() => 2,
            Kind::Config => 3,
            _ => 4,
        })
        .map(|e| match (e.kind, &e.service) {
            (Kind::Rollback, _) => format!("rollback: {}", e.what),
            (Kind::Deploy, _) => format!("deploy: {}", e.what),
            (_, Some(s)) => format!("{s} is back ({})", e.what),
            (Kind::Config, _) => format!("configuration change: {}", e.what),
            _ => format!("started: {}", e.what),
        });
    Some(Ended { at: first, what })
}
