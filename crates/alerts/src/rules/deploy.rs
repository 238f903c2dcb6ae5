//! The verdict on a deploy: good, bad, undecided, with the figures.
//!
//! **Bad** as soon as, within an hour after it, a problem begins that failed again (and that neither a dependency, traffic nor
//! certain data set off), or one fails at least twice as often as in the three hours before, by the likelihood ratio that `growth` explains. **Good**
//! after half an hour without that, if so many requests came that one failing in a hundred (or as many as failed before, where that
//! is more) would have shown with 95 % (the rule of three: 3/n). **Undecided** after an hour where fewer came, or nobody counts them.
//! A deploy that is followed by another is judged up to that one.

use super::{Deploy, Finding, MINUTE_US, Rule, Situation, came_again, evidence, minute_of, problem_subject};
use crate::notice::{Figure, Severity, line, percent, seconds};
use record::Time;
use store::Failing;

pub(super) const RULE: Rule = Rule {
    name: "deploy",
    meaning: "a deploy brought a problem or multiplied one (bad), or did not (good, or undecided)",
    find,
};

/// So long after a deploy what begins is laid to it.
const AFTER_MINUTES: i64 = 60;
/// … and is held against so much before.
const BEFORE_MINUTES: i64 = 180;
/// Earlier nobody calls it good.
const GOOD_MINUTES: i64 = 30;
/// Deploys this close with the same words are one, told of twice.
const SAME_US: i64 = 2 * MINUTE_US;
/// Log of the likelihood ratio: each deploy is one look, so less than `growth` asks for is enough.
const EVIDENCE_MIN: f64 = 8.0;
/// Minutes in which a problem that was multiplied has to have failed.
const MINUTES_MIN: usize = 2;
/// The share of failing requests that a deploy called good does not have.
const SHARE: f64 = 0.01;
/// Failures that would be expected at that share: with three, seeing none has a chance of 5 %.
const EXPECTED_MIN: f64 = 3.0;

fn find(s: &Situation<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (i, deploy) in s.deploys.iter().enumerate() {
        let twice =
            s.deploys.iter().take(i).any(|d| d.what == deploy.what && deploy.at.since(d.at) <= SAME_US);
        if twice || deploy.at < s.began || deploy.at > s.now {
            continue;
        }
        let next =
            s.deploys.iter().skip(i + 1).find(|d| d.what != deploy.what || d.at.since(deploy.at) > SAME_US);
        found.extend(judge(s, deploy, next));
    }
    found
}

fn judge(s: &Situation<'_>, deploy: &Deploy, next: Option<&Deploy>) -> Option<Finding> {
    let at = minute_of(deploy.at);
    let now = minute_of(s.now);
    // Past its hour nothing new is said of it, but for what is late by some minutes.
    if now > at + AFTER_MINUTES + 10 {
        return None;
    }
    let end = (now + 1).min(at + AFTER_MINUTES).min(next.map_or(i64::MAX, |d| minute_of(d.at)));
    let (before_well, before_failed) = s.loads.sum_all(at - BEFORE_MINUTES, at);
    let (well, failed) = s.loads.sum_all(at, end);
    let (all, before_all) = (well + failed, before_well + before_failed);
    let share = |failed: u64, all: u64| if all == 0 { 0.0 } else { failed as f64 / all as f64 };
    let counted = well > 0;
    let minutes = |from: i64, to: i64| (to - from).max(0) as f64;

    let brought: Vec<&Failing> =
        s.speaking().filter(|p| begun_by(p, deploy, end) && came_again(p, None)).collect();
    let multiplied: Vec<(&Failing, f64)> = s
        .speaking()
        .filter(|p| p.row.first_seen < deploy.at)
        .filter_map(|p| {
            let count = |from, to| {
                p.minutes
                    .iter()
                    .filter(|(m, _)| (from..to).contains(m))
                    .fold((0, 0), |(n, k), (_, c)| (n + 1, k + c))
            };
            let (seen_in, k) = count(at + 1, end);
            let (_, before_k) = count(at - BEFORE_MINUTES, at);
            let (e, before_e) = if counted && before_all > 0 {
                (all as f64, before_all as f64)
            } else {
                (minutes(at + 1, end), minutes(at - BEFORE_MINUTES, at))
            };
            let times = (k as f64 / e) / ((before_k as f64 + 1.0) / before_e);
            let sure = evidence(k as f64, e, before_k as f64, before_e) >= EVIDENCE_MIN;
            (sure && times >= 2.0 && seen_in >= MINUTES_MIN).then_some((p, times))
        })
        .collect();

    let what = line(&words(&deploy.what), 80);
    let mut f = Finding::of(RULE.name, format!("deploy {}", deploy.id), "Bad deploy");
    f.onset = deploy.at;
    f.title = Some(what.clone());
    // Requests are counted by minute: that of the deploy began before it.
    let from = seconds(Time(at * MINUTE_US));
    let from = from.get(11..16).unwrap_or_default();
    f.figures = vec![
        Figure::new(
            &format!("requests since {from}"),
            if counted { all.to_string() } else { "not counted".into() },
        ),
        Figure::new(
            &format!("failing since {from}"),
            format!(
                "{failed}{}",
                if counted { format!(", {}", percent(share(failed, all))) } else { String::new() }
            ),
        ),
    ];
    if before_well > 0 {
        f.figures.push(Figure::new(
            "failing in the three hours before",
            percent(share(before_failed, before_all)),
        ));
    }
    if !brought.is_empty() || !multiplied.is_empty() {
        let mut why = Vec::new();
        if !brought.is_empty() {
            why.push(format!(
                "{} new problem{} began after it",
                brought.len(),
                if brought.len() == 1 { "" } else { "s" }
            ));
        }
        for (p, times) in multiplied.iter().take(3) {
            why.push(format!(
                "\"{}\" fails {times:.0} times as often as before",
                crate::notice::title(&p.row.title)
            ));
        }
        f.why = format!("{}.", why.join("; "));
        f.members = brought
            .iter()
            .copied()
            .chain(multiplied.iter().map(|(p, _)| *p))
            .map(|p| problem_subject(&p.row.id))
            .collect();
        return Some(f);
    }
    // What was bad does not become good by what is known of its problems later: they were resolved, or merged into others.
    if s.memory(&f.subject).is_some_and(|m| m.said.iter().any(|word| word == f.heading)) {
        return None;
    }
    f.severity = Severity::Info;
    f.settled = true;
    let age = (now - at).min(end - at);
    let expected = all as f64 * SHARE.max(share(before_failed, before_all));
    if age >= GOOD_MINUTES && counted && expected >= EXPECTED_MIN {
        f.heading = "Good deploy";
        f.why = format!("No problem began or grew in {age} minutes and {all} requests.");
        return Some(f);
    }
    let over = now >= at + AFTER_MINUTES || next.is_some_and(|d| s.now >= d.at);
    if over {
        f.heading = "Undecided deploy";
        let reason = if next.is_some() && age < AFTER_MINUTES {
            format!("the next deploy came after {age} minutes and {all} requests")
        } else if counted {
            format!("only {all} requests came in {age} minutes")
        } else {
            "nobody counts requests that go well: transactions, sessions or an access log would".to_owned()
        };
        f.why = format!("No problem began or grew, but {reason}.");
        return Some(f);
    }
    None
}

/// It began after the deploy, and nothing else set it off.
fn begun_by(p: &Failing, deploy: &Deploy, end: i64) -> bool {
    let first = p.row.first_seen;
    let other = matches!(p.row.trigger.as_deref(), Some("dependency" | "traffic" | "config-change" | "data"));
    // What fails in another service may come of it, but has to be known to.
    let elsewhere = !p.service.is_empty() && part(&deploy.what, "service").is_some_and(|s| s != p.service);
    let known = p.row.trigger.as_deref() == Some("deploy");
    first >= deploy.at && minute_of(first) < end && !other && (known || !elsewhere)
}

/// A part of what a mark says: of `release=3.8.0 service=shop` the service.
fn part<'a>(what: &'a str, name: &str) -> Option<&'a str> {
    what.split(' ').find_map(|w| w.strip_prefix(name)?.strip_prefix('='))
}

/// `release=3.8.0 environment=production` as people say it: `3.8.0 (production)`.
fn words(what: &str) -> String {
    let part = |name: &str| part(what, name);
    match part("release") {
        Some(release) => {
            let service = part("service").map(|s| format!("{s} ")).unwrap_or_default();
            let place = part("environment").map(|e| format!(" ({e})")).unwrap_or_default();
            format!("{service}{release}{place}")
        }
        None => what.to_owned(),
    }
}
