//! Stack traces of all languages: type, message, frames, which frames are the app's own, the chain of causes.
//!
//! One file per language, listed in one table; each names the runtime's source that prints its form. A text
//! is tried in the order of the table, the narrow shapes before the wide; the first language that finds
//! something has it.

mod bare;
mod chain;
mod crystal;
mod dart;
mod dotnet;
mod elixir;
mod erlang;
mod even;
mod go;
mod haskell;
mod java;
mod javascript;
mod kind;
mod lua;
mod native;
mod own;
mod perl;
mod php;
mod php_dotted;
mod place;
mod python;
mod ruby;
mod rust;
mod swift;

pub use own::in_app;

use record::Exception;

/// How one language's traces are read. Lines come without a log's prefix and without a line end.
struct Language {
    /// The chain in a text, outermost first.
    read: fn(&str) -> Vec<Exception>,
    /// Can the line begin a trace?
    starts: fn(&str) -> bool,
    /// Is the line inside a trace, whatever stands before it?
    continues: fn(&str) -> bool,
    /// Does the line go on with an entry whose last line that is not blank was `previous`?
    closes: fn(&str, &str) -> bool,
}

fn never(_: &str) -> bool {
    false
}

fn not_after(_: &str, _: &str) -> bool {
    false
}

/// The table of languages.
static LANGUAGES: &[Language] = &[
    Language {
        read: python::read,
        starts: python::starts,
        continues: python::continues,
        closes: python::closes,
    },
    Language { read: php_dotted::read, starts: never, continues: never, closes: not_after },
    Language { read: php::read, starts: php::starts, continues: php::continues, closes: not_after },
    Language { read: rust::read, starts: rust::starts, continues: rust::continues, closes: rust::closes },
    Language { read: go::read, starts: go::starts, continues: go::continues, closes: go::closes },
    Language {
        read: elixir::read,
        starts: elixir::starts,
        continues: elixir::continues,
        closes: elixir::closes,
    },
    Language { read: erlang::read, starts: never, continues: erlang::continues, closes: not_after },
    Language { read: lua::read, starts: lua::starts, continues: lua::continues, closes: not_after },
    Language { read: dotnet::read, starts: dotnet::starts, continues: dotnet::continues, closes: not_after },
    Language { read: java::read, starts: java::starts, continues: java::continues, closes: not_after },
    Language { read: ruby::read, starts: ruby::starts, continues: ruby::continues, closes: not_after },
    Language { read: dart::read, starts: dart::starts, continues: dart::continues, closes: not_after },
    Language { read: swift::read, starts: swift::starts, continues: never, closes: not_after },
    Language { read: haskell::read, starts: never, continues: haskell::continues, closes: not_after },
    Language {
        read: crystal::read,
        starts: crystal::starts,
        continues: crystal::continues,
        closes: not_after,
    },
    Language {
        read: javascript::read,
        starts: javascript::starts,
        continues: javascript::continues,
        closes: javascript::closes,
    },
    Language { read: perl::read, starts: perl::starts, continues: perl::continues, closes: not_after },
    Language { read: native::read, starts: native::starts, continues: native::continues, closes: not_after },
    Language { read: bare::read, starts: never, continues: never, closes: not_after },
];

/// The chain of exceptions that a text carries, outermost first, the deepest cause last; empty if it carries
/// none. The text is a message with all its continuation lines, real line breaks between; escaped ones are
/// understood too.
pub fn read(text: &str) -> Vec<Exception> {
    if !even::suspicious(text) {
        return Vec::new();
    }
    let text = even::even(chain::clip(text, chain::TEXT_BYTES_MAX));
    for language in LANGUAGES {
        let found = chain::settle((language.read)(&text));
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

/// Can this line (without any log prefix) be the first of a stack trace or an uncaught error?
pub fn starts(line: &str) -> bool {
    line.len() <= LINE_BYTES_MAX && LANGUAGES.iter().any(|l| (l.starts)(line))
}

/// Does this line look like the inside of a stack trace (frame, "Caused by", source excerpt, marker)?
pub fn continues(line: &str) -> bool {
    // The commonest frames by far are looked at first.
    line.len() <= LINE_BYTES_MAX
        && !is_dated(line)
        && (line.trim_start().starts_with('#') && php::continues(line)
            || LANGUAGES.iter().any(|l| (l.continues)(line)))
}

/// Does this line go on with the entry whose last line that is not blank was `previous`, although alone it
/// might begin another one? So end Python's tracebacks (`ValueError: …` below the frames), Rust's panics (the
/// message on its own line), uncaught errors of Node (the error below its source excerpt), gin's recovered
/// panics.
pub fn joins(previous: &str, line: &str) -> bool {
    line.len() <= LINE_BYTES_MAX
        && previous.len() <= LINE_BYTES_MAX
        && !is_dated(line)
        && LANGUAGES.iter().any(|l| (l.closes)(previous, line))
}

/// Does the line begin with a date or as an object of JSON? Then it is an entry of its own, whatever stood
/// before.
fn is_dated(line: &str) -> bool {
    let b = line.strip_prefix('[').unwrap_or(line).as_bytes();
    let year =
        b.get(..4).is_some_and(|y| y.iter().all(u8::is_ascii_digit)) && matches!(b.get(4), Some(b'-' | b'/'));
    year || line.starts_with("{\"")
}

/// Lines longer than this are data, not frames (minified sources, dumps of request bodies).
const LINE_BYTES_MAX: usize = 16 * 1024;

#[cfg(test)]
mod tests;
