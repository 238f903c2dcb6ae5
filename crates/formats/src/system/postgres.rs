//! PostgreSQL's server log with any `log_line_prefix`; pgpool writes the same.
//!
//! ```text
//! 2026-11-24 07:44:09.161 UTC [7547] rates@rates ERROR:  column "mid_rate" does not exist at character 8
//! 2026-11-24 07:44:09.161 UTC [7547] rates@rates STATEMENT:  SELECT mid_rate FROM rates WHERE currency = $1
//! 2026-11-24 07:32:11 UTC:10.0.0.1(51234):app@shop:[12345]:FATAL:  sorry, too many clients already
//! 2026-11-24 07:32:11 UTC [123]: [1-1] user=app,db=shop,app=web,client=10.0.0.1 ERROR:  deadlock detected
//! ```
//!
//! Sources: PostgreSQL documentation "Error Reporting and Logging" (`log_line_prefix`),
//! `src/backend/utils/error/elog.c` (severity, colon, two blanks); the prefixes of Debian, Amazon RDS, Google
//! Cloud SQL, Azure and pgBadger's advice.
//!
//! `DETAIL`, `HINT`, `CONTEXT`, `STATEMENT` and the like are lines of their own, with the prefix of the error
//! before them: they get the field `part`, by which the reader puts them to that error.

use super::stamp;
use crate::{Context, Entry, LineFormat};
use record::Level;
use std::borrow::Cow;

/// The severity stands within so many bytes of the line's start; application names can be 63 bytes long.
const PREFIX_BYTES: usize = 320;

/// PostgreSQL on standard error.
pub(super) struct Postgres;

impl LineFormat for Postgres {
    fn name(&self) -> &'static str {
        "postgresql"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let first = *line.as_bytes().first()?;
        if !first.is_ascii_digit() && first != b'[' {
            return None;
        }
        let (prefix, word, message) = split(line)?;
        let severity = severity(word)?;
        let mut entry = Entry { level: severity.level(), ..Entry::default() };
        let rest = match stamp(prefix, context) {
            Some((at, rest)) => {
                entry.at = Some(at);
                rest
            }
            // syslog took the time off, "[3-1] ERROR:  …"; or the prefix is a process id alone.
            None if is_counter(prefix) => {
                if prefix.contains('-') {
                    ""
                } else {
                    prefix
                }
            }
            None => return None,
        };
        if !is_prefix(rest) {
            return None;
        }
        read_prefix(rest, &mut entry);
        entry.message = match severity {
            Severity::Message(_) => Cow::Borrowed(message),
            Severity::Part(name) => {
                entry.fields.push(("part".into(), name.into()));
                Cow::Owned(format!("{name}:  {message}"))
            }
        };
        Some(entry)
    }
}

/// What the word before `:  ` says.
#[derive(Clone, Copy)]
enum Severity {
    Message(Level),
    Part(&'static str),
}

impl Severity {
    fn level(self) -> Level {
        match self {
            Severity::Message(l) => l,
            Severity::Part(_) => Level::Info,
        }
    }
}

/// Severities and parts, also in the commonest languages of `lc_messages`.
fn severity(word: &str) -> Option<Severity> {
    use Severity::{Message, Part};
    Some(match word {
        "LOG" | "INFO" | "PROTOKOLL" => Message(Level::Info),
        "NOTICE" | "HINWEIS" | "AVISO" | "NOTA" | "注意" => Message(Level::Notice),
        "WARNING" | "WARNUNG" | "ATTENTION" | "ADVERTENCIA" | "ПРЕДУПРЕЖДЕНИЕ" | "警告" => {
            Message(Level::Warn)
        }
        "ERROR" | "FEHLER" | "ERREUR" | "ERRO" | "ERRORE" | "ОШИБКА" | "错误" | "エラー" => {
            Message(Level::Error)
        }
        "FATAL" | "PANIC" | "PANIK" | "PANICO" | "FATALE" | "FATALE FEHLER" | "ВАЖНО" | "ПАНИКА"
        | "致命错误" => Message(Level::Fatal),
        "DEBUG" | "DEBUG1" | "DEBUG2" | "DEBUG3" | "DEBUG4" | "DEBUG5" => Message(Level::Debug),
        "DETAIL" | "DÉTAIL" | "DETALLE" | "DETALHE" | "DETTAGLI" | "ПОДРОБНОСТИ" => {
            Part("DETAIL")
        }
        "HINT" | "TIPP" | "ASTUCE" | "SUGERENCIA" | "DICA" | "ПОДСКАЗКА" => Part("HINT"),
        "CONTEXT" | "KONTEXT" | "CONTEXTE" | "CONTEXTO" | "CONTESTO" | "КОНТЕКСТ" => Part("CONTEXT"),
        "STATEMENT" | "ANWEISUNG" | "INSTRUCTION" | "SENTENCIA" | "COMANDO" | "ISTRUZIONE" | "ОПЕРАТОР" => {
            Part("STATEMENT")
        }
        "QUERY" | "ANFRAGE" | "REQUÊTE" | "CONSULTA" => Part("QUERY"),
        "LOCATION" | "ORT" | "EMPLACEMENT" | "UBICACIÓN" => Part("LOCATION"),
        "BACKTRACE" => Part("BACKTRACE"),
        _ => return None,
    })
}

/// Prefix, severity and message: the severity is the last word before the first `:` with two blanks behind
/// it.
fn split(line: &str) -> Option<(&str, &str, &str)> {
    let window = line.as_bytes().get(..line.len().min(PREFIX_BYTES))?;
    let mut from = 0;
    loop {
        let colon = from + memchr::memmem::find(window.get(from..)?, b":  ")?;
        let head = line.get(..colon)?;
        let start = head.rfind([' ', ':', '-', ']', ')', ',', '/', '>', '|']).map_or(0, |i| i + 1);
        let word = head.get(start..)?;
        // Three blanks and more are an indentation of another program (uvicorn's "INFO:     ").
        if severity(word).is_some() {
            return Some((head.get(..start)?, word, line.get(colon + 3..)?));
        }
        from = colon + 1;
    }
}

/// `[3-1] ` (syslog_sequence_numbers) or `[7547] `.
fn is_counter(prefix: &str) -> bool {
    let inner = prefix.trim_end().strip_prefix('[').and_then(|p| p.split_once(']')).map(|(i, _)| i);
    inner.is_some_and(|i| !i.is_empty() && i.bytes().all(|c| c.is_ascii_digit() || c == b'-'))
}

/// Is it the server's prefix, and not an application's that quotes PostgreSQL ("… - PG::UndefinedColumn -
/// ERROR:  column …")?
fn is_prefix(rest: &str) -> bool {
    // Nothing left, or a session id (Azure: "UTC-5f1b2c3d.1c-").
    if rest.bytes().all(|c| c.is_ascii_hexdigit() || matches!(c, b' ' | b'.' | b'-' | b':' | b'/')) {
        return true;
    }
    let mut names_process = false;
    for piece in rest.split(' ').filter(|p| !p.is_empty()) {
        let packed = piece.contains('@') || piece.contains('=') || piece.contains('[') || piece.contains('(');
        if !packed && (piece.contains("::") || piece.ends_with(':') && piece.len() > 1 && piece != "pid:") {
            return piece.starts_with(':')
                || piece.bytes().all(|c| c.is_ascii_digit() || c == b':') && names_process;
        }
        names_process |= packed || piece == "pid";
    }
    names_process
}

/// Process id, user, database, application, client and SQLSTATE out of what is left of the prefix.
fn read_prefix<'a>(prefix: &'a str, entry: &mut Entry<'a>) {
    let cut = |c: char| matches!(c, ' ' | ',' | ';' | '|');
    for piece in prefix.split(cut) {
        // RDS packs all into one word: ":10.0.0.1(51234):app@shop:[12345]:".
        if piece.starts_with(':') && piece.matches(':').count() >= 3 {
            for part in piece.split(':') {
                read_piece(part, entry);
            }
        } else {
            read_piece(piece.trim_end_matches(':'), entry);
        }
    }
}

fn read_piece<'a>(piece: &'a str, entry: &mut Entry<'a>) {
    let mut field = |name: &'static str, value: &'a str| {
        if !value.is_empty() && value != "[unknown]" && value != "[local]" {
            entry.fields.push((name.into(), value.into()));
        }
    };
    if let Some((key, value)) = piece.split_once('=') {
        match key.trim_start_matches(['[', '(']) {
            "user" | "u" | "usr" => field("user", value),
            "db" | "d" | "database" => field("database", value),
            "app" | "a" | "application" => field("application", value),
            "client" | "host" | "h" | "remote" | "r" => field("client", value),
            "sqlstate" | "state" | "error" | "code" | "sql_error_code" => field("sqlstate", value),
            "pid" | "p" if entry.pid.is_none() => entry.pid = Some(value.into()),
            _ => {}
        }
    } else if let Some((user, database)) = piece.split_once('@') {
        field("user", user);
        // "%u@%d/%a"
        let (database, application) = database.split_once('/').unwrap_or((database, ""));
        field("database", database);
        field("application", application);
    } else if let Some(inner) = piece.trim_start_matches('-').strip_prefix('[')
        && let Some((inner, _)) = inner.split_once(']')
    {
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|c| c.is_ascii_digit());
        // "[123]", "[123-1]" (pid and line); "[1-1]" after it is the line's number.
        let pid = inner.split('-').next().unwrap_or(inner);
        if entry.pid.is_none() && digits(pid) {
            entry.pid = Some(pid.into());
        }
    } else if piece.len() == 5
        && piece.bytes().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase())
        && piece.bytes().next().is_some_and(|c| c.is_ascii_digit())
        && entry.pid.is_some()
        && piece != "00000"
    {
        field("sqlstate", piece);
    } else if let Some((host, port)) = piece.strip_suffix(')').and_then(|p| p.split_once('('))
        && port.parse::<u16>().is_ok()
    {
        field("client", host);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<Entry<'_>> {
        Postgres.read(line, &Context::default())
    }

    fn summary(line: &str) -> (String, Level, String, String, String) {
        let e = read(line).expect(line);
        let fields: Vec<String> = e.fields.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let at = e.at.map(|(t, _)| t.to_string()).unwrap_or_default();
        (at, e.level, e.pid.unwrap_or_default().into(), fields.join(" "), e.message.into())
    }

    fn s(
        at: &str,
        l: Level,
        pid: &str,
        fields: &str,
        message: &str,
    ) -> (String, Level, String, String, String) {
        (at.into(), l, pid.into(), fields.into(), message.into())
    }

    #[test]
    fn debians_prefix() {
        assert_eq!(
            summary(
                "2026-11-24 07:32:11.635 UTC [27416] LOG:  listening on IPv4 address \"127.0.0.1\", port 8531"
            ),
            s(
                "2026-11-24T07:32:11.635Z",
                Level::Info,
                "27416",
                "",
                "listening on IPv4 address \"127.0.0.1\", port 8531"
            )
        );
        assert_eq!(
            summary(
                "2026-11-24 07:44:09.161 UTC [7547] rates@rates ERROR:  column \"mid_rate\" does not exist at character 8"
            ),
            s(
                "2026-11-24T07:44:09.161Z",
                Level::Error,
                "7547",
                "user=rates database=rates",
                "column \"mid_rate\" does not exist at character 8"
            )
        );
        assert_eq!(
            summary("2026-11-24 07:44:09.161 UTC [7547] rates@rates STATEMENT:  SELECT a"),
            s(
                "2026-11-24T07:44:09.161Z",
                Level::Info,
                "7547",
                "user=rates database=rates part=STATEMENT",
                "STATEMENT:  SELECT a"
            )
        );
    }

    #[test]
    fn prefixes_of_clouds_and_advice() {
        let at = "2026-11-24T07:32:11Z";
        let full = "sorry, too many clients already";
        assert_eq!(
            summary(&format!("2026-11-24 07:32:11 UTC:10.0.0.1(51234):app@shop:[12345]:FATAL:  {full}")),
            s(at, Level::Fatal, "12345", "client=10.0.0.1 user=app database=shop", full)
        );
        assert_eq!(
            summary(&format!(
                "2026-11-24 07:32:11 UTC [123]: [1-1] user=app,db=shop,app=web,client=10.0.0.1 FATAL:  {full}"
            )),
            s(at, Level::Fatal, "123", "user=app database=shop application=web client=10.0.0.1", full)
        );
        assert_eq!(
            summary(&format!("2026-11-24 07:32:11 UTC-5f1b2c3d.1c-FATAL:  {full}")),
            s(at, Level::Fatal, "", "", full)
        );
        assert_eq!(
            summary("2026-11-24 07:32:11 UTC [123] 42P01 app@shop/web ERROR:  relation \"x\" does not exist"),
            s(
                at,
                Level::Error,
                "123",
                "sqlstate=42P01 user=app database=shop application=web",
                "relation \"x\" does not exist"
            )
        );
        assert_eq!(
            summary("[3-1] ERROR:  deadlock detected"),
            s("", Level::Error, "", "", "deadlock detected")
        );
        assert_eq!(
            summary("2026-11-24 08:32:11 CET [9] a@b FEHLER:  Relation »x« existiert nicht").1,
            Level::Error
        );
    }

    #[test]
    fn others_with_colons_are_refused() {
        for l in [
            "ERROR:  relation \"x\" does not exist at character 15",
            "INFO:     Uvicorn running on http://127.0.0.1:8312",
            "[24-Nov-2026 08:07:58 UTC] PHP Warning:  Undefined array key 0",
            "2026-11-24 07:32:11 UTC [27416] nothing",
            "[error] a:  b",
            "2026-11-24",
            "2026-11-24 07:44:09 - PG::UndefinedColumn - ERROR:  column \"mid_rate\" does not exist",
            "2026-11-24 07:44:09 +0000 [123] psycopg2.errors.UndefinedColumn: ERROR:  column \"mid_rate\" does not exist",
            "2026-11-24 07:44:09 query failed ERROR:  column \"mid_rate\" does not exist",
            "",
        ] {
            assert!(read(l).is_none(), "{l}");
        }
    }
}
