//! Looking up who may send and who may see: once per request, so each is one look into an index.

use super::Reader;
use crate::access::{ApiToken, Key, Project, Session, User, hash};
use crate::error::{Doing, Result};
use record::Time;
use rusqlite::{OptionalExtension, Row, params};

impl Reader {
    /// All projects, by number.
    pub fn projects(&self) -> Result<Vec<Project>> {
        self.rows("SELECT id, name, created FROM projects ORDER BY id", [], project)
    }

    /// A project by its number.
    pub fn project(&self, id: i64) -> Result<Option<Project>> {
        self.row("SELECT id, name, created FROM projects WHERE id = ?1", [id], project)
    }

    /// A project by its name.
    pub fn project_named(&self, name: &str) -> Result<Option<Project>> {
        self.row("SELECT id, name, created FROM projects WHERE name = ?1", [name], project)
    }

    /// The keys of a project, oldest first, revoked ones too.
    pub fn keys(&self, project: i64) -> Result<Vec<Key>> {
        self.rows(
            "SELECT key, project, label, created, revoked FROM keys WHERE project = ?1 ORDER BY created, key",
            [project],
            key,
        )
    }

    /// An ingest key, be it revoked or not.
    pub fn key(&self, text: &str) -> Result<Option<Key>> {
        self.row("SELECT key, project, label, created, revoked FROM keys WHERE key = ?1", [text], key)
    }

    /// All users, by name.
    pub fn users(&self) -> Result<Vec<User>> {
        self.rows("SELECT id, name, password, admin, created FROM users ORDER BY name", [], user)
    }

    /// A user by name.
    pub fn user_named(&self, name: &str) -> Result<Option<User>> {
        self.row("SELECT id, name, password, admin, created FROM users WHERE name = ?1", [name], user)
    }

    /// A user by number.
    pub fn user(&self, id: i64) -> Result<Option<User>> {
        self.row("SELECT id, name, password, admin, created FROM users WHERE id = ?1", [id], user)
    }

    /// The session of a secret, if it is not over.
    pub fn session(&self, now: Time, secret: &str) -> Result<Option<Session>> {
        self.row(
            "SELECT u.id, u.name, u.password, u.admin, u.created, s.created, s.expires
             FROM sessions s JOIN users u ON u.id = s.user WHERE s.hash = ?1 AND s.expires > ?2",
            params![hash(secret), now.0],
            |row| Ok(Session { user: user(row)?, created: Time(row.get(5)?), expires: Time(row.get(6)?) }),
        )
    }

    /// The API token of a secret, if it is not over.
    pub fn token(&self, now: Time, secret: &str) -> Result<Option<ApiToken>> {
        self.row(
            "SELECT id, name, scopes, project, created, expires, used FROM tokens
             WHERE hash = ?1 AND (expires IS NULL OR expires > ?2)",
            params![hash(secret), now.0],
            token,
        )
    }

    /// All API tokens, by number; those that are over too.
    pub fn tokens(&self) -> Result<Vec<ApiToken>> {
        self.rows(
            "SELECT id, name, scopes, project, created, expires, used FROM tokens ORDER BY id",
            [],
            token,
        )
    }

    /// One row, or none.
    pub(crate) fn row<T>(
        &self,
        sql: &str,
        args: impl rusqlite::Params,
        read: impl FnOnce(&Row) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        let doing = "reading";
        self.db.prepare_cached(sql).doing(doing)?.query_row(args, read).optional().doing(doing)
    }

    /// All rows.
    pub(crate) fn rows<T>(
        &self,
        sql: &str,
        args: impl rusqlite::Params,
        read: impl FnMut(&Row) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let doing = "reading";
        let mut statement = self.db.prepare_cached(sql).doing(doing)?;
        statement.query_map(args, read).doing(doing)?.collect::<rusqlite::Result<_>>().doing(doing)
    }
}

fn project(row: &Row) -> rusqlite::Result<Project> {
    Ok(Project { id: row.get(0)?, name: row.get(1)?, created: Time(row.get(2)?) })
}

fn key(row: &Row) -> rusqlite::Result<Key> {
    Ok(Key {
        key: row.get(0)?,
        project: row.get(1)?,
        label: row.get(2)?,
        created: Time(row.get(3)?),
        revoked: row.get::<_, Option<i64>>(4)?.map(Time),
    })
}

fn user(row: &Row) -> rusqlite::Result<User> {
    Ok(User {
        id: row.get(0)?,
        name: row.get(1)?,
        password: row.get(2)?,
        admin: row.get(3)?,
        created: Time(row.get(4)?),
    })
}

fn token(row: &Row) -> rusqlite::Result<ApiToken> {
    let scopes: String = row.get(2)?;
    Ok(ApiToken {
        id: row.get(0)?,
        name: row.get(1)?,
        scopes: scopes.split_whitespace().map(str::to_owned).collect(),
        project: row.get(3)?,
        created: Time(row.get(4)?),
        expires: row.get::<_, Option<i64>>(5)?.map(Time),
        used: row.get::<_, Option<i64>>(6)?.map(Time),
    })
}
