//! foreman and honcho: processes of a Procfile.
//!
//! ```text
//! 07:05:03 web.1  | => Booting Puma
//! ```
//!
//! Source: foreman `lib/foreman/engine/cli.rb` (`%H:%M:%S name.N | `); the day is the file's.

use super::pm2::{clock, on_day_of, padded_name};
use crate::{Context, Wrapped, Wrapper};
use record::Zone;

/// `foreman start`.
pub(super) struct Foreman;

impl Wrapper for Foreman {
    fn name(&self) -> &'static str {
        "foreman"
    }

    fn unwrap<'a>(&self, line: &'a str, context: &Context) -> Option<Wrapped<'a>> {
        let (seconds, rest) = clock(line)?;
        let (name, inner) = padded_name(rest)?;
        let (process, number) =
            name.rsplit_once('.').or_else(|| (name == "system").then_some((name, "1")))?;
        if !process.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'))
            || number.parse::<u16>().is_err()
        {
            return None;
        }
        let at = Some((on_day_of(context.reference, seconds), Zone::Clock));
        Some(Wrapped { inner: inner.into(), at, service: Some(name.into()), ..Wrapped::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_have_a_number() {
        let c = Context { reference: record::Time::from_secs(1_795_503_910), ..Context::default() };
        let w = Foreman.unwrap("07:05:03 web.1  | => Booting Puma", &c).unwrap();
        assert_eq!((w.service.as_deref(), w.inner.as_ref()), (Some("web.1"), "=> Booting Puma"));
        assert_eq!(w.at.unwrap().0.to_string(), "2026-11-24T07:05:03Z");
        for l in ["07:05:03 INFO | x", "07:05:03 a.b | x", "web.1 | x", "07:05:03 web.1 x"] {
            assert!(Foreman.unwrap(l, &c).is_none(), "{l}");
        }
    }
}
