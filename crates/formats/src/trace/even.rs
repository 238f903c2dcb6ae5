//! Makes a text even before it is read: real line ends for escaped ones, no colours, frames that a terminal
//! broke put together again. And the cheap test whether a text can carry a trace at all.

use memchr::memmem::{self, Finder};
use std::borrow::Cow;
use std::sync::LazyLock;

/// Words one of which stands in every one-line message that carries an exception.
static WORDS: LazyLock<[Finder<'static>; 17]> = LazyLock::new(|| {
    [
        "rror",
        "xception",
        "PHP ",
        "panic",
        ".php",
        "** (",
        "n fault",
        "bort",
        " line ",
        "Throwable",
        "terminate called",
        "corruption",
        "stack smashing",
        "Assertion",
        "Sanitizer",
        "#012",
        "\\n",
    ]
    .map(Finder::new)
});

/// Can the text carry an exception? A single line must have one of the words; more lines always can.
pub(super) fn suspicious(text: &str) -> bool {
    let t = text.as_bytes();
    memchr::memchr(b'\n', t).is_some() || WORDS.iter().any(|w| w.find(t).is_some())
}

/// The text with real line ends, without colours and without a terminal's line breaks inside frames.
pub(super) fn even(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    if let Some(open) = unescaped(&text) {
        text = Cow::Owned(open);
    }
    if memchr::memchr(b'\r', text.as_bytes()).is_some() {
        // AWS Lambda separates the lines of one entry by carriage returns.
        text = Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"));
    }
    if memchr::memchr(0x1b, text.as_bytes()).is_some() {
        text = Cow::Owned(uncoloured(&text));
    }
    if memchr::memchr(b'\n', text.as_bytes()).is_some()
        && let Some(whole) = unwrapped(&text)
    {
        text = Cow::Owned(whole);
    }
    text
}

/// Writers that keep an entry on one line escape its line ends: Apache and JSON (`\n`, `\t`, `\"`), syslog
/// (`#012`, `#011`). `None` where the text has none that a trace would have.
fn unescaped(text: &str) -> Option<String> {
    // What stands behind an escaped line end in a trace, and in no Windows path.
    const AFTER: &[&str] = &[
        "#0 ",
        "#1 ",
        "Stack trace:",
        "[stacktrace]",
        "\\tat ",
        "    at ",
        "  File ",
        "    from ",
        "\\tfrom ",
        "Traceback (",
        "goroutine ",
        "Caused by: ",
        "   at ",
        "  at ",
        "stack backtrace:",
        "\\nThe above",
        "\\nDuring",
        "The above exception",
        "During handling",
    ];
    // Behind the line ends of a text of one line, whose writer escapes all of them.
    const AFTER_LOOSE: &[&str] =
        &["\\t", "/", "\\n", "Next ", "  ", "Require stack:", "DETAIL:", "HINT:", "LINE "];
    let t = text.as_bytes();
    let single = memchr::memchr(b'\n', t).is_none();
    let backslashed = memmem::find_iter(t, b"\\n").any(|i| {
        let after = text.get(i + 2..).unwrap_or_default();
        AFTER.iter().any(|a| after.starts_with(a))
            || single && AFTER_LOOSE.iter().any(|a| after.starts_with(a))
    });
    if backslashed {
        let mut out = String::with_capacity(text.len());
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if c != '\\' {
                out.push(c);
                continue;
            }
            match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => {}
                Some('"') => out.push('"'),
                Some('\\') => out.push('\\'),
                // "\/" of JSON; anything else is no escape: PHP's namespaces have single backslashes.
                Some('/') => out.push('/'),
                Some(other) => {
                    out.push('\\');
                    out.push(other);
                }
                None => out.push('\\'),
            }
        }
        return Some(out);
    }
    if single && memmem::find(t, b"#012").is_some() {
        return Some(text.replace("#012", "\n").replace("#011", "\t"));
    }
    None
}

/// Without escape sequences `ESC [ … m` and their like.
fn uncoloured(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(0x1b, rest.as_bytes()) {
        out.push_str(rest.get(..at).unwrap_or_default());
        rest = rest.get(at + 1..).unwrap_or_default();
        if let Some(sequence) = rest.strip_prefix('[') {
            let end =
                sequence.bytes().position(|c| (0x40..=0x7e).contains(&c)).map_or(sequence.len(), |i| i + 1);
            rest = sequence.get(end..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    out
}

/// Pasted from a terminal, long frames stand on two lines. A frame that is not closed on its line takes the
/// next one, when that one closes it. `None` where no line is broken.
fn unwrapped(text: &str) -> Option<String> {
    let mut out: Option<String> = None;
    let mut lines = text.split('\n').peekable();
    let mut read = 0;
    while let Some(line) = lines.next() {
        let begin = read;
        read += line.len() + 1;
        let broken = open_frame(line)
            && lines.peek().is_some_and(|next| {
                let t = next.trim_start();
                !t.is_empty()
                    && t.len() < 400
                    && !t.starts_with("at ")
                    && !t.starts_with("File \"")
                    && closes_frame(line, next)
            });
        if broken {
            let next = lines.next().unwrap_or_default();
            read += next.len() + 1;
            let out = out.get_or_insert_with(|| text.get(..begin).unwrap_or_default().to_owned());
            out.push_str(line.trim_end_matches('\r'));
            // Terminals break anywhere; mail and chat break at blanks and indent nothing.
            if open_at_blank(line) {
                out.push(' ');
            }
            out.push_str(next.trim_start());
            out.push('\n');
        } else if let Some(out) = out.as_mut() {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

fn open_at_blank(line: &str) -> bool {
    line.ends_with(',') || line.ends_with(", line") || line.ends_with(" in")
}

/// A frame whose place is not complete on the line.
fn open_frame(line: &str) -> bool {
    let t = line.trim_start();
    if t.len() == line.len() || line.len() < 40 {
        return false;
    }
    if let Some(rest) = t.strip_prefix("File \"") {
        return !rest.contains("\", line ") || rest.ends_with(", line") || rest.ends_with(" in");
    }
    t.strip_prefix("at ").is_some_and(|rest| {
        let opened = rest.bytes().filter(|c| *c == b'(').count();
        let closed = rest.bytes().filter(|c| *c == b')').count();
        opened > closed && !rest.contains("[as ") | rest.contains('/')
    })
}

/// Does the next line hold what the frame lacks?
fn closes_frame(line: &str, next: &str) -> bool {
    if line.trim_start().starts_with("File \"") {
        return next.contains(", line ")
            || next.contains("line ")
            || next.contains(", in ")
            || line.ends_with(" in");
    }
    let end = next.trim_end().trim_end_matches([' ', '{']);
    end.ends_with(')') && !next.contains("(")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_line_ends() {
        assert_eq!(
            even("x in /a.php:3\\nStack trace:\\n#0 {main}\\n  thrown"),
            "x in /a.php:3\nStack trace:\n#0 {main}\n  thrown"
        );
        assert_eq!(even("Error: x#012    at y (/z.js:1:2)"), "Error: x\n    at y (/z.js:1:2)");
        assert_eq!(even("C:\\new\\Stack"), "C:\\new\\Stack");
        assert_eq!(even("a\\nb"), "a\\nb");
    }

    #[test]
    fn colours_go() {
        assert_eq!(even("\u{1b}[31mError\u{1b}[39m: x\u{1b}["), "Error: x");
    }

    #[test]
    fn frames_broken_by_a_terminal() {
        assert_eq!(
            even(
                "Error: x\n    at formatAddress (/srv/orders/services/addr\ness.js:3:39)\n    at next (/srv/x.js:1:2)\n"
            ),
            "Error: x\n    at formatAddress (/srv/orders/services/address.js:3:39)\n    at next (/srv/x.js:1:2)\n\n"
        );
        assert_eq!(
            even(
                "Traceback\n  File \"/srv/storefront/venv/lib/python3.11/site-pack\nages/django/core/base.py\", line 197, in get\n    x\n"
            ),
            "Traceback\n  File \"/srv/storefront/venv/lib/python3.11/site-packages/django/core/base.py\", line 197, in get\n    x\n\n"
        );
        assert!(matches!(even("    at next (/srv/some/long/path/of/a/file.js:1:2)\nmore"), Cow::Borrowed(_)));
    }

    #[test]
    fn healthy_lines_are_passed_over() {
        for line in ["GET /orders/12 200 3ms", "request completed", "listening on 127.0.0.1:8080"] {
            assert!(!suspicious(line), "{line}");
        }
        assert!(suspicious("KeyError: 'vat'"));
    }
}
