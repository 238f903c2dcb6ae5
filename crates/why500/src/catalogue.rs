//! The catalogue teaches: what causes and statuses mean, how they look in each stack, how to check them, how
//! to fix them.
//!
//! The texts are data, `causes.toml` and `statuses.toml` in the root of the project, built into the program:
//!
//! ```toml
//! [database.deadlock]
//! meaning = "Two transactions waited for each other and the database ended one."
//! looks.MySQL = "ERROR 1213 (40001): Deadlock found when trying to get lock; try restarting transaction"
//! ```

use crate::report::page::{Ink, Page, columns, fold, pad, wrap};
use crate::report::{Look, badge, plain};
use record::{Cause, Class};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io;
use std::sync::OnceLock;

/// Suggestions for a name that does not exist.
const SUGGESTIONS_MAX: usize = 4;
/// The widest stack name beside its example.
const STACK_MAX: usize = 14;

/// What is known of a cause.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// One sentence that a person at 3 a.m. understands.
    pub meaning: String,
    /// What a verdict's culprit holds for this cause.
    #[serde(default)]
    pub culprit: String,
    /// Other words people use for it.
    #[serde(default)]
    pub aka: Vec<String>,
    /// How it looks, by software.
    #[serde(default)]
    pub looks: BTreeMap<String, String>,
    /// How to verify it, first things first.
    #[serde(default)]
    pub check: Vec<String>,
    /// What to do about it.
    #[serde(default)]
    pub fix: Vec<String>,
    /// Causes that are confused with it, as `class/cause`.
    #[serde(default)]
    pub related: Vec<String>,
    /// What it is more closely, where its words tell.
    #[serde(default)]
    pub kinds: Vec<Kind>,
}

/// One kind of a cause.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// One sentence, in place of the cause's.
    pub meaning: String,
    /// Words that tell it, of which one stands in the error.
    pub words: Vec<String>,
    /// What to do about this kind, before what helps with all.
    #[serde(default)]
    pub next: Vec<String>,
}

/// What is known of a status.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// As registered.
    pub name: String,
    /// Where it is defined.
    pub source: String,
    /// One sentence.
    pub meaning: String,
    /// Who answers it.
    pub who: String,
    /// What usually causes it, with the causes' names where there is one.
    pub usual: Vec<String>,
    /// Where to look.
    pub look: Vec<String>,
    /// Causes that lead to it, as `class/cause`.
    #[serde(default)]
    pub causes: Vec<String>,
}

#[derive(Deserialize)]
struct Statuses {
    status: BTreeMap<String, Status>,
}

type Causes = BTreeMap<String, BTreeMap<String, Entry>>;

fn all_causes() -> &'static Causes {
    static CAUSES: OnceLock<Causes> = OnceLock::new();
    // The file is ours and a test reads it: it parses.
    CAUSES.get_or_init(|| toml::from_str(include_str!("../../../causes.toml")).unwrap_or_default())
}

/// Every status that is explained, by number.
pub fn all_statuses() -> &'static BTreeMap<String, Status> {
    static STATUSES: OnceLock<BTreeMap<String, Status>> = OnceLock::new();
    STATUSES.get_or_init(|| {
        let parsed: Result<Statuses, _> = toml::from_str(include_str!("../../../statuses.toml"));
        parsed.map(|s| s.status).unwrap_or_default()
    })
}

/// What the catalogue says of a cause.
pub fn entry(cause: &Cause) -> Option<&'static Entry> {
    all_causes().get(cause.class.name())?.get(&cause.name)
}

/// Every cause, class by class.
pub fn every() -> impl Iterator<Item = (Class, &'static str, &'static Entry)> {
    Class::ALL.into_iter().flat_map(|class| {
        all_causes()
            .get(class.name())
            .into_iter()
            .flatten()
            .map(move |(name, entry)| (class, name.as_str(), entry))
    })
}

/// Lists all causes, those of a class, or explains one (`deadlock`, `database/deadlock`, `oom`). False where
/// the name is not known: then near ones are named.
pub fn causes(out: &mut dyn io::Write, name: Option<&str>, look: &Look) -> io::Result<bool> {
    let mut page = Page::new(out, look);
    let Some(name) = name.map(str::trim).filter(|n| !n.is_empty()) else {
        for class in Class::ALL {
            list(&mut page, class)?;
        }
        page.line(
            "why500 causes NAME tells how a cause looks in each stack, how to check it and how to fix it.",
        )?;
        return Ok(true);
    };
    let wanted = normal(name);
    if let Some(class) = Class::parse(&wanted) {
        list(&mut page, class)?;
        return Ok(true);
    }
    let found: Vec<_> =
        every().filter(|(class, name, entry)| is_called(*class, name, entry, &wanted)).collect();
    for (i, (class, name, entry)) in found.iter().enumerate() {
        if i > 0 {
            page.gap()?;
        }
        explain(&mut page, *class, name, entry)?;
    }
    if found.is_empty() {
        page.line(&format!("There is no cause {}.", plain(name)))?;
        suggest(&mut page, &wanted)?;
    }
    Ok(!found.is_empty())
}

/// `Connection Refused` and `connection_refused` are `connection-refused`.
fn normal(name: &str) -> String {
    name.trim().to_lowercase().replace(['_', ' '], "-")
}

fn is_called(class: Class, name: &str, entry: &Entry, wanted: &str) -> bool {
    match wanted.split_once('/') {
        Some((c, n)) => class.name() == c && name == n,
        None => {
            let words = entry.kinds.iter().flat_map(|k| &k.words);
            name == wanted || entry.aka.iter().chain(words).any(|a| normal(a) == wanted)
        }
    }
}

fn list(page: &mut Page<'_>, class: Class) -> io::Result<()> {
    let causes: Vec<_> = every().filter(|(c, ..)| *c == class).collect();
    let badge = page.ink(badge(class), &format!(" {} ", class.name().to_uppercase()));
    page.line(&badge)?;
    let widest = causes.iter().map(|(_, name, _)| columns(name)).max().unwrap_or(0);
    for (_, name, entry) in causes {
        let room = page.width.saturating_sub(widest + 4);
        for (i, row) in wrap(&entry.meaning, room).iter().enumerate() {
            let shown = if i == 0 { pad(name, widest) } else { " ".repeat(widest) };
            let shown = page.ink(Ink::Bold, &shown);
            page.line(&format!("  {shown}  {row}"))?;
        }
    }
    page.gap()
}

fn explain(page: &mut Page<'_>, class: Class, name: &str, entry: &Entry) -> io::Result<()> {
    let badge = page.ink(badge(class), &format!(" {} ", class.name().to_uppercase()));
    let title = page.ink(Ink::Bold, name);
    page.line(&format!("{badge} {title}"))?;
    page.gap()?;
    page.say("MEANING", Ink::Plain, &entry.meaning)?;
    if !entry.culprit.is_empty() {
        page.say("CULPRIT", Ink::Plain, &format!("a report names {}", entry.culprit))?;
    }
    if !entry.aka.is_empty() {
        page.say("ALSO", Ink::Plain, &entry.aka.join(", "))?;
    }
    for (i, kind) in entry.kinds.iter().enumerate() {
        page.gap()?;
        page.say(if i == 0 { "KINDS" } else { "" }, Ink::Bold, &kind.meaning)?;
        if !kind.next.is_empty() {
            page.items("", &kind.next, true)?;
        }
    }
    if !entry.looks.is_empty() {
        page.gap()?;
        looks(page, &entry.looks)?;
    }
    for (label, steps) in [("CHECK", &entry.check), ("FIX", &entry.fix)] {
        if !steps.is_empty() {
            page.gap()?;
            page.items(label, steps, true)?;
        }
    }
    if !entry.related.is_empty() {
        page.gap()?;
        page.say("RELATED", Ink::Plain, &entry.related.join(", "))?;
    }
    Ok(())
}

fn looks(page: &mut Page<'_>, looks: &BTreeMap<String, String>) -> io::Result<()> {
    let mut list: Vec<(&String, &String)> = looks.iter().collect();
    list.sort_by_key(|(stack, _)| stack.to_lowercase());
    let widest = list.iter().map(|(stack, _)| columns(stack)).max().unwrap_or(0).min(STACK_MAX);
    let mut rows = Vec::new();
    for (stack, text) in list {
        let room = page.room().saturating_sub(widest + 2);
        for (i, row) in fold(text, room, usize::MAX, "").iter().enumerate() {
            let shown = if i == 0 { pad(stack, widest) } else { " ".repeat(widest) };
            rows.push(format!("{}  {row}", page.ink(Ink::Bold, &shown)));
        }
    }
    page.labelled("LOOKS", &rows)
}

fn suggest(page: &mut Page<'_>, wanted: &str) -> io::Result<()> {
    let mut near: Vec<(usize, String)> = every()
        .filter_map(|(class, name, entry)| {
            let full = format!("{}/{name}", class.name());
            let names = [name, full.as_str()]
                .into_iter()
                .map(str::to_owned)
                .chain(entry.aka.iter().map(|a| normal(a)));
            let best = names.map(|n| distance_of(wanted, &n)).min().unwrap_or(usize::MAX);
            (best <= allowed(wanted)).then_some((best, full))
        })
        .collect();
    near.sort();
    near.truncate(SUGGESTIONS_MAX);
    if near.is_empty() {
        return page.line("why500 causes lists them all.");
    }
    let names: Vec<String> = near.into_iter().map(|(_, n)| n).collect();
    page.line(&format!("Did you mean {}?", names.join(" or ")))
}

/// Slips allowed in a word: one in three letters.
fn allowed(wanted: &str) -> usize {
    (wanted.chars().count() / 3).clamp(1, 5)
}

/// How far a name is from what was typed; a name that holds it, or a word of it, is near.
fn distance_of(wanted: &str, name: &str) -> usize {
    if wanted.len() >= 3 && name.contains(wanted) {
        return 1;
    }
    distance(wanted, name)
}

/// Edit distance with swaps of neighbours (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let get = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX / 2);
            let mut best =
                (get(&last, j) + usize::from(x != y)).min(get(&last, j + 1) + 1).min(get(&row, j) + 1);
            if i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x) {
                best = best.min(get(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

/// Explains a status. False where the catalogue does not know it: then what the number's class says is told.
pub fn status(out: &mut dyn io::Write, code: u16, look: &Look) -> io::Result<bool> {
    let mut page = Page::new(out, look);
    let Some(s) = all_statuses().get(&code.to_string()) else {
        page.line(&unknown_status(code))?;
        let known: Vec<&str> = all_statuses().keys().map(String::as_str).collect();
        for row in wrap(&format!("Explained are: {}.", known.join(", ")), page.width) {
            page.line(&row)?;
        }
        return Ok(false);
    };
    let title = page.ink(Ink::Bold, &format!("{code} {}", s.name));
    let source = page.ink(Ink::Dim, &format!("  {}", s.source));
    page.line(&format!("{title}{source}"))?;
    page.gap()?;
    page.say("MEANING", Ink::Plain, &s.meaning)?;
    page.say("WHO", Ink::Plain, &s.who)?;
    page.gap()?;
    page.items("USUALLY", &s.usual, false)?;
    page.gap()?;
    page.items("LOOK", &s.look, true)?;
    if !s.causes.is_empty() {
        page.gap()?;
        page.say("CAUSES", Ink::Plain, &s.causes.join(", "))?;
    }
    page.gap()?;
    page.line("why500 explain PATH names the cause from the logs; why500 causes NAME explains one.")?;
    Ok(true)
}

fn unknown_status(code: u16) -> String {
    match code {
        100..=199 => format!("{code} is interim (1xx): no failure."),
        200..=299 => format!("{code} is a success (2xx): no failure."),
        300..=399 => format!("{code} is a redirect (3xx): no failure of the server."),
        400..=499 => format!("{code} (4xx) says that the request was wrong, not the server."),
        500..=599 => format!(
            "{code} is a server error (5xx) that is registered nowhere: whoever answers it made it up, so \
             search for it in the code and in the proxies."
        ),
        _ => format!("{code} is no HTTP status: they run from 100 to 599."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look() -> Look {
        Look { width: 100, colour: false, top: None, all_evidence: false, unicode: true }
    }

    fn told(name: Option<&str>) -> (bool, String) {
        let mut out = Vec::new();
        let found = causes(&mut out, name, &look()).unwrap();
        (found, String::from_utf8(out).unwrap())
    }

    fn told_of(code: u16) -> (bool, String) {
        let mut out = Vec::new();
        let found = status(&mut out, code, &look()).unwrap();
        (found, String::from_utf8(out).unwrap())
    }

    /// The vocabulary that verdicts and labels share: names are never lost.
    const VOCABULARY: &str = "
        code: unhandled-exception null-reference type-mismatch missing-key division-by-zero
            assertion-or-panic syntax-error missing-dependency template-error
            serialization-error infinite-recursion
        config: invalid-directive redirect-loop permission-denied missing-file bad-script
            missing-setting wrong-upstream proxy-limit blocked-by-rule host-not-allowed
        database: connection-refused host-unreachable authentication-failed database-missing
            schema-mismatch query-error constraint-violation too-many-connections pool-exhausted
            query-timeout lock-timeout deadlock connection-lost read-only storage-full
            corruption
        upstream: connection-refused dns-failure timeout connection-reset tls-failure
            error-response rate-limited authentication-failed bad-response
        resource: memory-exhausted disk-full too-many-open-files workers-exhausted
            execution-timeout process-crash load-shed
        unknown: unexplained";

    #[test]
    fn the_files_parse_and_hold_the_whole_vocabulary() {
        let parsed: Causes = toml::from_str(include_str!("../../../causes.toml")).unwrap();
        assert!(parsed.keys().all(|c| Class::parse(c).is_some()));
        let mut class = Class::Unknown;
        for word in VOCABULARY.split_whitespace() {
            match word.strip_suffix(':') {
                Some(c) => class = Class::parse(c).unwrap(),
                None => assert!(entry(&Cause::new(class, word)).is_some(), "{}/{word}", class.name()),
            }
        }
        let parsed: Statuses = toml::from_str(include_str!("../../../statuses.toml")).unwrap();
        for code in (500..=511).chain([499]).chain(520..=527).chain([529, 530, 598, 599]) {
            assert!(parsed.status.contains_key(&code.to_string()), "{code}");
        }
    }

    #[test]
    fn every_entry_teaches() {
        for (class, name, e) in every() {
            let who = format!("{}/{name}", class.name());
            assert!(e.meaning.ends_with('.') && e.meaning.len() < 200, "{who}: meaning");
            assert!(!e.check.is_empty() && !e.fix.is_empty(), "{who}: check and fix");
            assert!(
                class == Class::Unknown || e.looks.len() >= 4,
                "{who}: looks in {} stacks",
                e.looks.len()
            );
            assert!(class == Class::Unknown || !e.culprit.is_empty(), "{who}: culprit");
            for kind in &e.kinds {
                assert!(kind.meaning.ends_with('.') && !kind.words.is_empty(), "{who}: {}", kind.meaning);
            }
            for stack in e.looks.keys() {
                assert!(columns(stack) <= STACK_MAX, "{who}: {stack}");
            }
            let of_kinds = e.kinds.iter().flat_map(|k| &k.next);
            for step in e.check.iter().chain(&e.fix).chain(of_kinds) {
                assert!(step.len() <= 300 && step.ends_with(['.', '?']), "{who}: {step}");
            }
            for r in &e.related {
                assert!(Cause::parse(r).is_some_and(|c| entry(&c).is_some()), "{who}: related {r}");
            }
        }
        for (code, s) in all_statuses() {
            assert!(
                !s.usual.is_empty() && !s.look.is_empty() && !s.who.is_empty() && !s.source.is_empty(),
                "{code}"
            );
            for c in &s.causes {
                assert!(Cause::parse(c).is_some_and(|c| entry(&c).is_some()), "{code}: cause {c}");
            }
        }
    }

    #[test]
    fn a_cause_is_found_by_name_full_name_and_nickname() {
        for name in ["database/deadlock", "deadlock", "Deadlock", " DATABASE/DEADLOCK "] {
            let (found, text) = told(Some(name));
            assert!(found, "{name}");
            for said in [
                " DATABASE  deadlock",
                "  MEANING   Two transactions waited for each other and the database ended one.",
                "Deadlock found when trying to get lock; try restarting transaction",
                "  CHECK     1. ",
                "  FIX       1. ",
                "  RELATED   ",
            ] {
                assert!(text.contains(said), "{said}\nis not in\n{text}");
            }
        }
        assert!(told(Some("oom")).1.contains(" RESOURCE  memory-exhausted"));
        let (_, both) = told(Some("connection refused"));
        assert!(
            both.contains(" DATABASE  connection-refused") && both.contains(" UPSTREAM  connection-refused")
        );
    }

    #[test]
    fn a_slip_of_the_finger_is_forgiven() {
        let (found, text) = told(Some("deadlok"));
        assert!(!found);
        assert_eq!(text, "There is no cause deadlok.\nDid you mean database/deadlock?\n");
        let (found, text) = told(Some("databse/pool-exhasted"));
        assert!(!found && text.contains("database/pool-exhausted"), "{text}");
        assert!(told(Some("zebra")).1.ends_with("why500 causes lists them all.\n"));
        assert!(!told(Some("\x1b[2J")).1.contains('\x1b'));
    }

    #[test]
    fn the_list_names_all_classes_and_a_class_only_its_own() {
        let (found, text) = told(None);
        assert!(found && text.contains(" CODE\n") && text.contains("  template-error "));
        let (found, text) = told(Some("resource"));
        assert!(found && text.contains("disk-full") && !text.contains("deadlock"));
    }

    #[test]
    fn a_status_is_explained() {
        let (found, text) = told_of(502);
        assert!(found);
        assert!(text.starts_with("502 Bad Gateway  RFC 9110 §15.6.3\n"), "{text}");
        assert!(
            text.contains("  USUALLY   · ")
                && text.contains("  LOOK      1. ")
                && text.contains("upstream/connection-refused")
        );
        assert!(told_of(520).1.contains("Cloudflare"));
        assert!(!told_of(404).0);
        assert!(told_of(404).1.starts_with("404 (4xx) says that the request was wrong"));
        assert!(told_of(512).1.contains("registered nowhere"));
        assert!(told_of(42).1.starts_with("42 is no HTTP status"));
    }

    #[test]
    fn distances() {
        assert_eq!(distance("deadlock", "deadlock"), 0);
        assert_eq!(distance("daedlock", "deadlock"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
    }
}
