//! What happened beside requests: deploys, configuration changes, services that went and came back; and which service listens where.

use crate::observe::Observations;
use record::{Mark, Record, Time};
use std::collections::HashMap;

/// Kind of an event on the time line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Deploy,
    Rollback,
    Config,
    Down,
    Up,
}

/// One event.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub at: Time,
    pub kind: Kind,
    pub what: String,
    pub record: usize,
    /// `postgresql`, `redis`, … if the source is that service's own log.
    pub service: Option<String>,
}

/// Events in time order, and the addresses of services.
#[derive(Debug, Default)]
pub(crate) struct Events {
    pub list: Vec<Event>,
    /// Kind of service → addresses it said it listens on, or is called at.
    pub addresses: HashMap<String, Vec<String>>,
    /// Address → name of the stream that listens there (folder or service).
    pub names: HashMap<String, String>,
}

/// The kind of service whose own log a record is from, by its format or the file's name.
pub(crate) fn service_kind(format: &str, path: &str) -> Option<&'static str> {
    let p = path.to_ascii_lowercase();
    let is = |words: &[&str]| words.iter().any(|w| format.to_ascii_lowercase().contains(w) || p.contains(w));
    Some(if is(&["postgres"]) {
        "postgresql"
    } else if is(&["mariadb"]) {
        "mariadb"
    } else if is(&["mysql"]) {
        "mysql"
    } else if is(&["redis", "valkey"]) {
        "redis"
    } else if is(&["mongo"]) {
        "mongodb"
    } else if is(&["rabbit"]) {
        "rabbitmq"
    } else if is(&["elasticsearch", "opensearch"]) {
        "elasticsearch"
    } else if is(&["php-fpm", "php8", "php7"]) {
        "php-fpm"
    } else {
        return None;
    })
}

/// A short name for who wrote a source: its service, its folder, or its file's stem.
pub(crate) fn writer_name(service: Option<&str>, path: &str) -> String {
    if let Some(s) = service.filter(|s| !s.is_empty() && s.len() <= 40) {
        return s.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches(['-', '_']).to_owned();
    }
    let mut parts = path.rsplit('/');
    let file = parts.next().unwrap_or(path);
    let folder = parts.next().unwrap_or("");
    let stem = file.split('.').next().unwrap_or(file);
    let generic = [
        "access",
        "error",
        "access_log",
        "error_log",
        "log",
        "app",
        "application",
        "production",
        "prod",
        "stdout",
        "stderr",
        "output",
        "other_vhosts_access",
        "compose",
        "journal",
        "debug",
        "server",
    ];
    if generic.contains(&stem) && !folder.is_empty() && !["logs", "log", "."].contains(&folder) {
        return folder.to_owned();
    }
    stem.to_owned()
}

fn is_database_log(r: &Record, path: &str) -> Option<String> {
    service_kind(r.format, path).map(str::to_owned)
}

/// What a span called, by the conventions' name of its kind (`db.system.name=postgresql`): as good as its own word.
fn called(r: &Record) -> Option<(&'static str, String)> {
    let system = ["db.system.name", "db.system", "db.type"].iter().find_map(|n| r.field(n))?;
    // Sentry's spans name host and port apart, as Node's errors do.
    let apart = || Some(format!("{}:{}", r.field("err.address")?, r.field("err.port")?));
    let peer = r.field("remote").filter(|p| p.contains(':')).map(str::to_owned).or_else(apart)?;
    Some((service_kind(system, "")?, crate::group::normal_peer(&peer)))
}

/// Gathers them.
pub(crate) fn gather(obs: &Observations) -> Events {
    let mut events = Events::default();
    for (i, r) in obs.records.iter().enumerate() {
        if let Some((kind, peer)) = called(r) {
            let list = events.addresses.entry(kind.to_owned()).or_default();
            if !list.contains(&peer) {
                list.push(peer);
            }
        }
        let Some(mark) = r.mark.as_deref() else { continue };
        let path = obs.paths.get(r.source as usize).map_or("", String::as_str);
        let service = is_database_log(r, path);
        let (kind, what) = match mark {
            Mark::Listening(a) => {
                let a = a
                    .replace("0.0.0.0:", "127.0.0.1:")
                    .replace("[::]:", "127.0.0.1:")
                    .replace("localhost:", "127.0.0.1:");
                let a = if a.starts_with(':') { format!("127.0.0.1{a}") } else { a };
                if let Some(s) = &service {
                    let list = events.addresses.entry(s.clone()).or_default();
                    if !list.contains(&a) {
                        list.push(a.clone());
                    }
                }
                events.names.entry(a.clone()).or_insert_with(|| {
                    service.clone().unwrap_or_else(|| writer_name(r.service.as_deref(), path))
                });
                (Kind::Up, a)
            }
            Mark::Deploy(w) => (Kind::Deploy, w.clone()),
            Mark::Rollback(w) => (Kind::Rollback, w.clone()),
            Mark::ConfigChange(w) => (Kind::Config, w.clone()),
            Mark::Started(w) | Mark::HealthUp(w) => (Kind::Up, w.clone()),
            Mark::Stopped(w) | Mark::Died(w) | Mark::HealthDown(w) => (Kind::Down, w.clone()),
        };
        if let Some(at) = r.at {
            events.list.push(Event { at, kind, what, record: i, service });
        }
    }
    events.list.sort_by_key(|e| (e.at, e.record));
    events
}
