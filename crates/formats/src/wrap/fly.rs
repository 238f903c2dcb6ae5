//! `fly logs`: what the machines of Fly.io wrote, and what the proxy before them says of requests.
//!
//! ```text
//! 2026-11-24T11:11:42Z app[148e5996b5d598] arn [info]Server listening at http://127.0.0.1:8080
//! 2026-11-24T11:11:50Z proxy[148e5996b5d598] arn [error][PC01] instance refused connection. is your app listening on 0.0.0.0:8080?
//! error.message="instance refused connection" 2026-11-24T11:11:51Z proxy[148e5996b5d598] arn [error]request.method="GET" request.url="https://shop.fly.dev/cart" request.id="01HVKW-arn" response.status=502
//! ```
//!
//! Source: flyctl `internal/render/logs.go`: time, provider and instance, region, level; behind them the message, or the fields of
//! a request. The message of an error stands before the time, or among the fields, as versions differ.

use super::timestamps::iso_stamp;
use crate::{Context, Wrapped, Wrapper};
use record::Level;
use std::borrow::Cow;

/// Fly.io's command line.
pub(super) struct Fly;

/// Longest name of a provider (`app`, `proxy`, `runner`, `health`, `machine` …).
const PROVIDER_BYTES_MAX: usize = 16;

impl Wrapper for Fly {
    fn name(&self) -> &'static str {
        "fly logs"
    }

    fn unwrap<'a>(&self, line: &'a str, context: &Context) -> Option<Wrapped<'a>> {
        let (before, line) = match line.strip_prefix("error.message=\"") {
            Some(rest) => {
                let end = rest.find("\" ")? + "error.message=\"".len() + 1;
                (line.get(..end)?, line.get(end + 1..)?)
            }
            None => ("", line),
        };
        let (at, rest) = iso_stamp(line, context)?;
        let (source, rest) = rest.split_once(' ')?;
        let (region, rest) = rest.split_once(' ')?;
        let (level, inner) = rest.strip_prefix('[')?.split_once(']')?;
        let (provider, instance) = match source.split_once('[') {
            Some((provider, instance)) => (provider, instance.strip_suffix(']')?),
            None => (source, ""),
        };
        let is_fly = (1..=PROVIDER_BYTES_MAX).contains(&provider.len())
            && provider.bytes().all(|c| c.is_ascii_lowercase())
            && instance.len() <= 40
            && instance.bytes().all(|c| c.is_ascii_hexdigit() || c == b'-')
            && region.len() == 3
            && region.bytes().all(|c| c.is_ascii_lowercase());
        if !is_fly {
            return None;
        }
        let level = Level::parse(level)?;
        let inner = inner.strip_prefix(' ').unwrap_or(inner);
        let inner =
            if before.is_empty() { Cow::Borrowed(inner) } else { Cow::Owned(format!("{before} {inner}")) };
        Some(Wrapped {
            inner,
            at: Some(at),
            // All that an app writes comes as `info`: its own lines say better.
            level: if provider == "app" { Level::Unknown } else { level },
            service: Some(Cow::Borrowed(provider)),
            node: Some(Cow::Borrowed(instance)).filter(|i| !i.is_empty()),
            ..Wrapped::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(String, Level, String)> {
        let w = Fly.unwrap(line, &Context::default())?;
        Some((w.service.unwrap_or_default().into(), w.level, w.inner.into()))
    }

    #[test]
    fn app_and_proxy() {
        assert_eq!(
            read(
                "2026-11-24T11:11:42Z app[148e5996b5d598] arn [info]Server listening at http://127.0.0.1:8080"
            ),
            Some(("app".into(), Level::Unknown, "Server listening at http://127.0.0.1:8080".into()))
        );
        assert_eq!(
            read("2026-11-24T11:11:50Z proxy[148e5996b5d598] arn [error][PC01] instance refused connection."),
            Some(("proxy".into(), Level::Error, "[PC01] instance refused connection.".into()))
        );
    }

    #[test]
    fn what_stands_before_the_time_is_the_lines() {
        let (_, _, inner) = read(
            r#"error.message="instance refused connection" 2026-11-24T11:11:51Z proxy[148e5996b5d598] arn [error]request.method="GET" request.url="https://shop.fly.dev/cart""#,
        )
        .unwrap();
        assert_eq!(
            inner,
            r#"error.message="instance refused connection" request.method="GET" request.url="https://shop.fly.dev/cart""#
        );
    }

    #[test]
    fn lines_of_others_are_refused() {
        for line in [
            "",
            "2026-11-24T11:11:42Z app[148e5996b5d598] arn info x",
            "2026-11-24T11:11:42Z app[web.1]: x",
            "2026-11-24T11:11:42Z web1 nginx [error] x",
            "2026-11-24T11:11:42Z INFO foo [info] x",
            "error.message=\"x",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
