//! `why500 problems`, `show` and `tail`: what a running server knows, asked from a terminal.

pub(crate) mod client;
pub mod sourcemaps;
pub(crate) mod told;

use crate::explain::{Colour, Usage, look};
use crate::reach::At;
use crate::report::page::{Ink, Page, pad, wrap};
use crate::report::{self, Look, badge, counted, plain, span};
use clap::Args;
pub(crate) use client::Client;
use record::{Class, SECOND, Time};
use serde_json::Value;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::ExitCode;
use std::time::Duration;

/// Where to ask, and how to show it; the server's token is in WHY500_TOKEN.
#[derive(Args, Debug)]
pub struct Server {
    #[command(flatten)]
    at: At,
    /// Number of the project (default: the token's, or the first)
    #[arg(long, value_name = "N")]
    project: Option<i64>,
    /// When to colour
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    color: Colour,
}

/// Options of `problems`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  why500 problems --state new --since 1h
  why500 problems --class database deadlock
  WHY500_TOKEN=why500_… why500 problems --server https://why500.example:8500 --json")]
pub struct Problems {
    #[command(flatten)]
    server: Server,
    /// Words to look for in titles, causes, culprits
    text: Vec<String>,
    /// Only those that are new, ongoing, resolved, regressed, muted, superseded or withdrawn
    #[arg(long)]
    state: Option<String>,
    /// Only those of a class: code, config, database, upstream, resource, unknown
    #[arg(long)]
    class: Option<String>,
    /// Only those seen since: 30m, 2h, 7d, or an instant (RFC 3339)
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// The order: last_seen, first_seen, count or harm
    #[arg(long, default_value = "last_seen")]
    sort: String,
    /// At most so many
    #[arg(long, default_value_t = 20, value_name = "N")]
    limit: u32,
    /// The server's own answer
    #[arg(long)]
    json: bool,
}

/// Options of `show`.
#[derive(Args, Debug)]
pub struct Show {
    #[command(flatten)]
    server: Server,
    /// The problem: 16 hex digits, as `why500 problems` prints them, or the first of them
    id: String,
    /// All evidence that was kept, uncut
    #[arg(long)]
    all_evidence: bool,
    /// The server's own answer
    #[arg(long)]
    json: bool,
}

/// Options of `tail`.
#[derive(Args, Debug)]
pub struct Tail {
    #[command(flatten)]
    server: Server,
}

/// Lists problems.
pub fn problems(options: &Problems) -> Result<ExitCode, Usage> {
    let client = Client::new(&options.server.at, options.server.project)?;
    let mut query = vec![("sort", options.sort.clone()), ("limit", options.limit.to_string())];
    let words = options.text.join(" ");
    let asked = [("q", Some(&words)), ("state", options.state.as_ref()), ("class", options.class.as_ref())];
    query.extend(asked.into_iter().filter_map(|(n, v)| Some((n, v.filter(|v| !v.is_empty())?.clone()))));
    if let Some(since) = &options.since {
        query.push(("since", instant(since)));
    }
    let doc = client.get("/api/v1/problems", &query)?;
    let look = look(options.server.color, None, false);
    printed(|out| if options.json { json(out, &doc) } else { list(out, &doc, &client.base, &look) })
}

/// Shows one problem.
pub fn show(options: &Show) -> Result<ExitCode, Usage> {
    if options.id.is_empty() || !options.id.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(Usage(format!("{}: a problem's id is 16 hex digits", plain(&options.id))));
    }
    let client = Client::new(&options.server.at, options.server.project)?;
    let id = whole_id(&client, &options.id)?;
    let mut doc = client.get(&format!("/api/v1/problems/{id}"), &[])?;
    // A server of before has none.
    if let Ok(code) = client.get(&format!("/api/v1/problems/{id}/code"), &[])
        && let Some(doc) = doc.as_object_mut()
    {
        doc.insert("code".into(), code);
    }
    let look = look(options.server.color, None, options.all_evidence);
    printed(|out| {
        if options.json {
            return json(out, &doc);
        }
        report::write_problem(out, &told::problem(&doc), &told::more(&doc), &look)
    })
}

/// The id that begins so, among the problems that failed last.
fn whole_id(client: &Client, begin: &str) -> Result<String, Usage> {
    if begin.len() >= ID_DIGITS {
        return Ok(begin.to_owned());
    }
    let begin = begin.to_ascii_lowercase();
    let found =
        client.get("/api/v1/problems", &[("limit", SOUGHT.to_string()), ("state", "all".to_owned())])?;
    let rows = found["problems"].as_array().map_or(&[][..], Vec::as_slice);
    let fits: Vec<&str> =
        rows.iter().filter_map(|p| p["id"].as_str()).filter(|id| id.starts_with(&begin)).collect();
    match fits[..] {
        [id] => Ok(id.to_owned()),
        [] => Err(Usage(format!("{begin}: none of the {SOUGHT} problems that failed last begins so"))),
        _ => Err(Usage(format!("{begin}: {} problems begin so: {}", fits.len(), plain(&fits.join(", "))))),
    }
}

/// Digits of a problem's id.
const ID_DIGITS: usize = 16;
/// Problems among which one is sought by its first digits: as many as a page of the API has.
const SOUGHT: usize = 500;

/// Writes a line for each problem that has new failures, until it is stopped. Where the server stops, it is asked again until it
/// is back.
pub fn tail(options: &Tail) -> Result<ExitCode, Usage> {
    let client = Client::new(&options.server.at, options.server.project)?;
    let look = look(options.server.color, None, false);
    // A server that is not there at first is most likely another's address.
    let mut stream = client.stream(STREAM)?;
    while written(stream, &look)? {
        eprintln!(
            "why500: {} ended the stream; it is asked again each {} s",
            plain(&client.base),
            AGAIN.as_secs()
        );
        let mut said = String::new();
        stream = loop {
            std::thread::sleep(AGAIN);
            match client.stream(STREAM) {
                Ok(stream) => break stream,
                Err(Usage(why)) if why != said => {
                    eprintln!("why500: {why}");
                    said = why;
                }
                Err(_) => {}
            }
        };
        eprintln!("why500: the stream goes on; `why500 problems` shows what happened meanwhile");
    }
    Ok(ExitCode::SUCCESS)
}

/// Where problems are told of as they fail.
const STREAM: &str = "/api/v1/stream";
/// A server is back some seconds after it stopped.
const AGAIN: Duration = Duration::from_secs(2);

/// Writes what a stream tells, to its end; false if nobody reads it any more.
fn written(stream: impl Read, look: &Look) -> Result<bool, Usage> {
    let mut event = String::new();
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { break };
        if let Some(name) = line.strip_prefix("event: ") {
            event = name.to_owned();
        }
        let Some(data) = line.strip_prefix("data: ") else { continue };
        let data: Value = serde_json::from_str(data).unwrap_or_default();
        let mut out = io::stdout().lock();
        match happened(&mut out, &event, &data, look).and_then(|()| out.flush()) {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => return Ok(false),
            other => other.map_err(|e| Usage(e.to_string()))?,
        }
    }
    Ok(true)
}

/// `2h`, `30m`, `7d` are so long ago; all else is the server's to understand.
fn instant(text: &str) -> String {
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3_600,
        Some('d') => 86_400,
        Some('w') => 7 * 86_400,
        _ => return text.to_owned(),
    };
    match text.get(..text.len() - 1).and_then(|n| n.parse::<i64>().ok()) {
        Some(n) => {
            crate::serve::now().plus(n.saturating_mul(unit).saturating_mul(-SECOND)).secs().to_string()
        }
        None => text.to_owned(),
    }
}

fn printed(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<ExitCode, Usage> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(Usage(e.to_string())),
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn json(out: &mut dyn Write, doc: &Value) -> io::Result<()> {
    report::json::write_document(out, doc)
}

/// A badge and a title, and below them the id and what else helps to choose.
fn list(out: &mut dyn Write, doc: &Value, base: &str, look: &Look) -> io::Result<()> {
    let mut page = Page::new(out, look);
    let rows = doc["problems"].as_array().map_or(&[][..], Vec::as_slice);
    let name = page.ink(Ink::Bold, "why500");
    let more = if doc["next"].is_null() { "" } else { ", and more" };
    let said = counted(rows.len() as u64, "problem");
    page.line(&format!("{name}  {said}{more} at {}", plain(base)))?;
    let dot = page.sign(" · ", " | ").to_owned();
    for row in rows {
        page.gap()?;
        let word = |v: &Value| plain(v.as_str().unwrap_or("")).into_owned();
        let verdict = &row["verdict"];
        let class = Class::parse(verdict["class"].as_str().unwrap_or("")).unwrap_or_default();
        let front = pad(&format!(" {}", class.name().to_uppercase()), 10);
        for (i, text) in wrap(&word(&row["title"]), page.room()).iter().enumerate() {
            let front = if i == 0 { page.ink(badge(class), &front) } else { " ".repeat(10) };
            let text = page.ink(Ink::Bold, text);
            page.line(&format!("{front}  {text}"))?;
        }
        let mut facts = vec![
            word(&row["id"]),
            counted(row["count"].as_u64().unwrap_or(0), "failure"),
            word(&row["state"]),
            word(&verdict["cause"]),
        ];
        if let Some(last) = told::time(&row["last_seen"]) {
            facts.push(format!("{} ago", span(crate::serve::now().since(last).max(0))));
        }
        if let Some(who) = row["assigned"].as_str() {
            facts.push(format!("assigned to {}", plain(who)));
        }
        let rows = wrap(&facts.join(&dot), page.room());
        let rows: Vec<String> = rows.iter().map(|r| page.ink(Ink::Dim, r)).collect();
        page.labelled("", &rows)?;
    }
    if !rows.is_empty() {
        page.gap()?;
        let hint = page.ink(Ink::Dim, "            why500 show ID explains one");
        page.line(&hint)?;
    }
    Ok(())
}

/// `07:12:04  4f1d0c2b9a7e6d58  +12  database/connection-refused  The database does not accept connections`
fn happened(out: &mut dyn Write, event: &str, data: &Value, look: &Look) -> io::Result<()> {
    let mut page = Page::new(out, look);
    let word = |name: &str| plain(data[name].as_str().unwrap_or("")).into_owned();
    if event == "lagged" {
        let missed = counted(data["missed"].as_u64().unwrap_or(0), "event");
        let said = page.ink(Ink::Dim, &format!("{missed} missed: more happens than this terminal takes"));
        return page.line(&said);
    }
    // Only its verdict changed, or what was known of failures told of before.
    if event != "problem" || data["failures"] == 0 {
        return Ok(());
    }
    let at: Option<Time> = told::time(&data["at"]);
    let at = at.map(|t| {
        let c = t.civil();
        format!("{:02}:{:02}:{:02}", c.hour, c.minute, c.second)
    });
    let cause = word("cause");
    let class = cause.split('/').next().and_then(Class::parse).unwrap_or_default();
    let n = format!("+{}", data["failures"].as_u64().unwrap_or(0));
    let (at, cause) = (page.ink(Ink::Dim, &at.unwrap_or_default()), page.ink(badge(class), &cause));
    page.line(&format!("{at}  {}  {n:>4}  {cause}  {}", word("problem"), word("title")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const LOOK: Look = Look { width: 80, colour: false, top: None, all_evidence: false, unicode: true };

    #[test]
    fn what_strangers_sent_does_not_act_on_the_terminal() {
        let row = json!({ "id": "\u{1b}[2J", "title": "\u{1b}]0;x\u{7} fell", "count": 3, "state": "new\u{9b}",
                          "last_seen": "2026-11-24T07:12:04Z", "assigned": "\u{202e}ada",
                          "verdict": { "class": "database", "cause": "dead\u{1b}lock" } });
        let mut out = Vec::new();
        list(&mut out, &json!({ "problems": [row], "next": null }), "http://x", &LOOK).unwrap();
        let event =
            json!({ "problem": "4f\u{1b}", "title": "a\nb", "cause": "x\u{7}/y", "failures": 2, "at": "no" });
        happened(&mut out, "problem", &event, &LOOK).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(!text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{text}");
        assert!(text.contains(" DATABASE   \\x1b]0;x\\x07 fell"), "{text}");
        assert!(text.contains("3 failures · new"), "{text}");
        assert!(text.contains("4f\\x1b    +2  x\\x07/y  a b"), "{text}");
    }

    #[test]
    fn times_ago_are_read() {
        let now = crate::serve::now().secs();
        let ago = now - instant("2h").parse::<i64>().unwrap();
        assert!((7_200..7_203).contains(&ago), "{ago}");
        assert_eq!(instant("2026-11-24T07:12:04Z"), "2026-11-24T07:12:04Z");
        assert_eq!(instant("soon"), "soon");
    }
}
