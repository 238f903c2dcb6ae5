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

    /// Syslog's severities, 0 to 7 (RFC 5424 §6.2.1), which GELF and the journal's PRIORITY share.
    pub fn of_syslog(n: i64) -> Option<Level> {
        Some(match n {
            0..=2 => Level::Fatal,
            3 => Level::Error,
            4 => Level::Warn,
            5 => Level::Notice,
            6 => Level::Info,
            7 => Level::Debug,
            _ => return None,
        })
    }

    /// OpenTelemetry's `SeverityNumber`: from 1 on, four steps each of trace, debug, info, warn, error, fatal.
    pub fn of_otel(n: i64) -> Option<Level> {
        Some(match n {
            1..=4 => Level::Trace,
            5..=8 => Level::Debug,
            9..=12 => Level::Info,
            13..=16 => Level::Warn,
            17..=20 => Level::Error,
            21.. => Level::Fatal,
            _ => return None,
        })
    }

    /// Reads a severity's number, whoever wrote it: syslog's, pino's and bunyan's 10 to 60, Monolog's 100 to 600,
    /// logback's and log4js' 5,000 to 50,000. log4j2's go the other way, but stand beside a name.
    pub fn of_number(n: i64) -> Option<Level> {
        Some(match n {
            0..=7 => return Level::of_syslog(n),
            10..=19 => Level::Trace,
            20..=29 => Level::Debug,
            30..=39 => Level::Info,
            40..=49 => Level::Warn,
            50..=59 => Level::Error,
            60..=69 => Level::Fatal,
            100..=199 => Level::Debug,
            200..=249 => Level::Info,
            250..=299 => Level::Notice,
            300..=399 => Level::Warn,
            400..=499 => Level::Error,
            500..=600 => Level::Fatal,
            5_000 => Level::Trace,
            10_000 => Level::Debug,
            20_000 => Level::Info,
            30_000 => Level::Warn,
            40_000 => Level::Error,
            50_000 => Level::Fatal,
            _ => return None,
        })
    }

    /// Is it error or worse?
    pub fn is_error(self) -> bool {
        self >= Level::Error
    }
}
