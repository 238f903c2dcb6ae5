//! What databases, caches, the kernel, init systems and deploy tools write.

mod containers;
pub(crate) mod deploys;
mod elasticsearch;
mod engines;
mod git;
pub(crate) mod kernel;
mod mongodb;
mod mssql;
mod mysql;
mod mysql_slow;
mod oracle;
mod packages;
mod pgbouncer;
mod postgres;
mod postgres_files;
mod rabbitmq;
mod redis;
mod systemd;
mod uwsgi;

pub(crate) use packages::PACKAGES;

use crate::{Context, LineFormat, time};
use record::{Time, Zone};

/// Those that write JSON of their own: tried before the reader of any JSON.
pub static JSON_FORMATS: &[&dyn LineFormat] = &[&mongodb::MongoJson, &postgres_files::PostgresJson];

/// The formats of this room, in the order in which they are tried.
pub static FORMATS: &[&dyn LineFormat] = &[
    &postgres::Postgres,
    &postgres_files::PostgresCsv,
    &mysql::Mysql,
    &mysql::Mariadb,
    &redis::Redis,
    &mysql_slow::MysqlSlow,
    &mongodb::MongoText,
    &pgbouncer::Pgbouncer,
    &elasticsearch::Elasticsearch,
    &rabbitmq::Rabbitmq,
    &mssql::Mssql,
    &engines::Cassandra,
    &engines::Clickhouse,
    &engines::Capnslog,
    &engines::Proxysql,
    &oracle::Oracle,
    &kernel::Kernel,
    &systemd::Systemd,
    &containers::Containers,
    &uwsgi::Uwsgi,
    &packages::Packages,
    &deploys::Deploys,
    &git::Git,
];

/// A time stamp with a date at the very start, and the rest of the text.
fn stamp<'a>(text: &'a str, context: &Context) -> Option<((Time, Zone), &'a str)> {
    let s = time::stamp(text, context.reference)?;
    Some(((s.time, s.zone), text.get(s.len..)?))
}
