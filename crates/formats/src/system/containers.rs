//! What container tools say of containers: compose's exits, `kubectl get events`, `kubectl describe`.
//!
//! ```text
//! web-1 exited with code 137
//! 3m12s       Warning   BackOff     pod/orders-7d4b9c5f66-x2k8p   Back-off restarting failed container
//!   Warning  Unhealthy  2m (x3 over 4m)  kubelet  Readiness probe failed: HTTP probe failed with statuscode: 503
//!     Last State:     Terminated
//!       Reason:       OOMKilled
//! ```
//!
//! Sources: docker/compose `pkg/compose/logs.go`, kubectl `get events` (LAST SEEN, TYPE, REASON, OBJECT,
//! MESSAGE) and `describe` (Type, Reason, Age, From, Message). Ages are relative to an unknown now: the
//! entries have no time.

use crate::{Context, Entry, LineFormat};
use record::{Level, Mark};

/// How a mark is made of what it is about.
type Marking = fn(String) -> Mark;

/// Reasons that kubelet and the scheduler give, with what they mark.
const REASONS: &[(&str, Marking)] = &[
    ("BackOff", Mark::Died),
    ("CrashLoopBackOff", Mark::Died),
    ("OOMKilling", Mark::Died),
    ("OOMKilled", Mark::Died),
    ("SystemOOM", Mark::Died),
    ("Evicted", Mark::Died),
    ("Failed", Mark::Died),
    ("Unhealthy", Mark::HealthDown),
    ("Killing", Mark::Stopped),
    ("Started", Mark::Started),
    ("ScalingReplicaSet", Mark::Deploy),
];

/// Compose and kubectl.
pub(super) struct Containers;

impl LineFormat for Containers {
    fn name(&self) -> &'static str {
        "container events"
    }

    fn read<'a>(&self, line: &'a str, _context: &Context) -> Option<Entry<'a>> {
        exited(line).or_else(|| event(line)).or_else(|| reason(line))
    }
}

/// `web-1 exited with code 137`, `shop-web-1 exited with code 1 (restarting)`.
fn exited(line: &str) -> Option<Entry<'_>> {
    let (name, rest) = line.split_once(" exited with code ")?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let code = rest.get(..digits)?;
    if name.contains(' ') || name.is_empty() || !matches!(rest.get(digits..), Some("" | " (restarting)")) {
        return None;
    }
    let what = format!("{name} exited with code {code}");
    let (level, mark) = match code {
        "0" | "130" | "143" => (Level::Info, Mark::Stopped(what)),
        _ => (Level::Error, Mark::Died(what)),
    };
    Some(Entry {
        level,
        service: Some(name.into()),
        message: line.into(),
        mark: Some(mark),
        closed: true,
        ..Entry::default()
    })
}

/// A row of `kubectl get events` or of `kubectl describe`.
fn event(line: &str) -> Option<Entry<'_>> {
    let mut words = line.split_whitespace();
    let first = words.next()?;
    let (kind, reason) = match first {
        "Warning" | "Normal" => (first, words.next()?),
        _ if is_age(first) => (words.next().filter(|w| matches!(*w, "Warning" | "Normal"))?, words.next()?),
        _ => return None,
    };
    let reason_known = REASONS.iter().find(|(r, _)| *r == reason);
    // "Warning message …" of other programs: the reason is one capitalised word, a kind/name or an age
    // follows.
    let object = words.next()?;
    let shaped = object.contains('/') || is_age(object) || object == "<unknown>" || object == "(combined";
    if !reason.starts_with(|c: char| c.is_ascii_uppercase()) || !shaped {
        return None;
    }
    let level = if kind == "Warning" { Level::Warn } else { Level::Info };
    let service = object.split_once('/').map(|(_, name)| name).filter(|n| !n.is_empty());
    let what: String = match service {
        Some(name) => format!("{name} {reason}"),
        None => reason.to_owned(),
    };
    let mark = reason_known.map(|(_, mark)| mark(what));
    Some(Entry {
        level,
        service: service.map(Into::into),
        message: line.trim().into(),
        mark,
        closed: true,
        ..Entry::default()
    })
}

/// `Reason:       OOMKilled` under "Last State".
fn reason(line: &str) -> Option<Entry<'_>> {
    let value = line.trim_start().strip_prefix("Reason:")?.trim();
    matches!(value, "OOMKilled" | "CrashLoopBackOff" | "Error" | "ContainerCannotRun" | "Evicted").then(
        || Entry {
            level: Level::Error,
            message: line.trim().into(),
            mark: Some(Mark::Died(value.to_owned())),
            ..Entry::default()
        },
    )
}

/// `3m12s`, `45s`, `2d`, `4h5m`.
fn is_age(text: &str) -> bool {
    text.len() <= 8
        && text.bytes().next().is_some_and(|c| c.is_ascii_digit())
        && text.ends_with(['s', 'm', 'h', 'd', 'y'])
        && text.bytes().all(|c| c.is_ascii_digit() || matches!(c, b's' | b'm' | b'h' | b'd' | b'y'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(Level, Option<Mark>)> {
        Containers.read(line, &Context::default()).map(|e| (e.level, e.mark))
    }

    #[test]
    fn exits_and_events() {
        assert_eq!(
            read("web-1 exited with code 137"),
            Some((Level::Error, Some(Mark::Died("web-1 exited with code 137".into()))))
        );
        assert_eq!(
            read("web-1 exited with code 0").unwrap().1,
            Some(Mark::Stopped("web-1 exited with code 0".into()))
        );
        assert_eq!(
            read("3m12s       Warning   BackOff     pod/orders-x2k8p   Back-off restarting failed container"),
            Some((Level::Warn, Some(Mark::Died("orders-x2k8p BackOff".into()))))
        );
        assert_eq!(
            read("  Warning  Unhealthy  2m (x3 over 4m)  kubelet  Readiness probe failed: statuscode: 503"),
            Some((Level::Warn, Some(Mark::HealthDown("Unhealthy".into()))))
        );
        assert_eq!(
            read("      Reason:       OOMKilled"),
            Some((Level::Error, Some(Mark::Died("OOMKilled".into()))))
        );
    }

    #[test]
    fn others_are_refused() {
        for l in [
            "the worker exited with code 1",
            "Warning message here",
            "Warning: x",
            "Reason: because",
            "3m Warning x",
            "",
        ] {
            assert_eq!(read(l), None, "{l}");
        }
    }
}
