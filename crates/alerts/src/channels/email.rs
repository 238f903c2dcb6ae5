//! Mail. All that is told of an alert since it opened is one conversation: each mail follows the first (RFC 5322 §3.6.4).
//!
//! Ports: 465 with TLS from the first byte (RFC 8314 §3.3), 587 with STARTTLS.

use super::{Channel, Delivery, Mail, Outgoing, Resolve, Tls, settings};
use crate::config::Secret;
use crate::notice::{Event, Notice, line};
use serde::Deserialize;

/// Receivers of one channel: more are a list's matter.
const RECEIVERS_MAX: usize = 50;
/// Characters of a subject: what mail programs show in a list, and some.
const SUBJECT_CHARS_MAX: usize = 160;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    server: String,
    port: Option<u16>,
    tls: Option<Way>,
    user: Option<String>,
    password: Option<Secret>,
    from: String,
    to: Vec<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Way {
    Tls,
    Starttls,
    None,
}

struct Email {
    server: String,
    port: u16,
    tls: Tls,
    login: Option<(String, String)>,
    from: String,
    to: Vec<String>,
    /// Behind the `@` of ids.
    domain: String,
}

/// One line with an `@`: the program that sends reads it strictly.
fn mailbox(name: &str, text: &str) -> Result<String, String> {
    let fits = text.contains('@') && !text.chars().any(char::is_control);
    if fits {
        Ok(text.trim().to_owned())
    } else {
        Err(format!("`{name}`: a mail address is expected: ops@example.com"))
    }
}

pub(super) fn build(table: toml::Table, resolve: Resolve<'_>) -> Result<Box<dyn Channel>, String> {
    let set: Settings = settings(table)?;
    let tls = match set.tls {
        Some(Way::Tls) => Tls::Whole,
        Some(Way::Starttls) => Tls::Start,
        Some(Way::None) => Tls::Off,
        None if set.port == Some(465) => Tls::Whole,
        None => Tls::Start,
    };
    let usual = match tls {
        Tls::Whole => 465,
        Tls::Start => 587,
        Tls::Off => 25,
    };
    let login = match (set.user, &set.password) {
        (Some(user), Some(password)) => {
            Some((user, resolve(password)?.trim_end_matches(['\r', '\n']).to_owned()))
        }
        (None, None) => None,
        _ => return Err("`user` and `password` go together".to_owned()),
    };
    if tls == Tls::Off && login.is_some() {
        return Err("`tls = \"none\"` would send the password in clear: use starttls or tls".to_owned());
    }
    if set.to.is_empty() || set.to.len() > RECEIVERS_MAX {
        return Err(format!("`to`: 1 to {RECEIVERS_MAX} addresses are expected"));
    }
    let from = mailbox("from", &set.from)?;
    let domain: String = from
        .rsplit('@')
        .next()
        .unwrap_or_default()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))
        .collect();
    let to = set.to.iter().map(|t| mailbox("to", t)).collect::<Result<_, _>>()?;
    let port = set.port.unwrap_or(usual);
    Ok(Box::new(Email { server: set.server.trim().to_owned(), port, tls, login, from, to, domain }))
}

impl Channel for Email {
    fn outgoing(&self, n: &Notice, d: &Delivery) -> Vec<Outgoing> {
        let since: String = n.since.chars().filter(char::is_ascii_digit).collect();
        let first = format!("<{}.{since}@{}>", n.key, self.domain);
        let own = format!("<{}.{}@{}>", n.key, d.id, self.domain);
        let (id, follows) = if n.event == Event::Opened { (first, None) } else { (own, Some(first)) };
        let mut text = n.plain();
        text.push_str("\n\n-- \nwhy500\n");
        vec![Outgoing::Mail(Box::new(Mail {
            server: self.server.clone(),
            port: self.port,
            tls: self.tls,
            login: self.login.clone(),
            from: self.from.clone(),
            to: self.to.clone(),
            subject: line(&n.headline(), SUBJECT_CHARS_MAX),
            text,
            id,
            follows,
        }))]
    }
}
