//! DogStatsD: events, service checks and metrics, each a line in a datagram.
//!
//! ```text
//! _e{25,41}:Deployed storefront 4.8.1|release storefront@4.8.1\nby pipeline 311|d:1795505916|h:web-1|k:deploy|t:info|#event:deploy,version:4.8.1
//! _sc|storefront.db|2|h:web-1|#env:production|m:connection to 127.0.0.1:5999 refused
//! http.requests:1|c|#route:/cart/_id_,status:500
//! ```
//!
//! Source: <https://docs.datadoghq.com/developers/dogstatsd/datagram_shell/>. Metrics are counted and let go.

use crate::spans::dated;
use crate::thrown::head;
use crate::{Refusal, Session, Socket, Taken};
use record::{Level, Mark, Record, Request, Time, Zone};
use std::collections::HashMap;

/// Name of the format of its records.
const NAME: &str = "dogstatsd";
/// Bytes kept of an event's text; clients cut at 8 KiB.
const TEXT_BYTES_MAX: usize = 16 * 1024;
/// Checks whose last state is remembered, so that only a change is marked; some dozens are usual.
const CHECKS_MAX: usize = 1_024;
/// Tags kept of one line.
const TAGS_MAX: usize = 32;

/// The protocol.
pub(crate) struct DogStatsD;

impl Socket for DogStatsD {
    fn name(&self) -> &'static str {
        NAME
    }

    fn open(&self, _peer: &str) -> Box<dyn Session> {
        Box::new(Datagrams::default())
    }
}

/// All datagrams of a port, or a stream (`unixstream`) whose frames the server has taken apart.
#[derive(Default)]
struct Datagrams {
    /// The last status of each check, by name and host.
    checks: HashMap<String, u8>,
}

impl Session for Datagrams {
    fn push(&mut self, bytes: &[u8], _peer: &str, now: Time, taken: &mut Taken) -> Result<(), Refusal> {
        for line in bytes.split(|b| *b == b'\n').filter(|l| !l.trim_ascii().is_empty()) {
            let line = String::from_utf8_lossy(line);
            if line.starts_with("_e{") {
                match event(&line, now) {
                    Some(r) => {
                        taken.item("event");
                        taken.records.push(r);
                    }
                    None => taken.drop("broken DogStatsD event"),
                }
            } else if line.starts_with("_sc|") {
                match self.check(&line, now) {
                    Some(r) => {
                        taken.item("check");
                        taken.records.extend(r);
                    }
                    None => taken.drop("broken DogStatsD check"),
                }
            } else if is_metric(&line) {
                taken.item("metric");
            } else {
                taken.drop("DogStatsD line of no known kind");
            }
        }
        Ok(())
    }
}

/// `name:1|c`, `name:1:2:3|d|@0.5|#tags`.
fn is_metric(line: &str) -> bool {
    line.split_once(':').and_then(|(name, rest)| Some((name, rest.split('|').nth(1)?))).is_some_and(
        |(name, kind)| !name.is_empty() && matches!(kind.trim_end(), "c" | "g" | "ms" | "h" | "s" | "d"),
    )
}

/// What stands behind the text: `|d:…|h:…|p:…|t:…|#…`.
#[derive(Default)]
struct More<'a> {
    at: Option<Time>,
    host: Option<&'a str>,
    alert: &'a str,
    priority: &'a str,
    source: &'a str,
    key: &'a str,
    message: &'a str,
    tags: Vec<(&'a str, &'a str)>,
}

fn more(text: &str, now: Time) -> More<'_> {
    let mut m = More::default();
    let mut rest = text;
    while let Some(part) = rest.strip_prefix('|') {
        // A check's message comes last and may hold anything.
        let end = if part.starts_with("m:") { part.len() } else { part.find('|').unwrap_or(part.len()) };
        let (field, after) = part.split_at_checked(end).unwrap_or((part, ""));
        rest = after;
        if let Some(tags) = field.strip_prefix('#') {
            let pairs = tags.split(',').filter(|t| !t.is_empty());
            m.tags = pairs.take(TAGS_MAX).map(|t| t.split_once(':').unwrap_or((t, ""))).collect();
            continue;
        }
        match field.split_once(':') {
            Some(("d", s)) => {
                let ns = s.parse::<u64>().unwrap_or(0).saturating_mul(1_000_000_000);
                m.at = Some(dated(ns, now));
            }
            Some(("h", s)) => m.host = Some(s).filter(|s| !s.is_empty()),
            Some(("t", s)) => m.alert = s,
            Some(("p", s)) => m.priority = s,
            Some(("s", s)) => m.source = s,
            Some(("k", s)) => m.key = s,
            Some(("m", s)) => m.message = s,
            // `c:` container, `e:` external data, `T` timestamp, `card:`: of no matter here.
            _ => {}
        }
    }
    m
}

impl More<'_> {
    fn tag(&self, name: &str) -> Option<&str> {
        self.tags.iter().find(|(n, _)| *n == name).map(|(_, v)| *v).filter(|v| !v.is_empty())
    }

    fn record(&self, now: Time) -> Record {
        let mut r = Record {
            format: NAME,
            at: Some(self.at.unwrap_or(now)),
            zone: Zone::Stated,
            service: self.tag("service").map(str::to_owned),
            node: self.host.or(self.tag("host")).map(str::to_owned),
            ..Record::default()
        };
        let named = |n: &str| match n {
            "version" => "release".to_owned(),
            "env" => "environment".to_owned(),
            other => other.to_owned(),
        };
        r.fields = self.tags.iter().map(|(n, v)| (named(n), (*v).to_owned())).collect();
        let trace = self.tag("trace_id").or(self.tag("dd.trace_id"));
        r.request = trace.map(|t| Box::new(Request { trace: Some(t.to_owned()), ..Request::default() }));
        r
    }
}

/// `_e{title's bytes,text's bytes}:title|text…`
fn event(line: &str, now: Time) -> Option<Record> {
    let (lengths, rest) = line.strip_prefix("_e{")?.split_once("}:")?;
    let (title_bytes, text_bytes) = lengths.split_once(',')?;
    let (title_bytes, text_bytes): (usize, usize) =
        (title_bytes.trim().parse().ok()?, text_bytes.trim().parse().ok()?);
    // Some clients count characters, and a text that was no UTF-8 has other lengths now: then the bars decide.
    let (title, text, behind) = by_lengths(rest, title_bytes, text_bytes).or_else(|| by_bars(rest))?;
    let m = more(behind, now);
    let mut r = m.record(now);
    let title = title.replace("\\n", "\n");
    let text = text.replace("\\n", "\n");
    r.level = match m.alert {
        "error" => Level::Error,
        "warning" => Level::Warn,
        _ => Level::Info,
    };
    r.message =
        if text.trim().is_empty() || text == title { title.clone() } else { format!("{title}: {text}") };
    r.message.truncate(head(&r.message, TEXT_BYTES_MAX).len());
    r.text = crate::spans::first_line(&r.message);
    r.exceptions = formats::trace::read(&text).into();
    r.mark = deploy(&title, &m).or_else(|| formats::marks::mark(&title, r.service.as_deref())).map(Box::new);
    if r.request.is_none() && r.level.is_error() {
        r.request = formats::mention::request(&r.message)
            .map(|q| Box::new(Request { status: None, ..q.to_request() }));
    }
    Some(r)
}

fn by_lengths(rest: &str, title: usize, text: usize) -> Option<(&str, &str, &str)> {
    let (title, rest) = rest.split_at_checked(title)?;
    let (text, behind) = rest.strip_prefix('|')?.split_at_checked(text)?;
    (behind.is_empty() || behind.starts_with('|') || behind.trim().is_empty())
        .then_some((title, text, behind))
}

fn by_bars(rest: &str) -> Option<(&str, &str, &str)> {
    let (title, rest) = rest.split_once('|')?;
    let end = rest.find('|').unwrap_or(rest.len());
    let (text, behind) = rest.split_at_checked(end)?;
    Some((title, text, behind))
}

/// Does the event say that a release went out? By its tags (`event:deploy`), its source or key, or its title.
fn deploy(title: &str, m: &More<'_>) -> Option<Mark> {
    let says = |word: &str| {
        let word = word.to_ascii_lowercase();
        word.starts_with("deploy") || matches!(word.as_str(), "release" | "rollout" | "rollback")
    };
    let tagged = ["event", "event_type", "type", "kind", "action"].iter().filter_map(|n| m.tag(n)).any(says);
    let bare = m.tags.iter().any(|(n, v)| v.is_empty() && says(n));
    let low = title.to_ascii_lowercase();
    let titled = m.alert != "error"
        && (low.starts_with("deployed ")
            || low.starts_with("released ")
            || low.starts_with("deployment of ")
            || low.starts_with("deploy "));
    if !(tagged || bare || says(m.source) || says(m.key) || titled) {
        return None;
    }
    let what = match (m.tag("service"), m.tag("version").or(m.tag("release"))) {
        (Some(service), Some(version)) => format!("release={service}@{version}"),
        (None, Some(version)) => format!("release={version}"),
        _ => head(title, 200).to_owned(),
    };
    let back = low.contains("rollback") || low.contains("rolled back");
    Some(if back { Mark::Rollback(what) } else { Mark::Deploy(what) })
}

impl Datagrams {
    /// `_sc|name|status|…`: a record when the state changed for the worse or back, none while it stays.
    fn check(&mut self, line: &str, now: Time) -> Option<Option<Record>> {
        let rest = line.strip_prefix("_sc|")?;
        let (name, rest) = rest.split_once('|')?;
        let end = rest.find('|').unwrap_or(rest.len());
        let (status, behind) = rest.split_at_checked(end)?;
        let status: u8 = status.trim().parse().ok()?;
        let m = more(behind, now);
        let key = format!("{name}|{}", m.host.unwrap_or(""));
        let before = self.checks.get(&key).copied();
        if before.is_some() || self.checks.len() < CHECKS_MAX {
            self.checks.insert(key, status);
        }
        if before == Some(status) || before.is_none() && status == 0 {
            return Some(None);
        }
        let mut r = m.record(now);
        let (word, level) = match status {
            0 => ("ok", Level::Info),
            1 => ("warning", Level::Warn),
            2 => ("critical", Level::Error),
            _ => ("unknown", Level::Warn),
        };
        r.level = level;
        r.text = format!("{name} is {word}");
        if !m.message.is_empty() {
            r.text = format!("{}: {}", r.text, m.message.replace("\\n", "\n").replace("m\\:", "m:"));
        }
        r.message = head(&r.text, TEXT_BYTES_MAX).to_owned();
        r.text = crate::spans::first_line(&r.message);
        r.mark = match (status, before) {
            (2, _) => Some(Box::new(Mark::HealthDown(name.to_owned()))),
            (0, Some(2)) => Some(Box::new(Mark::HealthUp(name.to_owned()))),
            _ => None,
        };
        Some(Some(r))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time(1_795_505_917 * record::SECOND);

    fn take(session: &mut dyn Session, bytes: &[u8]) -> Taken {
        let mut taken = Taken::default();
        session.push(bytes, "127.0.0.1", NOW, &mut taken).unwrap();
        taken
    }

    #[test]
    fn a_deploy_is_marked() {
        let line = b"_e{25,41}:Deployed storefront 4.8.1|release storefront@4.8.1\\nby pipeline 311|d:1795505916|h:web-1|k:deploy|s:deploy|t:info|#event:deploy,team:shop,service:storefront,version:4.8.1\n";
        let taken = take(&mut *DogStatsD.open(""), line);
        let r = &taken.records[0];
        assert_eq!(r.mark.as_deref(), Some(&Mark::Deploy("release=storefront@4.8.1".into())));
        assert_eq!((r.at, r.node.as_deref()), (Some(Time::from_secs(1_795_505_916)), Some("web-1")));
    }

    #[test]
    fn an_error_is_a_record_and_metrics_are_counted() {
        let lines = b"_e{5,11}:boom!|a|b:c\\n#t:x|t:error|#service:shop\nhttp.requests:3|c|#env:production\nlatency:1:2:3|d|@0.5\n\nnonsense\n";
        let taken = take(&mut *DogStatsD.open(""), lines);
        assert_eq!((taken.items["metric"], taken.dropped.len()), (2, 1));
        assert_eq!(taken.records[0].message, "boom!: a|b:c\n#t:x");
        assert_eq!(taken.records[0].level, Level::Error);
    }

    #[test]
    fn checks_are_marked_when_they_change() {
        let mut s = DogStatsD.open("");
        assert!(take(&mut *s, b"_sc|shop.db|0|h:web-1").records.is_empty());
        let red =
            take(&mut *s, b"_sc|shop.db|2|h:web-1|#env:prod|m:connection to 10.0.0.5:5432 refused | twice");
        assert_eq!(red.records[0].mark.as_deref(), Some(&Mark::HealthDown("shop.db".into())));
        assert_eq!(
            red.records[0].message,
            "shop.db is critical: connection to 10.0.0.5:5432 refused | twice"
        );
        assert!(take(&mut *s, b"_sc|shop.db|2|h:web-1").records.is_empty());
        assert_eq!(
            take(&mut *s, b"_sc|shop.db|0|h:web-1").records[0].mark.as_deref(),
            Some(&Mark::HealthUp("shop.db".into()))
        );
    }

    #[test]
    fn hostile_lines() {
        let mut s = DogStatsD.open("");
        for line in [
            &b"_e{99999999999999999999,1}:a|b"[..],
            b"_e{18446744073709551615,18446744073709551615}:a|b",
            b"_e{2,1}:\xff\xff|b",
            b"_e{1,1}:\xc3\xa4|b",
            b"_e{",
            b"_e{1,1}",
            b"_sc|",
            b"_sc|a|",
            b"_sc|a|999",
            b"_sc|a|2|m:",
            b"|#|#|",
            b":|c",
            b"_e{0,0}:||d:-1|d:99999999999999999999|#,,:,",
        ] {
            take(&mut *s, line);
        }
    }
}
