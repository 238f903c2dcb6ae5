//! Gin's default logger.
//!
//! ```text
//! [GIN] 2026/11/24 - 07:32:27 | 500 |     247.391µs |    203.0.113.91 | POST     "/events/15/orders"
//! ```
//!
//! Source: gin-gonic/gin `logger.go`, `defaultLogFormatter`.

use super::line::{duration, status};
use crate::time::stamp;
use crate::{Context, Entry, LineFormat, RequestRef};

/// Gin's access lines.
pub(super) struct Gin;

impl LineFormat for Gin {
    fn name(&self) -> &'static str {
        "gin"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let rest = line.strip_prefix("[GIN] ")?;
        let s = stamp(rest, context.reference)?;
        let mut parts = rest.get(s.len..)?.splitn(5, '|').map(str::trim).skip(1);
        let code = status(parts.next()?)?;
        let took = duration(parts.next()?);
        let client = parts.next()?;
        let (method, target) = parts.next()?.split_once(' ')?;
        let request = RequestRef {
            method: method.into(),
            target: target.trim().trim_matches('"').into(),
            client: (!client.is_empty()).then(|| client.into()),
            status: Some(code),
            duration_us: took,
            ..RequestRef::default()
        };
        Some(Entry {
            at: Some((s.time, s.zone)),
            message: line.into(),
            request: Some(request),
            closed: true,
            ..Entry::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_request() {
        let e = Gin.read("[GIN] 2026/11/24 - 07:32:27 | 500 |     247.391µs |    203.0.113.91 | POST     \"/events/15/orders\"", &Context::default()).unwrap();
        let q = e.request.unwrap();
        assert_eq!(
            (q.method.as_ref(), q.target.as_ref(), q.status, q.duration_us),
            ("POST", "/events/15/orders", Some(500), Some(247))
        );
        assert!(Gin.read("[GIN-debug] GET /x --> main.x (3 handlers)", &Context::default()).is_none());
    }
}
