//! PostgreSQL's structured logs: `csvlog` and `jsonlog`.
//!
//! ```text
//! 2026-11-24 07:32:11.635 UTC,"app","shop",27416,"10.0.0.1:5544",6a2.6b18,1,"SELECT",2026-11-24 07:30:00 UTC,3/12,0,ERROR,42P01,"relation ""x"" does not exist",,,,,,"SELECT 1 FROM x",15,,"web","client backend",,0
//! {"timestamp":"2026-11-24 07:32:11.635 UTC","user":"app","dbname":"shop","pid":27416,"error_severity":"ERROR","state_code":"42P01","message":"relation \"x\" does not exist","statement":"SELECT 1 FROM x"}
//! ```
//!
//! Source: PostgreSQL documentation, "Using CSV-Format Log Output" and "Using JSON-Format Log Output".

use super::stamp;
use crate::wrap::members::Members;
use crate::{Context, Entry, LineFormat};
use record::Level;
use std::borrow::Cow;

/// Columns that are read, by their place.
const USER: usize = 1;
const DATABASE: usize = 2;
const PID: usize = 3;
const CLIENT: usize = 4;
const SEVERITY: usize = 11;
const SQLSTATE: usize = 12;
const MESSAGE: usize = 13;
const DETAIL: usize = 14;
const HINT: usize = 15;
const STATEMENT: usize = 19;
const APPLICATION: usize = 22;

/// `csvlog`.
pub(super) struct PostgresCsv;

/// `jsonlog` (since version 15).
pub(super) struct PostgresJson;

impl LineFormat for PostgresCsv {
    fn name(&self) -> &'static str {
        "postgresql csv"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if !line.as_bytes().first()?.is_ascii_digit() || line.as_bytes().get(10) != Some(&b' ') {
            return None;
        }
        // The stamp is the first cell, so a comma stands right behind it.
        let comma = memchr::memchr(b',', line.as_bytes()).filter(|n| (19..=32).contains(n))?;
        let (at, "") = stamp(line.get(..comma)?, context)? else { return None };
        let mut entry = Entry { at: Some(at), ..Entry::default() };
        let mut parts = String::new();
        for (column, cell) in (Cells { rest: Some(line) }).enumerate() {
            let mut field = |name: &'static str, cell: Cow<'a, str>| {
                if !cell.is_empty() {
                    entry.fields.push((name.into(), cell));
                }
            };
            match column {
                USER => field("user", cell),
                DATABASE => field("database", cell),
                PID => {
                    if cell.is_empty() || !cell.bytes().all(|c| c.is_ascii_digit()) {
                        return None;
                    }
                    entry.pid = Some(cell);
                }
                CLIENT => field("client", cell),
                SEVERITY => entry.level = Level::parse(&cell)?,
                SQLSTATE => {
                    if cell.len() != 5 {
                        return None;
                    }
                    if cell != "00000" {
                        field("sqlstate", cell);
                    }
                }
                MESSAGE => entry.message = cell,
                DETAIL => part(&mut parts, "DETAIL", &cell),
                HINT => part(&mut parts, "HINT", &cell),
                STATEMENT => part(&mut parts, "STATEMENT", &cell),
                APPLICATION => field("application", cell),
                _ => {}
            }
        }
        if entry.message.is_empty() {
            return None;
        }
        if !parts.is_empty() {
            entry.message.to_mut().push_str(&parts);
        }
        Some(entry)
    }
}

fn part(to: &mut String, name: &str, text: &str) {
    if !text.is_empty() {
        to.push('\n');
        to.push_str(name);
        to.push_str(":  ");
        to.push_str(text);
    }
}

/// The cells of a CSV line; a quote that the line does not close runs to its end.
struct Cells<'a> {
    rest: Option<&'a str>,
}

impl<'a> Iterator for Cells<'a> {
    type Item = Cow<'a, str>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest?;
        let Some(quoted) = rest.strip_prefix('"') else {
            return Some(Cow::Borrowed(match rest.split_once(',') {
                Some((cell, more)) => {
                    self.rest = Some(more);
                    cell
                }
                None => {
                    self.rest = None;
                    rest
                }
            }));
        };
        let b = quoted.as_bytes();
        let (mut end, mut doubled) = (0, false);
        loop {
            let Some(i) = memchr::memchr(b'"', b.get(end..).unwrap_or_default()) else {
                end = b.len();
                break;
            };
            end += i;
            if b.get(end + 1) != Some(&b'"') {
                break;
            }
            doubled = true;
            end += 2;
        }
        let cell = quoted.get(..end).unwrap_or(quoted);
        self.rest = quoted.get(end + 1..).and_then(|r| r.strip_prefix(','));
        Some(if doubled { Cow::Owned(cell.replace("\"\"", "\"")) } else { Cow::Borrowed(cell) })
    }
}

impl LineFormat for PostgresJson {
    fn name(&self) -> &'static str {
        "postgresql json"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if !line.starts_with('{') || memchr::memmem::find(line.as_bytes(), b"\"error_severity\"").is_none() {
            return None;
        }
        let mut entry = Entry { closed: true, ..Entry::default() };
        let mut parts = String::new();
        let mut members = Members::of(line);
        for (key, value) in members.by_ref() {
            let name = match key {
                "timestamp" => {
                    entry.at = value.text().and_then(|t| stamp(&t, context).map(|(at, _)| at));
                    continue;
                }
                "pid" => {
                    entry.pid = value.scalar();
                    continue;
                }
                "error_severity" => {
                    entry.level = Level::parse(&value.text()?)?;
                    continue;
                }
                "message" => {
                    entry.message = value.text()?;
                    continue;
                }
                "detail" | "hint" | "statement" | "context" | "internal_query" => {
                    part(&mut parts, &key.to_ascii_uppercase(), &value.text()?);
                    continue;
                }
                "user" => "user",
                "dbname" => "database",
                "state_code" => "sqlstate",
                "application_name" => "application",
                "remote_host" => "client",
                _ => continue,
            };
            entry
                .fields
                .extend(value.scalar().filter(|v| v != "00000" && v != "[local]").map(|v| (name.into(), v)));
        }
        if !members.complete() {
            return None;
        }
        if !parts.is_empty() {
            entry.message.to_mut().push_str(&parts);
        }
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_csv_line_with_quotes_in_quotes() {
        let line = r#"2026-11-24 07:32:11.635 UTC,"app","shop",27416,"10.0.0.1:5544",6a2.6b18,1,"SELECT",2026-11-24 07:30:00 UTC,3/12,0,ERROR,42P01,"relation ""x"" does not exist",,,,,,"SELECT 1, 2 FROM x",15,,"web","client backend",,0"#;
        let e = PostgresCsv.read(line, &Context::default()).unwrap();
        assert_eq!(e.message, "relation \"x\" does not exist\nSTATEMENT:  SELECT 1, 2 FROM x");
        assert_eq!((e.level, e.pid.as_deref()), (Level::Error, Some("27416")));
        let fields: Vec<_> = e.fields.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(
            fields,
            ["user=app", "database=shop", "client=10.0.0.1:5544", "sqlstate=42P01", "application=web"]
        );
    }

    #[test]
    fn a_json_line() {
        let line = r#"{"timestamp":"2026-11-24 07:32:11.635 UTC","user":"app","dbname":"shop","pid":27416,"error_severity":"FATAL","state_code":"53300","message":"sorry, too many clients already","backend_type":"client backend"}"#;
        let e = PostgresJson.read(line, &Context::default()).unwrap();
        assert_eq!(
            (e.level, e.pid.as_deref(), e.message.as_ref()),
            (Level::Fatal, Some("27416"), "sorry, too many clients already")
        );
        assert_eq!(e.at.unwrap().0.to_string(), "2026-11-24T07:32:11.635Z");
    }

    #[test]
    fn other_commas_are_refused() {
        for l in [
            "2026-11-24 07:47:00,807 INFO orders: orders listening, yes",
            "2026-11-24 07:32:11.635 UTC,\"app\"",
            "2026-11-24 07:32:11.635 UTC,a,b,c,d",
            "{\"error_severity\":",
            "",
        ] {
            assert!(PostgresCsv.read(l, &Context::default()).is_none(), "{l}");
            assert!(PostgresJson.read(l, &Context::default()).is_none(), "{l}");
        }
    }
}
