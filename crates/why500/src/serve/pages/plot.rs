//! Plots of a page: failures over time with what happened besides, sparklines, shares.
//!
//! `<svg class="plot" role="img" aria-label="…"><rect class="bar-bad" x="12.5%" …/></svg>`: places along the width are percents, so
//! bars stretch with the page and words keep their size; no style attribute, which the page's policy forbids.

use crate::report::phrase::{Clock, counted, number, span};
use maud::{Markup, PreEscaped, html};
use record::{SECOND, Time};
use store::{MarkSeen, Step};

/// Pixels of the bars' height.
const HEIGHT: f64 = 110.0;
/// Pixels of a row of flags below the bars.
const FLAG_ROW: usize = 18;
/// Rows of flags; what would need more is told in its title only.
const FLAG_ROWS_MAX: usize = 4;
/// Percent of the width that a flag's words take at most, so that two do not stand on each other.
const FLAG_WIDTH: f64 = 24.0;
/// Bars of a plot: as many as a small screen has room for.
pub const BARS: i64 = 120;

/// Something that happened.
pub struct Flag {
    pub at: Time,
    /// `deploy`, `restart`, …: also a class of the style sheet.
    pub kind: String,
    pub words: String,
}

/// Minutes of a step, so that a range has [`BARS`] of them or fewer: 1, 2, 5, 10, 15, 30 minutes, hours, days.
pub fn step_minutes(range_us: i64, bars: i64) -> i64 {
    let least = range_us / (60 * SECOND) / bars.max(1);
    [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1_440].into_iter().find(|m| *m > least).unwrap_or(7 * 1_440)
}

/// What is drawn of each step.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Drawn {
    /// Failures.
    Failures,
    /// Failures of all requests, in percent.
    Share,
}

fn value(s: &Step, drawn: Drawn) -> f64 {
    match drawn {
        Drawn::Failures => s.failures as f64,
        Drawn::Share if s.requests == 0 => 0.0,
        Drawn::Share => (s.failures as f64 * 100.0 / s.requests as f64).min(100.0),
    }
}

/// Bars over time with flags below; nothing where there is nothing to draw.
///
/// `line`: a level to be held against, in the unit of `drawn`, with its words.
pub fn over_time(steps: &[Step], drawn: Drawn, flags: &[Flag], line: Option<(f64, &str)>) -> Markup {
    let (Some(first), Some(last)) = (steps.first(), steps.last()) else { return html! {} };
    let step_us = steps.get(1).map_or(60 * SECOND, |s| s.at.since(first.at));
    let (from, to) = (first.at, last.at.plus(step_us));
    let whole = to.since(from).max(1) as f64;
    let percent = |at: Time| (at.since(from) as f64 * 100.0 / whole).clamp(0.0, 100.0);
    let highest = steps.iter().map(|s| value(s, drawn)).fold(0.0, f64::max);
    let peak = highest.max(line.map_or(0.0, |(level, _)| level * 1.25)).max(f64::MIN_POSITIVE);
    let clock = Clock::dated();
    let width = 100.0 / steps.len() as f64;
    let said = match drawn {
        Drawn::Failures => format!("at most {} in {}", number(highest as u64), span(step_us)),
        Drawn::Share => format!("at most {highest:.1} % of requests in {}", span(step_us)),
    };
    let all: u64 = steps.iter().map(|s| s.failures).sum();
    let label = format!("{} over time, {said}", counted(all, "failure"));
    let placed = place(flags, percent);
    let rows = placed.iter().filter_map(|p| p.row).max().map_or(0, |r| r + 1);
    let flags_height = rows * FLAG_ROW;
    html! {
        p.legend.plain-line { span { (said) } }
        svg.plot width="100%" height={ (HEIGHT + 2.0) } role="img" aria-label=(label) {
            line.grid x1="0" x2="100%" y1={ (HEIGHT / 2.0) } y2={ (HEIGHT / 2.0) } {}
            @for (i, s) in steps.iter().enumerate() {
                @let v = value(s, drawn);
                @if v > 0.0 {
                    @let h = (v * HEIGHT / peak).max(3.0);
                    rect.bar-bad x={ (round(i as f64 * width)) "%" } width={ (round(width * 0.84)) "%" }
                        y={ (round(HEIGHT - h)) } height={ (round(h)) } {
                        title { (title(s, drawn, clock)) }
                    }
                } @else if s.requests > 0 {
                    rect.bar-ok x={ (round(i as f64 * width)) "%" } width={ (round(width * 0.84)) "%" }
                        y={ (HEIGHT - 2.0) } height="2" { title { (title(s, drawn, clock)) } }
                }
            }
            @if let Some((level, words)) = line {
                @let y = round(HEIGHT - level * HEIGHT / peak);
                line.level x1="0" x2="100%" y1=(y) y2=(y) {}
                text.level-words x="0" y={ (y - 4.0) } { (words) }
            }
            @for p in &placed {
                line class={ "mark " (p.flag.kind) } x1={ (p.x) "%" } x2={ (p.x) "%" } y1="0" y2=(HEIGHT) {
                    title { (p.flag.words) " " (clock.at(p.flag.at)) }
                }
            }
        }
        @if rows > 0 {
            svg.flags-of-plot width="100%" height={ (flags_height + 4) } aria-hidden="true" {
                @for p in &placed {
                    @if let Some(row) = p.row {
                        @let right = p.x > 100.0 - FLAG_WIDTH;
                        text class={ "flag-words " (p.flag.kind) } x={ (p.x) "%" } y={ (row * FLAG_ROW + 13) }
                            text-anchor=(if right { "end" } else { "start" }) {
                            (if right { format!("{} ▲", short(&p.flag.words)) } else { format!("▲ {}", short(&p.flag.words)) })
                        }
                    }
                }
            }
        }
        div.axis aria-hidden="true" {
            span { (clock.short(from)) } span { (clock.short(from.plus(to.since(from) / 2))) } span { (clock.short(to)) " UTC" }
        }
        @if !flags.is_empty() {
            ul.visually-hidden { @for f in flags { li { (clock.at(f.at)) " " (f.words) } } }
        }
    }
}

struct Placed<'f> {
    flag: &'f Flag,
    x: f64,
    /// The row in which its words have room.
    row: Option<usize>,
}

fn place<'f>(flags: &'f [Flag], percent: impl Fn(Time) -> f64) -> Vec<Placed<'f>> {
    let mut taken = [f64::MIN; FLAG_ROWS_MAX];
    let mut sorted: Vec<&Flag> = flags.iter().collect();
    sorted.sort_by_key(|f| f.at);
    sorted
        .into_iter()
        .map(|flag| {
            let x = round(percent(flag.at));
            let begin = if x > 100.0 - FLAG_WIDTH { x - FLAG_WIDTH } else { x };
            let row = taken.iter().position(|end| *end <= begin);
            if let Some(end) = row.and_then(|r| taken.get_mut(r)) {
                *end = begin + FLAG_WIDTH;
            }
            Placed { flag, x, row }
        })
        .collect()
}

/// Words as long as a flag has room for.
fn short(words: &str) -> String {
    crate::report::page::cut(words, 30, "…")
}

fn title(s: &Step, drawn: Drawn, clock: Clock) -> String {
    let of = if s.requests > 0 { format!(" of {}", counted(s.requests, "request")) } else { String::new() };
    let share =
        if drawn == Drawn::Share { format!(" ({:.2} %)", value(s, Drawn::Share)) } else { String::new() };
    format!("{}: {}{of}{share}", clock.at(s.at), counted(s.failures, "failure"))
}

fn round(x: f64) -> f64 {
    (x * 100.0).round() / 100.0
}

/// The last so many marks of a time line, as flags.
pub fn flags(marks: &[MarkSeen], most: usize) -> Vec<Flag> {
    let words = |m: &MarkSeen| {
        let what = crate::repos::release(&m.what).unwrap_or(&m.what);
        format!("{} {}", m.kind, super::text(what))
    };
    let latest = marks.iter().rev().take(most);
    latest.map(|m| Flag { at: m.at, kind: m.kind.clone(), words: words(m) }).collect()
}

/// A small plot without words, 120 by 24 pixels: one path, as a list has many of them.
pub fn spark(steps: &[Step]) -> Markup {
    let all: u64 = steps.iter().map(|s| s.failures).sum();
    bars(&steps.iter().map(|s| s.failures).collect::<Vec<_>>(), &counted(all, "failure"), "bar-bad")
}

/// The same of any figures; `words` say what they are to those who do not see.
pub fn bars(figures: &[u64], words: &str, class: &str) -> Markup {
    const WIDTH: f64 = 120.0;
    const HEIGHT: f64 = 24.0;
    let peak = figures.iter().copied().max().unwrap_or(0);
    let wide = WIDTH / figures.len().max(1) as f64;
    let mut path = String::new();
    for (i, n) in figures.iter().enumerate().filter(|(_, n)| **n > 0) {
        use std::fmt::Write;
        let h = (*n as f64 * (HEIGHT - 2.0) / peak.max(1) as f64).max(2.0);
        let _ = write!(path, "M{:.1} {HEIGHT}v-{h:.1}h{:.1}v{h:.1}z", i as f64 * wide, wide * 0.8);
    }
    html! {
        svg.spark-line viewBox="0 0 120 24" width="120" height="24" role="img" aria-label=(words) {
            path.spark-base d="M0 23.5h120" {}
            @if !path.is_empty() { path class=(class) d=(path) {} }
        }
    }
}

/// A share as a bar, 0 to 1.
pub fn share(part: f64, class: &str) -> Markup {
    let w = (part.clamp(0.0, 1.0) * 100.0).max(if part > 0.0 { 1.0 } else { 0.0 });
    html! {
        svg.share-bar width="100%" height="6" aria-hidden="true" {
            rect.share-whole width="100%" height="6" rx="3" {}
            rect class=(class) width={ (round(w)) "%" } height="6" rx="3" {}
        }
    }
}

/// Text that is markup already, made by the report.
pub fn drawn(svg: String) -> Markup {
    PreEscaped(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(failures: &[u64]) -> Vec<Step> {
        let at = |i: usize| Time::from_secs(i as i64 * 60);
        failures.iter().enumerate().map(|(i, n)| Step { at: at(i), requests: 10, failures: *n }).collect()
    }

    #[test]
    fn a_range_has_as_many_bars_as_fit() {
        let hour = 3_600 * SECOND;
        assert_eq!(step_minutes(hour, BARS), 1);
        assert_eq!(step_minutes(24 * hour, BARS), 15);
        assert_eq!(step_minutes(14 * 24 * hour, BARS), 180);
        for hours in [1, 5, 24, 100, 700, 9_000] {
            assert!(hours * 60 / step_minutes(hours * hour, BARS) <= BARS, "{hours}");
        }
    }

    #[test]
    fn what_happened_is_marked_at_its_time_and_said_to_those_who_do_not_see() {
        let flag = Flag { at: Time::from_secs(60), kind: "deploy".into(), words: "<b>3.8.0</b>".into() };
        let page = over_time(&steps(&[0, 4, 0, 0]), Drawn::Failures, &[flag], None).into_string();
        assert!(page.contains("<line class=\"mark deploy\" x1=\"25%\" x2=\"25%\""), "{page}");
        assert!(page.contains("aria-label=\"4 failures over time, at most 4 in 1 min\""), "{page}");
        assert!(
            page.contains("&lt;b&gt;3.8.0") && !page.contains("<b>") && !page.contains("style="),
            "{page}"
        );
    }

    #[test]
    fn flags_near_each_other_stand_in_rows_below_each_other() {
        let flag = |s: i64| Flag { at: Time::from_secs(s), kind: "deploy".into(), words: "x".into() };
        let flags: Vec<Flag> = (0..6).map(flag).collect();
        let placed = place(&flags, |at| at.since(Time::default()) as f64 / SECOND as f64);
        let rows: Vec<Option<usize>> = placed.iter().map(|p| p.row).collect();
        assert_eq!(rows, [Some(0), Some(1), Some(2), Some(3), None, None]);
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert_eq!(over_time(&[], Drawn::Share, &[], None).into_string(), "");
        assert!(spark(&[]).into_string().contains("0 failures"));
        assert!(
            over_time(&steps(&[0, 0]), Drawn::Share, &[], Some((0.1, "objective")))
                .into_string()
                .contains("objective")
        );
    }
}
