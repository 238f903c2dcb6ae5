//! `journalctl -o json`: one object per entry.
//!
//! ```text
//! {"__REALTIME_TIMESTAMP":"1795504009871961","PRIORITY":"6","SYSLOG_IDENTIFIER":"reports-svc","_HOSTNAME":"rep1",
//!  "_TRANSPORT":"stdout","_PID":"13245","_SYSTEMD_UNIT":"reports-svc.service","MESSAGE":"ready"}
//! ```
//!
//! Source: systemd "Journal JSON Format": all values are strings, a message that is no clean UTF-8 is an
//! array of bytes, one that is too long is `null`; fields that occur twice are arrays.

use super::members::{Members, Value};
use crate::{Context, Wrapped, Wrapper};
use record::{Level, Time, Zone};
use std::borrow::Cow;

/// The journal as JSON lines.
pub(super) struct JournalJson;

impl Wrapper for JournalJson {
    fn name(&self) -> &'static str {
        "journal json"
    }

    fn unwrap<'a>(&self, line: &'a str, _context: &Context) -> Option<Wrapped<'a>> {
        if !line.starts_with('{') || memchr::memmem::find(line.as_bytes(), b"\"MESSAGE\"").is_none() {
            return None;
        }
        let mut w = Wrapped::default();
        let (mut message, mut identifier, mut container, mut unit, mut comm) = (None, None, None, None, None);
        let (mut stdout, mut journal) = (false, false);
        let mut members = Members::of(line);
        for (key, value) in members.by_ref() {
            match key {
                "MESSAGE" => message = text(value),
                "__REALTIME_TIMESTAMP" => w.at = w.at.or(value.number().map(|us| (Time(us), Zone::Stated))),
                // When the program itself spoke, where it said so.
                "_SOURCE_REALTIME_TIMESTAMP" => {
                    w.at = value.number().map(|us| (Time(us), Zone::Stated)).or(w.at)
                }
                "PRIORITY" => {
                    w.level = value.number().and_then(Level::of_syslog).unwrap_or_default();
                }
                "SYSLOG_IDENTIFIER" => identifier = value.text(),
                "CONTAINER_NAME" => container = value.text(),
                "_SYSTEMD_UNIT" | "UNIT" => unit = value.text(),
                "_COMM" => comm = value.text(),
                "_PID" | "SYSLOG_PID" => w.pid = value.scalar().or(w.pid.take()),
                "_HOSTNAME" => w.node = value.text(),
                "_TRANSPORT" => stdout = value.text().as_deref() == Some("stdout"),
                _ => {}
            }
            journal |= key.starts_with("__")
                || matches!(key, "_TRANSPORT" | "_BOOT_ID" | "PRIORITY" | "SYSLOG_IDENTIFIER");
        }
        if !journal || !members.complete() {
            return None;
        }
        w.inner = message?;
        super::trim_line_end(&mut w.inner);
        // Standard output has no severity of its own: 6 is the unit's default; Docker's driver says 3 for
        // standard error.
        if stdout && w.level == Level::Info || container.is_some() {
            w.level = Level::Unknown;
        }
        w.service = container.or(identifier).or_else(|| unit.map(unit_name)).or(comm);
        Some(w)
    }
}

/// A message: a string, or an array of bytes.
fn text(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value {
        Value::Text(_) => value.text(),
        Value::Raw("null") => Some(Cow::Borrowed("")),
        Value::Raw(raw) => {
            let inside = raw.strip_prefix('[')?.strip_suffix(']')?;
            // A field that came twice is an array of strings: the last one counts.
            if inside.trim_start().starts_with('"') {
                let last = inside.rsplit("\",").next()?.trim().trim_matches('"');
                return Some(super::members::unescape(last));
            }
            let mut bytes = Vec::with_capacity(inside.len() / 3);
            for n in inside.split(',') {
                bytes.push(n.trim().parse::<u8>().ok()?);
            }
            Some(Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()))
        }
    }
}

fn unit_name(unit: Cow<'_, str>) -> Cow<'_, str> {
    match unit {
        Cow::Borrowed(u) => Cow::Borrowed(u.strip_suffix(".service").unwrap_or(u)),
        Cow::Owned(u) => Cow::Owned(u.strip_suffix(".service").unwrap_or(&u).to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<Wrapped<'_>> {
        JournalJson.unwrap(line, &Context::default())
    }

    #[test]
    fn an_entry_of_a_service() {
        let line = r#"{"__CURSOR":"s=5b;i=2f4c","__REALTIME_TIMESTAMP":"1795504026117389","_BOOT_ID":"9d","PRIORITY":"6","SYSLOG_IDENTIFIER":"reports-svc","_HOSTNAME":"rep1","_TRANSPORT":"stdout","_PID":"13370","_SYSTEMD_UNIT":"reports-svc.service","MESSAGE":"<--- JS stacktrace --->"}"#;
        let w = read(line).unwrap();
        assert_eq!(w.inner, "<--- JS stacktrace --->");
        assert_eq!(
            (w.service.as_deref(), w.node.as_deref(), w.pid.as_deref()),
            (Some("reports-svc"), Some("rep1"), Some("13370"))
        );
        assert_eq!(
            (w.level, w.at.unwrap().0.to_string()),
            (Level::Unknown, "2026-11-24T07:07:06.117389Z".into())
        );
    }

    #[test]
    fn bytes_blanks_and_units() {
        let line = r#"{ "__REALTIME_TIMESTAMP" : "1795504026117389", "PRIORITY" : "3", "_SYSTEMD_UNIT" : "php8.2-fpm.service", "MESSAGE" : [ 104, 105, 255 ] }"#;
        let w = read(line).unwrap();
        assert_eq!(
            (w.inner.as_ref(), w.service.as_deref(), w.level),
            ("hi\u{fffd}", Some("php8.2-fpm"), Level::Error)
        );
        assert_eq!(read(r#"{"__CURSOR":"x","MESSAGE":null}"#).unwrap().inner, "");
    }

    #[test]
    fn an_applications_json_is_refused() {
        assert!(read(r#"{"MESSAGE":"x","level":"info"}"#).is_none());
        assert!(read(r#"{"__CURSOR":"x","MESSAGE":"torn"#).is_none());
        assert!(read(r#"{"message":"x"}"#).is_none());
    }
}
