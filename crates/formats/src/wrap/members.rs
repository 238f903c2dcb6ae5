//! The members of a JSON object, one by one, borrowed from the line: wrappers look at three or four of them,
//! so no tree is built. `{"log":"a\n","stream":"stderr"}` gives `log` and `stream`. Grammar: RFC 8259.

use memchr::memchr2;
use std::borrow::Cow;

/// Nesting deeper than this is no log line.
const DEPTH_MAX: usize = 64;

/// Walks the members of the object at the start of a text; ends early where the text is no JSON.
pub struct Members<'a> {
    text: &'a str,
    at: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Begin,
    Inside,
    /// The closing brace was read.
    Complete,
    Broken,
}

/// A value as it stands in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A string, between its quotes, escapes kept.
    Text(&'a str),
    /// Anything else: number, `true`, `null`, an object or array with its brackets.
    Raw(&'a str),
}

impl<'a> Members<'a> {
    /// The members of the object that the text begins with.
    pub fn of(text: &'a str) -> Members<'a> {
        Members { text, at: 0, state: State::Begin }
    }

    /// Index behind what was read.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Was the closing brace read, whatever stands behind it?
    pub fn closed(&self) -> bool {
        self.state == State::Complete
    }

    /// Was the whole object read, with nothing but blanks behind it?
    pub fn complete(&self) -> bool {
        self.state == State::Complete && self.text.get(self.at..).is_some_and(|r| r.trim().is_empty())
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// A string at the cursor, without its quotes.
    fn string(&mut self) -> Option<&'a str> {
        if self.byte() != Some(b'"') {
            return None;
        }
        let start = self.at + 1;
        self.at = string_end(self.text.as_bytes(), start)? + 1;
        self.text.get(start..self.at - 1)
    }

    fn value(&mut self) -> Option<Value<'a>> {
        let start = self.at;
        match self.byte()? {
            b'"' => self.string().map(Value::Text),
            b'{' | b'[' => {
                let bytes = self.text.as_bytes();
                let mut depth = 0usize;
                loop {
                    match bytes.get(self.at)? {
                        b'"' => {
                            self.at = string_end(bytes, self.at + 1)?;
                        }
                        b'{' | b'[' => {
                            depth += 1;
                            if depth > DEPTH_MAX {
                                return None;
                            }
                        }
                        b'}' | b']' => {
                            depth -= 1;
                            if depth == 0 {
                                self.at += 1;
                                return self.text.get(start..self.at).map(Value::Raw);
                            }
                        }
                        _ => {}
                    }
                    self.at += 1;
                }
            }
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => {
                while self
                    .byte()
                    .is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'+' | b'.'))
                {
                    self.at += 1;
                }
                self.text.get(start..self.at).map(Value::Raw)
            }
            _ => None,
        }
    }

    fn member(&mut self) -> Option<(&'a str, Value<'a>)> {
        self.blanks();
        match (self.state, self.byte()?) {
            (State::Begin, b'{') => {
                self.at += 1;
                self.blanks();
            }
            (State::Inside, b',') => {
                self.at += 1;
                self.blanks();
                // A comma promises another member.
                if self.byte()? == b'}' {
                    return None;
                }
            }
            (State::Inside, b'}') => {}
            _ => return None,
        }
        if self.byte()? == b'}' {
            self.at += 1;
            self.state = State::Complete;
            return None;
        }
        self.state = State::Inside;
        let key = self.string()?;
        self.blanks();
        if self.byte()? != b':' {
            return None;
        }
        self.at += 1;
        self.blanks();
        Some((key, self.value()?))
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        if matches!(self.state, State::Complete | State::Broken) {
            return None;
        }
        let found = self.member();
        if found.is_none() && self.state != State::Complete {
            self.state = State::Broken;
        }
        found
    }
}

/// Index of the quote that ends a string whose text begins at `from`.
fn string_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let found = at + memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes.get(found) == Some(&b'"') {
            return Some(found);
        }
        at = found + 2;
    }
}

impl<'a> Value<'a> {
    /// The string, unescaped; `None` if it is none.
    pub fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Value::Text(raw) => Some(unescape(raw)),
            Value::Raw(_) => None,
        }
    }

    /// The string or number or word as it stands; `None` for objects, arrays and `null`.
    pub fn scalar(self) -> Option<Cow<'a, str>> {
        match self {
            Value::Text(raw) => Some(unescape(raw)),
            Value::Raw(raw) if raw.starts_with(['{', '[']) || raw == "null" => None,
            Value::Raw(raw) => Some(Cow::Borrowed(raw)),
        }
    }

    /// A whole number, quoted or not.
    pub fn number(self) -> Option<i64> {
        let (Value::Text(raw) | Value::Raw(raw)) = self;
        raw.parse().ok()
    }

    /// The members of an object.
    pub fn object(self) -> Option<Members<'a>> {
        match self {
            Value::Raw(raw) if raw.starts_with('{') => Some(Members::of(raw)),
            _ => None,
        }
    }
}

/// The text that a JSON string stands for. Broken escapes are kept as they are.
pub fn unescape(raw: &str) -> Cow<'_, str> {
    let Some(first) = memchr::memchr(b'\\', raw.as_bytes()) else { return Cow::Borrowed(raw) };
    let mut out = String::with_capacity(raw.len());
    let (clean, mut rest) = raw.split_at(first);
    out.push_str(clean);
    while let Some(after) = rest.strip_prefix('\\') {
        let mut used = 1;
        match after.bytes().next() {
            Some(b'n') => out.push('\n'),
            Some(b't') => out.push('\t'),
            Some(b'r') => out.push('\r'),
            Some(b'b') => out.push('\u{8}'),
            Some(b'f') => out.push('\u{c}'),
            Some(b'"') => out.push('"'),
            Some(b'/') => out.push('/'),
            Some(b'\\') => out.push('\\'),
            Some(b'u') => match code_point(after) {
                Some((c, len)) => {
                    out.push(c);
                    used = len;
                }
                None => out.push_str("\\u"),
            },
            _ => {
                out.push('\\');
                used = 0;
            }
        }
        rest = after.get(used..).unwrap_or("");
        let end = memchr::memchr(b'\\', rest.as_bytes()).unwrap_or(rest.len());
        let (plain, more) = rest.split_at(end);
        out.push_str(plain);
        rest = more;
    }
    Cow::Owned(out)
}

/// `u00e9` or a surrogate pair `ud83d\ude00`: the character and how much was read. Half a pair is U+FFFD.
fn code_point(after: &str) -> Option<(char, usize)> {
    let hex = |from: usize| -> Option<u32> {
        let digits = after.get(from..from + 4)?;
        digits.bytes().all(|c| c.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
    };
    let high = hex(1)?;
    if (0xd800..0xdc00).contains(&high)
        && after.get(5..7) == Some("\\u")
        && let Some(low) = hex(7)
        && (0xdc00..0xe000).contains(&low)
    {
        return Some((char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))?, 11));
    }
    Some((char::from_u32(high).unwrap_or('\u{fffd}'), 5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_in_order_with_their_raw_values() {
        let text = r#"{ "log" : "a\"b\\", "n":-1.5e3,"o":{"x":[1,"}"]}, "t":true } "#;
        let mut m = Members::of(text);
        assert_eq!(m.next(), Some(("log", Value::Text(r#"a\"b\\"#))));
        assert_eq!(m.next(), Some(("n", Value::Raw("-1.5e3"))));
        assert_eq!(m.next(), Some(("o", Value::Raw(r#"{"x":[1,"}"]}"#))));
        assert_eq!(m.next(), Some(("t", Value::Raw("true"))));
        assert_eq!(m.next(), None);
        assert!(m.complete());
        let mut empty = Members::of("{}");
        assert_eq!(empty.next(), None);
        assert!(empty.complete());
    }

    #[test]
    fn what_is_no_object_ends_early_and_says_so() {
        for text in [
            "",
            "{",
            "[1]",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":1",
            "{\"a\":1,}",
            "{\"a\":\"torn",
            "{a:1}",
            "{\"a\":1}x",
            "{\"a\":{",
            "{\"a\":\"\\",
        ] {
            let mut m = Members::of(text);
            while m.next().is_some() {}
            assert!(!m.complete(), "{text}");
        }
    }

    #[test]
    fn escapes_become_characters() {
        assert_eq!(unescape("plain"), "plain");
        assert_eq!(
            unescape(r#"a\nb\t\"c\" \/ \u00e9 \ud83d\ude00 \ud83d! \q \u12"#),
            "a\nb\t\"c\" / é 😀 \u{fffd}! \\q \\u12"
        );
        assert_eq!(unescape("end\\"), "end\\");
        assert_eq!(unescape("\\é"), "\\é");
    }
}
