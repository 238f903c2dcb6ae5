//! Exceptions and stack frames, whatever the language.

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use std::borrow::Cow;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// One exception of a chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    /// Type as printed: `KeyError`, `java.lang.NullPointerException`, `panic`, `PHP Fatal error`.
    pub kind: String,
    /// Message, without the type.
    pub message: String,
    /// Frames, the innermost (where it was raised) first.
    pub frames: Frames,
}

/// The frames of a stack: a list that is shared until one of its holders changes it, as a fault that comes again comes with the
/// same one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Frames(Arc<Vec<Frame>>);

impl Deref for Frames {
    type Target = Vec<Frame>;

    fn deref(&self) -> &Vec<Frame> {
        &self.0
    }
}

impl DerefMut for Frames {
    fn deref_mut(&mut self) -> &mut Vec<Frame> {
        Arc::make_mut(&mut self.0)
    }
}

impl From<Vec<Frame>> for Frames {
    fn from(list: Vec<Frame>) -> Frames {
        Frames(Arc::new(list))
    }
}

impl FromIterator<Frame> for Frames {
    fn from_iter<I: IntoIterator<Item = Frame>>(list: I) -> Frames {
        list.into_iter().collect::<Vec<_>>().into()
    }
}

impl<'a> IntoIterator for &'a Frames {
    type Item = &'a Frame;
    type IntoIter = std::slice::Iter<'a, Frame>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// One place in a stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Frame {
    /// File as printed (`/srv/app/tax.py`, `PriceService.java`, `lib/pricing.js`); empty if unknown.
    pub file: String,
    /// Line, if printed.
    pub line: Option<u32>,
    /// Column, 1-based, if printed: in a minified file, where all is one line, it tells the place.
    pub column: Option<u32>,
    /// Function or method, as printed; empty if unknown.
    pub function: String,
    /// Is it the service's own code (not a library, framework or runtime)?
    pub in_app: bool,
    /// What only some clients tell of a place.
    pub more: Option<Box<More>>,
}

/// What only some clients tell of a place in a stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct More {
    /// The debug id of the file as it runs, by which its source map is found: 32 hex digits with dashes. Empty if unknown.
    pub debug_id: String,
    /// The source around it.
    pub code: Option<Code>,
}

/// Lines of source around a place: one text, as thousands of failures in a row tell of the same places and can share it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(from = "Lines")]
pub struct Code {
    /// The lines, `\n` between them.
    text: Arc<str>,
    /// How many of them come before the line itself.
    before: usize,
}

/// How source lines are written down.
#[derive(Deserialize)]
struct Lines {
    before: Vec<String>,
    line: String,
    after: Vec<String>,
}

impl From<Lines> for Code {
    fn from(l: Lines) -> Code {
        Code::bounded(l.before.iter().map(String::as_str), &l.line, l.after.iter().map(String::as_str))
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut s = serializer.serialize_struct("Lines", 3)?;
        s.serialize_field("before", &self.before().collect::<Vec<_>>())?;
        s.serialize_field("line", self.line())?;
        s.serialize_field("after", &self.after().collect::<Vec<_>>())?;
        s.end()
    }
}

impl Code {
    /// Lines kept before and after a place, each: what Sentry's SDKs send.
    pub const AROUND: usize = 5;
    /// Bytes kept of a line: what is longer was written by a program.
    pub const LINE_BYTES_MAX: usize = 300;

    /// The lines around line `n` (1-based) of a text; `None` where it has no such line.
    pub fn of(text: &str, n: u32) -> Option<Code> {
        let at = usize::try_from(n).ok()?.checked_sub(1)?;
        let first = at.saturating_sub(Code::AROUND);
        let mut lines = text.lines().skip(first);
        let before: Vec<&str> = lines.by_ref().take(at - first).collect();
        Some(Code::bounded(before.into_iter(), lines.next()?, lines))
    }

    /// Holds what a client sent to what is kept.
    pub fn bounded<'a>(
        before: impl DoubleEndedIterator<Item = &'a str>,
        line: &'a str,
        after: impl Iterator<Item = &'a str>,
    ) -> Code {
        let mut near: Vec<&str> = before.rev().take(Code::AROUND).collect();
        near.reverse();
        let mut text = String::new();
        for l in near.iter().copied().chain([line]).chain(after.take(Code::AROUND)) {
            text.push_str(Code::cut(l));
            text.push('\n');
        }
        text.pop();
        Code { text: text.into(), before: near.len() }
    }

    /// Bytes of all its lines.
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Lines before it, the nearest last.
    pub fn before(&self) -> impl Iterator<Item = &str> {
        self.text.split('\n').take(self.before)
    }

    /// The line itself.
    pub fn line(&self) -> &str {
        self.text.split('\n').nth(self.before).unwrap_or_default()
    }

    /// Lines after it, the nearest first.
    pub fn after(&self) -> impl Iterator<Item = &str> {
        self.text.split('\n').skip(self.before + 1)
    }

    /// The same with every line changed; it shares its text where `change` leaves all as they are.
    #[must_use]
    pub fn with<'a>(&'a self, change: impl Fn(&'a str) -> Cow<'a, str>) -> Code {
        let lines: Vec<Cow<'_, str>> = self.text.split('\n').map(change).collect();
        if lines.iter().all(|l| matches!(l, Cow::Borrowed(_))) {
            return self.clone();
        }
        let line = lines.get(self.before).map_or("", |l| l);
        let (before, after) = (lines.iter().take(self.before), lines.iter().skip(self.before + 1));
        Code::bounded(before.map(|l| &**l), line, after.map(|l| &**l))
    }

    /// What is kept of a line: nothing behind a line end within it, which only a client that is no SDK sends.
    fn cut(line: &str) -> &str {
        let line = line.trim_end();
        let mut end = line.find('\n').unwrap_or(line.len()).min(Code::LINE_BYTES_MAX);
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        line.get(..end).unwrap_or_default()
    }
}

impl Exception {
    /// The innermost frame of the service's own code.
    pub fn app_frame(&self) -> Option<&Frame> {
        self.frames.iter().find(|f| f.in_app)
    }

    /// The last segment of the type name: `NullPointerException` of `java.lang.NullPointerException`.
    pub fn short_kind(&self) -> &str {
        let kind = self.kind.trim();
        let cut = kind.rfind(['.', '\\']).map_or(0, |i| i + 1);
        let short = &kind[cut..];
        match short.rfind("::") {
            Some(i) => &short[i + 2..],
            None => short,
        }
    }
}

impl Frame {
    /// The source around it, where it is known.
    pub fn code(&self) -> Option<&Code> {
        self.more.as_ref()?.code.as_ref()
    }

    /// The debug id of the file as it runs, where a client tells it.
    pub fn debug_id(&self) -> Option<&str> {
        self.more.as_ref().map(|m| m.debug_id.as_str()).filter(|id| !id.is_empty())
    }

    /// `file:line`, or what is known of it.
    pub fn place(&self) -> String {
        match self.line {
            Some(n) => format!("{}:{}", self.file, n),
            None => self.file.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_around_a_place() {
        let text: String = (1..=20).map(|n| format!("line {n}  \r\n")).collect();
        let code = Code::of(&text, 3).unwrap();
        assert_eq!((code.before().collect(), code.line()), (vec!["line 1", "line 2"], "line 3"));
        assert_eq!(code.after().last(), Some("line 8"));
        let last = Code::of(&text, 20).unwrap();
        assert_eq!((last.before().count(), last.line(), last.after().count()), (Code::AROUND, "line 20", 0));
        assert_eq!(Code::of("only", 1).unwrap().line(), "only");
        assert!(Code::of(&text, 0).is_none() && Code::of(&text, 21).is_none());
        let long = "é".repeat(1_000);
        assert!(Code::of(&long, 1).unwrap().line().len() <= Code::LINE_BYTES_MAX);
    }

    #[test]
    fn lines_are_written_down_as_they_are_read_again() {
        let code = Code::bounded(["", "a\nb"].into_iter(), "", ["c", ""].into_iter());
        assert_eq!((code.before().collect::<Vec<_>>(), code.line()), (vec!["", "a"], ""));
        let text = serde_json::to_string(&code).unwrap();
        assert_eq!(text, r#"{"before":["","a"],"line":"","after":["c",""]}"#);
        assert_eq!(serde_json::from_str::<Code>(&text).unwrap(), code);
        let loud = code.with(|l| if l == "a" { Cow::Owned("A".into()) } else { Cow::Borrowed(l) });
        assert_eq!(loud.before().last(), Some("A"));
        assert_eq!(loud.with(Cow::Borrowed), loud);
    }
}
