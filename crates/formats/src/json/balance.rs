//! Objects printed over several lines: does a line open one, and is the text read so far complete?
//!
//! ```text
//! {
//!   "level": "error",
//!   "message": "connect ECONNREFUSED 127.0.0.1:8407"
//! }
//! ```
//!
//! So print `jq`, `JSON.stringify(x, null, 2)` and the log viewers people paste from. Grammar: RFC 8259 §2
//! and §7.

/// Does the line open an object that it does not close? Only an object with a key or nothing behind its brace
/// counts: `{name} not found` is prose. The bracket of an array around objects is passed over, so that an
/// export of ten thousand records is not taken for one.
pub fn opens(line: &str) -> bool {
    let text = bare(line);
    let Some(rest) = text.strip_prefix('{') else { return false };
    rest.trim_start().bytes().next().is_none_or(|c| c == b'"') && depth(text).is_some_and(|d| d > 0)
}

/// Are all brackets of the text closed? Brackets inside strings do not count. A closing bracket too many is
/// balanced too: there is nothing to wait for.
pub fn balanced(text: &str) -> bool {
    depth(bare(text)).is_none_or(|d| d <= 0)
}

/// Brackets nested deeper than this are no log entry of anybody's.
const DEPTH_MAX: usize = 128;

/// Do the brackets at the start of the text nest too deep for an entry?
pub fn is_deep(text: &str) -> bool {
    let (mut depth, mut in_string) = (0usize, false);
    for c in text.bytes() {
        match c {
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ if depth == 0 => return false,
            _ => {}
        }
        if depth > DEPTH_MAX {
            return true;
        }
    }
    false
}

/// The text without what joins it to its neighbours in an array: `[{…},`, `,{…}`.
pub(super) fn bare(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_ascii_whitespace() || matches!(c, '[' | ','))
}

/// Brackets open at the end of the text. `None`: the text ends inside a string, which no line break may do,
/// so that waiting for more lines is vain.
fn depth(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let mut depth = 0i64;
    let mut at = 0;
    while let Some(&c) = bytes.get(at) {
        match c {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b'"' => {
                at += 1;
                loop {
                    match bytes.get(at)? {
                        b'"' => break,
                        b'\\' => at += 2,
                        b'\n' => return None,
                        _ => at += 1,
                    }
                }
            }
            _ => {}
        }
        at += 1;
    }
    Some(depth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pretty_printed_object_opens_and_is_complete_with_its_last_line() {
        let lines = ["{", "  \"message\": \"a { b\\\" [\",", "  \"stack\": [", "    \"x\"", "  ]", "}"];
        assert!(opens(lines[0]));
        let mut text = String::new();
        for (i, line) in lines.iter().enumerate() {
            text.push_str(line);
            text.push('\n');
            assert_eq!(balanced(&text), i + 1 == lines.len(), "{text}");
        }
        assert!(opens("[ {"));
        assert!(opens("{\"a\": {"));
        assert!(balanced("[{\"a\": 1},"));
    }

    #[test]
    fn what_nests_deeper_than_any_entry_is_known() {
        assert!(is_deep(&"[".repeat(200)));
        assert!(is_deep(&"{\"a\":".repeat(200)));
        assert!(!is_deep(&"{\"a\":[[]]}".repeat(200)));
        assert!(!is_deep(&format!("x {}", "[".repeat(200))));
    }

    #[test]
    fn whole_lines_prose_and_torn_lines_open_nothing() {
        for line in [
            "{\"a\":1}",
            "[2026-11-24 07:00:00] x {",
            "{name} not found {",
            "",
            "x",
            "{\"msg\":\"torn",
            "[]",
            "}",
            "[error] {",
            "[",
            "[{\"a\": 1},",
        ] {
            assert!(!opens(line), "{line}");
        }
        assert!(balanced("{\"a\":\"torn\n"));
        assert!(balanced("}"));
    }
}
