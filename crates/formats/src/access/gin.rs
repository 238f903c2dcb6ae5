//! Gin's default logger, with or without its colours, and Fiber's and Beego's of the same make.
//!
//! ```text
//! [GIN] 2026/11/24 - 07:32:27 | 500 |     247.391µs |    203.0.113.91 | POST     "/events/15/orders"
//! 07:30:12 | 500 |       1.2ms |  127.0.0.1 | GET | /x | dial tcp 127.0.0.1:5432: connect: connection refused
//! ```
//!
//! Sources: gin-gonic/gin `logger.go` (`defaultLogFormatter`), gofiber/fiber `middleware/logger` (default
//! format).

use super::line;
use super::token::uncoloured;
use crate::{Context, Entry, LineFormat};
use record::Level;

/// Gin's access lines.
pub(super) struct Gin;

impl LineFormat for Gin {
    fn name(&self) -> &'static str {
        "gin"
    }

    fn read<'a>(&self, text: &'a str, context: &Context) -> Option<Entry<'a>> {
        let fiber = text.get(2..3) == Some(":") && text.get(8..11) == Some(" | ");
        if !fiber && !uncoloured(text.get(..32).unwrap_or(text)).starts_with("[GIN") {
            return None;
        }
        let mut draft = line::read(text, Some(context))?;
        draft.logger = None;
        let mut entry = draft.entry(text);
        // Fiber's last column is what the handler gave back; `-` where that was nothing.
        if fiber
            && let Some(error) =
                text.splitn(7, " | ").nth(6).map(str::trim).filter(|e| !matches!(*e, "" | "-"))
        {
            entry.message = error.into();
            entry.level = Level::Error;
        }
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_and_without_colours() {
        for line in [
            "[GIN] 2026/11/24 - 07:32:27 | 500 |     247.391µs |    203.0.113.91 | POST     \"/events/15/orders\"",
            "[GIN] 2026/11/24 - 07:32:27 |\u{1b}[97;41m 500 \u{1b}[0m|     247.391µs |    203.0.113.91 |\u{1b}[97;46m POST    \u{1b}[0m \"/events/15/orders\"",
        ] {
            let e = Gin.read(line, &Context::default()).expect(line);
            assert_eq!(e.at.unwrap().0.to_string(), "2026-11-24T07:32:27Z");
            let r = e.request.unwrap();
            assert_eq!(
                (r.method.as_ref(), r.target.as_ref(), r.status),
                ("POST", "/events/15/orders", Some(500)),
                "{line}"
            );
            assert_eq!((r.duration_us, r.client.as_deref()), (Some(247), Some("203.0.113.91")));
        }
        let e = Gin.read("07:30:12 | 500 |       1.2ms |  127.0.0.1 | GET | /x | dial tcp 127.0.0.1:5432: connect: connection refused", &Context::default()).unwrap();
        assert_eq!(e.message, "dial tcp 127.0.0.1:5432: connect: connection refused");
        let r = e.request.unwrap();
        assert_eq!(
            (r.status, r.target.as_ref(), r.duration_us, r.upstream),
            (Some(500), "/x", Some(1_200), None)
        );
    }

    #[test]
    fn its_other_lines_are_refused() {
        for line in [
            "[GIN-debug] GET    /ping --> main.main.func1 (3 handlers)",
            "[GIN] 2026/11/24 - 07:32:27 | 500",
            "[GIN",
        ] {
            assert!(Gin.read(line, &Context::default()).is_none(), "{line}");
        }
    }
}
