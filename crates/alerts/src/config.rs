//! `alerts.toml`: where what is told, what is to go well, when it is quiet.
//!
//! ```toml
//! [channels.ops]
//! kind = "slack"
//! url = { env = "SLACK_WEBHOOK" }
//!
//! [channels.pager]
//! kind = "pagerduty"
//! key = { file = "/run/secrets/pagerduty" }
//! rules = ["budget", "regressed"]
//!
//! [objectives]
//! default = 99.9
//! checkout = 99.95
//!
//! [quiet]
//! from = "22:00"
//! to = "07:00"
//! zone = "Europe/Amsterdam"
//! ```
//!
//! It is read strictly: what is not known is refused with its line. Secrets do not stand in it.

use crate::channels::{Channel, KINDS, Kind, Resolve};
use crate::notice::Severity;
use crate::quiet::Quiet;
use crate::rules::{Objectives, RULES};
use serde::Deserialize;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Bytes of the file: a hundred channels are a tenth of it.
pub const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// Channels: each has a thread of its own.
const CHANNELS_MAX: usize = 50;
/// Letters of a channel's name.
const NAME_CHARS_MAX: usize = 64;

/// Where a secret is to be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// In a variable of the server's environment.
    Env(String),
    /// In a file, without the line's end.
    File(PathBuf),
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Secret, D::Error> {
        use serde::de::Error;
        let wrong = || {
            D::Error::custom(
                "a secret is not written down here: { env = \"NAME\" } or { file = \"PATH\" } says where it is",
            )
        };
        let toml::Value::Table(table) = toml::Value::deserialize(d)? else { return Err(wrong()) };
        let mut all = table.into_iter();
        match (all.next(), all.next()) {
            (Some((key, toml::Value::String(name))), None) if key == "env" && !name.is_empty() => {
                Ok(Secret::Env(name))
            }
            (Some((key, toml::Value::String(path))), None) if key == "file" && !path.is_empty() => {
                Ok(Secret::File(path.into()))
            }
            _ => Err(wrong()),
        }
    }
}

/// A setting that may be a secret, or not.
pub(crate) enum Text {
    Plain(String),
    Secret(Secret),
}

impl Text {
    pub(crate) fn get(&self, resolve: Resolve<'_>) -> Result<String, String> {
        match self {
            Text::Plain(text) => Ok(text.clone()),
            Text::Secret(secret) => resolve(secret),
        }
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Text, D::Error> {
        use serde::de::Error;
        match toml::Value::deserialize(d)? {
            toml::Value::String(text) => Ok(Text::Plain(text)),
            toml::Value::Integer(n) => Ok(Text::Plain(n.to_string())),
            other => {
                other.try_into().map(Text::Secret).map_err(|e: toml::de::Error| D::Error::custom(e.message()))
            }
        }
    }
}

/// A channel with what goes to it.
pub struct Place {
    /// Its name.
    pub name: String,
    /// Its kind's name.
    pub kind: &'static str,
    /// The least severity that it is told.
    pub least: Severity,
    /// The rules that it hears; all where it is empty.
    pub rules: Vec<String>,
    /// The projects that it hears of, by name; all where it is empty.
    pub projects: Vec<String>,
    /// It may lie on a private network, or on this machine.
    pub allow_private: bool,
    /// It.
    pub channel: Box<dyn Channel>,
    /// What must not be shown anywhere.
    pub secrets: Vec<String>,
}

impl Place {
    /// Is it told what a rule says of a project?
    pub fn hears(&self, project: &str, rules: &[String], severity: Severity) -> bool {
        severity >= self.least
            && (self.rules.is_empty() || rules.iter().any(|r| self.rules.contains(r)))
            && (self.projects.is_empty() || self.projects.iter().any(|p| p == project))
    }
}

/// The configuration.
#[derive(Default)]
pub struct Config {
    /// Channels by name.
    pub channels: Vec<Place>,
    /// What is to go well.
    pub objectives: Objectives,
    /// When it is quiet.
    pub quiet: Option<Quiet>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    channels: BTreeMap<String, toml::Table>,
    #[serde(default)]
    objectives: BTreeMap<String, f64>,
    quiet: Option<RawQuiet>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawQuiet {
    from: String,
    to: String,
    #[serde(default)]
    days: Vec<String>,
    zone: Option<String>,
}

/// What all channels have.
#[derive(Deserialize)]
struct Common {
    kind: String,
    least: Option<Severity>,
    #[serde(default)]
    rules: Vec<String>,
    #[serde(default)]
    projects: Vec<String>,
    #[serde(default)]
    allow_private: bool,
}

/// The keys of [`Common`].
const COMMON: [&str; 5] = ["kind", "least", "rules", "projects", "allow_private"];

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Config {
    /// Reads the text of the file. `resolve` finds secrets.
    ///
    /// # Errors
    /// What is wrong, with the line and the key: `line 7: channels.ops.urll: unknown field …`. No value is quoted.
    pub fn parse(text: &str, resolve: Resolve<'_>) -> Result<Config, String> {
        let raw: Raw = toml::from_str(text).map_err(|e| {
            let line = e.span().map_or(1, |s| line_at(text, s.start));
            format!("line {line}: {}", e.message())
        })?;
        if raw.channels.len() > CHANNELS_MAX {
            return Err(format!("there are {} channels; {CHANNELS_MAX} are the most", raw.channels.len()));
        }
        let channels = raw
            .channels
            .into_iter()
            .map(|(name, table)| {
                let keys: Vec<String> = table.keys().cloned().collect();
                place(&name, table, resolve).map_err(|why| {
                    let (line, key) = blame(text, &format!("channels.{name}"), &keys, &why);
                    format!("line {line}: channels.{name}{key}: {why}")
                })
            })
            .collect::<Result<_, _>>()?;
        let mut objectives = Objectives::default();
        for (service, percent) in raw.objectives {
            if !(50.0..100.0).contains(&percent) {
                let (line, _) =
                    blame(text, "objectives", std::slice::from_ref(&service), &format!("`{service}`"));
                return Err(format!(
                    "line {line}: objectives.{service}: a percentage of 50 up to below 100 is expected: 99.9"
                ));
            }
            match service.as_str() {
                "default" => objectives.usual = percent / 100.0,
                _ => {
                    objectives.services.insert(service, percent / 100.0);
                }
            }
        }
        let quiet = raw.quiet.map(|q| {
            quiet(q).map_err(|(key, why)| {
                let (line, _) = blame(text, "quiet", &[key.to_owned()], &format!("`{key}`"));
                format!("line {line}: quiet.{key}: {why}")
            })
        });
        Ok(Config { channels, objectives, quiet: quiet.transpose()? })
    }

    /// The channel of that name.
    pub fn channel(&self, name: &str) -> Option<&Place> {
        self.channels.iter().find(|p| p.name == name)
    }
}

fn quiet(raw: RawQuiet) -> Result<Quiet, (&'static str, String)> {
    let minute = |key, text: &str| {
        Quiet::minute(text).ok_or((key, "a time of the day is expected: \"22:00\"".to_owned()))
    };
    let days = raw.days.iter().map(|d| {
        let found = DAYS.iter().position(|name| name == d).and_then(|n| i64::try_from(n).ok());
        found.ok_or(("days", format!("one of {} is expected", DAYS.join(", "))))
    });
    Ok(Quiet {
        from: minute("from", &raw.from)?,
        to: minute("to", &raw.to)?,
        days: days.collect::<Result<_, _>>()?,
        zone: raw.zone,
    })
}

fn place(name: &str, mut table: toml::Table, resolve: Resolve<'_>) -> Result<Place, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.chars().all(plain) {
        return Err(format!("a channel's name has 1 to {NAME_CHARS_MAX} letters, digits, - and _"));
    }
    let mut common = toml::Table::new();
    for key in COMMON {
        if let Some(value) = table.remove(key) {
            common.insert(key.to_owned(), value);
        }
    }
    let common: Common = common.try_into().map_err(|e: toml::de::Error| e.message().to_owned())?;
    let kind = Kind::named(&common.kind).ok_or_else(|| {
        let all: Vec<&str> = KINDS.iter().map(|k| k.name).collect();
        format!("`kind` is none of {}", all.join(", "))
    })?;
    if common.rules.iter().any(|wanted| RULES.iter().all(|r| r.name != wanted)) {
        let all: Vec<&str> = RULES.iter().map(|r| r.name).collect();
        return Err(format!("`rules`: some are none of {}", all.join(", ")));
    }
    let secrets = RefCell::new(Vec::new());
    let noting = |secret: &Secret| {
        let found = resolve(secret)?;
        secrets.borrow_mut().push(found.trim().to_owned());
        Ok(found)
    };
    let channel = kind.build(table, &noting)?;
    Ok(Place {
        name: name.to_owned(),
        kind: kind.name,
        least: common.least.unwrap_or(kind.least),
        rules: common.rules,
        projects: common.projects,
        allow_private: common.allow_private,
        channel,
        secrets: secrets.into_inner(),
    })
}

/// The line of a byte, from 1.
fn line_at(text: &str, byte: usize) -> usize {
    1 + text.bytes().take(byte).filter(|b| *b == b'\n').count()
}

/// The line of a table's key that an error names in backticks, or of the table; with the key as `.key`.
fn blame(text: &str, table: &str, keys: &[String], why: &str) -> (usize, String) {
    let named = why.split('`').nth(1).filter(|k| keys.iter().any(|have| have == k));
    let head = format!("[{table}]");
    let mut lines = text.lines().enumerate().skip_while(|(_, l)| l.replace(['"', ' '], "") != head);
    let at = lines.next().map_or(1, |(i, _)| i + 1);
    let Some(key) = named else { return (at, String::new()) };
    let mut within = lines.take_while(|(_, l)| !l.trim_start().starts_with('['));
    let found = within.find(|(_, l)| l.split('=').next().is_some_and(|k| k.trim().trim_matches('"') == key));
    (found.map_or(at, |(i, _)| i + 1), format!(".{key}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(secret: &Secret) -> Result<String, String> {
        match secret {
            Secret::Env(name) if name == "GONE" => Err("the variable GONE is not set".to_owned()),
            Secret::Env(_) => Ok("https://hooks.example/T0/B0/secret\n".to_owned()),
            Secret::File(_) => Ok("R0UT1NGKEY".to_owned()),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let text = "[channels.ops]\nkind = \"slack\"\nurl = { env = \"X\" }\n[channels.pager]\nkind = \"pagerduty\"\nkey = { file = \"/k\" }\n\
                    rules = [\"budget\"]\nallow_private = true\n[objectives]\ndefault = 99\ncheckout = 99.95\n[quiet]\nfrom = \"22:00\"\n\
                    to = \"07:00\"\ndays = [\"sun\"]\n";
        let config = Config::parse(text, &resolve).unwrap();
        let names: Vec<_> =
            config.channels.iter().map(|c| (c.name.as_str(), c.kind, c.least, c.allow_private)).collect();
        assert_eq!(
            names,
            [("ops", "slack", Severity::Info, false), ("pager", "pagerduty", Severity::Warning, true)]
        );
        assert_eq!(config.channels[0].secrets, ["https://hooks.example/T0/B0/secret"]);
        assert!((config.objectives.of("checkout") - 0.9995).abs() < 1e-9);
        assert!((config.objectives.of("other") - 0.99).abs() < 1e-9);
        assert_eq!(config.quiet.map(|q| q.days), Some(vec![6]));
    }

    #[test]
    fn what_is_wrong_is_said_with_line_and_key_and_no_value() {
        let cases = [
            ("[channels.a]\nkind = \"slack\"\nurll = 1\n", "line 3: channels.a.urll: unknown field `urll`"),
            ("[channels.a]\nkind = \"slack\"\n", "line 1: channels.a: missing field `url`"),
            (
                "\n[channels.a]\nkind = \"slack\"\nurl = \"https://hooks.example/s3cret\"\n",
                "line 4: channels.a.url: `url`: a secret is not written down",
            ),
            (
                "[channels.a]\nkind = \"pigeon\"\n",
                "line 2: channels.a.kind: `kind` is none of webhook, slack",
            ),
            ("[channels.a]\nkind = \"slack\"\nurl = { env = \"GONE\" }\n", "the variable GONE is not set"),
            (
                "[channels.a]\nkind = \"slack\"\nrules = [\"x\"]\nurl = { env = \"X\" }\n",
                "line 3: channels.a.rules:",
            ),
            ("[objectives]\ncheckout = 0.999\n", "line 2: objectives.checkout: a percentage"),
            ("[quiet]\nfrom = \"22\"\nto = \"07:00\"\n", "line 2: quiet.from:"),
            ("[quite]\n", "line 1: unknown field `quite`"),
            ("x = \n", "line 1:"),
        ];
        for (text, said) in cases {
            let why = Config::parse(text, &resolve).err().unwrap();
            assert!(why.contains(said), "{text}: {why}");
            assert!(!why.contains("s3cret"), "{why}");
        }
    }
}
