//! What databases, caches, the kernel, init systems and deploy tools write.

mod mongodb;
mod mysql;
mod postgres;
mod postgres_files;
mod redis;
mod uwsgi;

use crate::{Context, LineFormat, time};
use record::{Time, Zone};

/// The formats of this room, in the order in which they are tried.
pub static FORMATS: &[&dyn LineFormat] = &[
    &postgres::Postgres,
    &postgres_files::PostgresCsv,
    &postgres_files::PostgresJson,
    &mysql::Mysql,
    &mysql::Mariadb,
    &redis::Redis,
    &mongodb::MongoJson,
    &mongodb::MongoText,
    &uwsgi::Uwsgi,
];

/// A time stamp with a date at the very start, and the rest of the text.
fn stamp<'a>(text: &'a str, context: &Context) -> Option<((Time, Zone), &'a str)> {
    let s = time::stamp(text, context.reference)?;
    Some(((s.time, s.zone), text.get(s.len..)?))
}
