//! Source lines around the culprit, and who changed them: the same words in all formats.

use super::plain;
use diagnosis::Problem;
use record::{CodeFrame, ToldCommit};

/// Lines shown before and after the line itself; the whole is in the JSON.
const AROUND: usize = 3;
/// Commits shown of what a release brought.
const BROUGHT: usize = 5;

/// A piece of source.
pub(super) struct Excerpt {
    /// `app/tax.py:88 at 9f2c1ab`.
    pub title: String,
    /// Number and text of each line; whether it is the line itself.
    pub lines: Vec<(u32, String, bool)>,
}

/// The lines around the innermost frame of the service's own code whose source is known.
pub(super) fn excerpt(p: &Problem) -> Option<Excerpt> {
    let of_repository = p.code.iter().flat_map(|c| &c.frames).find(|f| !f.line_text.is_empty());
    if let Some(f) = of_repository {
        let place = f.path.as_ref().unwrap_or(&f.file);
        let at = f.commit.as_ref().map(|c| format!(" at {}", c.get(..7).unwrap_or(c))).unwrap_or_default();
        let n = f.line?;
        return Some(cut(format!("{place}:{n}{at}"), n, &f.before, &f.line_text, &f.after));
    }
    let (f, code) = p.exception.iter().flat_map(|e| &e.frames).find_map(|f| Some((f, f.code()?)))?;
    let mut told = CodeFrame::default();
    told.set_code(code);
    Some(cut(f.place(), f.line?, &told.before, &told.line_text, &told.after))
}

fn cut(title: String, n: u32, before: &[String], line: &str, after: &[String]) -> Excerpt {
    let shown = |text: &String| plain(text.trim_end()).into_owned();
    let back = before.len().min(AROUND);
    let begin = before.iter().skip(before.len() - back);
    let mut lines = Vec::new();
    for (i, text) in begin.enumerate() {
        let up = u32::try_from(back - i).unwrap_or(0);
        lines.push((n.saturating_sub(up), shown(text), false));
    }
    lines.push((n, shown(&line.to_owned()), true));
    for (i, text) in after.iter().take(AROUND).enumerate() {
        lines.push((n.saturating_add(u32::try_from(i + 1).unwrap_or(0)), shown(text), false));
    }
    Excerpt { title: plain(&title).into_owned(), lines }
}

impl Excerpt {
    /// Rows with line numbers; the line itself is marked.
    pub fn rows(&self) -> Vec<String> {
        let width = self.lines.last().map_or(1, |(n, _, _)| n.to_string().len());
        let row = |(n, text, own): &(u32, String, bool)| {
            format!("{} {n:>width$} | {text}", if *own { ">" } else { " " }).trim_end().to_owned()
        };
        self.lines.iter().map(row).collect()
    }
}

/// `9f2c1ab Taxes by rate (Ada, 2026-11-24)`.
fn commit(c: &ToldCommit) -> String {
    let day = c.at.get(..10).unwrap_or("");
    let who = [c.author.as_str(), day].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join(", ");
    plain(&format!("{} {} ({who})", c.short(), c.subject)).into_owned()
}

/// Who changed it last, and what the release brought, as lines; empty where nothing is known.
pub(super) fn changes(p: &Problem) -> Vec<String> {
    let Some(code) = &p.code else { return Vec::new() };
    let mut out = Vec::new();
    if let Some(s) = &code.suspect {
        out.push(commit(&s.told));
        out.push(plain(&s.why).into_owned());
    }
    if !code.brought.is_empty() {
        let release = code.release.as_deref().unwrap_or("the release");
        let n = super::counted(code.brought.len() as u64, "commit");
        out.push(plain(&format!("{release} brought {n}:")).into_owned());
        out.extend(code.brought.iter().take(BROUGHT).map(|c| format!("  {}", commit(c))));
        if code.brought.len() > BROUGHT {
            out.push(format!("  and {} more", code.brought.len() - BROUGHT));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::{CodeView, Suspect};

    #[test]
    fn source_and_changes_in_words() {
        let told = |n: usize| ToldCommit {
            commit: format!("{n:040}"),
            author: "Ada".into(),
            at: "2026-11-24T07:00:00Z".into(),
            subject: "Taxes\u{1b}[31m by rate".into(),
        };
        let frame = CodeFrame {
            file: "/srv/app/tax.py".into(),
            line: Some(10),
            path: Some("app/tax.py".into()),
            commit: Some("9f2c1ab00".into()),
            before: ["a", "b", "c", "d"].map(String::from).into(),
            line_text: "  return x".into(),
            after: vec!["}".into()],
            ..CodeFrame::default()
        };
        let code = CodeView {
            frames: vec![frame],
            suspect: Some(Suspect { told: told(7), path: "app/tax.py".into(), line: 10, why: "Why.".into() }),
            brought: (0..7).map(told).collect(),
            release: Some("shop@1".into()),
            unmapped: Vec::new(),
        };
        let p = Problem { code: Some(code), ..Problem::default() };
        let e = excerpt(&p).unwrap();
        assert_eq!(e.title, "app/tax.py:10 at 9f2c1ab");
        assert_eq!(e.rows(), ["   7 | b", "   8 | c", "   9 | d", "> 10 |   return x", "  11 | }"]);
        let changes = changes(&p);
        assert!(changes[0].starts_with("0000000 Taxes") && changes[0].ends_with("by rate (Ada, 2026-11-24)"));
        assert!(!changes[0].contains('\u{1b}'));
        assert_eq!(
            (changes[2].as_str(), changes.last().unwrap().as_str()),
            ("shop@1 brought 7 commits:", "  and 2 more")
        );
    }
}
