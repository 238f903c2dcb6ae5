//! What a replay found, for eyes and for scripts. Nothing is written that was not scrubbed; secrets stand as their variables' names.

use super::{Compared, Form, Outcome, Replay, Replayed, Told};
use crate::explain::{self, Usage};
use crate::output;
use crate::report::page::{Ink, Page, columns, cut, pad, wrap};
use crate::report::{self, Look, counted, plain};
use record::scrub::scrub;
use serde_json::{Value, json};
use std::io::{self, Write};

/// Columns of a request in the table of two servers.
const REQUEST: usize = 44;
/// Columns of a status there.
const STATUS: usize = 18;
/// Where the text of labelled rows begins.
const LABEL: usize = 10;

/// Writes it where it is wanted.
///
/// # Errors
/// The file cannot be written.
pub fn write(options: &Replay, told: &Told) -> Result<(), Usage> {
    let mut look = explain::look(options.color, None, false);
    look.colour &= options.output.is_none();
    output::write(options.output.as_deref(), "what was found", |out| {
        if options.json || options.format == Form::Json {
            report::json::write_document(out, &document(told))
        } else {
            terminal(out, told, &look)
        }
    })
}

fn clean(text: &str) -> String {
    scrub(text).into_owned()
}

fn request(case: &super::Case) -> String {
    case.last().map(|r| clean(&format!("{} {}", r.method, r.target))).unwrap_or_default()
}

/// What came out, in words.
fn said(r: &Replayed) -> String {
    let n = r.ends.len();
    let mut ends: Vec<&str> = r.ends.iter().map(String::as_str).collect();
    ends.sort_unstable();
    ends.dedup();
    let ends = ends.join(", ");
    let then: Vec<String> = r
        .case
        .statuses
        .iter()
        .map(|s| if *s == 0 { "no answer".to_owned() } else { s.to_string() })
        .collect();
    let then = then.join(", ");
    match r.outcome {
        Outcome::Same => format!("fails the same way: {ends}, {n} of {n} times"),
        Outcome::Fails => format!("fails: {ends}, {n} of {n} times"),
        Outcome::Other if r.case.cause.is_some() && r.cause.is_some() && r.case.cause != r.cause => format!(
            "fails for another cause: {ends}, {n} of {n} times; it was {}, now {}",
            r.case.cause.as_deref().unwrap_or_default(),
            r.cause.as_deref().unwrap_or_default()
        ),
        Outcome::Other => format!("fails another way: {ends}, {n} of {n} times; it was {then}"),
        Outcome::Flaky => format!("fails {} of {n} times: {ends}", r.failed),
        Outcome::Healed if ends == "404" => {
            format!("does not fail ({ends}); what it names may not be on this server")
        }
        Outcome::Healed if then.is_empty() || r.case.statuses.iter().all(|s| *s != 0 && *s < 500) => {
            format!("does not fail: {ends}, {n} of {n} times")
        }
        Outcome::Healed => format!("healed: {ends}, {n} of {n} times; it was {then}"),
        Outcome::Refused if r.case.bodiless => {
            format!("was turned away: {ends}; the body that it had is not known, so that nothing can be said")
        }
        Outcome::Refused => format!(
            "was turned away: {ends}; WHY500_AUTHORIZATION, WHY500_COOKIE or --secret-header supply credentials"
        ),
    }
}

fn terminal(out: &mut dyn Write, told: &Told, look: &Look) -> io::Result<()> {
    let mut page = Page::new(out, look);
    let name = page.ink(Ink::Bold, "why500 replay");
    let sent = counted(told.sent, "request");
    match &told.against {
        None => page.line(&format!("{name}  {} ({sent})", plain(&told.to)))?,
        Some(other) => page.line(&format!("{name}  {} / {} ({sent})", plain(&told.to), plain(other)))?,
    }
    for r in &told.replayed {
        page.gap()?;
        one(&mut page, told, r)?;
    }
    if !told.compared.is_empty() {
        page.gap()?;
        table(&mut page, &told.compared)?;
    }
    if !told.notes.is_empty() {
        page.gap()?;
        for note in &told.notes {
            for row in wrap(&plain(&clean(note)), page.width) {
                let row = page.ink(Ink::Dim, &row);
                page.line(&row)?;
            }
        }
    }
    page.gap()?;
    let last = summary(told);
    page.line(&last)
}

fn one(page: &mut Page<'_>, told: &Told, r: &Replayed) -> io::Result<()> {
    let asked = request(&r.case);
    let title = plain(&clean(&r.case.name)).into_owned();
    let title = cut(&title, page.width, page.sign("…", "..."));
    let row = page.ink(Ink::Bold, &title);
    page.line(&row)?;
    let mut rows: Vec<(&str, Ink, String)> = Vec::new();
    if asked != r.case.name {
        rows.push(("", Ink::Plain, asked));
    }
    let ink = match r.outcome {
        Outcome::Healed => Ink::Good,
        Outcome::Refused | Outcome::Flaky => Ink::Warn,
        _ => Ink::Bad,
    };
    rows.push(("", ink, said(r)));
    if let Some(cause) = &r.cause {
        let culprit = r.culprit.as_ref().map(|c| format!(" ({})", clean(c))).unwrap_or_default();
        rows.push(("WHY", Ink::Plain, format!("{cause}{culprit}")));
    }
    if let Some(s) = &r.shrunk {
        if s.matters.is_empty() {
            let what =
                if s.needed.is_empty() { "the address alone" } else { "no value, only that it is there" };
            rows.push(("MATTERS", Ink::Plain, what.to_owned()));
        }
        let list = |items: &[String]| items.iter().map(|m| clean(m)).collect::<Vec<_>>().join("; ");
        if !s.matters.is_empty() {
            rows.push(("MATTERS", Ink::Plain, list(&s.matters)));
        }
        if !s.needed.is_empty() {
            rows.push(("NEEDED", Ink::Plain, format!("{}, whatever the value", list(&s.needed))));
        }
        if !s.done {
            rows.push(("", Ink::Dim, "not all was tried that could be left out".to_owned()));
        }
    } else if r.too_seldom {
        rows.push((
            "",
            Ink::Dim,
            "it fails too seldom to find out what matters; --times tries more often".to_owned(),
        ));
    }
    let room = page.prose().min(page.width.saturating_sub(LABEL));
    for (label, ink, text) in rows {
        for (i, row) in wrap(&plain(&text), room).iter().enumerate() {
            let label = page.ink(Ink::Label, &pad(if i == 0 { label } else { "" }, LABEL));
            let row = page.ink(ink, row);
            page.line(&format!("{label}{row}"))?;
        }
    }
    if r.outcome != Outcome::Healed {
        // Not wrapped: it is copied.
        for (i, curl) in curls(told, r).iter().enumerate() {
            let label = page.ink(Ink::Label, &pad(if i == 0 { "CURL" } else { "" }, LABEL));
            page.line(&format!("{label}{}", plain(curl)))?;
        }
    }
    Ok(())
}

/// The commands that send it, the smallest request that fails last.
fn curls(told: &Told, r: &Replayed) -> Vec<String> {
    let Some((last, before)) = r.case.steps.split_last() else { return Vec::new() };
    let last = r.shrunk.as_ref().map_or(last, |s| &s.request);
    before.iter().chain([last]).map(|step| step.curl(&told.to)).collect()
}

fn table(page: &mut Page<'_>, list: &[Compared]) -> io::Result<()> {
    let ellipsis = page.sign("…", "...");
    let asked: Vec<String> = list.iter().map(|c| plain(&request(&c.case)).into_owned()).collect();
    let wide = asked.iter().map(|a| columns(a)).max().unwrap_or(0).min(REQUEST);
    for (c, asked) in list.iter().zip(asked) {
        let asked = pad(&cut(&asked, wide, ellipsis), wide);
        let ends = pad(&format!("{} / {}", c.to, c.against), STATUS);
        let (ink, word) = if c.differences.is_empty() {
            (Ink::Good, "same".to_owned())
        } else {
            (Ink::Bad, format!("differs: {}", c.differences.join("; ")))
        };
        let room = page.width.saturating_sub(wide + STATUS + 4);
        let rows = wrap(&plain(&clean(&word)), room.max(20));
        for (i, row) in rows.iter().enumerate() {
            let front =
                if i == 0 { format!("{asked}  {ends}") } else { " ".repeat(wide + 2 + columns(&ends)) };
            let row = page.ink(ink, row);
            page.line(&format!("{front}  {row}"))?;
        }
    }
    Ok(())
}

fn summary(told: &Told) -> String {
    if told.against.is_some() {
        let differ = told.compared.iter().filter(|c| !c.differences.is_empty()).count();
        return format!("{} of {} differ", differ, counted(told.compared.len() as u64, "request"));
    }
    let count = |o: &[Outcome]| told.replayed.iter().filter(|r| o.contains(&r.outcome)).count();
    let parts = [
        (count(&[Outcome::Same]), "fails the same way", "fail the same way"),
        (count(&[Outcome::Fails]), "fails", "fail"),
        (count(&[Outcome::Other]), "fails another way", "fail another way"),
        (count(&[Outcome::Flaky]), "fails now and then", "fail now and then"),
        (count(&[Outcome::Refused]), "was turned away", "were turned away"),
        (count(&[Outcome::Healed]), "does not fail", "do not fail"),
    ];
    let all = counted(told.replayed.len() as u64, "request");
    let some = parts.iter().filter(|(n, ..)| *n > 0);
    let parts: Vec<String> =
        some.map(|(n, one, more)| format!("{n} {}", if *n == 1 { one } else { more })).collect();
    format!("of {all}: {}", parts.join(", "))
}

fn document(told: &Told) -> Value {
    let steps = |c: &super::Case| {
        json!({
            "name": clean(&c.name),
            "problem": c.problem,
            "request": request(c),
        })
    };
    let replayed: Vec<Value> = told
        .replayed
        .iter()
        .map(|r| {
            let mut doc = steps(&r.case);
            doc["recorded"] = json!({"statuses": r.case.statuses, "cause": r.case.cause});
            doc["outcome"] = json!(r.outcome.name());
            doc["said"] = json!(clean(&said(r)));
            doc["times"] = json!(r.ends.len());
            doc["failed"] = json!(r.failed);
            doc["ends"] = json!(r.ends);
            doc["cause"] = json!(r.cause);
            doc["culprit"] = json!(r.culprit.as_deref().map(clean));
            doc["curl"] = json!(curls(told, r).join("\n"));
            doc["shrunk"] = r.shrunk.as_ref().map_or(Value::Null, |s| {
                let list = |items: &[String]| items.iter().map(|m| clean(m)).collect::<Vec<_>>();
                json!({
                    "matters": list(&s.matters), "needed": list(&s.needed), "left_out": s.left_out,
                    "requests": s.sent, "complete": s.done,
                })
            });
            doc
        })
        .collect();
    let compared: Vec<Value> = told
        .compared
        .iter()
        .map(|c| {
            let mut doc = steps(&c.case);
            doc["ends"] = json!([c.to, c.against]);
            doc["same"] = json!(c.differences.is_empty());
            doc["differences"] = json!(c.differences.iter().map(|d| clean(d)).collect::<Vec<_>>());
            doc
        })
        .collect();
    json!({
        "schema": "why500.replay/1",
        "to": told.to,
        "against": told.against,
        "sent": told.sent,
        "replayed": replayed,
        "compared": compared,
        "notes": told.notes.iter().map(|n| clean(n)).collect::<Vec<_>>(),
    })
}
