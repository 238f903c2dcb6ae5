//! LiteSpeed's and OpenLiteSpeed's error log.
//!
//! ```text
//! 2026-11-24 07:30:12.774649 [NOTICE] [1226033] [198.51.100.4:45164:HTTP2-41#Example] [STDERR] PHP Fatal error:  Uncaught Error: boom
//! 2026-11-24 07:30:12.353044 [INFO] [1226038] [T0] [192.168.9.163:61120-5#Example] connection to [/tmp/lshttpd/lsphp.sock] on request #1, error: Connection refused!
//! ```
//!
//! Source: OpenLiteSpeed `src/log4cxx/logger.cpp`, log ids of `src/http/httpsession.cpp`
//! (`address:port[:protocol]-n#vhost`).

use super::prefix::{group, level, loud_level, stamp};
use crate::mention::address;
use crate::{Context, Entry, LineFormat, RequestRef};

/// LiteSpeed's error log.
pub(super) struct LiteSpeed;

impl LineFormat for LiteSpeed {
    fn name(&self) -> &'static str {
        "litespeed error"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if !line.starts_with("20") {
            return None;
        }
        let (at, rest) = stamp(line, context)?;
        let (name, rest) = group(rest.strip_prefix(' ')?, '[', ']')?;
        let (_, _) = loud_level(name)?;
        let level = level(name)?;
        let (pid, rest) = group(rest.strip_prefix(' ')?, '[', ']')?;
        if pid.is_empty() || !pid.bytes().all(|c| c.is_ascii_digit()) {
            return None;
        }
        let mut entry = Entry { at: Some(at), level, pid: Some(pid.into()), ..Entry::default() };
        let mut message = rest.strip_prefix(' ').unwrap_or(rest);
        // [T0] is a worker thread.
        if let Some((_, after)) = group(message, '[', ']').filter(|(t, _)| t.len() <= 4 && t.starts_with('T'))
        {
            message = after.trim_start();
        }
        let (session, after) = group(message, '[', ']')?;
        let (connection, host) = session.rsplit_once('#')?;
        // 198.51.100.4:45164:HTTP2-41, 192.168.9.163:61120-5, 2001:db8::1:45164-3
        let peer = connection.rsplit_once('-').map_or(connection, |(p, _)| p);
        let peer = peer
            .strip_suffix(":HTTP2")
            .or_else(|| peer.strip_suffix(":HTTP3"))
            .or_else(|| peer.strip_suffix(":QUIC"))
            .unwrap_or(peer);
        entry.request = Some(RequestRef {
            client: peer
                .rsplit_once(':')
                .and_then(|(a, _)| address(a))
                .or_else(|| address(peer))
                .map(Into::into),
            host: Some(host.split(':').next().unwrap_or(host)).filter(|h| !h.is_empty()).map(Into::into),
            ..RequestRef::default()
        });
        message = after.trim_start();
        entry.message = message.strip_prefix("[STDERR] ").unwrap_or(message).into();
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::Level;

    #[test]
    fn client_and_host_are_in_the_log_id() {
        let e = LiteSpeed.read("2026-11-24 07:30:12.774649 [NOTICE] [1226033] [198.51.100.4:45164:HTTP2-41#Example] [STDERR] PHP Fatal error:  boom", &Context::default()).unwrap();
        assert_eq!(
            (e.level, e.pid.as_deref(), e.message.as_ref()),
            (Level::Notice, Some("1226033"), "PHP Fatal error:  boom")
        );
        let r = e.request.unwrap();
        assert_eq!((r.client.as_deref(), r.host.as_deref()), (Some("198.51.100.4"), Some("Example")));
        let e = LiteSpeed.read("2026-11-24 07:30:12.353044 [INFO] [1226038] [T0] [192.168.9.163:61120-5#Example] User failed", &Context::default()).unwrap();
        assert_eq!(e.request.unwrap().client.as_deref(), Some("192.168.9.163"));
    }

    #[test]
    fn lines_of_others_are_refused() {
        for l in
            ["", "2026-11-24 07:30:12.1 [ERROR] [12] x", "2026-11-24 07:30:12.1 [error] [a] [b#c] x", "é"]
        {
            assert!(LiteSpeed.read(l, &Context::default()).is_none(), "{l}");
        }
    }
}
