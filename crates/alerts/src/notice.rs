//! A notice: what is told of one alert, in words and figures, before any channel's markup.

use record::{SECOND, Time};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Characters of a title: what fits the headline of every channel (Opsgenie's is 130, with our own words before it).
const TITLE_CHARS_MAX: usize = 110;
/// Characters of a line of evidence, of a next step: a stack trace's first line, and no more.
const LINE_CHARS_MAX: usize = 300;
/// Members of a group that are named; the rest is counted.
pub const MEMBERS_MAX: usize = 5;

/// What happened to an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// It is told for the first time since it was over.
    Opened,
    /// It became worse, or is bad for one more reason.
    Escalated,
    /// Its figures changed. Only channels that can edit a message hear of it.
    Updated,
    /// It is over.
    Closed,
}

impl Event {
    /// The word as kept.
    pub fn name(self) -> &'static str {
        match self {
            Event::Opened => "opened",
            Event::Escalated => "escalated",
            Event::Updated => "updated",
            Event::Closed => "closed",
        }
    }

    /// The event of that name.
    pub fn parse(name: &str) -> Option<Event> {
        [Event::Opened, Event::Escalated, Event::Updated, Event::Closed]
            .into_iter()
            .find(|e| e.name() == name)
    }
}

/// How much it matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    #[default]
    Info,
    /// To be looked at in working hours.
    Warning,
    /// It burns the budget: now.
    Critical,
}

impl Severity {
    /// The word as kept and shown.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }
}

/// A name with its number or text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figure {
    /// What it is.
    pub name: String,
    /// With its unit.
    pub value: String,
}

impl Figure {
    /// A figure.
    pub fn new(name: &str, value: impl Into<String>) -> Figure {
        Figure { name: name.to_owned(), value: value.into() }
    }
}

/// Another problem that the same message tells of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The problem's id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its failures.
    pub count: u64,
}

/// The project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
}

/// The verdict on the problem that the alert is about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// 16 hex digits.
    pub id: String,
    /// One line in plain words.
    pub title: String,
    /// The class's name.
    pub class: String,
    /// The cause's name.
    pub cause: String,
    /// The thing to look at.
    pub culprit: Option<String>,
    /// 0 to 1.
    pub confidence: f64,
    /// The verdict in one sentence.
    pub summary: Option<String>,
    /// The first record that shows the cause, with where it comes from: `nginx/error.log: …`.
    pub evidence: Option<String>,
    /// What set it off, with its instant: `deploy shop@3.8.0 at …`.
    pub trigger: Option<String>,
    /// What to do first.
    pub next_step: Option<String>,
    /// Failures in all.
    pub count: u64,
    /// Failures a minute lately.
    pub per_minute: f64,
    /// RFC 3339.
    pub first_seen: String,
    /// RFC 3339.
    pub last_seen: String,
    /// `GET /cart/{id}`, most failures first; three at most.
    pub routes: Vec<String>,
    /// Routes beside these.
    pub more_routes: u64,
    /// The service with most of the failures.
    pub service: Option<String>,
}

/// What is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// Names the alert for good, the same each time: `why500-1-problem-4f1d0c2b9a7e6d58`.
    pub key: String,
    /// What happened.
    pub event: Event,
    /// The rule that speaks.
    pub rule: String,
    /// How much it matters.
    pub severity: Severity,
    /// Some words before the title: `New problem`.
    pub heading: String,
    /// One line.
    pub title: String,
    /// Why it is told, in one sentence with figures.
    pub why: String,
    /// Since when the alert is open. RFC 3339.
    pub since: String,
    /// When this was found. RFC 3339.
    pub at: String,
    /// The project.
    pub project: Project,
    /// The verdict; none for an alert that is about no single problem.
    pub problem: Option<About>,
    /// What the rule looked at.
    pub figures: Vec<Figure>,
    /// Other problems that began together with it.
    pub members: Vec<Member>,
    /// Members beside these.
    pub more_members: u64,
    /// Where to see it all.
    pub link: Option<String>,
    /// It is only a trial: nothing failed.
    #[serde(default)]
    pub trial: bool,
}

/// A line of a message: what it is, and the words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is.
    pub label: &'static str,
    /// The words.
    pub text: String,
    /// A quotation, or a name as a program writes it.
    pub code: bool,
}

impl Notice {
    /// `New problem: connection to 10.0.0.5:5432 is refused`
    pub fn headline(&self) -> String {
        let trial = if self.trial { "[trial] " } else { "" };
        format!("{trial}{}: {}", self.heading, self.title)
    }

    /// All that stands below the headline and the sentence of why, in the order of worth.
    pub fn facts(&self) -> Vec<Fact> {
        let mut facts = Vec::new();
        let mut add = |label, text: String, code| facts.push(Fact { label, text, code });
        if let Some(p) = &self.problem {
            let sure = match p.confidence {
                c if c >= 0.8 => "",
                c if c >= 0.5 => ", likely",
                _ => ", a guess",
            };
            add("Cause", format!("{}/{}{sure}", p.class, p.cause), false);
            if let Some(culprit) = &p.culprit {
                add("Look at", culprit.clone(), true);
            }
            if let Some(evidence) = &p.evidence {
                add("Evidence", evidence.clone(), true);
            }
            if let Some(trigger) = &p.trigger {
                add("Set off by", trigger.clone(), false);
            }
            add("Failures", p.failures(), false);
            if let Some(routes) = p.where_seen() {
                add("Where", routes, true);
            }
            if let Some(step) = p.next_step.as_ref().filter(|_| self.event != Event::Closed) {
                add("Next", step.clone(), false);
            }
        }
        for figure in &self.figures {
            facts.push(Fact {
                label: "Figures",
                text: format!("{}: {}", figure.name, figure.value),
                code: false,
            });
        }
        for m in &self.members {
            facts.push(Fact {
                label: "Also",
                text: format!("{} ({} failures)", m.title, m.count),
                code: false,
            });
        }
        if self.more_members > 0 {
            facts.push(Fact {
                label: "Also",
                text: format!("{} more problems", self.more_members),
                code: false,
            });
        }
        if !self.project.name.is_empty() && self.project.name != "default" {
            facts.push(Fact { label: "Project", text: self.project.name.clone(), code: false });
        }
        facts
    }

    /// The whole as plain text, a fact a line.
    pub fn plain(&self) -> String {
        let mut text = self.why.clone();
        text.push('\n');
        for fact in self.facts() {
            text.push_str(&format!("\n{}: {}", fact.label, fact.text));
        }
        if let Some(link) = &self.link {
            text.push_str(&format!("\n\n{link}"));
        }
        text
    }
}

impl About {
    fn failures(&self) -> String {
        let rate = match self.per_minute {
            r if r >= 10.0 => format!(", {r:.0} a minute"),
            r if r >= 0.1 => format!(", {r:.1} a minute"),
            _ => String::new(),
        };
        format!("{}{rate}, first {}, last {}", self.count, self.first_seen, self.last_seen)
    }

    fn where_seen(&self) -> Option<String> {
        let mut routes = self.routes.join(", ");
        if self.more_routes > 0 {
            routes.push_str(&format!(" and {} more", self.more_routes));
        }
        match (&self.service, routes.is_empty()) {
            (Some(service), true) => Some(service.clone()),
            (Some(service), false) => Some(format!("{service}: {routes}")),
            (None, true) => None,
            (None, false) => Some(routes),
        }
    }
}

/// A text as it may be shown: one line, nothing that a terminal or a page obeys, not too long.
pub fn line(text: &str, chars_max: usize) -> String {
    let shown =
        record::scrub::visible(text.split_whitespace().collect::<Vec<_>>().join(" ").trim()).into_owned();
    cut(&shown, chars_max)
}

/// At most so many characters, the last of which says that something is missing.
pub fn cut(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(chars_max.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// A title as it may be shown.
pub fn title(text: &str) -> String {
    line(text, TITLE_CHARS_MAX)
}

/// The verdict on a problem: from its row and minutes, and the report's document as explained last (JSON).
pub fn about(failing: &store::Failing, document: &str, now: Time) -> About {
    let row = &failing.row;
    let doc: Value = serde_json::from_str(document).unwrap_or_default();
    let verdict = &doc["verdict"];
    let words = |v: &Value| v.as_str().filter(|s| !s.trim().is_empty()).map(|s| line(s, LINE_CHARS_MAX));
    let evidence = doc["evidence"].as_array().into_iter().flatten();
    let evidence = evidence.clone().find(|e| e["role"] == "cause").or_else(|| evidence.clone().next());
    let evidence = evidence.and_then(|e| {
        let text = e["text"].as_str()?;
        let source = e["source"].as_str().filter(|s| !s.is_empty());
        Some(line(&source.map_or(text.to_owned(), |s| format!("{s}: {text}")), LINE_CHARS_MAX))
    });
    let trigger = &verdict["trigger"];
    let trigger = trigger["kind"].as_str().filter(|k| *k != "none").map(|kind| {
        let what = trigger["what"].as_str().map(|w| format!(" {w}")).unwrap_or_default();
        let at = trigger["at"].as_str().map(|at| format!(" at {at}")).unwrap_or_default();
        line(&format!("{kind}{what}{at}"), LINE_CHARS_MAX)
    });
    let endpoints = doc["endpoints"].as_array().map_or(&[][..], Vec::as_slice);
    let routes = endpoints.iter().take(3).filter_map(|e| {
        let (method, route) = (e["method"].as_str().unwrap_or(""), e["route"].as_str()?);
        Some(line(format!("{method} {route}").trim(), LINE_CHARS_MAX))
    });
    About {
        id: row.id.clone(),
        title: title(&row.title),
        class: row.class.clone(),
        cause: row.cause.clone(),
        culprit: row.culprit.as_deref().map(|c| line(c, LINE_CHARS_MAX)),
        confidence: row.confidence,
        summary: words(&verdict["summary"]),
        evidence,
        trigger,
        next_step: words(&verdict["next_steps"][0]),
        count: row.count,
        per_minute: rate(failing, now),
        first_seen: seconds(row.first_seen),
        last_seen: seconds(row.last_seen),
        routes: routes.collect(),
        more_routes: endpoints.len().saturating_sub(3) as u64,
        service: Some(&failing.service).filter(|s| !s.is_empty()).map(|s| line(s, LINE_CHARS_MAX)),
    }
}

/// An instant to the second: fractions tell nobody anything in a message.
pub fn seconds(at: Time) -> String {
    Time::from_secs(at.secs()).to_string()
}

/// Failures a minute over the last ten minutes, or since the first.
fn rate(failing: &store::Failing, now: Time) -> f64 {
    const MINUTES: i64 = 10;
    let minute = |t: Time| t.0.div_euclid(60 * SECOND);
    let from = minute(now) - MINUTES + 1;
    let n: u64 = failing.minutes.iter().filter(|(m, _)| *m >= from).map(|(_, n)| n).sum();
    let span = (minute(now) - minute(failing.row.first_seen) + 1).clamp(1, MINUTES);
    n as f64 / span as f64
}

/// A length of time in words: `3 minutes`, `2 hours`.
pub fn span(us: i64) -> String {
    let words = |n: i64, unit: &str| format!("{n} {unit}{}", if n == 1 { "" } else { "s" });
    match us.max(0) / SECOND {
        s if s < 120 => words(s, "second"),
        s if s < 7_200 => words(s / 60, "minute"),
        s if s < 172_800 => words(s / 3_600, "hour"),
        s => words(s / 86_400, "day"),
    }
}

/// A share in percent, with as many digits as tell something.
pub fn percent(share: f64) -> String {
    match share * 100.0 {
        p if p >= 10.0 => format!("{p:.0} %"),
        p if p >= 0.995 => format!("{p:.1} %"),
        0.0 => "0 %".to_owned(),
        p if p >= 0.01 => format!("{p:.2} %"),
        _ => "under 0.01 %".to_owned(),
    }
}
