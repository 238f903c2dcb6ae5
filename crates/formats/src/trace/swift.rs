//! Swift's fatal errors (Vapor, Hummingbird).
//!
//! ```text
//! App/Cart.swift:12: Fatal error: Unexpectedly found nil while unwrapping an Optional value
//! ```
//!
//! Before Swift 5.4 the place came last: `Fatal error: Index out of range: file
//! Swift/ContiguousArrayBuffer.swift, line 444`. Source: Swift's `stdlib/public/core/AssertCommon.swift`.

use super::chain::{exception, frame};
use super::place::{file_line, number};
use memchr::memmem;
use record::Exception;

pub(super) fn read(text: &str) -> Vec<Exception> {
    if memmem::find(text.as_bytes(), b".swift").is_none() {
        return Vec::new();
    }
    text.lines().find_map(fatal).into_iter().collect()
}

pub(super) fn starts(line: &str) -> bool {
    line.contains(".swift") && fatal(line).is_some()
}

fn fatal(line: &str) -> Option<Exception> {
    let at = memmem::find(line.as_bytes(), b"atal error: ")?.checked_sub(1)?;
    let said = line.get(at + 13..)?;
    if let Some((message, place)) = said.rsplit_once(": file ")
        && let Some((file, n)) = place.split_once(", line ")
    {
        let mut e = exception("Fatal error", message);
        e.frames.push(frame(file, number(n), ""));
        return Some(e);
    }
    let (file, n) = file_line(line.get(..at)?.trim_end().trim_end_matches(':'))?;
    let mut e = exception("Fatal error", said);
    e.frames.push(frame(file, Some(n), ""));
    file.ends_with(".swift").then_some(e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms() {
        let chain =
            read("App/Cart.swift:12: Fatal error: Unexpectedly found nil while unwrapping an Optional value");
        assert_eq!(
            (chain[0].message.as_str(), chain[0].frames[0].place().as_str()),
            ("Unexpectedly found nil while unwrapping an Optional value", "App/Cart.swift:12")
        );
        let chain = read("Fatal error: Index out of range: file App/Cart.swift, line 44");
        assert_eq!((chain[0].message.as_str(), chain[0].frames[0].line), ("Index out of range", Some(44)));
        assert!(read("compiling Cart.swift").is_empty());
    }
}
