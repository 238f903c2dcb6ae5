//! HAProxy's own lines, beside its request log: servers going up and down, starts, refused connections.
//!
//! ```text
//! Server be_orders/app1 is DOWN, reason: Layer4 connection problem, info: "Connection refused", check duration: 0ms. 1 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.
//! backend be_orders has no server available!
//! [WARNING] 327/073757 (29613) : Server be_orders/app1 is UP, reason: Layer7 check passed, code: 200
//! 127.0.0.1:44310 [24/Nov/2026:07:37:59.257] fe_https/1: SSL handshake failure
//! ```
//!
//! Sources: `src/check.c` and `src/server.c` (`Server %s/%s is %s`), `src/errors.c` (`print_message`: on
//! standard error with level, time
//! since 2.4 left out, pid), `src/session.c` (embryonic sessions).

use super::prefix::{group, loud_level, stamp, word};
use crate::mention::address;
use crate::{Context, Entry, LineFormat, RequestRef};
use record::{Level, Mark};

/// HAProxy's messages.
pub(super) struct HaproxyMessage;

impl LineFormat for HaproxyMessage {
    fn name(&self) -> &'static str {
        "haproxy message"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        match line.bytes().next()? {
            b'[' => {
                // [WARNING] 327/073757 (29613) : msg; [ALERT]  (1) : msg
                let (name, rest) = group(line, '[', ']')?;
                let (level, _) = loud_level(name)?;
                let rest = rest.trim_start();
                let rest = if rest.starts_with('(') { rest } else { word(rest).1 };
                let (pid, rest) = group(rest, '(', ')')?;
                let message = rest.trim_start().strip_prefix(':')?.trim_start();
                if pid.is_empty() || !pid.bytes().all(|c| c.is_ascii_digit()) {
                    return None;
                }
                Some(Entry {
                    level,
                    pid: Some(pid.into()),
                    message: message.into(),
                    mark: health(message),
                    ..Entry::default()
                })
            }
            b'S' | b'B' | b'b' | b'P' | b'H' => {
                let mark = health(line);
                let proxy = (line.starts_with("Proxy ") || line.starts_with("backend "))
                    && (line.contains(" started.")
                        || line.contains("stopped (")
                        || line.contains("no server available"));
                let check = line.starts_with("Health check for ") && line.contains(" server ");
                if mark.is_none() && !proxy && !check {
                    return None;
                }
                let down = matches!(mark, Some(Mark::HealthDown(_)));
                let level = if down && line.starts_with("backend ") {
                    Level::Fatal
                } else if down {
                    Level::Error
                } else {
                    Level::Notice
                };
                Some(Entry { level, message: line.into(), mark, ..Entry::default() })
            }
            b'0'..=b'9' | b':' => {
                // A connection that ended before a request: client, accept date, frontend/listener, reason.
                let (client, rest) = line.split_once(" [")?;
                let client = address(client)?;
                let (at, rest) = stamp(rest, context)?;
                let rest = rest.strip_prefix("] ")?;
                let (listener, message) = rest.split_once(": ")?;
                if listener.contains(' ') || !listener.contains('/') {
                    return None;
                }
                Some(Entry {
                    at: Some(at),
                    level: Level::Warn,
                    message: message.into(),
                    request: Some(RequestRef { client: Some(client.into()), ..RequestRef::default() }),
                    fields: vec![("listener".into(), listener.into())],
                    ..Entry::default()
                })
            }
            _ => None,
        }
    }
}

/// `Server be/app1 is DOWN, …`, `Backup Server …`, `backend be has no server available!`, `… is UP, …`.
fn health(message: &str) -> Option<Mark> {
    if let Some(rest) = message.strip_prefix("backend ")
        && let Some((name, "has no server available!")) = rest.split_once(' ').map(|(n, r)| (n, r.trim_end()))
    {
        return Some(Mark::HealthDown(name.trim_matches('\'').to_owned()));
    }
    let rest = message.strip_prefix("Server ").or_else(|| message.strip_prefix("Backup Server "))?;
    let (name, rest) = rest.split_once(" is ")?;
    if !name.contains('/') || name.contains(' ') {
        return None;
    }
    let (state, _) = rest.split_at(rest.find([',', '.', ' ']).unwrap_or(rest.len()));
    match state {
        "DOWN" => Some(Mark::HealthDown(name.to_owned())),
        "UP" => Some(Mark::HealthUp(name.to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<Entry<'_>> {
        HaproxyMessage.read(line, &Context::default())
    }

    #[test]
    fn servers_go_down_and_up() {
        let e = read("Server be_orders/app1 is DOWN, reason: Layer4 connection problem, info: \"Connection refused\", check duration: 0ms.").unwrap();
        assert_eq!((e.level, e.mark), (Level::Error, Some(Mark::HealthDown("be_orders/app1".into()))));
        let e = read("backend be_orders has no server available!").unwrap();
        assert_eq!((e.level, e.mark), (Level::Fatal, Some(Mark::HealthDown("be_orders".into()))));
        let e = read("[WARNING] 327/073757 (29613) : Server be_orders/app1 is UP, reason: Layer7 check passed, code: 200").unwrap();
        assert_eq!(
            (e.level, e.pid.as_deref(), e.mark),
            (Level::Warn, Some("29613"), Some(Mark::HealthUp("be_orders/app1".into())))
        );
        let e = read("[ALERT]    (1) : config : parsing [/etc/haproxy.cfg:3]: unknown keyword").unwrap();
        assert_eq!(
            (e.level, e.message.as_ref()),
            (Level::Fatal, "config : parsing [/etc/haproxy.cfg:3]: unknown keyword")
        );
    }

    #[test]
    fn a_connection_without_a_request() {
        let e = read("127.0.0.1:44310 [24/Nov/2026:07:37:59.257] fe_https/1: SSL handshake failure").unwrap();
        assert_eq!(
            (e.message.as_ref(), e.request.unwrap().client.as_deref().map(str::to_owned)),
            ("SSL handshake failure", Some("127.0.0.1".into()))
        );
    }

    #[test]
    fn lines_of_others_are_refused() {
        for l in [
            "",
            "Server started on :8080",
            "Backup done",
            "backend x",
            "[ERROR] (x) : y",
            "127.0.0.1 - - [24/Nov/2026:07:37:59 +0000] \"GET / HTTP/1.1\" 200 1",
            "Server is DOWN, x",
            "é",
        ] {
            assert!(read(l).is_none(), "{l}");
        }
    }
}
