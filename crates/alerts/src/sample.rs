//! A notice as it might be, for trials of a channel.

use crate::notice::{About, Event, Member, Notice, Project, Severity, seconds};
use record::{SECOND, Time};

/// A trial's notice: what is told of a database that refuses connections, marked as a trial.
pub fn notice(now: Time, link: Option<String>) -> Notice {
    let first = now.plus(-180 * SECOND);
    Notice {
        key: format!("why500-trial-{}", now.secs()),
        event: Event::Opened,
        rule: "new".to_owned(),
        severity: Severity::Warning,
        heading: "New problem".to_owned(),
        title: "the database at 10.0.0.5:5432 refuses connections".to_owned(),
        why: "It failed 214 times in 3 minutes. This is a trial: nothing failed.".to_owned(),
        since: seconds(first),
        at: seconds(now),
        project: Project { id: 1, name: "default".to_owned() },
        problem: Some(About {
            id: "0000000000000500".to_owned(),
            title: "the database at 10.0.0.5:5432 refuses connections".to_owned(),
            class: "database".to_owned(),
            cause: "connection-refused".to_owned(),
            culprit: Some("10.0.0.5:5432".to_owned()),
            confidence: 0.9,
            summary: Some("Nothing listens at 10.0.0.5:5432.".to_owned()),
            evidence: Some(
                "app.log: connection to server at \"10.0.0.5\", port 5432 failed: Connection refused"
                    .to_owned(),
            ),
            trigger: Some(format!("dependency postgres stopped at {}", seconds(first))),
            next_step: Some("Look whether the database runs: systemctl status postgresql".to_owned()),
            count: 214,
            per_minute: 71.0,
            first_seen: seconds(first),
            last_seen: seconds(now),
            routes: vec!["GET /cart/{id}".to_owned(), "POST /orders".to_owned()],
            more_routes: 3,
            service: Some("shop".to_owned()),
        }),
        figures: Vec::new(),
        members: vec![Member {
            id: "0000000000000501".to_owned(),
            title: "the queue is full".to_owned(),
            count: 12,
        }],
        more_members: 0,
        link,
        trial: true,
    }
}
