//! A request as it is sent, and what came back.

use record::scrub;
use std::fmt::Write as _;

/// Bytes of a body that are kept; a page that leaks does so in its first part.
pub const BODY_BYTES_MAX: usize = 256 << 10;

/// A request as it is sent, byte for byte.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// Path and query as they stand in the request line, percent-encoded: `/orders/7?page=2`.
    pub target: String,
    /// In the order in which they are sent; a name may come twice.
    pub headers: Vec<(String, String)>,
    /// The body; `None` sends none.
    pub body: Option<Vec<u8>>,
    /// Headers whose value was made up: no secret, whatever their name.
    pub made_up: Vec<String>,
}

/// What came back.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// How it ended.
    pub end: End,
    /// The status; 0 where none came.
    pub status: u16,
    /// As they came.
    pub headers: Vec<(String, String)>,
    /// The body's first [`BODY_BYTES_MAX`] bytes.
    pub body: Vec<u8>,
    /// Bytes of the body that were read, more than are kept.
    pub bytes: u64,
    /// From the request's first byte to the answer's last, in microseconds.
    pub took_us: u64,
    /// When it was sent, in microseconds since 1970.
    pub at_us: i64,
}

/// How an exchange ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// With an answer.
    #[default]
    Answered,
    /// Nothing, or not all, came within the time that was given.
    TimedOut,
    /// The server closed the connection before its answer was whole.
    Cut,
    /// What came is no HTTP; why.
    Broken(String),
    /// No connection was had; why. It says nothing about the request.
    NotReached(String),
    /// No client can send this; why.
    NotSent(String),
}

impl Request {
    /// A request without headers or body.
    pub fn new(method: &str, target: &str) -> Request {
        Request { method: method.to_owned(), target: target.to_owned(), ..Request::default() }
    }

    /// The value of the first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// Puts a header in place of all of its name.
    pub fn set_header(&mut self, name: &str, value: &str) {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// The path without query.
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(p, _)| p)
    }

    /// Does it only read, so that sending it changes nothing (RFC 9110 §9.2.1)?
    pub fn is_safe(&self) -> bool {
        is_safe(&self.method)
    }

    /// A `curl` command that sends exactly this to the server at `base` (`http://host:port`), for a POSIX shell. Secrets of
    /// headers are named by the environment variable that holds them, never written.
    pub fn curl(&self, base: &str) -> String {
        let mut out = String::from("curl -sS -i");
        match (self.method.as_str(), &self.body) {
            ("GET", None) => {}
            ("HEAD", _) => out.push_str(" --head"),
            (m, _) => {
                let _ = write!(out, " -X {}", quoted(m.as_bytes()));
            }
        }
        // Brackets and braces would be taken for ranges, dot segments taken out.
        let path = self.path();
        if self.target.contains(['[', ']', '{', '}']) {
            out.push_str(" -g");
        }
        if path.split('/').any(|s| s == "." || s == "..") {
            out.push_str(" --path-as-is");
        }
        let _ = write!(out, " {}", quoted(format!("{base}{}", self.target).as_bytes()));
        for (name, value) in &self.headers {
            if name.eq_ignore_ascii_case("content-length") || name.eq_ignore_ascii_case("host") {
                continue;
            }
            if is_secret(name) && !self.made_up.contains(name) {
                let _ = write!(out, " -H \"{name}: ${}\"", variable(name));
            } else if value.is_empty() {
                let _ = write!(out, " -H {}", quoted(format!("{name};").as_bytes()));
            } else {
                let _ = write!(out, " -H {}", quoted(format!("{name}: {value}").as_bytes()));
            }
        }
        if let Some(body) = &self.body {
            // curl would name a form's type where none is given.
            if self.header("content-type").is_none() {
                out.push_str(" -H 'Content-Type:'");
            }
            let _ = write!(out, " --data-binary {}", quoted(body));
        }
        out
    }
}

impl Answer {
    /// The value of the first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The media type without parameters, in small letters; empty where none is told.
    pub fn media(&self) -> String {
        media(self.header("content-type").unwrap_or_default())
    }

    /// The body as text.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// Did the server fail this request: 5xx, a cut connection, no answer in time?
    pub fn failed(&self) -> bool {
        match self.end {
            End::Answered => self.status >= 500,
            End::TimedOut | End::Cut | End::Broken(_) => true,
            End::NotReached(_) | End::NotSent(_) => false,
        }
    }

    /// Was it taken?
    pub fn is_ok(&self) -> bool {
        self.end == End::Answered && (200..300).contains(&self.status)
    }
}

/// `application/json; charset=utf-8` → `application/json`.
pub fn media(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Does this method only read (RFC 9110 §9.2.1)?
pub fn is_safe(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
}

/// Headers whose value is a secret whatever it looks like.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    matches!(name.as_str(), "authorization" | "proxy-authorization" | "cookie")
        || ["api-key", "apikey", "token", "secret", "password"].iter().any(|w| name.contains(w))
}

/// The environment variable that holds a secret header: `X-Api-Key` → `WHY500_X_API_KEY`.
pub fn variable(name: &str) -> String {
    let upper: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    format!("WHY500_{upper}")
}

/// A word for a POSIX shell. What is no plain text is written so that bash and zsh read the same bytes (`$'\xff'`).
fn quoted(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(|c| c.is_control() && c != '\n') => {
            let text = scrub::scrub(text);
            format!("'{}'", text.replace('\'', r"'\''"))
        }
        _ => {
            let mut out = String::from("$'");
            for &b in bytes {
                match b {
                    b'\'' => out.push_str(r"\'"),
                    b'\\' => out.push_str(r"\\"),
                    b'\n' => out.push_str(r"\n"),
                    0x20..=0x7e => out.push(b as char),
                    _ => {
                        let _ = write!(out, "\\x{b:02x}");
                    }
                }
            }
            out.push('\'');
            out
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_sends_what_was_sent() {
        let mut r = Request::new("POST", "/search?q=it's");
        r.set_header("Content-Type", "application/json");
        r.set_header("Authorization", "Bearer abc");
        r.body = Some(b"{\"a\": \"it's\"}".to_vec());
        assert_eq!(
            r.curl("http://127.0.0.1:1"),
            r#"curl -sS -i -X 'POST' 'http://127.0.0.1:1/search?q=it'\''s' -H 'Content-Type: application/json' -H "Authorization: $WHY500_AUTHORIZATION" --data-binary '{"a": "it'\''s"}'"#
        );
        let r = Request { body: Some(vec![0xff, b'\'', b'\n']), ..Request::new("PUT", "/a/../b") };
        assert_eq!(
            r.curl("http://h"),
            r"curl -sS -i -X 'PUT' --path-as-is 'http://h/a/../b' -H 'Content-Type:' --data-binary $'\xff\'\n'"
        );
    }
}
