//! What may be probed: one file per kind of description, from its text to operations or to requests as samples.

pub mod curl;
mod form;
pub mod graphql;
pub mod har;
pub mod http_file;
pub mod insomnia;
pub mod kind;
mod notes;
pub mod openapi;
pub mod postman;
pub mod samples;
mod variables;

pub use kind::{Kind, tell};

/// Requests of one collection that are taken; the largest public ones have some 2,000, and whoever probes sends each several times.
pub const SAMPLES_MAX: usize = 10_000;

/// One request as somebody wrote or recorded it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// What its collection calls it, folders before it: `Orders / create`.
    pub name: String,
    /// `GET`, `POST`, …
    pub method: String,
    /// With scheme and host, where the collection tells them; else path and query.
    pub url: String,
    /// In their order, without those that a client makes by itself (Host, Content-Length, Connection, Accept-Encoding …).
    pub headers: Vec<(String, String)>,
    /// The body, empty where there is none.
    pub body: Vec<u8>,
}

/// What a collection tells.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    /// In its order.
    pub list: Vec<Sample>,
    /// What could not be followed: scripts that are not run, variables without a value. Whole sentences, each once.
    pub notes: Vec<String>,
}

/// Headers that whoever sends makes by itself, or that belong to the connection (RFC 9110 §7.6.1) and not to the request.
const OF_THE_CLIENT: [&str; 9] = [
    "host",
    "content-length",
    "connection",
    "accept-encoding",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "te",
    "upgrade",
];

impl Sample {
    /// The value of the first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// Adds a header, unless a client makes it by itself or its name is none (RFC 9110 §5.1); line breaks in its value become
    /// blanks, so that nobody's text becomes a header more.
    fn add_header(&mut self, name: &str, value: &str) {
        let name = name.trim();
        let is_name = !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_graphic() && !br#"(),/:;<=>?@[\]{}""#.contains(&b));
        // A variable without a value stays in the name as it is written; it is no header's name.
        if is_name && !OF_THE_CLIENT.iter().any(|c| name.eq_ignore_ascii_case(c)) {
            let value = value.trim().replace(['\r', '\n', '\0'], " ");
            self.headers.push((name.to_owned(), value));
        }
    }

    /// Adds a header, unless one of its name is there.
    fn add_header_if_none(&mut self, name: &str, value: &str) {
        if self.header(name).is_none() {
            self.add_header(name, value);
        }
    }

    /// Puts a parameter behind the query's others, escaped.
    fn add_query(&mut self, name: &str, value: &str) {
        self.url.push(if self.url.contains('?') { '&' } else { '?' });
        self.url.push_str(&form::escaped(name));
        self.url.push('=');
        self.url.push_str(&form::escaped(value));
    }

    /// Credentials of Basic (RFC 7617).
    fn add_basic(&mut self, name: &str, password: &str) {
        self.add_header("Authorization", &basic(name, password));
    }
}

/// A JSON document; some tools put a byte-order mark before it.
fn json(text: &str) -> Result<serde_json::Value, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    serde_json::from_str(text).map_err(|e| format!("it is no JSON: {e}"))
}

/// `Basic YTpi`.
fn basic(name: &str, password: &str) -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}")))
}

/// A URL as people write it, as it can be sent: what no URL may hold is escaped, the fragment is taken off, and a host without
/// scheme gets `http`, as Postman and curl do. What is escaped already, and braces of variables without a value, stay; a host that
/// is one is not told: path and query remain.
fn url(written: &str) -> String {
    let written = written.trim();
    let written = written.split_once('#').map_or(written, |(before, _)| before);
    let written = &written.replace("{{ ", "{{").replace(" }}", "}}");
    let written = &path_behind_variable(written).unwrap_or_else(|| written.clone());
    let has_scheme = written.find("://").is_some_and(|at| {
        written.get(..at).is_some_and(|s| s.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)))
    });
    let mut out = String::with_capacity(written.len() + 8);
    if !has_scheme && !written.is_empty() && !written.starts_with(['/', '?', '{', '$', '<']) {
        out.push_str("http://");
    }
    let mut buffer = [0; 4];
    for c in written.chars() {
        if c.is_control() || matches!(c, ' ' | '"' | '<' | '>' | '`') || !c.is_ascii() {
            for byte in c.encode_utf8(&mut buffer).bytes() {
                out.push_str(&format!("%{byte:02X}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// `{{base}}/orders`, `{{base}}orders`, `https://{{host}}:80/orders`, `$HOST/orders` → `/orders`; `None` where the host is told.
fn path_behind_variable(written: &str) -> Option<String> {
    let (has_scheme, rest) = written.split_once("://").map_or((false, written), |(_, rest)| (true, rest));
    let behind = match rest.strip_prefix("{{") {
        Some(name) => name.split_once("}}")?.1,
        None => {
            let name = rest.strip_prefix("${").or_else(|| rest.strip_prefix('$'))?;
            let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
            name.get(end..)?.trim_start_matches('}')
        }
    };
    // What follows directly is more of the host: a port, a domain; behind a base that ends in a slash it is the path.
    let is_host = has_scheme || behind.starts_with([':', '.', '{', '-']);
    let path = match behind.find(['/', '?']).filter(|_| is_host) {
        Some(end) => behind.get(end..)?,
        None if is_host => "",
        None => behind,
    };
    Some(if path.starts_with('/') { path.to_owned() } else { format!("/{path}") })
}

/// What a request without a name is called: `GET /orders`.
fn name_of(method: &str, url: &str) -> String {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = after_scheme.find('/').and_then(|i| after_scheme.get(i..)).unwrap_or("/");
    format!("{method} {}", path.split('?').next().unwrap_or("/"))
}

/// A method in capital letters, `GET` where none is told; none at all where it is no token (RFC 9110 §9.1).
fn method(written: &str) -> Option<String> {
    let written = written.trim();
    if written.is_empty() {
        return Some("GET".into());
    }
    let is_token =
        written.len() <= 32 && written.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    is_token.then(|| written.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    #[test]
    fn urls_are_made_as_they_can_be_sent() {
        for (written, want) in [
            ("localhost:3000/a b#c", "http://localhost:3000/a%20b"),
            ("https://h/ü?q=\"<%20>\"", "https://h/%C3%BC?q=%22%3C%20%3E%22"),
            ("{{base}}/a?b=1", "/a?b=1"),
            ("{{ base }}", "/"),
            ("{{base}}orders/{{ id }}", "/orders/{{id}}"),
            ("{{base}}?a", "/?a"),
            ("https://{{host}}.example:80/a", "/a"),
            ("http://{{host}}", "/"),
            ("{{a}}{{b}}/c", "/c"),
            ("$BASE/a", "/a"),
            ("http://${HOST}:8080/a/$ID", "/a/$ID"),
            ("http://h/{{a}}", "http://h/{{a}}"),
            ("{{unclosed/a", "{{unclosed/a"),
            ("/a", "/a"),
            ("", ""),
        ] {
            assert_eq!(super::url(written), want, "{written}");
        }
        assert_eq!(super::name_of("GET", "http://h?a"), "GET /");
        assert_eq!(super::method(" get "), Some("GET".into()));
        assert_eq!(super::method("GET /\r\n"), None);
    }
}
