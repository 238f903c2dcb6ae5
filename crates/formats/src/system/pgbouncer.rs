//! PgBouncer, and Odyssey's like.
//!
//! ```text
//! 2026-11-24 07:05:11.835 UTC [1] WARNING C-0x55d0: shop/app@10.0.0.5:51234 pooler error: no more connections allowed
//! 2026-11-24 07:05:11.835 UTC [1] LOG S-0x55d0: shop/app@10.0.0.9:5432 closing because: server conn crashed? (age=12s)
//! ```
//!
//! Source: PgBouncer `lib/usual/logging.c` (time, zone, pid, level) and `src/util.c` (`C-`lient or `S-`erver
//! with database, user and address).

use super::stamp;
use crate::{Context, Entry, LineFormat};
use record::Level;

/// The pool in front of PostgreSQL.
pub(super) struct Pgbouncer;

impl LineFormat for Pgbouncer {
    fn name(&self) -> &'static str {
        "pgbouncer"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if !line.as_bytes().first()?.is_ascii_digit() {
            return None;
        }
        let bracket = memchr::memchr(b'[', line.as_bytes().get(..line.len().min(48))?)?;
        let (pid, rest) = line.get(bracket + 1..)?.split_once("] ")?;
        let (word, mut message) = rest.split_once(' ')?;
        let level = match word {
            "LOG" | "INFO" => Level::Info,
            "WARNING" => Level::Warn,
            "ERROR" => Level::Error,
            "FATAL" => Level::Fatal,
            "DEBUG" | "NOISE" => Level::Debug,
            _ => return None,
        };
        if !pid.bytes().all(|c| c.is_ascii_digit()) {
            return None;
        }
        let (at, between) = stamp(line.get(..bracket)?, context)?;
        if !between.trim().is_empty() {
            return None;
        }
        let mut entry = Entry { at: Some(at), level, pid: Some(pid.into()), ..Entry::default() };
        // C-0x55d0: shop/app@10.0.0.5:51234 pooler error: …
        if message.starts_with("C-") || message.starts_with("S-") {
            let side = if message.starts_with('C') { "client" } else { "server" };
            if let Some((_, after)) = message.split_once(": ")
                && let Some((who, said)) = after.split_once(' ')
            {
                let (names, peer) = who.split_once('@').unwrap_or((who, ""));
                let (database, user) = names.split_once('/').unwrap_or((names, ""));
                for (key, value) in [("database", database), ("user", user), (side, peer)] {
                    if !value.is_empty() && value != "(nodb)" && value != "(nouser)" {
                        entry.fields.push((key.into(), value.into()));
                    }
                }
                message = said;
            }
        }
        entry.message = message.into();
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_and_server_are_named() {
        let c = Context::default();
        let line = "2026-11-24 07:05:11.835 UTC [1] WARNING C-0x55d0: shop/app@10.0.0.5:51234 pooler error: no more connections allowed (max_client_conn)";
        let e = Pgbouncer.read(line, &c).unwrap();
        assert_eq!(
            (e.level, e.message.as_ref()),
            (Level::Warn, "pooler error: no more connections allowed (max_client_conn)")
        );
        let fields: Vec<_> = e.fields.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(fields, ["database=shop", "user=app", "client=10.0.0.5:51234"]);
        let e = Pgbouncer.read("2026-11-24 07:05:11.835 UTC [1] LOG listening on 0.0.0.0:6432", &c).unwrap();
        assert_eq!(e.message, "listening on 0.0.0.0:6432");
    }

    #[test]
    fn others_are_refused() {
        for l in [
            "2026-11-24 07:05:11 [1] [ERROR] x",
            "2026-11-24 07:05:11 UTC [1] LOG:  x",
            "2026-11-24 07:05:11 app [1] INFO x",
            "",
            "[1] LOG x",
        ] {
            assert!(Pgbouncer.read(l, &Context::default()).is_none(), "{l}");
        }
    }
}
