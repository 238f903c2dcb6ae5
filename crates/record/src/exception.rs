//! Exceptions and stack frames, whatever the language.

use serde::{Deserialize, Serialize};

/// One exception of a chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    /// Type as printed: `KeyError`, `java.lang.NullPointerException`, `panic`, `PHP Fatal error`.
    pub kind: String,
    /// Message, without the type.
    pub message: String,
    /// Frames, the innermost (where it was raised) first.
    pub frames: Vec<Frame>,
}

/// One place in a stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct More {
    /// The debug id of the file as it runs, by which its source map is found: 32 hex digits with dashes. Empty if unknown.
    pub debug_id: String,
    /// The source around it.
    pub code: Option<Code>,
}

/// Lines of source around a place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// Lines before it, the nearest last.
    pub before: Vec<String>,
    /// The line itself.
    pub line: String,
    /// Lines after it, the nearest first.
    pub after: Vec<String>,
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
        let mut lines = text.lines().skip(first).map(Code::cut);
        let before: Vec<String> = lines.by_ref().take(at - first).collect();
        let line = lines.next()?;
        Some(Code { before, line, after: lines.take(Code::AROUND).collect() })
    }

    /// Holds what a client sent to what is kept.
    pub fn bounded<'a>(
        before: impl DoubleEndedIterator<Item = &'a str>,
        line: &str,
        after: impl Iterator<Item = &'a str>,
    ) -> Code {
        let mut near: Vec<String> = before.rev().take(Code::AROUND).map(Code::cut).collect();
        near.reverse();
        Code { before: near, line: Code::cut(line), after: after.take(Code::AROUND).map(Code::cut).collect() }
    }

    /// Every line of it, to be changed.
    pub fn lines_mut(&mut self) -> impl Iterator<Item = &mut String> {
        self.before.iter_mut().chain([&mut self.line]).chain(&mut self.after)
    }

    fn cut(line: &str) -> String {
        let line = line.trim_end();
        let mut end = line.len().min(Code::LINE_BYTES_MAX);
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        line.get(..end).unwrap_or_default().to_owned()
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
        assert_eq!((code.before, code.line.as_str()), (vec!["line 1".into(), "line 2".to_owned()], "line 3"));
        assert_eq!(code.after.last().map(String::as_str), Some("line 8"));
        assert_eq!(Code::of(&text, 20).unwrap().before.len(), Code::AROUND);
        assert!(Code::of(&text, 0).is_none() && Code::of(&text, 21).is_none());
        let long = "é".repeat(1_000);
        assert!(Code::of(&long, 1).unwrap().line.len() <= Code::LINE_BYTES_MAX);
    }
}
