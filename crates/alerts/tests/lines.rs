//! Rules on time lines: what the store knows minute by minute, and what people are told of it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use alerts::notice::Project;
use alerts::rules::{MINUTE_US, problem_subject};
use alerts::{Audience, Decision, Deploy, Event, Loads, Memory, Objectives, Severity, Situation, decide};
use record::{SECOND, Time};
use std::collections::BTreeMap;
use store::{Failing, ProblemRow, State};

/// Minute 0 of each line.
const BEGIN: i64 = 29_931_840;

fn at(minute: i64) -> Time {
    Time((BEGIN + minute) * MINUTE_US)
}

/// A project on a line of time.
struct Line {
    now: i64,
    problems: BTreeMap<String, Failing>,
    loads: Loads,
    deploys: Vec<Deploy>,
    known: BTreeMap<String, Memory>,
    /// Minute, subject, what was told.
    told: Vec<(i64, String, Decision)>,
}

impl Line {
    fn new() -> Line {
        Line {
            now: 0,
            problems: BTreeMap::new(),
            loads: Loads::default(),
            deploys: Vec::new(),
            known: BTreeMap::new(),
            told: Vec::new(),
        }
    }

    fn fail(&mut self, id: &str, n: u64) {
        self.fail_as(id, n, "code", None);
    }

    fn fail_as(&mut self, id: &str, n: u64, class: &str, trigger: Option<&str>) {
        if n == 0 {
            return;
        }
        let (minute, now) = (BEGIN + self.now, at(self.now).plus(20 * SECOND));
        let p = self.problems.entry(id.to_owned()).or_insert_with(|| Failing {
            row: ProblemRow {
                project: 1,
                id: id.to_owned(),
                title: format!("{id} fails"),
                class: class.to_owned(),
                cause: "x".to_owned(),
                culprit: None,
                trigger: trigger.map(str::to_owned),
                confidence: 0.9,
                explained: now,
                count: 0,
                first_seen: now,
                last_seen: now,
                state: State::New,
                state_at: now,
                muted_until: None,
                muted_count: None,
                resolved_release: None,
                assigned: None,
                superseded_by: None,
            },
            minutes: Vec::new(),
            service: "shop".to_owned(),
            resolved_by: None,
        });
        p.row.count += n;
        p.row.last_seen = now;
        if p.row.state == State::Resolved {
            (p.row.state, p.row.state_at) = (State::Regressed, now);
        }
        match p.minutes.last_mut().filter(|(m, _)| *m == minute) {
            Some((_, all)) => *all += n,
            None => p.minutes.push((minute, n)),
        }
        let row = store::Load { service: "shop".to_owned(), minute, well: 0, failed: n };
        self.add(row);
    }

    fn add(&mut self, row: store::Load) {
        // What is put replaces nothing that lies before the minute after it.
        let mut loads = std::mem::take(&mut self.loads);
        loads.put(row.minute + 1, vec![row]);
        self.loads = loads;
    }

    fn requests(&mut self, well: u64) {
        let row = store::Load { service: "shop".to_owned(), minute: BEGIN + self.now, well, failed: 0 };
        self.add(row);
    }

    fn set(&mut self, id: &str, state: State) {
        let now = at(self.now).plus(30 * SECOND);
        let row = &mut self.problems.get_mut(id).unwrap().row;
        (row.state, row.state_at) = (state, now);
    }

    /// Looks at the end of the minute, twice: the second look must tell nothing.
    fn look(&mut self) {
        for again in [false, true] {
            let problems: Vec<Failing> = self.problems.values().cloned().collect();
            let objectives = Objectives::default();
            let decisions = decide(&Situation {
                now: at(self.now).plus(59 * SECOND),
                began: Time(0),
                problems: &problems,
                loads: &self.loads,
                deploys: &self.deploys,
                objectives: &objectives,
                known: &self.known,
            });
            for d in decisions {
                // As it is kept.
                let kept = serde_json::to_string(&d.memory).unwrap();
                self.known.insert(d.subject.clone(), serde_json::from_str(&kept).unwrap());
                if d.event.is_some() {
                    assert!(!again, "minute {}: told twice: {d:#?}", self.now);
                    self.told.push((self.now, d.subject.clone(), d));
                }
            }
        }
    }

    /// So many minutes, each with what happens in it.
    fn run(&mut self, minutes: i64, mut each: impl FnMut(&mut Line, i64)) {
        for _ in 0..minutes {
            let now = self.now;
            each(self, now);
            self.look();
            self.now += 1;
        }
    }

    /// What disturbed somebody: minute, subject, heading.
    fn heard(&self) -> Vec<(i64, &str, &str)> {
        let loud = self.told.iter().filter(|(.., d)| d.audience == Audience::All);
        loud.map(|(m, s, d)| (*m, s.as_str(), d.heading.as_str())).collect()
    }
}

#[test]
fn a_single_500_is_told_to_nobody() {
    let mut line = Line::new();
    line.run(300, |l, m| l.fail("a", u64::from(m == 5)));
    assert_eq!(line.heard(), []);
    // Nor is one that a client tries three times.
    line.run(300, |l, m| l.fail("b", if m == 305 { 3 } else { 0 }));
    assert_eq!(line.heard(), []);
}

#[test]
fn a_new_problem_is_told_once_it_came_again_and_once_it_is_over() {
    let mut line = Line::new();
    line.run(120, |l, m| l.fail("a", if (5..15).contains(&m) { 4 } else { 0 }));
    let heard = line.heard();
    assert_eq!(heard[0], (6, "problem a", "New problem"));
    assert_eq!((heard[1].1, heard[1].2, heard.len()), ("problem a", "Recovered", 2));
    // Five minutes are enough for one that failed four times a minute.
    assert!((19..=21).contains(&heard[1].0), "{heard:?}");
}

#[test]
fn what_comes_and_goes_is_believed_less_each_time() {
    let mut line = Line::new();
    // Fails for five minutes of each twenty, for eight hours.
    line.run(480, |l, m| l.fail("a", if m % 20 < 5 { 3 } else { 0 }));
    let heard = line.heard();
    assert!((3..=9).contains(&heard.len()), "{heard:?}");
    assert!(heard.last().unwrap().0 < 120, "{heard:?}");
}

#[test]
fn an_outage_is_one_message_that_names_the_dependency() {
    let mut line = Line::new();
    line.run(60, |l, m| {
        if (10..30).contains(&m) {
            for i in 0..40 {
                l.fail(&format!("route{i}"), 2);
            }
            l.fail_as("database", 30, "database", None);
        }
    });
    let heard = line.heard();
    assert!(heard.iter().all(|h| h.1 == "problem database"), "{heard:?}");
    assert_eq!(heard.iter().map(|h| h.2).collect::<Vec<_>>(), ["New problem", "Many at once", "Recovered"]);
    let (_, _, first) = &line.told[0];
    let late: usize = line.told.iter().map(|(_, _, d)| d.members.len()).max().unwrap();
    assert_eq!(late, 40, "{:?}", first.members);
    let project = Project { id: 1, name: "default".into() };
    let notice = line.told.last().unwrap().2.notice(at(40), &project, None, None);
    assert_eq!((notice.members.len(), notice.more_members), (5, 35));
}

#[test]
fn what_did_not_come_from_the_others_is_told_for_itself() {
    let mut line = Line::new();
    line.run(30, |l, m| {
        // Three short outages, one after the other, and meanwhile somebody loses a setting.
        for (i, id) in ["cache", "bank", "mail"].into_iter().enumerate() {
            if (10 + 2 * i as i64..12 + 2 * i as i64).contains(&m) {
                l.fail_as(id, 20, "upstream", None);
            }
        }
        if (14..16).contains(&m) {
            l.fail_as("setting", 20, "config", None);
        }
    });
    let new: Vec<_> = line.heard().into_iter().filter(|h| h.2 == "New problem").map(|h| h.1).collect();
    assert_eq!(new, ["problem cache", "problem bank", "problem mail", "problem setting"]);
    assert!(line.heard().iter().all(|h| h.2 != "Many at once"), "{:?}", line.heard());
}

/// A restart fails a little and again a little; what dies meanwhile is told by its own name.
#[test]
fn a_restart_now_and_then_swallows_nothing() {
    let mut line = Line::new();
    line.run(12, |l, now| {
        l.requests(2_400_000);
        if (2..=6).contains(&now) {
            l.fail_as("blip", 2, "upstream", None);
        }
        if (3..=6).contains(&now) {
            l.fail_as("other", 2, "code", None);
        }
        if now >= 5 {
            l.fail_as("disk", 12, "resource", None);
        }
    });
    let told: Vec<_> = line.heard();
    assert!(told.iter().any(|(_, s, what)| *s == "problem disk" && *what == "New problem"), "{told:?}");
}

/// It came back with two failures; minutes later all is down, which nobody would look for behind that message.
#[test]
fn what_becomes_ten_times_as_much_is_told_anew() {
    let mut line = Line::new();
    line.run(20, |l, now| {
        l.fail(
            "down",
            if now < 4 {
                3
            } else if now < 9 {
                1
            } else {
                100
            },
        );
    });
    let told: Vec<_> = line.heard();
    let worse: Vec<_> = told.iter().filter(|(.., what)| *what == "Much worse").collect();
    assert_eq!(worse.len(), 1, "{told:?}");
    assert!((9..=11).contains(&worse[0].0), "{told:?}");
}

/// Two others fail on when the one that was told of has stopped: they are told by name.
#[test]
fn what_goes_on_when_the_other_has_stopped_is_told() {
    let mut line = Line::new();
    line.run(12, |l, now| {
        l.requests(2_400_000);
        if (2..=6).contains(&now) {
            l.fail_as("db", 40, "database", None);
        }
        if now >= 3 {
            l.fail_as("one", 12, "code", None);
            l.fail_as("two", 12, "code", None);
        }
    });
    let told: Vec<_> = line.heard();
    let own = |id: &str| {
        told.iter().filter(|(_, s, what)| *s == format!("problem {id}") && *what == "Going on").count()
    };
    assert_eq!((own("one"), own("two")), (1, 1), "{told:?}");
}

#[test]
fn resolved_and_back_is_told_at_once() {
    let mut line = Line::new();
    line.run(10, |l, _| l.fail("a", 2));
    line.set("a", State::Resolved);
    line.problems.get_mut("a").unwrap().resolved_by = Some("ada".into());
    line.run(60, |l, m| l.fail("a", u64::from(m == 50)));
    let heard: Vec<_> = line.heard();
    assert_eq!(
        heard.iter().map(|h| h.2).collect::<Vec<_>>(),
        ["New problem", "Resolved", "Back again", "Recovered"]
    );
    assert_eq!(heard[2].0, 50);
    let why = &line.told.iter().find(|(m, ..)| *m == 50).unwrap().2.why;
    assert!(why.contains("resolved by ada"), "{why}");
}

#[test]
fn muted_problems_say_nothing_until_the_muting_ends() {
    let mut line = Line::new();
    line.run(10, |l, _| l.fail("a", 2));
    line.set("a", State::Muted);
    line.run(60, |l, _| l.fail("a", 50));
    assert_eq!(line.heard().len(), 1, "{:?}", line.heard());
    // What stands open elsewhere is closed all the same.
    let closed = line.told.iter().find(|(.., d)| d.event == Some(Event::Closed)).unwrap();
    assert_eq!((closed.2.audience, closed.2.heading.as_str()), (Audience::Quiet, "Muted"));
    line.set("a", State::Ongoing);
    line.run(10, |l, _| l.fail("a", 2));
    assert_eq!(line.heard().last().unwrap().2, "Back");
}

#[test]
fn a_problem_that_grows_is_told_in_the_same_alert() {
    let mut line = Line::new();
    line.run(400, |l, m| l.fail("a", if m < 300 { 1 } else { 9 }));
    let heard = line.heard();
    assert_eq!(heard[0].2, "New problem");
    assert_eq!((heard[1].1, heard[1].2), ("problem a", "Growing"));
    assert!((301..310).contains(&heard[1].0), "{heard:?}");
    assert_eq!(heard.len(), 2, "{heard:?}");
}

#[test]
fn a_burning_budget_speaks_in_the_message_of_its_problem() {
    let mut line = Line::new();
    line.run(120, |l, m| {
        l.requests(200);
        l.fail("a", if m >= 60 { 40 } else { 0 });
    });
    let heard = line.heard();
    assert!(heard.iter().all(|h| h.1 == "problem a"), "{heard:?}");
    let worst = line.told.iter().map(|(.., d)| d.memory.severity).max().unwrap();
    assert_eq!(worst, Severity::Critical);
    let critical = line.told.iter().find(|(.., d)| d.memory.severity == Severity::Critical).unwrap();
    assert!(critical.0 <= 64, "{}", critical.0);
    assert!(critical.2.why.contains("of shop's requests failed in the last hour"), "{}", critical.2.why);
}

/// One problem was over for ten minutes when something else began to burn: the message is not about the dead one.
#[test]
fn a_budget_names_no_problem_that_is_over() {
    let mut line = Line::new();
    line.run(60, |l, m| {
        l.requests(200);
        l.fail("dead", if (20..24).contains(&m) { 60 } else { 0 });
        l.fail("alive", if m >= 40 { 20 } else { 0 });
    });
    let late = line.told.iter().filter(|(m, _, d)| *m >= 40 && d.heading == "Budget burning");
    let about: Vec<&str> = late.map(|(_, subject, _)| subject.as_str()).collect();
    assert!(!about.is_empty() && about.iter().all(|s| *s != "problem dead"), "{about:?}");
}

#[test]
fn deploys_are_good_bad_or_undecided() {
    let deploy =
        |minute| Deploy { id: 7, at: at(minute), what: "release=3.8.0 environment=production".into() };
    let mut good = Line::new();
    good.deploys.push(deploy(200));
    good.run(320, |l, _| l.requests(50));
    assert_eq!(good.heard(), [(230, "deploy 7", "Good deploy")]);

    // Rolled back within a minute: what begins ten minutes later for certain data is neither's, nor what fails elsewhere.
    let mut back = Line::new();
    let named = |id, minute, what: &str| Deploy { id, at: at(minute), what: what.into() };
    back.deploys.push(named(7, 200, "release=3.8.0 service=stock"));
    back.deploys.push(named(8, 201, "release=3.7.0 service=stock"));
    back.run(320, |l, m| {
        l.requests(5_000);
        l.fail_as("a", if (211..230).contains(&m) { 2 } else { 0 }, "code", Some("data"));
        l.fail_as("b", if (240..250).contains(&m) { 2 } else { 0 }, "code", None);
    });
    let heard = back.heard();
    assert!(heard.iter().all(|h| h.2 != "Bad deploy"), "{heard:?}");
    assert!(
        ["problem a", "problem b"].iter().all(|p| heard.iter().any(|h| h.1 == *p && h.2 == "New problem"))
    );

    let mut undecided = Line::new();
    undecided.deploys.push(deploy(200));
    undecided.run(320, |_, _| {});
    assert_eq!(undecided.heard(), [(260, "deploy 7", "Undecided deploy")]);

    let mut bad = Line::new();
    bad.deploys.push(deploy(200));
    bad.run(320, |l, m| {
        l.requests(5_000);
        l.fail_as("a", if (203..230).contains(&m) { 2 } else { 0 }, "code", Some("deploy"));
    });
    let heard = bad.heard();
    // One message, though a new problem began: that of the deploy which brought it.
    assert_eq!(heard[0], (204, "deploy 7", "Bad deploy"));
    assert_eq!(heard.iter().map(|h| h.2).collect::<Vec<_>>(), ["Bad deploy", "Recovered"], "{heard:?}");
    let first = &bad.told[0].2;
    assert_eq!(first.shows.as_deref(), Some("a"));
    assert_eq!(first.memory.title.as_deref(), Some("3.8.0 (production)"));
    assert_eq!(bad.known[&problem_subject("a")].lead, Some("deploy 7".into()));

    let mut more = Line::new();
    more.deploys.push(deploy(200));
    more.run(320, |l, m| {
        l.requests(5_000);
        l.fail("a", if m < 200 { u64::from(m % 4 == 0) } else { 2 });
    });
    let bad = more.told.iter().find(|(_, s, _)| s == "deploy 7").unwrap();
    assert_eq!(bad.2.heading, "Bad deploy");
    assert!(bad.2.why.contains("times as often as before"), "{}", bad.2.why);
}

#[test]
fn a_verdict_that_was_revised_is_taken_back_without_noise() {
    let mut line = Line::new();
    line.run(10, |l, _| l.fail("a", 2));
    line.problems.get_mut("a").unwrap().row.superseded_by = Some("b".into());
    line.set("a", State::Superseded);
    line.run(3, |_, _| {});
    assert_eq!(line.heard().len(), 1);
    let last = &line.told.last().unwrap().2;
    assert_eq!((last.event, last.audience), (Some(Event::Closed), Audience::Quiet));
    assert!(last.why.contains("part of problem b"));
}
