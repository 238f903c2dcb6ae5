//! An error named without a stack: `java.lang.NullPointerException`, `KeyError: 'vat'`, `[Error: ENOENT: no
//! such file]`.
//!
//! The JVM stops printing the stacks of exceptions that are thrown often (`-XX:+OmitStackTraceInFastThrow`);
//! many loggers print `error.toString()`. Only the beginning of a text counts: an error named in the middle
//! of a sentence may be one that was handled.

use super::chain::exception;
use super::kind::{error_head, is_qualified};
use super::{dotnet, javascript, php, python};
use record::Exception;

/// Words that announce an error at the beginning of a text.
const ANNOUNCED: &[&str] = &[
    "Uncaught ",
    "Unhandled exception. ",
    "Unhandled Exception: ",
    "Unhandled exception: ",
    "Uncaught exception: ",
    "uncaughtException: ",
    "unhandledRejection: ",
    "Unhandled Rejection: ",
    "Unhandled rejection ",
    "UnhandledPromiseRejectionWarning: ",
    "Fatal error: ",
    "Exception: ",
    "ERROR: ",
    "error: ",
];

pub(super) fn read(text: &str) -> Vec<Exception> {
    let Some(first) = text.lines().map(str::trim).find(|l| !l.is_empty()) else { return Vec::new() };
    let inner = ANNOUNCED.iter().find_map(|w| first.strip_prefix(w)).unwrap_or(first);
    let found = error_head(inner)
        .or_else(|| error_head(first))
        .or_else(|| javascript::unbracketed(inner))
        .or_else(|| dotnet::titled(inner).filter(|(k, m)| k.contains("Exception") && !m.is_empty()))
        .or_else(|| super::kind::headed(inner).filter(|(k, m)| php::is_namespaced(k) && !m.is_empty()));
    let Some((kind, message)) = found else { return Vec::new() };
    // "Error" alone on a line is a heading.
    if message.is_empty() && !(is_qualified(kind) || kind.len() > "Exception".len()) {
        return Vec::new();
    }
    let mut chain = vec![exception(kind, message)];
    python::unwrap_driver(&mut chain);
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Option<(String, String)> {
        read(text).into_iter().next().map(|e| (e.kind, e.message))
    }

    #[test]
    fn named_alone() {
        let pair = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(one("java.lang.NullPointerException"), pair("java.lang.NullPointerException", ""));
        assert_eq!(one("KeyError: 'vat'"), pair("KeyError", "'vat'"));
        assert_eq!(one("Uncaught TypeError: x is not a function"), pair("TypeError", "x is not a function"));
        assert_eq!(
            one("[Error: ENOENT: no such file or directory, open '/srv/x']"),
            pair("Error", "ENOENT: no such file or directory, open '/srv/x'")
        );
        assert_eq!(
            one("Npgsql.NpgsqlException (0x80004005): Failed to connect to 127.0.0.1:5432"),
            pair("Npgsql.NpgsqlException", "Failed to connect to 127.0.0.1:5432")
        );
        assert_eq!(
            one("Error: connect ECONNREFUSED 127.0.0.1:5432"),
            pair("Error", "connect ECONNREFUSED 127.0.0.1:5432")
        );
    }

    #[test]
    fn the_drivers_own_exception_is_the_deeper_one() {
        let chain = read(
            "sqlalchemy.exc.OperationalError: (psycopg2.OperationalError) connection to server at \"127.0.0.1\", port 5432 failed: Connection refused",
        );
        assert_eq!(
            chain.iter().map(|e| e.kind.as_str()).collect::<Vec<_>>(),
            ["sqlalchemy.exc.OperationalError", "psycopg2.OperationalError"]
        );
        assert!(chain[1].message.ends_with("Connection refused"));
    }

    #[test]
    fn sentences_are_refused() {
        for text in [
            "",
            "Error",
            "retrying after KeyError: x",
            "GET /KeyError: 200",
            "Started",
            "no errors: fine",
            "Warning: x",
            "http://x/Error: y",
        ] {
            assert!(read(text).is_empty(), "{text}");
        }
    }
}
