//! Git's logs as a record of what went out: one line per commit with its date, the reflog, `git log`'s own
//! form.
//!
//! ```text
//! 9e41c07 2026-11-24 07:13:38 +0000 Show prices with discount
//! 2026-11-24T07:13:38+00:00 9e41c07 (HEAD -> main) Show prices with discount
//! 9e41c07 HEAD@{2026-11-24 07:13:38 +0000}: pull: Fast-forward
//! Date:   Tue Nov 24 07:13:38 2026 +0000
//! ```
//!
//! Sources: git-log "PRETTY FORMATS", git-reflog; `.git/logs/HEAD` (`OLD NEW Name <mail> 1795503600
//! +0000<TAB>pull: …`). In `git log`'s medium form the date stands on a line of its own, after `commit` and
//! `Author:`; it begins the entry here.

use super::stamp;
use crate::{Context, Entry, LineFormat};
use record::{Level, Mark, SECOND, Time, Zone};

/// git log, git reflog.
pub(super) struct Git;

impl LineFormat for Git {
    fn name(&self) -> &'static str {
        "git log"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if let Some(date) = line.strip_prefix("Date:   ").or_else(|| line.strip_prefix("CommitDate: ")) {
            return Some(entry(dated(date, context)?, line, Mark::Deploy("git commit".into())));
        }
        if let Some(hash) = line.strip_prefix("commit ") {
            let hash = hash.split(' ').next()?;
            return (hash.len() == 40 && is_hash(hash)).then(|| Entry {
                level: Level::Info,
                message: line.into(),
                ..Entry::default()
            });
        }
        let (first, rest) = line.split_once(' ')?;
        if is_hash(first) {
            return by_hash(first, rest, line, context);
        }
        // "2026-11-24T07:13:38+00:00 9e41c07 subject": only with a hash right behind the time.
        let (at, rest) = stamp(line, context)?;
        let rest = rest.strip_prefix(' ')?;
        let (hash, subject) = rest.split_once(' ')?;
        (is_hash(hash) && !subject.starts_with(['|', '"'])).then(|| entry(at, line, change(hash, subject)))
    }
}

/// `Tue Nov 24 07:13:38 2026 +0100` and all other forms: here the offset may follow the year.
fn dated(text: &str, context: &Context) -> Option<(Time, Zone)> {
    let ((time, zone), rest) = stamp(text, context)?;
    if rest.is_empty() {
        return Some((time, zone));
    }
    let (sign, digits) = rest.strip_prefix(' ')?.split_at_checked(1)?;
    let number: i64 = digits.parse().ok().filter(|_| digits.len() == 4)?;
    let east = (number / 100 * 3600 + number % 100 * 60) * SECOND;
    match sign {
        "+" => Some((time.plus(-east), Zone::Stated)),
        "-" => Some((time.plus(east), Zone::Stated)),
        _ => None,
    }
}

fn by_hash<'a>(hash: &str, rest: &'a str, line: &'a str, context: &Context) -> Option<Entry<'a>> {
    if let Some((_, dated)) = rest.split_once("@{") {
        let (at, after) = stamp(dated, context)?;
        return Some(entry(at, line, change(hash, after.strip_prefix("}: ")?)));
    }
    // "(HEAD -> main, origin/main) "
    let rest = match rest.strip_prefix('(') {
        Some(refs) => refs.split_once(") ")?.1,
        None => rest,
    };
    if let Some((at, subject)) = stamp(rest.trim_start_matches(['[', '"', '\'']), context) {
        return Some(entry(at, line, change(hash, subject.trim_start_matches(['|', ' ', ']', '-', '"']))));
    }
    // .git/logs/HEAD
    let (new, rest) = rest.split_once(' ').filter(|(new, _)| new.len() == 40 && is_hash(new))?;
    let (_, dated) = rest.split_once("> ")?;
    let (at, after) = stamp(dated, context)?;
    let (_, action) = after.split_once('\t')?;
    Some(entry(at, line, change(new.get(..7)?, action)))
}

fn entry(at: (Time, Zone), line: &str, mark: Mark) -> Entry<'_> {
    Entry { at: Some(at), level: Level::Info, message: line.into(), mark: Some(mark), ..Entry::default() }
}

fn change(hash: &str, subject: &str) -> Mark {
    let subject: String = subject.chars().take(80).collect();
    let what = format!("commit={hash} {subject}");
    if subject.starts_with("Revert ") || subject.starts_with("reset: moving to") {
        Mark::Rollback(what)
    } else {
        Mark::Deploy(what)
    }
}

/// An abbreviated or full object name: at least one letter and one digit, or it might be a number or a word.
fn is_hash(text: &str) -> bool {
    (7..=40).contains(&text.len())
        && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
        && text.bytes().any(|c| c.is_ascii_digit())
        && (text.len() == 40 || text.bytes().any(|c| c.is_ascii_alphabetic()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(String, Option<Mark>)> {
        let e = Git.read(line, &Context::default())?;
        Some((e.at.map(|(t, _)| t.to_string()).unwrap_or_default(), e.mark))
    }

    #[test]
    fn commits_with_dates_are_deploys() {
        let at = || "2026-11-24T07:13:38Z".to_owned();
        let want = || Some((at(), Some(Mark::Deploy("commit=9e41c07 Show prices".into()))));
        assert_eq!(read("9e41c07 2026-11-24 07:13:38 +0000 Show prices"), want());
        assert_eq!(read("9e41c07 (HEAD -> main, tag: v3) 2026-11-24 07:13:38 +0000 Show prices"), want());
        assert_eq!(read("2026-11-24T07:13:38+00:00 9e41c07 Show prices"), want());
        assert_eq!(
            read("9e41c07 HEAD@{2026-11-24 07:13:38 +0000}: pull: Fast-forward"),
            Some((at(), Some(Mark::Deploy("commit=9e41c07 pull: Fast-forward".into()))))
        );
        let old = "a".repeat(39) + "1";
        let new = format!("9e41c07{}", "b".repeat(33));
        assert_eq!(
            read(&format!("{old} {new} A B <a@b.example> 1795504418 +0000\treset: moving to HEAD~1")),
            Some((at(), Some(Mark::Rollback("commit=9e41c07 reset: moving to HEAD~1".into()))))
        );
        assert_eq!(
            read("Date:   Tue Nov 24 08:13:38 2026 +0100"),
            Some((at(), Some(Mark::Deploy("git commit".into()))))
        );
        assert_eq!(read(&format!("commit {new}")), Some((String::new(), None)));
    }

    #[test]
    fn numbers_and_words_are_no_hashes() {
        for l in [
            "1234567 2026-11-24 07:13:38 x",
            "defaced 2026-11-24 07:13:38 x",
            "2026-11-24 07:13:38 INFO x",
            "commit abc",
            "Date: x",
            "",
        ] {
            assert_eq!(read(l), None, "{l}");
        }
    }
}
