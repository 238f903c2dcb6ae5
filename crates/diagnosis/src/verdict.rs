//! From a group of failures to a problem as people read it: title, summary, hops, evidence, reproduction, next steps.

use crate::events::{service_kind, writer_name};
use crate::group::{Group, Scene, app_place};
use crate::inputs;
use crate::join::How;

use crate::problem::{Alternative, Endpoint, Evidence, Hop, HopState, Problem, Timeline, Trigger, Verdict};
use crate::trigger;
use record::{Class, Exception, Level, Numbers, Record, Role, SECOND, Time, TriggerKind, scrub::scrub};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Evidence lines kept per role; more repeats itself.
const EVIDENCE_MAX: usize = 8;
/// Steps of a problem's timeline.
const STEPS: i64 = 60;

/// First words of formats that many programs write.
const ANYBODYS: &[&str] = &[
    "access",
    "combined",
    "common",
    "configured",
    "json",
    "log",
    "logfmt",
    "request",
    "text",
    "timestamps",
    "vhost_combined",
    "w3c",
];

/// What a cause means, how to check and to fix it: from `causes.toml`.
#[derive(Clone, Debug, Default)]
pub(crate) struct CauseText {
    pub meaning: String,
    pub check: Vec<String>,
    pub fix: Vec<String>,
    kinds: Vec<Kind>,
}

/// What a cause is more closely, told by words of its error.
#[derive(Clone, Debug, Default)]
struct Kind {
    meaning: String,
    /// In small letters.
    words: Vec<String>,
    next: Vec<String>,
}

/// A list of texts, or one text, of the catalogue.
fn texts(table: &toml::Table, key: &str) -> Vec<String> {
    match table.get(key) {
        Some(toml::Value::String(s)) => vec![s.clone()],
        Some(toml::Value::Array(a)) => a.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    }
}

impl CauseText {
    fn of(cause: &toml::Table) -> CauseText {
        let kinds = cause.get("kinds").and_then(toml::Value::as_array).into_iter().flatten();
        let kind = |k: &toml::Table| Kind {
            meaning: texts(k, "meaning").pop().unwrap_or_default(),
            words: texts(k, "words").iter().map(|w| w.to_lowercase()).collect(),
            next: texts(k, "next"),
        };
        CauseText {
            meaning: texts(cause, "meaning").pop().unwrap_or_default(),
            check: texts(cause, "check"),
            fix: texts(cause, "fix"),
            kinds: kinds.filter_map(toml::Value::as_table).map(kind).collect(),
        }
    }

    /// The kind that an error is of, by its words.
    fn kind(&self, said: &[&str]) -> Option<&Kind> {
        let said: Vec<String> = said.iter().map(|s| s.to_lowercase()).collect();
        self.kinds.iter().find(|k| k.words.iter().any(|w| said.iter().any(|s| s.contains(w.as_str()))))
    }
}

/// The kind of a group's cause, by what was recognised of the error and by the innermost of its exceptions.
fn kind(g: &Group, r: Option<&Record>) -> Option<&'static Kind> {
    let root = r.and_then(Record::root);
    let said = [g.finding.matched.as_str(), root.map_or("", |e| &e.kind), root.map_or("", |e| &e.message)];
    catalogue().get(&g.cause.to_string())?.kind(&said)
}

/// What a group's cause means.
fn meaning(g: &Group, r: Option<&Record>) -> Option<&'static str> {
    let text = catalogue().get(&g.cause.to_string())?;
    Some(kind(g, r).map_or(text.meaning.as_str(), |k| &k.meaning))
}

pub(crate) fn catalogue() -> &'static HashMap<String, CauseText> {
    static TEXTS: std::sync::OnceLock<HashMap<String, CauseText>> = std::sync::OnceLock::new();
    TEXTS.get_or_init(|| {
        let mut out = HashMap::new();
        let Ok(table) = include_str!("../../../causes.toml").parse::<toml::Table>() else { return out };
        for (class, causes) in table {
            let Some(causes) = causes.as_table() else { continue };
            for (name, cause) in causes {
                let Some(cause) = cause.as_table() else { continue };
                out.insert(format!("{class}/{name}"), CauseText::of(cause));
            }
        }
        out
    })
}

/// The first line that says something; one that only announces what follows (Prisma's "Invalid … invocation:", pydantic's "1 validation
/// error:") with the line after it.
fn first_line(text: &str, max: usize) -> String {
    let mut lines = text.lines().map(str::trim).filter(|l| !l.is_empty());
    let first = lines.next().unwrap_or("");
    let line = match lines.next().filter(|_| first.ends_with(':')) {
        Some(next) => format!("{first} {next}"),
        None => first.to_owned(),
    };
    if line.chars().count() <= max {
        line
    } else {
        format!("{}…", line.chars().take(max - 1).collect::<String>())
    }
}

/// The cause in plain words.
fn title(g: &Group, r: Option<&Record>) -> String {
    if let Some(t) = g.finding.title.as_ref().filter(|_| g.finding.cause == g.cause) {
        // Which setting it is stands in the list and in messages, where there is no room for more than the title.
        let unnamed = g.culprit.as_deref().filter(|c| g.cause.class == Class::Config && !t.contains(*c));
        return match unnamed {
            Some(c) => format!("{t} ({})", short(c)),
            None => t.clone(),
        };
    }
    let at = g.culprit.as_deref().map(|c| format!(" ({})", short(c))).unwrap_or_default();
    let who = g.culprit.as_deref().map_or("the service", short);
    if g.cause.class == Class::Code
        && let Some(e) = r.and_then(|r| r.root())
        && !e.kind.is_empty()
    {
        let message = first_line(&e.message, 100);
        let colon = if message.is_empty() { "" } else { ": " };
        return format!("{}{colon}{message}{at}", e.short_kind());
    }
    // An error value has no type to be named by, only what it says.
    if g.cause.is(Class::Code, "unhandled-exception") && g.finding.general && !g.finding.matched.is_empty() {
        return format!("{}{at}", first_line(&g.finding.matched, 100));
    }
    match (g.cause.class, g.cause.name.as_str()) {
        (Class::Database, "connection-refused") => format!("The database does not accept connections{at}"),
        (Class::Database, "connection-lost") => format!("The database connection broke{at}"),
        (Class::Database, "pool-exhausted") => format!("The connection pool is empty{at}"),
        (Class::Database, "schema-mismatch") => format!("Table or column missing in the database{at}"),
        (Class::Upstream, "connection-refused") => format!("Nothing accepts connections at {who}"),
        (Class::Upstream, "timeout") => format!("No answer in time from {who}"),
        (Class::Unknown, _) => "Failures that nothing in these logs explains".to_owned(),
        _ => {
            let meaning =
                meaning(g, r).map_or_else(|| g.cause.to_string(), |m| m.trim_end_matches('.').to_owned());
            format!("{meaning}{at}")
        }
    }
}

fn short(culprit: &str) -> &str {
    let parts: Vec<_> = culprit.rmatch_indices('/').map(|(i, _)| i).collect();
    match parts.get(2) {
        Some(i) if culprit.starts_with('/') => &culprit[i + 1..],
        _ => culprit,
    }
}

fn quote(scene: &Scene<'_>, r: &Record, line: u64, text: &str, role: Role, why: &str) -> Evidence {
    let (source, line) = scene.obs.place(r.source, line);
    Evidence {
        source: source.to_owned(),
        line,
        at: r.at,
        role,
        text: scrub(if text.is_empty() { &r.message } else { text }).into_owned(),
        why: why.to_owned(),
    }
}

/// Of a quoted line so much is seen on a terminal.
const SHOWN_CHARS: usize = 150;

/// The record's head line, and the line inside it that names the cause, when that is another one.
fn quotes(scene: &Scene<'_>, r: &Record, matched: &str, role: Role, why: &str) -> Vec<Evidence> {
    let mut out = vec![quote(scene, r, r.line, &r.text, role, why)];
    let mut lines: Vec<(u64, &str)> = Vec::new();
    // Of a message that one line of the file carries, escaped, all lines stand there.
    let said = r.message.lines().count() as u64;
    let inner = if r.lines == 0 { 0 } else { said.saturating_sub(u64::from(r.lines)) };
    let wanted = matched.lines().next().unwrap_or("").trim();
    let root = r.root().map(|e| e.message.lines().next().unwrap_or("").trim()).filter(|m| !m.is_empty());
    for (i, l) in r.message.lines().enumerate().skip(1) {
        let t = l.trim();
        if t.is_empty() {
            continue;
        }
        let is_match = (!wanted.is_empty() && t.contains(wanted))
            || (wanted.len() > 12 && wanted.contains(t) && t.len() > 12);
        let is_root = root.is_some_and(|m| t.contains(m))
            && r.root()
                .is_some_and(|e| e.kind.is_empty() || t.contains(e.short_kind()) || t == e.message.trim());
        if is_match || is_root {
            lines.push((r.line + (i as u64).saturating_sub(inner), l));
        }
    }
    lines.dedup();
    // Far inside of a long line, most of it JSON, nobody finds it.
    let shown = r.text.char_indices().nth(SHOWN_CHARS).map_or(r.text.len(), |(i, _)| i);
    let begin: String = wanted.chars().take(40).collect();
    let holds = || r.message.contains(wanted) || r.fields.iter().any(|(_, v)| v.contains(wanted));
    if lines.is_empty()
        && begin.len() > 12
        && !r.text[..shown].contains(&begin)
        && shown < r.text.len()
        && holds()
    {
        out.push(quote(scene, r, r.line, wanted, role, "the error itself"));
    }
    for (no, l) in lines.into_iter().take(3) {
        if !r.text.contains(l.trim()) {
            out.push(quote(scene, r, no, l.trim_end(), role, "the error itself"));
        }
    }
    out
}

fn evidence(scene: &Scene<'_>, g: &Group, t: &crate::problem::Trigger) -> Vec<Evidence> {
    let mut out: Vec<Evidence> = Vec::new();
    // Cause: distinct wordings, the best joined first, the earliest of each.
    let mut causes = g.causes.clone();
    causes.sort_by_key(|(c, how)| {
        let f = scene.candidates[*c].best();
        (
            std::cmp::Reverse(f.is_some_and(|f| f.cause == g.cause)),
            std::cmp::Reverse(*how),
            scene.record(*c).at,
            *c,
        )
    });
    let mut wordings = HashSet::new();
    for (c, how) in &causes {
        let cand = &scene.candidates[*c];
        if wordings.len() >= 4 || !wordings.insert(cand.template) {
            continue;
        }
        let matched = cand.best().map_or("", |f| f.matched.as_str());
        out.extend(quotes(scene, scene.record(*c), matched, Role::Cause, how.reason()));
    }
    out.truncate(EVIDENCE_MAX);
    // What else was joined to these failures: symptoms, and like findings in deeper logs.
    let members: Numbers<usize> = g.failures.iter().copied().collect();
    let mut seen = wordings.clone();
    let (mut symptoms, mut context) = (0, 0);
    for j in &scene.joins.list {
        let parent = scene.failures[j.failure].parent;
        if !members.contains(&j.failure) && !parent.is_some_and(|p| members.contains(&p)) {
            continue;
        }
        let cand = &scene.candidates[j.candidate];
        if cand.ledger
            || !seen.insert(cand.template)
            || (scene.joins.is_noise(cand.template) && j.how != How::Same)
        {
            continue;
        }
        let r = scene.record(j.candidate);
        match cand.best() {
            Some(f)
                if f.cause == g.cause
                    && !f.symptom
                    && r.level >= Level::Error
                    && (j.how > How::Time || !f.general) =>
            {
                out.extend(quotes(scene, r, &f.matched, Role::Cause, j.how.reason()).into_iter().take(2));
            }
            Some(f) if symptoms < 3 => {
                symptoms += 1;
                let why = if f.symptom { "symptom of something deeper" } else { j.how.reason() };
                out.push(quote(scene, r, r.line, &r.text, Role::Symptom, why));
            }
            None if context < 2 && r.level >= Level::Warn => {
                context += 1;
                out.push(quote(scene, r, r.line, &r.text, Role::Context, j.how.reason()));
            }
            _ => {}
        }
    }
    // One line of the ledger, and the event that set it off.
    if let Some(&i) = g.failures.first().and_then(|&k| scene.failures[k].seen.first()) {
        let r = &scene.obs.records[i];
        let place = scene.obs.place(r.source, r.line);
        if r.is_ledger() && !out.iter().any(|e| (e.source.as_str(), e.line) == place) {
            out.push(quote(scene, r, r.line, &r.text, Role::Symptom, "the first failed request"));
        }
    }
    if let Some(at) = t.at
        && let Some(e) = scene
            .events
            .list
            .iter()
            .find(|e| e.at == at && t.what.as_ref().is_some_and(|w| w.ends_with(&e.what)))
    {
        let r = &scene.obs.records[e.record];
        out.push(quote(scene, r, r.line, &r.text, Role::Context, "what set it off"));
    }
    out
}

fn endpoints(scene: &Scene<'_>, g: &Group) -> Vec<Endpoint> {
    let mut map: BTreeMap<(&str, &str), (u64, &str, Option<usize>)> = BTreeMap::new();
    for &k in &g.failures {
        let f = &scene.failures[k];
        if f.target.is_empty() && f.method.is_empty() {
            continue;
        }
        let e = map.entry((&f.method, &f.route)).or_insert_with(|| (0, &f.target, f.stream));
        e.0 += 1;
    }
    let mut list: Vec<Endpoint> = map
        .into_iter()
        .map(|((method, route), (count, example, stream))| {
            let healthy =
                stream.and_then(|s| scene.obs.streams[s].traffic.seen(method, route)).map(|r| r.healthy);
            let failed = scene
                .failures
                .iter()
                .filter(|f| f.counts && *f.method == *method && *f.route == *route)
                .count() as u64;
            Endpoint {
                requests: stream.map(|_| healthy.unwrap_or(0) + failed),
                method: method.to_owned(),
                route: route.to_owned(),
                count,
                example: scrub(example).into_owned(),
            }
        })
        .collect();
    list.sort_by(|a, b| b.count.cmp(&a.count).then(a.route.cmp(&b.route)));
    list
}

fn hops(scene: &Scene<'_>, g: &Group) -> Vec<Hop> {
    let mut out: Vec<Hop> = Vec::new();
    let push = |out: &mut Vec<Hop>, name: String, address: Option<String>, state: HopState| {
        if let Some(h) = out.iter_mut().find(|h| h.name == name) {
            if state == HopState::Broken {
                h.state = HopState::Broken;
            }
            if h.address.is_none() {
                h.address = address;
            }
        } else if !name.is_empty() {
            out.push(Hop { name, address, state });
        }
    };
    push(&mut out, "client".into(), None, HopState::Ok);
    let names = |r: &Record| {
        let path = scene.obs.paths.get(r.source as usize).map_or("", String::as_str);
        let w = writer_name(r.service.as_deref(), path);
        if !matches!(w.as_str(), "access" | "error" | "access_log" | "error_log" | "logs") {
            return w;
        }
        // The name of a form that any server may write tells nothing of who wrote it: the file is what people know.
        let software = r.format.split(' ').next().filter(|f| !ANYBODYS.contains(f));
        let file = path.rsplit('/').next().filter(|f| !f.is_empty());
        software.or(file).unwrap_or("server").to_owned()
    };
    let mut upstream = None;
    // One failure shows the way: that which most logs saw.
    let fullest =
        g.failures.iter().copied().max_by_key(|&k| (scene.failures[k].seen.len(), std::cmp::Reverse(k)));
    if let Some(k) = fullest {
        for &i in &scene.failures[k].seen {
            let r = &scene.obs.records[i];
            push(&mut out, names(r), None, HopState::Symptom);
            upstream = upstream.or_else(|| r.request.as_ref().and_then(|q| q.upstream.clone()));
        }
    }
    let cause = g.causes.first().map(|(c, _)| scene.record(*c));
    if let Some(r) = cause {
        let path = scene.obs.paths.get(r.source as usize).map_or("", String::as_str);
        let name = service_kind(r.format, path).map_or_else(|| names(r), str::to_owned);
        push(&mut out, name, upstream, HopState::Symptom);
    }
    match g.cause.class {
        Class::Database | Class::Upstream => {
            let name = g.finding.service.clone().or_else(|| {
                let key = crate::group::normal_peer(g.culprit.as_deref().unwrap_or(""));
                scene.events.names.get(&key).cloned().or_else(|| {
                    scene.events.addresses.iter().find(|(_, v)| v.contains(&key)).map(|(k, _)| k.clone())
                })
            });
            let name = name.unwrap_or_else(|| {
                if g.cause.class == Class::Database {
                    "database".into()
                } else {
                    g.culprit.clone().unwrap_or_else(|| "upstream".into())
                }
            });
            let address = g.culprit.clone().filter(|c| c.contains(':') && *c != name);
            push(&mut out, name, address, HopState::Broken);
        }
        Class::Unknown => {}
        _ => {
            if let Some(h) = out.last_mut() {
                h.state = HopState::Broken;
            }
        }
    }
    out
}

fn timeline(times: &[Time], from: Time, to: Time) -> Timeline {
    let span = (to.since(from) + 1).max(1);
    let nice =
        [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400, 604_800];
    let want = span / STEPS;
    let step = nice.iter().map(|s| s * SECOND).find(|s| *s >= want).unwrap_or(want.max(1));
    let start = Time(from.0.div_euclid(step) * step);
    let n = usize::try_from(to.since(start) / step + 1).unwrap_or(1).min(400);
    let mut failed = vec![0u64; n];
    for t in times {
        if let Some(slot) = usize::try_from(t.since(start) / step).ok().and_then(|i| failed.get_mut(i)) {
            *slot += 1;
        }
    }
    Timeline { start, step_us: step, failed, requests: Vec::new() }
}

/// Requests and failures over the whole range.
pub(crate) fn traffic(scene: &Scene<'_>, edges: &[usize]) -> Timeline {
    let Some((from, to)) = scene.obs.range else { return Timeline::default() };
    let times: Vec<Time> = scene.failures.iter().filter(|f| f.counts).filter_map(|f| f.at).collect();
    let mut t = timeline(&times, from, to);
    if t.step_us > 0 && !edges.is_empty() {
        t.requests = vec![0; t.failed.len()];
        for &e in edges {
            for (at, n) in scene.obs.streams[e].traffic.over_time(t.step_us) {
                if let Some(slot) =
                    usize::try_from(at.since(t.start) / t.step_us).ok().and_then(|i| t.requests.get_mut(i))
                {
                    *slot += n;
                }
            }
        }
    }
    t
}

/// Hosts that records joined to these failures were asked for.
fn hosts<'a>(scene: &'a Scene<'_>, of: impl Fn(usize) -> bool) -> impl Iterator<Item = &'a String> {
    let joins = scene.joins.list.iter().filter(move |j| of(j.failure));
    joins.filter_map(|j| scene.record(j.candidate).request.as_ref()?.host.as_ref())
}

fn curl(scene: &Scene<'_>, g: &Group) -> Option<String> {
    let asked = || g.failures.iter().copied().filter(|&k| scene.failures[k].target.starts_with('/'));
    // One that changes nothing and needs no body, if there is one.
    let reads = |k: &usize| matches!(&*scene.failures[*k].method, "GET" | "HEAD");
    let k = asked().find(reads).or_else(|| asked().next())?;
    let f = &scene.failures[k];
    let seen = f.seen.iter().filter_map(|&i| scene.obs.request(i)).find_map(|q| q.host.as_ref());
    let mut host = seen.or_else(|| hosts(scene, |of| of == k).next());
    // nginx's `$host` has no port, the line of its error log has.
    if let Some(bare) = host.filter(|h| !h.contains(':')) {
        let members: Numbers<usize> = g.failures.iter().copied().collect();
        let whole = |h: &&String| h.strip_prefix(bare.as_str()).is_some_and(|port| port.starts_with(':'));
        host = hosts(scene, |of| members.contains(&of)).find(whole).or(host);
    }
    let quote = |s: &str| s.replace('\'', "'\\''");
    let method = match &*f.method {
        "" | "GET" => String::new(),
        "HEAD" => " --head".into(),
        m => format!(" -X {}", quote(m)),
    };
    let body = if matches!(&*f.method, "POST" | "PUT" | "PATCH") { " --data '…'" } else { "" };
    Some(format!(
        "curl -sS -i{method}{body} 'http://{}{}'",
        quote(&scrub(host.map_or("HOST", String::as_str))),
        quote(&scrub(&f.target))
    ))
}

fn confidence(g: &Group, inferred: bool) -> f64 {
    if g.cause.class == Class::Unknown {
        return 0.3;
    }
    let n = g.failures.len().max(1) as f64;
    let by_identity = g.causes.iter().filter(|(_, how)| *how >= How::Request).count() as f64;
    let near = g.causes.iter().filter(|(_, how)| *how >= How::Neighbour).count() as f64;
    let mut c: f64 = if by_identity / n >= 0.5 {
        0.92
    } else if near / n >= 0.5 {
        0.85
    } else if g.causes.len() as f64 / n >= 0.5 {
        0.74
    } else {
        0.66
    };
    if inferred {
        c = c.min(0.85);
    }
    let by_order = g.causes.iter().filter(|(_, how)| *how == How::Order).count() as f64;
    if by_order / n >= 0.5 {
        c = c.min(0.6);
    }
    if g.finding.symptom {
        c = c.min(0.62);
    }
    if g.finding.general {
        c = c.min(if g.finding.weight >= 40 { 0.78 } else { 0.6 });
    }
    if g.finding.weight < 40 {
        c = c.min(0.65);
    }
    (c * 100.0).round() / 100.0
}

/// Characters of what an error says, in the sentence of why.
const WHAT_CHARS_MAX: usize = 160;

fn summary(g: &Group, t: &crate::problem::Trigger, r: Option<&Record>) -> String {
    let meaning = meaning(g, r).unwrap_or_default();
    let n = g.failures.len();
    let requests = if n == 1 { "1 request".to_owned() } else { format!("{n} requests") };
    let mut s = if g.cause.class == Class::Unknown {
        format!("{requests} failed and no line in these logs says why.")
    } else {
        let matched = g.finding.matched.lines().find(|l| !l.trim().is_empty()).unwrap_or("").trim();
        // Of a chain that is told in one line the reason stands at its end, where it would be cut: the innermost error says it.
        let is_cut = matched.chars().count() > WHAT_CHARS_MAX;
        let root = r.and_then(Record::root).map(|e| match e.message.is_empty() {
            true => e.kind.clone(),
            false => format!("{}: {}", e.short_kind(), first_line(&e.message, 140)),
        });
        let what = root
            .filter(|w| !w.is_empty() && (g.cause.class == Class::Code || is_cut))
            .or_else(|| Some(first_line(matched, WHAT_CHARS_MAX)).filter(|m| !m.is_empty()));
        let place = g.culprit.as_deref().map(|c| format!(" at {c}")).unwrap_or_default();
        match what {
            Some(w) => {
                format!("{requests} failed{place}: {} “{}”.", meaning.trim_end_matches('.'), scrub(&w))
            }
            None => format!("{requests} failed{place}: {meaning}"),
        }
    };
    if let (Some(at), Some(clause)) = (t.at, t.clause()) {
        let what = t.told().map(|w| format!(" ({})", scrub(w))).unwrap_or_default();
        s.push_str(&format!(" It began at {at}, {clause}{what}."));
    }
    s
}

/// The innermost exception. Where it was thrown in a library, the exceptions around it say which of the service's own code asked for
/// that: their frames of it follow.
fn stack(r: &Record) -> Option<Exception> {
    let mut e = r.root()?.clone();
    e.message = scrub(&e.message).into_owned();
    if !e.frames.iter().any(|f| f.in_app) {
        let around = r.exceptions.iter().rev().skip(1).find(|e| e.frames.iter().any(|f| f.in_app));
        let own = around.into_iter().flat_map(|e| &e.frames).filter(|f| f.in_app);
        e.frames.extend(own.cloned());
    }
    Some(e)
}

fn next_steps(scene: &Scene<'_>, g: &Group, t: &crate::problem::Trigger, r: Option<&Record>) -> Vec<String> {
    let mut out: Vec<String> = g.finding.next.clone();
    let kind = kind(g, r).map_or(&[][..], |k| &k.next);
    out.extend_from_slice(kind);
    if g.cause.class == Class::Unknown {
        let path = |f: &crate::ledger::Failure| {
            f.seen.first().and_then(|&i| scene.obs.paths.get(scene.obs.records[i].source as usize)).cloned()
        };
        let ledger = g.failures.first().and_then(|&k| path(&scene.failures[k])).unwrap_or_default();
        let own = |c: &crate::Candidate| {
            !c.ledger
                && scene
                    .obs
                    .paths
                    .get(scene.obs.records[c.record].source as usize)
                    .is_some_and(|p| *p == ledger)
        };
        out.push(if scene.candidates.iter().any(own) {
            format!("{ledger} does not say why these failed: log the error with its place where the request is answered.")
        } else {
            format!("Bring the application's own log of that time as well: {ledger} only counts requests.")
        });
    }
    if t.kind == TriggerKind::Deploy
        && let Some(w) = t.told()
    {
        out.push(format!(
            "It began with a deploy ({w}): compare that release with the one before, or roll it back."
        ));
    }
    // What helps with one kind says all that what helps with any would.
    if let Some(text) = catalogue().get(&g.cause.to_string()).filter(|_| kind.is_empty()) {
        // That the application's log is wanted was said, with the name of the log that lacks it.
        let said = usize::from(g.cause.class == Class::Unknown);
        out.extend(text.check.iter().skip(said).take(2).cloned());
        out.extend(text.fix.iter().take(2).cloned());
    }
    if out.is_empty()
        && let Some(c) = &g.culprit
    {
        out.push(format!("Look at {c}."));
    }
    let mut seen = HashSet::new();
    out.retain(|s| seen.insert(s.clone()));
    out.truncate(6);
    out.into_iter().map(|s| scrub(&s).into_owned()).collect()
}

/// Makes the problem of a group. `begun`: as in [`crate::Settings`].
pub(crate) fn problem(
    scene: &Scene<'_>,
    g: &Group,
    others: &[Alternative],
    inferred: bool,
    begun: &HashMap<String, Trigger>,
) -> Problem {
    let id = format!("{:016x}", fnv(&g.fingerprint));
    let trigger = begun.get(&id).cloned().unwrap_or_else(|| trigger::trigger(scene, g));
    let mut causes = g.causes.clone();
    causes.sort_by_key(|(c, how)| {
        (
            std::cmp::Reverse(scene.candidates[*c].best().is_some_and(|f| f.cause == g.cause)),
            std::cmp::Reverse(*how),
            *c,
        )
    });
    let cause_record = causes.first().map(|(c, _)| scene.record(*c));
    let times: Vec<Time> = g.failures.iter().filter_map(|&k| scene.failures[k].at).collect();
    let mut statuses = BTreeMap::new();
    for &k in &g.failures {
        *statuses.entry(scene.failures[k].status).or_insert(0) += 1;
    }
    if inferred {
        // A status nobody logged is not claimed.
        statuses.remove(&0);
    }
    let (from, to) = scene.obs.range.unwrap_or_default();
    let mut culprit = g.culprit.clone();
    if culprit.is_none()
        && let Some(r) = cause_record
    {
        culprit = app_place(&r.exceptions).map(|p| p.0);
    }
    if culprit.is_none() && g.cause.class != Class::Unknown {
        culprit = endpoints(scene, g)
            .first()
            .map(|e| format!("{} {}", e.method, e.route).trim().to_owned())
            .filter(|c| !c.is_empty())
            .or_else(|| g.finding.service.clone());
    }
    let mut p = Problem {
        id,
        title: String::new(),
        count: g.failures.len() as u64,
        counts_inferred: inferred,
        first_seen: times.first().copied(),
        last_seen: times.last().copied(),
        statuses,
        endpoints: endpoints(scene, g),
        alternatives: others.to_vec(),
        hops: hops(scene, g),
        evidence: evidence(scene, g, &trigger),
        exception: cause_record.and_then(stack),
        reproduce: curl(scene, g),
        timeline: if times.is_empty() { Timeline::default() } else { timeline(&times, from, to) },
        inputs: inputs::separate(scene, g).into_iter().map(|s| scrub(&s).into_owned()).collect(),
        ended: trigger::ended(scene, g),
        code: None,
        verdict: Verdict {
            cause: g.cause.clone(),
            culprit: culprit.map(|c| scrub(&c).into_owned()),
            confidence: confidence(g, inferred),
            summary: summary(g, &trigger, cause_record),
            next_steps: next_steps(scene, g, &trigger, cause_record),
            trigger,
        },
    };
    p.title = scrub(&title(g, cause_record)).into_owned();
    if let Some(w) = &p.verdict.trigger.what {
        p.verdict.trigger.what = Some(scrub(w).into_owned());
    }

    p
}

/// FNV-1a: the id of a problem must be the same on every machine and in every version.
pub(crate) fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3))
}
