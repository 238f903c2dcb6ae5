//! Elasticsearch, OpenSearch and Logstash as text.
//!
//! ```text
//! [2026-11-24T07:05:11,835][WARN ][o.e.c.r.a.DiskThresholdMonitor] [node-1] high disk watermark [90%] exceeded on …
//! [2026-11-24T07:05:11,835][ERROR][logstash.outputs.elasticsearch][main] Could not index event
//! ```
//!
//! Source: their `log4j2.properties`: `[%d{ISO8601}][%-5p][%-25c{1.}] [%node_name]%marker %m%n`.

use super::stamp;
use crate::{Context, Entry, LineFormat};
use record::Level;

/// Elasticsearch and its family.
pub(super) struct Elasticsearch;

impl LineFormat for Elasticsearch {
    fn name(&self) -> &'static str {
        "elasticsearch"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let inner = line.strip_prefix('[')?;
        if inner.as_bytes().get(10) != Some(&b'T') {
            return None;
        }
        let (at, rest) = stamp(inner, context)?;
        let (level, rest) = rest.strip_prefix("][")?.split_once("][")?;
        let level = match level.trim_end() {
            "DEPRECATION" | "CRITICAL" => Level::Warn,
            l => Level::parse(l)?,
        };
        let (logger, rest) = rest.split_once(']')?;
        let rest = rest.trim_start_matches(' ');
        let mut entry =
            Entry { at: Some(at), level, service: Some(logger.trim_end().into()), ..Entry::default() };
        // The node; messages begin with brackets too, so only a name without blanks is one.
        entry.message = match rest.strip_prefix('[').and_then(|r| r.split_once(']')) {
            Some((node, message)) if !node.is_empty() && !node.contains([' ', '/', '%']) => {
                entry.node = Some(node.into());
                message.trim_start_matches(' ').into()
            }
            _ => rest.into(),
        };
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn level_logger_and_node() {
        let c = Context::default();
        let line = "[2026-11-24T07:05:11,835][WARN ][o.e.c.r.a.DiskThresholdMonitor] [node-1] high disk watermark [90%] exceeded";
        let e = Elasticsearch.read(line, &c).unwrap();
        assert_eq!((e.level, e.node.as_deref()), (Level::Warn, Some("node-1")));
        assert_eq!(
            (e.service.as_deref(), e.message.as_ref()),
            (Some("o.e.c.r.a.DiskThresholdMonitor"), "high disk watermark [90%] exceeded")
        );
        for l in ["[2026-11-24T07:05:11.835][INFO] payments - x", "[2026-11-24 07:05:11][a][b] x", "[x", ""] {
            assert!(Elasticsearch.read(l, &c).is_none(), "{l}");
        }
    }
}
