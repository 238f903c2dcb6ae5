//! Python tracebacks: frames outermost first, the exception below them, chains printed earliest first.
//!
//! ```text
//! Traceback (most recent call last):
//!   File "/srv/storefront/catalog/importer.py", line 11, in decode
//!     return raw.decode("utf-8")
//!            ^^^^^^^^^^^^^^^^^^^
//! UnicodeDecodeError: 'utf-8' codec can't decode byte 0xe4 in position 3: invalid continuation byte
//! ```
//!
//! Source: CPython `Lib/traceback.py` (both sentences between chained exceptions, `^` markers, `[Previous
//! line repeated`, the gutters of exception groups), loguru's `_better_exceptions.py`, rich's `traceback.py`.

use super::chain::{exception, frame, is_full, say_more};
use super::kind::{error_head, headed, indent, is_error, is_qualified, type_name};
use super::place::{file_line, number};
use crate::needle::Needle;
use record::{Exception, Frame};

const HEADER: &str = "Traceback (most recent call last";
const DIRECT: &str = "The above exception was the direct cause of the following exception";
const DURING: &str = "During handling of the above exception, another exception occurred";

pub(super) fn read(text: &str) -> Vec<Exception> {
    static HEAD: Needle = Needle::new(HEADER);
    static FILE: Needle = Needle::new("File \"");
    static LINE: Needle = Needle::new(", line ");
    if !(HEAD.is_in(text) || FILE.is_in(text) && LINE.is_in(text)) {
        return Vec::new();
    }
    let mut reader = Reader::default();
    for line in text.lines() {
        reader.line(line);
    }
    reader.close();
    let mut chain = reader.chain;
    unwrap_driver(&mut chain);
    chain
}

pub(super) fn starts(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with(HEADER)
        || line.starts_with("+ Exception Group Traceback")
        || (line.starts_with('╭') && line.contains(HEADER))
}

pub(super) fn continues(line: &str) -> bool {
    let inner = ungroup(line).0;
    let trimmed = inner.trim_start();
    location(inner).is_some()
        || trimmed.starts_with("[Previous line repeated")
        || trimmed.starts_with(DIRECT)
        || trimmed.starts_with(DURING)
        || is_marker(trimmed)
        || is_message_tail(trimmed)
        || (trimmed.len() < line.trim_start().len() && ungroup(line).1.is_some())
        || line.starts_with(['│', '╰', '╭', '❱'])
        || (line.starts_with(' ') && trimmed.starts_with(['│', '└']))
}

/// Is the line the last of a traceback, given that the entry's line before it (blank ones apart) stands
/// inside one?
pub(super) fn closes(previous: &str, line: &str) -> bool {
    let previous = ungroup(previous).0;
    // The source below its frame.
    if location(previous).is_some() && indent(ungroup(line).0) > indent(previous) {
        return true;
    }
    let inside = location(previous).is_some()
        || is_marker(previous.trim_start())
        || starts(previous)
        || previous.starts_with('╰');
    let source =
        indent(previous) >= 4 && !previous.trim_start().starts_with("at ") && !previous.starts_with('\t');
    let line = ungroup(line).0;
    if (inside || source) && indent(line) == 0 {
        return headed(line).is_some_and(|(kind, message)| inside || !message.is_empty() || is_error(kind));
    }
    starts(line) && (previous.starts_with(DIRECT) || previous.starts_with(DURING))
}

/// What SQLAlchemy, psycopg and pydantic print as further lines of a message.
fn is_message_tail(line: &str) -> bool {
    [
        "DETAIL:",
        "HINT:",
        "CONTEXT:",
        "LINE ",
        "[SQL: ",
        "[parameters: ",
        "(Background on this error at",
        "[type=",
        "For further information visit https://errors.pydantic.dev",
    ]
    .iter()
    .any(|s| line.starts_with(s))
        && !line.starts_with("LINE ITEM")
}

/// Only `^` and `~` and blanks.
fn is_marker(line: &str) -> bool {
    line.contains('^') && line.bytes().all(|c| matches!(c, b'^' | b'~' | b' ' | b'\t'))
}

/// What the gutter of an exception group says.
#[derive(Clone, Copy, PartialEq)]
enum Gutter {
    Open,
    Next,
    Close,
}

/// The line without the gutter of exception groups (`  | `, `    +-+---- 1 ----`).
fn ungroup(line: &str) -> (&str, Option<Gutter>) {
    let trimmed = line.trim_start();
    if let Some(rest) = trimmed.strip_prefix('|')
        && trimmed.len() < line.len()
    {
        return (rest.strip_prefix(' ').unwrap_or(rest), None);
    }
    if let Some(rest) = trimmed.strip_prefix("+ ")
        && rest.starts_with("Exception Group")
    {
        return (rest, None);
    }
    if trimmed.starts_with("+-+--") {
        return ("", Some(Gutter::Open));
    }
    if trimmed.starts_with("+----") {
        let numbered = trimmed.trim_matches(['-', '+']).bytes().any(|c| c.is_ascii_digit() || c == b'.');
        return ("", Some(if numbered { Gutter::Next } else { Gutter::Close }));
    }
    (line, None)
}

/// `File "/x.py", line 12, in fn`, with loguru's mark, or rich's `│ /x.py:12 in fn`.
fn location(line: &str) -> Option<Frame> {
    let t = line.trim();
    let t = t.strip_prefix("> ").unwrap_or(t);
    if let Some(rest) = t.strip_prefix("File \"") {
        let (file, rest) = rest.split_once('"')?;
        let rest = rest.strip_prefix(", line ")?;
        let line = number(rest);
        let function = rest.split_once(", in ").map_or("", |(_, f)| f);
        return Some(frame(file, line, function));
    }
    let boxed = t.strip_prefix('│')?.trim_end_matches('│').trim();
    let (place, function) = boxed.rsplit_once(" in ")?;
    if place.contains(' ') || function.contains(' ') {
        return None;
    }
    let (file, line) = file_line(place)?;
    Some(frame(file, Some(line), function))
}

#[derive(Clone, Copy, Default, PartialEq)]
enum State {
    #[default]
    Outside,
    /// Between the header and the exception's line; the column of the header; is the indentation lost?
    Frames { base: usize, flat: bool },
    /// In the exception's message; was the last line blank?
    Message { blank: bool },
}

#[derive(Default)]
struct Reader {
    chain: Vec<Exception>,
    state: State,
    current: Exception,
    /// An error named before its traceback, for printers that name it only there (AWS Lambda).
    named: Option<Exception>,
    /// An error without frames that another one took the place of while C code ran (CPython's sqlite3 does so): it was raised where
    /// that one was.
    replaced: Option<Exception>,
    /// Where the next exception goes: before the one it was raised from.
    run: usize,
    /// Where each open group's children begin.
    groups: Vec<usize>,
}

impl Reader {
    fn line(&mut self, raw: &str) {
        if is_full(&self.chain) {
            return;
        }
        let (line, gutter) = ungroup(raw);
        match gutter {
            Some(Gutter::Open) => {
                self.close();
                self.run = self.chain.len();
                self.groups.push(self.run);
                return;
            }
            Some(Gutter::Next) => {
                self.close();
                // Later siblings go before the first: what failed first is the deepest.
                self.run = self.groups.last().copied().unwrap_or(0);
                return;
            }
            Some(Gutter::Close) => {
                self.close();
                self.groups.pop();
                self.run = 0;
                return;
            }
            None => {}
        }
        if let Some(at) = line.find(HEADER) {
            self.close();
            let columns = indent(line);
            self.state = State::Frames { base: if at == columns { columns } else { 0 }, flat: false };
            return;
        }
        let trimmed = line.trim();
        // Django's error page: "Exception Type: KeyError at /cart/12", "Exception Value: 'vat'".
        if let Some(rest) = trimmed.strip_prefix("Exception Type: ")
            && let Some((kind, _)) = type_name(rest)
        {
            self.page(kind, "");
            return;
        }
        if let Some(value) = trimmed.strip_prefix("Exception Value: ") {
            self.page("", value);
            return;
        }
        if trimmed == "\"\"\"" {
            return;
        }
        if trimmed.starts_with(DIRECT) || trimmed.starts_with(DURING) {
            self.close();
            if self.chain.is_empty() {
                self.replaced = self.named.take();
            }
            return;
        }
        if let Some(found) = location(line) {
            let columns = indent(line);
            match self.state {
                State::Frames { base, .. } if columns <= base => {
                    self.state = State::Frames { base, flat: true }
                }
                State::Frames { .. } => {}
                State::Outside | State::Message { .. } => {
                    self.close();
                    let flat = columns == 0 && !line.starts_with('│');
                    self.state = State::Frames { base: columns.saturating_sub(2), flat };
                }
            }
            self.current.frames.push(found);
            return;
        }
        match self.state {
            State::Outside => {
                // A child of a group may have no frames: "    | ValueError: 1".
                if !self.groups.is_empty()
                    && let Some((kind, message)) = headed(trimmed)
                {
                    self.begin(kind, message);
                } else if let Some((kind, message)) =
                    error_head(trimmed.strip_prefix("[ERROR] ").unwrap_or(trimmed))
                {
                    self.named = Some(exception(kind, message));
                }
            }
            State::Frames { base, flat } => {
                if trimmed.is_empty() || is_marker(trimmed) || trimmed.starts_with("[Previous line repeated")
                {
                    return;
                }
                if indent(line) > base && !flat {
                    return;
                }
                if let Some((kind, message)) = headed(trimmed) {
                    let sure = is_error(kind) || is_qualified(kind) && !message.is_empty();
                    let plain = !flat && type_name(trimmed).is_some_and(|(n, _)| n.len() == kind.len());
                    if sure || plain {
                        self.begin(kind, message);
                    }
                }
            }
            State::Message { blank } => {
                if trimmed.is_empty() {
                    self.state = State::Message { blank: true };
                } else if !blank || is_message_tail(trimmed) || indent(line) > 0 {
                    say_more(&mut self.current, line);
                    self.state = State::Message { blank: false };
                }
            }
        }
    }

    fn begin(&mut self, kind: &str, message: &str) {
        let frames = std::mem::take(&mut self.current.frames);
        self.current = exception(kind, message);
        self.current.frames = frames;
        self.state = State::Message { blank: false };
    }

    /// What Django's error page says below (or above) the traceback.
    fn page(&mut self, kind: &str, message: &str) {
        self.close();
        let fresh = exception(kind, message);
        // The page names the last exception raised, the outermost.
        let e = match self.chain.first_mut() {
            Some(first) => first,
            None => self.named.get_or_insert_default(),
        };
        if e.kind.is_empty() {
            e.kind = fresh.kind;
        }
        if e.message.is_empty() {
            e.message = fresh.message;
        }
    }

    /// The exception under way is complete.
    fn close(&mut self) {
        self.state = State::Outside;
        let mut done = std::mem::take(&mut self.current);
        if done.kind.is_empty()
            && !done.frames.is_empty()
            && let Some(named) = self.named.take()
        {
            done.kind = named.kind;
            done.message = named.message;
        }
        if done.kind.is_empty() && done.frames.is_empty() {
            return;
        }
        done.frames.reverse();
        let at = self.run.min(self.chain.len());
        if let Some(mut first) = self.replaced.take() {
            first.frames.clone_from(&done.frames);
            self.chain.insert(at, first);
        }
        self.chain.insert(at, done);
    }
}

/// SQLAlchemy names the driver's own exception in the message: `(psycopg2.OperationalError) connection to
/// server …`. Where the chain below was not printed, that is the deeper cause.
pub(super) fn unwrap_driver(chain: &mut Vec<Exception>) {
    let Some(last) = chain.last() else { return };
    let Some(rest) = last.message.strip_prefix('(') else { return };
    let Some((kind, message)) = rest.split_once(") ") else { return };
    if is_error(kind) && is_qualified(kind) && error_head(kind).is_some() {
        let message = message.split("\n[SQL: ").next().unwrap_or(message);
        let message = message.split("\n(Background on").next().unwrap_or(message);
        let inner = exception(kind, message);
        chain.push(inner);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_traceback_has_its_innermost_frame_first() {
        let chain = read(concat!(
            "Internal Server Error: /import/prices/\n",
            "Traceback (most recent call last):\n",
            "  File \"/srv/storefront/venv/lib/python3.11/site-packages/django/core/handlers/base.py\", line 197, in _get_response\n",
            "    response = wrapped_callback(request, *callback_args, **callback_kwargs)\n",
            "               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n",
            "  File \"/srv/storefront/catalog/importer.py\", line 11, in decode\n",
            "    return raw.decode(\"utf-8\")\n",
            "           ^^^^^^^^^^^^^^^^^^^\n",
            "UnicodeDecodeError: 'utf-8' codec can't decode byte 0xe4 in position 3: invalid continuation byte\n",
        ));
        assert_eq!(chain.len(), 1);
        let e = &chain[0];
        assert_eq!(e.kind, "UnicodeDecodeError");
        assert_eq!(
            e.message,
            "'utf-8' codec can't decode byte 0xe4 in position 3: invalid continuation byte"
        );
        assert_eq!(e.frames.len(), 2);
        assert_eq!(e.frames[0], frame("/srv/storefront/catalog/importer.py", Some(11), "decode"));
        assert!(e.frames[0].in_app && !e.frames[1].in_app);
    }

    #[test]
    fn the_first_printed_of_a_chain_is_the_deepest_cause() {
        let chain = read(concat!(
            "Traceback (most recent call last):\n",
            "  File \"/srv/faktura/venv/lib/python3.11/site-packages/sqlalchemy/engine/default.py\", line 1192, in do_execute\n",
            "    cursor.execute(statement, parameters)\n",
            "psycopg2.errors.UniqueViolation: duplicate key value violates unique constraint \"invoices_number_key\"\n",
            "DETAIL:  Key (number)=(INV-2026-00012) already exists.\n",
            "\n\n",
            "The above exception was the direct cause of the following exception:\n\n",
            "Traceback (most recent call last):\n",
            "  File \"/srv/faktura/billing/views.py\", line 52, in create_invoice\n",
            "    db.commit()\n",
            "sqlalchemy.exc.IntegrityError: (psycopg2.errors.UniqueViolation) duplicate key value violates unique constraint\n",
            "DETAIL:  Key (number)=(INV-2026-00012) already exists.\n\n",
            "[SQL: INSERT INTO invoices (number) VALUES (%(number)s)]\n",
            "(Background on this error at: https://sqlalche.me/e/20/gkpj)\n",
        ));
        assert_eq!(
            chain.iter().map(|e| e.kind.as_str()).collect::<Vec<_>>(),
            ["sqlalchemy.exc.IntegrityError", "psycopg2.errors.UniqueViolation"]
        );
        assert!(chain[0].message.ends_with("(Background on this error at: https://sqlalche.me/e/20/gkpj)"));
        assert!(chain[1].message.ends_with("already exists."));
        assert_eq!(chain[0].app_frame().unwrap().place(), "/srv/faktura/billing/views.py:52");
    }

    /// As CPython 3.11's sqlite3 module leaves it when a number is too large to be bound, with the message of an earlier query.
    #[test]
    fn an_error_without_frames_was_raised_where_the_one_in_its_place_was() {
        let chain = read(concat!(
            "OverflowError: Python int too large to convert to SQLite INTEGER\n\n",
            "During handling of the above exception, another exception occurred:\n\n",
            "Traceback (most recent call last):\n  File \"/srv/shop.py\", line 158, in get_order\n    row = db.execute(q, (n,))\n",
            "sqlite3.OperationalError: unrecognized token: \"' limit 10\"\n",
        ));
        assert_eq!(
            chain.iter().map(|e| e.kind.as_str()).collect::<Vec<_>>(),
            ["sqlite3.OperationalError", "OverflowError"]
        );
        assert_eq!(chain[1].app_frame().unwrap().place(), "/srv/shop.py:158");
    }

    #[test]
    fn three_links_of_both_kinds() {
        let chain = read(concat!(
            "Traceback (most recent call last):\n  File \"/a.py\", line 1, in a\n    x\nKeyError: 'a'\n\n",
            "During handling of the above exception, another exception occurred:\n\n",
            "Traceback (most recent call last):\n  File \"/a.py\", line 2, in b\n    y\nValueError: b\n\n",
            "The above exception was the direct cause of the following exception:\n\n",
            "Traceback (most recent call last):\n  File \"/a.py\", line 3, in c\n    z\napp.errors.NoStock\n",
        ));
        assert_eq!(
            chain.iter().map(|e| e.kind.as_str()).collect::<Vec<_>>(),
            ["app.errors.NoStock", "ValueError", "KeyError"]
        );
    }

    #[test]
    fn a_group_holds_its_children_below() {
        let chain = read(concat!(
            "  + Exception Group Traceback (most recent call last):\n",
            "  |   File \"/srv/app/main.py\", line 5, in handler\n",
            "  |     async with asyncio.TaskGroup() as tg:\n",
            "  | ExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions)\n",
            "  +-+---------------- 1 ----------------\n",
            "    | Traceback (most recent call last):\n",
            "    |   File \"/srv/app/stock.py\", line 9, in fetch\n",
            "    |     return d[\"sku\"]\n",
            "    |            ~^^^^^^^\n",
            "    | KeyError: 'sku'\n",
            "    +---------------- 2 ----------------\n",
            "    | ValueError: 2\n",
            "    +------------------------------------\n",
        ));
        assert_eq!(
            chain.iter().map(|e| e.kind.as_str()).collect::<Vec<_>>(),
            ["ExceptionGroup", "ValueError", "KeyError"]
        );
        assert_eq!(chain[2].frames[0].place(), "/srv/app/stock.py:9");
        assert_eq!(chain[0].frames[0].function, "handler");
    }

    #[test]
    fn syntax_errors_point_at_the_file_even_without_frames() {
        let chain = read(
            "  File \"/srv/app/views.py\", line 3\n    def x(\n         ^\nSyntaxError: '(' was never closed\n",
        );
        assert_eq!(
            (chain[0].kind.as_str(), chain[0].frames[0].place().as_str()),
            ("SyntaxError", "/srv/app/views.py:3")
        );
    }

    #[test]
    fn half_a_stack_still_says_what_it_can() {
        let torn = "    self.run()\n  File \"/srv/app/jobs.py\", line 8, in run\n    return 1 / n\nZeroDivisionError: division by zero";
        assert_eq!(read(torn)[0].frames[0].place(), "/srv/app/jobs.py:8");
        let headless = read("  File \"/srv/app/jobs.py\", line 8, in run\n    return 1 / n\n");
        assert_eq!((headless[0].kind.as_str(), headless[0].frames.len()), ("", 1));
        // Pasted without its indentation.
        let flat = read(
            "Traceback (most recent call last):\nFile \"/srv/a.py\", line 8, in run\nreturn compute(n)\nZeroDivisionError: division by zero",
        );
        assert_eq!((flat[0].kind.as_str(), flat[0].frames.len()), ("ZeroDivisionError", 1));
    }

    #[test]
    fn recursion_loguru_and_rich() {
        let chain = read(concat!(
            "Traceback (most recent call last):\n  File \"/a.py\", line 3, in f\n    return f(n)\n           ^^^^\n",
            "  [Previous line repeated 970 more times]\nRecursionError: maximum recursion depth exceeded\n"
        ));
        assert_eq!((chain[0].kind.as_str(), chain[0].frames.len()), ("RecursionError", 1));
        let chain = read(concat!(
            "Traceback (most recent call last):\n\n> File \"/srv/a.py\", line 12, in <module>\n    nested(0)\n    └ <function nested at 0x7f>\n\n",
            "  File \"/srv/a.py\", line 7, in nested\n    1 / c\n        └ 0\n\nZeroDivisionError: division by zero\n"
        ));
        assert_eq!((chain[0].kind.as_str(), chain[0].frames[0].line), ("ZeroDivisionError", Some(7)));
        let chain = read(concat!(
            "╭───────────── Traceback (most recent call last) ─────────────╮\n",
            "│ /srv/app/main.py:12 in load                                 │\n",
            "│                                                             │\n",
            "│ ❱ 12     return 1 / x                                       │\n",
            "╰─────────────────────────────────────────────────────────────╯\n",
            "ZeroDivisionError: division by zero\n"
        ));
        assert_eq!(
            (chain[0].kind.as_str(), chain[0].frames[0].place().as_str()),
            ("ZeroDivisionError", "/srv/app/main.py:12")
        );
    }

    #[test]
    fn lambda_and_djangos_page_name_the_error_elsewhere() {
        let chain = super::super::read(concat!(
            "[ERROR] KeyError: 'id'\rTraceback (most recent call last):\r",
            "\u{a0}\u{a0}File \"/var/task/app.py\", line 3, in handler\r\u{a0}\u{a0}\u{a0}\u{a0}return e[\"id\"]"
        ));
        assert_eq!((chain[0].kind.as_str(), chain[0].message.as_str()), ("KeyError", "'id'"));
        assert_eq!(chain[0].frames[0].place(), "/var/task/app.py:3");
        let chain = read(concat!(
            "Environment:\n\nTraceback (most recent call last):\n  File \"/srv/shop/views.py\", line 9, in cart\n    return d[k]\n",
            "           ^^^^\n\nException Type: KeyError at /cart/12\nException Value: 'vat'\n"
        ));
        let e = &chain[0];
        assert_eq!((e.kind.as_str(), e.message.as_str(), e.frames.len()), ("KeyError", "'vat'", 1));
    }

    #[test]
    fn the_last_line_belongs_to_its_traceback() {
        assert!(closes(
            "    days = store.nights(start, end)",
            "ValueError: Invalid isoformat string: '31-12-2026'"
        ));
        assert!(closes("           ^^^^^", "KeyError: 'vat'"));
        assert!(closes("           ^^^^^", "app.NoStock"));
        assert!(closes(DURING, "Traceback (most recent call last):"));
        assert!(!closes("    at x (/srv/x.js:1:2)", "TypeError: y"));
        assert!(!closes("ValueError: x", "booking refused: bad dates"));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "File \"x", "GET / 200", "Traceback", "attached File \"/x.pdf\" to mail"] {
            assert!(read(text).is_empty(), "{text}");
        }
    }
}
