//! Haskell's errors with a call stack (Yesod, Servant, Scotty).
//!
//! ```text
//! shop: no rates
//! CallStack (from HasCallStack):
//!   error, called at src/Cart.hs:12:9 in main:Cart
//! ```
//!
//! Source: GHC's `libraries/base/GHC/Stack.hs` (`prettyCallStack`).

use super::chain::{exception, frame};
use super::place::file_line;
use memchr::memmem;
use record::{Exception, Frame};

const HEADER: &str = "CallStack (from HasCallStack):";

pub(super) fn read(text: &str) -> Vec<Exception> {
    let Some(at) = memmem::find(text.as_bytes(), HEADER.as_bytes()) else { return Vec::new() };
    let said = text.get(..at).unwrap_or_default().trim();
    let mut e = exception("error", said);
    e.frames = text.get(at..).unwrap_or_default().lines().filter_map(entry).collect();
    vec![e]
}

pub(super) fn continues(line: &str) -> bool {
    line.trim_end() == HEADER || (line.starts_with(' ') && entry(line).is_some())
}

/// `  error, called at src/Cart.hs:12:9 in main:Cart`
fn entry(line: &str) -> Option<Frame> {
    let (function, place) = line.trim().split_once(", called at ")?;
    let (place, package) = place.rsplit_once(" in ").unwrap_or((place, ""));
    let (file, n) = file_line(place)?;
    let mut f = frame(file, Some(n), function);
    f.in_app &= package.starts_with("main:") || package.is_empty() || !package.contains("-");
    Some(f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_a_call_stack() {
        let chain = read(
            "shop: no rates\nCallStack (from HasCallStack):\n  error, called at src/Cart.hs:12:9 in main:Cart\n",
        );
        assert_eq!(
            (chain[0].message.as_str(), chain[0].frames[0].place().as_str()),
            ("shop: no rates", "src/Cart.hs:12")
        );
        assert!(read("shop: no rates").is_empty());
    }
}
