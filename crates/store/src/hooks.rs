//! Webhooks: the secret by which those of a project are signed, and what they delivered already.

use crate::access::beside;
use crate::error::{Doing, Error, Result};
use crate::limits::{DELIVERED_DAYS, TEXT_BYTES_MAX};
use crate::names::cut;
use crate::read::Reader;
use crate::schema;
use crate::store::Store;
use record::{SECOND, Time};
use rusqlite::{Connection, OptionalExtension, params};
use std::path::Path;

/// Bytes of a secret at least: what is shorter can be guessed from one delivery that somebody saw.
const SECRET_BYTES_MIN: usize = 16;

impl Store {
    /// Sets a project's secret; the one of before holds no longer.
    ///
    /// # Errors
    /// There is no such project, or the secret is too short, too long or of several lines.
    pub fn set_webhook_secret(&self, now: Time, project: i64, secret: &str) -> Result<()> {
        set(&self.db, now, project, secret)
    }

    /// As [`Store::set_webhook_secret`], in a folder that another process may have open.
    ///
    /// # Errors
    /// As there; or there is no database, or a later program's.
    pub fn set_webhook_secret_beside(folder: &Path, now: Time, project: i64, secret: &str) -> Result<()> {
        let db = beside(folder, "setting a webhook's secret")?;
        if schema::version(&db)? < schema::VERSION {
            return Err(Error::Invalid(
                "the folder is an earlier why500's: start `why500 serve` on it once".to_owned(),
            ));
        }
        set(&db, now, project, secret)
    }

    /// Notes what was delivered; what is older than a month is forgotten.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn deliver(&self, now: Time, project: i64, what: &[&str]) -> Result<()> {
        let doing = "noting a delivery";
        let old = now.plus(-DELIVERED_DAYS * 86_400 * SECOND);
        self.db.execute("DELETE FROM delivered WHERE at < ?1", [old.0]).doing(doing)?;
        for w in what {
            self.db
                .execute(
                    "INSERT INTO delivered (project, what, at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                    params![project, cut(w, TEXT_BYTES_MAX), now.0],
                )
                .doing(doing)?;
        }
        Ok(())
    }
}

impl Reader {
    /// A project's secret, if it has one.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn webhook_secret(&self, project: i64) -> Result<Option<String>> {
        self.row("SELECT secret FROM webhooks WHERE project = ?1", [project], |row| row.get(0))
    }

    /// Was it delivered before?
    ///
    /// # Errors
    /// It cannot be read.
    pub fn was_delivered(&self, project: i64, what: &str) -> Result<bool> {
        let found: Option<i64> = self.row(
            "SELECT at FROM delivered WHERE project = ?1 AND what = ?2",
            params![project, cut(what, TEXT_BYTES_MAX)],
            |row| row.get(0),
        )?;
        Ok(found.is_some())
    }
}

fn set(db: &Connection, now: Time, project: i64, secret: &str) -> Result<()> {
    let doing = "setting a webhook's secret";
    if !(SECRET_BYTES_MIN..=TEXT_BYTES_MAX).contains(&secret.len()) || secret.chars().any(char::is_control) {
        return Err(Error::Invalid(format!(
            "the secret of a webhook is one line of {SECRET_BYTES_MIN} to {TEXT_BYTES_MAX} bytes"
        )));
    }
    let known: Option<i64> = db
        .query_row("SELECT id FROM projects WHERE id = ?1", [project], |row| row.get(0))
        .optional()
        .doing(doing)?;
    if known.is_none() {
        return Err(Error::Missing(format!("project {project}")));
    }
    db.execute(
        "INSERT INTO webhooks (project, secret, created) VALUES (?1, ?2, ?3)
         ON CONFLICT (project) DO UPDATE SET secret = excluded.secret, created = excluded.created",
        params![project, secret, now.0],
    )
    .doing(doing)?;
    Ok(())
}
