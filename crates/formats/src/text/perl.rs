//! Perl's frameworks: Mojolicious and Dancer2. (Catalyst's `[error] …` is read by `general.rs`.)
//!
//! ```text
//! [2026-11-24 07:38:08.53123] [1234] [error] [kx3Qm7aBz2Lq] Can't locate object method "total" via package "Shop::Cart" at lib/Shop/Cart.pm line 31.
//! [Shop:1234] error @2026-11-24 07:38:08> Route exception: boom in /srv/shop/lib/Shop.pm l. 12
//! ```
//!
//! Sources: `Mojo::Log` (default format; the request's id is a tag of `Mojolicious::Controller`),
//! `Dancer2::Core::Role::Logger`
//! (`[%a:%P] %L @%T> %m in %f l. %l`).

use super::prefix::{Prefix, bracketed_stamp, group, level, process, stamp};
use crate::{Context, Entry, LineFormat};

/// Mojolicious' log.
pub(super) struct Mojolicious;
/// Dancer2's default format.
pub(super) struct Dancer;

impl LineFormat for Mojolicious {
    fn name(&self) -> &'static str {
        "mojolicious"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let (at, rest) = bracketed_stamp(line, context)?;
        let (pid, rest) = group(rest.strip_prefix(' ')?, '[', ']')?;
        let pid = process(pid).filter(|p| p.len() == pid.len())?;
        let (name, rest) = group(rest.strip_prefix(' ')?, '[', ']')?;
        if !matches!(name, "trace" | "debug" | "info" | "warn" | "error" | "fatal") {
            return None;
        }
        let mut prefix = Prefix { at: Some(at), level: level(name)?, pid: Some(pid), ..Prefix::default() };
        let mut message = rest.strip_prefix(' ').unwrap_or(rest);
        if let Some((id, after)) = group(message, '[', ']')
            && (8..=16).contains(&id.len())
            && id.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'))
        {
            prefix.id = Some(id);
            message = after.strip_prefix(' ').unwrap_or(after);
        }
        Some(prefix.entry(message))
    }
}

impl LineFormat for Dancer {
    fn name(&self) -> &'static str {
        "dancer"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let (who, rest) = group(line, '[', ']')?;
        let (app, pid) = who.rsplit_once(':')?;
        let pid = process(pid)?;
        let (name, rest) = rest.strip_prefix(' ')?.split_once('@')?;
        let level = level(if name.trim() == "core" { "info" } else { name })?;
        let (at, rest) = stamp(rest, context)?;
        let message = rest.strip_prefix('>')?.trim_start();
        Some(Entry {
            at: Some(at),
            level,
            pid: Some(pid.into()),
            service: Some(app.into()),
            message: message.into(),
            ..Entry::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::Level;

    #[test]
    fn both_frameworks_are_read() {
        let c = Context::default();
        let e = Mojolicious.read("[2026-11-24 07:38:08.53123] [1234] [error] [kx3Qm7aBz2Lq] Can't locate object method \"total\" at lib/Cart.pm line 31.", &c).unwrap();
        assert_eq!(
            (e.level, e.pid.as_deref(), e.message.as_ref()),
            (Level::Error, Some("1234"), "Can't locate object method \"total\" at lib/Cart.pm line 31.")
        );
        assert_eq!(e.request.unwrap().id.as_deref(), Some("kx3Qm7aBz2Lq"));
        let e = Dancer.read("[Shop:1234] error @2026-11-24 07:38:08> Route exception: boom in /srv/shop/lib/Shop.pm l. 12", &c).unwrap();
        assert_eq!(
            (e.level, e.service.as_deref(), e.message.as_ref()),
            (Level::Error, Some("Shop"), "Route exception: boom in /srv/shop/lib/Shop.pm l. 12")
        );
    }

    #[test]
    fn lines_of_others_are_refused() {
        for l in ["", "[2026-11-24 07:20:05 +0000] [17398] [ERROR] x", "[a:b] c @d> e", "[error] x", "é"] {
            assert!(Mojolicious.read(l, &Context::default()).is_none(), "{l}");
            assert!(Dancer.read(l, &Context::default()).is_none(), "{l}");
        }
    }
}
