//! The report to paste into a ticket: GitHub-flavoured Markdown (<https://github.github.com/gfm/>) that
//! stands alone.
//!
//! Every text from a log is escaped, or stands in a code span or fence that is longer than any run of
//! backticks in it.

use super::phrase::{
    Clock, certainty, certainty_percent, counted, number, percent, plain, range, span, trigger,
};
use super::source::{changes, excerpt};
use super::{Look, by_role, foremost, is_unexplained, needed, read, statuses};
use diagnosis::{Endpoint, Evidence, HopState, Problem, Report};
use record::Exception;
use std::borrow::Cow;
use std::io::{self, Write};

/// Quoted records per problem without `--all-evidence`: a ticket is read on a screen, not on a roll.
const EVIDENCE_MAX: usize = 8;
/// Routes per problem.
const ROUTES_MAX: usize = 10;
/// Frames of a stack.
const FRAMES_MAX: usize = 15;

/// Writes the report.
pub(super) fn write(out: &mut dyn io::Write, report: &Report, look: &Look) -> io::Result<()> {
    let clock = Clock::of(report);
    let t = &report.totals;
    match t.requests {
        _ if t.failures == 0 => writeln!(out, "# No failure found")?,
        Some(n) if n >= t.failures => {
            writeln!(
                out,
                "# {} of {} failed ({})",
                number(t.failures),
                counted(n, "request"),
                percent(t.failures, n)
            )?;
        }
        _ => writeln!(out, "# {}", counted(t.failures, "failure"))?,
    }
    let range = report.range.map(|(from, to)| format!("{}; ", range(from, to, "–"))).unwrap_or_default();
    if let Some(read) = read(report) {
        writeln!(out, "\n{range}{read} read.")?;
    }
    if report.problems.is_empty() {
        writeln!(out)?;
        for n in needed(report) {
            writeln!(out, "- {n}")?;
        }
    }
    if report.problems.len() > 1 {
        writeln!(out, "\n| # | cause | failures | problem |\n|--:|---|--:|---|")?;
        for (i, p) in report.problems.iter().enumerate() {
            let cause = code(&p.verdict.cause.to_string(), true);
            writeln!(out, "| {} | {cause} | {} | {} |", i + 1, number(p.count), escape(&p.title))?;
        }
    }
    for (i, p) in report.problems.iter().enumerate() {
        problem(out, report, i + 1, p, look, clock)?;
    }
    foot(out, report)
}

/// Writes one problem, by itself.
pub(super) fn write_one(out: &mut dyn io::Write, p: &Problem, look: &Look) -> io::Result<()> {
    writeln!(out, "## {}", escape(&p.title))?;
    facts(out, p.count, p, look, Clock::dated())?;
    writeln!(out, "\nAll times UTC. Made by why500 {}.", env!("CARGO_PKG_VERSION"))
}

fn problem(
    out: &mut dyn Write,
    report: &Report,
    n: usize,
    p: &Problem,
    look: &Look,
    clock: Clock,
) -> io::Result<()> {
    writeln!(out, "\n## {n}. {}", escape(&p.title))?;
    facts(out, report.totals.failures, p, look, clock)
}

/// What is known of a problem; `all`: failures of all problems.
fn facts(out: &mut dyn Write, all: u64, p: &Problem, look: &Look, clock: Clock) -> io::Result<()> {
    let v = &p.verdict;
    writeln!(out, "\n{}\n", escape(&v.summary))?;
    let mut row = |name: &str, text: &str| writeln!(out, "- **{name}:** {text}");
    let sure = format!("{} ({}%)", certainty(v.confidence), certainty_percent(v.confidence));
    row("Cause", &format!("{}, {sure}", code(&v.cause.to_string(), false)))?;
    if let Some(c) = v.culprit.as_deref() {
        row("Where", &code(c, false))?;
    }
    let share = if all > p.count { format!(", {} of all", percent(p.count, all)) } else { String::new() };
    let inferred = if p.counts_inferred { ", counted from error records" } else { "" };
    let codes = statuses(p, "×");
    let codes = if codes.is_empty() { codes } else { format!(" ({codes})") };
    row("How often", &format!("{}{codes}{share}{inferred}", counted(p.count, "failure")))?;
    if let Some(first) = p.first_seen {
        let until = match p.last_seen {
            Some(last) if last > first => format!(" to {} ({})", clock.at(last), span(last.since(first))),
            _ => String::new(),
        };
        row("Since", &format!("{}{until} UTC", clock.at(first)))?;
    }
    if let Some(t) = trigger(&v.trigger, p.first_seen, clock) {
        row("Set off", &escape(&t))?;
    }
    if let Some(e) = &p.ended {
        let what = e.what.as_deref().map(|w| format!(": {}", escape(w))).unwrap_or_default();
        row("Ended", &format!("{}{what}", clock.at(e.at)))?;
    }
    if p.hops.len() > 1 {
        row("Way", &way(p))?;
    }
    for i in &p.inputs {
        row("Inputs", &escape(i))?;
    }
    for a in p.alternatives.iter().take(3) {
        let culprit = a.culprit.as_deref().map(|c| format!(" at {}", code(c, false))).unwrap_or_default();
        let text =
            format!("{}{culprit} ({}%)", code(&a.cause.to_string(), false), certainty_percent(a.confidence));
        row(if is_unexplained(p) { "Lead" } else { "Else" }, &text)?;
    }
    routes(out, p)?;
    evidence(out, p, look)?;
    if let Some(e) = &p.exception {
        exception(out, e)?;
    }
    source(out, p)?;
    if !v.next_steps.is_empty() {
        writeln!(out, "\n### {}\n", if is_unexplained(p) { "To see more" } else { "Next" })?;
        for (i, s) in v.next_steps.iter().enumerate() {
            writeln!(out, "{}. {}", i + 1, escape(s))?;
        }
    }
    if let Some(curl) = p.reproduce.as_deref() {
        writeln!(out, "\n### Reproduce\n")?;
        fence(out, "sh", &plain(curl))?;
    }
    writeln!(out, "\nProblem {}", code(&p.id, false))
}

/// `client → nginx ✓ → php-fpm ~ → **mariadb ✗**`
fn way(p: &Problem) -> String {
    let hops: Vec<String> = p
        .hops
        .iter()
        .enumerate()
        .map(|(i, h)| {
            let name = escape(&h.name);
            match h.state {
                HopState::Ok if i == 0 => name.into_owned(),
                HopState::Ok => format!("{name} ✓"),
                HopState::Symptom => format!("{name} (passed it on)"),
                HopState::Broken => format!("**{name} ✗ broke**"),
            }
        })
        .collect();
    hops.join(" → ")
}

fn routes(out: &mut dyn Write, p: &Problem) -> io::Result<()> {
    if p.endpoints.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n| route | failures | requests |\n|---|--:|--:|")?;
    for Endpoint { method, route, count, requests, .. } in p.endpoints.iter().take(ROUTES_MAX) {
        let route = code(format!("{method} {route}").trim(), true);
        let requests = requests.map(number).unwrap_or_default();
        writeln!(out, "| {route} | {} | {requests} |", number(*count))?;
    }
    if p.endpoints.len() > ROUTES_MAX {
        let n = (p.endpoints.len() - ROUTES_MAX) as u64;
        let rest = p.endpoints.iter().skip(ROUTES_MAX).fold(0, |n: u64, e| n.saturating_add(e.count));
        writeln!(out, "| and {} | {} | |", counted(n, "more route"), number(rest))?;
    }
    Ok(())
}

fn evidence(out: &mut dyn Write, p: &Problem, look: &Look) -> io::Result<()> {
    if p.evidence.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n### Evidence")?;
    let (list, rest) = if look.all_evidence { (by_role(p), Vec::new()) } else { foremost(p, EVIDENCE_MAX) };
    for Evidence { source, line, role, text, why, .. } in list {
        let why = if why.is_empty() { String::new() } else { format!(" — {}", escape(why)) };
        // What came over a wire has no line of its own.
        let place = if *line > 0 { format!("{source}:{line}") } else { source.clone() };
        writeln!(out, "\n**{}** {}{why}\n", role.name(), code(&place, false))?;
        fence(out, "text", &plain(text.trim_end()))?;
    }
    if !rest.is_empty() {
        writeln!(out, "\n{} left out.", counted(rest.len() as u64, "further line"))?;
    }
    Ok(())
}

/// Source lines around the culprit, and whose change it probably was.
fn source(out: &mut dyn Write, p: &Problem) -> io::Result<()> {
    if let Some(e) = excerpt(p) {
        writeln!(out, "\n### Source\n\n{}\n", code(&e.title, false))?;
        fence(out, "text", &e.rows().join("\n"))?;
    }
    let rows = changes(p);
    if !rows.is_empty() {
        writeln!(out, "\n### Changed by\n")?;
        fence(out, "text", &rows.join("\n"))?;
    }
    Ok(())
}

fn exception(out: &mut dyn Write, e: &Exception) -> io::Result<()> {
    if e.frames.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n<details><summary>Stack trace (&gt; marks the service's own code)</summary>\n")?;
    let mut text = plain(&format!("{}: {}", e.kind, e.message)).into_owned();
    for f in e.frames.iter().take(FRAMES_MAX) {
        let mark = if f.in_app { ">" } else { " " };
        text.push_str(format!("\n{mark} {}  {}", plain(&f.place()), plain(&f.function)).trim_end());
    }
    if e.frames.len() > FRAMES_MAX {
        text.push_str(&format!("\n  and {}", counted((e.frames.len() - FRAMES_MAX) as u64, "more frame")));
    }
    fence(out, "text", &text)?;
    writeln!(out, "\n</details>")
}

fn foot(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    if !report.notes.is_empty() {
        writeln!(out, "\n## Notes\n")?;
        for n in &report.notes {
            writeln!(out, "- {}", escape(n))?;
        }
    }
    if !report.sources.is_empty() {
        writeln!(
            out,
            "\n## Read\n\n| file | format | lines | not understood | trouble |\n|---|---|--:|--:|---|"
        )?;
        for s in &report.sources {
            let trouble = s.trouble.as_deref().map(escape).unwrap_or_default();
            let unread = number(s.lines.saturating_sub(s.parsed));
            writeln!(
                out,
                "| {} | {} | {} | {unread} | {trouble} |",
                code(&s.path, true),
                escape(&s.format),
                number(s.lines)
            )?;
        }
    }
    writeln!(out, "\nAll times UTC. Made by why500 {}.", env!("CARGO_PKG_VERSION"))
}

/// Text as text: nothing in it is markup, a link, a mention or an issue number.
fn escape(text: &str) -> Cow<'_, str> {
    let text = plain(text);
    // Begins of lists and underlines of headings.
    let begins = text.starts_with(['-', '+', '=']);
    if !begins && !text.contains("://") && !text.chars().any(special) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    if begins {
        out.push('\\');
    }
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // A backslash does not stop "@name" and "#12" from becoming links; an empty comment between does.
            '@' | '#' => {
                out.push(c);
                out.push_str("<!---->");
            }
            c if special(c) => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    // "https://…" and "www." link themselves.
    Cow::Owned(out.replace("://", ":<!---->//"))
}

fn special(c: char) -> bool {
    matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '|' | '~' | '@' | '#' | '$')
}

/// A code span. In a table a pipe would end the cell even there.
fn code(text: &str, in_table: bool) -> String {
    let text = plain(text);
    if text.trim().is_empty() {
        return String::new();
    }
    let ticks = "`".repeat(longest_run(&text) + 1);
    let text = if in_table { Cow::Owned(text.replace('|', "\\|")) } else { text };
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

fn fence(out: &mut dyn Write, language: &str, text: &str) -> io::Result<()> {
    let ticks = "`".repeat((longest_run(text) + 1).max(3));
    writeln!(out, "{ticks}{language}\n{text}\n{ticks}")
}

/// Length of the longest run of backticks.
fn longest_run(text: &str) -> usize {
    let (mut best, mut run) = (0, 0);
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        best = best.max(run);
    }
    best
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn ticket(report: &Report) -> String {
        let mut out = Vec::new();
        let look = Look { width: 80, colour: false, top: None, all_evidence: false, unicode: true };
        write(&mut out, report, &look).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_ticket_stands_alone() {
        let text = ticket(&sample::shop());
        for said in [
            "# 216 of 12,480 requests failed (1.7%)\n",
            "| 1 | `database/connection-refused` | 198 | The database does not accept connections \
             (127.0.0.1:3306) |",
            "## 1. The database does not accept connections",
            "- **Cause:** `database/connection-refused`, sure (93%)",
            "- **Where:** `127.0.0.1:3306`",
            "- **How often:** 198 failures (500 ×150, 502 ×48), 92% of all",
            "- **Since:** 07:12:04 to 07:18:14 (6 min 10 s) UTC",
            "- **Set off:** when a dependency changed: mariadb: Normal shutdown (07:12:01, 3 s before)",
            "- **Way:** client → nginx ✓ → php-fpm (passed it on) → **mariadb ✗ broke**",
            "| `GET /cart/{id}` | 104 | 2,310 |",
            "**cause** `shop/laravel.log:8841` — same request, 12 ms before its 500\n\n```text\n[2026-11-24 \
             07:12:04] production.ERROR",
            "> /srv/shop/app/Services/Tax.php:41  App\\Services\\Tax->add",
            "```sh\ncurl -sS -i 'http://shop.example/cart/17'\n```",
            "Problem `4f1d0c2b9a7e6d58`",
        ] {
            assert!(text.contains(said), "{said}\nis not in\n{text}");
        }
    }

    #[test]
    fn what_strangers_wrote_is_no_markup() {
        let text = ticket(&sample::hostile());
        // Outside fences and spans no tag, no link, no mention survives.
        let mut in_fence: Option<String> = None;
        for line in text.lines() {
            let ticks: String = line.chars().take_while(|c| *c == '`').collect();
            match &in_fence {
                Some(f) if *f == line => in_fence = None,
                Some(_) => {}
                None if ticks.len() >= 3 && !line[ticks.len()..].contains('`') => in_fence = Some(ticks),
                None => {
                    let outside: String = line.split("````").step_by(2).collect();
                    assert!(!outside.contains("<script"), "{line}");
                    assert!(!outside.contains("[x]("), "{line}");
                    assert!(!outside.contains("@admin"), "{line}");
                }
            }
        }
        assert_eq!(in_fence, None);
    }

    #[test]
    fn escapes_are_minimal_and_spans_long_enough() {
        assert_eq!(escape("KeyError 'tax' (app/tax.py)"), "KeyError 'tax' (app/tax.py)");
        assert_eq!(escape("a_b <b> @me"), "a\\_b &lt;b&gt; @<!---->me");
        assert_eq!(escape("- see https://evil.example"), "\\- see https:<!---->//evil.example");
        assert_eq!(code("a`b", false), "``a`b``");
        assert_eq!(code("`a", false), "`` `a ``");
        assert_eq!(code("a|b", true), "`a\\|b`");
        assert_eq!(code("", true), "");
    }

    #[test]
    fn a_calm_log_makes_a_short_ticket() {
        let text = ticket(&sample::calm());
        assert!(text.starts_with("# No failure found\n"));
        assert!(text.contains("- The access logs read show no answer 500 to 599"));
    }
}
