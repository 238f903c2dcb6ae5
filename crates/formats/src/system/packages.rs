//! Package managers: what was installed, upgraded or removed.
//!
//! ```text
//! 2026-11-24 06:12:44 upgrade php8.2-fpm:amd64 8.2.20-1 8.2.24-1          dpkg.log
//! Start-Date: 2026-11-24  06:12:40                                        apt/history.log
//! Log started: 2026-11-24  06:12:41                                       apt/term.log, below it what was printed
//! Nov 24 06:12:44 Updated: php-fpm-8.2.24-1.x86_64                         yum.log
//! 2026-11-24T06:12:44+0000 SUBDEBUG Upgraded: php-fpm-8.2.24-1.x86_64      dnf.rpm.log
//! [2026-11-24T06:12:44+0000] [ALPM] upgraded openssl (3.1.1-1 -> 3.2.0-1)  pacman.log
//! ```
//!
//! Sources: dpkg `lib/dpkg/log.c` and dpkg(1) `--log`, apt `history.log`, yum, dnf, pacman.

use super::stamp;
use crate::{Context, Entry, LineFormat};
use record::{Level, Mark};

/// What reports call these logs.
pub(crate) const PACKAGES: &str = "packages";

/// dpkg, apt, yum, dnf, pacman.
pub(super) struct Packages;

impl LineFormat for Packages {
    fn name(&self) -> &'static str {
        PACKAGES
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if let Some(date) = line.strip_prefix("Start-Date: ") {
            let (at, "") = stamp(date, context)? else { return None };
            return Some(entry(at, line, Some(Mark::Deploy("apt".into()))));
        }
        if let Some(date) = line.strip_prefix("Log started: ").or_else(|| line.strip_prefix("Log ended: ")) {
            let (at, "") = stamp(date, context)? else { return None };
            return Some(entry(at, line, None));
        }
        if let Some(rest) = line.strip_prefix('[') {
            let (at, rest) = stamp(rest, context)?;
            let words = rest.strip_prefix("] [ALPM] ")?;
            let moved =
                ["upgraded ", "installed ", "removed ", "downgraded "].iter().any(|w| words.starts_with(w));
            return Some(entry(at, words, moved.then(|| Mark::Deploy(short(words)))));
        }
        let b = line.as_bytes();
        if b.get(10) == Some(&b' ') && b.get(19) == Some(&b' ') && b.first()?.is_ascii_digit() {
            return dpkg(line, context);
        }
        // yum and dnf
        const DONE: [&str; 8] = [
            "Updated: ",
            "Upgraded: ",
            "Upgrade: ",
            "Installed: ",
            "Erased: ",
            "Removed: ",
            "Downgraded: ",
            "Downgrade: ",
        ];
        let window = line.get(..line.len().min(56)).unwrap_or(line);
        let (i, verb) = DONE.iter().find_map(|v| window.find(v).map(|i| (i, v)))?;
        let (at, between) = stamp(line.get(..i)?, context)?;
        if !matches!(between.trim(), "" | "SUBDEBUG" | "INFO" | "DEBUG") {
            return None;
        }
        let words = line.get(i..)?;
        // A package's name and version follow, and nothing else.
        let package = words.strip_prefix(verb)?;
        let is_package = package.contains('-')
            && package.split(' ').count() <= 2
            && package.bytes().any(|c| c.is_ascii_digit());
        is_package.then(|| entry(at, words, Some(Mark::Deploy(short(words)))))
    }
}

/// `2026-11-24 06:12:44 upgrade php8.2-fpm:amd64 8.2.20-1 8.2.24-1`.
fn dpkg<'a>(line: &'a str, context: &Context) -> Option<Entry<'a>> {
    let words = line.get(20..)?;
    let (verb, rest) = words.split_once(' ')?;
    let action = match verb {
        "upgrade" | "install" | "remove" | "purge" => true,
        "status" | "configure" | "trigproc" | "startup" | "conffile" | "disappear" => false,
        _ => return None,
    };
    // "install" and "remove" are words; a package of dpkg has its architecture, two versions follow.
    let shaped =
        verb == "startup" || verb == "conffile" || rest.contains(':') && rest.split(' ').count() <= 4;
    if !shaped {
        return None;
    }
    let (at, _) = stamp(line, context)?;
    Some(entry(at, words, action.then(|| Mark::Deploy(short(words)))))
}

fn entry<'a>(at: (record::Time, record::Zone), message: &'a str, mark: Option<Mark>) -> Entry<'a> {
    Entry { at: Some(at), level: Level::Info, message: message.into(), mark, ..Entry::default() }
}

fn short(words: &str) -> String {
    words.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(String, Option<Mark>)> {
        let c = Context { reference: record::Time::from_secs(1_795_600_000), ..Context::default() };
        let e = Packages.read(line, &c)?;
        Some((e.at?.0.to_string(), e.mark))
    }

    #[test]
    fn each_manager_says_it_in_its_way() {
        let at = || "2026-11-24T06:12:44Z".to_owned();
        let done = |w: &str| Some((at(), Some(Mark::Deploy(w.into()))));
        assert_eq!(
            read("2026-11-24 06:12:44 upgrade php8.2-fpm:amd64 8.2.20-1 8.2.24-1"),
            done("upgrade php8.2-fpm:amd64 8.2.20-1 8.2.24-1")
        );
        assert_eq!(
            read("2026-11-24 06:12:44 status half-configured php8.2-fpm:amd64 8.2.24-1"),
            Some((at(), None))
        );
        assert_eq!(read("2026-11-24 06:12:44 startup archives unpack"), Some((at(), None)));
        assert_eq!(read("Start-Date: 2026-11-24  06:12:44"), done("apt"));
        assert_eq!(read("Log started: 2026-11-24  06:12:44"), Some((at(), None)));
        assert_eq!(read("Log ended: 2026-11-24  06:12:44"), Some((at(), None)));
        assert_eq!(
            read("Nov 24 06:12:44 Updated: php-fpm-8.2.24-1.x86_64"),
            done("Updated: php-fpm-8.2.24-1.x86_64")
        );
        assert_eq!(
            read("2026-11-24T06:12:44+0000 SUBDEBUG Upgraded: php-fpm-8.2.24-1.x86_64"),
            done("Upgraded: php-fpm-8.2.24-1.x86_64")
        );
        assert_eq!(
            read("[2026-11-24T06:12:44+0000] [ALPM] upgraded openssl (3.1.1-1 -> 3.2.0-1)"),
            done("upgraded openssl (3.1.1-1 -> 3.2.0-1)")
        );
    }

    #[test]
    fn others_are_refused() {
        for l in [
            "2026-11-24 06:12:44 install the new thing",
            "2026-11-24 06:12:44 INFO Updated: cart 5",
            "2026-11-24 06:12:44 status ok",
            "Log started: 2026-11-24 06:12:44 by the app",
            "Nov 24 06:12:44 Updated: the cart",
            "[2026-11-24T06:12:44+0000] [app] upgraded x",
            "",
        ] {
            assert_eq!(read(l), None, "{l}");
        }
    }
}
