//! The report for eyes on a terminal: what a person at 3 a.m. needs first comes first, and nothing is wider
//! than the screen.
//!
//! Per problem: what, how much, WHY, WHERE, SINCE, the WAY of the request with the broken hop, ROUTES, PROOF,
//! NEXT.

use super::page::{Ink, columns, cut, fold, pad, wrap};
use super::phrase::{
    Clock, certainty, certainty_percent, counted, instants, number, percent, plain, range, span, trigger,
    trigger_flag,
};
use super::source::{changes, excerpt};
use super::strip::{LEVELS, Strip};
use super::{Look, Page, foremost, is_unexplained, needed, read, statuses};
use diagnosis::{Endpoint, Evidence, HopState, Problem, Report};
use record::{Class, Exception, Role, Time, TriggerKind};
use std::io;

/// Routes named before "and n more".
const ROUTES_MAX: usize = 3;
/// Quoted records shown without `--all-evidence`.
const EVIDENCE_MAX: usize = 4;
/// Rows of a record that shows the cause; others get one.
const CAUSE_ROWS: usize = 2;
/// Rows of a record with `--all-evidence`: all of it, within reason.
const ALL_ROWS: usize = 40;
/// Problems in the list at the top; from two on there is one.
const INDEX_MAX: usize = 9;
/// Frames of a stack: where it was raised, and the service's own.
const FRAMES_MAX: usize = 4;
/// Files named at the end.
const SOURCES_MAX: usize = 8;
/// Files named as read when something was wrong with them.
const TROUBLED_MAX: usize = 40;
/// A strip wider than this is no clearer.
const STRIP_MAX: usize = 76;
/// Columns kept for `  at most 38 in 1 min`.
const PEAK: usize = 24;

/// Writes the report.
pub(super) fn write(out: &mut dyn io::Write, report: &Report, look: &Look) -> io::Result<()> {
    let mut page = Page::new(out, look);
    let clock = Clock::of(report);
    head(&mut page, report, clock)?;
    if report.problems.is_empty() {
        nothing_found(&mut page, report)?;
    }
    for (i, p) in report.problems.iter().enumerate() {
        problem(&mut page, report, i + 1, p, look, clock)?;
    }
    foot(&mut page, report)
}

/// Writes one problem, and below it what else is known of it: items under a label.
pub(super) fn write_one(
    out: &mut dyn io::Write,
    p: &Problem,
    more: &[(&str, Vec<String>)],
    look: &Look,
) -> io::Result<()> {
    let mut page = Page::new(out, look);
    let mut report = Report::default();
    report.totals.failures = p.count;
    problem(&mut page, &report, 1, p, look, Clock::dated())?;
    for (label, items) in more.iter().filter(|(_, items)| !items.is_empty()) {
        let said = |s: &String| plain(&instants(s, Clock::dated())).into_owned();
        let items: Vec<String> = items.iter().map(said).collect();
        page.gap()?;
        page.items(label, &items, false)?;
    }
    Ok(())
}

/// Badge colours: both given, readable on any ground.
pub(crate) fn badge(class: Class) -> Ink {
    Ink::Badge(match class {
        Class::Code => "1;97;45",
        Class::Config => "1;30;43",
        Class::Database => "1;97;44",
        Class::Upstream => "1;30;46",
        Class::Resource => "1;97;41",
        Class::Unknown => "1;30;47",
    })
}

/// The columns of a badge, blanks around the word included.
const BADGE: usize = 10;

fn badge_text(class: Class) -> String {
    pad(&format!(" {}", class.name().to_uppercase()), BADGE)
}

fn head(page: &mut Page<'_>, report: &Report, clock: Clock) -> io::Result<()> {
    let t = &report.totals;
    let inferred = report.problems.iter().any(|p| p.counts_inferred);
    let first = match t.requests {
        _ if t.failures == 0 => "no failure found".to_owned(),
        Some(n) if n >= t.failures => {
            let verb = if n == 1 { "request" } else { "requests" };
            format!("{} of {} {verb} failed ({})", number(t.failures), number(n), percent(t.failures, n))
        }
        _ if inferred => format!("{}, counted from error records", counted(t.failures, "failure")),
        _ => counted(t.failures, "failure"),
    };
    let name = page.ink(Ink::Bold, "why500");
    let said = page.ink(if t.failures > 0 { Ink::Bad } else { Ink::Good }, &first);
    page.line(&format!("{name}  {said}"))?;
    let dot = page.sign("·", "|");
    let mut facts = Vec::new();
    if !report.problems.is_empty() {
        facts.push(counted(report.problems.len() as u64, "problem"));
    }
    if let Some((from, to)) = report.range {
        facts.push(range(from, to, page.sign("–", "-")));
    }
    facts.extend(read(report));
    for row in wrap(&facts.join(&format!(" {dot} ")), page.width.saturating_sub(8)) {
        let row = page.ink(Ink::Dim, &row);
        page.line(&format!("        {row}"))?;
    }
    if report.problems.len() > 1
        && let Some(strip) = Strip::of(&report.traffic, strip_width(page, clock))
    {
        page.gap()?;
        let row = strip_row(page, &strip, clock);
        page.line(&format!("        {row}"))?;
    }
    if report.problems.len() > 1 {
        page.gap()?;
        index(page, report)?;
    }
    Ok(())
}

/// Most failures first: the whole morning on a few rows.
fn index(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    let shown = if report.problems.len() > INDEX_MAX { INDEX_MAX - 1 } else { INDEX_MAX };
    let widest = report.problems.iter().take(shown).map(|p| number(p.count).len()).max().unwrap_or(1);
    for (i, p) in report.problems.iter().take(shown).enumerate() {
        let room = page.width.saturating_sub(5 + BADGE + 2 + widest + 2);
        let title = cut(&plain(&p.title), room, page.sign("…", "..."));
        let class = p.verdict.cause.class;
        let badge = page.ink(badge(class), &badge_text(class));
        page.line(&format!("  {:>2} {badge}  {:>widest$}  {title}", i + 1, number(p.count)))?;
    }
    if report.problems.len() > shown {
        let rest = format!("     and {} more", report.problems.len() - shown);
        let rest = page.ink(Ink::Dim, &rest);
        page.line(&rest)?;
    }
    Ok(())
}

fn problem(
    page: &mut Page<'_>,
    report: &Report,
    n: usize,
    p: &Problem,
    look: &Look,
    clock: Clock,
) -> io::Result<()> {
    title(page, report, n, p)?;
    page.gap()?;
    page.say("WHY", Ink::Plain, &plain(&instants(&p.verdict.summary, clock)))?;
    match p.verdict.culprit.as_deref() {
        Some(culprit) => page.say("WHERE", Ink::Bold, &plain(culprit))?,
        None if is_unexplained(p) => lead(page, p)?,
        None => {}
    }
    since(page, p, clock)?;
    ended(page, p, clock)?;
    timeline(page, p, clock)?;
    way(page, p)?;
    routes(page, p)?;
    if !p.inputs.is_empty() {
        let inputs: Vec<String> = p.inputs.iter().map(|s| plain(s).into_owned()).collect();
        page.items("INPUTS", &inputs, false)?;
    }
    proof(page, p, look, clock)?;
    if let Some(e) =
        p.exception.as_ref().filter(|_| p.verdict.cause.class == Class::Code || look.all_evidence)
    {
        trace(page, e)?;
    }
    code(page, p)?;
    page.gap()?;
    let steps: Vec<String> = p.verdict.next_steps.iter().map(|s| plain(s).into_owned()).collect();
    let label = if is_unexplained(p) { "SEE MORE" } else { "NEXT" };
    page.items(label, &steps, true)?;
    if let Some(curl) = p.reproduce.as_deref() {
        // Never broken nor cut: it is there to be copied.
        let curl = plain(curl).into_owned();
        page.labelled("REPRODUCE", &[curl])?;
    }
    certain(page, p)
}

fn title(page: &mut Page<'_>, report: &Report, n: usize, p: &Problem) -> io::Result<()> {
    let rule = page.sign("─", "-");
    let id = cut(&plain(&p.id), 16, "");
    let front = format!("{} {n} ", rule.repeat(2));
    let back = format!(" {id} {}", rule.repeat(2));
    let middle = rule.repeat(page.width.saturating_sub(columns(&front) + columns(&back)));
    let row = page.ink(Ink::Dim, &format!("{front}{middle}{back}"));
    page.gap()?;
    page.line(&row)?;
    let class = p.verdict.cause.class;
    let badge = page.ink(badge(class), &badge_text(class));
    for (i, row) in wrap(&plain(&p.title), page.room()).iter().enumerate() {
        let row = page.ink(Ink::Bold, row);
        let front = if i == 0 { badge.clone() } else { " ".repeat(BADGE) };
        page.line(&format!("{front}  {row}"))?;
    }
    let dot = page.sign("·", "|");
    let mut facts = vec![plain(&p.verdict.cause.name).into_owned(), counted(p.count, "failure")];
    if p.counts_inferred {
        facts.push("counted from error records".into());
    }
    let codes = statuses(p, page.sign("×", "x"));
    if !codes.is_empty() {
        facts.push(codes);
    }
    let all = report.totals.failures;
    if all > p.count {
        facts.push(format!("{} {} of all", bar(page, p.count, all, 12), percent(p.count, all)));
    }
    let rows = wrap(&facts.join(&format!(" {dot} ")), page.room());
    page.labelled("", &rows)
}

/// `█████░░░░░░░`
fn bar(page: &Page<'_>, part: u64, whole: u64, width: usize) -> String {
    let share = if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    let filled = ((share * width as f64).round() as usize).clamp(usize::from(part > 0), width);
    format!("{}{}", page.sign("█", "#").repeat(filled), page.sign("░", ".").repeat(width - filled))
}

/// Nothing explains it: the best guess, called so.
fn lead(page: &mut Page<'_>, p: &Problem) -> io::Result<()> {
    let Some(a) = p.alternatives.first() else { return Ok(()) };
    let culprit = a.culprit.as_deref().map(|c| format!(" ({})", plain(c))).unwrap_or_default();
    let text =
        format!("best lead: {}{culprit}, {}%", plain(&a.cause.to_string()), certainty_percent(a.confidence));
    page.say("LEAD", Ink::Bold, &text)
}

fn since(page: &mut Page<'_>, p: &Problem, clock: Clock) -> io::Result<()> {
    let Some(first) = p.first_seen else { return Ok(()) };
    let mut text = clock.at(first);
    match p.last_seen {
        Some(last) if last > first => {
            text = format!("{text} to {} ({})", clock.at(last), span(last.since(first)))
        }
        _ => {}
    }
    match trigger(&p.verdict.trigger, p.first_seen, clock) {
        Some(t) => text = format!("{text}, {t}"),
        None => text.push_str(", nothing in these logs shows what set it off"),
    }
    page.say("SINCE", Ink::Plain, &text)
}

fn ended(page: &mut Page<'_>, p: &Problem, clock: Clock) -> io::Result<()> {
    let Some(e) = &p.ended else { return Ok(()) };
    let what = e.what.as_deref().map(|w| format!(": {}", plain(w))).unwrap_or_default();
    page.say("ENDED", Ink::Plain, &format!("{}{what}", clock.at(e.at)))
}

/// Columns for a strip: what an instant on each side and the peak behind leave.
fn strip_width(page: &Page<'_>, clock: Clock) -> usize {
    let ends = 2 * (columns(&clock.short(Time::default())) + 1);
    page.room().saturating_sub(ends + PEAK).clamp(10, STRIP_MAX)
}

fn strip_cells(page: &Page<'_>, strip: &Strip) -> String {
    let unicode = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let ascii = ['.', ':', '-', '=', '+', '*', '#', '#'];
    let signs = if page.unicode { unicode } else { ascii };
    let mut out = String::new();
    // Runs of quiet and of failing columns: quiet ones stay in the background.
    for run in strip.levels.chunk_by(|a, b| (*a == 0) == (*b == 0)) {
        let ink = if run.first() == Some(&0) { Ink::Dim } else { Ink::Bad };
        let cells: String = run.iter().filter_map(|l| signs.get(usize::from((*l).min(LEVELS)))).collect();
        out.push_str(&page.ink(ink, &cells));
    }
    out
}

/// `06:30 ▁▁▂▅▇▅▁▁ 07:45  at most 38 in 1 min`
fn strip_row(page: &Page<'_>, strip: &Strip, clock: Clock) -> String {
    let cells = strip_cells(page, strip);
    let (from, to) = (clock.short(strip.from), clock.short(strip.to));
    let used = columns(&from) + strip.levels.len() + columns(&to) + 4;
    let peak = format!("at most {} in {}", number(strip.peak), span(strip.column_us));
    let peak = page.ink(Ink::Dim, &cut(&peak, page.room().saturating_sub(used), page.sign("…", "...")));
    format!("{from} {cells} {to}  {peak}")
}

fn timeline(page: &mut Page<'_>, p: &Problem, clock: Clock) -> io::Result<()> {
    let Some(strip) = Strip::of(&p.timeline, strip_width(page, clock)) else { return Ok(()) };
    let offset = columns(&clock.short(strip.from)) + 1;
    let mut rows = vec![strip_row(page, &strip, clock)];
    let mut marks: Vec<(usize, String)> = Vec::new();
    let t = &p.verdict.trigger;
    if let Some(at) = t.at.filter(|_| t.kind != TriggerKind::None) {
        marks.push((strip.column(at), format!("{} {}", page.sign("▲", "^"), trigger_flag(t))));
    }
    if let Some(e) = &p.ended {
        marks.push((strip.column(e.at), format!("{} ended", page.sign("△", "^"))));
    }
    rows.extend(mark_rows(&marks, offset, page.room()).iter().map(|r| page.ink(Ink::Dim, r)));
    page.labelled("", &rows)
}

/// Marks under a strip, each with its sign at its column; on one row where they do not run into each other.
fn mark_rows(marks: &[(usize, String)], offset: usize, room: usize) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    for (column, text) in marks {
        let mut begin = offset + column;
        let mut text = text.clone();
        if begin + columns(&text) > room
            && let Some((sign, word)) = text.split_once(' ')
        {
            // No room to the right: the word stands left of its sign.
            begin = begin.saturating_sub(columns(word) + 1);
            text = format!("{word} {sign}");
        }
        match rows.last_mut().filter(|r| columns(r) < begin) {
            Some(row) => *row = format!("{}{text}", pad(row, begin)),
            None => rows.push(format!("{}{text}", " ".repeat(begin))),
        }
    }
    rows
}

/// `client → nginx ✓ → php-fpm ~ → mariadb 127.0.0.1:3306 ✗`, with what the signs mean.
fn way(page: &mut Page<'_>, p: &Problem) -> io::Result<()> {
    if p.hops.len() < 2 {
        return Ok(());
    }
    let arrow = page.sign(" → ", " -> ").to_owned();
    let (ok, symptom, broken) = (page.sign("✓", "ok"), page.sign("~", "~"), page.sign("✗", "X"));
    let mut used = [false; 3];
    let mut rows: Vec<String> = vec![String::new()];
    let mut width = 0;
    for (i, h) in p.hops.iter().enumerate() {
        let name = plain(&h.name);
        let client = i == 0 && name == "client";
        let (sign, ink, slot) = match h.state {
            HopState::Ok => (ok, Ink::Good, 0),
            HopState::Symptom => (symptom, Ink::Warn, 1),
            HopState::Broken => (broken, Ink::Bad, 2),
        };
        let mut label = name.into_owned();
        if h.state == HopState::Broken
            && let Some(a) = h.address.as_deref().filter(|a| *a != label)
        {
            label = format!("{label} {}", plain(a));
        }
        let label = cut(&label, page.room().saturating_sub(8), page.sign("…", "..."));
        let mut inked = if h.state == HopState::Broken { page.ink(ink, &label) } else { label.clone() };
        let mut w = columns(&label);
        if !client {
            inked = format!("{inked} {}", page.ink(ink, sign));
            w += 1 + columns(sign);
            if let Some(u) = used.get_mut(slot) {
                *u = true;
            }
        }
        let joint = if i == 0 { "" } else { arrow.as_str() };
        if width > 0 && width + columns(joint) + w > page.room() {
            rows.push(String::new());
            width = 0;
        }
        width += columns(joint) + w;
        if let Some(row) = rows.last_mut() {
            row.push_str(joint);
            row.push_str(&inked);
        }
    }
    let meanings = [(ok, "did its part"), (symptom, "passed the failure on"), (broken, "broke")];
    let legend: Vec<String> = meanings
        .iter()
        .zip(used)
        .filter(|(_, u)| *u)
        .map(|((sign, meaning), _)| format!("{sign} {meaning}"))
        .collect();
    rows.extend(wrap(&legend.join(", "), page.room()).iter().map(|l| page.ink(Ink::Dim, l)));
    page.labelled("WAY", &rows)
}

fn routes(page: &mut Page<'_>, p: &Problem) -> io::Result<()> {
    let shown = if p.endpoints.len() == ROUTES_MAX + 1 { ROUTES_MAX + 1 } else { ROUTES_MAX };
    let list: Vec<&Endpoint> = p.endpoints.iter().take(shown).collect();
    let counts: Vec<String> = list.iter().map(|e| route_count(e)).collect();
    let widest = counts.iter().map(|c| columns(c)).max().unwrap_or(0);
    let mut rows = Vec::new();
    for (e, count) in list.iter().zip(&counts) {
        let name = format!("{} {}", plain(&e.method), plain(&e.route));
        let room = page.room().saturating_sub(widest + 2);
        let name = cut(name.trim(), room, page.sign("…", "..."));
        rows.push(format!("{}  {name}", pad(count, widest)));
    }
    if p.endpoints.len() > shown {
        let rest: u64 = p.endpoints.iter().skip(shown).fold(0, |n, e| n.saturating_add(e.count));
        let n = (p.endpoints.len() - shown) as u64;
        rows.push(
            page.ink(
                Ink::Dim,
                &format!("and {} with {}", counted(n, "more route"), counted(rest, "failure")),
            ),
        );
    }
    page.labelled("ROUTES", &rows)
}

/// `104 of 2,310`
fn route_count(e: &Endpoint) -> String {
    match e.requests.filter(|n| *n >= e.count) {
        Some(n) => format!("{} of {}", number(e.count), number(n)),
        None => number(e.count),
    }
}

fn proof(page: &mut Page<'_>, p: &Problem, look: &Look, clock: Clock) -> io::Result<()> {
    if p.evidence.is_empty() {
        return Ok(());
    }
    page.gap()?;
    let (first, rest) = foremost(p, if look.all_evidence { usize::MAX } else { EVIDENCE_MAX });
    let mut rows = Vec::new();
    for e in first {
        rows.extend(quote(page, e, look, clock));
    }
    if !rest.is_empty() {
        rows.push(
            page.ink(Ink::Dim, &format!("and {} (--all-evidence)", counted(rest.len() as u64, "more line"))),
        );
    }
    page.labelled("PROOF", &rows)
}

/// `● cause    shop/laravel.log:8841  07:12:04  same request`, and the line itself below.
fn quote(page: &Page<'_>, e: &Evidence, look: &Look, clock: Clock) -> Vec<String> {
    let (sign, ink) = match e.role {
        Role::Cause => (page.sign("●", "*"), Ink::Bad),
        Role::Symptom => (page.sign("○", "o"), Ink::Warn),
        Role::Context => (page.sign("·", "-"), Ink::Dim),
    };
    let ellipsis = page.sign("…", "...");
    let role = pad(&format!("{sign} {}", e.role.name()), 9);
    let at = e.at.map(|t: Time| format!("  {}", clock.at(t))).unwrap_or_default();
    let place_room = page.room().saturating_sub(11 + columns(&at));
    let place = match e.line {
        0 => plain(&e.source).into_owned(),
        line => format!("{}:{line}", plain(&e.source)),
    };
    // The end of a path says more than its begin.
    let place = if columns(&place) > place_room { tail(&place, place_room, ellipsis) } else { place };
    let mut rows =
        vec![format!("{}  {}{}", page.ink(ink, &role), page.ink(Ink::Bold, &place), page.ink(Ink::Dim, &at))];
    let used = 11 + columns(&place) + columns(&at);
    let why = plain(&e.why);
    let beside = used + 2 + columns(&why) <= page.room();
    if let Some(row) = rows.first_mut().filter(|_| beside && !why.is_empty()) {
        row.push_str(&page.ink(Ink::Dim, &format!("  {why}")));
    }
    let height = match e.role {
        _ if look.all_evidence => ALL_ROWS,
        Role::Cause => CAUSE_ROWS,
        _ => 1,
    };
    let text = plain(e.text.trim_end());
    rows.extend(
        fold(&text, page.room().saturating_sub(2), height, ellipsis).into_iter().map(|r| format!("  {r}")),
    );
    if !beside {
        let why = cut(&why, page.room().saturating_sub(2), ellipsis);
        rows.push(page.ink(Ink::Dim, &format!("  {why}")));
    }
    rows
}

/// The last `width` columns of a text; what is cut is marked.
fn tail(text: &str, width: usize, ellipsis: &str) -> String {
    let room = width.saturating_sub(columns(ellipsis));
    let begin = text
        .char_indices()
        .map(|(i, _)| i)
        .find(|i| text.get(*i..).is_some_and(|t| columns(t) <= room))
        .unwrap_or(text.len());
    format!("{ellipsis}{}", text.get(begin..).unwrap_or(""))
}

/// Source lines around the culprit, and whose change it probably was.
fn code(page: &mut Page<'_>, p: &Problem) -> io::Result<()> {
    let ellipsis = page.sign("…", "...").to_owned();
    if let Some(e) = excerpt(p) {
        let mut rows = vec![page.ink(Ink::Bold, &cut(&e.title, page.room(), &ellipsis))];
        for (row, (_, _, own)) in e.rows().iter().zip(&e.lines) {
            let row = cut(&row.replace('\t', "    "), page.room(), &ellipsis);
            rows.push(page.ink(if *own { Ink::Plain } else { Ink::Dim }, &row));
        }
        page.labelled("SOURCE", &rows)?;
    }
    let room = page.room();
    let rows: Vec<String> = changes(p).iter().map(|r| cut(r, room, &ellipsis)).collect();
    if rows.is_empty() { Ok(()) } else { page.labelled("CHANGED", &rows) }
}

fn trace(page: &mut Page<'_>, e: &Exception) -> io::Result<()> {
    let ellipsis = page.sign("…", "...").to_owned();
    let message = if e.message.is_empty() {
        plain(&e.kind).into_owned()
    } else {
        format!("{}: {}", plain(&e.kind), plain(&e.message))
    };
    let mut rows = fold(&message, page.room(), 2, &ellipsis);
    let (mut shown, mut skipped) = (0, 0);
    for (i, f) in e.frames.iter().enumerate() {
        if shown >= FRAMES_MAX || !(i == 0 || f.in_app) {
            skipped += 1;
            continue;
        }
        shown += 1;
        let mark = if f.in_app { page.sign("▸", ">") } else { " " };
        let place = plain(&f.place()).into_owned();
        let text = if f.function.is_empty() { place } else { format!("{place}  {}", plain(&f.function)) };
        let text = cut(&text, page.room().saturating_sub(2), &ellipsis);
        let text = page.ink(if f.in_app { Ink::Bold } else { Ink::Dim }, &text);
        rows.push(format!("{mark} {text}"));
    }
    if skipped > 0 {
        rows.push(page.ink(Ink::Dim, &format!("  and {}", counted(skipped, "more frame"))));
    }
    page.labelled("TRACE", &rows)
}

fn certain(page: &mut Page<'_>, p: &Problem) -> io::Result<()> {
    let mut text =
        format!("{} ({}%)", certainty(p.verdict.confidence), certainty_percent(p.verdict.confidence));
    let others = p.alternatives.iter().skip(usize::from(is_unexplained(p)));
    for (i, a) in others.take(2).enumerate() {
        let culprit = a.culprit.as_deref().map(|c| format!(" at {}", plain(c))).unwrap_or_default();
        let lead = if i == 0 { "; else" } else { ", or" };
        text.push_str(&format!(
            "{lead} {}{culprit} ({}%)",
            plain(&a.cause.to_string()),
            certainty_percent(a.confidence)
        ));
    }
    page.say("HOW SURE", Ink::Plain, &text)
}

fn nothing_found(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    page.gap()?;
    let steps: Vec<String> = needed(report).iter().map(|s| (*s).to_owned()).collect();
    page.items("", &steps, false)
}

fn foot(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    if !report.notes.is_empty() {
        page.gap()?;
        let notes: Vec<String> = report.notes.iter().map(|n| plain(n).into_owned()).collect();
        page.items("NOTES", &notes, false)?;
    }
    if report.sources.is_empty() {
        return Ok(());
    }
    page.gap()?;
    let ellipsis = page.sign("…", "...").to_owned();
    let mut list: Vec<_> = report.sources.iter().collect();
    // What could not be read is said first; of the others the biggest.
    list.sort_by_key(|s| (s.trouble.is_none(), std::cmp::Reverse(s.lines)));
    let mut rows = Vec::new();
    let troubled = list.iter().filter(|s| s.trouble.is_some()).count();
    let shown = SOURCES_MAX.max(troubled.min(TROUBLED_MAX));
    let paths: Vec<String> =
        list.iter().take(shown).map(|s| tail_if(&plain(&s.path), page.room() / 2, &ellipsis)).collect();
    let widest = paths.iter().map(|p| columns(p)).max().unwrap_or(0);
    for (s, path) in list.iter().zip(&paths) {
        let format = if s.format.is_empty() { "no known format".into() } else { plain(&s.format) };
        let mut facts = format!("{}, {format}", counted(s.lines, "line"));
        let unread = s.lines.saturating_sub(s.parsed);
        if unread > 0 {
            facts.push_str(&format!(", {} not understood", number(unread)));
        }
        if let Some(t) = &s.trouble {
            // First, as the end of a long row is cut off.
            facts = format!("{} ({facts})", plain(t));
        }
        let facts = cut(&facts, page.room().saturating_sub(widest + 2), &ellipsis);
        let facts = page.ink(if s.trouble.is_some() { Ink::Warn } else { Ink::Dim }, &facts);
        rows.push(format!("{}  {facts}", pad(path, widest)));
    }
    if list.len() > shown {
        rows.push(page.ink(Ink::Dim, &format!("and {}", counted((list.len() - shown) as u64, "more file"))));
    }
    page.labelled("READ", &rows)
}

fn tail_if(text: &str, width: usize, ellipsis: &str) -> String {
    if columns(text) > width { tail(text, width, ellipsis) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn look(width: usize) -> Look {
        Look { width, colour: false, top: None, all_evidence: false, unicode: true }
    }

    fn screen(report: &Report, look: &Look) -> String {
        let mut out = Vec::new();
        write(&mut out, report, look).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_first_screen_answers() {
        let text = screen(&sample::shop(), &look(100));
        let top: Vec<&str> = text.lines().take(40).collect();
        let top = top.join("\n");
        for said in [
            "why500  216 of 12,480 requests failed (1.7%)",
            "3 problems · 2026-11-24 06:30:00 – 07:45:10 UTC · 5 files, 18,204 lines, 2.9 MB",
            "   1  DATABASE   198  The database does not accept connections (127.0.0.1:3306)",
            " DATABASE   The database does not accept connections (127.0.0.1:3306)",
            "connection-refused · 198 failures · 500 ×150, 502 ×48 · ███████████░ 92% of all",
            "  WHY       198 requests failed since nothing listened at 127.0.0.1:3306",
            "  WHERE     127.0.0.1:3306",
            "  SINCE     07:12:04 to 07:18:14 (6 min 10 s), when a dependency changed: mariadb: Normal \
             shutdown",
            "  ENDED     07:18:15: mariadb: ready for connections",
            "  WAY       client → nginx ✓ → php-fpm ~ → mariadb 127.0.0.1:3306 ✗",
            "  ROUTES    104 of 2,310  GET /cart/{id}",
            "            and 2 more routes with 13 failures",
            "  PROOF     ● cause    shop/laravel.log:8841  07:12:04  same request, 12 ms before its 500",
        ] {
            assert!(top.contains(said), "{said}\nis not in\n{top}");
        }
        for said in [
            "  NEXT      1. Find out who stopped MariaDB",
            "  REPRODUCE curl -sS -i 'http://shop.example/cart/17'",
            "  HOW SURE  sure (93%); else upstream/timeout at unix:/run/php/php8.3-fpm.sock (12%)",
            "            ▸ /srv/shop/app/Services/Tax.php:41  App\\Services\\Tax->add",
            "  INPUTS    · All 16 failing requests have voucher=…",
            "  LEAD      best lead: resource/execution-timeout (/export.csv), 25%",
            "  SEE MORE  1. php-fpm: set catch_workers_output = yes",
            "gzip: ended in the middle",
        ] {
            assert!(text.contains(said), "{said}\nis not in\n{text}");
        }
    }

    #[test]
    fn the_trigger_stands_under_its_place_in_the_strip() {
        let text = screen(&sample::shop(), &look(100));
        let lines: Vec<&str> = text.lines().collect();
        let i = lines.iter().position(|l| l.contains("▲ dependency")).unwrap();
        let column = |l: &str, c: char| l.chars().position(|x| x == c).unwrap();
        // The dependency went in the minute of the first failures.
        let first_bar = lines[i - 1].chars().position(|c| matches!(c, '▂'..='█')).unwrap();
        assert_eq!(column(lines[i], '▲'), first_bar);
        assert!(lines[i].contains("△ ended") || lines[i + 1].contains("△ ended"));
    }

    #[test]
    fn nothing_is_wider_than_the_screen_but_the_curl() {
        for width in [60, 72, 80, 120, 200] {
            for report in [sample::shop(), sample::calm(), sample::hostile()] {
                let text = screen(&report, &look(width));
                for l in text.lines().filter(|l| !l.contains("REPRODUCE")) {
                    assert!(columns(l) <= width, "{width}: {} {l}", columns(l));
                }
            }
        }
    }

    #[test]
    fn without_unicode_only_ascii_is_drawn() {
        let mut report = sample::shop();
        report.problems.truncate(1);
        let text = screen(&report, &Look { unicode: false, ..look(80) });
        assert!(text.is_ascii(), "{text}");
        assert!(text.contains("client -> nginx ok -> php-fpm ~ -> mariadb 127.0.0.1:3306 X"));
        assert!(text.contains("^ dependency"));
    }

    #[test]
    fn colours_are_an_addition() {
        let coloured = screen(&sample::shop(), &Look { colour: true, ..look(100) });
        assert!(coloured.contains("\x1b[1;97;44m DATABASE \x1b[0m"));
        let mut bare = String::new();
        let mut rest = coloured.as_str();
        while let Some((before, after)) = rest.split_once("\x1b[") {
            bare.push_str(before);
            rest = after.split_once('m').unwrap().1;
        }
        bare.push_str(rest);
        let trimmed = |s: &str| s.lines().map(|l| l.trim_end().to_owned()).collect::<Vec<_>>();
        assert_eq!(trimmed(&bare), trimmed(&screen(&sample::shop(), &look(100))));
    }

    #[test]
    fn no_failure_is_said_so_with_what_would_be_needed() {
        let text = screen(&sample::calm(), &look(80));
        assert!(text.starts_with("why500  no failure found\n"), "{text}");
        assert!(text.contains("5,204 lines"));
        assert!(text.contains("show no answer 500 to 599"));
        let mut report = sample::calm();
        report.totals.requests = None;
        assert!(screen(&report, &look(80)).contains("No access log is among these files"));
        assert!(screen(&Report::default(), &look(80)).contains("No line was read"));
    }

    #[test]
    fn all_evidence_is_uncut() {
        let text = screen(&sample::shop(), &Look { all_evidence: true, ..look(80) });
        assert!(!text.contains("--all-evidence"));
        assert!(text.contains("code: 2002)"));
        assert!(text.contains("what ended it"));
    }
}
