//! A line of an access log as tokens: bare words, quoted strings, bracketed groups, `key=value` pairs.
//!
//! ```text
//! 203.0.113.4 - - [24/Nov/2026:07:21:01 +0000] "POST /bookings HTTP/1.1" 201 10 "-" "curl/8.5.0" rt=0.001 us="201"
//! └ bare      └ └ └ group                      └ quoted                  └ bare  └ quoted         └ pair    └ pair
//! ```
//!
//! Every access log that people lay out by hand is made of these. Colours (ECMA-48 SGR sequences) part tokens
//! like blanks do: morgan's `dev`, gin and werkzeug write them around statuses.

/// A line has no more tokens than this: longer ones are no access logs, and the bound keeps torn quotes
/// linear.
const TOKENS_MAX: u16 = 128;

/// How a token was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Shape {
    /// Between blanks.
    #[default]
    Bare,
    /// In double or single quotes; `key="…"` too.
    Quoted,
    /// In square brackets.
    Group,
}

/// One token.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Token<'a> {
    /// The key of `key=value`; empty otherwise.
    pub key: &'a str,
    /// The text without quotes, brackets and key.
    pub text: &'a str,
    /// How it was written.
    pub shape: Shape,
    /// Where it begins in the line, with its quote or key.
    pub start: usize,
}

/// The tokens of a text, front to back. Copying it is peeking.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tokens<'a> {
    text: &'a str,
    pos: usize,
    left: u16,
    /// Columns are parted by this and not by blanks.
    delimiter: Option<u8>,
}

impl<'a> Tokens<'a> {
    /// The tokens of that text.
    pub(super) fn new(text: &'a str) -> Self {
        Tokens { text, pos: 0, left: TOKENS_MAX, delimiter: None }
    }

    /// The columns of `203.0.113.9|24/Nov/2026:07:00:00 +0000|GET /x HTTP/1.1|500|12`; those with blanks
    /// count as quoted.
    pub(super) fn columns(text: &'a str, delimiter: u8) -> Self {
        Tokens { delimiter: Some(delimiter), ..Tokens::new(text) }
    }

    /// Goes on at that byte (a character boundary; else the text ends there).
    pub(super) fn seek(&mut self, pos: usize) {
        self.pos = if self.text.is_char_boundary(pos) { pos } else { self.text.len() };
    }

    /// The next token without taking it.
    pub(super) fn peek(&self) -> Option<Token<'a>> {
        let mut copy = *self;
        copy.next()
    }

    /// What was not read yet, from the next token on.
    pub(super) fn rest(&mut self) -> &'a str {
        self.skip_blanks();
        self.text.get(self.pos..).unwrap_or_default()
    }

    fn skip_blanks(&mut self) {
        let b = self.text.as_bytes();
        loop {
            match b.get(self.pos) {
                Some(b' ' | b'\t' | b'\r') => self.pos += 1,
                Some(c) if self.delimiter == Some(*c) => self.pos += 1,
                Some(0x1b) => self.pos += colour_len(b, self.pos),
                _ => return,
            }
        }
    }
}

/// Length of the escape sequence at that byte (`ESC [ … letter`); a lone ESC is one byte.
fn colour_len(b: &[u8], at: usize) -> usize {
    if b.get(at + 1) != Some(&b'[') {
        return 1;
    }
    let mut i = at + 2;
    while b.get(i).is_some_and(|c| c.is_ascii_digit() || *c == b';') {
        i += 1;
    }
    if b.get(i).is_some_and(u8::is_ascii_alphabetic) { i + 1 - at } else { i - at }
}

/// The text without colours at its ends: werkzeug writes them inside the quotes.
pub(super) fn uncoloured(text: &str) -> &str {
    let mut t = text.trim_matches(' ');
    while t.starts_with('\u{1b}') {
        t = t.get(colour_len(t.as_bytes(), 0)..).unwrap_or_default().trim_start_matches(' ');
    }
    // At the end only whole sequences are cut, from their ESC on.
    while let Some(i) = t.rfind('\u{1b}').filter(|i| i + colour_len(t.as_bytes(), *i) == t.len()) {
        t = t.get(..i).unwrap_or_default().trim_end_matches(' ');
    }
    t
}

/// Where the quoted text that begins at `from` ends, and where the token ends. A quote inside, unescaped, is
/// one that a letter or digit follows; without a closing quote the first one counts, else the line was torn
/// and ends it.
fn quoted_end(b: &[u8], from: usize, quote: u8) -> (usize, usize) {
    let mut first = None;
    let mut i = from;
    while let Some(at) = b.get(i..).and_then(|rest| memchr::memchr2(quote, b'\\', rest)).map(|n| n + i) {
        if b.get(at) == Some(&b'\\') {
            i = at + 2;
            continue;
        }
        if !b.get(at + 1).is_some_and(u8::is_ascii_alphanumeric) {
            return (at, at + 1);
        }
        first = first.or(Some(at));
        i = at + 1;
    }
    first.map_or((b.len(), b.len()), |at| (at, at + 1))
}

fn is_key(key: &[u8]) -> bool {
    (1..=40).contains(&key.len())
        && key.iter().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'.' | b'@'))
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.left = self.left.checked_sub(1)?;
        self.skip_blanks();
        let b = self.text.as_bytes();
        let start = self.pos;
        let slice = |from: usize, to: usize| self.text.get(from..to).unwrap_or_default();
        if let Some(delimiter) = self.delimiter.filter(|_| b.get(start).is_some()) {
            let end =
                b.get(start..).and_then(|r| memchr::memchr(delimiter, r)).map_or(b.len(), |n| start + n);
            let text = slice(start, end).trim().trim_matches(['"', '[', ']']);
            let shape = if text.contains(' ') { Shape::Quoted } else { Shape::Bare };
            self.pos = end;
            return Some(Token { text, shape, start, ..Token::default() });
        }
        let (mut token, end) = match *b.get(start)? {
            b'"' => {
                let (to, end) = quoted_end(b, start + 1, b'"');
                (Token { text: slice(start + 1, to), shape: Shape::Quoted, ..Token::default() }, end)
            }
            b'\'' => match quoted_end(b, start + 1, b'\'') {
                // Torn or an apostrophe: a word.
                (to, end) if end > to => {
                    (Token { text: slice(start + 1, to), shape: Shape::Quoted, ..Token::default() }, end)
                }
                _ => (Token { text: slice(start, start + 1), ..Token::default() }, start + 1),
            },
            b'[' => match b.get(start..).and_then(|rest| memchr::memchr(b']', rest)) {
                Some(n) => {
                    let text = slice(start + 1, start + n);
                    (Token { text, shape: Shape::Group, ..Token::default() }, start + n + 1)
                }
                None => (Token { text: slice(start, start + 1), ..Token::default() }, start + 1),
            },
            _ => bare(self.text, start),
        };
        token.start = start;
        self.pos = end;
        Some(token)
    }
}

fn bare(text: &str, start: usize) -> (Token<'_>, usize) {
    let b = text.as_bytes();
    let mut i = start;
    let mut value = None;
    while let Some(c) = b.get(i) {
        match c {
            b' ' | b'\t' | b'\r' | 0x1b => break,
            b'=' if value.is_none() => {
                if is_key(b.get(start..i).unwrap_or_default()) {
                    if b.get(i + 1) == Some(&b'"') {
                        let (to, end) = quoted_end(b, i + 2, b'"');
                        let key = text.get(start..i).unwrap_or_default();
                        let text = text.get(i + 2..to).unwrap_or_default();
                        return (Token { key, text, shape: Shape::Quoted, start }, end);
                    }
                    value = Some(i + 1);
                } else {
                    value = Some(usize::MAX);
                }
            }
            _ => {}
        }
        i += 1;
    }
    let token = match value.filter(|v| *v < i && b.get(*v) != Some(&b'=')) {
        Some(v) => Token {
            key: text.get(start..v - 1).unwrap_or_default(),
            text: text.get(v..i).unwrap_or_default(),
            ..Token::default()
        },
        None => Token { text: text.get(start..i).unwrap_or_default(), ..Token::default() },
    };
    (token, i)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<(&str, &str, Shape)> {
        Tokens::new(text).map(|t| (t.key, t.text, t.shape)).collect()
    }

    #[test]
    fn words_quotes_groups_and_pairs() {
        assert_eq!(
            all(
                r#"1.2.3.4 - [24/Nov/2026:07:21:01 +0000] "GET /a\"b HTTP/1.1" 200 rt=0.1 us="502, 200" pid=<7> [] /x?a=b"#
            ),
            [
                ("", "1.2.3.4", Shape::Bare),
                ("", "-", Shape::Bare),
                ("", "24/Nov/2026:07:21:01 +0000", Shape::Group),
                ("", r#"GET /a\"b HTTP/1.1"#, Shape::Quoted),
                ("", "200", Shape::Bare),
                ("rt", "0.1", Shape::Bare),
                ("us", "502, 200", Shape::Quoted),
                ("pid", "<7>", Shape::Bare),
                ("", "", Shape::Group),
                ("", "/x?a=b", Shape::Bare),
            ]
        );
    }

    #[test]
    fn colours_part_tokens_and_torn_quotes_end_with_the_line() {
        assert_eq!(
            all("\u{1b}[0mGET /x \u{1b}[31m500\u{1b}[0m 3 ms").iter().map(|t| t.1).collect::<Vec<_>>(),
            ["GET", "/x", "500", "3", "ms"]
        );
        assert_eq!(all("\"GET /x HT"), [("", "GET /x HT", Shape::Quoted)]);
        assert_eq!(all("\"say \"hi there\" now\" 1")[0].1, "say \"hi there");
        assert_eq!(uncoloured("\u{1b}[35m\u{1b}[1mGET /x HTTP/1.1\u{1b}[0m"), "GET /x HTTP/1.1");
        assert_eq!(uncoloured("a\u{1b}"), "a");
    }

    #[test]
    fn hostile_quotes_stay_linear() {
        let line = "\"a ".repeat(100_000);
        assert!(Tokens::new(&line).count() <= 128);
    }
}
