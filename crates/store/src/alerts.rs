//! What people are told: alerts, what waits to be sent of them, what was said.
//!
//! An alert and all that is to be sent of it are written in one transaction, and what was sent is taken off in another: a program
//! that is killed in between has lost nothing, and what was taken off is not sent again.

use crate::error::{Doing, Error, Result};
use crate::limits::{ALERT_DAYS, ALERTS_PER_PROJECT, DEAD_PER_CHANNEL, OUTBOX_PER_CHANNEL, TEXT_BYTES_MAX};
use crate::names::cut;
use crate::read::Reader;
use crate::store::Store;
use record::{SECOND, Time};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// An alert as it is to be from now on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertChange {
    /// The project.
    pub project: i64,
    /// What it is about: `problem 4f1d0c2b9a7e6d58`, `deploy 123`, `budget checkout`; one alert per subject.
    pub subject: String,
    /// The rule that speaks.
    pub rule: String,
    /// `info`, `warning`, `critical`.
    pub severity: String,
    /// It is not over.
    pub open: bool,
    /// Since when it is open, or was when it was last.
    pub since: Time,
    /// The subject of the alert whose message names this one too.
    pub lead: Option<String>,
    /// JSON that the rules keep of it.
    pub memory: String,
    /// JSON of what is told.
    pub notice: String,
    /// What happened: `opened`, `escalated`, `updated`, `closed`; nothing where it is only remembered.
    pub event: String,
    /// Where it is to be sent.
    pub send: Vec<Send>,
}

/// Where something of an alert is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Send {
    /// The channel's name.
    pub channel: String,
    /// When.
    pub due: Time,
    /// Only if the channel heard of the alert before, or is about to.
    pub heard_only: bool,
}

/// An alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertRow {
    /// Its number.
    pub id: i64,
    /// The project.
    pub project: i64,
    /// What it is about, see [`AlertChange::subject`].
    pub subject: String,
    /// The rule that spoke last.
    pub rule: String,
    /// `info`, `warning`, `critical`.
    pub severity: String,
    /// It is not over.
    pub open: bool,
    /// Since when it is open, or was when it was last.
    pub since: Time,
    /// When it changed last.
    pub changed: Time,
    /// The alert whose message names this one too.
    pub lead: Option<i64>,
    /// JSON that the rules keep of it.
    pub memory: String,
    /// JSON of what was last to be told.
    pub notice: String,
}

/// A message that waits to be sent, or that nobody tries to send any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Its number.
    pub id: i64,
    /// The project.
    pub project: i64,
    /// The alert.
    pub alert: i64,
    /// The channel's name.
    pub channel: String,
    /// Tells apart what was put in anew while it was being sent.
    pub number: i64,
    /// `opened`, `escalated`, `updated`, `closed`.
    pub event: String,
    /// JSON of what is told.
    pub notice: String,
    /// When it was put in.
    pub made: Time,
    /// When it is tried next.
    pub due: Time,
    /// How often it was tried.
    pub tries: u32,
    /// What went wrong last.
    pub error: Option<String>,
    /// Since when nobody tries any more.
    pub dead: Option<Time>,
    /// What the other side calls the message that was sent before of the same alert.
    pub reference: Option<String>,
}

/// What was said last of an alert on a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The alert.
    pub alert: i64,
    /// The channel's name.
    pub channel: String,
    /// `opened`, …
    pub event: String,
    /// When.
    pub at: Time,
    /// What the other side calls the message.
    pub reference: Option<String>,
}

/// What came of an attempt to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Sent; with what the other side calls the message, where it says so.
    Sent(Option<String>),
    /// Not sent: why, and when it is tried again; `None` gives it up.
    Failed(String, Option<Time>),
}

fn told_row(row: &Row) -> rusqlite::Result<Told> {
    Ok(Told {
        alert: row.get(0)?,
        channel: row.get(1)?,
        event: row.get(2)?,
        at: Time(row.get(3)?),
        reference: row.get(4)?,
    })
}

const ALERT: &str = "id, project, subject, rule, severity, open, since, changed, lead, memory, notice";

fn alert_row(row: &Row) -> rusqlite::Result<AlertRow> {
    Ok(AlertRow {
        id: row.get(0)?,
        project: row.get(1)?,
        subject: row.get(2)?,
        rule: row.get(3)?,
        severity: row.get(4)?,
        open: row.get(5)?,
        since: Time(row.get(6)?),
        changed: Time(row.get(7)?),
        lead: row.get(8)?,
        memory: row.get(9)?,
        notice: row.get(10)?,
    })
}

const OUTGOING: &str = "o.id, a.project, o.alert, o.channel, o.number, o.event, o.notice, o.made, o.due, o.tries, o.error, \
    o.dead, t.reference FROM outbox o JOIN alerts a ON a.id = o.alert \
    LEFT JOIN told t ON t.alert = o.alert AND t.channel = o.channel";

fn outgoing(row: &Row) -> rusqlite::Result<Outgoing> {
    Ok(Outgoing {
        id: row.get(0)?,
        project: row.get(1)?,
        alert: row.get(2)?,
        channel: row.get(3)?,
        number: row.get(4)?,
        event: row.get(5)?,
        notice: row.get(6)?,
        made: Time(row.get(7)?),
        due: Time(row.get(8)?),
        tries: row.get(9)?,
        error: row.get(10)?,
        dead: row.get::<_, Option<i64>>(11)?.map(Time),
        reference: row.get(12)?,
    })
}

impl Store {
    /// Keeps alerts as they are from now on, with what is to be sent of them: all or nothing.
    ///
    /// What waits to be sent of the same alert on the same channel is replaced: an opening that nobody heard of yet stays one, and
    /// where it is over before anybody heard of it nothing is sent.
    pub fn alert(&mut self, now: Time, changes: &[AlertChange]) -> Result<()> {
        let doing = "keeping an alert";
        let step = self.db.transaction().doing(doing)?;
        for c in changes {
            let lead: Option<i64> = match &c.lead {
                Some(subject) => number(&step, c.project, subject)?,
                None => None,
            };
            step.prepare_cached(
                "INSERT INTO alerts (project, subject, rule, severity, open, since, changed, lead, memory, notice)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                 ON CONFLICT (project, subject) DO UPDATE SET rule = ?3, severity = ?4, open = ?5, since = ?6,
                   changed = CASE WHEN ?11 = '' THEN changed ELSE ?7 END, lead = ?8, memory = ?9, notice = ?10",
            )
            .doing(doing)?
            .execute(params![
                c.project,
                cut(&c.subject, TEXT_BYTES_MAX),
                c.rule,
                c.severity,
                c.open,
                c.since.0,
                now.0,
                lead,
                c.memory,
                c.notice,
                c.event
            ])
            .doing(doing)?;
            let Some(alert) = number(&step, c.project, &c.subject)? else { continue };
            for send in &c.send {
                put(&step, now, alert, send, c)?;
            }
        }
        step.commit().doing(doing)
    }

    /// Notes what came of sending a message.
    pub fn sent(&mut self, now: Time, message: &Outgoing, outcome: &Outcome) -> Result<()> {
        let doing = "noting what was sent";
        let step = self.db.transaction().doing(doing)?;
        match outcome {
            Outcome::Sent(reference) => {
                step.prepare_cached(
                    "INSERT INTO told (alert, channel, event, at, reference) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT DO UPDATE SET event = ?3, at = ?4, reference = COALESCE(?5, reference)",
                )
                .doing(doing)?
                .execute(params![message.alert, message.channel, message.event, now.0, reference])
                .doing(doing)?;
                step.prepare_cached("DELETE FROM outbox WHERE id = ?1 AND number = ?2")
                    .doing(doing)?
                    .execute([message.id, message.number])
                    .doing(doing)?;
                // What was put in meanwhile begins anew, and comes after an opening that was heard of.
                step.prepare_cached(
                    "UPDATE outbox SET tries = 0, error = NULL, event = CASE event WHEN 'opened' THEN 'escalated' ELSE event END
                     WHERE id = ?1",
                )
                .doing(doing)?
                .execute([message.id])
                .doing(doing)?;
            }
            Outcome::Failed(why, again) => {
                step.prepare_cached(
                    "UPDATE outbox SET tries = tries + 1, error = ?2, due = COALESCE(?3, due), dead = ?4 WHERE id = ?1",
                )
                .doing(doing)?
                .execute(params![
                    message.id,
                    cut(why, TEXT_BYTES_MAX),
                    again.map(|t| t.0),
                    again.is_none().then_some(now.0)
                ])
                .doing(doing)?;
                bound(&step, &message.channel)?;
            }
        }
        step.commit().doing(doing)
    }

    /// Tries messages of a project anew that were given up: one, or all; gives how many.
    ///
    /// # Errors
    /// There is no such message of the project, or it was not given up.
    pub fn try_again(&mut self, now: Time, project: i64, id: Option<i64>) -> Result<u64> {
        let doing = "trying a message anew";
        let n = self
            .db
            .execute(
                "UPDATE outbox SET dead = NULL, tries = 0, due = ?3 WHERE (?1 IS NULL OR id = ?1) AND dead IS NOT NULL
                 AND alert IN (SELECT id FROM alerts WHERE project = ?2)",
                params![id, project, now.0],
            )
            .doing(doing)?;
        match id {
            Some(id) if n == 0 => Err(Error::Missing(format!("message {id} that was given up"))),
            _ => Ok(n as u64),
        }
    }

    /// Since when alerts are looked for; from this first time on, where nobody did before.
    pub fn alerts_began(&mut self, first: Time) -> Result<Time> {
        let began = self.meta("alerts_began")?;
        if began != 0 {
            return Ok(Time(began));
        }
        crate::store::set_meta(&self.db, "alerts_began", first.0)?;
        Ok(first)
    }

    /// Lets go of closed alerts that are too old or too many, and of what waits for channels that are no more.
    pub fn tidy_alerts(&mut self, now: Time, channels: &[String]) -> Result<()> {
        let doing = "letting go of old alerts";
        let step = self.db.transaction().doing(doing)?;
        let before = now.plus(-ALERT_DAYS * 86_400 * SECOND).0;
        step.execute(
            "DELETE FROM alerts WHERE open = 0 AND (changed < ?1 OR id IN (SELECT id FROM (SELECT id, row_number() OVER
             (PARTITION BY project ORDER BY changed DESC) AS n FROM alerts WHERE open = 0) WHERE n > ?2))",
            [before, ALERTS_PER_PROJECT],
        )
        .doing(doing)?;
        for table in ["outbox", "told"] {
            step.execute(&format!("DELETE FROM {table} WHERE alert NOT IN (SELECT id FROM alerts)"), [])
                .doing(doing)?;
        }
        let mut gone = Vec::new();
        {
            let mut statement = step.prepare("SELECT DISTINCT channel FROM outbox").doing(doing)?;
            let mut rows = statement.query([]).doing(doing)?;
            while let Some(row) = rows.next().doing(doing)? {
                let name: String = row.get(0).doing(doing)?;
                if !channels.contains(&name) {
                    gone.push(name);
                }
            }
        }
        for name in gone {
            step.execute(
                "UPDATE outbox SET dead = ?2, error = 'there is no such channel any more' WHERE channel = ?1 AND dead IS NULL",
                params![name, now.0],
            )
            .doing(doing)?;
            bound(&step, &name)?;
        }
        step.commit().doing(doing)
    }
}

fn number(db: &Connection, project: i64, subject: &str) -> Result<Option<i64>> {
    let doing = "looking for an alert";
    db.prepare_cached("SELECT id FROM alerts WHERE project = ?1 AND subject = ?2")
        .doing(doing)?
        .query_row(params![project, cut(subject, TEXT_BYTES_MAX)], |row| row.get(0))
        .optional()
        .doing(doing)
}

/// Puts in what is to be sent, in place of what waits.
fn put(db: &Connection, now: Time, alert: i64, send: &Send, c: &AlertChange) -> Result<()> {
    let doing = "putting a message into the outbox";
    let (channel, due) = (send.channel.as_str(), send.due);
    let waits: Option<(String, u32, bool)> = db
        .prepare_cached("SELECT event, tries, dead IS NOT NULL FROM outbox WHERE alert = ?1 AND channel = ?2")
        .doing(doing)?
        .query_row(params![alert, channel], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()
        .doing(doing)?;
    if send.heard_only && waits.is_none() {
        let heard: bool = db
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM told WHERE alert = ?1 AND channel = ?2)")
            .doing(doing)?
            .query_row(params![alert, channel], |row| row.get(0))
            .doing(doing)?;
        if !heard {
            return Ok(());
        }
    }
    let mut event = c.event.as_str();
    if let Some((before, tries, dead)) = &waits
        && before == "opened"
    {
        // Tried means that it may have been heard of all the same: an answer may have been lost.
        if event == "closed" && *tries == 0 && !dead {
            db.execute("DELETE FROM outbox WHERE alert = ?1 AND channel = ?2", params![alert, channel])
                .doing(doing)?;
            return Ok(());
        }
        if event != "closed" {
            event = "opened";
        }
    }
    // An earlier attempt's backoff holds on: the channel is away, whatever is to be told.
    db.prepare_cached(
        "INSERT INTO outbox (alert, channel, number, event, notice, made, due) VALUES (?1, ?2, 1, ?3, ?4, ?5, ?6)
         ON CONFLICT (alert, channel) DO UPDATE SET number = number + 1, event = ?3, notice = ?4, made = ?5,
           due = CASE WHEN dead IS NULL AND tries > 0 THEN max(due, ?6) ELSE ?6 END,
           tries = CASE WHEN dead IS NULL THEN tries ELSE 0 END, dead = NULL",
    )
    .doing(doing)?
    .execute(params![alert, channel, event, c.notice, now.0, due.0])
    .doing(doing)?;
    bound(db, channel)
}

/// Keeps what waits and what was given up within their limits: the oldest go.
fn bound(db: &Connection, channel: &str) -> Result<()> {
    let doing = "bounding the outbox";
    for (condition, most) in [("dead IS NULL", OUTBOX_PER_CHANNEL), ("dead IS NOT NULL", DEAD_PER_CHANNEL)] {
        db.prepare_cached(&format!(
            "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE channel = ?1 AND {condition}
             ORDER BY made DESC, id DESC LIMIT -1 OFFSET ?2)"
        ))
        .doing(doing)?
        .execute(params![channel, most])
        .doing(doing)?;
    }
    Ok(())
}

impl Reader {
    /// The alerts of a project that are open, or changed at or after an instant: the latest changed first, at most `limit`.
    pub fn alerts(&self, project: i64, since: Time, limit: usize) -> Result<Vec<AlertRow>> {
        self.rows(
            &format!(
                "SELECT {ALERT} FROM alerts WHERE project = ?1 AND (open OR changed >= ?2)
                 ORDER BY open DESC, changed DESC, id DESC LIMIT ?3"
            ),
            params![project, since.0, i64::try_from(limit).unwrap_or(i64::MAX)],
            alert_row,
        )
    }

    /// The alert of a subject.
    pub fn alert_of(&self, project: i64, subject: &str) -> Result<Option<AlertRow>> {
        self.row(
            &format!("SELECT {ALERT} FROM alerts WHERE project = ?1 AND subject = ?2"),
            params![project, cut(subject, TEXT_BYTES_MAX)],
            alert_row,
        )
    }

    /// What was said of the alerts of a project, the latest first, at most `limit`.
    pub fn told(&self, project: i64, limit: usize) -> Result<Vec<Told>> {
        self.rows(
            "SELECT t.alert, t.channel, t.event, t.at, t.reference FROM told t JOIN alerts a ON a.id = t.alert
             WHERE a.project = ?1 ORDER BY t.at DESC, t.alert DESC LIMIT ?2",
            params![project, i64::try_from(limit).unwrap_or(i64::MAX)],
            told_row,
        )
    }

    /// On which channels an alert was told of, and what of it was last.
    pub fn told_of(&self, alert: i64) -> Result<Vec<Told>> {
        self.rows(
            "SELECT alert, channel, event, at, reference FROM told WHERE alert = ?1 ORDER BY channel",
            [alert],
            told_row,
        )
    }

    /// What of a project waits to be sent, and what was given up, the oldest first.
    pub fn outbox(&self, project: i64) -> Result<Vec<Outgoing>> {
        let text = format!("SELECT {OUTGOING} WHERE a.project = ?1 ORDER BY o.made, o.id LIMIT 1000");
        self.rows(&text, [project], outgoing)
    }

    /// What is due on a channel, the oldest first, at most `limit`.
    pub fn due(&self, channel: &str, now: Time, limit: usize) -> Result<Vec<Outgoing>> {
        let text = format!(
            "SELECT {OUTGOING} WHERE o.channel = ?1 AND o.dead IS NULL AND o.due <= ?2 ORDER BY o.made, o.id LIMIT ?3"
        );
        self.rows(&text, params![channel, now.0, i64::try_from(limit).unwrap_or(i64::MAX)], outgoing)
    }

    /// How many messages of all projects wait, and how many were given up.
    pub fn outbox_size(&self) -> Result<(u64, u64)> {
        let found = self.row("SELECT count(*), count(dead) FROM outbox", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        })?;
        let (all, dead) = found.unwrap_or_default();
        Ok((u64::try_from(all - dead).unwrap_or(0), u64::try_from(dead).unwrap_or(0)))
    }
}
