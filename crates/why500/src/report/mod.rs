//! The report on paper: one diagnosis, written for a terminal, a script, a ticket, a browser or a CI.
//!
//! Each output is one file. None of them thinks: what is said was decided in `diagnosis`; here it is put into
//! words and drawn.

pub(crate) mod chart;
mod html;
pub mod json;
mod junit;
mod markdown;
pub(crate) mod page;
pub(crate) mod phrase;
#[cfg(test)]
pub(crate) mod sample;
mod sarif;
mod source;
mod strip;
mod terminal;

use page::Page;
pub(crate) use phrase::{counted, number, plain, size, span};
pub(crate) use terminal::badge;

use clap::ValueEnum;
use diagnosis::{Evidence, Problem, Report};
use record::Role;
use record::scrub::scrub;
use std::io;

/// The form of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For eyes: as wide as the terminal, with colours
    Terminal,
    /// For scripts: schema why500.report/1
    Json,
    /// To paste into a ticket
    Markdown,
    /// One self-contained page with charts
    Html,
    /// For code scanning (SARIF 2.1.0)
    Sarif,
    /// For CI: each problem is a failed test case
    Junit,
}

/// How the answer is to look.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Columns of the terminal.
    pub width: usize,
    /// Colours (16-colour ANSI).
    pub colour: bool,
    /// Only this many problems.
    pub top: Option<usize>,
    /// All evidence that was kept, uncut.
    pub all_evidence: bool,
    /// The terminal shows UTF-8.
    pub unicode: bool,
}

/// Writes the report in a format. Texts pass the scrubber once more on their way out: what is shown holds no
/// secret, whichever way it came.
pub fn write(out: &mut dyn io::Write, report: &Report, format: Format, look: &Look) -> io::Result<()> {
    let report = &shown(report, look.top);
    match format {
        Format::Terminal => terminal::write(out, report, look),
        Format::Json => json::write(out, report),
        Format::Markdown => markdown::write(out, report, look),
        Format::Html => html::write(out, report, look),
        Format::Sarif => sarif::write(out, report),
        Format::Junit => junit::write(out, report),
    }
}

/// Writes one problem for a terminal, and below it what else is known of it: items under a label.
pub fn write_problem(
    out: &mut dyn io::Write,
    problem: &Problem,
    more: &[(&str, Vec<String>)],
    look: &Look,
) -> io::Result<()> {
    let mut p = problem.clone();
    scrub_problem(&mut p);
    let mut more = more.to_vec();
    more.iter_mut().flat_map(|(_, items)| items).for_each(clean);
    terminal::write_one(out, &p, &more, look)
}

/// One problem to paste into a ticket, in Markdown.
pub fn problem_in_markdown(problem: &Problem) -> String {
    let mut p = problem.clone();
    scrub_problem(&mut p);
    let mut out = Vec::new();
    let look = Look { width: 100, colour: false, top: None, all_evidence: false, unicode: true };
    // Writing to memory cannot fail.
    let _ = markdown::write_one(&mut out, &p, &look);
    String::from_utf8_lossy(&out).into_owned()
}

/// The problem as it may be shown, without secrets.
pub fn clean_problem(mut problem: Problem) -> Problem {
    scrub_problem(&mut problem);
    problem
}

/// The report as it may be shown: the first `top` problems, without secrets.
pub fn shown(report: &Report, top: Option<usize>) -> Report {
    let mut r = report.clone();
    if let Some(top) = top.filter(|top| *top < r.problems.len()) {
        let left: u64 = r.problems.iter().skip(top).fold(0, |n: u64, p| n.saturating_add(p.count));
        let n = r.problems.len() - top;
        r.problems.truncate(top);
        r.notes.push(format!(
            "{} with {} not shown.",
            phrase::counted(n as u64, "further problem"),
            phrase::counted(left, "failure")
        ));
    }
    for p in &mut r.problems {
        scrub_problem(p);
    }
    r.notes.iter_mut().for_each(clean);
    r
}

fn scrub_problem(p: &mut Problem) {
    clean(&mut p.title);
    clean(&mut p.verdict.summary);
    p.verdict.next_steps.iter_mut().for_each(clean);
    p.inputs.iter_mut().for_each(clean);
    p.evidence.iter_mut().for_each(|e| clean(&mut e.text));
    p.endpoints.iter_mut().for_each(|e| clean(&mut e.example));
    [&mut p.verdict.culprit, &mut p.verdict.trigger.what, &mut p.reproduce]
        .into_iter()
        .flatten()
        .for_each(clean);
    p.alternatives.iter_mut().filter_map(|a| a.culprit.as_mut()).for_each(clean);
    if let Some(code) = &mut p.code {
        clean_code(code);
    }
    if let Some(e) = &mut p.exception {
        clean(&mut e.message);
        let code = e.frames.iter_mut().filter_map(|f| f.more.as_mut()?.code.as_mut());
        code.for_each(|c| *c = c.with(scrub));
    }
    if let Some(what) = p.ended.as_mut().and_then(|e| e.what.as_mut()) {
        clean(what);
    }
}

/// The code of a problem as it may be shown: repositories hold secrets, too.
pub(crate) fn clean_code(code: &mut record::CodeView) {
    code.texts_mut().for_each(clean);
}

fn clean(text: &mut String) {
    if let std::borrow::Cow::Owned(scrubbed) = scrub(text) {
        *text = scrubbed;
    }
}

/// Quoted records in the order in which a person wants them: what shows the cause, what followed from it,
/// what belongs to the picture.
pub(crate) fn by_role(problem: &Problem) -> Vec<&Evidence> {
    let mut list: Vec<&Evidence> = problem.evidence.iter().collect();
    list.sort_by_key(|e| e.role);
    list
}

/// The `max` quotes that say most: the causes, yet never without a symptom if there is one.
fn foremost(problem: &Problem, max: usize) -> (Vec<&Evidence>, Vec<&Evidence>) {
    let all = by_role(problem);
    let room_for_causes =
        if all.iter().any(|e| e.role != Role::Cause) { max.saturating_sub(2).max(1) } else { max };
    let mut causes = 0;
    let mut first = Vec::new();
    let mut rest = Vec::new();
    for e in all {
        let fits = e.role != Role::Cause || causes < room_for_causes;
        if first.len() < max && fits {
            causes += usize::from(e.role == Role::Cause);
            first.push(e);
        } else {
            rest.push(e);
        }
    }
    (first, rest)
}

/// Has nothing explained the problem yet?
pub(crate) fn is_unexplained(problem: &Problem) -> bool {
    problem.verdict.cause.class == record::Class::Unknown
}

/// Statuses with their counts, most first: `500 ×150, 502 ×48`.
pub(crate) fn statuses(problem: &Problem, times: &str) -> String {
    let mut list: Vec<(u16, u64)> = problem.statuses.iter().map(|(s, n)| (*s, *n)).collect();
    list.sort_by_key(|(s, n)| (std::cmp::Reverse(*n), *s));
    if let [(s, _)] = list.as_slice() {
        return phrase::status(*s);
    }
    list.iter()
        .map(|(s, n)| format!("{} {times}{}", phrase::status(*s), phrase::number(*n)))
        .collect::<Vec<_>>()
        .join(", ")
}

/// What the report rests on: `5 files, 18,204 lines, 2.9 MB`; `None` where nothing was read.
pub(crate) fn read(report: &Report) -> Option<String> {
    if report.probed && report.sources.is_empty() {
        return None;
    }
    let t = &report.totals;
    let files = counted(report.sources.len() as u64, "file");
    Some(format!("{files}, {}, {}", counted(t.lines, "line"), size(t.bytes)))
}

/// What is missing where no failure could be found: the records that would count requests.
pub(crate) fn needed(report: &Report) -> Vec<&'static str> {
    let mut out = Vec::new();
    if report.nothing_new {
        return out;
    }
    if report.probed {
        out.push("No answer was 500 to 599, none was cut off or late, and none told more than it should.");
        return out;
    }
    if report.totals.lines == 0 {
        out.push(
            "No line was read: name the files or folders that hold the logs, or pipe one in (why500 \
                  explain -).",
        );
    } else if report.totals.requests.is_none() {
        out.push(
            "No access log is among these files, so requests were not counted: add the one of nginx, \
             Apache, HAProxy, the load balancer \
             or the app server.",
        );
    } else {
        out.push(
            "The access logs read show no answer 500 to 599 in this time: check that they cover the \
                  moment in question.",
        );
    }
    if report.totals.lines > 0 && report.totals.unparsed_lines * 2 > report.totals.lines {
        out.push("Most lines are in a layout that was not recognised: give it with --log-format.");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look() -> Look {
        Look { width: 100, colour: false, top: None, all_evidence: false, unicode: true }
    }

    #[test]
    fn every_format_writes_every_report() {
        for report in [sample::shop(), sample::calm(), sample::hostile(), Report::default()] {
            for format in Format::value_variants() {
                for width in [20, 60, 200] {
                    let mut out = Vec::new();
                    write(&mut out, &report, *format, &Look { width, ..look() }).unwrap();
                    assert!(std::str::from_utf8(&out).unwrap().ends_with('\n'));
                }
            }
        }
    }

    #[test]
    fn no_format_lets_control_characters_through() {
        for format in
            [Format::Terminal, Format::Markdown, Format::Html, Format::Junit, Format::Json, Format::Sarif]
        {
            let mut out = Vec::new();
            write(&mut out, &sample::hostile(), format, &look()).unwrap();
            let text = String::from_utf8(out).unwrap();
            // JSON writes them as \u001b.
            assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{format:?}");
        }
    }

    #[test]
    fn top_says_what_it_leaves_out() {
        let r = shown(&sample::shop(), Some(1));
        assert_eq!(r.problems.len(), 1);
        assert_eq!(r.notes.last().unwrap(), "2 further problems with 18 failures not shown.");
        assert_eq!(shown(&sample::shop(), Some(9)).problems.len(), 3);
    }

    #[test]
    fn the_foremost_evidence_keeps_room_for_a_symptom() {
        let mut p = sample::shop().problems.swap_remove(0);
        let cause = p.evidence.iter().find(|e| e.role == Role::Cause).unwrap().clone();
        for _ in 0..9 {
            p.evidence.insert(0, cause.clone());
        }
        let (first, rest) = foremost(&p, 5);
        assert_eq!(first.iter().filter(|e| e.role == Role::Cause).count(), 3);
        assert_eq!(first.len() + rest.len(), p.evidence.len());
        assert!(first.iter().any(|e| e.role == Role::Symptom));
    }

    #[test]
    fn statuses_read_most_first() {
        let r = sample::shop();
        assert_eq!(statuses(&r.problems[0], "×"), "500 ×150, 502 ×48");
        assert_eq!(statuses(&r.problems[1], "×"), "500");
        assert_eq!(statuses(&r.problems[2], "×"), "no answer");
    }
}
