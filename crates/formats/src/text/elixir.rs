//! Elixir's Logger, Lager, and Erlang/OTP reports.
//!
//! ```text
//! 07:32:12.123 request_id=F9x2KQJmPZJ3zwQAAABj [error] #PID<0.501.0> running ShopWeb.Endpoint (connection #PID<0.500.0>, stream id 1) terminated
//! 2026-11-24 07:32:12.123 [error] <0.1234.0>@shop_handler:init:42 boom
//! =ERROR REPORT==== 24-Nov-2026::07:30:12.123456 ===
//! ```
//!
//! Sources: `Logger.Formatter` (default pattern `\n$time $metadata[$level] $message\n`), lager's default
//! formatter,
//! `error_logger_tty_h`. OTP's own text formatter (`2026-11-24T07:30:12.123456+00:00 error: …`) is read by
//! `general.rs`.

use super::prefix::{clock, group, level, stamp};
use crate::{Context, Entry, LineFormat, RequestRef};
use record::Level;

/// Elixir's Logger and Lager.
pub(super) struct ElixirLogger;
/// The banner of an OTP report; its message follows on the next lines.
pub(super) struct OtpReport;

impl LineFormat for ElixirLogger {
    fn name(&self) -> &'static str {
        "elixir"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if !line.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let (at, rest) = clock(line, context).or_else(|| stamp(line, context))?;
        let mut rest = rest.strip_prefix(' ')?;
        let mut entry = Entry { at: Some(at), ..Entry::default() };
        let mut request = RequestRef::default();
        let mut metadata = false;
        // $metadata: key=value pairs before the level; since 1.? sites put them behind it too.
        for _ in 0..12 {
            if entry.level == Level::Unknown
                && let Some((inner, after)) = group(rest, '[', ']')
            {
                let l = level(inner).filter(|_| inner.starts_with(|c: char| c.is_ascii_lowercase()))?;
                entry.level = l;
                rest = after.strip_prefix(' ').unwrap_or(after);
                continue;
            }
            let (pair, after) = rest.split_once(' ').unwrap_or((rest, ""));
            let Some((key, value)) = pair.split_once('=').filter(|(k, _)| {
                matches!(
                    *k,
                    "request_id"
                        | "pid"
                        | "mfa"
                        | "file"
                        | "line"
                        | "module"
                        | "function"
                        | "application"
                        | "domain"
                        | "trace_id"
                        | "span_id"
                        | "user_id"
                        | "node"
                ) || entry.level == Level::Unknown
                    && !k.is_empty()
                    && k.bytes().all(|c| c.is_ascii_lowercase() || c == b'_')
            }) else {
                break;
            };
            metadata = true;
            match key {
                "request_id" => request.id = Some(value.into()),
                "trace_id" => request.trace = Some(value.into()),
                "pid" => entry.pid = Some(value.into()),
                _ => entry.fields.push((key.into(), value.into())),
            }
            rest = after;
        }
        // Lager: <0.1234.0>@module:function:line msg
        if let Some((pid, after)) = group(rest, '<', '>').filter(|(p, _)| p.starts_with("0.")) {
            entry.pid = Some(pid.into());
            rest = after;
            if let Some((place, message)) = after.strip_prefix('@').and_then(|a| a.split_once(' ')) {
                entry.fields.push(("logger".into(), place.into()));
                rest = message;
            }
            metadata = true;
        }
        // A date in front, or a time of three digits' fraction, without anything else of Elixir's: any
        // program's line.
        let daytime = line.as_bytes().get(2) == Some(&b':');
        if entry.level == Level::Unknown || !(daytime || metadata) {
            return None;
        }
        entry.message = rest.trim_start().into();
        if request != RequestRef::default() {
            entry.request = Some(request);
        }
        Some(entry)
    }
}

impl LineFormat for OtpReport {
    fn name(&self) -> &'static str {
        "erlang report"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let rest = line.strip_prefix('=')?;
        let (kind, rest) = rest.split_once(" REPORT==== ")?;
        let level = match kind {
            "ERROR" | "CRASH" => Level::Error,
            "WARNING" => Level::Warn,
            "INFO" | "PROGRESS" | "NOTICE" => Level::Info,
            "SUPERVISOR" => Level::Error,
            "CRITICAL" | "ALERT" | "EMERGENCY" => Level::Fatal,
            _ => return None,
        };
        // "24-Nov-2026::07:30:12.123456 ===": date and time are parted by two colons.
        let text = rest.trim_end().trim_end_matches('=').trim_end();
        let (date, time) = text.split_once("::")?;
        let joined = format!("{date} {time}");
        let at = stamp(&joined, context).map(|(at, _)| at)?;
        Some(Entry { at: Some(at), level, message: "".into(), ..Entry::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::of;

    #[test]
    fn metadata_names_the_request() {
        let e = of(
            &ElixirLogger,
            "07:32:12.123 request_id=F9x2KQJmPZJ3zwQAAABj [error] #PID<0.501.0> running ShopWeb.Endpoint (connection #PID<0.500.0>, stream id 1) terminated",
        );
        assert_eq!(
            (e.level, e.at.unwrap().0.to_string().as_str()),
            (Level::Error, "2026-11-24T07:32:12.123Z")
        );
        assert_eq!(
            e.message,
            "#PID<0.501.0> running ShopWeb.Endpoint (connection #PID<0.500.0>, stream id 1) terminated"
        );
        assert_eq!(e.request.unwrap().id.as_deref(), Some("F9x2KQJmPZJ3zwQAAABj"));
        let e = of(&ElixirLogger, "07:32:12.123 [info] GET /boom");
        assert_eq!((e.level, e.message.as_ref()), (Level::Info, "GET /boom"));
        let e = of(&ElixirLogger, "2026-11-24 07:32:12.123 [error] <0.1234.0>@shop_handler:init:42 boom");
        assert_eq!((e.pid.as_deref(), e.message.as_ref()), (Some("0.1234.0"), "boom"));
    }

    #[test]
    fn reports_head_what_follows() {
        let e = of(&OtpReport, "=ERROR REPORT==== 24-Nov-2026::07:30:12.123456 ===");
        assert_eq!(
            (e.level, e.at.unwrap().0.to_string().as_str(), e.message.as_ref()),
            (Level::Error, "2026-11-24T07:30:12.123456Z", "")
        );
    }

    #[test]
    fn lines_of_others_are_refused() {
        for l in [
            "",
            "07:30:12.123 [main] ERROR c.e.App - boom",
            "2026-11-24 07:30:12 [error] x",
            "=ERROR REPORT==== x",
            "07:30:12 x",
            "=== x",
            "é",
        ] {
            for f in [&ElixirLogger as &dyn LineFormat, &OtpReport] {
                assert!(f.read(l, &Context::default()).is_none(), "{} {l}", f.name());
            }
        }
    }
}
