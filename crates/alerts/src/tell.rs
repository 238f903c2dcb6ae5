//! One message per problem: what of the rules' findings is told, to whom, and what is remembered of it.
//!
//! - What a rule said of an open alert it does not say again, but for a rate that has doubled since.
//! - Problems that begin together are one message: that of the deploy which brought them, of the dependency that died, or of the
//!   problem that was told of first. The others are named in it.
//! - Figures that change are edited into the message where the channel can; nobody is woken by them.
//! - Over is told once, when all that the message names is over.

use crate::notice::{
    About, Event, Figure, MEMBERS_MAX, Member, Notice, Project, Severity, seconds, span, title,
};
use crate::rules::{Finding, MINUTE_US, Over, REGRESSED, Situation, minute_of, over, problem_of};
use record::{SECOND, Time};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use store::{Failing, State};

/// Problems that begin within so long of each other began together: a dead dependency is felt on all routes within minutes.
const TOGETHER_US: i64 = 5 * MINUTE_US;
/// From so many on they are one message. Two may be chance, and two messages are read.
const TOGETHER_MIN: usize = 3;
/// Without a failure for so long, it had stopped when another began.
const STILL_US: i64 = 10 * SECOND;
/// It goes on so much longer than what it began together with: it does not come of that.
const OUTLIVES_US: i64 = 2 * MINUTE_US;
/// Between two edits of a message for its figures alone.
const EDIT_US: i64 = 5 * MINUTE_US;
/// … and for problems that joined.
const JOIN_US: i64 = 15 * SECOND;
/// Failures that have become so many times as many as when it was told, …
const MUCH_TIMES: u64 = 10;
/// … and so many more, are told anew.
const MUCH_MORE: u64 = 100;
/// That a rule still finds something is noted so often: noting writes.
const NOTED_US: i64 = MINUTE_US;
/// Comings and goings that are remembered.
const RETURNS_MAX: u32 = 16;

/// What is remembered of an alert.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// It is not over.
    pub open: bool,
    /// Since when it is open, or was last.
    pub since: Time,
    /// When it was over last.
    pub closed: Option<Time>,
    /// What was said since it is open: rules, and of a deploy its verdicts.
    pub said: Vec<String>,
    /// How often it came back after it was over.
    pub returns: u32,
    /// The regression that was told of last: the instant of its state.
    pub regressed: i64,
    /// Failures when it was told last.
    pub count: u64,
    /// Failures a minute as `growth` said them last.
    pub rate: f64,
    /// When it was told last.
    pub told: Time,
    /// When a rule last found it.
    pub found: Time,
    /// The subject whose message names it.
    pub lead: Option<String>,
    /// Problems named in its message when it was told last.
    pub named: usize,
    /// The rule that spoke last.
    pub rule: String,
    /// The gravest that was said.
    pub severity: Severity,
    /// Its title, for an alert about no single problem.
    pub title: Option<String>,
}

/// Who hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// All channels that want it.
    All,
    /// Only what disturbs nobody: messages that can be edited, incidents and issues that can be closed.
    Quiet,
}

/// What is decided about an alert.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// What it is about.
    pub subject: String,
    /// What is told; `None`: it is only remembered.
    pub event: Option<Event>,
    /// Who hears it.
    pub audience: Audience,
    /// What is remembered from now on.
    pub memory: Memory,
    /// `New problem`
    pub heading: String,
    /// One sentence.
    pub why: String,
    /// What the rules looked at.
    pub figures: Vec<Figure>,
    /// Other problems that the message names, most failures first.
    pub members: Vec<Member>,
    /// The problem whose verdict is shown.
    pub shows: Option<String>,
}

impl Decision {
    /// The notice. `about`: the verdict on [`Decision::shows`].
    pub fn notice(&self, now: Time, project: &Project, about: Option<About>, link: Option<String>) -> Notice {
        let named = self.members.iter().take(MEMBERS_MAX).cloned().collect();
        let own = self.memory.title.as_deref().map(title);
        Notice {
            key: key(project.id, &self.subject),
            event: self.event.unwrap_or(Event::Updated),
            rule: self.memory.rule.clone(),
            severity: self.memory.severity,
            heading: self.heading.clone(),
            title: own.or_else(|| about.as_ref().map(|a| a.title.clone())).unwrap_or_default(),
            why: self.why.clone(),
            since: seconds(self.memory.since),
            at: seconds(now),
            project: project.clone(),
            problem: about,
            figures: self.figures.clone(),
            members: named,
            more_members: self.members.len().saturating_sub(MEMBERS_MAX) as u64,
            link,
            trial: false,
        }
    }
}

/// Names an alert for other systems: at most 512 bytes of plain letters (Opsgenie's alias; PagerDuty's `dedup_key` has 255).
fn key(project: i64, subject: &str) -> String {
    let plain: String =
        subject.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(200).collect();
    // Two services may read the same in plain letters.
    let odd = subject.chars().any(|c| !(c.is_ascii_alphanumeric() || c == ' '));
    let mark = if odd { format!("-{:08x}", fnv(subject)) } else { String::new() };
    format!("why500-{project}-{plain}{mark}")
}

/// FNV-1a, 32 bits.
fn fnv(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193))
}

/// Decides what is told of a situation. Nothing comes of the same situation twice, once what was decided is remembered.
pub fn decide(s: &Situation<'_>) -> Vec<Decision> {
    let mut round = Round::new(s);
    let mut subjects: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
    for f in s.findings() {
        subjects.entry(f.subject.clone()).or_default().push(f);
    }
    for (subject, findings) in &subjects {
        round.hear(subject, findings);
    }
    round.group(&subjects);
    round.outlive();
    round.name_members();
    round.close(&subjects);
    round.edit();
    for subject in subjects.keys() {
        round.note(subject);
    }
    round.decisions.into_values().collect()
}

/// What is decided in one look.
struct Round<'a> {
    s: &'a Situation<'a>,
    problems: BTreeMap<&'a str, &'a Failing>,
    decisions: BTreeMap<String, Decision>,
}

impl<'a> Round<'a> {
    fn new(s: &'a Situation<'a>) -> Round<'a> {
        let problems = s.problems.iter().map(|p| (p.row.id.as_str(), p)).collect();
        Round { s, problems, decisions: BTreeMap::new() }
    }

    fn problem(&self, subject: &str) -> Option<&'a Failing> {
        self.problems.get(problem_of(subject)?).copied()
    }

    fn remembered(&self, subject: &str) -> Memory {
        self.s.known.get(subject).cloned().unwrap_or_default()
    }

    /// What of the findings about a subject was not said before.
    fn hear(&mut self, subject: &str, findings: &[Finding]) {
        let mut memory = self.remembered(subject);
        let once = problem_of(subject).is_none() && !subject.starts_with("budget ");
        let fresh: Vec<&Finding> = findings
            .iter()
            .filter(|f| {
                let said = memory.said.iter().any(|w| w == word(f));
                let doubled = f.rate.is_some_and(|r| r >= 2.0 * memory.rate);
                if memory.open { !said || (doubled && memory.rate > 0.0) } else { !once || !said }
            })
            .collect();
        // The gravest speaks; of two as grave the later in the table.
        let Some(speaker) = fresh.iter().copied().max_by_key(|f| f.severity) else { return };
        let event = if memory.open { Event::Escalated } else { Event::Opened };
        let now = self.s.now;
        if !memory.open {
            let back = memory.closed.is_some() && !once;
            memory.returns = if back { (memory.returns + 1).min(RETURNS_MAX) } else { 0 };
            // What is back began when it came back, though nobody was told of it before.
            let back = fresh.iter().find(|f| f.rule == REGRESSED).map(|f| f.onset);
            memory.since = back.or_else(|| fresh.iter().map(|f| f.onset).min()).unwrap_or(now);
            memory.severity = Severity::Info;
            memory.lead = None;
            memory.named = 0;
            if !once {
                memory.said.clear();
            }
        }
        // What is worse than before has to be heard, whichever message named it so far.
        if speaker.severity > memory.severity && memory.open {
            memory.lead = None;
        }
        memory.open = !speaker.settled;
        memory.closed = if speaker.settled { Some(now) } else { memory.closed };
        memory.severity =
            if speaker.settled { speaker.severity } else { memory.severity.max(speaker.severity) };
        memory.rule = speaker.rule.to_owned();
        memory.title = speaker.title.clone();
        memory.found = now;
        memory.told = now;
        for f in &fresh {
            if !memory.said.iter().any(|w| w == word(f)) {
                memory.said.push(word(f).to_owned());
            }
            memory.rate = f.rate.unwrap_or(memory.rate);
        }
        let problem = self.problem(subject);
        if let Some(p) = problem {
            memory.count = p.row.count;
            if p.row.state == State::Regressed {
                memory.regressed = p.row.state_at.0;
            }
        }
        let mut whys = vec![speaker.why.as_str()];
        whys.extend(fresh.iter().filter(|f| f.rule != speaker.rule).map(|f| f.why.as_str()));
        let decision = Decision {
            subject: subject.to_owned(),
            event: Some(event),
            audience: Audience::All,
            memory,
            heading: speaker.heading.to_owned(),
            why: whys.join(" "),
            figures: fresh.iter().flat_map(|f| f.figures.iter().cloned()).collect(),
            members: Vec::new(),
            shows: problem.map(|p| p.row.id.clone()),
        };
        self.decisions.insert(subject.to_owned(), decision);
    }

    /// Puts together what began together.
    fn group(&mut self, subjects: &BTreeMap<String, Vec<Finding>>) {
        // What a deploy brought.
        let deploys: Vec<(String, Vec<String>)> = subjects
            .iter()
            .flat_map(|(subject, list)| list.iter().map(move |f| (subject, f)))
            .filter(|(_, f)| !f.members.is_empty())
            .map(|(subject, f)| (subject.clone(), f.members.clone()))
            .collect();
        for (lead, members) in deploys {
            for member in &members {
                self.join(member, &lead);
            }
            if let Some(d) = self.decisions.get_mut(&lead) {
                d.shows = members.first().and_then(|m| problem_of(m)).map(str::to_owned);
            }
        }
        let opening: Vec<String> = self
            .decisions
            .values()
            .filter(|d| d.event == Some(Event::Opened) && d.memory.lead.is_none() && d.shows.is_some())
            .filter(|d| problem_of(&d.subject).is_some() && !self.is_set_up(&d.subject))
            .map(|d| d.subject.clone())
            .collect();
        let open: Vec<String> = self
            .s
            .known
            .iter()
            .filter(|(subject, m)| {
                m.open
                    && m.lead.is_none()
                    && problem_of(subject).is_some()
                    && !self.decisions.contains_key(*subject)
            })
            .map(|(subject, _)| subject.clone())
            .collect();
        let Some(latest) = opening.iter().map(|o| self.since(o)).max() else { return };
        let together = |this: &Self, subject: &String| latest.since(this.since(subject)).abs() <= TOGETHER_US;
        // What begins after something else has stopped does not come from it.
        let fails_still = |this: &Self, subject: &String| {
            this.problem(subject).is_some_and(|p| p.row.last_seen.plus(STILL_US) >= latest)
        };
        let open: Vec<String> =
            open.into_iter().filter(|o| together(self, o) && fails_still(self, o)).collect();
        let opening: Vec<String> = opening.into_iter().filter(|o| together(self, o)).collect();
        let led: usize = open.iter().map(|o| self.led_by(o).count()).sum();
        if open.len() + opening.len() + led < TOGETHER_MIN {
            return;
        }
        let outside = |subject: &String| self.is_outside(subject);
        // Whoever was told of already leads on. But a dependency that died has to be heard of, and is what the others come from.
        let told = !open.is_empty() && (open.iter().any(outside) || !opening.iter().any(outside));
        let among = if told { &open } else { &opening };
        let weight = |subject: &String| {
            let count = self.problem(subject).map_or(0, |p| p.row.count);
            (outside(subject), self.led_by(subject).count(), count)
        };
        let Some(lead) = among.iter().max_by_key(|s| weight(s)).cloned() else { return };
        let mut joined = 0;
        for subject in &opening {
            joined += usize::from((!told || self.may_come_of(subject, &lead)) && self.join(subject, &lead));
        }
        if told && joined > 0 {
            self.tell_many(&lead, joined);
        }
    }

    /// Is something else to blame than the code?
    fn is_outside(&self, subject: &str) -> bool {
        let class = self.problem(subject).map_or("", |p| p.row.class.as_str());
        matches!(class, "database" | "upstream" | "resource")
    }

    /// May what begins come of what was told? A dependency of its own that dies does only while the other fails as much: a restart
    /// now and then would swallow whatever begins after it.
    fn may_come_of(&self, subject: &str, lead: &str) -> bool {
        let (Some(new), Some(lead)) = (self.problem(subject), self.problem(lead)) else { return true };
        let same = new.row.culprit.is_some() && new.row.culprit == lead.row.culprit;
        !self.is_outside(subject) || same || self.recent(lead) >= self.recent(new)
    }

    /// Failures of this minute and the last.
    fn recent(&self, p: &Failing) -> u64 {
        let from = minute_of(self.s.now) - 1;
        p.minutes.iter().filter(|(m, _)| *m >= from).map(|(_, n)| n).sum()
    }

    /// What another's message names and goes on when that one has stopped is told by its own name.
    fn outlive(&mut self) {
        let led = self.s.known.iter().filter(|(s, m)| m.open && !self.decisions.contains_key(*s));
        let mut told = Vec::new();
        for (subject, before) in led {
            let Some(lead) = before.lead.as_deref().and_then(|l| self.problem(l)) else { continue };
            let Some(p) = self.problem(subject) else { continue };
            if p.row.last_seen.since(lead.row.last_seen) < OUTLIVES_US || self.recent(p) == 0 {
                continue;
            }
            let mut memory = before.clone();
            (memory.lead, memory.told, memory.count) = (None, self.s.now, p.row.count);
            told.push(Decision {
                subject: subject.clone(),
                event: Some(Event::Opened),
                audience: Audience::All,
                heading: "Going on".to_owned(),
                why: format!(
                    "It began together with \"{}\", and goes on though that has stopped.",
                    title(&lead.row.title)
                ),
                figures: Vec::new(),
                members: Vec::new(),
                shows: Some(p.row.id.clone()),
                memory,
            });
        }
        for d in told {
            self.decisions.insert(d.subject.clone(), d);
        }
    }

    /// A setting does not go missing because something else fails: such a problem is told of for itself.
    fn is_set_up(&self, subject: &str) -> bool {
        self.problem(subject).is_some_and(|p| p.row.class == "config")
    }

    /// A message that was told already names others from now on: that is said once, and edited from then on.
    fn tell_many(&mut self, lead: &str, joined: usize) {
        const MANY: &str = "many";
        let mut memory = self.remembered(lead);
        let Some(p) = self.problem(lead).filter(|_| !memory.said.iter().any(|w| w == MANY)) else { return };
        memory.said.push(MANY.to_owned());
        (memory.told, memory.count) = (self.s.now, p.row.count);
        let others =
            if joined == 1 { "1 other problem".to_owned() } else { format!("{joined} other problems") };
        let decision = Decision {
            subject: lead.to_owned(),
            event: Some(Event::Escalated),
            audience: Audience::All,
            heading: "Many at once".to_owned(),
            why: format!("{others} began together with it."),
            figures: Vec::new(),
            members: Vec::new(),
            shows: Some(p.row.id.clone()),
            memory,
        };
        self.decisions.insert(lead.to_owned(), decision);
    }

    fn since(&self, subject: &str) -> Time {
        self.decisions.get(subject).map_or_else(|| self.remembered(subject).since, |d| d.memory.since)
    }

    /// A problem that is just opening is told of in another's message. What burns the budget speaks for itself.
    fn join(&mut self, subject: &str, lead: &str) -> bool {
        if subject == lead {
            return false;
        }
        if let Some(d) = self.decisions.get_mut(subject)
            && d.event == Some(Event::Opened)
            && d.memory.severity < Severity::Critical
        {
            d.event = None;
            d.memory.lead = Some(lead.to_owned());
            return true;
        }
        false
    }

    /// The open alerts that a message names, as they were before this look.
    fn led_by(&self, lead: &str) -> impl Iterator<Item = &'a String> {
        let lead = lead.to_owned();
        self.s
            .known
            .iter()
            .filter(move |(_, m)| m.open && m.lead.as_deref() == Some(&lead))
            .map(|(subject, _)| subject)
    }

    /// The problems that a message names, most failures first.
    fn members(&self, lead: &str) -> Vec<Member> {
        let now = self.decisions.values().filter(|d| d.memory.open && d.memory.lead.as_deref() == Some(lead));
        let mut subjects: BTreeSet<&str> = now.map(|d| d.subject.as_str()).collect();
        subjects.extend(self.led_by(lead).map(String::as_str).filter(|m| !self.decisions.contains_key(*m)));
        let shown = |m: &&str| self.problem(m);
        let mut members: Vec<Member> = subjects
            .iter()
            .filter_map(shown)
            .map(|p| Member { id: p.row.id.clone(), title: title(&p.row.title), count: p.row.count })
            .collect();
        members.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.id.cmp(&b.id)));
        members
    }

    fn name_members(&mut self) {
        let leads: Vec<String> =
            self.decisions.values().filter(|d| d.event.is_some()).map(|d| d.subject.clone()).collect();
        for lead in leads {
            let members = self.members(&lead);
            let Some(d) = self.decisions.get_mut(&lead) else { continue };
            d.memory.named = members.len();
            // The one whose verdict is shown is not named beside it.
            d.members = members.into_iter().filter(|m| d.shows.as_deref() != Some(&m.id)).collect();
        }
    }

    /// What is over.
    fn close(&mut self, subjects: &BTreeMap<String, Vec<Finding>>) {
        let open: Vec<(&String, &Memory)> =
            self.s.known.iter().filter(|(s, m)| m.open && !self.decisions.contains_key(*s)).collect();
        let ended: BTreeMap<&String, Over> = open
            .iter()
            .filter_map(|(subject, m)| {
                // A problem that is not there any more was let go of.
                let problem = self.problem(subject);
                if problem_of(subject).is_some() && problem.is_none() {
                    return Some((*subject, Over::Withdrawn(None)));
                }
                over(self.s, problem, m, subjects.contains_key(*subject)).map(|why| (*subject, why))
            })
            .collect();
        let mut closing: Vec<Decision> = Vec::new();
        for (subject, why) in &ended {
            let memory = self.remembered(subject);
            let members: Vec<&String> = self.led_by(subject).collect();
            let joined = self.decisions.values().any(|d| d.memory.lead.as_ref() == Some(*subject));
            let waits = joined || members.iter().any(|m| !ended.contains_key(*m));
            match why {
                Over::Silent(_) | Over::Calm if waits => continue,
                _ => {}
            }
            // Who was named by it and goes on has to speak for itself, once it fails again.
            for member in members.iter().filter(|m| !ended.contains_key(**m)) {
                closing.push(self.closed(member, &self.remembered(member), None));
            }
            closing.push(self.closed(subject, &memory, Some(why)));
        }
        for d in closing {
            self.decisions.insert(d.subject.clone(), d);
        }
    }

    /// `why`: of nothing that is told.
    fn closed(&self, subject: &str, before: &Memory, why: Option<&Over>) -> Decision {
        let now = self.s.now;
        let mut memory = before.clone();
        memory.open = false;
        memory.closed = Some(now);
        memory.told = now;
        let problem = self.problem(subject);
        let lasted = |until: Time| span(until.since(memory.since).max(SECOND));
        let all = if memory.named > 0 { " So are the others that it names." } else { "" };
        let (heading, words, audience) = match why {
            Some(Over::Silent(last)) => (
                "Recovered",
                format!("No failure since {}, after {} of failures.{all}", seconds(*last), lasted(*last)),
                Audience::All,
            ),
            Some(Over::Calm) => (
                "Recovered",
                format!("It is as it should be again, after {}.{all}", lasted(now)),
                Audience::All,
            ),
            Some(Over::Resolved) => ("Resolved", "It was resolved.".to_owned(), Audience::All),
            Some(Over::Muted) => ("Muted", "It was muted.".to_owned(), Audience::Quiet),
            Some(Over::Withdrawn(Some(other))) => {
                ("Withdrawn", format!("It turned out to be part of problem {other}."), Audience::Quiet)
            }
            Some(Over::Withdrawn(None)) | None => {
                ("Withdrawn", "It turned out to be none.".to_owned(), Audience::Quiet)
            }
        };
        // What another's message names ends with that message.
        let event = (why.is_some() && memory.lead.is_none()).then_some(Event::Closed);
        if matches!(why, Some(Over::Silent(_) | Over::Calm)) {
            memory.rule = "recovered".to_owned();
        }
        Decision {
            subject: subject.to_owned(),
            event,
            audience,
            heading: heading.to_owned(),
            why: words,
            figures: Vec::new(),
            members: self.members(subject),
            shows: problem.map(|p| p.row.id.clone()),
            memory,
        }
    }

    /// Messages whose figures changed much.
    fn edit(&mut self) {
        let open = self
            .s
            .known
            .iter()
            .filter(|(s, m)| m.open && m.lead.is_none() && !self.decisions.contains_key(*s));
        let mut edited = Vec::new();
        for (subject, before) in open {
            let members = self.members(subject);
            let problem = self.problem(subject);
            let count = problem.map_or(0, |p| p.row.count);
            let since = self.s.now.since(before.told);
            let more = count >= before.count.saturating_mul(2) && count > before.count && since >= EDIT_US;
            let joined = members.len() > before.named && since >= JOIN_US;
            // Told when two had failed, while hundreds do now: that is other news than it was.
            let much = count >= before.count.saturating_mul(MUCH_TIMES)
                && count >= before.count.saturating_add(MUCH_MORE)
                && since >= JOIN_US
                && problem_of(subject).is_some();
            if !more && !joined && !much {
                continue;
            }
            let mut memory = before.clone();
            (memory.count, memory.told, memory.named) = (count, self.s.now, members.len());
            let deploy = problem_of(subject).is_none();
            let shows = problem
                .map(|p| p.row.id.clone())
                .or_else(|| members.first().filter(|_| deploy).map(|m| m.id.clone()));
            edited.push(Decision {
                subject: subject.clone(),
                event: Some(if much { Event::Escalated } else { Event::Updated }),
                audience: if much { Audience::All } else { Audience::Quiet },
                heading: if much { "Much worse" } else { "Going on" }.to_owned(),
                why: if much {
                    format!("It failed {} times when it was told last, {count} times by now.", before.count)
                } else {
                    format!(
                        "Since {}, for {} so far.",
                        seconds(memory.since),
                        span(self.s.now.since(memory.since))
                    )
                },
                figures: Vec::new(),
                members: members.into_iter().filter(|m| shows.as_deref() != Some(&m.id)).collect(),
                shows,
                memory,
            });
        }
        for d in edited {
            self.decisions.insert(d.subject.clone(), d);
        }
    }

    /// Remembers that a rule still finds what is open.
    fn note(&mut self, subject: &str) {
        let now = self.s.now;
        if self.decisions.contains_key(subject) {
            return;
        }
        let mut memory = self.remembered(subject);
        if !memory.open || now.since(memory.found) < NOTED_US {
            return;
        }
        memory.found = now;
        let decision = Decision {
            subject: subject.to_owned(),
            event: None,
            audience: Audience::Quiet,
            memory,
            heading: String::new(),
            why: String::new(),
            figures: Vec::new(),
            members: Vec::new(),
            shows: None,
        };
        self.decisions.insert(subject.to_owned(), decision);
    }
}

/// What makes a finding the same as one that was said: of a deploy the verdict, else the rule.
fn word(f: &Finding) -> &str {
    if f.subject.starts_with("deploy ") { f.heading } else { f.rule }
}

/// Many notices that waited as one: a channel that was away for long is told once.
pub fn digest(notices: &[Notice]) -> Option<Notice> {
    let last = notices.last()?;
    let open = notices.iter().filter(|n| n.event != Event::Closed).count();
    let members = notices.iter().take(MEMBERS_MAX * 4).map(|n| Member {
        id: n.key.clone(),
        title: title(&n.headline()),
        count: n.problem.as_ref().map_or(0, |p| p.count),
    });
    Some(Notice {
        key: format!("why500-digest-{:08x}", fnv(&last.key)),
        event: Event::Opened,
        rule: "digest".to_owned(),
        severity: notices.iter().map(|n| n.severity).max().unwrap_or_default(),
        heading: "Meanwhile".to_owned(),
        title: format!("{} messages waited, {open} of what goes on", notices.len()),
        why: "They could not be sent as they came; the latest of each is here.".to_owned(),
        since: notices.first().map(|n| n.at.clone()).unwrap_or_default(),
        at: last.at.clone(),
        project: last.project.clone(),
        problem: None,
        figures: Vec::new(),
        members: members.collect(),
        more_members: notices.len().saturating_sub(MEMBERS_MAX * 4) as u64,
        link: None,
        trial: false,
    })
}
