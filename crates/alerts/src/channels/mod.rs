//! Channels: what a notice is to each of them. One file per kind, one table.

mod command;
mod discord;
mod email;
mod github;
mod gitlab;
mod markdown;
mod ntfy;
mod opsgenie;
mod pagerduty;
mod slack;
mod teams;
mod telegram;
mod webhook;

use crate::config::Secret;
use crate::notice::{Notice, Severity};
use record::Time;
use serde_json::Value;

/// An HTTP request to be made.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// `POST`, …
    pub method: &'static str,
    /// With all that is secret in it.
    pub url: String,
    /// Names in small letters, and values.
    pub headers: Vec<(&'static str, String)>,
    /// Its body.
    pub body: String,
    /// It only adds to what a step before it did: refused, it changes nothing.
    pub optional: bool,
}

/// An answer that is no success.
pub struct Refusal<'a> {
    /// Its status.
    pub status: u16,
    /// The value of a header, by its name in small letters.
    pub header: &'a dyn Fn(&str) -> Option<String>,
    /// What it says.
    pub answer: &'a str,
    /// When it came.
    pub at: Time,
}

/// How a mail goes to its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// TLS from the first byte (RFC 8314).
    Whole,
    /// STARTTLS, and nothing without it (RFC 3207).
    Start,
    /// In clear.
    Off,
}

/// A mail to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// The server's name or address.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// How it is spoken to.
    pub tls: Tls,
    /// User and password.
    pub login: Option<(String, String)>,
    /// `why500 <why500@example.com>`
    pub from: String,
    /// As `from`.
    pub to: Vec<String>,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// Its own id, `<…@…>`.
    pub id: String,
    /// The id of the mail that it follows.
    pub follows: Option<String>,
}

/// A command to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The program and its arguments; no shell reads them.
    pub argv: Vec<String>,
    /// Variables beside those that are there.
    pub environment: Vec<(&'static str, String)>,
    /// What it reads.
    pub stdin: String,
    /// Seconds after which it is ended.
    pub seconds_max: u64,
}

/// Something to be done.
#[derive(Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// A request.
    Http(Request),
    /// A mail.
    Mail(Box<Mail>),
    /// A command.
    Run(Run),
}

impl Outgoing {
    /// The same, if it can be had: see [`Request::optional`].
    fn or_not(mut self) -> Outgoing {
        if let Outgoing::Http(request) = &mut self {
            request.optional = true;
        }
        self
    }
}

/// One sending of a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The same however often it is tried, another for each notice.
    pub id: String,
    /// When it is tried.
    pub at: Time,
    /// What the other side calls the message that was sent of the same alert before.
    pub before: Option<String>,
}

/// A place where people are told.
pub trait Channel: Send + Sync {
    /// What is to be done, in this order; what comes after a failure is left. The reference is in the answer to the first.
    fn outgoing(&self, notice: &Notice, delivery: &Delivery) -> Vec<Outgoing>;

    /// What the other side calls the message, from its answer to the first request.
    fn reference(&self, _answer: &str) -> Option<String> {
        None
    }

    /// A message can be changed after it was sent.
    fn edits(&self) -> bool {
        false
    }

    /// Something stays open there until it is closed: an incident, an issue.
    fn holds_open(&self) -> bool {
        false
    }

    /// A refusal that is none: what was asked for is so already.
    fn forgives(&self, _status: u16, _answer: &str) -> bool {
        false
    }

    /// Seconds to wait that stand elsewhere than in `Retry-After`.
    fn wait_s(&self, _refusal: &Refusal<'_>) -> Option<u64> {
        None
    }

    /// Refused so, it may be taken later.
    fn passes(&self, status: u16) -> bool {
        status >= 500 || matches!(status, 408 | 425 | 429)
    }

    /// Refused so, what the message is about is there no more: it is told anew.
    fn is_gone(&self, _status: u16) -> bool {
        false
    }

    /// Seconds between two requests, as the other side asks for.
    fn gap_s(&self) -> u64 {
        0
    }
}

/// Finds what a secret is.
pub type Resolve<'a> = &'a dyn Fn(&Secret) -> Result<String, String>;

/// A kind of channel.
pub struct Kind {
    /// Its name in the configuration.
    pub name: &'static str,
    /// What it tells, unless set otherwise.
    pub least: Severity,
    /// Makes one from its settings.
    build: Build,
}

/// Makes a channel from its settings.
type Build = fn(toml::Table, Resolve<'_>) -> Result<Box<dyn Channel>, String>;

/// All kinds.
pub const KINDS: [Kind; 12] = [
    Kind { name: "webhook", least: Severity::Info, build: webhook::build },
    Kind { name: "slack", least: Severity::Info, build: slack::build },
    Kind { name: "teams", least: Severity::Info, build: teams::build },
    Kind { name: "discord", least: Severity::Info, build: discord::build },
    Kind { name: "telegram", least: Severity::Info, build: telegram::build },
    Kind { name: "email", least: Severity::Info, build: email::build },
    Kind { name: "pagerduty", least: Severity::Warning, build: pagerduty::build },
    Kind { name: "opsgenie", least: Severity::Warning, build: opsgenie::build },
    Kind { name: "ntfy", least: Severity::Info, build: ntfy::build },
    Kind { name: "github", least: Severity::Warning, build: github::build },
    Kind { name: "gitlab", least: Severity::Warning, build: gitlab::build },
    Kind { name: "command", least: Severity::Info, build: command::build },
];

impl Kind {
    /// The kind of that name.
    pub fn named(name: &str) -> Option<&'static Kind> {
        KINDS.iter().find(|k| k.name == name)
    }

    /// Makes a channel.
    ///
    /// # Errors
    /// A setting is missing, not known, or wrong; or a secret is not to be had.
    pub fn build(&self, settings: toml::Table, resolve: Resolve<'_>) -> Result<Box<dyn Channel>, String> {
        (self.build)(settings, resolve)
    }
}

/// A request whose body is JSON.
fn json(method: &'static str, url: String, headers: Vec<(&'static str, String)>, body: &Value) -> Outgoing {
    let mut all = vec![("content-type", "application/json".to_owned())];
    all.extend(headers);
    Outgoing::Http(Request { method, url, headers: all, body: body.to_string(), optional: false })
}

/// The settings of a kind.
fn settings<T: serde::de::DeserializeOwned>(table: toml::Table) -> Result<T, String> {
    table.try_into().map_err(|e: toml::de::Error| {
        // Which key it is stands only in the whole text: "…\nin `url`\n".
        let whole = e.to_string();
        let key = whole.lines().rev().find_map(|l| l.strip_prefix("in `")?.strip_suffix('`'));
        match key {
            Some(key) => format!("`{key}`: {}", e.message()),
            None => e.message().to_owned(),
        }
    })
}

/// An address to which paths are added: without a slash at its end.
///
/// # Errors
/// As [`address`].
fn base(name: &str, url: &str) -> Result<String, String> {
    address(name, url.trim().trim_end_matches('/'))
}

/// An address as it stands.
///
/// # Errors
/// It is none of HTTP's. What it is is not said: it may be a secret.
fn address(name: &str, url: &str) -> Result<String, String> {
    let url = url.trim();
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let plain = url.bytes().all(|b| b.is_ascii_graphic());
    match host {
        Some(host) if plain && !host.is_empty() && !host.starts_with('/') => Ok(url.to_owned()),
        _ => Err(format!("`{name}` is no address: it begins with https:// (or http://) and has no blanks")),
    }
}

/// A value that goes into a header.
///
/// # Errors
/// It has more than one line, or nothing.
fn header(name: &str, value: String) -> Result<String, String> {
    let value = value.trim().to_owned();
    if value.is_empty() || value.bytes().any(|b| !(b' '..=b'~').contains(&b)) {
        return Err(format!("`{name}` is empty, or has letters that no header can have"));
    }
    Ok(value)
}

/// A part of a path, with all but plain letters as `%XX` (RFC 3986 §2.1).
fn percent(text: &str) -> String {
    let mut out = String::new();
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}
