//! nginx `log_format` and Apache `LogFormat`, compiled to readers: for layouts that inference cannot guess, given by the user or
//! found in the server's configuration beside the logs.
//!
//! ```text
//! log_format timed '$remote_addr [$time_local] "$request" $status rt=$request_time';
//! LogFormat "%h %l %u %t \"%r\" %>s %b %{X-Request-Id}i %D" timed
//! ```
//!
//! Sources: nginx `ngx_http_log_module` and `ngx_http_core_module` variables; Apache `mod_log_config`.

use crate::access;
use crate::time::stamp;
use crate::{Context, Entry, LineFormat, RequestRef};
use record::{Ending, Time, Zone};
use std::borrow::Cow;

/// Parts of a layout; real ones have up to forty.
const PARTS_MAX: usize = 200;

/// What a variable of a layout holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Other,
    Client,
    Forwarded,
    Time,
    RequestLine,
    Method,
    Target,
    Query,
    Status,
    Seconds,
    Millis,
    Micros,
    Agent,
    Host,
    Upstream,
    UpstreamStatus,
    Id,
    Trace,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Field(Field),
}

/// A compiled layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    parts: Vec<Part>,
}

fn nginx_variable(name: &str) -> Field {
    match name {
        "remote_addr" | "realip_remote_addr" | "proxy_protocol_addr" => Field::Client,
        "http_x_forwarded_for" | "proxy_add_x_forwarded_for" | "http_x_real_ip" | "http_cf_connecting_ip" => {
            Field::Forwarded
        }
        "time_local" | "time_iso8601" | "msec" => Field::Time,
        "request" => Field::RequestLine,
        "request_method" => Field::Method,
        "request_uri" | "uri" | "document_uri" => Field::Target,
        "args" | "query_string" => Field::Query,
        "status" => Field::Status,
        "request_time" => Field::Seconds,
        "http_user_agent" => Field::Agent,
        "host" | "http_host" | "server_name" => Field::Host,
        "upstream_addr" => Field::Upstream,
        "upstream_status" => Field::UpstreamStatus,
        "request_id" | "http_x_request_id" | "http_x_correlation_id" | "req_id" => Field::Id,
        "http_x_b3_traceid" | "opentracing_context_x_b3_traceid" | "otel_trace_id" => Field::Trace,
        _ => Field::Other,
    }
}

fn apache_directive(letter: char, argument: &str) -> Field {
    match (letter, argument.to_ascii_lowercase().as_str()) {
        ('h' | 'a', _) => Field::Client,
        ('t', _) => Field::Time,
        ('r', _) => Field::RequestLine,
        ('m', _) => Field::Method,
        ('U', _) => Field::Target,
        ('q', _) => Field::Query,
        ('s', _) => Field::Status,
        ('D', _) | ('T', "us") => Field::Micros,
        ('T', "ms") => Field::Millis,
        ('T', _) => Field::Seconds,
        ('v' | 'V', _) | ('i', "host") => Field::Host,
        ('L', _) | ('e', "unique_id") | ('i' | 'o', "x-request-id" | "x-correlation-id") => Field::Id,
        ('i', "user-agent") => Field::Agent,
        ('i', "x-forwarded-for" | "x-real-ip") => Field::Forwarded,
        ('i', "x-b3-traceid") => Field::Trace,
        _ => Field::Other,
    }
}

fn push_text(parts: &mut Vec<Part>, c: char) {
    match parts.last_mut() {
        Some(Part::Text(t)) => t.push(c),
        _ => parts.push(Part::Text(c.to_string())),
    }
}

impl Layout {
    fn checked(parts: Vec<Part>) -> Option<Layout> {
        let has = |f: Field| parts.contains(&Part::Field(f));
        let request = has(Field::RequestLine) || has(Field::Target);
        (has(Field::Status) && request && parts.len() <= PARTS_MAX).then_some(Layout { parts })
    }

    /// Compiles the text of an nginx `log_format` (its strings joined). `None` when it holds no status or no request.
    pub fn nginx(text: &str) -> Option<Layout> {
        let mut parts = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if c != '$' {
                push_text(&mut parts, c);
                continue;
            }
            let braced = chars.next_if_eq(&'{').is_some();
            let mut name = String::new();
            while let Some(c) = chars.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                name.push(c);
            }
            if braced {
                chars.next_if_eq(&'}');
            }
            parts.push(Part::Field(nginx_variable(&name)));
        }
        Layout::checked(parts)
    }

    /// Compiles the text of an Apache `LogFormat`. `None` when it holds no status or no request.
    pub fn apache(text: &str) -> Option<Layout> {
        let mut parts = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\\' => {
                    if let Some(n) = chars.next() {
                        push_text(&mut parts, if n == 't' { '\t' } else { n });
                    }
                }
                '%' => {
                    if chars.next_if_eq(&'%').is_some() {
                        push_text(&mut parts, '%');
                        continue;
                    }
                    // Modifiers: `!400,501`, `<`, `>`, `^`.
                    while chars.next_if(|c| matches!(c, '<' | '>' | '!' | ',' | '^' | '0'..='9')).is_some() {}
                    let mut argument = String::new();
                    if chars.next_if_eq(&'{').is_some() {
                        for c in chars.by_ref() {
                            if c == '}' {
                                break;
                            }
                            argument.push(c);
                        }
                    }
                    let Some(letter) = chars.next() else { break };
                    let field = apache_directive(letter, &argument);
                    // %t alone writes its own brackets; with a format it does not.
                    if field == Field::Time && argument.is_empty() {
                        push_text(&mut parts, '[');
                        parts.push(Part::Field(field));
                        push_text(&mut parts, ']');
                    } else {
                        parts.push(Part::Field(field));
                    }
                }
                c => push_text(&mut parts, c),
            }
        }
        Layout::checked(parts)
    }

    /// All layouts that a server's configuration defines.
    pub fn find_in_config(text: &str) -> Vec<Layout> {
        let mut found = Vec::new();
        for (i, _) in text.match_indices("log_format") {
            let rest = text.get(i + "log_format".len()..).unwrap_or("");
            let end = rest.find(';').unwrap_or(rest.len());
            let body: String = quoted(rest.get(..end).unwrap_or(""), &['\'', '"']).collect();
            found.extend(Layout::nginx(&body));
        }
        for line in text.lines() {
            let line = line.trim_start();
            if let Some(rest) = line
                .strip_prefix("LogFormat ")
                .or_else(|| line.strip_prefix("CustomLog ").and_then(|r| r.split_once(' ').map(|x| x.1)))
            {
                found.extend(quoted(rest, &['"']).next().and_then(|t| Layout::apache(&t)));
            }
        }
        found
    }

    /// Reads a line written in this layout.
    fn read<'a>(&self, line: &'a str, reference: Time) -> Option<Entry<'a>> {
        let mut request = RequestRef::default();
        let mut at = None;
        let mut query = "";
        let mut rest = line;
        for (i, part) in self.parts.iter().enumerate() {
            match part {
                Part::Text(t) => rest = rest.strip_prefix(t.as_str())?,
                Part::Field(f) => {
                    let end = match self.parts.get(i + 1) {
                        Some(Part::Text(t)) => rest.find(t.as_str())?,
                        // Two variables without text between cannot be told apart, but for what a blank ends.
                        Some(Part::Field(_)) => rest.find(' ').unwrap_or(rest.len()),
                        None => rest.len(),
                    };
                    let (value, after) = rest.split_at(end);
                    rest = after;
                    if value.is_empty() || value == "-" {
                        continue;
                    }
                    take(&mut request, &mut at, &mut query, *f, value, reference)?;
                }
            }
        }
        request.status?;
        if !query.is_empty() && !request.target.contains('?') {
            let mark = if query.starts_with('?') { "" } else { "?" };
            request.target = Cow::Owned(format!("{}{mark}{query}", request.target));
        }
        if request.status == Some(499) {
            request.ending = Ending::ClientLeft;
        }
        Some(Entry { at, message: line.into(), request: Some(request), closed: true, ..Entry::default() })
    }
}

fn take<'a>(
    request: &mut RequestRef<'a>,
    at: &mut Option<(Time, Zone)>,
    query: &mut &'a str,
    field: Field,
    value: &'a str,
    reference: Time,
) -> Option<()> {
    let number = |scale: f64| {
        value
            .split([',', ' ', ':'])
            .next_back()
            .and_then(|v| v.trim().parse::<f64>().ok())
            .filter(|v| v.is_finite() && *v >= 0.0)
            .map(|v| (v * scale) as u64)
    };
    match field {
        Field::Other => {}
        Field::Client => request.client = request.client.take().or(Some(value.into())),
        Field::Forwarded => {
            request.client = value.split(',').next().map(|v| v.trim().into()).or(request.client.take())
        }
        Field::Time => *at = at.or(stamp(value, reference).map(|s| (s.time, s.zone))),
        Field::RequestLine => {
            if let Some((method, target, host)) = access::request_line(value) {
                request.method = method.into();
                request.target = target.into();
                request.host = request.host.take().or(host.map(Cow::Borrowed));
            }
        }
        Field::Method => request.method = value.into(),
        Field::Target => {
            if request.target.is_empty() {
                request.target = value.into();
            }
        }
        Field::Query => *query = value,
        // A status that is none says that this is not the layout.
        Field::Status => {
            request.status = Some(value.parse::<u16>().ok().filter(|s| (100..=999).contains(s))?)
        }
        Field::Seconds => request.duration_us = number(1e6).or(request.duration_us),
        Field::Millis => request.duration_us = number(1e3).or(request.duration_us),
        Field::Micros => request.duration_us = number(1.0).or(request.duration_us),
        Field::Agent => request.agent = Some(value.into()),
        Field::Host => request.host = Some(value.into()),
        Field::Upstream => request.upstream = value.rsplit([',', ' ']).next().map(Cow::Borrowed),
        Field::UpstreamStatus => {
            request.upstream_status = value.rsplit([',', ' ']).next().and_then(|v| v.parse().ok())
        }
        Field::Id => request.id = Some(value.into()),
        Field::Trace => request.trace = Some(value.into()),
    }
    Some(())
}

/// The quoted strings of a text, `\'` and `\"` unescaped where the quote is the same.
fn quoted(text: &str, quotes: &'static [char]) -> impl Iterator<Item = String> {
    let mut chars = text.chars().collect::<Vec<_>>().into_iter();
    std::iter::from_fn(move || {
        let open = chars.find(|c| quotes.contains(c))?;
        let mut out = String::new();
        while let Some(c) = chars.next() {
            match c {
                '\\' => {
                    let next = chars.next()?;
                    if next != open {
                        out.push('\\');
                    }
                    // Apache's own escapes are undone when the layout is compiled.
                    if next == open && open == '"' {
                        out.push('\\');
                    }
                    out.push(next);
                }
                c if c == open => break,
                c => out.push(c),
            }
        }
        Some(out)
    })
}

/// The format of lines in a layout that was given or found.
pub(crate) struct Configured;

impl LineFormat for Configured {
    fn name(&self) -> &'static str {
        "configured"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        context.layouts.iter().find_map(|l| l.read(line, context.reference))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nginx_layout_from_a_configuration() {
        let config = "http {\n  log_format timed '$remote_addr at $time_iso8601 did $request_method $request_uri '\n    'got $status in $request_time ($request_id)';\n}";
        let layouts = Layout::find_in_config(config);
        assert_eq!(layouts.len(), 1);
        let e = layouts[0]
            .read(
                "203.0.113.9 at 2026-11-24T07:00:00+00:00 did GET /a?b=1 got 502 in 0.250 (abc123)",
                Time::default(),
            )
            .unwrap();
        let q = e.request.unwrap();
        assert_eq!(
            (q.method.as_ref(), q.target.as_ref(), q.status, q.duration_us),
            ("GET", "/a?b=1", Some(502), Some(250_000))
        );
        assert_eq!((q.client.as_deref(), q.id.as_deref()), (Some("203.0.113.9"), Some("abc123")));
        assert_eq!(e.at.unwrap().0.to_string(), "2026-11-24T07:00:00Z");
    }

    #[test]
    fn apache_layout() {
        let config = r#"LogFormat "%v|%h|%t|\"%r\"|%>s|%{ms}T|%{X-Request-Id}i" piped"#;
        let layouts = Layout::find_in_config(config);
        let e = layouts[0]
            .read(
                r#"shop.example|203.0.113.9|[24/Nov/2026:07:00:00 +0000]|"GET /x HTTP/1.1"|500|12|r-1"#,
                Time::default(),
            )
            .unwrap();
        let q = e.request.unwrap();
        assert_eq!(
            (q.status, q.duration_us, q.host.as_deref(), q.id.as_deref()),
            (Some(500), Some(12_000), Some("shop.example"), Some("r-1"))
        );
    }

    #[test]
    fn other_lines_and_useless_layouts_are_refused() {
        assert!(Layout::nginx("$remote_addr $time_local").is_none());
        let l = Layout::apache("%h %>s %r").unwrap();
        assert!(l.read("nothing of the kind", Time::default()).is_none());
    }
}
