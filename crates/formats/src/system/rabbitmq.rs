//! RabbitMQ.
//!
//! ```text
//! 2026-11-24 07:05:11.835123+00:00 [error] <0.1234.0> Channel error on connection <0.1220.0>: …
//! =ERROR REPORT==== 24-Nov-2026::07:05:11 ===
//! ```
//!
//! Source: RabbitMQ "Logging" (since 3.9; the level was padded, before 3.7 Erlang's report heads).

use super::stamp;
use crate::{Context, Entry, LineFormat, time};
use record::Level;

/// RabbitMQ and other Erlang programs with the same formatter.
pub(super) struct Rabbitmq;

impl LineFormat for Rabbitmq {
    fn name(&self) -> &'static str {
        "rabbitmq"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if let Some(rest) = line.strip_prefix('=') {
            let (kind, rest) = rest.split_once(" REPORT==== ")?;
            // Any Erlang program wrote such heads.
            if !context.file_name.contains("rabbit") {
                return None;
            }
            let level = match kind {
                "ERROR" | "CRASH" | "SUPERVISOR" => Level::Error,
                "WARNING" => Level::Warn,
                "INFO" | "PROGRESS" => Level::Info,
                _ => return None,
            };
            // 24-Nov-2026::07:05:11.123456 ===
            let (day, clock) = rest.trim_end_matches(['=', ' ']).split_once("::")?;
            let spelt = format!("{day} {clock}");
            let at = time::stamp(&spelt, context.reference).map(|s| (s.time, s.zone));
            return Some(Entry { at, level, message: line.into(), ..Entry::default() });
        }
        if !line.as_bytes().first()?.is_ascii_digit() {
            return None;
        }
        let bracket = memchr::memmem::find(line.as_bytes().get(..line.len().min(64))?, b" [")?;
        let (level, rest) = line.get(bracket + 2..)?.split_once("] ")?;
        let (process, message) = rest.split_once(' ')?;
        let erlang = process.strip_prefix('<').and_then(|p| p.strip_suffix('>'))?;
        if erlang.is_empty() || !erlang.bytes().all(|c| c.is_ascii_digit() || c == b'.') {
            return None;
        }
        let level = Level::parse(level)?;
        let (at, "") = stamp(line.get(..bracket)?, context)? else { return None };
        Some(Entry {
            at: Some(at),
            level,
            pid: Some(process.into()),
            message: message.into(),
            ..Entry::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_and_old_heads() {
        let c = Context::default();
        let e = Rabbitmq
            .read("2026-11-24 07:05:11.835123+00:00 [error] <0.1234.0> Channel error on connection", &c)
            .unwrap();
        assert_eq!(
            (e.level, e.pid.as_deref(), e.message.as_ref()),
            (Level::Error, Some("<0.1234.0>"), "Channel error on connection")
        );
        let old = "=ERROR REPORT==== 24-Nov-2026::07:05:11 ===";
        assert!(Rabbitmq.read(old, &c).is_none());
        let named = Context { file_name: "rabbit@shop.log".into(), ..Context::default() };
        let e = Rabbitmq.read(old, &named).unwrap();
        assert_eq!(e.at.unwrap().0.to_string(), "2026-11-24T07:05:11Z");
        for l in ["2026-11-24 07:05:11 [error] x y", "2026-11-24 07:05:11 [error] <div> y", "=x", ""] {
            assert!(Rabbitmq.read(l, &c).is_none(), "{l}");
        }
    }
}
