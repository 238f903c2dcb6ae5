//! What the body of a request holds: entries, one after the other, in any of the forms in which clients put several together.
//!
//! ```text
//! [{"message":"a"},{"message":"b"}]        Datadog's and Logtail's clients
//! {"event":"a"}{"event":"b"}               Splunk's
//! {"message":"a"}⏎{"message":"b"}⏎         NDJSON
//! web1 GET /cart 500⏎web1 GET /cart 200⏎   text
//! ```

use formats::{Members, unescape};
use std::borrow::Cow;

/// Beyond so many objects that are none, the rest of a body is taken line by line: each of them may have been looked at to its end.
const BROKEN_MAX: u32 = 64;

/// One entry.
#[derive(Debug, PartialEq)]
pub(crate) enum Item<'a> {
    /// An object with its braces.
    Object(&'a str),
    /// A line of text, or a string of a JSON array.
    Text(Cow<'a, str>),
}

/// The entries of a body.
pub(crate) struct Items<'a> {
    rest: &'a str,
    /// Arrays around the next entry.
    lists: u32,
    broken: u32,
}

impl<'a> Items<'a> {
    pub(crate) fn of(body: &'a str) -> Items<'a> {
        Items { rest: body.trim_start_matches('\u{feff}'), lists: 0, broken: 0 }
    }

    fn take(&mut self, len: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(len).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    fn line(&mut self) -> &'a str {
        let end = memchr::memchr(b'\n', self.rest.as_bytes()).map_or(self.rest.len(), |i| i + 1);
        self.take(end).trim_end_matches(['\n', '\r'])
    }

    /// Does an array of entries begin here, rather than a line such as `[error] x`?
    fn opens(&self) -> bool {
        let inner = self.rest.get(1..).unwrap_or_default().trim_start();
        inner.is_empty() || inner.starts_with(['{', '"', ']', '['])
    }

    /// Length of the string that begins here, with its quotes.
    fn string(&self) -> Option<usize> {
        let bytes = self.rest.as_bytes();
        let mut at = 1;
        loop {
            let found = at + memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
            if bytes.get(found) == Some(&b'"') {
                return Some(found + 1);
            }
            at = found + 2;
        }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        loop {
            // The indentation of a line of text is part of it.
            let blank = |c: char| c == '\n' || c == '\r';
            let trimmed = self.rest.trim_start();
            self.rest = match trimmed.as_bytes().first()? {
                b'{' | b'[' => trimmed,
                _ if self.lists > 0 => trimmed,
                _ => self.rest.trim_start_matches(blank),
            };
            match self.rest.as_bytes().first()? {
                b',' | b']' if self.lists > 0 => {
                    self.lists -= u32::from(self.take(1) == "]");
                }
                b'[' if self.lists > 0 || self.opens() => {
                    self.take(1);
                    self.lists += 1;
                }
                b'{' if self.broken < BROKEN_MAX => {
                    let mut members = Members::of(self.rest);
                    members.by_ref().for_each(drop);
                    if members.closed() {
                        return Some(Item::Object(self.take(members.position())));
                    }
                    self.broken += 1;
                    return Some(Item::Text(self.line().into()));
                }
                b'"' if self.lists > 0 => {
                    let Some(len) = self.string() else { return Some(Item::Text(self.line().into())) };
                    let quoted = self.take(len);
                    let raw = quoted.get(1..len.saturating_sub(1)).unwrap_or_default();
                    return Some(Item::Text(unescape(raw)));
                }
                // Numbers and words in a list.
                b'-' | b'0'..=b'9' | b't' | b'f' | b'n' if self.lists > 0 => {
                    let end = self.rest.find([',', ']']).unwrap_or(self.rest.len());
                    return Some(Item::Text(self.take(end).trim_end().into()));
                }
                _ => {
                    let line = self.line();
                    if !line.trim().is_empty() {
                        return Some(Item::Text(line.into()));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(body: &str) -> Vec<String> {
        Items::of(body)
            .map(|i| match i {
                Item::Object(o) => o.to_owned(),
                Item::Text(t) => format!("text {t}"),
            })
            .collect()
    }

    #[test]
    fn every_form_gives_the_same_entries() {
        let two = [r#"{"a":1}"#, r#"{"b":"}"}"#];
        for body in [
            r#"[{"a":1},{"b":"}"}]"#,
            "[\n {\"a\":1} ,\n {\"b\":\"}\"}\n]\n",
            r#"{"a":1}{"b":"}"}"#,
            "\u{feff}{\"a\":1}\r\n\r\n{\"b\":\"}\"}\n",
            r#"[{"a":1}][{"b":"}"}]"#,
        ] {
            assert_eq!(items(body), two, "{body}");
        }
        assert_eq!(items("{\n  \"a\": 1\n}\n"), ["{\n  \"a\": 1\n}"]);
        assert_eq!(items(r#"["a\n\"b\"", 7]"#), ["text a\n\"b\"", "text 7"]);
    }

    #[test]
    fn lines_of_text_stay_lines() {
        assert_eq!(
            items("[error] a\r\n  at f (x.js:1)\n\n{not json}\nEND"),
            ["text [error] a", "text   at f (x.js:1)", "text {not json}", "text END"]
        );
        assert_eq!(items("  at first (x.js:1)"), ["text   at first (x.js:1)"]);
        assert_eq!(items("[2026-11-24] x"), ["text [2026-11-24] x"]);
    }

    #[test]
    fn hostile_bodies_end() {
        for body in
            ["", "[", "]", "{", "[[[[[[", "[\"", "{\"a\":\"", "[{\"a\":", "\u{feff}", ",,,", "[1", "[-]"]
        {
            let _ = items(body);
        }
        let deep = "[".repeat(100_000) + &"{\"a\":".repeat(100_000);
        assert!(items(&deep).len() <= 1 + deep.len());
        let many = "{\"a\":[\n".repeat(20_000);
        assert_eq!(items(&many).len(), 20_000);
    }
}
