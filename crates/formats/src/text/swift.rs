//! Swift on the server: Vapor's console and swift-log's stream handler.
//!
//! ```text
//! [ ERROR ] Abort.500: boom [request-id: 5B2A4F0E-7C1D-4E7A-9B1C-2D3E4F5A6B7C] (App/Controllers/OrderController.swift:31)
//! 2026-11-24T07:30:12+0000 error shop : request-id=5B2A4F0E-7C1D [App] query failed
//! ```
//!
//! Sources: `ConsoleKit` (`ConsoleLogger`), `swift-log` (`StreamLogHandler`).

use super::pairs;
use super::prefix::{group, level, loud_level, stamp, word};
use crate::{Context, Entry, LineFormat, RequestRef};

/// Vapor's console logger.
pub(super) struct Vapor;
/// swift-log's default handler.
pub(super) struct SwiftLog;

impl LineFormat for Vapor {
    fn name(&self) -> &'static str {
        "vapor"
    }

    fn read<'a>(&self, line: &'a str, _: &Context) -> Option<Entry<'a>> {
        let (name, rest) = line.strip_prefix("[ ")?.split_once(" ] ")?;
        let (level, "") = loud_level(name)? else { return None };
        let mut entry = Entry { level, message: rest.into(), ..Entry::default() };
        if let Some((said, tail)) = rest.split_once(" [request-id: ")
            && let Some((id, place)) = tail.split_once(']')
        {
            entry.message = said.into();
            entry.request = Some(RequestRef {
                id: Some(id.split(',').next().unwrap_or(id).into()),
                ..RequestRef::default()
            });
            if let Some((place, _)) = group(place.trim_start(), '(', ')') {
                entry.fields.push(("place".into(), place.into()));
            }
        }
        Some(entry)
    }
}

impl LineFormat for SwiftLog {
    fn name(&self) -> &'static str {
        "swift-log"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if !line.starts_with("20") {
            return None;
        }
        let (at, rest) = stamp(line, context)?;
        let (name, rest) = word(rest.strip_prefix(' ')?);
        if !matches!(name, "trace" | "debug" | "info" | "notice" | "warning" | "error" | "critical") {
            return None;
        }
        let (label, rest) = word(rest);
        // "label :" or "label:", metadata, "[Module] message".
        let rest = match label.strip_suffix(':') {
            Some(_) => rest,
            None => rest.strip_prefix(": ").or_else(|| rest.strip_prefix(':'))?,
        };
        let (metadata, message) = rest.split_once('[')?;
        let (module, message) = message.split_once("] ")?;
        if module.contains(' ') || !metadata.is_empty() && !metadata.contains('=') {
            return None;
        }
        let mut entry = Entry {
            at: Some(at),
            level: level(name)?,
            message: message.into(),
            fields: vec![("logger".into(), module.into())],
            ..Entry::default()
        };
        pairs::apply(pairs::split(metadata).1, &mut entry);
        if let Some((_, id)) = entry.fields.iter().find(|(k, _)| k == "request-id") {
            entry.request =
                Some(RequestRef { id: Some(id.clone()), ..entry.request.take().unwrap_or_default() });
        }
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::Level;

    #[test]
    fn both_are_read() {
        let e = Vapor
            .read(
                "[ ERROR ] Abort.500: boom [request-id: 5B2A4F0E-7C1D] (App/OrderController.swift:31)",
                &Context::default(),
            )
            .unwrap();
        assert_eq!((e.level, e.message.as_ref()), (Level::Error, "Abort.500: boom"));
        assert_eq!(e.request.unwrap().id.as_deref(), Some("5B2A4F0E-7C1D"));
        let e = SwiftLog
            .read(
                "2026-11-24T07:30:12+0000 error shop : request-id=5B2A4F0E-7C1D [App] query failed",
                &Context::default(),
            )
            .unwrap();
        assert_eq!((e.level, e.message.as_ref()), (Level::Error, "query failed"));
        assert_eq!(e.request.unwrap().id.as_deref(), Some("5B2A4F0E-7C1D"));
    }

    #[test]
    fn lines_of_others_are_refused() {
        for l in [
            "",
            "[ x ] y",
            "2026-11-24T07:30:12+0000 error boom",
            "2026-11-24T07:30:12+0000 error: [x] y",
            "é",
        ] {
            assert!(Vapor.read(l, &Context::default()).is_none(), "{l}");
            assert!(SwiftLog.read(l, &Context::default()).is_none(), "{l}");
        }
    }
}
