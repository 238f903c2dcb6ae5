//! Envoy's application log.
//!
//! ```text
//! [2026-11-24 07:46:58.407][12][warning][config] [source/extensions/config_subscription/grpc/grpc_stream.h:191] DeltaAggregatedResources gRPC config stream to xds_cluster closed: 14, no healthy upstream
//! [2026-11-24 07:46:58.407][12][debug][router] [source/common/router/router.cc:1479] [C7][S12345] upstream reset: reset reason: connection timeout
//! ```
//!
//! Source: <https://www.envoyproxy.io/docs/envoy/latest/operations/cli#cmdoption-log-format>, default
//! `[%Y-%m-%d %T.%e][%t][%l][%n] [%g:%#] %v`.

use super::prefix::{bracketed_stamp, group, level};
use crate::{Context, Entry, LineFormat};

/// Envoy's application log.
pub(super) struct EnvoyLog;

impl LineFormat for EnvoyLog {
    fn name(&self) -> &'static str {
        "envoy"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let (at, rest) = bracketed_stamp(line, context)?;
        let (thread, rest) = group(rest, '[', ']')?;
        let (name, rest) = group(rest, '[', ']')?;
        let (component, rest) = group(rest, '[', ']')?;
        if thread.is_empty() || !thread.bytes().all(|c| c.is_ascii_digit()) {
            return None;
        }
        let level = level(name)?;
        let mut message = rest.strip_prefix(' ').unwrap_or(rest);
        let mut fields = vec![("logger".into(), component.into())];
        if let Some((place, after)) =
            group(message, '[', ']').filter(|(p, _)| p.contains(':') && p.contains('/'))
        {
            fields.push(("place".into(), place.into()));
            message = after.strip_prefix(' ').unwrap_or(after);
        }
        Some(Entry {
            at: Some(at),
            level,
            pid: Some(thread.into()),
            message: message.into(),
            fields,
            ..Entry::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::Level;

    #[test]
    fn thread_level_and_component_are_read() {
        let e = EnvoyLog
            .read("[2026-11-24 07:46:58.407][12][warning][config] [source/common/config/grpc_stream.h:191] gRPC config stream closed: 14", &Context::default())
            .unwrap();
        assert_eq!(
            (e.level, e.pid.as_deref(), e.message.as_ref()),
            (Level::Warn, Some("12"), "gRPC config stream closed: 14")
        );
        let e = EnvoyLog
            .read(
                "[2026-11-24 07:46:58.407][12][debug][router] [C7][S12345] upstream reset",
                &Context::default(),
            )
            .unwrap();
        assert_eq!(e.message, "[C7][S12345] upstream reset");
    }

    #[test]
    fn lines_of_others_are_refused() {
        for l in ["", "[2026-11-24 07:46:58.407] [12] [warning] x", "[2026-11-24 07:46:58][a][b][c] x", "é"]
        {
            assert!(EnvoyLog.read(l, &Context::default()).is_none(), "{l}");
        }
    }
}
