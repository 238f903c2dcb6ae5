//! Sentry: errors, transactions, spans, logs, check-ins from its SDKs.
//!
//! ```text
//! POST /api/7/envelope/ HTTP/1.1
//! X-Sentry-Auth: Sentry sentry_key=5e0b6c2a8d9f4e17a3c1b2d4f6a8091e, sentry_version=7, sentry_client=sentry.python/2.75.0
//!
//! {"event_id":"c08fb0c0ab1645b5a322b421931a8115","sent_at":"2026-11-24T07:50:01.032605Z"}
//! {"type":"event","length":9890}
//! {"level":"error","exception":{"values":[…]}, …}
//! ```
//!
//! <https://develop.sentry.dev/sdk/foundations/transport/>. The key stands in `X-Sentry-Auth`, in `Authorization`, in the query
//! (browsers, Node) or in the envelope's `dsn` (tunnels); the project in the path, which may have a prefix (`https://KEY@host/sentry/7`
//! sends to `/sentry/api/7/envelope/`). Browsers ask first (`OPTIONS`) and read no header that CORS does not expose.
//!
//! | path | what comes |
//! |---|---|
//! | `/api/7/envelope/` | envelopes: all that SDKs of today send |
//! | `/api/7/store/` | one event: SDKs before 2020; the oldest send base64 of zlib |
//! | `/api/7/security/`, `/api/7/nel/` | reports of browsers: counted |
//! | `/api/7/cron/NAME/KEY` | check-ins by a bare request |
//! | `/api/7/minidump/`, `/api/7/unreal/` | crash dumps of native apps: not taken |
//! | `/api/0/…` | the web API, as far as `sentry-cli` needs it ([`release`]) |

mod envelope;
mod event;
mod frame;
mod log;
mod release;
mod request;
mod session;
mod span;
mod store;
mod transaction;

pub(crate) use release::Api;
pub use session::requests;

use crate::lenient::{Instant, List, Number, Text, read};
use crate::{Access, Answer, Head, Refusal, Taken, Wire};
use envelope::Item;
use event::Event;
use record::Time;
use serde::Deserialize;
use serde_json::json;
use std::borrow::Cow;
use transaction::Origin;

/// A client's clock that is off by less is left alone: what it sends may have waited that long. Relay's own figure,
/// `MINIMUM_CLOCK_DRIFT` in its `relay-server/src/services/processor.rs`.
const DRIFT_MIN_US: i64 = 55 * 60 * record::SECOND;

/// Kinds of items that are counted by name; of those that nobody knows, the names are a stranger's choice.
const KINDS: &[&str] = &[
    "event",
    "transaction",
    "span",
    "log",
    "session",
    "sessions",
    "check_in",
    "client_report",
    "attachment",
    "user_report",
    "feedback",
    "profile",
    "profile_chunk",
    "replay_event",
    "replay_recording",
    "replay_video",
    "statsd",
    "metric_buckets",
    "trace_metric",
    "otel_span",
    "otel_log",
    "security",
    "nel",
    "raw_security",
    "form_data",
    "unreal_report",
    "integration",
];
/// Kinds beyond those that are counted by their own name in one envelope.
const STRANGE_KINDS_MAX: usize = 10;

/// Headers that browsers may send (Relay's `relay-server/src/middlewares/cors.rs`, with those of tracing).
const ALLOWED_HEADERS: &str = "x-sentry-auth, x-requested-with, x-forwarded-for, origin, referer, accept, content-type, \
    authentication, authorization, content-encoding, transfer-encoding, sentry-trace, baggage";

/// The intake of SDKs.
pub(crate) struct Intake;

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
struct Way<'a> {
    project: Option<&'a str>,
    endpoint: &'a str,
    rest: Vec<&'a str>,
}

impl Way<'_> {
    fn of(path: &str) -> Option<Way<'_>> {
        let parts: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
        let known = |s: &str| {
            matches!(
                s,
                "envelope"
                    | "store"
                    | "security"
                    | "csp-report"
                    | "nel"
                    | "cron"
                    | "minidump"
                    | "unreal"
                    | "playstation"
            )
        };
        let at = parts.iter().rposition(|s| *s == "api")?;
        match parts.get(at + 1..)? {
            // Before projects had numbers in paths, the key alone told.
            ["store"] => Some(Way { project: None, endpoint: "store", rest: Vec::new() }),
            ["0", ..] => None,
            [project, endpoint, rest @ ..] if known(endpoint) => {
                Some(Way { project: Some(project), endpoint, rest: rest.to_vec() })
            }
            _ => None,
        }
    }
}

impl Wire for Intake {
    fn name(&self) -> &'static str {
        "sentry"
    }

    fn knows(&self, head: &Head) -> bool {
        Way::of(&head.path).is_some()
    }

    fn access(&self, head: &Head, body: &[u8]) -> Access {
        let way = Way::of(&head.path);
        let mut access = Access {
            project: way.as_ref().and_then(|w| w.project).map(str::to_owned),
            key: auth(head, "sentry_key").or_else(|| head.param("sentry_key").map(str::to_owned)),
        };
        if let (None, Some(Way { endpoint: "cron", rest, .. })) = (&access.key, &way) {
            access.key = rest.get(1).map(|k| (*k).to_owned());
        }
        if access.key.is_none() || access.project.is_none() {
            let (first, _) = envelope::line(body);
            let mut room = Vec::new();
            if let Ok(header) = read::<envelope::Header<'_>>(first, &mut room) {
                let (key, project) = dsn(&header.dsn);
                access.key = access.key.or(key).or_else(|| header.trace.public_key.owned());
                access.project = access.project.or(project);
            }
        }
        access
    }

    fn read(&self, head: &Head, body: &[u8], now: Time) -> Result<Taken, Refusal> {
        let Some(way) = Way::of(&head.path) else { return Err(refusal(404, "no such path")) };
        if head.method == "OPTIONS" {
            return Ok(Taken {
                answer: cors(Answer { status: 200, ..Answer::default() }),
                ..Taken::default()
            });
        }
        let mut reading = Reading { now, drift: 0, sampled: None, taken: Taken::default(), strange: 0 };
        let answer = match way.endpoint {
            "cron" => {
                let (name, status) =
                    (way.rest.first().copied().unwrap_or(""), head.param("status").unwrap_or(""));
                reading.taken.item("check_in");
                checked_in(&decoded(name), &decoded_value(status), "", &mut reading.taken);
                Answer { status: 202, ..Answer::default() }
            }
            "store" => {
                reading.drift =
                    drift(Instant::parse(&auth(head, "sentry_timestamp").unwrap_or_default()), now);
                let in_query = head.param("sentry_data").map(decoded_value);
                let body = in_query.as_deref().map_or(body, str::as_bytes);
                let plain = store::plain(body).map_err(|why| refusal(400, &why))?;
                let id =
                    reading.event(&plain, "event").map_err(|why| refusal(400, &format!("event: {why}")))?;
                identified(id)
            }
            "envelope" if head.method != "POST" => return Err(refusal(405, "envelopes come by POST")),
            "envelope" => {
                let (first, rest) = envelope::line(body);
                let mut room = Vec::new();
                let header = read::<envelope::Header<'_>>(first, &mut room).map_err(|why| {
                    refusal(400, &format!("the first line of an envelope is a JSON object: {why}"))
                })?;
                reading.drift = drift(header.sent_at, now);
                reading.sampled = header.trace.sampled.0;
                let items = envelope::items(rest);
                let mut id = request::hex(&header.event_id);
                for item in &items.list {
                    id = reading.item(item).filter(|_| id.is_none()).or(id);
                }
                if let Some(why) = items.cut {
                    reading.taken.drop(why);
                }
                identified(id)
            }
            "minidump" | "unreal" | "playstation" => {
                return Err(refusal(415, "crash dumps are not taken: they tell of no request; send events"));
            }
            kind => {
                reading.taken.item(if kind == "nel" { "nel" } else { "security" });
                reading.taken.drop("reports of browsers: not the server's errors");
                Answer { status: 201, ..Answer::default() }
            }
        };
        reading.taken.answer = cors(answer);
        Ok(reading.taken)
    }

    fn refuse(&self, _: &Head, status: u16, why: &str, retry_s: Option<u64>) -> Answer {
        let mut answer = refused(status, why);
        // SDKs look at the limits whatever the status; all kinds of items are meant where none is named.
        // https://develop.sentry.dev/sdk/foundations/transport/rate-limiting/
        if let Some(s) = retry_s {
            answer.headers.push(("retry-after", s.to_string()));
            answer.headers.push(("x-sentry-rate-limits", format!("{s}::organization:server_{status}")));
        }
        answer
    }
}

/// A field of `X-Sentry-Auth: Sentry sentry_key=…, sentry_version=7`, or of `Authorization` in the same form.
fn auth(head: &Head, name: &str) -> Option<String> {
    let of_sentry = |v: &'_ str| {
        let (scheme, rest) = v.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("sentry").then(|| rest.to_owned())
    };
    let stated = head
        .header("x-sentry-auth")
        .and_then(of_sentry)
        .or_else(|| head.header("authorization").and_then(of_sentry))?;
    let field = |f: &str| {
        let (n, v) = f.trim().split_once('=')?;
        (n.trim() == name).then(|| v.trim().trim_matches('"').to_owned())
    };
    stated.split([',', ' ']).find_map(field).filter(|v| !v.is_empty())
}

/// Key and project of a data source name: `https://KEY@host/sentry/42`.
fn dsn(dsn: &str) -> (Option<String>, Option<String>) {
    let Some((authority, path)) = dsn.split_once("://").and_then(|(_, rest)| rest.split_once('/')) else {
        return (None, None);
    };
    let key =
        authority.split_once('@').and_then(|(user, _)| user.split(':').next()).filter(|k| !k.is_empty());
    let project = path.split(['?', '#']).next().unwrap_or("").trim_end_matches('/').rsplit('/').next();
    (key.map(str::to_owned), project.filter(|p| !p.is_empty()).map(str::to_owned))
}

/// By how much a client's clock is behind, where that is more than what it sent may have waited.
fn drift(sent_at: Instant, now: Time) -> i64 {
    sent_at
        .0
        .map(|sent| now.since(sent))
        .filter(|d| d.unsigned_abs() >= DRIFT_MIN_US.unsigned_abs())
        .unwrap_or(0)
}

/// The service that a release names: `shop` of `shop@4.9.0`. A bare hash names none.
fn service(release: &str) -> Option<String> {
    let (name, _) = release.split_once('@')?;
    Some(name).filter(|n| !n.is_empty() && n.len() <= 100).map(str::to_owned)
}

/// A percent-decoded value of a query, where `+` is a space.
fn decoded_value(text: &str) -> String {
    decoded(&text.replace('+', " "))
}

/// Percent-decoded text.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while let Some(&b) = bytes.get(i) {
        let hex = text.get(i + 1..i + 3).filter(|_| b == b'%').and_then(|h| u8::from_str_radix(h, 16).ok());
        out.push(hex.unwrap_or(b));
        i += if hex.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// What a monitor says of its job.
fn checked_in(name: &str, status: &str, environment: &str, taken: &mut Taken) {
    let mut said = status.to_owned();
    if !environment.is_empty() {
        said = format!("{said} in {environment}");
    }
    let name = frame::clip(name, 100);
    taken.said.insert(format!("check-in {name}"), frame::clip(&said, 200).to_owned());
}

fn cors(mut answer: Answer) -> Answer {
    for (name, value) in [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-methods", "POST, GET, OPTIONS"),
        ("access-control-allow-headers", ALLOWED_HEADERS),
        ("access-control-expose-headers", "x-sentry-error, x-sentry-rate-limits, retry-after"),
        ("access-control-max-age", "3600"),
    ] {
        answer.headers.push((name, value.to_owned()));
    }
    answer
}

fn refused(status: u16, why: &str) -> Answer {
    let mut answer =
        Answer::new(status, "application/json", json!({ "detail": why, "causes": [] }).to_string());
    // A header holds one line of plain text.
    let plain: String =
        why.chars().map(|c| if (' '..='~').contains(&c) { c } else { '?' }).take(500).collect();
    answer.headers.push(("x-sentry-error", plain));
    cors(answer)
}

fn refusal(status: u16, why: &str) -> Refusal {
    Refusal { why: why.to_owned(), answer: refused(status, why) }
}

fn identified(id: Option<String>) -> Answer {
    let body = id.map_or_else(|| json!({}), |id| json!({ "id": id }));
    Answer::new(200, "application/json", body.to_string())
}

/// What a client did not send, and why.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ClientReport<'a> {
    #[serde(borrow)]
    discarded_events: List<Discarded<'a>>,
    #[serde(borrow)]
    rate_limited_events: List<Discarded<'a>>,
    #[serde(borrow)]
    filtered_events: List<Discarded<'a>>,
}

/// One line of a client report.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Discarded<'a> {
    #[serde(borrow)]
    reason: Text<'a>,
    #[serde(borrow)]
    category: Text<'a>,
    quantity: Number,
}

/// Lines of a client report that are told; Relay takes 100.
const DISCARDED_MAX: usize = 100;

/// A check-in.
#[derive(Default, Deserialize)]
#[serde(default)]
struct CheckIn<'a> {
    #[serde(borrow)]
    monitor_slug: Text<'a>,
    #[serde(borrow)]
    status: Text<'a>,
    #[serde(borrow)]
    environment: Text<'a>,
}

/// An envelope being read.
struct Reading {
    now: Time,
    drift: i64,
    /// The envelope says whether transactions of this trace are sent too.
    sampled: Option<bool>,
    taken: Taken,
    strange: usize,
}

impl Reading {
    /// Reads an item; the id of its event, if it is one.
    fn item(&mut self, item: &Item<'_>) -> Option<String> {
        match item.kind.as_str() {
            "event" | "transaction" => match self.event(item.payload, &item.kind) {
                Ok(id) => return id,
                Err(_) => self.taken.drop("events and transactions that are no JSON"),
            },
            kind => self.other(kind, item.payload),
        }
        None
    }

    fn other(&mut self, kind: &str, payload: &[u8]) {
        if KINDS.contains(&kind) {
            self.taken.item(kind);
        } else if self.strange < STRANGE_KINDS_MAX {
            self.strange += 1;
            self.taken.item(frame::clip(if kind.is_empty() { "without type" } else { kind }, 60));
        } else {
            self.taken.item("other");
        }
        let mut room = Vec::new();
        let origin = Origin::default();
        match kind {
            "span" => {
                let mut single = Vec::new();
                match read::<span::Batch<'_>>(payload, &mut room) {
                    Ok(batch) if !batch.items.0.is_empty() => self.spans(&batch.items.0, &origin),
                    Ok(_) => match read::<span::Child<'_>>(payload, &mut single) {
                        Ok(one) => self.spans(&[one], &origin),
                        Err(_) => self.taken.drop("spans that are no JSON"),
                    },
                    Err(_) => self.taken.drop("spans that are no JSON"),
                }
            }
            "log" => match read::<log::Batch<'_>>(payload, &mut room) {
                Ok(batch) => {
                    for log in &batch.items.0 {
                        self.taken.item("log record");
                        self.taken.records.push(log.record(&origin, self.now, self.drift));
                    }
                }
                Err(_) => self.taken.drop("logs that are no JSON"),
            },
            "client_report" => {
                if let Ok(report) = read::<ClientReport<'_>>(payload, &mut room) {
                    self.discarded(&report);
                }
            }
            "sessions" => match read::<session::Sessions<'_>>(payload, &mut room) {
                Ok(sessions) => sessions.records(self.now, self.drift, &mut self.taken.records),
                Err(_) => self.taken.drop("sessions that are no JSON"),
            },
            "check_in" => {
                if let Ok(c) = read::<CheckIn<'_>>(payload, &mut room) {
                    checked_in(&c.monitor_slug, &c.status, &c.environment, &mut self.taken);
                }
            }
            _ => self.taken.drop("items that tell of no failed request"),
        }
    }

    fn spans(&mut self, spans: &[span::Child<'_>], origin: &Origin) {
        let Taken { records, dropped, .. } = &mut self.taken;
        span::batch(spans, origin, self.now, self.drift, records, |why| {
            *dropped.entry(why.to_owned()).or_default() += 1;
        });
    }

    fn discarded(&mut self, report: &ClientReport<'_>) {
        let mut told = Vec::new();
        let lists = [&report.discarded_events, &report.rate_limited_events, &report.filtered_events];
        for d in lists.into_iter().flat_map(|l| &l.0).take(DISCARDED_MAX) {
            let n = d.quantity.whole().unwrap_or(0);
            let (category, reason) = (frame::clip(&d.category, 40), frame::clip(&d.reason, 60));
            if n > 0 {
                told.push(format!("{n} {category} ({reason})"));
                let count =
                    self.taken.dropped.entry(format!("by the client: {category} ({reason})")).or_default();
                *count = count.saturating_add(n);
            }
        }
        if !told.is_empty() {
            self.taken.said.insert("dropped by the client".into(), told.join(", "));
        }
    }

    /// Reads an event or a transaction; its id.
    fn event(&mut self, payload: &[u8], kind: &str) -> Result<Option<String>, String> {
        let mut room = Vec::new();
        let parsed = read::<Event<'_>>(payload, &mut room);
        let named = parsed.as_ref().map_or("", |e| &e.kind);
        let is_transaction = kind == "transaction" || named == "transaction";
        self.taken.item(if is_transaction { "transaction" } else { "event" });
        let event = parsed?;
        let release = event.release.some().map(|r| frame::clip(r, 250).to_owned());
        let origin = Origin {
            service: release.as_deref().and_then(service),
            node: event.server_name.some().map(|n| frame::clip(n, 250).to_owned()),
            environment: event.environment.some().map(|e| frame::clip(e, 100).to_owned()),
            release,
        };
        self.hear(&event, &origin);
        let at = event.timestamp.0.map_or(self.now, |t| t.plus(self.drift));
        if is_transaction {
            self.transaction(&event, &origin, at);
        } else {
            self.error(&event, &origin, at);
        }
        Ok(event.id())
    }

    fn error(&mut self, event: &Event<'_>, origin: &Origin, at: Time) {
        let mut record = event.record(at, origin.service.clone(), self.sampled);
        if !event.is_far_from_the_server() {
            self.taken.records.push(record);
            return;
        }
        // A browser that reports a failed call of its own is a witness of the answer.
        let status = event.status().filter(|s| *s >= 500);
        match (&mut record.request, status) {
            (Some(request), Some(status)) => {
                event.request.fill(request, None);
                request.status = Some(status);
                request.assumed = None;
                self.taken.records.push(record);
            }
            _ => self.taken.drop("errors of browsers and apps: not the server's"),
        }
    }

    fn transaction(&mut self, event: &Event<'_>, origin: &Origin, end: Time) {
        let begin = event.start_timestamp.0.map(|t| t.plus(self.drift));
        let trace = request::hex(&event.contexts.trace.trace_id);
        let out = &mut self.taken.records;
        let failed = match event.entry(origin, begin, end) {
            Ok(entry) => {
                let failed = entry.status().is_some_and(|s| s >= 500);
                out.push(entry);
                failed
            }
            Err(why) => {
                self.taken.drop(why);
                false
            }
        };
        if failed {
            span::within(&event.spans, origin, end, self.drift, trace.as_deref(), &mut self.taken.records);
        }
    }

    /// What the client says of itself.
    fn hear(&mut self, event: &Event<'_>, origin: &Origin) {
        let sdk = match (event.sdk.name.some(), event.sdk.version.some()) {
            (Some(name), Some(version)) => Some(Cow::Owned(format!("{name}/{version}"))),
            (Some(name), None) => Some(Cow::Borrowed(name)),
            _ => None,
        };
        let own = |v: &Option<String>| v.clone();
        for (name, value) in [
            ("release", own(&origin.release)),
            ("environment", own(&origin.environment)),
            ("server_name", own(&origin.node)),
            ("service", own(&origin.service)),
            ("sdk", sdk.map(|s| frame::clip(&s, 100).to_owned())),
        ] {
            if let Some(v) = value {
                self.taken.said.insert(name.to_owned(), v);
            }
        }
    }
}

#[cfg(test)]
mod tests;
