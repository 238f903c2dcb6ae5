//! A line inside the JSON of a log shipper or log service: Fluent Bit and Fluentd with Kubernetes metadata,
//! Filebeat, Vector, CloudWatch events, Google Cloud's `textPayload`, Loki exports.
//!
//! ```text
//! {"log":"boom\n","stream":"stderr","kubernetes":{"pod_name":"web-1","container_name":"app"}}
//! {"timestamp":1795503903123,"message":"boom","ingestionTime":1795503904000}
//! {"textPayload":"boom","resource":{"type":"k8s_container","labels":{"container_name":"app"}},"timestamp":"2026-…"}
//! ```
//!
//! Sources: Fluent Bit "Kubernetes filter", Filebeat "Exported fields", Vector "kubernetes_logs" and "file"
//! sources, CloudWatch `GetLogEvents`, Google Cloud `LogEntry`. An object whose own keys say more than the
//! shipper's (`level`, `status`, …) is the application's, not a wrapper: it is left to the JSON formats.

use super::members::{Members, Value};
use crate::{Context, Wrapped, Wrapper, time};
use record::{Level, Time, Zone};
use std::borrow::Cow;

/// JSON of shippers.
pub(super) struct Shipper;

impl Wrapper for Shipper {
    fn name(&self) -> &'static str {
        "log shipper"
    }

    fn unwrap<'a>(&self, line: &'a str, context: &Context) -> Option<Wrapped<'a>> {
        if !line.starts_with('{') {
            return None;
        }
        let mut w = Wrapped::default();
        let mut text: Option<Cow<'a, str>> = None;
        // Keys that only a shipper writes.
        let mut marks = 0;
        // Keys of lnav's and Vector's plain form, `timestamp, source, message, host`: proof only if there are
        // no others.
        let (mut plain, mut count) = (0, 0);
        let mut gcp = false;
        let mut members = Members::of(line);
        for (key, value) in members.by_ref() {
            count += 1;
            match key {
                "log" | "message" | "MESSAGE" | "line" | "@message" => match value.text() {
                    // Filebeat's "log":{"offset":…,"file":…} stands beside "message".
                    Some(t) => {
                        text = Some(t);
                        plain += u32::from(key == "message");
                    }
                    None => marks += 1,
                },
                "textPayload" => {
                    text = value.text();
                    gcp = true;
                    marks += 1;
                }
                "kubernetes" => {
                    marks += 1;
                    names(value.object()?, &mut w);
                }
                "docker" | "container" | "resource" | "labels" | "fields" => {
                    names(value.object()?, &mut w);
                }
                "container_name" | "logStreamName" | "logStream" | "@logStream" => {
                    marks += 1;
                    w.service = value.scalar().or(w.service.take());
                }
                "container_id" | "ingestionTime" | "eventId" | "@ptr" | "logtag" | "_p" | "source_type"
                | "logGroup" | "@log" | "input" | "insertId" | "receiveTimestamp" => marks += 1,
                "stream" if matches!(value, Value::Text("stdout" | "stderr")) => marks += 1,
                "timestamp" | "@timestamp" | "time" | "date" | "ts" => {
                    plain += 1;
                    w.at = instant(value, context).or(w.at);
                }
                "host" | "hostname" => {
                    plain += 1;
                    w.node = match value.object() {
                        Some(mut inner) => inner
                            .find(|(k, _)| *k == "name" || *k == "hostname")
                            .and_then(|(_, v)| v.scalar()),
                        None => value.scalar(),
                    };
                }
                "source" => plain += 1,
                "file" | "path" | "tag" | "tags" | "@version" | "offset" | "agent" | "ecs" | "logName"
                | "event" | "prospector" | "beat" | "fluentd" | "pod" | "namespace" | "stream" | "cloud"
                | "id" => {}
                // Google's severity of plain text is DEFAULT or the stream's.
                "severity" => w.level = value.text().and_then(|s| Level::parse(&s)).unwrap_or_default(),
                _ => return None,
            }
        }
        if !members.complete() || (marks == 0 && (plain < 3 || plain != count)) {
            return None;
        }
        let mut inner = text?;
        if !gcp && w.level != Level::Unknown {
            return None;
        }
        super::trim_line_end(&mut inner);
        w.inner = inner;
        Some(w)
    }
}

/// Container, pod and host out of the metadata, flat or one level down (`"resource":{"labels":{…}}`).
fn names<'a>(metadata: Members<'a>, w: &mut Wrapped<'a>) {
    for (key, value) in metadata {
        match key {
            "container_name" | "container" | "app" if value.scalar().is_some() => w.service = value.scalar(),
            "pod_name" | "pod" if value.scalar().is_some() => w.node = value.scalar(),
            "labels" | "container" | "pod" => {
                for (inner, value) in value.object().into_iter().flatten() {
                    match inner {
                        "container_name" => w.service = value.scalar(),
                        "name" if key == "container" => w.service = value.scalar(),
                        "pod_name" => w.node = value.scalar(),
                        "name" if key == "pod" => w.node = value.scalar(),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}

fn instant(value: Value<'_>, context: &Context) -> Option<(Time, Zone)> {
    let (Value::Text(raw) | Value::Raw(raw)) = value;
    let s = time::stamp(raw, context.reference)?;
    Some((s.time, s.zone))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(String, String, String, String)> {
        let w = Shipper.unwrap(line, &Context::default())?;
        let at = w.at.map(|(t, _)| t.to_string()).unwrap_or_default();
        Some((w.service.unwrap_or_default().into(), w.node.unwrap_or_default().into(), at, w.inner.into()))
    }

    fn s(a: &str, b: &str, c: &str, d: &str) -> Option<(String, String, String, String)> {
        Some((a.into(), b.into(), c.into(), d.into()))
    }

    #[test]
    fn shippers_of_many_houses() {
        let at = "2026-11-24T07:05:03.123Z";
        assert_eq!(
            read(
                r#"{"date":1795503903.123,"log":"boom\n","stream":"stderr","kubernetes":{"pod_name":"web-1","container_name":"app","labels":{"app":"x"}}}"#
            ),
            s("app", "web-1", at, "boom")
        );
        assert_eq!(
            read(r#"{"timestamp":1795503903123,"message":"boom","ingestionTime":1795503904000}"#),
            s("", "", at, "boom")
        );
        assert_eq!(
            read(
                r#"{"textPayload":"boom","insertId":"a","resource":{"type":"k8s_container","labels":{"container_name":"app","pod_name":"p"}},"timestamp":"2026-11-24T07:05:03.123Z","severity":"ERROR","logName":"x"}"#
            ),
            s("app", "p", at, "boom")
        );
        assert_eq!(
            read(
                r#"{"@timestamp":"2026-11-24T07:05:03.123Z","log":{"offset":1,"file":{"path":"/a"}},"message":"boom","input":{"type":"log"},"host":{"name":"h1"},"agent":{"type":"filebeat"},"ecs":{"version":"8"}}"#
            ),
            s("", "h1", at, "boom")
        );
        assert_eq!(
            read(
                r#"{"timestamp":"2026-11-24 07:05:03.123","source":"f.log","message":"Nov  3 09:23:38 h app: x","host":"h"}"#
            ),
            s("", "h", at, "Nov  3 09:23:38 h app: x")
        );
    }

    #[test]
    fn objects_that_the_application_wrote_stay_whole() {
        for l in [
            r#"{"level":"error","message":"boom","kubernetes":{"pod_name":"p"}}"#,
            r#"{"timestamp":"2026-11-24T07:05:03Z","message":"boom"}"#,
            r#"{"message":"boom","severity":"ERROR","timestamp":"2026-11-24T07:05:03Z","host":"a","stream":"stdout"}"#,
            r#"{"ts":"2026-11-24T07:05:03+00:00","addr":"203.0.113.73","method":"GET"}"#,
            r#"{"time":"x","host":"y"}"#,
            "{",
            "",
        ] {
            assert_eq!(read(l), None, "{l}");
        }
    }
}
