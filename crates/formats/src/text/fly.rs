//! A request that Fly.io's proxy could not have answered: the fields of `fly logs` ([`crate::wrap`]).
//!
//! ```text
//! error.message="could not find a good candidate within 40 attempts at load balancing" request.method="GET" request.url="https://shop.fly.dev/cart?x=1" request.id="01HVKW-arn" response.status=503
//! ```
//!
//! Source: flyctl `internal/render/logs.go` (which fields, and that each is there only if it is known).

use crate::{Context, Entry, LineFormat, RequestRef};
use record::{Ending, Level};
use std::borrow::Cow;

/// Lines of Fly.io's proxy about a request.
pub(super) struct FlyProxy;

/// The value of `name="…"`.
fn quoted<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(name)?;
    rest.strip_prefix("=\"")?.split_once('"').map(|(value, _)| value)
}

impl LineFormat for FlyProxy {
    fn name(&self) -> &'static str {
        "fly proxy"
    }

    fn read<'a>(&self, line: &'a str, _: &Context) -> Option<Entry<'a>> {
        if !line.starts_with("error.") && !line.starts_with("request.method=\"") {
            return None;
        }
        let method = quoted(line, "request.method")?;
        let url = quoted(line, "request.url")?;
        let (_, rest) = url.split_once("://")?;
        let (host, target) = rest.find('/').map_or((rest, "/"), |i| rest.split_at(i));
        let status = line
            .split_once("response.status=")
            .and_then(|(_, s)| s.get(..3).and_then(|s| s.parse().ok()).filter(|s| (100..600).contains(s)));
        // The message stands in its field, or behind the fields.
        let message = quoted(line, "error.message")
            .or_else(|| line.rsplit_once("\" ").map(|(_, m)| m).filter(|m| !m.contains('=')))
            .unwrap_or(line);
        Some(Entry {
            level: Level::Error,
            message: message.into(),
            request: Some(RequestRef {
                method: method.into(),
                target: target.into(),
                host: Some(Cow::Borrowed(host)),
                status,
                id: quoted(line, "request.id").map(Into::into),
                // It tells of errors only: one without a status was answered by no machine.
                ending: if status.is_none() { Ending::Cut } else { Ending::Answered },
                ..RequestRef::default()
            }),
            closed: true,
            ..Entry::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<Entry<'_>> {
        FlyProxy.read(line, &Context::default())
    }

    #[test]
    fn each_is_a_failed_request() {
        let e = read(r#"error.message="could not find a good candidate within 40 attempts at load balancing" request.method="GET" request.url="https://shop.fly.dev/cart?x=1" request.id="01HVKW-arn""#).unwrap();
        assert_eq!(e.message, "could not find a good candidate within 40 attempts at load balancing");
        let q = e.request.unwrap();
        assert_eq!(
            (q.method.as_ref(), q.target.as_ref(), q.host.as_deref()),
            ("GET", "/cart?x=1", Some("shop.fly.dev"))
        );
        assert_eq!((q.status, q.ending, q.id.as_deref()), (None, Ending::Cut, Some("01HVKW-arn")));
    }

    #[test]
    fn the_status_is_taken_where_it_is_told() {
        let e = read(r#"error.code=2 request.method="POST" request.url="https://shop.fly.dev" request.id="01H-arn" response.status=502 "#).unwrap();
        let q = e.request.unwrap();
        assert_eq!((q.target.as_ref(), q.status, q.ending), ("/", Some(502), Ending::Answered));
    }

    #[test]
    fn lines_of_others_are_refused() {
        for line in [
            "",
            "error.message=\"x\"",
            "request.method=\"GET\" x",
            "error.code=1 request.method=\"GET\" request.url=\"é\"",
        ] {
            assert!(read(line).is_none(), "{line}");
        }
    }
}
