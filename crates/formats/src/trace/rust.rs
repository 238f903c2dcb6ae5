//! Rust panics, backtraces, and error chains as anyhow and eyre print them.
//!
//! ```text
//! thread 'tokio-rt-worker' (7256) panicked at src/invoices.rs:16:31:
//! invoice without lines
//! stack backtrace:
//!    0: core::panicking::panic_fmt
//!              at /rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/core/src/panicking.rs:80:14
//!    1: ledger_api::invoices::total
//!              at ./src/invoices.rs:16:31
//! note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
//! ```
//!
//! Source: `library/std/src/panicking.rs` (two lines since 1.73, `panicked at 'message', file:line:column`
//! before; the thread's id since 1.91), `library/std/src/backtrace.rs`, anyhow's `fmt.rs` (`Caused by:`),
//! color-eyre's `Location:`.

use super::chain::{exception, frame, say_more};
use super::kind::indent;
use super::place::file_line;
use crate::needle::{Needle, any};
use record::{Exception, Frame};

const PANICKED: &str = "panicked at ";

pub(super) fn read(text: &str) -> Vec<Exception> {
    static PANIC: Needle = Needle::new(PANICKED);
    static OVERFLOW: Needle = Needle::new("has overflowed its stack");
    static CAUSE: [Needle; 2] = [Needle::new("Caused by:\n"), Needle::new("Location:\n")];
    if let Some(at) = PANIC.find(text) {
        let found = panic(text, at);
        if !found.is_empty() {
            return found;
        }
    }
    if OVERFLOW.is_in(text)
        && let Some(line) =
            text.lines().find(|l| l.trim_end().ends_with("has overflowed its stack") && l.contains("thread "))
    {
        return vec![exception("fatal runtime error", line)];
    }
    if any(&CAUSE, text) {
        return chained(text);
    }
    // A backtrace whose head is torn off.
    let frames = backtrace(text.lines());
    if frames.iter().any(|f| f.function.contains("::") && (f.file.ends_with(".rs") || frames.len() > 2)) {
        return vec![Exception { kind: "panic".to_owned(), frames: frames.into(), ..Exception::default() }];
    }
    Vec::new()
}

pub(super) fn starts(line: &str) -> bool {
    (line.starts_with("thread '") || line.starts_with("thread <"))
        && (line.contains(PANICKED) || line.contains("has overflowed its stack"))
}

pub(super) fn continues(line: &str) -> bool {
    let t = line.trim_start();
    numbered(line).is_some()
        || (indent(line) > 8
            && t.strip_prefix("at ").is_some_and(|p| file_line(p).is_some_and(|(f, _)| f.ends_with(".rs"))))
        || t.starts_with("stack backtrace:")
        || t.starts_with("note: run with `RUST_BACKTRACE")
        || t.starts_with("note: Some details are omitted, run with `RUST_BACKTRACE")
        || line.trim_end() == "Caused by:"
        || line.trim_end() == "Location:"
        || t.starts_with("fatal runtime error: ")
        || t.starts_with("note: we would appreciate a bug report")
}

/// Is the line the message of the panic named on the line before?
pub(super) fn closes(previous: &str, line: &str) -> bool {
    let place = |p: &str| {
        p.trim_end().ends_with(':')
            && p.split_once(PANICKED)
                .and_then(|(_, at)| at.trim_end().strip_suffix(':'))
                .is_some_and(|p| file_line(p).is_some())
    };
    (place(previous) && !starts(line))
        || (matches!(previous.trim_end(), "Caused by:" | "Location:") && indent(line) > 0)
}

/// `   3: ledger_api::invoices::total`, with an address before the function in full backtraces.
fn numbered(line: &str) -> Option<&str> {
    let t = line.trim_start();
    let digits = t.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 || digits > 4 || indent(line) == 0 {
        return None;
    }
    let mut rest = t.get(digits..)?.strip_prefix(':')?.trim();
    if rest.starts_with("0x") {
        rest = rest.split_once(" - ")?.1.trim();
    }
    let named = rest.contains("::")
        || rest.starts_with('{')
        || rest.starts_with('<')
        || matches!(
            rest,
            "main" | "_start" | "clone" | "clone3" | "start_thread" | "rust_begin_unwind" | "<unknown>"
        )
        || rest.starts_with("__libc")
        || rest.starts_with("rust_")
        || rest.starts_with("__rust");
    (named && !rest.starts_with("http")).then_some(rest)
}

/// The frames of a numbered backtrace; functions without a line `at …` have no file.
fn backtrace<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    for line in lines {
        if let Some(function) = numbered(line) {
            // "core::panicking::panic_fmt::h1a2b3c4d5e6f7a8b": the hash is of the build, not of the function.
            let function = function
                .rsplit_once("::h")
                .filter(|(_, h)| h.len() == 16 && h.bytes().all(|c| c.is_ascii_hexdigit()))
                .map_or(function, |(f, _)| f);
            frames.push(frame("", None, function));
        } else if let Some((file, n)) = line.trim_start().strip_prefix("at ").and_then(file_line)
            && let Some(last) = frames.last_mut()
            && last.file.is_empty()
        {
            *last = frame(file, Some(n), &last.function.clone());
        }
    }
    frames
}

fn panic(text: &str, at: usize) -> Vec<Exception> {
    let Some(rest) = text.get(at + PANICKED.len()..) else { return Vec::new() };
    let (first, below) = rest.split_once('\n').unwrap_or((rest, ""));
    let (mut e, place) = if let Some(quoted) = first.strip_prefix('\'') {
        // Before 1.73: the message in quotes, which may itself hold quotes and lines.
        let Some((message, place)) = rest.split_once("', ").map(|_| {
            let end = first.rfind("', ").unwrap_or(0);
            if end > 0 {
                (
                    quoted.get(..end.saturating_sub(1)).unwrap_or_default(),
                    first.get(end + 3..).unwrap_or_default(),
                )
            } else {
                multi(rest)
            }
        }) else {
            return vec![exception("panic", quoted)];
        };
        (exception("panic", message), file_line(place))
    } else {
        // A place, or nothing that a panic prints.
        let Some(place) = file_line(first.trim_end().trim_end_matches(':')) else { return Vec::new() };
        let mut e = exception("panic", "");
        for line in below.lines() {
            let t = line.trim_start();
            if t.starts_with("note: ")
                || t.starts_with("stack backtrace:")
                || numbered(line).is_some()
                || line.starts_with("thread '")
            {
                break;
            }
            say_more(&mut e, line);
        }
        (e, Some(place))
    };
    e.frames = backtrace(below.lines()).into();
    if let Some((file, line)) = place {
        let bare = |f: &str| f.trim_start_matches("./").to_owned();
        let known = e.frames.iter().any(|f| f.line == Some(line) && bare(&f.file).ends_with(&bare(file)));
        if !known {
            e.frames.insert(0, frame(file, Some(line), ""));
        }
    }
    vec![e]
}

/// A quoted message of several lines: up to the quote that a place follows.
fn multi(rest: &str) -> (&str, &str) {
    let end = rest.find("', ").unwrap_or(0);
    let place = rest.get(end + 3..).and_then(|p| p.lines().next()).unwrap_or_default();
    (rest.get(1..end.max(1)).unwrap_or_default(), place)
}

/// anyhow's and eyre's `Error: outer`, `Caused by:` with numbered or single causes.
fn chained(text: &str) -> Vec<Exception> {
    let mut chain: Vec<Exception> = Vec::new();
    let mut causes = false;
    let mut location = false;
    for line in text.lines() {
        let t = line.trim();
        match t {
            "" => continue,
            "Caused by:" => {
                causes = !chain.is_empty();
                continue;
            }
            "Location:" => {
                location = true;
                continue;
            }
            _ => {}
        }
        if t.starts_with("Stack backtrace:") || t.starts_with("stack backtrace:") {
            break;
        }
        if location {
            if let Some((file, n)) = file_line(t)
                && let Some(e) = chain.first_mut()
            {
                e.frames.push(frame(file, Some(n), ""));
            }
            location = false;
            causes = false;
            continue;
        }
        if causes {
            if indent(line) == 0 {
                causes = false;
                continue;
            }
            let digits = t.bytes().take_while(u8::is_ascii_digit).count();
            match t.get(digits..).and_then(|r| r.strip_prefix(": ")) {
                Some(message) if digits > 0 => chain.push(exception("Error", message)),
                _ if chain.len() == 1 => chain.push(exception("Error", t)),
                _ => {
                    if let Some(last) = chain.last_mut() {
                        say_more(last, t);
                    }
                }
            }
            continue;
        }
        if chain.is_empty() {
            let message = t.split_once("Error: ").map_or(t, |(_, m)| m);
            chain.push(exception("Error", message));
        } else if chain.len() == 1 && t.starts_with("0: ") {
            if let Some(e) = chain.first_mut() {
                *e = exception("Error", t.get(3..).unwrap_or_default());
            }
        } else if indent(line) > 0
            && let Some((_, message)) =
                t.split_once(": ").filter(|(n, _)| n.len() < 4 && n.bytes().all(|c| c.is_ascii_digit()))
        {
            chain.push(exception("Error", message));
        }
    }
    let frames = backtrace(text.lines());
    // Java and JavaScript also write "Caused by:" on a line of its own, with their frames below.
    let foreign = text.lines().any(|l| l.trim_start().starts_with("at ") && l.contains('('));
    if let Some(e) = chain.first_mut() {
        e.frames.extend(frames);
    }
    let deep = chain.len() > 1 || chain.first().is_some_and(|e| !e.frames.is_empty());
    if deep && !foreign && !text.contains(".rb:") { chain } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_takes_two_lines() {
        let chain = read(
            "thread 'tokio-rt-worker' (7256) panicked at src/invoices.rs:16:31:\ninvoice without lines\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n",
        );
        assert_eq!((chain[0].kind.as_str(), chain[0].message.as_str()), ("panic", "invoice without lines"));
        assert_eq!(chain[0].frames[..], [frame("src/invoices.rs", Some(16), "")]);
        assert!(chain[0].frames[0].in_app);
    }

    #[test]
    fn the_old_form_and_quotes_in_it() {
        let chain = read(
            "thread 'main' panicked at 'called `Result::unwrap()` on an `Err` value: ConnectError('refused', 111)', src/db.rs:9:24\nnote: run with `RUST_BACKTRACE=1` …",
        );
        assert_eq!(
            chain[0].message,
            "called `Result::unwrap()` on an `Err` value: ConnectError('refused', 111)"
        );
        assert_eq!(chain[0].frames[0].place(), "src/db.rs:9");
    }

    #[test]
    fn a_backtrace_names_the_function() {
        let chain = read(concat!(
            "thread 'main' panicked at crates/formats/src/trace/php.rs:687:25:\nindex out of bounds: the len is 0 but the index is 0\nstack backtrace:\n",
            "   0: __rustc::rust_begin_unwind\n             at /rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/std/src/panicking.rs:689:5\n",
            "   1: core::panicking::panic_fmt\n             at /rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/core/src/panicking.rs:80:14\n",
            "   2: shop::cart::total::h1a2b3c4d5e6f7a8b\n             at ./crates/formats/src/trace/php.rs:687:25\n",
            "   3: tokio::runtime::task::raw::poll\n",
        ));
        assert_eq!(chain[0].frames.len(), 4);
        let app = chain[0].app_frame().unwrap();
        assert_eq!((app.function.as_str(), app.line), ("shop::cart::total", Some(687)));
    }

    #[test]
    fn anyhow_and_eyre() {
        let chain = read(
            "Error: could not load rates\n\nCaused by:\n    0: could not open rates.toml\n    1: No such file or directory (os error 2)\n",
        );
        assert_eq!(
            chain.iter().map(|e| e.message.as_str()).collect::<Vec<_>>(),
            ["could not load rates", "could not open rates.toml", "No such file or directory (os error 2)"]
        );
        let chain = read(
            "request failed: could not load rates\n\nCaused by:\n    No such file or directory (os error 2)",
        );
        assert_eq!((chain.len(), chain[1].message.as_str()), (2, "No such file or directory (os error 2)"));
        let chain = read(
            "Error: \n   0: could not load rates\n   1: No such file or directory (os error 2)\n\nLocation:\n   src/main.rs:12\n",
        );
        assert_eq!((chain.len(), chain[0].frames[0].place().as_str()), (2, "src/main.rs:12"));
    }

    #[test]
    fn lines_and_refusals() {
        assert!(starts("thread 'main' panicked at src/x.rs:16:5:"));
        assert!(closes("thread 'main' panicked at src/x.rs:16:5:", "no rates"));
        for line in [
            "   3: core::panicking::panic_fmt",
            "             at /srv/x.rs:12:5",
            "note: run with `RUST_BACKTRACE=1` environment variable",
        ] {
            assert!(continues(line), "{line}");
        }
        for text in ["", "the crowd panicked at noon", " 1: 0xb78db3 node", "Caused by:\n"] {
            assert!(read(text).is_empty(), "{text}");
        }
        assert!(!continues("  12: 30 is fine"));
    }
}
