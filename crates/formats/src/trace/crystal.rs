//! Crystal's exceptions (Kemal, Lucky, Amber).
//!
//! ```text
//! Unhandled exception: no rates (NoRates)
//!   from src/cart.cr:12:5 in 'total'
//!   from /usr/share/crystal/src/http/server.cr:508:5 in 'handle_client'
//! ```
//!
//! Source: Crystal's `src/exception.cr` (`inspect_with_backtrace`).

use super::chain::{exception, frame};
use super::place::file_line;
use memchr::memmem;
use record::{Exception, Frame};

pub(super) fn read(text: &str) -> Vec<Exception> {
    if memmem::find(text.as_bytes(), b".cr:").is_none() {
        return Vec::new();
    }
    let mut chain: Vec<Exception> = Vec::new();
    for line in text.lines() {
        if let Some(f) = entry(line) {
            if chain.is_empty() {
                chain.push(Exception::default());
            }
            if let Some(e) = chain.last_mut() {
                e.frames.push(f);
            }
            continue;
        }
        let t = line.trim();
        let said =
            t.strip_prefix("Unhandled exception: ").or_else(|| t.strip_prefix("Caused by: ")).unwrap_or(t);
        if let Some((message, kind)) = said.strip_suffix(')').and_then(|s| s.rsplit_once(" ("))
            && kind.bytes().all(|c| c.is_ascii_alphanumeric() || c == b':' || c == b'_')
            && kind.as_bytes().first().is_some_and(u8::is_ascii_uppercase)
        {
            chain.push(exception(kind, message));
        }
    }
    if chain.iter().all(|e| e.frames.is_empty()) { Vec::new() } else { chain }
}

pub(super) fn starts(line: &str) -> bool {
    line.starts_with("Unhandled exception: ") && line.trim_end().ends_with(')')
}

pub(super) fn continues(line: &str) -> bool {
    entry(line).is_some()
}

/// `  from src/cart.cr:12:5 in 'total'`
fn entry(line: &str) -> Option<Frame> {
    let (place, function) = line.trim().strip_prefix("from ")?.split_once(" in '")?;
    let (file, n) = file_line(place)?;
    if !file.ends_with(".cr") && !file.ends_with(".ecr") {
        return None;
    }
    let mut f = frame(file, Some(n), function.trim_end_matches('\''));
    f.in_app &= !file.contains("/crystal/") && !file.starts_with("lib/");
    Some(f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unhandled() {
        let chain = read(
            "Unhandled exception: no rates (NoRates)\n  from src/cart.cr:12:5 in 'total'\n  from /usr/share/crystal/src/http/server.cr:508:5 in 'handle_client'\nCaused by: File not found (File::NotFoundError)\n  from lib/x/src/x.cr:3:1 in 'open'\n",
        );
        assert_eq!((chain[0].kind.as_str(), chain[1].kind.as_str()), ("NoRates", "File::NotFoundError"));
        assert_eq!(chain[0].frames.iter().map(|f| f.in_app).collect::<Vec<_>>(), [true, false]);
    }
}
