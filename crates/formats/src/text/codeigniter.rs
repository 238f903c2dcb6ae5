//! CodeIgniter 3 and 4: level, time, arrow, message.
//!
//! ```text
//! ERROR - 2026-11-24 07:30:12 --> Severity: error --> Exception: Call to undefined function bcmul() /srv/app/controllers/Cart.php 12
//! CRITICAL - 2026-11-24 07:30:12 --> [DEBUG] ErrorException: Undefined variable $x
//! ```
//!
//! Source: `system/core/Log.php` (3), `system/Log/Handlers/FileHandler.php` (4).

use super::prefix::{loud_level, stamp};
use crate::{Context, Entry, LineFormat};

/// CodeIgniter's log.
pub(super) struct CodeIgniter;

impl LineFormat for CodeIgniter {
    fn name(&self) -> &'static str {
        "codeigniter"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let (level, rest) = loud_level(line)?;
        let (at, rest) = stamp(rest.trim_start().strip_prefix("- ")?, context)?;
        let message = rest.trim_start().strip_prefix("--> ")?;
        Some(Entry { at: Some(at), level, message: message.into(), ..Entry::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::Level;

    #[test]
    fn both_generations_are_read() {
        let e = CodeIgniter
            .read(
                "ERROR - 2026-11-24 07:30:12 --> Severity: error --> Exception: x /srv/Cart.php 12",
                &Context::default(),
            )
            .unwrap();
        assert_eq!(
            (e.level, e.message.as_ref()),
            (Level::Error, "Severity: error --> Exception: x /srv/Cart.php 12")
        );
        assert_eq!(e.at.unwrap().0.to_string(), "2026-11-24T07:30:12Z");
        assert!(
            CodeIgniter.read("CRITICAL - 2026-11-24 07:30:12 --> Error: y", &Context::default()).is_some()
        );
    }

    #[test]
    fn other_lines_are_refused() {
        for l in ["ERROR - something", "ERROR 2026-11-24 07:30:12 x", "2026-11-24 07:30:12 --> x", ""] {
            assert!(CodeIgniter.read(l, &Context::default()).is_none(), "{l}");
        }
    }
}
