//! Severity, as writers name it.

use serde::{Deserialize, Serialize};

/// Severity of a record. `Unknown` where the log has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Level {
    /// No level in the log.
    #[default]
    Unknown,
    /// trace, finest, silly
    Trace,
    /// debug, fine, verbose
    Debug,
    /// info, log, http
    Info,
    /// notice
    Notice,
    /// warn
    Warn,
    /// error, severe
    Error,
    /// crit, alert, emerg, fatal, panic
    Fatal,
}

impl Level {
    /// Reads a level's name in any of the usual spellings; case does not matter.
    pub fn parse(name: &str) -> Option<Level> {
        if name.len() > 13 || name.is_empty() {
            return None;
        }
        let mut low = [0u8; 13];
        for (to, from) in low.iter_mut().zip(name.bytes()) {
            *to = from.to_ascii_lowercase();
        }
        Some(match &low[..name.len()] {
            b"trace" | b"finest" | b"finer" | b"silly" | b"trc" | b"trce" => Level::Trace,
            b"debug" | b"fine" | b"verbose" | b"dbg" | b"dbug" | b"vrb" | b"debg" | b"debug1" | b"debug2"
            | b"debug3" | b"debug4" | b"debug5" => Level::Debug,
            b"info" | b"information" | b"informational" | b"log" | b"http" | b"config" | b"inf"
            | b"success" | b"statement" | b"detail" | b"hint" | b"context" => Level::Info,
            b"notice" | b"note" | b"system" => Level::Notice,
            b"warn" | b"warning" | b"wrn" | b"warni" => Level::Warn,
            b"error" | b"err" | b"severe" | b"eror" | b"fail" | b"failure" | b"erro" | b"exception" => {
                Level::Error
            }
            b"crit" | b"critical" | b"alert" | b"emerg" | b"emergency" | b"fatal" | b"panic" | b"ftl"
            | b"dpanic" | b"crt" => Level::Fatal,
            _ => return None,
        })
    }

    /// Is it error or worse?
    pub fn is_error(self) -> bool {
        self >= Level::Error
    }
}
