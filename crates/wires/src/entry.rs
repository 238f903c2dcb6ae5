//! A log entry as a shipper sends it, and what of it is handed on to be read as a line of a log: the one place where all wires
//! decide that.
//!
//! ```text
//! {"ddsource":"nginx","service":"shop","message":"198.51.100.7 - - [24/Nov/2026:…] \"GET /cart HTTP/1.1\" 502 157"}
//!     Only who, when and how severe stands around the message: the message alone goes on.
//! {"log":"{\"level\":\"error\",\"msg\":\"boom\"}","stream":"stderr","kubernetes":{…}}
//!     The message is an object that the app wrote itself: it goes on, with what stands around it and explains.
//! {"message":"Exception on /orders [POST]","error":{"stack":"…"},"http":{"status_code":500},"service":"shop"}
//!     What stands around the message explains: the whole object goes on, and is read as a JSON log of a file is.
//! {"message":"2026/11/24 07:10:44 [error] 731#731: *4021 connect() failed …","order":17}
//!     What stands around it explains nothing, and the message is of a format that is known: the message alone goes on.
//! GET /orders/1001 failed: boom {"status":500,"stack":"…"}
//!     winston's `simple` format and its like: becomes one object, with what stands before it as its message.
//! ```
//!
//! Sources of the keys: Datadog "Log attributes and aliasing", Better Stack "Logs: HTTP REST API", ECS field reference, GELF 1.1,
//! Fluent Bit "Kubernetes filter", Fluentd `docker_metadata`, Vector "Log events", systemd's journal fields.

use crate::body::{Item, Items};
use crate::json::{clipped, clipped_object, close, is_object, member, quote};
use crate::{Line, Taken};
use formats::{Context, Elements, Entry, Members, Value, explains, time};
use record::{Level, Time, Zone};
use std::borrow::Cow;

/// How far a client's clock may be ahead; beyond, the time of arrival counts. Clients' clocks are off by seconds, seldom by minutes.
const AHEAD_US: i64 = 600 * record::SECOND;
/// Before 2000 no client sent anything: its clock was not set.
const FIRST: Time = Time(946_684_800 * record::SECOND);
/// Longest name of a service, a host, a process.
const NAME_MAX: usize = 256;
/// Formats that read nearly any text: that one of them can read it says nothing of it.
const WIDE: [&str; 5] = ["text", "uvicorn", "python logging", "json", "logfmt"];

/// What a wire says of an entry outside of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Around<'a> {
    /// The wire, and what else tells apart writers that have the same names.
    pub(crate) stream: Cow<'a, str>,
    /// The sender's address: tells writers apart that name no host.
    pub(crate) peer: &'a str,
    pub(crate) at: Option<(Time, Zone)>,
    pub(crate) level: Level,
    pub(crate) service: Option<Cow<'a, str>>,
    pub(crate) node: Option<Cow<'a, str>>,
    pub(crate) pid: Option<Cow<'a, str>>,
    /// Names the service where the entry itself does not.
    pub(crate) tag: Option<Cow<'a, str>>,
    /// Labels, fields, structured metadata.
    pub(crate) beside: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Around<'a> {
    /// Takes a label, a field or structured metadata in that stands beside the entry.
    pub(crate) fn says(&mut self, name: Cow<'a, str>, value: Cow<'a, str>, taken: &mut Taken) {
        if value.is_empty() {
            return;
        }
        match name.as_ref() {
            // OpenTelemetry's collector writes the last to Splunk.
            "detected_level" | "level" | "severity" | "severity_text" | "otel.log.severity.text" => {
                if let Some(l) = level(&value).filter(|_| self.level == Level::Unknown) {
                    self.level = l;
                }
            }
            "service_name" | "service.name" | "service" => self.service = self.service.take().or(Some(value)),
            "host.name" | "host_name" => self.node = self.node.take().or(Some(value)),
            "version" | "service_version" | "service.version" => says(taken, "release", &value),
            "env" | "environment" | "deployment_environment" | "deployment.environment" => {
                says(taken, "environment", &value);
            }
            _ => self.beside.push((name, value)),
        }
    }
}

/// What a member of an entry is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Message,
    Time,
    Level,
    Service,
    Node,
    Pid,
    Release,
    Environment,
    /// The shipper's own matter.
    Shippers,
    Own,
}

/// Shippers' names differ in case, dots and underscores (`_SYSTEMD_UNIT`, `service.name`), so those are listed as they are sent.
fn role(key: &str) -> Role {
    match key.strip_prefix('_').unwrap_or(key) {
        "message" | "msg" | "log" | "MESSAGE" | "short_message" | "line" | "@message" | "event" | "body" => {
            Role::Message
        }
        "timestamp" | "@timestamp" | "dt" | "time" | "date" | "ts" | "@t" | "datetime" => Role::Time,
        "status" | "level" | "severity" | "log.level" | "loglevel" | "levelname" | "lvl" | "level_name"
        | "syslog.severity" | "severity_label" | "severity_text" | "PRIORITY" => Role::Level,
        "service" | "service.name" | "service_name" | "app" | "appname" | "app_name" | "application"
        | "application_name" | "programname" | "program" | "container_name" | "SYSLOG_IDENTIFIER"
        | "ident" | "facility" | "syslog.appname" | "job" => Role::Service,
        "host" | "hostname" | "host.name" | "host_name" | "HOSTNAME" | "node" | "node_name"
        | "source_host" | "server_name" => Role::Node,
        "pid" | "PID" | "procid" | "process.pid" | "process_id" | "syslog.procid" => Role::Pid,
        "release" | "service.version" | "service_version" => Role::Release,
        "env"
        | "environment"
        | "service.environment"
        | "deployment.environment"
        | "deployment_environment"
        | "deployment.environment.name" => Role::Environment,
        "ddsource" | "ddtags" | "source" | "source_type" | "stream" | "logtag" | "container_id"
        | "container" | "container_image" | "image" | "image_name" | "image_id" | "kubernetes" | "docker"
        | "tags" | "tag" | "@version" | "version" | "ecs" | "ecs.version" | "agent" | "input" | "fluentd"
        | "file" | "filename" | "path" | "offset" | "namespace" | "pod" | "cluster" | "syslog"
        | "syslog-tag" | "syslogtag" | "syslogfacility" | "syslog_facility" | "process" | "thread"
        | "thread_name" | "logger" | "logger_name" | "cloud" | "data_stream" | "created" | "command"
        | "SYSTEMD_UNIT" | "TRANSPORT" | "UID" | "GID" | "COMM" | "EXE" | "CMDLINE" | "BOOT_ID"
        | "MACHINE_ID" | "CURSOR" | "sourcetype" | "index" | "detected_level" | "p" => Role::Shippers,
        // The journal's own fields: `CODE_FILE`, `_SYSTEMD_CGROUP`, `__REALTIME_TIMESTAMP`.
        other if other.len() > 3 && other.bytes().all(|c| c.is_ascii_uppercase() || c == b'_') => {
            Role::Shippers
        }
        _ => Role::Own,
    }
}

/// An instant as wires write it: a date, or a number of seconds, milliseconds, microseconds or nanoseconds.
pub(crate) fn instant(text: &str, now: Time) -> Option<(Time, Zone)> {
    let text = text.trim();
    let number = text.bytes().all(|c| c.is_ascii_digit() || c == b'.' || c == b'-');
    let (at, zone) = match text.parse::<f64>() {
        Ok(n) if number || text.contains(['e', 'E']) => (scaled(n)?, Zone::Stated),
        _ => time::stamp(text, now).map(|s| (s.time, s.zone))?,
    };
    (at > FIRST).then_some((at, zone))
}

/// Seconds have ten digits, milliseconds thirteen, microseconds sixteen, nanoseconds nineteen.
fn scaled(n: f64) -> Option<Time> {
    let micros = match n {
        n if n < 1e11 => n * 1e6,
        n if n < 1e14 => n * 1e3,
        n if n < 1e17 => n,
        n => n / 1e3,
    };
    (micros.is_finite() && micros >= 0.0 && micros < i64::MAX as f64).then(|| Time(micros.round() as i64))
}

/// A severity by name or number.
pub(crate) fn level(text: &str) -> Option<Level> {
    let text = text.trim();
    // "inf" is a name, though it can be read as a number.
    match text.parse::<f64>() {
        Ok(n) if n.is_finite() => Level::of_number(n as i64),
        _ => Level::parse(text),
    }
}

/// Datadog's `status` is a severity by name or syslog's number; where it is larger, it is an answer's status.
fn severity(key: &str, text: &str) -> Option<Level> {
    level(text).filter(|_| {
        key != "status" || text.trim().len() == 1 || !text.starts_with(|c: char| c.is_ascii_digit())
    })
}

fn short(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    (!text.is_empty() && text != "-" && text.len() <= NAME_MAX).then_some(text)
}

/// The members of an object, sorted by what they are to us.
struct Sorted<'a> {
    around: Around<'a>,
    /// The message, where it is a text.
    said: Option<Value<'a>>,
    /// The message, where it is an object.
    inner: Option<&'a str>,
    /// There are members that are neither the message nor the shipper's.
    own: bool,
    /// Something beside the message explains.
    explained: bool,
}

impl<'a> Sorted<'a> {
    fn take(&mut self, key: &'a str, value: Value<'a>, now: Time, taken: &mut Taken) {
        let (Value::Text(raw) | Value::Raw(raw)) = value;
        let is_object = matches!(value, Value::Raw(r) if r.starts_with('{'));
        let role = role(key);
        match role {
            Role::Time => self.around.at = self.around.at.or_else(|| instant(raw, now)),
            Role::Level => match severity(key, raw) {
                Some(l) if self.around.level == Level::Unknown => self.around.level = l,
                _ => self.explained |= explains(key, value),
            },
            Role::Service | Role::Node | Role::Pid => self.name(role, key, value, taken),
            Role::Release => says(taken, "release", &value.scalar().unwrap_or_default()),
            Role::Environment => says(taken, "environment", &value.scalar().unwrap_or_default()),
            Role::Shippers => {
                match key {
                    "ddtags" => tags(value, taken),
                    // GELF's own and Logstash's are no releases.
                    "version" if !matches!(raw, "1.0" | "1.1" | "1") => {
                        says(taken, "release", &value.scalar().unwrap_or_default());
                    }
                    "kubernetes" => kubernetes(value, &mut self.around),
                    "process" => process(value, &mut self.around),
                    _ => {}
                }
                self.explained |= is_object && explains(key, value);
            }
            Role::Message if matches!(value, Value::Text(_)) && self.said.is_none() => {
                self.said = Some(value)
            }
            // ECS: `"log":{"level":"error","logger":"…"}`, `"event":{"dataset":"…"}`.
            Role::Message if matches!(key, "log" | "event") && is_object => {
                let level = inside(value, "level").and_then(|l| level(&l));
                self.around.level =
                    level.filter(|_| self.around.level == Level::Unknown).unwrap_or(self.around.level);
                self.explained |= explains(key, value);
            }
            // Docker's Splunk driver: `"line":{"level":"error",…}`.
            Role::Message if self.inner.is_none() && is_object => self.inner = Some(raw),
            // Of a long form that says no more than the short one (GELF) nothing is lost.
            Role::Own if key == "full_message" && !raw.contains("\\n") => {}
            Role::Message | Role::Own => {
                self.own = true;
                self.explained |= explains(key, value);
            }
        }
    }

    /// Service, host or process, as a text or as an object with its name (ECS: `"service":{"name":"shop","version":"4.8.1"}`).
    fn name(&mut self, role: Role, key: &str, value: Value<'a>, taken: &mut Taken) {
        if let Some(version) = inside(value, "version") {
            says(taken, "release", &version);
        }
        if let Some(environment) = inside(value, "environment") {
            says(taken, "environment", &environment);
        }
        // Docker names containers with a slash before them.
        let name = value.scalar().or_else(|| named(value)).map(|n| match n {
            Cow::Borrowed(n) => Cow::Borrowed(n.trim_start_matches('/')),
            Cow::Owned(n) => Cow::Owned(n.trim_start_matches('/').to_owned()),
        });
        let to = match role {
            Role::Service => &mut self.around.service,
            Role::Node => &mut self.around.node,
            _ => &mut self.around.pid,
        };
        if to.is_none() || key == "service" {
            *to = name.and_then(short).or(to.take());
        }
    }
}

/// Takes an object in: a member of a list, a line of NDJSON, the `event` of a collector.
pub(crate) fn object(text: &str, around: &Around<'_>, now: Time, taken: &mut Taken) {
    let mut sorted = Sorted { around: around.clone(), said: None, inner: None, own: false, explained: false };
    for (key, value) in Members::of(text) {
        sorted.take(key, value, now, taken);
    }
    let Sorted { around, said, inner, own, explained } = sorted;
    let beside = said.is_some() && around.beside.iter().any(|(k, v)| explains(k, Value::Text(v)));
    let message = match (said.and_then(Value::text), inner) {
        (Some(message), None) => message,
        (None, Some(inner)) if !own => Cow::Borrowed(inner),
        _ => {
            let whole = with_beside(text, &around);
            return push(whole, true, around, now, taken);
        }
    };
    if is_object(&message) {
        let joined = if explained || beside { joined(text, &message, &around) } else { message };
        return push(joined, true, around, now, taken);
    }
    if !explained && !beside && (!own || is_known(&message, now)) {
        return self::text(message, &around, now, taken);
    }
    let whole = with_beside(text, &around);
    push(whole, true, around, now, taken);
}

/// Takes a message in that is no object itself, or not known to be one.
pub(crate) fn text(message: Cow<'_, str>, around: &Around<'_>, now: Time, taken: &mut Taken) {
    let message = trimmed(message);
    if message.trim().is_empty() {
        return;
    }
    let around = around.clone();
    if is_object(&message) {
        let whole = with_beside(&message, &around);
        return push(whole.into_owned().into(), true, around, now, taken);
    }
    if let Some((said, rest)) = tailed(&message).filter(|_| !is_dated(&message, now)) {
        let mut out = String::with_capacity(message.len() + 32);
        out.push_str("{\"message\":");
        quote(said, &mut out);
        out.push(',');
        out.push_str(rest.get(1..).unwrap_or_default());
        let whole = with_beside(&out, &around).into_owned();
        return push(whole.into(), true, around, now, taken);
    }
    if around.beside.iter().any(|(k, v)| explains(k, Value::Text(v))) {
        let mut out = String::with_capacity(message.len() + 128);
        out.push_str("{\"message\":");
        quote(&message, &mut out);
        out.push('}');
        let whole = with_beside(&out, &around).into_owned();
        return push(whole.into(), true, around, now, taken);
    }
    let whole = message.contains('\n');
    push(message, whole, around, now, taken);
}

fn push(text: Cow<'_, str>, whole: bool, around: Around<'_>, now: Time, taken: &mut Taken) {
    let text = if whole && text.starts_with('{') { clipped_object(text) } else { clipped(text) };
    let own = |v: Option<Cow<'_, str>>| v.map(Cow::into_owned);
    let (service, node, pid) = (own(around.service.or(around.tag)), own(around.node), own(around.pid));
    let mut stream = around.stream.into_owned();
    let host = node.as_deref().unwrap_or(around.peer);
    for name in [host, service.as_deref().unwrap_or_default(), pid.as_deref().unwrap_or_default()] {
        stream.push(' ');
        stream.push_str(name);
    }
    for (what, name) in [("service", &service), ("server_name", &node)] {
        if let Some(name) = name {
            says(taken, what, name);
        }
    }
    let ahead = |t: Time, z: Zone| z == Zone::Stated && t.since(now) > AHEAD_US;
    taken.lines.push(Line {
        stream,
        at: Some(around.at.filter(|(t, z)| !ahead(*t, *z)).unwrap_or((now, Zone::Stated))),
        level: around.level,
        service,
        node,
        pid,
        text: text.into_owned(),
        whole,
    });
}

/// Without the line ends that runtimes leave (`"log":"boom\n"`).
fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(t) => Cow::Borrowed(t.trim_end_matches(['\n', '\r'])),
        Cow::Owned(mut t) => {
            t.truncate(t.trim_end_matches(['\n', '\r']).len());
            Cow::Owned(t)
        }
    }
}

/// Can a format read it that does not read nearly everything?
fn is_known(message: &str, now: Time) -> bool {
    known(message, now).next().is_some()
}

/// Is it a line of a log with a time of its own (Laravel's `[2026-11-24 07:10:44] production.ERROR: … {"exception":…}`)?
fn is_dated(message: &str, now: Time) -> bool {
    known(message, now).any(|e| e.at.is_some())
}

fn known(message: &str, now: Time) -> impl Iterator<Item = Entry<'_>> {
    let line = message.lines().next().unwrap_or_default();
    let context = Context { reference: now, ..Context::default() };
    formats::table().filter(|f| !WIDE.contains(&f.name())).filter_map(move |f| f.read(line, &context))
}

/// `said {"status":500}`: what was said, and the object, if it explains anything.
fn tailed(message: &str) -> Option<(&str, &str)> {
    let message = message.trim_end();
    if !message.ends_with('}') {
        return None;
    }
    let (said, _) = message.split_once(" {\"")?;
    let rest = message.get(said.len() + 1..)?;
    let mut members = Members::of(rest);
    let explained = members.by_ref().fold(false, |found, (k, v)| found || explains(k, v));
    (explained && members.complete() && !said.is_empty()).then_some((said, rest))
}

/// An object with those of the fields beside it that explain and that it does not have itself.
fn with_beside<'a>(object: &'a str, around: &Around<'_>) -> Cow<'a, str> {
    let more: Vec<_> = around
        .beside
        .iter()
        .filter(|(k, v)| explains(k, Value::Text(v)))
        .filter(|(k, _)| !Members::of(object).any(|(own, _)| own == k.as_ref()))
        .collect();
    let Some(inner) = object.trim_start().strip_prefix('{').filter(|_| !more.is_empty()) else {
        return Cow::Borrowed(object);
    };
    let mut out = String::with_capacity(object.len() + 128);
    out.push('{');
    for (key, value) in more {
        member(key, value, &mut out);
        out.push(',');
    }
    close(inner, out).into()
}

/// The app's object with what stands around it and explains.
fn joined<'a>(outer: &str, inner: &str, around: &Around<'_>) -> Cow<'a, str> {
    let mut out = String::from("{");
    for (key, value) in Members::of(outer).filter(|(k, v)| role(k) != Role::Message && explains(k, *v)) {
        if Members::of(inner).any(|(own, _)| own == key) {
            continue;
        }
        // Keys and values stand there as JSON already.
        let (open, raw) = match value {
            Value::Text(raw) => ("\"", raw),
            Value::Raw(raw) => ("", raw),
        };
        out.extend(["\"", key, "\":", open, raw, open, ","]);
    }
    let rest = inner.trim_start().strip_prefix('{').unwrap_or_default();
    let whole = close(rest, out);
    with_beside(&whole, around).into_owned().into()
}

/// What a client says of itself, once.
pub(crate) fn says(taken: &mut Taken, what: &str, value: &str) {
    if !taken.said.contains_key(what)
        && let Some(text) = short(value.into())
    {
        taken.said.insert(what.to_owned(), text.into_owned());
    }
}

/// Datadog's `env:production,version:4.8.1`, as text or as a list.
fn tags(value: Value<'_>, taken: &mut Taken) {
    let mut one = |tag: &str| {
        let (name, text) = tag.trim().split_once(':').unwrap_or_default();
        match name {
            "env" => says(taken, "environment", text),
            "version" => says(taken, "release", text),
            _ => {}
        }
    };
    match value {
        Value::Text(raw) => raw.split(',').for_each(one),
        Value::Raw(_) => Elements::of(value).filter_map(Value::text).for_each(|t| one(&t)),
    }
}

/// Reads Datadog's tags where they stand in the query.
pub(crate) fn tagged(tags: &str, taken: &mut Taken) {
    self::tags(Value::Text(tags), taken);
}

/// A member of an object.
fn inside<'a>(value: Value<'a>, name: &str) -> Option<Cow<'a, str>> {
    value.object()?.find(|(k, _)| *k == name).and_then(|(_, v)| v.scalar())
}

/// `{"name":"web-1"}`, `{"hostname":"web-1"}`.
fn named(value: Value<'_>) -> Option<Cow<'_, str>> {
    value.object()?.find(|(k, _)| matches!(*k, "name" | "hostname" | "pid")).and_then(|(_, v)| v.scalar())
}

fn kubernetes(value: Value<'_>, around: &mut Around<'_>) {
    for (key, value) in value.object().into_iter().flatten() {
        let name = || value.scalar().map(|v| Cow::<str>::Owned(v.into_owned())).and_then(short);
        match key {
            "container_name" => around.service = around.service.take().or_else(name),
            "pod_name" => around.node = around.node.take().or_else(name),
            "container" if around.service.is_none() => {
                around.service = named(value).map(|v| Cow::Owned(v.into_owned()));
            }
            "pod" if around.node.is_none() => around.node = named(value).map(|v| Cow::Owned(v.into_owned())),
            _ => {}
        }
    }
}

fn process(value: Value<'_>, around: &mut Around<'_>) {
    let pid = value.object().and_then(|mut m| m.find(|(k, _)| *k == "pid")).and_then(|(_, v)| v.scalar());
    around.pid = around.pid.take().or_else(|| pid.map(|p| Cow::Owned(p.into_owned())));
}

/// Takes all entries of a body in; how many there were.
pub(crate) fn all(body: &[u8], around: &Around<'_>, now: Time, taken: &mut Taken) -> u64 {
    let body = String::from_utf8_lossy(body);
    let mut n = 0;
    for item in Items::of(&body) {
        match item {
            Item::Object(o) => object(o, around, now, taken),
            Item::Text(t) => text(t, around, now, taken),
        }
        n += 1;
    }
    count(n, taken);
    n
}

/// Counts entries.
pub(crate) fn count(n: u64, taken: &mut Taken) {
    *taken.items.entry("log record".to_owned()).or_default() += n;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(body: &str) -> Taken {
        let mut taken = Taken::default();
        let beside = vec![("trace_id".into(), "4bf92f".into()), ("region".into(), "eu".into())];
        let around = if body.starts_with("beside ") {
            Around { beside, ..Around::default() }
        } else {
            Around::default()
        };
        all(
            body.trim_start_matches("beside ").as_bytes(),
            &around,
            Time::from_secs(1_795_505_860),
            &mut taken,
        );
        taken
    }

    fn line(body: &str) -> Line {
        let mut lines = taken(body).lines;
        assert_eq!(lines.len(), 1, "{body}");
        lines.remove(0)
    }

    #[test]
    fn the_message_alone_goes_on_where_nothing_else_explains() {
        for body in [
            r#"{"message":"boom","service":"shop","hostname":"web-1","status":"error","ddsource":"node","ddtags":"env:prod"}"#,
            r#"{"log":"boom\n","stream":"stderr","kubernetes":{"pod_name":"web-1","container_name":"shop"},"level":"error"}"#,
            r#"{"short_message":"boom","full_message":"boom","version":"1.1","host":"web-1","level":3,"_app":"shop","_container_id":"x"}"#,
            r#"{"@timestamp":"2026-11-24T07:36:25.689Z","message":"boom","log":{"level":"error"},"service":{"name":"shop"},"host":{"name":"web-1"},"agent":{"type":"filebeat"}}"#,
        ] {
            let l = line(body);
            assert_eq!(
                (l.text.as_str(), l.service.as_deref(), l.node.as_deref(), l.level, l.whole),
                ("boom", Some("shop"), Some("web-1"), Level::Error, false),
                "{body}"
            );
        }
        // What stands around an nginx line explains nothing.
        let nginx = "2026/11/24 07:10:44 [error] 731#731: *4021 connect() failed (111: Connection refused) while connecting to upstream";
        assert_eq!(line(&format!("{{\"message\":\"{nginx}\",\"order\":17}}")).text, nginx);
    }

    #[test]
    fn the_whole_object_goes_on_where_something_explains() {
        for body in [
            r#"{"message":"Exception on /orders [POST]","error":{"stack":"x"}}"#,
            r#"{"message":"boom","http.status_code":500,"http.method":"GET"}"#,
            r#"{"message":"boom","order":17}"#,
            r#"{"message":{"a":1},"status":"error","order":17}"#,
            r#"{"err":{"message":"boom"}}"#,
        ] {
            let l = line(body);
            assert_eq!((l.text.as_str(), l.whole), (body, true));
        }
    }

    #[test]
    fn the_apps_own_object_goes_on_with_what_explains_around_it() {
        let own = r#"{"level":"error","msg":"boom"}"#;
        let body = |more: &str| format!("{{\"log\":{}{more}}}", serde_json::json!(own));
        assert_eq!(line(&body("")).text, own);
        assert_eq!(line(&body(",\"stream\":\"stderr\"")).text, own);
        assert_eq!(
            line(&body(",\"trace_id\":\"4bf92f\"")).text,
            r#"{"trace_id":"4bf92f","level":"error","msg":"boom"}"#
        );
        assert_eq!(
            line(&format!("beside {own}")).text,
            r#"{"trace_id":"4bf92f","level":"error","msg":"boom"}"#
        );
        assert_eq!(line("beside {}").text, r#"{"trace_id":"4bf92f"}"#);
        assert_eq!(line(r#"{"line":{"level":"error","msg":"boom"},"source":"stdout","tag":"x"}"#).text, own);
    }

    #[test]
    fn objects_at_the_end_of_a_text() {
        assert_eq!(
            line(r#"GET /x failed: boom {"status":500,"stack":"Error: boom"}"#).text,
            r#"{"message":"GET /x failed: boom","status":500,"stack":"Error: boom"}"#
        );
        for text in [r#"cart {"order":17}"#, r#"x {"status":500} y"#, r#"x {"status":}"#] {
            assert_eq!(line(text).text, text);
        }
        let laravel = r#"[2026-11-24 07:10:44] production.ERROR: boom {"exception":"[object] (X(code: 0): boom at /srv/a.php:3)"}"#;
        assert_eq!(line(laravel).text, laravel);
    }

    #[test]
    fn times_and_severities() {
        let now = Time::from_secs(1_795_505_860);
        let at = |t: &str| instant(t, now).map(|(t, _)| t.to_string());
        for t in
            ["1795503903.123", "1795503903123", "1795503903123000", "1795503903123000000", "1.795503903123e9"]
        {
            assert_eq!(at(t).as_deref(), Some("2026-11-24T07:05:03.123Z"), "{t}");
        }
        for t in ["", "0", "-1", "-1795503903", "1e300", "nan", "inf", "soon", "99999999999999999999999"] {
            assert!(at(t).is_none_or(|t| t.len() > 10), "{t}");
        }
        assert_eq!(
            (level("3"), level("50"), level("400"), level("9000"), level("inf")),
            (Some(Level::Error), Some(Level::Error), Some(Level::Error), None, Some(Level::Info))
        );
        // An answer's status is no severity.
        assert_eq!(line(r#"{"message":"x","status":404}"#).level, Level::Unknown);
        // A clock that is ahead.
        assert_eq!(line(r#"{"message":"x","dt":"2036-11-24T07:05:03Z"}"#).at, Some((now, Zone::Stated)));
    }

    #[test]
    fn what_clients_say_of_themselves() {
        let said =
            taken(r#"{"message":"x","service":"shop","host":"web-1","ddtags":"env:prod,version:4.8.1"}"#)
                .said;
        let said: Vec<_> = said.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(
            said,
            [("environment", "prod"), ("release", "4.8.1"), ("server_name", "web-1"), ("service", "shop")]
        );
    }
}
