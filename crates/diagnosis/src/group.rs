//! Groups failures to problems by their cause: one outage is one problem, a code fault is one per place.

use crate::events::{Event, Events, Kind};
use crate::join::{Candidate, How, Joins};
use crate::ledger::Failure;
use crate::observe::Observations;
use crate::recognise::{Finding, Scope};
use crate::spread::{self, Spread};
use record::{Cause, Class, Exception, Level, Numbered, Numbers, Record, SECOND, Time};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// A process that died or did not start explains refused connections for so long before a restart is due.
const PROCESS_REACH_US: i64 = 60 * SECOND;

/// Where the log that tells of its starts tells of no other since, it is still down: for so long at most.
const DOWN_REACH_US: i64 = 3_600 * SECOND;

/// Why one failure failed.
#[derive(Clone, Debug)]
pub(crate) struct Explanation {
    /// Candidate that shows the cause; `None` when it was taken over from like failures.
    pub candidate: Option<usize>,
    pub how: How,
    pub why: Arc<Why>,
}

/// Logs date to the second, and machines differ by less.
const AFTER_US: i64 = SECOND;

/// A circuit breaker that opened stays so for seconds to minutes, and opens again while what it calls is away.
const OPEN_US: i64 = 300 * SECOND;

/// What a process said last that did not come back.
struct Lasting {
    at: Time,
    /// It was started again, or nothing is concluded any more.
    until: Time,
    candidate: usize,
}

/// Failures explained before another core may take over.
const EXPLAINED_AT_ONCE: usize = 1_000;

/// Does the runtime say so itself that the process ends with this? Node.js writes its version below an uncaught error; Go's
/// (runtime/panic.go, `fatalpanic`) writes the panic without a time (which is read as fatal), an empty line, and the goroutine that was
/// running. What was recovered is written by loggers, with the stack that `runtime/debug` collects.
fn last_words(r: &Record) -> bool {
    let running = |m: &str| m.contains("\n\ngoroutine ") && m.contains(" [running]:\n");
    let panicked =
        r.level == Level::Fatal && running(&r.message) && !r.message.contains("runtime/debug.Stack(");
    // ANCM writes what an app under IIS printed as it failed to start.
    panicked || r.message.contains("\nNode.js v") || r.message.contains("hit unexpected managed exception")
}

/// What failures that failed alike share.
#[derive(Clone, Debug)]
pub(crate) struct Why {
    pub cause: Cause,
    pub culprit: Option<String>,
    /// What was recognised, best first.
    findings: Arc<[Finding]>,
    /// It shows only that something deeper failed.
    pub symptom: bool,
    /// Names the problem.
    pub fingerprint: String,
}

/// Of a hundred thousand failures most failed alike: what they share is kept once.
#[derive(Default)]
struct Shared(Numbered<u64, Vec<Arc<Why>>>);

impl Shared {
    fn once(&mut self, mut e: Explanation) -> Explanation {
        let alike = self.0.entry(record::hash(&e.fingerprint)).or_default();
        match alike.iter().find(|w| w.is(&e.why)) {
            Some(w) => e.why = Arc::clone(w),
            None => alike.push(Arc::clone(&e.why)),
        }
        e
    }
}

impl std::ops::Deref for Explanation {
    type Target = Why;

    fn deref(&self) -> &Why {
        &self.why
    }
}

impl Why {
    /// The best finding; there is one.
    pub fn finding(&self) -> Option<&Finding> {
        self.findings.first()
    }

    /// It as the problem's own.
    fn own_finding(&self) -> Finding {
        Finding { symptom: self.symptom, ..self.finding().cloned().unwrap_or_default() }
    }

    fn is(&self, other: &Why) -> bool {
        Arc::ptr_eq(&self.findings, &other.findings)
            && self.symptom == other.symptom
            && self.fingerprint == other.fingerprint
            && self.culprit == other.culprit
            && self.cause == other.cause
    }
}

/// Failures with one explanation.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub fingerprint: String,
    pub failures: Vec<usize>,
    /// Candidates that show the cause, with how they were joined.
    pub causes: Vec<(usize, How)>,
    pub cause: Cause,
    pub culprit: Option<String>,
    pub finding: Finding,
}

/// Causes that are faces of one outage of a peer: the first "lost" and the many "refused" after it.
fn outage_face(cause: &Cause) -> bool {
    matches!(cause.class, Class::Database | Class::Upstream)
        && matches!(
            cause.name.as_str(),
            "connection-refused"
                | "connection-lost"
                | "connection-reset"
                | "host-unreachable"
                | "dns-failure"
        )
}

fn peerless(cause: &Cause) -> bool {
    outage_face(cause)
        || matches!(
            cause.name.as_str(),
            "too-many-connections" | "authentication-failed" | "timeout" | "read-only"
        )
}

/// `localhost`, schemes and paths do not make another peer.
pub(crate) fn normal_peer(peer: &str) -> String {
    let mut p = peer.trim().trim_matches(['"', '\'', '[', ']']);
    for scheme in
        ["http://", "https://", "tcp://", "fastcgi://", "uwsgi://", "redis://", "fcgi://", "grpc://"]
    {
        p = p.strip_prefix(scheme).unwrap_or(p);
    }
    if !p.starts_with("unix:") && !p.starts_with('/') {
        p = p.split('/').next().unwrap_or(p);
    }
    p.trim_end_matches(':').replace("localhost:", "127.0.0.1:").replace("0.0.0.0:", "127.0.0.1:")
}

/// An address of HTTP by its route: whoever is asked for `/prices/7` and then for `/prices/18` is the same, as a title it would change
/// with each failure.
fn without_keys(culprit: &str) -> String {
    let path = culprit.find("://").and_then(|i| Some(i + 3 + culprit.get(i + 3..)?.find('/')?));
    match path {
        Some(at) if culprit.starts_with("http") && !culprit.contains(' ') => {
            let (host, path) = culprit.split_at(at);
            format!("{host}{}", crate::route::template(path))
        }
        _ => culprit.to_owned(),
    }
}

/// Chooses among the exceptions of a chain the frame to look at: the deepest exception that passes through the app's code.
pub(crate) fn app_place(exceptions: &[Exception]) -> Option<(String, String)> {
    exceptions
        .iter()
        .rev()
        .find_map(Exception::app_frame)
        .or_else(|| {
            exceptions.iter().rev().find_map(|e| {
                e.frames.iter().find(|f| !f.file.is_empty() && f.line.is_some() && !is_runtime(&f.file))
            })
        })
        .map(|f| {
            (f.place(), if f.function.is_empty() { f.place() } else { format!("{} {}", f.file, f.function) })
        })
}

/// A group that names nothing joins the largest of the same cause that does: the same fault, said with less.
fn fold_vague(list: &mut Vec<Group>, explained: &[Option<Explanation>]) {
    let cause = |g: &Group| {
        g.failures
            .iter()
            .find_map(|&k| explained[k].as_ref())
            .map(|e| (e.cause.clone(), e.culprit.is_some(), e.fingerprint.ends_with('|')))
    };
    let mut i = 0;
    while i < list.len() {
        let Some((c, named, bare)) =
            cause(&list[i]).filter(|(c, ..)| !matches!(c.class, Class::Code | Class::Unknown))
        else {
            i += 1;
            continue;
        };
        let target = (0..list.len())
            .filter(|&j| j != i && cause(&list[j]).is_some_and(|(d, n, b)| d == c && n && !b))
            .max_by_key(|&j| (list[j].failures.len(), std::cmp::Reverse(j)));
        match target {
            Some(j) if !named || bare => {
                let g = list.remove(i);
                let j = if j > i { j - 1 } else { j };
                list[j].failures.extend(g.failures);
                list[j].causes.extend(g.causes);
            }
            _ => i += 1,
        }
    }
}

/// The wording apart from its variables: names the problem where nothing else does.
pub(crate) fn said(f: &Finding) -> String {
    crate::join::fold(f.matched.lines().next().unwrap_or("").trim())
}

fn is_runtime(file: &str) -> bool {
    file.contains("node:internal")
        || file.starts_with("internal/")
        || file.contains("/usr/lib/python")
        || file.starts_with("<frozen")
}

/// Everything the steps below look at.
pub(crate) struct Scene<'a> {
    pub obs: &'a Observations,
    pub failures: &'a [Failure],
    pub candidates: &'a [Candidate],
    pub joins: &'a Joins,
    pub events: &'a Events,
}

impl Scene<'_> {
    pub fn record(&self, candidate: usize) -> &Record {
        &self.obs.records[self.candidates[candidate].record]
    }

    /// How much a joined record says about the cause: first how it was joined and whether it is a cause at all, then how exact
    /// it is. Identity beats time; a cause beats a symptom; what is exact beats the general reading.
    fn worth(&self, candidate: usize, how: How, nested: bool) -> i32 {
        let cand = &self.candidates[candidate];
        let r = self.record(candidate);
        let Some(f) = cand.best() else { return -3000 };
        if how != How::Same && self.joins.is_noise(cand.template) {
            return -2000;
        }
        if how < How::Request && crate::handled::is_handled(r) {
            return -2000;
        }
        let symptom = f.symptom || f.cause.is(Class::Upstream, "error-response");
        let exact = f.weight >= 35 && !f.cause.is(Class::Code, "unhandled-exception");
        // A warning that stands near, or a bare line that no signature knows, may be about anything.
        let faint = how < How::Request
            && (r.level == Level::Warn
                || (r.level == Level::Unknown && f.general && r.exceptions.is_empty()));
        let how = if faint { How::Time } else { how };
        let tier = match (how > How::Time, symptom, exact) {
            (true, false, true) => 3,
            // A warning of the code beside a failure is rarely its cause: code that goes on has coped.
            (false, false, true) if r.level == Level::Warn && f.cause.class == Class::Code => 0,
            (false, false, true) => 2,
            (true, false, false) if r.level >= Level::Error || !r.exceptions.is_empty() => 2,
            (true, ..) => 1,
            (false, ..) => 0,
        };
        let mut w = i32::from(f.weight);
        if f.general {
            w -= 10;
        }
        w += match how {
            How::Id | How::Same | How::Request => 25,
            How::Client | How::Neighbour => 15,
            // Where failures are so dense that any record meets one, meeting one says nothing.
            How::Time => -(60.0 * self.joins.chance) as i32,
            How::Order => -20,
        };
        w += match r.level {
            Level::Fatal => 10,
            Level::Error => 6,
            Level::Warn => -15,
            Level::Unknown => 0,
            _ => -40,
        };
        if nested {
            w += 12;
        }
        if !r.exceptions.is_empty() {
            w += 5;
        }
        tier * 500 + w
    }

    /// A refused connection is the database's when a database said that it listens there or a
    /// span calls it one, and another service's when a cache did.
    fn class_of(&self, cause: &Cause, culprit: Option<&str>) -> Class {
        let both = matches!(cause.class, Class::Database | Class::Upstream)
            && (outage_face(cause) || matches!(cause.name.as_str(), "timeout" | "authentication-failed"));
        let Some(peer) = culprit.map(normal_peer).filter(|_| both) else { return cause.class };
        let kind = self.events.addresses.iter().find(|(_, v)| v.contains(&peer)).map(|(k, _)| k.as_str());
        match kind {
            Some("postgresql" | "mariadb" | "mysql" | "mongodb") if cause.name != "timeout" => {
                Class::Database
            }
            Some("redis" | "rabbitmq" | "elasticsearch") => Class::Upstream,
            _ => cause.class,
        }
    }

    fn culprit(&self, f: &Finding, r: &Record) -> (Option<String>, String) {
        match f.cause.class {
            Class::Code => {
                let place = app_place(&r.exceptions);
                if matches!(f.cause.name.as_str(), "missing-dependency" | "template-error" | "syntax-error")
                    && let Some(c) = &f.culprit
                {
                    let line = c.rsplit_once(':').filter(|(_, n)| n.bytes().all(|b| b.is_ascii_digit()));
                    return (Some(c.clone()), line.map_or(c.as_str(), |x| x.0).to_owned());
                }
                if let Some((at, function)) = place {
                    return (Some(at), function);
                }
                if f.culprit.is_none()
                    && let Some((at, function)) = crate::recognise::told(&r.message)
                {
                    let file = at.rsplit_once(':').map_or(at.as_str(), |(file, _)| file);
                    let key = format!("{file} {}", function.unwrap_or_default());
                    return (Some(at), key);
                }
                if let Some(c) = f
                    .culprit
                    .clone()
                    .or_else(|| r.field("file").map(str::to_owned))
                    .or_else(|| crate::recognise::path(&r.message))
                {
                    return (Some(c.clone()), c);
                }
                (None, String::new())
            }
            Class::Database | Class::Upstream => {
                // A time-out of another service does not happen at the database, whose address stands somewhere in the dump.
                if let Some(c) = f.culprit.as_ref().filter(|c| {
                    f.cause.class == Class::Database || outage_face(&f.cause) || !self.is_database(c)
                }) {
                    // Another service is one whatever path was asked for.
                    let key = if peerless(&f.cause) || f.cause.class == Class::Upstream {
                        normal_peer(c)
                    } else {
                        c.clone()
                    };
                    return (Some(c.clone()), key);
                }
                // An object dump behind the error (axios, undici) names the peer some lines below.
                if f.cause.class == Class::Upstream
                    && !r.is_ledger()
                    && let Some(p) = crate::recognise::peer(&r.message)
                    && !self.is_database(&p)
                {
                    let key = normal_peer(&p);
                    return (Some(p), key);
                }
                if f.cause.class == Class::Upstream
                    && let Some(u) = r.request.as_ref().and_then(|q| q.upstream.clone())
                {
                    let key = normal_peer(&u);
                    return (Some(u), key);
                }
                if peerless(&f.cause)
                    && let Some(a) = self.address_of(f.service.as_deref())
                {
                    return (Some(a.clone()), a);
                }
                if let Some((at, _)) = app_place(&r.exceptions) {
                    let key =
                        if peerless(&f.cause) { f.service.clone().unwrap_or_default() } else { said(f) };
                    // Where all frames are a library's, who answered says more than where the library read it.
                    let own = r.exceptions.iter().any(|e| e.app_frame().is_some());
                    let who = f.service.clone().filter(|_| !own);
                    return (Some(who.unwrap_or(at)), key);
                }
                let c = r
                    .request
                    .as_ref()
                    .and_then(|q| q.upstream.clone())
                    .filter(|_| f.cause.class == Class::Upstream);
                let c = c.or_else(|| {
                    f.service.clone().filter(|_| peerless(&f.cause) && f.cause.class == Class::Database)
                });
                (c.clone(), c.unwrap_or_else(|| if peerless(&f.cause) { String::new() } else { said(f) }))
            }
            _ => {
                if let Some(c) = &f.culprit {
                    // Files come and go; the folder that refuses or is full stays.
                    let folder = matches!(f.cause.name.as_str(), "permission-denied" | "disk-full")
                        && c.starts_with('/');
                    let key = if folder { c.rsplit_once('/').map_or(c.as_str(), |x| x.0) } else { c };
                    return (Some(c.clone()), crate::join::fold(key));
                }
                let place = app_place(&r.exceptions);
                // What a process lacks is named by the process; the place only says who noticed.
                let of_process = match f.cause.name.as_str() {
                    "too-many-open-files" | "process-crash" => true,
                    "memory-exhausted" | "workers-exhausted" => place.is_none(),
                    _ => false,
                };
                if of_process {
                    let path = self.obs.paths.get(r.source as usize).map_or("", String::as_str);
                    let who = crate::events::writer_name(r.service.as_deref(), path);
                    let key = if f.cause.name == "memory-exhausted" { String::new() } else { who.clone() };
                    return (Some(place.map_or(who.clone(), |(at, _)| format!("{who} ({at})"))), key);
                }
                if let Some((at, function)) = place {
                    let file = at.split(':').next().unwrap_or("").to_owned();
                    let key = match f.cause.name.as_str() {
                        "disk-full" => file,
                        _ if f.cause.class == Class::Config => said(f),
                        _ => function,
                    };
                    return (Some(at), key);
                }
                if f.cause.class == Class::Resource {
                    // Envoy's circuit breakers are set for each cluster that it sends to.
                    let cluster = f.service.as_deref() == Some("envoy") && f.cause.name == "load-shed";
                    let asked = r.request.as_ref().and_then(|q| q.upstream.clone()).filter(|_| cluster);
                    return (asked.clone(), asked.unwrap_or_default());
                }
                (None, said(f))
            }
        }
    }

    /// Did a database say that it listens there?
    fn is_database(&self, peer: &str) -> bool {
        let peer = normal_peer(peer);
        self.events.addresses.iter().any(|(k, v)| {
            matches!(k.as_str(), "postgresql" | "mariadb" | "mysql" | "mongodb") && v.contains(&peer)
        })
    }

    /// The only address at which that kind of service (any database, if the wording does not tell) said it listens.
    fn address_of(&self, service: Option<&str>) -> Option<String> {
        let lists: Vec<&Vec<String>> = match service {
            Some(s) => {
                let same = |k: &str| {
                    k == s || (matches!(k, "mariadb" | "mysql") && matches!(s, "mariadb" | "mysql"))
                };
                self.events.addresses.iter().filter(|(k, _)| same(k)).map(|(_, v)| v).collect()
            }
            None => self
                .events
                .addresses
                .iter()
                .filter(|(k, _)| matches!(k.as_str(), "postgresql" | "mariadb" | "mysql" | "mongodb"))
                .map(|(_, v)| v)
                .collect(),
        };
        let all: HashSet<&String> =
            lists.into_iter().flatten().filter(|a| !a.starts_with('/') && !a.starts_with("unix")).collect();
        if all.len() == 1 { all.into_iter().next().cloned() } else { None }
    }

    fn explain_by(&self, candidate: usize, how: How) -> Option<Explanation> {
        let cand = &self.candidates[candidate];
        let f = cand.best()?;
        let r = self.record(candidate);
        let (culprit, key) = self.culprit(f, r);
        let culprit = culprit.map(|c| without_keys(&c));
        let cause = Cause { class: self.class_of(&f.cause, culprit.as_deref()), ..f.cause.clone() };
        let kind = r.root().map_or("", |e| e.short_kind());
        let fingerprint = match cause.class {
            Class::Code => format!("{cause}|{kind}|{key}"),
            _ if outage_face(&cause) => format!("outage|{}|{key}", cause.class.name()),
            _ => format!("{cause}|{key}"),
        };
        let symptom = f.symptom || cause.is(Class::Upstream, "error-response");
        let why = Why { cause, culprit, findings: Arc::clone(&cand.findings), symptom, fingerprint };
        Some(Explanation { candidate: Some(candidate), how, why: Arc::new(why) })
    }

    /// Explains each failure by the best record joined to it (or to the inner failures below it).
    pub fn explain(&self, spread: Spread<'_>) -> Vec<Option<Explanation>> {
        let mut joined: Vec<Vec<(usize, How, bool)>> = vec![Vec::new(); self.failures.len()];
        for j in &self.joins.list {
            joined[j.failure].push((j.candidate, j.how, false));
            if let Some(p) = self.failures[j.failure].parent {
                joined[p].push((j.candidate, j.how, true));
            }
        }
        let parts: Vec<_> = joined.chunks(EXPLAINED_AT_ONCE).collect();
        let parts = spread::parts(spread, parts.len(), |i| {
            let mut shared = Shared::default();
            let explained = |list: &Vec<_>| self.explain_one(list).map(|e| shared.once(e));
            parts[i].iter().map(explained).collect::<Vec<_>>()
        });
        let mut shared = Shared::default();
        parts.into_iter().flatten().map(|e| e.map(|e| shared.once(e))).collect()
    }

    /// When a proxy gave up waiting, if that is what a record says.
    fn gave_up(&self, candidate: usize, how: How) -> Option<Time> {
        let r = self.record(candidate);
        let timeout =
            self.candidates[candidate].best().is_some_and(|f| f.cause.is(Class::Upstream, "timeout"));
        r.at.filter(|_| timeout && how > How::Time && r.exceptions.is_empty())
    }

    /// Did the code throw it when the answer was out already? Then it ended what took too long, and is no cause of the answer.
    fn thrown_after(&self, candidate: usize, answered: Time) -> bool {
        let is_code = self.candidates[candidate].best().is_some_and(|f| f.cause.class == Class::Code);
        is_code && self.record(candidate).at.is_some_and(|at| at.since(answered) > AFTER_US)
    }

    /// Explains a failure by the best of these records: with how each was joined, and whether to an inner failure.
    fn explain_one(&self, list: &[(usize, How, bool)]) -> Option<Explanation> {
        let gave_up = list.iter().filter_map(|&(c, how, _)| self.gave_up(c, how)).min();
        let best = list
            .iter()
            .filter(|(c, ..)| gave_up.is_none_or(|at| !self.thrown_after(*c, at)))
            .map(|&(c, how, nested)| (self.worth(c, how, nested), how, c))
            .filter(|(w, _, _)| *w > -500)
            .max_by_key(|(w, how, c)| (*w, *how, std::cmp::Reverse(*c)))?;
        let mut e = self.explain_by(best.2, best.1)?;
        if e.cause.class == Class::Upstream
            && e.culprit.as_deref().is_none_or(|c| !c.contains([':', '.', '/']))
        {
            // The line beside it names the peer (Apache writes three for one failure).
            let peer =
                list.iter().filter(|(c, how, _)| *how > How::Time && *c != best.2).find_map(|&(c, _, _)| {
                    let f = self.candidates[c].best().filter(|f| f.cause.class == Class::Upstream);
                    f.and_then(|f| f.culprit.clone())
                        .filter(|c| c.contains(':'))
                        .or_else(|| self.record(c).field("remote").map(str::to_owned))
                });
            if let Some(p) = peer {
                let key = if peerless(&e.cause) { normal_peer(&p) } else { p.clone() };
                let why = Arc::make_mut(&mut e.why);
                why.fingerprint = if outage_face(&why.cause) {
                    format!("outage|{}|{key}", why.cause.class.name())
                } else {
                    format!("{}|{key}", why.cause)
                };
                why.culprit = Some(p);
            }
        }
        Some(e)
    }

    /// A failed call that names no peer (a read timeout) has that of another failed call from the same function.
    pub fn name_peers(&self, explained: &mut [Option<Explanation>]) {
        let caller = |e: &Explanation| {
            let r = self.record(e.candidate?);
            let f = r.exceptions.iter().rev().find_map(Exception::app_frame)?;
            Some((f.file.clone(), f.function.clone()))
        };
        let has_peer = |e: &Explanation| {
            e.culprit.as_deref().is_some_and(|c| {
                c.contains("://")
                    || c.rsplit_once(':').is_some_and(|(h, p)| !h.contains('/') && p.parse::<u16>().is_ok())
            })
        };
        let mut known: HashMap<(String, String), String> = HashMap::new();
        for e in explained.iter().flatten().filter(|e| e.cause.class == Class::Upstream && has_peer(e)) {
            if let (Some(at), Some(c)) = (caller(e), &e.culprit) {
                known.entry(at).or_insert_with(|| c.clone());
            }
        }
        for e in explained.iter_mut().flatten().filter(|e| e.cause.class == Class::Upstream && !has_peer(e)) {
            // Another host that it names stays: what it calls may have been another then.
            let named = e.culprit.clone().filter(|c| !c.contains(['/', ' ']) && !c.contains(':'));
            let fits =
                |c: &&String| named.as_deref().is_none_or(|n| normal_peer(c).starts_with(&normal_peer(n)));
            if let Some(c) = caller(e).and_then(|at| known.get(&at)).filter(fits) {
                let why = Arc::make_mut(&mut e.why);
                why.fingerprint = format!("{}|{}", why.cause, normal_peer(c));
                why.culprit = Some(c.clone());
            }
        }
    }

    /// Symptoms of a dead process ("connection refused", "prematurely closed") get the process's own last words.
    pub fn dig_for_processes(&self, explained: &mut [Option<Explanation>]) {
        let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (k, e) in explained.iter().enumerate() {
            let f = &self.failures[k];
            if !f.counts || f.at.is_none() {
                continue;
            }
            match e {
                Some(e) if e.symptom || (e.cause.class == Class::Upstream && outage_face(&e.cause)) => {
                    groups.entry(e.fingerprint.clone()).or_default().push(k);
                }
                None if matches!(f.status, 502..=504 | 0) => groups.entry("none".into()).or_default().push(k),
                _ => {}
            }
        }
        if groups.is_empty() {
            return;
        }
        let edges: Numbers<u32> = self
            .failures
            .iter()
            .filter(|f| f.counts)
            .filter_map(|f| f.seen.first())
            .map(|&i| self.obs.records[i].source)
            .collect();
        // Last words: findings that concern the whole process, and uncaught errors right before it died.
        let mut words: Vec<(Time, usize)> = Vec::new();
        let one_log = self.obs.logs() == 1;
        for (c, cand) in self.candidates.iter().enumerate() {
            let r = self.record(c);
            let (Some(at), Some(f)) = (r.at, cand.best()) else { continue };
            let alone = edges.len() == 1 && edges.contains(&r.source) && one_log;
            if (edges.contains(&r.source) && !alone && r.format != "plain" && r.service.is_none())
                || f.symptom
            {
                continue;
            }
            // An error that was thrown in a request and names it was handled there.
            let in_request = !r.exceptions.is_empty()
                && r.request.as_ref().is_some_and(|q| crate::join::says_route(&q.target));
            if in_request {
                continue;
            }
            // What a database or another service refuses ends no process, unless it is seen to end.
            let inner = matches!(f.cause.class, Class::Code | Class::Config | Class::Resource);
            let process = (f.scope == Scope::Process && (inner || self.died_after(r, at)))
                || f.cause.is(Class::Resource, "workers-exhausted");
            let kernel =
                f.scope == Scope::Background && matches!(f.cause.class, Class::Resource | Class::Config);
            let fatal = !r.exceptions.is_empty()
                && !outage_face(&f.cause)
                && r.level != Level::Warn
                && self.died_after(r, at);
            if process || kernel || fatal {
                words.push((at, c));
            }
        }
        words.sort_unstable();
        if words.is_empty() {
            return;
        }
        let lasting = self.lasting(&words);
        for list in groups.values() {
            let nearest = |k: usize| -> Option<usize> {
                let at = self.failures[k].at?;
                let took = self.failures[k].duration_us.unwrap_or(0);
                let i = words.partition_point(|(t, _)| *t <= at.plus(took + 3 * SECOND / 2));
                let refused = explained[k].as_ref().is_some_and(|e| e.cause.name == "connection-refused");
                // Logs tell of a request when it ends: what it met may have been said as it began.
                let reach = PROCESS_REACH_US + took.clamp(0, OPEN_US);
                let near = words[..i].iter().rev().take_while(|(t, _)| at.since(*t) <= reach);
                let down = &lasting[lasting.partition_point(|w| at.since(w.at) > DOWN_REACH_US)..];
                let down = down.iter().take_while(|w| at.since(w.at) > reach).filter(|w| at < w.until);
                near.copied()
                    .chain(down.map(|w| (w.at, w.candidate)))
                    // A process without descriptors still listens.
                    .filter(|(_, c)| {
                        !(refused
                            && self.candidates[*c]
                                .best()
                                .is_some_and(|f| f.cause.name == "too-many-open-files"))
                    })
                    .max_by_key(|(t, c)| {
                        let f = self.candidates[*c].best();
                        let weight = f.map_or(0, |f| {
                            i64::from(f.weight)
                                - if f.scope == Scope::Background { 20 } else { 0 }
                                - if f.cause.name == "process-crash" { 40 } else { 0 }
                        });
                        (weight - at.since(*t).abs() / (2 * SECOND), *t)
                    })
                    .map(|(_, c)| c)
            };
            let found: Vec<(usize, usize)> =
                list.iter().filter_map(|&k| nearest(k).map(|c| (k, c))).collect();
            if (found.len() as f64) < 0.5 * list.len() as f64 {
                continue;
            }
            for (k, c) in found {
                explained[k] = self.explain_by(c, How::Time);
            }
        }
    }

    /// The last words of starts that failed, where the log that tells of starts tells of no other for longer than any restart takes.
    /// In the order of time; of one wording none while another holds.
    fn lasting(&self, words: &[(Time, usize)]) -> Vec<Lasting> {
        let mut starts: Numbered<u32, Vec<&Event>> = Numbered::default();
        for e in self.events.list.iter().filter(|e| e.kind == Kind::Up) {
            starts.entry(self.obs.records[e.record].source).or_default().push(e);
        }
        let mut list: Vec<Lasting> = Vec::new();
        let mut known: Numbered<u64, usize> = Numbered::default();
        for &(at, candidate) in words {
            let cand = &self.candidates[candidate];
            let last = cand.best().is_some_and(|f| {
                f.scope != Scope::Background
                    && matches!(f.cause.class, Class::Code | Class::Config | Class::Resource)
                    && f.cause.name != "workers-exhausted"
            });
            let Some(starts) = starts.get(&self.record(candidate).source).filter(|_| last) else { continue };
            // A system's log tells of the starts of many: of this one, what was started right before, and not again.
            let (before, after) = starts.split_at(starts.partition_point(|e| e.at <= at));
            let tried: HashSet<&str> = before
                .iter()
                .rev()
                .take_while(|e| at.since(e.at) <= 2 * PROCESS_REACH_US)
                .map(|e| e.what.as_str())
                .collect();
            if tried.is_empty() {
                continue;
            }
            let again = after
                .iter()
                .take_while(|e| e.at.since(at) <= DOWN_REACH_US)
                .find(|e| tried.contains(e.what.as_str()));
            let until = again.map_or(at.plus(DOWN_REACH_US), |e| e.at);
            if until.since(at) <= PROCESS_REACH_US {
                continue;
            }
            let word = Lasting { at, until, candidate };
            match known.get(&cand.template).and_then(|&i| list.get_mut(i)).filter(|w| w.until > at) {
                Some(w) => *w = word,
                None => {
                    known.insert(cand.template, list.len());
                    list.push(word);
                }
            }
        }
        list.sort_unstable_by_key(|w| (w.at, w.candidate));
        list
    }

    /// Was the process that wrote `r` reported dead or started anew within seconds after?
    fn died_after(&self, r: &Record, at: Time) -> bool {
        let from = self.events.list.partition_point(|e| e.at < at);
        self.events.list[from..].iter().take_while(|e| e.at.since(at) <= 4 * SECOND).any(|e| {
            e.kind == Kind::Down
                && self.obs.records[e.record].source == r.source
                && self.obs.records[e.record].line != r.line
        }) || last_words(r)
    }

    /// Failures that no record explains join those of the same route and status, or the outage they lie in.
    pub fn adopt(&self, explained: &mut [Option<Explanation>]) {
        // What only met a failure in time and was read only in general yields to what explains its likes.
        let weak = |e: &Option<Explanation>| {
            e.as_ref().is_none_or(|e| {
                e.how <= How::Time
                    && (e.finding().is_some_and(|f| f.general) || e.symptom || self.joins.chance > 0.3)
            })
        };
        // (route, method, status) → fingerprint → count
        type Counts<'e> = HashMap<&'e str, (u32, usize)>;
        let mut by_route: HashMap<(&str, &str, u16), Counts<'_>> = HashMap::new();
        let mut by_status: HashMap<u16, Vec<(Time, usize)>> = HashMap::new();
        for (k, e) in explained.iter().enumerate() {
            let f = &self.failures[k];
            if let (Some(e), true) = (e, f.counts) {
                let entry = by_route
                    .entry((&f.route, &f.method, f.status))
                    .or_default()
                    .entry(e.fingerprint.as_str())
                    .or_insert((0, k));
                entry.0 += 1;
                if let Some(t) = f.at {
                    by_status.entry(f.status).or_default().push((t, k));
                }
            }
        }
        for v in by_status.values_mut() {
            v.sort_unstable();
        }
        let mut take: Vec<(usize, usize)> = Vec::new();
        for (k, e) in explained.iter().enumerate() {
            let f = &self.failures[k];
            if !weak(e) || !f.counts {
                continue;
            }
            // The nearest explained failure of the same route and status, if these nearly all have one explanation.
            if let Some(map) = by_route.get(&(&*f.route, &*f.method, f.status)) {
                let total: u32 = map.values().map(|v| v.0).sum();
                if let Some((n, like)) = map.values().max_by_key(|v| v.0)
                    && f64::from(*n) >= 0.75 * f64::from(total)
                    && (total >= 2 || explained[*like].as_ref().is_some_and(|x| outage_face(&x.cause)))
                    && (e.is_none()
                        || (total >= 6
                            && explained[*like].as_ref().map(|x| &x.fingerprint)
                                != e.as_ref().map(|x| &x.fingerprint)))
                {
                    take.push((k, *like));
                    continue;
                }
                if e.is_some() {
                    continue;
                }
            }
            if e.is_some() {
                continue;
            }
            let Some(at) = f.at else { continue };
            if let Some(list) = by_status.get(&f.status) {
                let i = list.partition_point(|(t, _)| *t < at);
                let near: Vec<usize> = list[i.saturating_sub(3)..(i + 3).min(list.len())]
                    .iter()
                    .filter(|(t, _)| t.since(at).abs() <= 10 * SECOND)
                    .map(|(_, k)| *k)
                    .collect();
                let wide = |k: &usize| {
                    explained[*k].as_ref().is_some_and(|e| {
                        outage_face(&e.cause)
                            || e.finding().is_some_and(|f| f.scope != Scope::Request)
                            || e.cause.class == Class::Config
                            || e.cause.class == Class::Resource
                            || matches!(
                                e.cause.name.as_str(),
                                "pool-exhausted" | "too-many-connections" | "timeout"
                            )
                    })
                };
                let first = near.first().and_then(|k| explained[*k].as_ref()).map(|e| &e.fingerprint);
                let same = near.iter().all(|k| explained[*k].as_ref().map(|e| &e.fingerprint) == first);
                if near.len() >= 2 && same && near.iter().all(wide) {
                    take.push((k, near[0]));
                }
            }
        }
        for (k, like) in take {
            explained[k] =
                explained[like].clone().map(|e| Explanation { candidate: None, how: How::Time, ..e });
        }
    }

    /// The groups, most failures first.
    pub fn group(&self, explained: &[Option<Explanation>]) -> Vec<Group> {
        let mut groups: BTreeMap<String, Group> = BTreeMap::new();
        for (k, e) in explained.iter().enumerate() {
            let f = &self.failures[k];
            if !f.counts {
                continue;
            }
            let print = match e {
                Some(e) => e.fingerprint.clone(),
                None => format!("unknown/unexplained|{}", f.status),
            };
            let g = groups
                .entry(print.clone())
                .or_insert_with(|| Group { fingerprint: print, ..Group::default() });
            g.failures.push(k);
            if let Some(e) = e
                && let Some(c) = e.candidate
            {
                g.causes.push((c, e.how));
            }
        }
        let mut list: Vec<Group> = groups.into_values().collect();
        self.fold_outages(&mut list);
        fold_vague(&mut list, explained);
        self.fold_same_call(&mut list);
        self.fold_into_what_opened(&mut list, explained);
        for g in &mut list {
            self.settle(g, explained);
        }
        list.sort_by(|a, b| b.failures.len().cmp(&a.failures.len()).then(a.fingerprint.cmp(&b.fingerprint)));
        list
    }

    /// Outages of one peer said in several ways (by address and by kind of service only) become one group.
    fn fold_outages(&self, list: &mut Vec<Group>) {
        let peer = |g: &Group| {
            g.fingerprint
                .strip_prefix("outage|")
                .and_then(|p| p.split_once('|'))
                .map(|(c, p)| (c.to_owned(), p.to_owned()))
        };
        let span = |g: &Group| {
            let mut t: Vec<Time> = g.failures.iter().filter_map(|&k| self.failures[k].at).collect();
            t.sort_unstable();
            t.first().copied().zip(t.last().copied())
        };
        let mut i = 0;
        while i < list.len() {
            let mut merged = false;
            if let Some((class, me)) = peer(&list[i]) {
                for j in 0..list.len() {
                    if i == j {
                        continue;
                    }
                    let Some((c2, other)) = peer(&list[j]) else { continue };
                    // A name that could not be resolved has no port, and is still the name of one host.
                    let vague = me.is_empty()
                        || !me.contains([':', '/', '.'])
                        || !me.contains([':', '/'])
                            && other.strip_prefix(&me).is_some_and(|p| p.starts_with(':'));
                    let (Some(a), Some(b)) = (span(&list[i]), span(&list[j])) else { continue };
                    let touch = a.0 <= b.1.plus(15 * SECOND) && b.0 <= a.1.plus(15 * SECOND);
                    let same_port = me.rsplit_once(':').map(|x| x.1) == other.rsplit_once(':').map(|x| x.1)
                        && me.contains(':');
                    let smaller = list[i].failures.len() <= list[j].failures.len();
                    if touch
                        && ((c2 == class && (vague || same_port)) || (same_port && smaller))
                        && (vague || smaller)
                    {
                        let g = list.remove(i);
                        let j = if j > i { j - 1 } else { j };
                        list[j].failures.extend(g.failures);
                        list[j].causes.extend(g.causes);
                        merged = true;
                        break;
                    }
                }
            }
            if !merged {
                i += 1;
            }
        }
        self.fold_into_outage(list);
        self.fold_into_descriptors(list);
    }

    /// Waits of one kind in one function of the app are one problem, whether or not the wording named the table.
    fn fold_same_call(&self, list: &mut Vec<Group>) {
        let call = |g: &Group| {
            let name = g.fingerprint.split('|').next()?;
            if !matches!(
                name,
                "database/lock-timeout"
                    | "database/deadlock"
                    | "database/query-timeout"
                    | "database/pool-exhausted"
            ) {
                return None;
            }
            let frame = g
                .causes
                .iter()
                .find_map(|(c, _)| self.record(*c).exceptions.iter().rev().find_map(Exception::app_frame))?;
            Some((name.to_owned(), frame.file.clone(), frame.function.clone()))
        };
        let mut i = 0;
        while i < list.len() {
            let target = call(&list[i]).and_then(|c| (0..i).find(|&j| call(&list[j]).as_ref() == Some(&c)));
            match target {
                Some(j) => {
                    let g = list.remove(i);
                    list[j].failures.extend(g.failures);
                    list[j].causes.extend(g.causes);
                }
                None => i += 1,
            }
        }
    }

    /// What an open circuit breaker refuses fails by what opened it: the failures of a dependency that the same log tells of before.
    fn fold_into_what_opened(&self, list: &mut Vec<Group>, explained: &[Option<Explanation>]) {
        let why = |g: &Group| g.failures.iter().find_map(|&k| explained[k].as_ref()).map(|e| &e.why);
        let breaker = |g: &Group| {
            let open = why(g)?.findings.first().filter(|f| f.signature.starts_with("circuit-breaker"))?;
            Some(open.culprit.clone().unwrap_or_default())
        };
        let source = |g: &Group| g.causes.first().map(|(c, _)| self.record(*c).source);
        let first = |g: &Group| g.failures.iter().filter_map(|&k| self.failures[k].at).min();
        let last = |g: &Group| g.failures.iter().filter_map(|&k| self.failures[k].at).max();
        let mut i = 0;
        while let Some(g) = list.get(i) {
            let Some(name) = breaker(g) else {
                i += 1;
                continue;
            };
            let from = source(g);
            let opened = |other: &Group| {
                let is_dependency =
                    why(other).is_some_and(|w| matches!(w.cause.class, Class::Upstream | Class::Database));
                let before = matches!((first(other), last(other), first(g)),
                    (Some(a), Some(b), Some(open)) if a <= open && open.since(b) <= OPEN_US);
                is_dependency && before && source(other) == from
            };
            let found: Vec<usize> =
                (0..list.len()).filter(|&j| j != i && list.get(j).is_some_and(opened)).collect();
            // Of several dependencies that failed, that which the breaker is named for.
            let name = name.to_ascii_lowercase();
            let is_named = |j: &usize| {
                let culprit = list.get(*j).and_then(|g| why(g)?.culprit.as_deref()).unwrap_or_default();
                !name.is_empty() && culprit.to_ascii_lowercase().contains(&name)
            };
            let target = match found.as_slice() {
                [only] => Some(*only),
                several => several.iter().copied().find(is_named),
            };
            match target {
                Some(j) => {
                    let g = list.remove(i);
                    let j = if j > i { j - 1 } else { j };
                    list[j].failures.extend(g.failures);
                    list[j].causes.extend(g.causes);
                }
                None => i += 1,
            }
        }
    }

    /// With no file descriptor left the wrong layer speaks: connections that "are bad", names that do not resolve.
    fn fold_into_descriptors(&self, list: &mut Vec<Group>) {
        let Some(target) =
            list.iter().position(|g| g.fingerprint.starts_with("resource/too-many-open-files"))
        else {
            return;
        };
        let times: Vec<Time> = list[target].failures.iter().filter_map(|&k| self.failures[k].at).collect();
        let (Some(&from), Some(&to)) = (times.iter().min(), times.iter().max()) else { return };
        let down = self.events.list.iter().any(|e| {
            e.kind == Kind::Down && e.service.is_some() && e.at >= from.plus(-10 * SECOND) && e.at <= to
        });
        if down {
            return;
        }
        let print = list[target].fingerprint.clone();
        let source = list[target].causes.first().map(|(c, _)| self.record(*c).source);
        let mut i = 0;
        while i < list.len() {
            let g = &list[i];
            let vague = g.fingerprint.starts_with("outage|database")
                || g.fingerprint.starts_with("resource/too-many-open-files")
                || g.fingerprint.starts_with("unknown/")
                || (g.fingerprint.starts_with("code/unhandled-exception"))
                || g.fingerprint.starts_with("outage|upstream||");
            let same_writer =
                g.causes.is_empty() || g.causes.first().map(|(c, _)| self.record(*c).source) == source;
            let inside = g
                .failures
                .iter()
                .filter(|&&k| {
                    self.failures[k]
                        .at
                        .is_some_and(|t| t >= from.plus(-10 * SECOND) && t <= to.plus(10 * SECOND))
                })
                .count();
            if g.fingerprint != print && vague && same_writer && inside * 10 >= g.failures.len() * 9 {
                let g = list.remove(i);
                if let Some(t) = list.iter_mut().find(|g| g.fingerprint == print) {
                    t.failures.extend(g.failures);
                    t.causes.extend(g.causes);
                }
            } else {
                i += 1;
            }
        }
    }

    /// A pool that is empty, or a query that times out, while the database itself was reported down, is that outage.
    fn fold_into_outage(&self, list: &mut Vec<Group>) {
        let down: Vec<Time> = self
            .events
            .list
            .iter()
            .filter(|e| {
                e.kind == Kind::Down
                    && e.service
                        .as_deref()
                        .is_some_and(|s| matches!(s, "postgresql" | "mariadb" | "mysql" | "mongodb"))
            })
            .map(|e| e.at)
            .collect();
        if down.is_empty() {
            return;
        }
        let Some(target) = list.iter().position(|g| g.fingerprint.starts_with("outage|database")) else {
            return;
        };
        let mut i = 0;
        let target_print = list[target].fingerprint.clone();
        while i < list.len() {
            let faces = list[i].fingerprint.starts_with("database/pool-exhausted")
                || list[i].fingerprint.starts_with("unknown/");
            let near = list[i]
                .failures
                .iter()
                .filter(|&&k| {
                    self.failures[k].at.is_some_and(|t| {
                        down.iter().any(|d| t.since(*d) >= -SECOND && t.since(*d) <= 60 * SECOND)
                    })
                })
                .count();
            if faces && near * 10 >= list[i].failures.len() * 9 {
                let g = list.remove(i);
                if let Some(t) = list.iter_mut().find(|g| g.fingerprint == target_print) {
                    t.failures.extend(g.failures);
                    t.causes.extend(g.causes);
                }
            } else {
                i += 1;
            }
        }
    }

    /// The cause of the many names the group; the culprit that is named most often is its culprit.
    fn settle(&self, g: &mut Group, explained: &[Option<Explanation>]) {
        g.failures.sort_by_key(|&k| (self.failures[k].at, k));
        let mut causes: HashMap<&Cause, (usize, i32)> = HashMap::new();
        let mut culprits: HashMap<&str, usize> = HashMap::new();
        for &k in &g.failures {
            if let Some(e) = &explained[k] {
                let c = causes.entry(&e.cause).or_default();
                c.0 += 1;
                c.1 = c.1.max(e.finding().map_or(0, |f| i32::from(f.weight)));
            }
        }
        g.cause = causes
            .iter()
            .max_by_key(|(c, (n, w))| (*n, *w, std::cmp::Reverse(**c)))
            .map_or_else(|| Cause::new(Class::Unknown, "unexplained"), |(c, _)| (*c).clone());
        if g.fingerprint.starts_with("resource/too-many-open-files") {
            g.cause = Cause::new(Class::Resource, "too-many-open-files");
        }
        let cause = g.cause.clone();
        for same in [true, false] {
            if culprits.is_empty() {
                let named = g
                    .failures
                    .iter()
                    .filter_map(|&k| explained[k].as_ref())
                    .filter(|e| !same || e.cause == cause);
                for c in named.filter_map(|e| e.culprit.as_deref()) {
                    *culprits.entry(c).or_default() += 1;
                }
            }
        }
        // A place in the code says more than the process that ran it.
        let placed = |c: &str| {
            g.cause.class == Class::Resource
                && c.rsplit_once(':').is_some_and(|(_, n)| n.trim_end_matches(')').parse::<u32>().is_ok())
        };
        g.culprit = culprits
            .into_iter()
            .max_by_key(|(c, n)| (placed(c), *n, std::cmp::Reverse(c.to_string())))
            .map(|(c, _)| c.to_owned());
        // A proxy calls its backend by a name of its own; where the backend said where it listens, that is added.
        if matches!(g.cause.class, Class::Upstream | Class::Database)
            && let Some(c) = g.culprit.clone().filter(|c| !c.contains([':', '/', ' ']))
        {
            let mut at: Vec<&String> = self
                .events
                .names
                .iter()
                .filter(|(a, n)| **n == c && a.contains(':'))
                .map(|(a, _)| a)
                .collect();
            at.sort_unstable();
            if let Some(a) = at.first() {
                g.culprit = Some(format!("{c} ({a})"));
            }
        }
        if let Some(e) = g
            .failures
            .iter()
            .filter_map(|&k| explained[k].as_ref())
            .find(|e| e.cause == g.cause && e.candidate.is_some())
        {
            g.finding = e.own_finding();
        } else if let Some(e) = g.failures.iter().filter_map(|&k| explained[k].as_ref()).next() {
            g.finding = e.own_finding();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_by_its_route() {
        assert_eq!(without_keys("http://127.0.0.1:3000/prices/7"), "http://127.0.0.1:3000/prices/{id}");
        for same in ["http://127.0.0.1:3000", "127.0.0.1:5432", "/srv/app/shop.py:24", "app/17.py:3"] {
            assert_eq!(without_keys(same), same);
        }
    }
}
