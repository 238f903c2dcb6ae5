//! MongoDB: JSON since 4.4, text before.
//!
//! ```text
//! {"t":{"$date":"2026-11-24T07:05:09.401+00:00"},"s":"E","c":"NETWORK","id":23024,"ctx":"listener","msg":"Failed to unlink socket file","attr":{"path":"/tmp/x"}}
//! 2026-11-24T07:05:09.401+0000 E STORAGE  [initandlisten] WiredTiger error (28) …
//! ```
//!
//! Source: MongoDB manual, "Log Messages" (severities F, E, W, I, D, D1 to D5).

use super::stamp;
use crate::wrap::members::Members;
use crate::{Context, Entry, LineFormat};
use record::Level;
use std::borrow::Cow;

/// mongod and mongos, structured.
pub(super) struct MongoJson;

/// mongod and mongos before 4.4.
pub(super) struct MongoText;

fn severity(name: &str) -> Option<Level> {
    Some(match name {
        "F" => Level::Fatal,
        "E" => Level::Error,
        "W" => Level::Warn,
        "I" => Level::Info,
        "D" | "D1" | "D2" | "D3" | "D4" | "D5" => Level::Debug,
        _ => return None,
    })
}

impl LineFormat for MongoJson {
    fn name(&self) -> &'static str {
        "mongodb"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if !line.starts_with('{')
            || memchr::memmem::find(line.as_bytes().get(..line.len().min(64))?, b"$date").is_none()
        {
            return None;
        }
        let mut entry = Entry { closed: true, ..Entry::default() };
        let (mut message, mut attributes) = (None, None);
        let mut members = Members::of(line);
        for (key, value) in members.by_ref() {
            match key {
                "t" => {
                    let date = value.object()?.find(|(k, _)| *k == "$date").and_then(|(_, v)| v.scalar())?;
                    entry.at = stamp(&date, context).map(|(at, _)| at);
                }
                "s" => entry.level = severity(&value.text()?)?,
                "msg" => message = value.text(),
                "c" => entry.service = value.text().filter(|c| c != "-"),
                "ctx" => entry.fields.extend(value.text().map(|v| ("ctx".into(), v))),
                "id" => entry.fields.extend(value.scalar().map(|v| ("id".into(), v))),
                "attr" => attributes = value.object(),
                _ => {}
            }
        }
        if !members.complete() {
            return None;
        }
        entry.at?;
        entry.message = message?;
        // The message alone says little ("Slow query"): the attributes that name the fault go with it.
        for (key, value) in attributes.into_iter().flatten() {
            match key {
                "error" | "errmsg" | "errMsg" | "reason" | "exception" | "message" => {
                    let text: Cow<'_, str> = match value.scalar() {
                        Some(text) => text,
                        None => match value
                            .object()
                            .and_then(|mut o| o.find(|(k, _)| *k == "errmsg"))
                            .and_then(|(_, v)| v.text())
                        {
                            Some(text) => text,
                            None => continue,
                        },
                    };
                    let to = entry.message.to_mut();
                    to.push_str(": ");
                    to.push_str(&text);
                }
                "remote" | "address" | "port" | "ns" | "durationMillis" | "path" | "signal" | "host"
                | "peer" => {
                    entry.fields.extend(value.scalar().map(|v| (Cow::Borrowed(key), v)));
                }
                _ => {}
            }
        }
        Some(entry)
    }
}

impl LineFormat for MongoText {
    fn name(&self) -> &'static str {
        "mongodb text"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if line.as_bytes().get(10) != Some(&b'T') {
            return None;
        }
        let (at, rest) = stamp(line, context)?;
        let (level, rest) = rest.strip_prefix(' ')?.split_once(' ')?;
        let level = severity(level)?;
        let (component, rest) = rest.split_once(' ')?;
        let known = component == "-"
            || !component.is_empty() && component.bytes().all(|c| c.is_ascii_uppercase() || c == b'_');
        let (thread, message) = rest.trim_start_matches(' ').strip_prefix('[')?.split_once("] ")?;
        if !known {
            return None;
        }
        let mut entry = Entry { at: Some(at), level, message: message.into(), ..Entry::default() };
        entry.fields.push(("ctx".into(), thread.into()));
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_with_its_error() {
        let line = r#"{"t":{"$date":"2026-11-24T07:05:09.401+00:00"},"s":"E",  "c":"CONTROL",  "id":20568,   "ctx":"initandlisten","msg":"Error setting up listener","attr":{"error":{"code":9001,"codeName":"SocketException","errmsg":"Address already in use"}}}"#;
        let e = MongoJson.read(line, &Context::default()).unwrap();
        assert_eq!(e.message, "Error setting up listener: Address already in use");
        assert_eq!((e.level, e.service.as_deref(), e.closed), (Level::Error, Some("CONTROL"), true));
        assert_eq!(e.at.unwrap().0.to_string(), "2026-11-24T07:05:09.401Z");
    }

    #[test]
    fn text_of_the_old_days() {
        let line = "2026-11-24T07:05:09.401+0000 E STORAGE  [initandlisten] WiredTiger error (28)";
        let e = MongoText.read(line, &Context::default()).unwrap();
        assert_eq!((e.level, e.message.as_ref()), (Level::Error, "WiredTiger error (28)"));
    }

    #[test]
    fn others_are_refused() {
        for l in
            [r#"{"t":1,"s":"E"}"#, r#"{"level":"info","x":"$date"}"#, "2026-11-24T07:05:09Z E x", "{", ""]
        {
            assert!(MongoJson.read(l, &Context::default()).is_none(), "{l}");
            assert!(MongoText.read(l, &Context::default()).is_none(), "{l}");
        }
    }
}
