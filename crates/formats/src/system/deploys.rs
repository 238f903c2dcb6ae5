//! Files in which people and tools write down what they changed, and Capistrano's revisions.
//!
//! ```text
//! 2026-11-24T07:13:38Z deploy release=tulip@3.8.0 commit=9e41c07
//! 2026-11-24T07:13:43Z rollback release=tulip@3.7.4 commit=1b0d3f2
//! 2026-11-24T08:08:17Z plugin harbour-rates 2.3.1 -> 2.4.0 ok
//! 2026-11-24T08:24:17Z pool clinic: children 6 -> 8, restart php-fpm
//! Branch main (at 8ab1c2d) deployed as release 20261124070503 by alice
//! ```
//!
//! Source: habit; Capistrano `revisions.log` (`lib/capistrano/i18n.rb`, release names are UTC). In a file
//! whose name says that it holds such notes, each `time words` line is one; in any other file only `deploy`,
//! `rollback` and the like with a `key=value` behind.

use super::stamp;
use crate::{Context, Entry, LineFormat};
use record::{Level, Mark, Time, Zone};

/// What a mark quotes of a line at most, in bytes.
const WHAT_BYTES: usize = 120;

/// Notes of changes.
pub(super) struct Deploys;

impl LineFormat for Deploys {
    fn name(&self) -> &'static str {
        "deploys"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if let Some(entry) = capistrano(line, context) {
            return Some(entry);
        }
        let first = *line.as_bytes().first()?;
        if !first.is_ascii_digit() && !first.is_ascii_uppercase() && first != b'[' {
            return None;
        }
        let noted = is_note_file(&context.file_name);
        // Cheap on the lines of other files: the words come before the time is read.
        if !noted && !says_deploy(line) {
            return None;
        }
        let (at, rest) = match line.strip_prefix('[') {
            Some(inner) => {
                let (at, rest) = stamp(inner, context)?;
                (at, rest.strip_prefix(']')?)
            }
            None => stamp(line, context)?,
        };
        let words = rest.trim_start_matches([' ', '\t', '-', ':', '|', ',']).trim_end();
        if words.is_empty() || !words.starts_with(|c: char| c.is_alphanumeric()) {
            return None;
        }
        let mut plain = words;
        // "INFO deploying shop 3.8.0": a level before the words is no part of them.
        let (head, more) = words.split_once(' ').unwrap_or((words, ""));
        if let Some(level) = Level::parse(head.trim_end_matches(':')) {
            if level >= Level::Warn {
                return None;
            }
            plain = more.trim_start();
        }
        let mark = classify(plain, noted)?;
        Some(Entry {
            at: Some(at),
            level: Level::Info,
            message: words.into(),
            mark: Some(mark),
            closed: true,
            ..Entry::default()
        })
    }
}

/// Does a word of deploying stand at the place where the words of a note begin?
fn says_deploy(line: &str) -> bool {
    let window = line.get(..line.len().min(80)).unwrap_or("");
    [" deploy ", " deployed ", " rollback ", " release ", " deployment ", "\tdeploy", "\trollback"]
        .iter()
        .any(|w| window.contains(w))
}

/// `deploys.log`, `wp-updates.log`, `CHANGES.txt`, `prod-releases-2026.log`: the name says what is in it.
pub(crate) fn is_note_file(name: &str) -> bool {
    if name.is_empty() || name.len() > 100 {
        return false;
    }
    let stem = name.split('.').next().unwrap_or(name);
    let last = stem
        .rsplit(['-', '_', ' '])
        .find(|p| !p.is_empty() && !p.bytes().all(|c| c.is_ascii_digit()))
        .unwrap_or("");
    const NAMES: [&str; 26] = [
        "deploy",
        "deploys",
        "deployed",
        "deployment",
        "deployments",
        "release",
        "releases",
        "rollout",
        "rollouts",
        "update",
        "updates",
        "upgrade",
        "upgrades",
        "change",
        "changes",
        "changelog",
        "history",
        "maintenance",
        "ops",
        "operations",
        "revisions",
        "migrations",
        "config-changes",
        "configuration",
        "rollbacks",
        "interventions",
    ];
    NAMES.iter().any(|n| last.eq_ignore_ascii_case(n))
}

/// What a note marks; in files of other names only plain words of deploying with a `key=value` or a version
/// do.
fn classify(words: &str, noted: bool) -> Option<Mark> {
    let low = words.get(..floor(words, 400))?.to_ascii_lowercase();
    // Requests and errors are no notes, whatever the file is called.
    let mut tokens =
        low.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':' | '(' | ')' | '"' | '='));
    let first = tokens.clone().find(|t| !t.is_empty()).unwrap_or("");
    if ["get", "post", "put", "delete", "patch", "head", "options"].contains(&first)
        || low.contains(" http/1.")
    {
        return None;
    }
    let deploy_verb = |t: &str| {
        matches!(
            t,
            "deploy"
                | "deployed"
                | "deploying"
                | "deployment"
                | "release"
                | "released"
                | "releasing"
                | "rollout"
                | "rolled-out"
                | "ship"
                | "shipped"
                | "promote"
                | "promoted"
                | "publish"
                | "published"
        )
    };
    let back = low.contains("rollback")
        || low.contains("roll back")
        || low.contains("rolled back")
        || tokens.any(|t| t == "revert" || t == "reverted");
    let what = || what(words);
    if !noted {
        let plain = deploy_verb(first) || first == "rollback";
        return (plain
            && (low.contains("release=")
                || low.contains("version=")
                || low.contains("commit=")
                || low.contains('@')))
        .then(|| if back { Mark::Rollback(what()) } else { Mark::Deploy(what()) });
    }
    if back {
        return Some(Mark::Rollback(what()));
    }
    let code = low.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|t| {
        deploy_verb(t)
            || matches!(
                t,
                "plugin"
                    | "plugins"
                    | "theme"
                    | "core"
                    | "package"
                    | "packages"
                    | "module"
                    | "extension"
                    | "gem"
                    | "npm"
                    | "composer"
                    | "pip"
                    | "upgrade"
                    | "upgraded"
                    | "update"
                    | "updated"
                    | "install"
                    | "installed"
                    | "migrate"
                    | "migration"
                    | "migrations"
                    | "image"
                    | "build"
                    | "version"
                    | "helm"
            )
    });
    if code || has_version_step(words) || low.contains("release=") || low.contains("commit=") {
        return Some(Mark::Deploy(what()));
    }
    Some(Mark::ConfigChange(what()))
}

/// `2.3.1 -> 2.4.0`, `v1 → v2`: both sides are versions, not bare numbers.
fn has_version_step(words: &str) -> bool {
    let Some((before, after)) =
        words.split_once("->").or_else(|| words.split_once('→')).or_else(|| words.split_once("=>"))
    else {
        return false;
    };
    let version = |t: Option<&str>| {
        t.is_some_and(|t| {
            let t = t.trim_matches(|c: char| !c.is_ascii_alphanumeric());
            let digits = t.trim_start_matches('v');
            digits.bytes().next().is_some_and(|c| c.is_ascii_digit())
                && (t.matches('.').count() >= 2 || t.len() > digits.len())
        })
    };
    version(before.split_whitespace().next_back()) && version(after.split_whitespace().next())
}

/// The name of the change: its `release=…` if it has one, else the words, not too long.
fn what(words: &str) -> String {
    if let Some(release) = words.split_whitespace().find(|w| w.starts_with("release=")) {
        return release.to_owned();
    }
    words.get(..floor(words, WHAT_BYTES)).unwrap_or(words).to_owned()
}

/// The largest boundary of a character up to `max`.
fn floor(text: &str, max: usize) -> usize {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}

/// `Branch main (at 8ab1c2d) deployed as release 20261124070503 by alice`; `alice rolled back to release
/// 20261124070503`.
fn capistrano<'a>(line: &'a str, context: &Context) -> Option<Entry<'a>> {
    if line.starts_with("Branch ")
        && let Some((_, after)) = line.split_once(" deployed as release ")
    {
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let name = after.get(..digits)?;
        let at = if digits == 14 { release_time(name, context) } else { None };
        let mark = Some(Mark::Deploy(format!("release={name}")));
        return Some(Entry {
            at,
            level: Level::Info,
            message: line.into(),
            mark,
            closed: true,
            ..Entry::default()
        });
    }
    let (who, release) = line.split_once(" rolled back to release ")?;
    if who.contains(' ') || release.is_empty() || !release.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let mark = Some(Mark::Rollback(format!("release={release}")));
    Some(Entry { level: Level::Info, message: line.into(), mark, closed: true, ..Entry::default() })
}

/// `20261124070503`, UTC.
fn release_time(name: &str, context: &Context) -> Option<(Time, Zone)> {
    let spelt =
        format!("{} {}:{}:{}", name.get(..8)?, name.get(8..10)?, name.get(10..12)?, name.get(12..14)?);
    stamp(&spelt, context).map(|((time, _), _)| (time, Zone::Stated))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &str, line: &str) -> Option<Mark> {
        let c = Context {
            file_name: file.into(),
            reference: Time::from_secs(1_795_600_000),
            ..Context::default()
        };
        let e = Deploys.read(line, &c)?;
        assert!(e.closed);
        e.mark
    }

    #[test]
    fn notes_of_deploys_and_of_what_was_taken_back() {
        let deploy = |w: &str| Some(Mark::Deploy(w.into()));
        let f = "deploys.log";
        assert_eq!(
            read(f, "2026-11-24T07:13:38Z deploy release=tulip@3.8.0 commit=9e41c07"),
            deploy("release=tulip@3.8.0")
        );
        assert_eq!(
            read("x.log", "2026-11-24T07:13:38Z deploy release=tulip@3.8.0"),
            deploy("release=tulip@3.8.0")
        );
        assert_eq!(
            read(f, "2026-11-24T07:13:43Z rollback release=tulip@3.7.4 commit=1b0d3f2"),
            Some(Mark::Rollback("release=tulip@3.7.4".into()))
        );
        assert_eq!(
            read(f, "2026-11-24T07:20:12Z deploy release=billing@2.9.1 commit=77d03aa note=\"rollback\""),
            Some(Mark::Rollback("release=billing@2.9.1".into()))
        );
        assert_eq!(
            read("updates.log", "2026-11-24T08:08:17Z plugin harbour-rates 2.3.1 -> 2.4.0 ok"),
            deploy("plugin harbour-rates 2.3.1 -> 2.4.0 ok")
        );
        assert_eq!(
            read("prod_releases.2026.txt", "[2026-11-24 08:08:17] shop v1 → v2"),
            deploy("shop v1 → v2")
        );
        assert_eq!(
            read(f, "2026-11-24T07:20:03Z migrate app=catalog migration=0002_product_discount ok"),
            deploy("migrate app=catalog migration=0002_product_discount ok")
        );
    }

    #[test]
    fn what_is_no_release_is_a_change_of_configuration() {
        let change = |w: &str| Some(Mark::ConfigChange(w.into()));
        let line = "2026-11-24T08:24:17Z pool clinic: children 6 -> 8, restart php-fpm";
        assert_eq!(read("deploys.log", line), change("pool clinic: children 6 -> 8, restart php-fpm"));
        assert_eq!(
            read("changes.log", "Nov 24 08:24:17 raised proxy_read_timeout"),
            change("raised proxy_read_timeout")
        );
    }

    #[test]
    fn capistrano_names_releases_by_time() {
        let c = Context::default();
        let e =
            Deploys.read("Branch main (at 8ab1c2d) deployed as release 20261124070503 by alice", &c).unwrap();
        assert_eq!(e.mark, Some(Mark::Deploy("release=20261124070503".into())));
        assert_eq!(e.at.unwrap().0.to_string(), "2026-11-24T07:05:03Z");
        let e = Deploys.read("alice rolled back to release 20261123070503", &c).unwrap();
        assert_eq!(e.mark, Some(Mark::Rollback("release=20261123070503".into())));
    }

    #[test]
    fn other_files_and_their_lines_are_left_alone() {
        assert_eq!(read("app.log", "2026-11-24T08:24:17Z pool clinic: children 6 -> 8"), None);
        assert_eq!(read("app.log", "2026-11-24 08:24:17 INFO deploy hook called"), None);
        assert_eq!(read("app.log", "2026-11-24 08:24:17 the deploy release was slow"), None);
        assert_eq!(read("updates.log", "2026-11-24 08:24:17 ERROR could not update"), None);
        assert_eq!(
            read("updates.log", "198.51.100.1 - - [24/Nov/2026:07:00:00 +0000] \"GET / HTTP/1.1\" 200 1"),
            None
        );
        assert_eq!(read("update-service.log", "2026-11-24 08:24:17 hello"), None);
        assert_eq!(read("deploys.log", "2026-11-24 08:24:17 GET /x 200"), None);
    }
}
