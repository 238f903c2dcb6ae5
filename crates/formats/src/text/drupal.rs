//! Drupal's syslog lines: nine or ten values between bars.
//!
//! ```text
//! https://clinic.example.org|1795503912|php|203.0.113.5|https://clinic.example.org/node/7|https://clinic.example.org/|0||PDOException: SQLSTATE[HY000] [2002] Connection refused in Drupal\Core\Database\Driver\mysql\Connection::open() (line 79 of /srv/core/Connection.php).
//! ```
//!
//! Source: `core/modules/syslog` (`!base_url|!timestamp|!type|!ip|!request_uri|!referer|!uid|!link|!message`;
//! since 9.? with
//! `!severity` after the type in some sites' settings).

use super::prefix::level;
use crate::mention::{address, split_url};
use crate::{Context, Entry, LineFormat, RequestRef, time};
use record::{Level, Zone};
use std::borrow::Cow;

/// Drupal's syslog module.
pub(super) struct DrupalSyslog;

impl LineFormat for DrupalSyslog {
    fn name(&self) -> &'static str {
        "drupal syslog"
    }

    fn read<'a>(&self, line: &'a str, _: &Context) -> Option<Entry<'a>> {
        if !line.starts_with("http") {
            return None;
        }
        let mut parts = line.splitn(9, '|');
        let _base = parts.next().filter(|b| b.contains("://") && !b.contains(' '))?;
        let seconds: i64 = parts.next().filter(|s| s.len() == 10)?.parse().ok()?;
        let kind = parts.next()?;
        let third = parts.next()?;
        let (severity, client) = match address(third) {
            Some(a) => (None, a),
            None => (Some(third), address(parts.next()?)?),
        };
        let (host, target) = split_url(parts.next()?);
        let _referer = parts.next()?;
        let _user = parts.next()?;
        let rest = parts.next()?;
        let message = match (severity, parts.next()) {
            (None, Some(message)) => message,
            _ => rest.split_once('|').map_or(rest, |(_, m)| m),
        };
        // Type "php" is what the error handler writes; its severity is not among the default values.
        let level =
            severity.and_then(level).unwrap_or(if kind == "php" { Level::Error } else { Level::Unknown });
        Some(Entry {
            at: Some((time::epoch(seconds)?, Zone::Stated)),
            level,
            message: message.into(),
            request: Some(RequestRef {
                target: target.into(),
                host: host.map(Cow::Borrowed),
                client: Some(client.into()),
                ..RequestRef::default()
            }),
            fields: vec![("logger".into(), kind.into())],
            ..Entry::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_request_and_message_are_read() {
        let e = DrupalSyslog
            .read("https://clinic.example.org|1795503912|php|203.0.113.5|https://clinic.example.org/node/7|https://r/|0||PDOException: SQLSTATE[HY000] [2002] | Connection refused", &Context::default())
            .unwrap();
        assert_eq!(e.at.unwrap().0.to_string(), "2026-11-24T07:05:12Z");
        assert_eq!(
            (e.level, e.message.as_ref()),
            (Level::Error, "PDOException: SQLSTATE[HY000] [2002] | Connection refused")
        );
        let r = e.request.unwrap();
        assert_eq!(
            (r.target.as_ref(), r.client.as_deref(), r.host.as_deref()),
            ("/node/7", Some("203.0.113.5"), Some("clinic.example.org"))
        );
    }

    #[test]
    fn other_lines_are_refused() {
        for l in ["http://a|b|c", "https://a.example failed", "http|1795503912|php|x", ""] {
            assert!(DrupalSyslog.read(l, &Context::default()).is_none(), "{l}");
        }
    }
}
