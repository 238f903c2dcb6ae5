//! The report for a CI that knows JUnit's XML: each problem is a failed test case, no problem is one that
//! passed.
//!
//! `<testsuite name="why500" tests="2" failures="2"><testcase classname="why500.database" name="…"><failure
//! type="database/deadlock" …` Attributes as in Jenkins' schema (<https://github.com/jenkinsci/xunit-plugin>,
//! junit-10.xsd).

use super::phrase::{Clock, counted, percent, plain, trigger};
use super::{by_role, statuses};
use diagnosis::{Problem, Report};
use std::fmt::Write as _;
use std::io::{self, Write};

/// Quoted records per problem.
const EVIDENCE_MAX: usize = 8;

/// Writes the report.
pub(super) fn write(out: &mut dyn io::Write, report: &Report) -> io::Result<()> {
    let n = report.problems.len();
    let tests = n.max(1);
    let stamp = report
        .range
        .map(|(_, to)| format!(" timestamp=\"{}\"", to.to_string().trim_end_matches('Z')))
        .unwrap_or_default();
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"why500\" tests=\"{tests}\" failures=\"{n}\" errors=\"0\">")?;
    writeln!(
        out,
        "  <testsuite name=\"why500\" tests=\"{tests}\" failures=\"{n}\" errors=\"0\" skipped=\"0\" \
         time=\"0\"{stamp}>"
    )?;
    if report.problems.is_empty() {
        writeln!(out, "    <testcase classname=\"why500\" name=\"no 5xx\" time=\"0\"/>")?;
    }
    for p in &report.problems {
        problem(out, report, p)?;
    }
    if !report.notes.is_empty() {
        writeln!(out, "    <system-out>{}</system-out>", escape(&report.notes.join(" ")))?;
    }
    writeln!(out, "  </testsuite>\n</testsuites>")
}

fn problem(out: &mut dyn Write, report: &Report, p: &Problem) -> io::Result<()> {
    let cause = p.verdict.cause.to_string();
    let class = p.verdict.cause.class.name();
    // A CI compares names between runs: the id keeps a problem the same while counts and wordings change.
    writeln!(
        out,
        "    <testcase classname=\"why500.{class}\" name=\"{}\" time=\"0\">",
        escape(&format!("{cause} {}", p.id))
    )?;
    let message = format!("{} ({})", p.title, counted(p.count, "failure"));
    write!(out, "      <failure type=\"{}\" message=\"{}\">", escape(&cause), escape(&message))?;
    writeln!(out, "{}</failure>\n    </testcase>", body(report, p))
}

/// The text of a failure, escaped line by line so that its own line ends stay.
fn body(report: &Report, p: &Problem) -> String {
    let mut lines = vec![p.verdict.summary.clone()];
    if let Some(c) = &p.verdict.culprit {
        lines.push(format!("where: {c}"));
    }
    let codes = statuses(p, "×");
    let share = percent(p.count, report.totals.failures.max(p.count));
    lines.push(format!("{} ({codes}), {share} of all", counted(p.count, "failure")));
    if let Some(t) = trigger(&p.verdict.trigger, p.first_seen, Clock::dated()) {
        lines.push(format!("set off {t}"));
    }
    for e in by_role(p).into_iter().take(EVIDENCE_MAX) {
        lines.push(format!("{}: {}:{}: {}", e.role.name(), e.source, e.line, e.text));
    }
    for (i, s) in p.verdict.next_steps.iter().enumerate() {
        lines.push(format!("next {}: {s}", i + 1));
    }
    if let Some(curl) = &p.reproduce {
        lines.push(format!("reproduce: {curl}"));
    }
    let mut out = String::new();
    for l in lines {
        let _ = write!(out, "\n{}", escape(&l));
    }
    out
}

/// Text for elements and attributes. XML 1.0 (§2.2) has no place at all for most control characters: they are
/// shown.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in plain(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn xml(report: &Report) -> String {
        let mut out = Vec::new();
        write(&mut out, report).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_problem_is_a_failed_case() {
        let text = xml(&sample::shop());
        for said in [
            "<testsuite name=\"why500\" tests=\"3\" failures=\"3\" errors=\"0\" skipped=\"0\" time=\"0\" \
             timestamp=\"2026-11-24T07:45:10\">",
            "<testcase classname=\"why500.database\" name=\"database/connection-refused 4f1d0c2b9a7e6d58\" \
             time=\"0\">",
            "<failure type=\"code/type-mismatch\" message=\"TypeError: Unsupported operand types: string + \
             int (app/Services/Tax.php:41) (16 failures)\">",
            "\nwhere: 127.0.0.1:3306\n198 failures (500 ×150, 502 ×48), 92% of all\n",
            "\nset off after a deploy: shop@3.8.0 (2026-11-24 06:45:00, 12 s before)\n",
            "\ncause: shop/laravel.log:8841: [2026-11-24 07:12:04] production.ERROR",
            "\nreproduce: curl -sS -i 'http://shop.example/cart/17'",
        ] {
            assert!(text.contains(said), "{said}\nis not in\n{text}");
        }
        assert_eq!(text.matches("<testcase").count(), 3);
        assert_eq!(text.matches("</testcase>").count(), 3);
    }

    #[test]
    fn no_problem_is_a_case_that_passed() {
        let text = xml(&sample::calm());
        assert!(text.contains("tests=\"1\" failures=\"0\""));
        assert!(text.contains("<testcase classname=\"why500\" name=\"no 5xx\" time=\"0\"/>"));
    }

    #[test]
    fn log_texts_open_no_element_and_break_no_xml() {
        let text = xml(&sample::hostile());
        assert!(!text.contains("<script"));
        assert!(!text.contains("]]>"));
        assert!(text.contains("\\x1b[2J"));
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
    }
}
