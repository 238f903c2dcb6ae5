//! Docker's json-file driver, one object per line.
//!
//! ```text
//! {"log":"notify-api 4.0.3 listening\n","stream":"stdout","time":"2026-11-24T07:27:31.945113423Z"}
//! {"log":"ready\n","stream":"stderr","attrs":{"tag":"web"},"time":"2026-11-24T07:27:31.945113423Z"}
//! ```
//!
//! Source: moby `daemon/logger/jsonfilelog/jsonlog` (`log`, `stream`, `attrs`, `time`, in that order). A
//! `log` without its line end is the first part of a line of more than 16 KB.

use super::members::Members;
use crate::{Context, Wrapped, Wrapper, time};

/// `/var/lib/docker/containers/ID/ID-json.log`.
pub(super) struct DockerJson;

impl Wrapper for DockerJson {
    fn name(&self) -> &'static str {
        "docker json-file"
    }

    fn unwrap<'a>(&self, line: &'a str, context: &Context) -> Option<Wrapped<'a>> {
        if !line.starts_with("{\"log\":\"") {
            return None;
        }
        let (mut log, mut stream, mut stderr, mut at, mut service) = (None, false, false, None, None);
        let mut members = Members::of(line);
        for (key, value) in members.by_ref() {
            match key {
                "log" => log = value.text(),
                "stream" => {
                    let name = value.text();
                    stderr = name.as_deref() == Some("stderr");
                    stream = stderr || name.as_deref() == Some("stdout");
                }
                "time" => {
                    let text = value.text()?;
                    at = time::stamp(&text, context.reference).map(|s| (s.time, s.zone));
                }
                "attrs" => service = value.object().and_then(tag),
                // Fluent Bit and others write `log` first too; theirs is another wrapper.
                _ => return None,
            }
        }
        if !members.complete() || !stream || at.is_none() {
            return None;
        }
        let mut inner = log?;
        let partial = !inner.ends_with('\n');
        super::trim_line_end(&mut inner);
        Some(Wrapped { inner, at, service, partial, stderr, ..Wrapped::default() })
    }
}

/// The name in the attributes: the `tag` option, else the service label of compose, else the container's
/// name.
fn tag(attrs: Members<'_>) -> Option<std::borrow::Cow<'_, str>> {
    let mut best = None;
    for (key, value) in attrs {
        match key {
            "com.docker.compose.service" | "com.docker.swarm.service.name" => return value.text(),
            "tag" | "name" => best = best.or_else(|| value.text()),
            _ => {}
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<Wrapped<'_>> {
        DockerJson.unwrap(line, &Context::default())
    }

    #[test]
    fn the_line_inside_keeps_its_own_json() {
        let line = r#"{"log":"{\"level\":\"info\",\"time\":1795505251932,\"msg\":\"notify-api 4.0.3 listening\"}\n","stream":"stdout","time":"2026-11-24T07:27:31.945113423Z"}"#;
        let w = read(line).unwrap();
        assert_eq!(w.inner, r#"{"level":"info","time":1795505251932,"msg":"notify-api 4.0.3 listening"}"#);
        assert_eq!(w.at.unwrap().0.to_string(), "2026-11-24T07:27:31.945113Z");
        assert!(!w.partial);
    }

    #[test]
    fn a_long_line_comes_in_parts_and_attributes_name_the_service() {
        let w =
            read(r#"{"log":"half a","stream":"stderr","attrs":{"tag":"web"},"time":"2026-11-24T07:27:31Z"}"#)
                .unwrap();
        assert_eq!((w.inner.as_ref(), w.partial, w.service.as_deref()), ("half a", true, Some("web")));
        let w = read(r#"{"log":"\r\n","stream":"stderr","time":"2026-11-24T07:27:31Z"}"#).unwrap();
        assert_eq!((w.inner.as_ref(), w.partial), ("", false));
    }

    #[test]
    fn the_apps_own_json_is_not_unwrapped() {
        assert!(read(r#"{"log":"x","level":"info"}"#).is_none());
        assert!(read(r#"{"log":"x\n","stream":"stdout","time":"2026-11-24T07:27:31Z","#).is_none());
        assert!(read(r#"{"level":"info","time":1795505251932}"#).is_none());
    }
}
