//! A page of a terminal: rows of labelled, wrapped, coloured text that never get wider than the screen.
//!
//! Colours are the 16 of ANSI (ECMA-48 §8.3.117, SGR), used so that they are read on dark and light grounds,
//! and never as the only sign.

use super::Look;
use std::io;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Narrower screens are written as if they were this wide: wrapping words at less helps nobody.
const WIDTH_MIN: usize = 40;
/// Lines longer than this tire the eye; only quotes and rules may use more.
const PROSE_MAX: usize = 110;
/// Where the text of labelled rows begins.
const LABEL: usize = 12;

/// How a piece of text is set off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    /// As the terminal has it.
    Plain,
    /// Headings and names.
    Bold,
    /// What may be skipped.
    Dim,
    /// Broken things.
    Bad,
    /// Things that only passed it on.
    Warn,
    /// Things that did their part.
    Good,
    /// Labels.
    Label,
    /// A badge: both colours given, so that it reads on any ground (SGR parameters).
    Badge(&'static str),
}

impl Ink {
    fn code(self) -> &'static str {
        match self {
            Ink::Plain => "",
            Ink::Bold => "1",
            Ink::Dim => "2",
            Ink::Bad => "1;31",
            Ink::Warn => "35",
            Ink::Good => "32",
            Ink::Label => "1;36",
            Ink::Badge(code) => code,
        }
    }
}

/// Writes rows.
pub(crate) struct Page<'a> {
    out: &'a mut dyn io::Write,
    /// Columns to be used.
    pub(crate) width: usize,
    /// The terminal shows UTF-8.
    pub(crate) unicode: bool,
    colour: bool,
}

impl<'a> Page<'a> {
    /// A page on `out`.
    pub(crate) fn new(out: &'a mut dyn io::Write, look: &Look) -> Page<'a> {
        Page { out, width: look.width.max(WIDTH_MIN), unicode: look.unicode, colour: look.colour }
    }

    /// One of two signs, by what the terminal can show.
    pub(crate) fn sign<'s>(&self, unicode: &'s str, ascii: &'s str) -> &'s str {
        if self.unicode { unicode } else { ascii }
    }

    /// The text in an ink.
    pub(crate) fn ink(&self, ink: Ink, text: &str) -> String {
        let code = ink.code();
        if !self.colour || code.is_empty() || text.is_empty() {
            text.to_owned()
        } else {
            format!("\x1b[{code}m{text}\x1b[0m")
        }
    }

    /// A row as it is.
    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.trim_end().as_bytes())?;
        self.out.write_all(b"\n")
    }

    /// An empty row.
    pub(crate) fn gap(&mut self) -> io::Result<()> {
        self.out.write_all(b"\n")
    }

    /// Columns for the text of labelled rows.
    pub(crate) fn room(&self) -> usize {
        self.width.saturating_sub(LABEL)
    }

    /// Columns for prose in labelled rows.
    pub(crate) fn prose(&self) -> usize {
        self.room().min(PROSE_MAX)
    }

    /// Rows beside a label; the rows are inked already and fit [`Page::room`].
    pub(crate) fn labelled(&mut self, label: &str, rows: &[String]) -> io::Result<()> {
        for (i, row) in rows.iter().enumerate() {
            let shown = if i == 0 { label } else { "" };
            let pad = " ".repeat(LABEL.saturating_sub(2 + shown.width()));
            let shown = self.ink(Ink::Label, shown);
            self.line(&format!("  {shown}{pad}{row}"))?;
        }
        Ok(())
    }

    /// Prose beside a label.
    pub(crate) fn say(&mut self, label: &str, ink: Ink, text: &str) -> io::Result<()> {
        let rows: Vec<String> = wrap(text, self.prose()).iter().map(|l| self.ink(ink, l)).collect();
        self.labelled(label, &rows)
    }

    /// Numbered or dotted items beside a label.
    pub(crate) fn items(&mut self, label: &str, items: &[String], numbered: bool) -> io::Result<()> {
        let mut rows = Vec::new();
        for (i, item) in items.iter().enumerate() {
            let mark = if numbered { format!("{}. ", i + 1) } else { format!("{} ", self.sign("·", "-")) };
            let room = self.prose().saturating_sub(mark.width());
            for (j, l) in wrap(item, room).iter().enumerate() {
                rows.push(if j == 0 {
                    format!("{mark}{l}")
                } else {
                    format!("{}{l}", " ".repeat(mark.width()))
                });
            }
        }
        self.labelled(label, &rows)
    }
}

/// Breaks text at spaces into rows of at most `width` columns; a longer word is broken where it must.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(8);
    let mut rows = Vec::new();
    let mut row = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let w = word.width();
        if used > 0 && used + 1 + w > width {
            rows.push(std::mem::take(&mut row));
            used = 0;
        }
        if used > 0 {
            row.push(' ');
            used += 1;
        }
        if w <= width {
            row.push_str(word);
            used += w;
            continue;
        }
        for c in word.chars() {
            let w = c.width().unwrap_or(0);
            if used + w > width {
                rows.push(std::mem::take(&mut row));
                used = 0;
            }
            row.push(c);
            used += w;
        }
    }
    if !row.is_empty() || rows.is_empty() {
        rows.push(row);
    }
    rows
}

/// Cuts text to `width` columns; what is cut is marked.
pub(crate) fn cut(text: &str, width: usize, ellipsis: &str) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(ellipsis.width());
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let w = c.width().unwrap_or(0);
        if used + w > room {
            break;
        }
        out.push(c);
        used += w;
    }
    out.push_str(ellipsis);
    out
}

/// Breaks a quoted line, spaces kept, into at most `rows` rows of `width` columns; what does not fit is cut
/// and marked.
pub(crate) fn fold(text: &str, width: usize, rows: usize, ellipsis: &str) -> Vec<String> {
    let width = width.max(8);
    let mut out = Vec::new();
    let mut rest = text;
    while !rest.is_empty() && out.len() + 1 < rows {
        let mut used = 0;
        let mut end = rest.len();
        let mut space = None;
        for (i, c) in rest.char_indices() {
            used += c.width().unwrap_or(0);
            if used > width {
                end = i;
                break;
            }
            if c == ' ' && used * 4 > width * 3 {
                // A late space is a better place to break than the middle of a word.
                space = Some(i + 1);
            }
        }
        if end < rest.len() {
            end = space.unwrap_or(end);
        }
        let (row, after) = rest.split_at(end);
        out.push(row.to_owned());
        rest = after;
    }
    if !rest.is_empty() || out.is_empty() {
        out.push(cut(rest, width, ellipsis));
    }
    out
}

/// Columns that a text takes.
pub(crate) fn columns(text: &str) -> usize {
    text.width()
}

/// Pads with spaces to `width` columns.
pub(crate) fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_wrapped_and_monsters_broken() {
        assert_eq!(wrap("the database is down", 12), ["the database", "is down"]);
        assert_eq!(
            wrap("see /very/long/path/that/never/ends", 12),
            ["see", "/very/long/p", "ath/that/nev", "er/ends"]
        );
        assert_eq!(wrap("", 12), [""]);
    }

    #[test]
    fn wide_letters_take_two_columns() {
        assert_eq!(cut("データベース接続エラー", 9, "…"), "データベ…");
        assert_eq!(cut("short", 9, "…"), "short");
        assert_eq!(cut("exactly 10", 9, "..."), "exactl...");
        assert_eq!(columns("デ"), 2);
    }

    #[test]
    fn a_quote_keeps_its_spaces_and_is_cut_at_the_end() {
        assert_eq!(fold("PHP  Fatal error:  Uncaught", 10, 2, "…"), ["PHP  Fatal", " error:  …"]);
        assert_eq!(fold("PHP  Fatal", 10, 3, "…"), ["PHP  Fatal"]);
        assert_eq!(fold("", 10, 3, "…"), [""]);
        assert_eq!(fold("mariadbd: Normal shutdown", 20, 2, "…"), ["mariadbd: Normal ", "shutdown"]);
    }

    #[test]
    fn rows_stand_beside_their_label() {
        let mut out = Vec::new();
        let look = Look { width: 40, colour: true, top: None, all_evidence: false, unicode: true };
        let mut page = Page::new(&mut out, &look);
        page.say("WHY", Ink::Plain, "the database does not accept connections").unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            "  \x1b[1;36mWHY\x1b[0m       the database does not accept\n            connections\n"
        );
    }
}
