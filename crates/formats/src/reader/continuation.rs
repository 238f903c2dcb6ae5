//! Does a line go on with the entry before it? Answered from the words of both alone; what is open and whose it is, the
//! reader knows.

use super::cut;
use crate::trace;

/// The script's own words in Apache's `AH01215: stderr from /path: …` and the like.
pub(super) fn stderr_text(message: &str) -> &str {
    if let Some(rest) = message.strip_prefix("AH01215: ") {
        if let Some(i) = rest.strip_prefix("stderr from ").and_then(|r| r.find(": ").map(|i| i + 14)) {
            return rest.get(i..).unwrap_or(message);
        }
        return rest;
    }
    message
}

/// Does the line belong to the trace so far although it looks like an entry of its own (Python's closing `ValueError: …`)?
pub(super) fn joins(message: &str, line: &str) -> bool {
    // No type of errors: .NET's console writes its levels so, and details below the frames of the entry before.
    if ["fail: ", "crit: ", "warn: ", "info: ", "dbug: ", "trce: "]
        .iter()
        .any(|level| line.starts_with(level))
    {
        return false;
    }
    let previous = message.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or("");
    trace::joins(previous, line)
}

/// Of a line, this much is searched for words of errors: it is asked again for each line that follows.
const ANNOUNCED_BYTES: usize = 1024;

/// Of a message, its last line is sought in this much.
const LAST_LINE_BYTES: usize = 8 * 1024;

/// Does a line without head speak of an error, so that the trace after it is its?
pub(super) fn announces(message: &str) -> bool {
    let line = cut(last_line(message), ANNOUNCED_BYTES).to_ascii_lowercase();
    [
        "exception",
        "error",
        "failed",
        "failure",
        "fatal",
        "panic",
        "unhandled",
        "uncaught",
        "crash",
        "cannot",
        "could not",
    ]
    .iter()
    .any(|w| line.contains(w))
}

/// The last line of a message. For one that is longer than lines of words are, the message's own beginning speaks.
fn last_line(message: &str) -> &str {
    let from = (message.len().saturating_sub(LAST_LINE_BYTES)..=message.len())
        .find(|i| message.is_char_boundary(*i))
        .unwrap_or(0);
    let near = message.get(from..).unwrap_or_default();
    if from > 0 && !near.strip_suffix('\n').unwrap_or(near).contains('\n') {
        return message;
    }
    near.lines().next_back().unwrap_or("")
}

/// Does the message announce that another exception of its chain follows (Python's `During handling of the above …`)?
pub(super) fn chained(message: &str) -> bool {
    message.trim_end().ends_with("occurred:") || message.trim_end().ends_with("following exception:")
}

/// Does `line` begin another trace, rather than go on with the one in `message`?
pub(super) fn is_new_trace(line: &str, message: &str) -> bool {
    let python = line.starts_with("Traceback (most recent call last)");
    if python {
        return message.contains("Traceback (most recent call last)");
    }
    // An error line after frames, not after a line of prose.
    message
        .lines()
        .next_back()
        .is_some_and(|l| l.trim_start().starts_with("at ") || l.trim_end().ends_with('}'))
}
