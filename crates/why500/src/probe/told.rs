//! Findings as problems of a report: what fails, with which request, why as far as logs or the answer say, what to do.

use ::probe::case::Site;
use ::probe::checks::{self, Leak};
use ::probe::explore::{Exchange, Finding, Times, said};
use ::probe::operation::Operation;
use ::probe::{Answer, End};
use diagnosis::{Endpoint, Evidence, Hop, HopState, Problem, Timeline, Trigger, Verdict};
use record::{Cause, Class, Role, TriggerKind};
use std::collections::BTreeMap;

/// Other ways to the same fault that are told.
const ALSO_MAX: usize = 5;
/// Characters of a value in a sentence.
const VALUE_CHARS_MAX: usize = 60;
/// A value in what a shell takes out of an answer: `"id": 7`, `"id":"a-7"`.
const TAKE: &str = r#""\{0,1\}\([^",}]*\)"#;

/// One finding with what explains it.
pub struct Told {
    /// As it was found.
    pub finding: Finding,
    /// What the logs or the answer say.
    pub inner: Option<Problem>,
}

/// The problem that findings tell: several are one fault.
pub fn problem(told: &[Told], ops: &[Operation], base: &str) -> Option<Problem> {
    let first = told.first()?;
    let f = &first.finding;
    let op = ops.get(f.op)?;
    let last = f.exchanges.last()?;
    let when = when(f, ops);
    let mut p = first.inner.clone().unwrap_or_default();
    let explained = first.inner.is_some();
    p.id = id(f, op);
    let what = ended(&last.answer);
    p.count = told.iter().map(|t| t.finding.count as u64).sum();
    p.counts_inferred = false;
    let times = told.iter().flat_map(|t| &t.finding.exchanges).map(|x| record::Time(x.answer.at_us));
    p.first_seen = times.clone().min();
    p.last_seen = times.max();
    p.statuses = BTreeMap::new();
    p.endpoints = Vec::new();
    for t in told {
        let Some(x) = t.finding.exchanges.last() else { continue };
        let n = t.finding.count as u64;
        *p.statuses.entry(x.answer.status).or_default() += n;
        let Some(op) = ops.get(t.finding.op) else { continue };
        match p.endpoints.iter_mut().find(|e| e.method == op.method && e.route == op.path) {
            Some(e) => e.count += n,
            None => p.endpoints.push(Endpoint {
                method: x.request.method.clone(),
                route: op.path.clone(),
                count: n,
                requests: None,
                example: x.request.target.clone(),
            }),
        }
    }
    let data = !matches!(f.family.as_str(), "always" | "race");
    p.verdict.trigger = Trigger {
        kind: match f.family.as_str() {
            "race" => TriggerKind::Traffic,
            "always" => TriggerKind::None,
            _ => TriggerKind::Data,
        },
        at: None,
        what: data.then(|| when.clone()),
    };
    if explained {
        p.title = format!("{}: {}", sentence(op, what, &when), p.title);
        p.verdict.summary = format!("{}. {}", sentence(op, what, &when), at_once(&p.verdict.summary));
    } else {
        p.title = sentence(op, what, &when);
        p.verdict = unexplained(f, op, &last.answer, &when, what, p.verdict);
    }
    if let (Some(shows), true, false) = (&f.shows, f.contrast.is_some(), explained) {
        p.inputs.push(format!("Such requests fail where {shows}."));
    }
    if f.variants.len() > 1 {
        let of = f.sites.first().map(|s| format!(" with {} as", s.shown(op))).unwrap_or_default();
        p.inputs.push(format!("Fails{of} {}.", f.variants.join(", ")));
    }
    let also: Vec<String> = told
        .iter()
        .skip(1)
        .filter_map(|t| Some((ops.get(t.finding.op)?, self::when(&t.finding, ops))))
        .map(|(o, when)| if o.name == op.name { when } else { format!("{} {when}", o.name) })
        .collect();
    if !also.is_empty() {
        let more = also.len().saturating_sub(ALSO_MAX);
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        let first: Vec<&str> = also.iter().take(ALSO_MAX).map(String::as_str).collect();
        p.inputs.push(format!("Fails by the same error {}{more}.", first.join("; ")));
    }
    let documented = !op.answers.is_empty();
    if documented && last.answer.status >= 500 && !op.tells(last.answer.status) {
        p.inputs.push(format!("The description does not tell of {}.", last.answer.status));
    }
    let media = last.answer.media();
    let usual = op.answers.values().flat_map(|a| &a.media).find(|m| ::probe::operation::is_json(m));
    if let (Some(usual), false) = (usual, media.is_empty() || media.contains("json")) {
        p.inputs.push(format!("The error comes as {media}, where {usual} is what is described: clients that parse it fail once more."));
    }
    let healthy = match f.contrast {
        Some(status) => {
            format!("the smallest request that fails; the nearest that does not is answered {status}")
        }
        None => "the smallest request that fails; none was found that does not".to_owned(),
    };
    p.evidence.insert(
        0,
        Evidence {
            source: "probe".into(),
            line: 0,
            at: Some(record::Time(last.answer.at_us)),
            role: Role::Symptom,
            text: format!(
                "{} {} → {}",
                last.request.method,
                short(&last.request.target),
                shown_answer(&last.answer)
            ),
            why: if f.again { healthy } else { "seen once, not when it was sent again".to_owned() },
        },
    );
    for leak in leaks(told) {
        p.evidence.push(Evidence {
            source: "the answer's body".into(),
            line: 0,
            at: None,
            role: Role::Context,
            text: leak.quote.clone(),
            why: format!(
                "tells everybody {}: an answer should hold an error id and nothing of the program",
                leak.what
            ),
        });
    }
    if p.hops.len() < 2 {
        let hop = |name: &str, state| Hop { name: name.into(), address: None, state };
        p.hops = vec![
            hop("client", HopState::Ok),
            hop(base.split("://").nth(1).unwrap_or(base), HopState::Broken),
        ];
    }
    p.reproduce = Some(reproduce(f, base));
    p.timeline = Timeline::default();
    Some(p)
}

/// A verdict where nobody tells more than the status.
fn unexplained(
    f: &Finding,
    op: &Operation,
    answer: &Answer,
    when: &str,
    what: &str,
    mut v: Verdict,
) -> Verdict {
    let by_input = f.contrast.is_some() && f.family != "always" && f.family != "race";
    let own_error = answer.end == End::Answered && answer.status == 500;
    v.cause = if by_input && own_error {
        // The program itself answers 500 to one input and not to another: it raised an error that nothing caught.
        Cause::new(Class::Code, "unhandled-exception")
    } else {
        Cause::new(Class::Unknown, "unexplained")
    };
    v.culprit = Some(op.name.clone());
    v.confidence = if by_input && own_error { 0.4 } else { 0.2 };
    v.summary = format!(
        "{}. No log was at hand: the server's own error for this request says why.",
        sentence(op, what, when)
    );
    v.next_steps = vec![
        "Run it again with --logs PATH (the server's logs) or --server URL (a running why500 serve): the same finding then says why.".into(),
        "Send the request below and look for the error that the server writes at that instant.".into(),
        "Refuse such input with a 4xx that says what is wrong with it, and keep the request as a test.".into(),
    ];
    v
}

/// `GET /products answers 500 when query parameter page is -1`.
fn sentence(op: &Operation, what: &str, when: &str) -> String {
    let mut said = format!("{} {what}", op.name);
    if !when.is_empty() {
        said.push(' ');
        said.push_str(when);
    }
    said
}

/// What a diagnosis says of one request, without counting it.
fn at_once(summary: &str) -> String {
    match summary.strip_prefix("1 request failed ").map(str::to_owned) {
        Some(rest) => {
            let mut letters = rest.chars();
            letters.next().map_or_else(String::new, |c| c.to_uppercase().chain(letters).collect())
        }
        None => summary.to_owned(),
    }
}

/// How it ended, as a verb: `answers 500`.
fn ended(a: &Answer) -> &'static str {
    if a.end == End::Answered && a.status < 500 && !checks::leaks(a).is_empty() {
        return "tells too much";
    }
    match (&a.end, a.status) {
        (End::TimedOut, _) => "does not answer in time",
        (End::Cut, _) => "cuts the connection",
        (End::Broken(_), _) => "answers what is no HTTP",
        (_, 500) => "answers 500",
        (_, 501) => "answers 501",
        (_, 502) => "answers 502",
        (_, 503) => "answers 503",
        (_, 504) => "answers 504",
        (_, 200..=299) => "answers an error as if all were well",
        _ => "answers 5xx",
    }
}

fn shown_answer(a: &Answer) -> String {
    let ms = a.took_us / 1000;
    match &a.end {
        End::Answered => format!("{} after {ms} ms, {} bytes {}", a.status, a.bytes, a.media()),
        End::TimedOut => format!("no answer within {ms} ms"),
        End::Cut => format!("connection cut after {ms} ms"),
        End::Broken(why) => format!("no HTTP: {why}"),
        End::NotReached(why) | End::NotSent(why) => why.clone(),
    }
}

/// When it fails, as the end of a sentence: `when query parameter page is -1`.
pub fn when(f: &Finding, ops: &[Operation]) -> String {
    let (Some(step), Some(op)) = (f.trial.steps.last(), ops.get(f.op)) else { return String::new() };
    if f.trial.steps.len() > 1 {
        let before: Vec<&str> = f
            .trial
            .steps
            .iter()
            .rev()
            .skip(1)
            .rev()
            .filter_map(|s| ops.get(s.op))
            .map(|o| o.name.as_str())
            .collect();
        return format!("after {}", before.join(", then "));
    }
    match f.trial.times {
        Times::AtOnce(n) => return format!("when it is sent {n} times at once"),
        Times::InTurn(n) => return format!("when it is sent {n} times in a row"),
        Times::Once => {}
    }
    if f.sites.is_empty() {
        // A page takes nothing.
        let takes = !op.params.is_empty() || op.body.is_some();
        return if takes { "whatever was sent".to_owned() } else { String::new() };
    }
    let one = |site: &Site| {
        let place = site.shown(op);
        let value = said(&step.case, site, op);
        match (site, value.as_str()) {
            (Site::Param(_) | Site::Member(_), "nothing") => format!("{place} is left out"),
            (Site::Param(_) | Site::Member(_), "\"\"") => format!("{place} is empty"),
            (Site::Body, "nothing" | "") => "no body is sent".to_owned(),
            (Site::Media, "nothing") => "no content type is told".to_owned(),
            (Site::Path, _) => format!("the path is {}", f.exchanges.last().map_or("", |x| x.request.path())),
            (Site::Auth, _) => "the credentials are others".to_owned(),
            (Site::Member(_), _) if f.family == "nesting" => format!("{place} is nested deep"),
            (_, v) if v.len() > VALUE_CHARS_MAX => format!("{place} is long: {}", short(v)),
            (_, v) => format!("{place} is {v}"),
        }
    };
    format!("when {}", f.sites.iter().map(one).collect::<Vec<_>>().join(" and "))
}

fn short(text: &str) -> String {
    if text.chars().count() <= VALUE_CHARS_MAX {
        return text.to_owned();
    }
    format!("{}…", text.chars().take(VALUE_CHARS_MAX).collect::<String>())
}

/// Same fault, same id, from run to run: operation, place and family, not the value.
fn id(f: &Finding, op: &Operation) -> String {
    let sites: Vec<String> = f.sites.iter().map(|s| s.shown(op)).collect();
    let steps: Vec<usize> = f.trial.steps.iter().map(|s| s.op).collect();
    let chain = if steps.len() > 1 { steps.len() } else { 0 };
    let status = f.exchanges.last().map_or(0, |x| x.answer.status);
    format!("{:016x}", record::hash(("probe", &op.name, sites, &f.family, chain, status)))
}

/// What the answers leak, each kind once.
fn leaks(told: &[Told]) -> Vec<Leak> {
    let mut out: Vec<Leak> = Vec::new();
    for x in told.iter().filter_map(|t| t.finding.exchanges.last()) {
        for leak in checks::leaks(&x.answer) {
            if !out.iter().any(|l| l.id == leak.id) {
                out.push(leak);
            }
        }
    }
    out
}

/// Commands for a shell that send what fails; what an earlier answer tells is taken out of it.
fn reproduce(f: &Finding, base: &str) -> String {
    let n = f.exchanges.len();
    let steps = f.trial.steps.len();
    if steps <= 1 {
        let Some(x) = f.exchanges.last() else { return String::new() };
        let one = x.request.curl(base);
        return match f.trial.times {
            Times::Once => one,
            Times::AtOnce(m) => format!("for i in $(seq {m}); do {one} & done; wait"),
            Times::InTurn(m) => format!("for i in $(seq {m}); do {one}; done"),
        };
    }
    let mut lines: Vec<String> = Vec::new();
    for (i, x) in f.exchanges.iter().take(steps.min(n)).enumerate() {
        let mut line = x.request.curl(base);
        let takes = f.trial.steps.get(i).map(|s| s.takes.as_slice()).unwrap_or_default();
        for take in takes {
            let Some(value) = f.exchanges.get(take.step).and_then(|x| value_at(x, &take.pointer)) else {
                continue;
            };
            // In the path the value stands between slashes, within single quotes.
            for end in ["/", "'", "?"] {
                line = line.replace(&format!("/{value}{end}"), &format!("/'\"$v{}\"'{end}", take.step));
            }
        }
        let later = f.trial.steps.iter().skip(i + 1).flat_map(|s| &s.takes).find(|t| t.step == i);
        lines.push(match later.and_then(|t| t.pointer.last()) {
            Some(::probe::json::Step::Name(name)) => {
                format!(
                    "v{i}=$({} | sed -n 's/.*\"{name}\" *: *{TAKE}.*/\\1/p' | tail -n 1)",
                    line.replacen("curl -sS -i", "curl -sS", 1)
                )
            }
            _ => line,
        });
    }
    lines.join("; ")
}

fn value_at(x: &Exchange, pointer: &[::probe::json::Step]) -> Option<String> {
    let v = ::probe::json::Json::parse(&x.answer.body)?;
    Some(::probe::case::percent(&v.at(pointer)?.plain()))
}
