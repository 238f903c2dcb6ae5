//! The function in which a line of JavaScript or TypeScript stands: a minified stack names it `n`, and differently in each build.
//!
//! Read as a person skims: brackets, strings, comments, and what stands before an opening brace. No grammar: of code that is odd it
//! names an outer function, or none.

/// Bytes of a source up to the line that are read; files that people write are shorter.
const READ_BYTES_MAX: usize = 4 << 20;
/// Brackets within brackets.
const DEPTH_MAX: usize = 1_000;
/// Words remembered of what stands before a bracket: a head with types and modifiers is shorter.
const WORDS_MAX: usize = 40;

/// A word of the source, as far as it matters here.
#[derive(Clone, Debug, PartialEq)]
enum Word {
    Name(String),
    Sign(&'static str),
    /// `(…)`
    Round,
    /// `{…}` or `[…]`
    Other,
}

use Word::{Name, Other, Round, Sign};

/// What is between brackets, or the whole.
#[derive(Default)]
struct Frame {
    open: u8,
    /// The function or class whose body it is.
    name: Option<String>,
    class: bool,
    words: Vec<Word>,
}

/// Words before `(…) {` that are no function's name.
const CONTROL: [&str; 7] = ["if", "for", "while", "switch", "catch", "with", "await"];
/// Behind these, `/` begins a regular expression.
const BEFORE_REGEX: [&str; 8] = ["return", "typeof", "case", "in", "of", "delete", "void", "else"];

/// The innermost named function around a place (line and column from 1 on): `total`, `Cart.total`; `None` outside of all.
pub fn function_at(text: &str, line: u32, column: u32) -> Option<String> {
    let lines_before = usize::try_from(line).ok()?.checked_sub(1)?;
    let start = match lines_before {
        0 => 0,
        n => text.match_indices('\n').nth(n - 1)?.0 + 1,
    };
    let own = text.get(start..)?.lines().next().unwrap_or("");
    // Columns count UTF-16 units; where the line is not ASCII it is near enough.
    let end =
        start + own.char_indices().nth(usize::try_from(column.max(1)).ok()?).map_or(own.len(), |(i, _)| i);
    let before = text.get(..end).filter(|t| t.len() <= READ_BYTES_MAX)?;
    let mut skim = Skim { bytes: before.as_bytes(), at: 0, frames: vec![Frame::default()] };
    skim.run();
    skim.name()
}

struct Skim<'a> {
    bytes: &'a [u8],
    at: usize,
    frames: Vec<Frame>,
}

impl Skim<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn run(&mut self) {
        while self.at < self.bytes.len() && self.frames.len() < DEPTH_MAX {
            let b = self.peek(0);
            match b {
                b'/' if self.peek(1) == b'/' => self.to(b"\n"),
                b'/' if self.peek(1) == b'*' => self.to(b"*/"),
                b'/' if self.regex_may_begin() => self.regex(),
                b'"' | b'\'' => self.quoted(b),
                b'`' => {
                    self.at += 1;
                    self.template();
                }
                b'(' | b'[' => self.open(b, None, false),
                b'{' => {
                    let (name, class) = self.head();
                    self.open(b, name, class);
                }
                b')' | b']' | b'}' => self.close(b),
                b if b.is_ascii_alphabetic() || matches!(b, b'_' | b'$' | b'#') || b >= 0x80 => self.word(),
                b'0'..=b'9' => {
                    while self.peek(0).is_ascii_alphanumeric() || self.peek(0) == b'.' {
                        self.at += 1;
                    }
                    self.push(Other);
                }
                b';' => {
                    self.at += 1;
                    self.forget();
                }
                b',' => {
                    self.at += 1;
                    // Between `<` and `>` of a type it parts nothing.
                    let words = self.frames.last().map_or(&[][..], |f| &f.words);
                    let open = words.iter().filter(|w| **w == Sign("<")).count();
                    if open <= words.iter().filter(|w| **w == Sign(">")).count() {
                        self.forget();
                    }
                }
                b if b.is_ascii_whitespace() => self.at += 1,
                _ => self.sign(),
            }
        }
    }

    fn sign(&mut self) {
        let (sign, len) = match (self.peek(0), self.peek(1)) {
            (b'=', b'>') => ("=>", 2),
            (b'=', b'=') => ("==", if self.peek(2) == b'=' { 3 } else { 2 }),
            (b'<' | b'>' | b'!', b'=') => ("==", if self.peek(2) == b'=' { 3 } else { 2 }),
            (b'=', _) => ("=", 1),
            (b':', _) => (":", 1),
            (b'<', _) => ("<", 1),
            (b'>', _) => (">", 1),
            (b'*', _) => ("*", 1),
            (b'.', _) => (".", 1),
            _ => ("?", 1),
        };
        self.at += len;
        self.push(Sign(sign));
    }

    fn word(&mut self) {
        let from = self.at;
        while self.peek(0).is_ascii_alphanumeric()
            || matches!(self.peek(0), b'_' | b'$' | b'#')
            || self.peek(0) >= 0x80
        {
            self.at += 1;
        }
        let word = self.bytes.get(from..self.at).unwrap_or_default();
        self.push(Name(String::from_utf8_lossy(word).into_owned()));
    }

    fn push(&mut self, word: Word) {
        if let Some(f) = self.frames.last_mut() {
            if f.words.len() >= WORDS_MAX {
                f.words.remove(0);
            }
            f.words.push(word);
        }
    }

    fn forget(&mut self) {
        if let Some(f) = self.frames.last_mut() {
            f.words.clear();
        }
    }

    fn open(&mut self, open: u8, name: Option<String>, class: bool) {
        self.at += 1;
        self.frames.push(Frame { open, name, class, words: Vec::new() });
    }

    fn close(&mut self, close: u8) {
        self.at += 1;
        let pair = match close {
            b')' => b'(',
            b']' => b'[',
            _ => b'{',
        };
        // What is closed but was not opened here is passed over.
        let Some(depth) =
            self.frames.iter().rposition(|f| f.open == pair || (pair == b'{' && f.open == b'`'))
        else {
            return;
        };
        let template = self.frames.get(depth).is_some_and(|f| f.open == b'`');
        self.frames.truncate(depth.max(1));
        if template {
            self.template();
            return;
        }
        let block = close == b'}' && self.frames.last().is_some_and(|f| matches!(f.open, 0 | b'{'));
        let literal = self
            .frames
            .last()
            .is_some_and(|f| f.words.contains(&Sign("=")) && !f.words.contains(&Sign("=>")));
        self.push(if close == b')' { Round } else { Other });
        if block && !literal {
            self.forget();
        }
    }

    fn to(&mut self, end: &[u8]) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let found = rest.windows(end.len()).skip(1).position(|w| w == end);
        self.at = found.map_or(self.bytes.len(), |i| self.at + 1 + i + end.len());
    }

    /// A string ends with its line at the latest: in JSX, an apostrophe begins none.
    fn quoted(&mut self, quote: u8) {
        self.at += 1;
        while self.at < self.bytes.len() {
            match self.peek(0) {
                b'\\' => self.at += 2,
                b'\n' => break,
                b if b == quote => {
                    self.at += 1;
                    break;
                }
                _ => self.at += 1,
            }
        }
        self.push(Other);
    }

    /// Behind a backtick, or behind the brace that ends an expression within a template.
    fn template(&mut self) {
        while self.at < self.bytes.len() {
            match (self.peek(0), self.peek(1)) {
                (b'\\', _) => self.at += 2,
                (b'`', _) => {
                    self.at += 1;
                    self.push(Other);
                    return;
                }
                (b'$', b'{') => {
                    self.at += 2;
                    self.frames.push(Frame { open: b'`', ..Frame::default() });
                    return;
                }
                _ => self.at += 1,
            }
        }
    }

    fn regex_may_begin(&self) -> bool {
        match self.frames.last().and_then(|f| f.words.last()) {
            None => true,
            Some(Name(word)) => BEFORE_REGEX.contains(&word.as_str()),
            Some(Sign(_)) => true,
            Some(Round | Other) => false,
        }
    }

    fn regex(&mut self) {
        self.at += 1;
        let mut class = false;
        while self.at < self.bytes.len() {
            match self.peek(0) {
                b'\\' => self.at += 1,
                b'\n' => break,
                b'[' => class = true,
                b']' => class = false,
                b'/' if !class => {
                    self.at += 1;
                    break;
                }
                _ => {}
            }
            self.at += 1;
        }
        self.push(Other);
    }

    /// Whose body the brace that comes opens: its name, and whether it is a class.
    fn head(&self) -> (Option<String>, bool) {
        let Some(frame) = self.frames.last() else { return (None, false) };
        let words = &frame.words;
        if let Some(at) =
            words.iter().rposition(|w| *w == Name("class".into()) || *w == Name("interface".into()))
        {
            let name = match words.get(at + 1) {
                Some(Name(name)) if !matches!(name.as_str(), "extends" | "implements") => Some(name.clone()),
                _ => assigned(words, at),
            };
            return (name, true);
        }
        (function(words, frame.class), false)
    }

    /// The innermost named function, with its class.
    fn name(&self) -> Option<String> {
        for (depth, frame) in self.frames.iter().enumerate().rev() {
            // An arrow without braces: what stands behind it is its body.
            let open = frame
                .words
                .iter()
                .rposition(|w| *w == Sign("=>"))
                .and_then(|at| function(frame.words.get(..=at)?, frame.class));
            let own = frame.name.clone().filter(|_| !frame.class);
            let Some(name) = open.clone().or(own) else { continue };
            let around = if open.is_some() { depth + 1 } else { depth };
            let class = self.frames.get(..around)?.last().filter(|f| f.class).and_then(|f| f.name.clone());
            return Some(class.map_or(name.clone(), |class| format!("{class}.{name}")));
        }
        None
    }
}

/// The name that a value is given: `name = …`, `name: …`, before the word at `end`.
fn assigned(words: &[Word], end: usize) -> Option<String> {
    let before = words.get(..end)?;
    let at = before
        .iter()
        .rposition(|w| *w == Sign("="))
        .or_else(|| before.iter().rposition(|w| *w == Sign(":")))?;
    // `const total: Total = …`: the name stands before its type.
    let name_end = match before.get(..at)?.iter().position(|w| *w == Sign(":")) {
        Some(colon) if before.get(at) == Some(&Sign("=")) => colon,
        _ => at,
    };
    match before.get(name_end.checked_sub(1)?)? {
        Name(name) => Some(name.clone()),
        _ => None,
    }
}

/// The function that words before a brace (or up to an arrow) begin.
fn function(words: &[Word], _in_class: bool) -> Option<String> {
    if words.last() == Some(&Sign("=>")) {
        return assigned(words, words.len() - 1);
    }
    // Behind the parameters only a type may stand.
    let params = words.iter().rposition(|w| *w == Round)?;
    let behind = words.get(params + 1..)?;
    if behind.first().is_some_and(|w| *w != Sign(":")) {
        return None;
    }
    // `total<T>(…)`: types between the name and the parameters.
    let mut at = params.checked_sub(1)?;
    if words.get(at) == Some(&Sign(">")) {
        at = words.get(..at)?.iter().rposition(|w| *w == Sign("<"))?.checked_sub(1)?;
    }
    match words.get(at)? {
        Name(word) if CONTROL.contains(&word.as_str()) => None,
        Name(word) if word == "function" => assigned(words, at),
        Sign("*") => assigned(words, at),
        Name(word) => Some(word.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The function around the `HERE` of a source.
    fn around(text: &str) -> Option<String> {
        let at = text.find("HERE").unwrap();
        let before = &text[..at];
        let line = u32::try_from(before.matches('\n').count()).unwrap() + 1;
        let column = u32::try_from(at - before.rfind('\n').map_or(0, |i| i + 1)).unwrap() + 1;
        function_at(text, line, column)
    }

    #[test]
    fn functions_by_all_their_forms() {
        for (text, name) in [
            ("export function total(order) {\n  return order.HERE\n}", Some("total")),
            (
                "export default async function total(o: Order): Promise<Map<string, number>> {\n HERE }",
                Some("total"),
            ),
            ("const total = async (o: Order) => {\n  if (o) { HERE }\n}", Some("total")),
            ("const total: Total = (o): number => o.HERE;", Some("total")),
            ("const total = function* (o) { HERE }", Some("total")),
            ("const api = {\n  total(o) { HERE },\n}", Some("total")),
            ("const api = {\n  other: 1,\n  total: (o) => HERE,\n}", Some("total")),
            (
                "class Cart extends Base {\n  #n = 1;\n  async total(o) {\n    for (const x of o) { HERE }\n  }\n}",
                Some("Cart.total"),
            ),
            ("class Cart {\n  total = (o) => { HERE };\n}", Some("Cart.total")),
            ("class Cart {\n  static async total<T>(o: T) { HERE }\n}", Some("Cart.total")),
            ("function a() {}\nfunction b() { list.map((x) => HERE) }", Some("b")),
            ("function a() { }\nHERE", None),
            ("app.get('/x', async (req, res) => { HERE })", None),
            (
                "const s = `a ${f({ b: '}' })} {`; function total() { const r = /[/}\"]{2}/g; /* } */ HERE }",
                Some("total"),
            ),
            ("function total() {\n  return <p>don't {HERE}</p>\n}", Some("total")),
            ("if (x) { HERE }", None),
        ] {
            assert_eq!(around(text).as_deref(), name, "{text}");
        }
    }

    #[test]
    fn places_that_are_none() {
        assert_eq!(function_at("", 1, 1), None);
        assert_eq!(function_at("a\n", 0, 0), None);
        assert_eq!(function_at("a\n", 9, 1), None);
        assert_eq!(function_at(&"{".repeat(5_000), 1, 5_001), None);
        assert_eq!(function_at("}}}))]é`${", 1, 99), None);
    }
}
