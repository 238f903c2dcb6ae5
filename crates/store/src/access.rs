//! Who may send and who may see: projects, ingest keys, users, sessions, API tokens, one-time links.
//!
//! Secrets are made by the caller, who also has the passwords hashed; of a secret only its SHA-256 is kept here.

use crate::error::{Doing, Error, Result};
use crate::limits::TEXT_BYTES_MAX;
use crate::names::cut;
use crate::schema;
use crate::store::{DATABASE, Store};
use record::Time;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::time::Duration;

/// A project: what one team looks after, and the wall between tenants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Its number; it stands in DSNs.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Since when.
    pub created: Time,
}

/// An ingest key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// 32 hex digits.
    pub key: String,
    /// The project it sends to.
    pub project: i64,
    /// What it is for.
    pub label: String,
    /// Since when.
    pub created: Time,
    /// Not taken any more since.
    pub revoked: Option<Time>,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its number.
    pub id: i64,
    /// The name to sign in with.
    pub name: String,
    /// The password's hash, as the caller made it; `None` before one is set.
    pub password: Option<String>,
    /// May do all.
    pub admin: bool,
    /// Since when.
    pub created: Time,
}

/// A signed-in session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Whose.
    pub user: User,
    /// Since when.
    pub created: Time,
    /// Until when.
    pub expires: Time,
}

/// An API token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// Its number.
    pub id: i64,
    /// What it is for.
    pub name: String,
    /// What it may do: words of the caller.
    pub scopes: Vec<String>,
    /// The only project it may touch; `None` for all.
    pub project: Option<i64>,
    /// Since when.
    pub created: Time,
    /// Until when.
    pub expires: Option<Time>,
    /// Last used, to the minute or so.
    pub used: Option<Time>,
}

/// What a one-time link was for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// A word of the caller: `sign-in`, …
    pub purpose: String,
    /// The user it is for.
    pub user: Option<i64>,
}

/// The SHA-256 of a secret.
pub(crate) fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

impl Store {
    /// A new project.
    pub fn add_project(&self, now: Time, name: &str) -> Result<Project> {
        let name = named(name, "project")?;
        let mut add = self
            .db
            .prepare_cached("INSERT INTO projects (name, created) VALUES (?1, ?2) ON CONFLICT DO NOTHING")
            .doing("adding a project")?;
        if add.execute(params![name, now.0]).doing("adding a project")? == 0 {
            return Err(Error::Invalid(format!("there is a project {name} already")));
        }
        Ok(Project { id: self.db.last_insert_rowid(), name, created: now })
    }

    /// Gives a project another name.
    pub fn rename_project(&self, id: i64, name: &str) -> Result<()> {
        let name = named(name, "project")?;
        let changed = self
            .db
            .execute("UPDATE OR IGNORE projects SET name = ?2 WHERE id = ?1", params![id, name])
            .doing("renaming a project")?;
        if changed == 0 {
            return Err(Error::Invalid(format!("no project {id}, or another has the name {name}")));
        }
        Ok(())
    }

    /// Removes a project with all that is kept of it.
    pub fn remove_project(&mut self, id: i64) -> Result<()> {
        self.remove_all_of(id)
    }

    /// A new ingest key of a project, of SQLite's own random bytes (seeded by the system; keys are no secrets).
    pub fn add_key(&self, now: Time, project: i64, label: &str) -> Result<Key> {
        let key: String = self
            .db
            .query_row("SELECT lower(hex(randomblob(16)))", [], |row| row.get(0))
            .doing("making a key")?;
        self.put_key(now, project, &key, label)
    }

    /// An ingest key that exists already, in the configuration of those who send: 32 hex digits.
    pub fn put_key(&self, now: Time, project: i64, key: &str, label: &str) -> Result<Key> {
        if key.len() != 32 || !key.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(Error::Invalid("an ingest key is 32 hex digits in small letters".to_owned()));
        }
        let exists: Option<i64> = self
            .db
            .query_row("SELECT id FROM projects WHERE id = ?1", [project], |row| row.get(0))
            .optional()
            .doing("adding a key")?;
        if exists.is_none() {
            return Err(Error::Missing(format!("project {project}")));
        }
        let label = cut(label, TEXT_BYTES_MAX).to_owned();
        let added = self
            .db
            .execute(
                "INSERT INTO keys (key, project, label, created) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
                params![key, project, label, now.0],
            )
            .doing("adding a key")?;
        if added == 0 {
            return Err(Error::Invalid("this ingest key is in use already".to_owned()));
        }
        Ok(Key { key: key.to_owned(), project, label, created: now, revoked: None })
    }

    /// Takes no more by this key. The key stays, so that the page can say who still sends with it.
    pub fn revoke_key(&self, now: Time, key: &str) -> Result<()> {
        let changed = self
            .db
            .execute("UPDATE keys SET revoked = ?2 WHERE key = ?1 AND revoked IS NULL", params![key, now.0])
            .doing("revoking a key")?;
        found(changed, "such key in force")
    }

    /// A new user; `password` is a hash.
    pub fn add_user(&self, now: Time, name: &str, password: Option<&str>, admin: bool) -> Result<User> {
        let name = named(name, "user")?;
        let added = self
            .db
            .execute(
                "INSERT INTO users (name, password, admin, created) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
                params![name, password, admin, now.0],
            )
            .doing("adding a user")?;
        if added == 0 {
            return Err(Error::Invalid(format!("there is a user {name} already")));
        }
        let id = self.db.last_insert_rowid();
        Ok(User { id, name, password: password.map(str::to_owned), admin, created: now })
    }

    /// Another password (its hash). All sessions of the user end.
    pub fn set_password(&mut self, user: i64, password: &str) -> Result<()> {
        let doing = "setting a password";
        let step = self.db.transaction().doing(doing)?;
        let changed = step
            .execute("UPDATE users SET password = ?2 WHERE id = ?1", params![user, password])
            .doing(doing)?;
        found(changed, "such user")?;
        step.execute("DELETE FROM sessions WHERE user = ?1", [user]).doing(doing)?;
        step.commit().doing(doing)
    }

    /// Removes a user with all sessions and links.
    pub fn remove_user(&mut self, user: i64) -> Result<()> {
        let doing = "removing a user";
        let step = self.db.transaction().doing(doing)?;
        let changed = step.execute("DELETE FROM users WHERE id = ?1", [user]).doing(doing)?;
        found(changed, "such user")?;
        step.execute("DELETE FROM sessions WHERE user = ?1", [user]).doing(doing)?;
        step.execute("DELETE FROM links WHERE user = ?1", [user]).doing(doing)?;
        step.commit().doing(doing)
    }

    /// A session by its secret (32 random bytes or more, as text). Sessions that are over go.
    pub fn add_session(&self, now: Time, secret: &str, user: i64, expires: Time) -> Result<()> {
        let doing = "signing in";
        self.db.execute("DELETE FROM sessions WHERE expires <= ?1", [now.0]).doing(doing)?;
        self.db
            .execute(
                "INSERT INTO sessions (hash, user, created, expires) VALUES (?1, ?2, ?3, ?4)",
                params![hash(secret), user, now.0, expires.0],
            )
            .doing(doing)?;
        Ok(())
    }

    /// Ends a session; one that is not there has ended.
    pub fn end_session(&self, secret: &str) -> Result<()> {
        self.db.execute("DELETE FROM sessions WHERE hash = ?1", [hash(secret)]).doing("signing out")?;
        Ok(())
    }

    /// An API token by its secret.
    pub fn add_token(
        &self,
        now: Time,
        secret: &str,
        name: &str,
        scopes: &[&str],
        project: Option<i64>,
        expires: Option<Time>,
    ) -> Result<ApiToken> {
        add_token(&self.db, now, secret, name, scopes, project, expires)
    }

    /// As [`Store::add_token`], into a folder that another process may have open: one row that nothing in its memory depends on.
    pub fn add_token_beside(
        folder: &Path,
        now: Time,
        secret: &str,
        name: &str,
        scopes: &[&str],
        project: Option<i64>,
        expires: Option<Time>,
    ) -> Result<ApiToken> {
        let db = beside(folder, "adding a token")?;
        add_token(&db, now, secret, name, scopes, project, expires)
    }

    /// Notes that a token was used. Call it now and then, not for each request: it writes.
    pub fn token_used(&self, now: Time, id: i64) -> Result<()> {
        self.db
            .execute("UPDATE tokens SET used = ?2 WHERE id = ?1", [id, now.0])
            .doing("noting a token's use")?;
        Ok(())
    }

    /// Removes a token.
    pub fn remove_token(&self, id: i64) -> Result<()> {
        let changed = self.db.execute("DELETE FROM tokens WHERE id = ?1", [id]).doing("removing a token")?;
        found(changed, "such token")
    }

    /// A link that works once, by its secret.
    pub fn add_link(&self, now: Time, secret: &str, link: &Link, expires: Time) -> Result<()> {
        let doing = "adding a link";
        self.db.execute("DELETE FROM links WHERE expires <= ?1", [now.0]).doing(doing)?;
        self.db
            .execute(
                "INSERT INTO links (hash, purpose, user, created, expires) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![hash(secret), link.purpose, link.user, now.0, expires.0],
            )
            .doing(doing)?;
        Ok(())
    }

    /// Uses a link up. `None` if there is none such, or it is over, or was used.
    pub fn use_link(&self, now: Time, secret: &str) -> Result<Option<Link>> {
        self.db
            .query_row(
                "DELETE FROM links WHERE hash = ?1 AND expires > ?2 RETURNING purpose, user",
                params![hash(secret), now.0],
                |row| Ok(Link { purpose: row.get(0)?, user: row.get(1)? }),
            )
            .optional()
            .doing("using a link")
    }
}

/// The database of a folder that another process may have open, to write rows to that nothing in its memory depends on.
pub(crate) fn beside(folder: &Path, doing: &'static str) -> Result<Connection> {
    let file = folder.join(DATABASE);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if !file.exists() {
        return Err(Error::Missing(format!("database {}", file.display())));
    }
    let db = Connection::open_with_flags(&file, flags).doing(doing)?;
    // The other process commits for some milliseconds at a time.
    db.busy_timeout(Duration::from_secs(5)).doing(doing)?;
    schema::known(&db, &file)?;
    Ok(db)
}

fn add_token(
    db: &Connection,
    now: Time,
    secret: &str,
    name: &str,
    scopes: &[&str],
    project: Option<i64>,
    expires: Option<Time>,
) -> Result<ApiToken> {
    let name = named(name, "token")?;
    if scopes.iter().any(|s| s.is_empty() || s.contains(' ')) {
        return Err(Error::Invalid("a scope is one word".to_owned()));
    }
    db.execute(
        "INSERT INTO tokens (hash, name, scopes, project, created, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![hash(secret), name, scopes.join(" "), project, now.0, expires.map(|t| t.0)],
    )
    .doing("adding a token")?;
    let scopes = scopes.iter().map(|s| (*s).to_owned()).collect();
    Ok(ApiToken { id: db.last_insert_rowid(), name, scopes, project, created: now, expires, used: None })
}

/// A name that somebody gives: not empty, on one line, not long.
fn named(name: &str, what: &str) -> Result<String> {
    let name = name.trim();
    if name.is_empty() || name.len() > TEXT_BYTES_MAX || name.chars().any(char::is_control) {
        return Err(Error::Invalid(format!(
            "the name of a {what} is one line of 1 to {TEXT_BYTES_MAX} bytes"
        )));
    }
    Ok(name.to_owned())
}

fn found(changed: usize, what: &str) -> Result<()> {
    if changed == 0 { Err(Error::Missing(what.to_owned())) } else { Ok(()) }
}
