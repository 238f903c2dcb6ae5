//! nginx `log_format` and Apache `LogFormat`, compiled to readers: for layouts that inference cannot guess,
//! given by the user or found in the server's configuration beside the logs.
//!
//! ```text
//! log_format timed '$remote_addr at $time_iso8601 did $request_method $request_uri '
//!                  'got $status in $request_time ($request_id)';
//! LogFormat "%h %l %u %t \"%r\" %>s %b %{X-Request-Id}i %D" timed
//! ```
//!
//! Sources: nginx `ngx_http_log_module` (`log_format`, its escapes) and the variables of the core, upstream
//! and realip modules; Apache `mod_log_config` ("Custom Log Formats", "Modifiers", extended time formats);
//! Tomcat's `AccessLogValve` (`pattern`).

use crate::access;
use crate::mention::address;
use crate::{Context, Entry, LineFormat, RequestRef, time};
use record::{Ending, Time, Zone};
use std::borrow::Cow;

/// Parts of a layout; real ones have up to forty.
const PARTS_MAX: usize = 200;

/// Layouts taken from one configuration; servers define a handful.
const LAYOUTS_MAX: usize = 64;

/// What a variable of a layout holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    /// Nothing that is kept; may hold blanks.
    Other,
    /// One word that is not kept: sizes, ports.
    Word,
    Client,
    Forwarded,
    Time,
    Millis,
    Micros,
    EpochSeconds,
    RequestLine,
    Method,
    Target,
    Query,
    Status,
    TookSeconds,
    TookMillis,
    TookMicros,
    /// The upstream's share, for where the whole is not logged.
    UpstreamSeconds,
    Agent,
    Host,
    Upstream,
    UpstreamStatus,
    Id,
    Trace,
    Pid,
    /// Apache's `%X`: `X` where the client left before the end.
    Connection,
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
        "http_x_forwarded_for"
        | "proxy_add_x_forwarded_for"
        | "http_x_real_ip"
        | "http_cf_connecting_ip"
        | "http_true_client_ip" => Field::Forwarded,
        "time_local" | "time_iso8601" | "msec" => Field::Time,
        "request" => Field::RequestLine,
        "request_method" => Field::Method,
        "request_uri" | "uri" | "document_uri" => Field::Target,
        "args" | "query_string" => Field::Query,
        "status" => Field::Status,
        "request_time" => Field::TookSeconds,
        "upstream_response_time" => Field::UpstreamSeconds,
        "http_user_agent" => Field::Agent,
        "host" | "http_host" | "server_name" => Field::Host,
        "upstream_addr" => Field::Upstream,
        "upstream_status" => Field::UpstreamStatus,
        "request_id"
        | "req_id"
        | "http_x_request_id"
        | "http_x_correlation_id"
        | "sent_http_x_request_id"
        | "upstream_http_x_request_id"
        | "kong_request_id" => Field::Id,
        "http_x_b3_traceid"
        | "opentracing_context_x_b3_traceid"
        | "otel_trace_id"
        | "http_traceparent"
        | "http_x_amzn_trace_id"
        | "http_x_datadog_trace_id" => Field::Trace,
        "pid" => Field::Pid,
        "body_bytes_sent"
        | "bytes_sent"
        | "request_length"
        | "connection"
        | "connection_requests"
        | "server_port"
        | "remote_port"
        | "scheme"
        | "pipe"
        | "server_protocol" => Field::Word,
        _ => Field::Other,
    }
}

fn apache_directive(letter: char, argument: &str) -> Field {
    match (letter, argument.to_ascii_lowercase().as_str()) {
        ('h' | 'a', _) => Field::Client,
        ('t', "sec") => Field::EpochSeconds,
        ('t', "msec") => Field::Millis,
        ('t', "usec") => Field::Micros,
        ('t', _) => Field::Time,
        ('r', _) => Field::RequestLine,
        ('m', _) => Field::Method,
        ('U', _) => Field::Target,
        ('q', _) => Field::Query,
        ('s', _) => Field::Status,
        ('D', _) | ('T', "us") => Field::TookMicros,
        ('T', "ms") => Field::TookMillis,
        ('T', _) => Field::TookSeconds,
        ('v' | 'V', _) | ('i', "host") => Field::Host,
        ('P', _) => Field::Pid,
        ('X', _) => Field::Connection,
        ('L', _)
        | ('e' | 'n', "unique_id" | "request_id" | "request-id")
        | ('i' | 'o', "x-request-id" | "x-correlation-id" | "request-id") => Field::Id,
        ('i', "user-agent") => Field::Agent,
        ('i', "x-forwarded-for" | "x-real-ip" | "cf-connecting-ip" | "true-client-ip") => Field::Forwarded,
        ('i', "x-b3-traceid" | "traceparent" | "x-amzn-trace-id" | "x-datadog-trace-id") => Field::Trace,
        ('b' | 'B' | 'I' | 'O' | 'S' | 'p' | 'k' | 'H' | 'l', _) => Field::Word,
        _ => Field::Other,
    }
}

/// Tomcat's valve shares Apache's letters but for these; its `%D` is in milliseconds before 10.1 and in
/// microseconds since.
fn tomcat_directive(letter: char, argument: &str) -> Field {
    match letter {
        'D' => Field::Word,
        'F' => Field::Word,
        'I' => Field::Pid,
        'S' => Field::Word,
        letter => apache_directive(letter, argument),
    }
}

fn push_text(parts: &mut Vec<Part>, c: char) {
    match parts.last_mut() {
        Some(Part::Text(t)) => t.push(c),
        _ => parts.push(Part::Text(c.to_string())),
    }
}

fn push_field(parts: &mut Vec<Part>, field: Field) {
    match (field, parts.as_slice()) {
        // `%U%q`: the target takes its query along.
        (Field::Query, [.., Part::Field(Field::Target)]) => return,
        // `%{%d/%b/%Y:%T}t.%{msec_frac}t %{%z}t` is one time: a stamp reads it whole.
        (Field::Time, [.., Part::Field(Field::Time)]) => return,
        (Field::Time, [.., Part::Field(Field::Time), Part::Text(t)])
            if matches!(t.as_str(), "." | "," | " " | ":" | "T") =>
        {
            parts.pop();
            return;
        }
        _ => {}
    }
    parts.push(Part::Field(field));
}

impl Layout {
    fn checked(parts: Vec<Part>) -> Option<Layout> {
        let has = |f: Field| parts.contains(&Part::Field(f));
        let request = has(Field::RequestLine) || has(Field::Target);
        // Two variables without text between cannot be told apart.
        let apart = parts.windows(2).all(|p| !matches!(p, [Part::Field(_), Part::Field(_)]));
        (has(Field::Status) && request && apart && parts.len() <= PARTS_MAX).then_some(Layout { parts })
    }

    /// Compiles the text of an nginx `log_format` (its strings joined). `None` when it holds no status or no
    /// request.
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
            match (nginx_variable(&name), parts.as_slice()) {
                // `$uri$is_args$args`.
                (Field::Other, [.., Part::Field(Field::Target)]) if name == "is_args" => {}
                (field, _) => push_field(&mut parts, field),
            }
        }
        Layout::checked(parts)
    }

    /// Compiles the text of an Apache `LogFormat`. `None` when it holds no status or no request.
    pub fn apache(text: &str) -> Option<Layout> {
        let text = match text {
            "common" => "%h %l %u %t \"%r\" %>s %b",
            "combined" => "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\"",
            text => text,
        };
        Layout::directives(text, apache_directive)
    }

    fn directives(text: &str, meaning: fn(char, &str) -> Field) -> Option<Layout> {
        let mut parts = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\\' => match chars.next() {
                    Some('t') => push_text(&mut parts, '\t'),
                    Some(n) => push_text(&mut parts, n),
                    None => {}
                },
                '%' => {
                    if chars.next_if_eq(&'%').is_some() {
                        push_text(&mut parts, '%');
                        continue;
                    }
                    // Modifiers: `!400,501`, `<`, `>`; `^` begins names of two letters (`%^FB`).
                    while chars.next_if(|c| matches!(c, '<' | '>' | '!' | ',' | '0'..='9')).is_some() {}
                    let mut argument = String::new();
                    if chars.next_if_eq(&'{').is_some() {
                        for c in chars.by_ref() {
                            if c == '}' {
                                break;
                            }
                            argument.push(c);
                        }
                    }
                    let field = match chars.next() {
                        Some('^') => {
                            chars.next();
                            chars.next();
                            Field::Other
                        }
                        Some(letter) => {
                            meaning(letter, argument.trim_start_matches("begin:").trim_start_matches("end:"))
                        }
                        None => break,
                    };
                    // %t alone writes its own brackets; with a format it does not.
                    if field == Field::Time && argument.is_empty() {
                        push_text(&mut parts, '[');
                        push_field(&mut parts, field);
                        push_text(&mut parts, ']');
                    } else {
                        push_field(&mut parts, field);
                    }
                }
                c => push_text(&mut parts, c),
            }
        }
        Layout::checked(parts)
    }

    /// All layouts that a configuration of nginx, Apache or Tomcat defines.
    pub fn find_in_config(text: &str) -> Vec<Layout> {
        let mut found: Vec<Layout> = Vec::new();
        let mut keep = |layout: Option<Layout>| {
            if let Some(l) = layout
                && found.len() < LAYOUTS_MAX
                && !found.contains(&l)
            {
                found.push(l);
            }
        };
        let mut rest = text;
        while let Some(i) = rest.find("log_format") {
            let before = rest.get(..i).unwrap_or_default();
            let line = before.rsplit('\n').next().unwrap_or_default();
            rest = rest.get(i + "log_format".len()..).unwrap_or_default();
            if line.contains('#') || !rest.starts_with([' ', '\t', '\n']) {
                continue;
            }
            let (body, after) = statement(rest);
            keep(Layout::nginx(&body));
            rest = after;
        }
        for line in text.lines().map(str::trim_start) {
            let directive = ["LogFormat", "CustomLog", "TransferLog", "GlobalLog"].iter().find_map(|d| {
                line.get(..d.len()).filter(|l| l.eq_ignore_ascii_case(d)).and(line.get(d.len()..))
            });
            if let Some(rest) = directive.filter(|r| r.starts_with([' ', '\t'])) {
                // The file of a CustomLog may be quoted too: the layout is the text with directives in it.
                for text in strings(rest).filter(|t| t.contains('%')).take(2) {
                    keep(Layout::apache(text));
                }
            }
        }
        let mut rest = text;
        while let Some(i) = rest.find("AccessLogValve") {
            rest = rest.get(i + "AccessLogValve".len()..).unwrap_or_default();
            let element = rest.split('>').next().unwrap_or_default();
            if let Some((_, pattern)) = element.split_once("pattern=\"") {
                let pattern = pattern
                    .split('"')
                    .next()
                    .unwrap_or_default()
                    .replace("&quot;", "\"")
                    .replace("&gt;", ">");
                keep(Layout::directives(&pattern, tomcat_directive));
            }
        }
        found
    }

    /// Reads a line written in this layout.
    fn read<'a>(&self, line: &'a str, reference: Time) -> Option<Entry<'a>> {
        let mut seen = Seen::default();
        let mut rest = line.trim_end_matches(['\r', ' ']);
        let mut before = "";
        for (i, part) in self.parts.iter().enumerate() {
            match part {
                Part::Text(t) => {
                    // A blank at the end of the layout is cut from the line.
                    rest = match rest.strip_prefix(t.as_str()) {
                        Some(r) => r,
                        None if rest.is_empty() && t.trim().is_empty() => rest,
                        None => return None,
                    };
                    before = t;
                }
                Part::Field(field) => {
                    let next = match self.parts.get(i + 1) {
                        Some(Part::Text(t)) => {
                            Some(t.trim_end()).filter(|t| !t.is_empty()).or(Some(t.as_str()))
                        }
                        _ => None,
                    };
                    let end = value_end(*field, rest, before, next, reference)?;
                    let (value, after) = rest.split_at_checked(end)?;
                    rest = after;
                    seen.take(*field, value, reference)?;
                }
            }
        }
        rest.is_empty().then(|| seen.entry(line)).flatten()
    }
}

/// Where the value that begins the text ends: before the layout's next text.
fn value_end(field: Field, text: &str, before: &str, next: Option<&str>, reference: Time) -> Option<usize> {
    let Some(next) = next else {
        // The last column: one word, but for what is free text.
        let free = matches!(
            field,
            Field::Other
                | Field::RequestLine
                | Field::Agent
                | Field::Forwarded
                | Field::Upstream
                | Field::UpstreamStatus
                | Field::UpstreamSeconds
                | Field::Time
        );
        return (free || !text.contains(' ')).then_some(text.len());
    };
    let mut from = 0;
    if field == Field::Time {
        from = time::stamp(text, reference).map_or(0, |s| s.len);
    }
    // In quotes, those that are escaped or that do not close are part of the value.
    let quoted = before.ends_with('"') && next.starts_with('"');
    loop {
        let at = text.get(from..)?.find(next)? + from;
        let value = text.get(..at)?;
        let escaped = quoted && value.bytes().rev().take_while(|c| *c == b'\\').count() % 2 == 1;
        // Lists of several tries: `10.0.0.1:80, 10.0.0.2:80`, groups parted by ` : `.
        let listed = matches!(
            field,
            Field::Upstream | Field::UpstreamStatus | Field::UpstreamSeconds | Field::Forwarded
        ) && next.starts_with(' ')
            && (value.ends_with([',', ':']) || text.get(at..)?.starts_with(" : "));
        if !escaped && !listed {
            return Some(at);
        }
        from = at + next.len();
    }
}

/// What was read of a line so far.
#[derive(Default)]
struct Seen<'a> {
    at: Option<(Time, Zone)>,
    pid: Option<&'a str>,
    request: RequestRef<'a>,
    query: &'a str,
    forwarded: Option<&'a str>,
    upstream_us: Option<u64>,
    gone: bool,
    status: bool,
}

impl<'a> Seen<'a> {
    fn take(&mut self, field: Field, value: &'a str, reference: Time) -> Option<()> {
        if value.is_empty() || value == "-" {
            return Some(());
        }
        let request = &mut self.request;
        let last = || value.rsplit([',', ' ']).find(|v| !v.is_empty() && *v != ":" && *v != "-");
        let number = |text: &str, unit: f64| {
            text.parse::<f64>()
                .ok()
                .filter(|v| v.is_finite() && (0.0..1e12).contains(v))
                .map(|v| (v * unit).round() as u64)
        };
        match field {
            Field::Other => {}
            Field::Word => {
                if value.contains(' ') {
                    return None;
                }
            }
            Field::Client => {
                // A host's name has no colon: that is another layout's virtual host with its port.
                let client =
                    address(value).or(Some(value).filter(|v| !v.contains([' ', ':']) || *v == "unix:"))?;
                request.client = request.client.take().or(Some(client.into()));
            }
            Field::Forwarded => self.forwarded = value.split(',').next().map(str::trim).and_then(address),
            Field::Time => {
                let s = time::stamp(value, reference)?;
                self.at = self.at.or(Some((s.time, s.zone)));
            }
            Field::EpochSeconds | Field::Millis | Field::Micros => {
                let unit = match field {
                    Field::EpochSeconds => 1_000_000,
                    Field::Millis => 1_000,
                    _ => 1,
                };
                let at = Time(value.parse::<i64>().ok()?.checked_mul(unit)?);
                if !time::plausible(at) {
                    return None;
                }
                self.at = Some((at, Zone::Stated));
            }
            Field::RequestLine => {
                // Garbage sent to the port has no method; it was answered all the same.
                if let Some((method, target, host)) = access::request_line(value) {
                    request.method = method.into();
                    request.target = target.into();
                    request.host = request.host.take().or(host.map(Cow::Borrowed));
                }
            }
            Field::Method => {
                if !value.bytes().all(|c| c.is_ascii_uppercase() || c == b'-') {
                    return None;
                }
                request.method = value.into();
            }
            Field::Target => {
                if request.target.is_empty() {
                    request.target = value.into();
                }
            }
            Field::Query => self.query = value.trim_start_matches('?'),
            // A status that is none says that this is not the layout.
            Field::Status => {
                self.status = true;
                let status = value.parse::<u16>().ok().filter(|_| value.len() == 3)?;
                self.gone = status == 0;
                request.status = (100..=999).contains(&status).then_some(status);
            }
            Field::TookSeconds => {
                request.duration_us = number(value.trim_end_matches('s'), 1e6).or(request.duration_us)
            }
            Field::TookMillis => {
                request.duration_us = number(value.trim_end_matches("ms"), 1e3).or(request.duration_us)
            }
            Field::TookMicros => {
                request.duration_us = number(value.trim_end_matches("us"), 1.0).or(request.duration_us)
            }
            Field::UpstreamSeconds => self.upstream_us = last().and_then(|v| number(v, 1e6)),
            Field::Agent => request.agent = Some(value.into()),
            Field::Host => request.host = request.host.take().or(Some(value.into())),
            Field::Upstream => request.upstream = last().map(Cow::Borrowed),
            Field::UpstreamStatus => request.upstream_status = last().and_then(|v| v.parse().ok()),
            Field::Id => request.id = request.id.take().or(Some(value.into())),
            // The trace id of `00-…-…-01`.
            Field::Trace => {
                request.trace =
                    value.split('-').nth(1).filter(|t| t.len() == 32).or(Some(value)).map(Cow::Borrowed)
            }
            Field::Pid => self.pid = Some(value),
            Field::Connection => self.gone |= value == "X",
        }
        Some(())
    }

    fn entry(self, line: &'a str) -> Option<Entry<'a>> {
        let mut request = self.request;
        if !self.status || request.status.is_none() && !self.gone {
            return None;
        }
        if !self.query.is_empty() && !request.target.contains('?') {
            request.target = Cow::Owned(format!("{}?{}", request.target, self.query));
        }
        request.duration_us = request.duration_us.or(self.upstream_us);
        access::settle(&mut request, self.forwarded);
        // `%X` tells it of answers that were under way; a failure before that stays one.
        if self.gone && request.status.is_none_or(|s| s < 500) {
            request.ending = Ending::ClientLeft;
        }
        Some(Entry {
            at: self.at,
            pid: self.pid.map(Cow::Borrowed),
            message: line.into(),
            request: Some(request),
            closed: true,
            ..Entry::default()
        })
    }
}

/// The quoted strings of an nginx statement up to its semicolon, joined and unescaped; the text behind.
fn statement(text: &str) -> (String, &str) {
    let mut out = String::new();
    let mut quote = None;
    let mut chars = text.char_indices();
    while let Some((i, c)) = chars.next() {
        match (quote, c) {
            (None, ';') => return (out, text.get(i + 1..).unwrap_or_default()),
            (None, '\'' | '"') => quote = Some(c),
            (Some(q), c) if c == q => quote = None,
            (Some(q), '\\') => match chars.next() {
                Some((_, n)) if n == q || n == '\\' => out.push(n),
                Some((_, 't')) => out.push('\t'),
                Some((_, n)) => {
                    out.push('\\');
                    out.push(n);
                }
                None => {}
            },
            (Some(_), c) => out.push(c),
            (None, _) => {}
        }
    }
    (out, "")
}

/// The quoted strings of an Apache directive, with their escapes.
fn strings(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let open = rest.find('"')?;
        let body = rest.get(open + 1..)?;
        let b = body.as_bytes();
        let mut i = 0;
        while let Some(c) = b.get(i) {
            match c {
                b'\\' => i += 2,
                b'"' => break,
                _ => i += 1,
            }
        }
        let end = i.min(body.len());
        rest = body.get(end + 1..).unwrap_or_default();
        body.get(..end)
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

    fn read<'a>(layout: &Layout, line: &'a str) -> Option<Entry<'a>> {
        layout.read(line, Time::default())
    }

    fn one(config: &str) -> Layout {
        let mut all = Layout::find_in_config(config);
        assert_eq!(all.len(), 1, "{config}");
        all.remove(0)
    }

    #[test]
    fn nginx_layout_of_several_strings() {
        let layout = one(
            "http {\n  # log_format old '$status $request';\n  log_format timed escape=default '$remote_addr at $time_iso8601 did $request_method $request_uri; '\n    'got $status in $request_time ($request_id)';\n}",
        );
        let e = read(
            &layout,
            "203.0.113.9 at 2026-11-24T07:00:00+00:00 did GET /a?b=1; got 502 in 0.250 (abc123)",
        )
        .unwrap();
        assert_eq!(e.at.unwrap().0.to_string(), "2026-11-24T07:00:00Z");
        let q = e.request.unwrap();
        assert_eq!((q.method.as_ref(), q.target.as_ref(), q.status), ("GET", "/a?b=1", Some(502)));
        assert_eq!(
            (q.duration_us, q.client.as_deref(), q.id.as_deref()),
            (Some(250_000), Some("203.0.113.9"), Some("abc123"))
        );
    }

    #[test]
    fn several_upstreams_were_tried() {
        let layout = Layout::nginx(r#"$remote_addr - [$time_local] "$request" $status "$http_user_agent" $upstream_addr $upstream_status $upstream_response_time ${pid}"#).unwrap();
        let e = read(&layout, r#"10.0.0.9 - [24/Nov/2026:07:00:00 +0100] "GET /x HTTP/1.1" 502 "a \"b\" c" 10.0.0.1:80, 10.0.0.2:80 : unix:/run/x.sock 502, 504 : 502 0.001, 3.000 : 0.100 77"#).unwrap();
        assert_eq!(
            (e.pid.as_deref(), e.at.unwrap().0.to_string()),
            (Some("77"), "2026-11-24T06:00:00Z".into())
        );
        let q = e.request.unwrap();
        assert_eq!(
            (q.upstream.as_deref(), q.upstream_status, q.duration_us),
            (Some("unix:/run/x.sock"), Some(502), Some(100_000))
        );
        assert_eq!(q.agent.as_deref(), Some(r#"a \"b\" c"#));
    }

    #[test]
    fn apache_directives_with_modifiers() {
        let layout = one(r#"LogFormat "%v|%h|%t|\"%r\"|%>s|%{ms}T|%{X-Request-Id}i" piped"#);
        let q = read(
            &layout,
            r#"shop.example|203.0.113.9|[24/Nov/2026:07:00:00 +0000]|"GET /x HTTP/1.1"|500|12|r-1"#,
        )
        .unwrap()
        .request
        .unwrap();
        assert_eq!((q.status, q.duration_us), (Some(500), Some(12_000)));
        assert_eq!((q.host.as_deref(), q.id.as_deref()), (Some("shop.example"), Some("r-1")));

        let layout = one(
            "  CustomLog \"/var/log/a.log\" \"%{%d/%b/%Y %T}t.%{msec_frac}t %{%z}t %{c}a %P %L %m %U%q %H %!200,304s %^FB %D%%\"",
        );
        let e = read(
            &layout,
            "24/Nov/2026 07:49:00.214 +0100 203.0.113.64 4711 aBc POST /api/x?a=b HTTP/1.1 500 99 220%",
        )
        .unwrap();
        assert_eq!(
            (e.at.unwrap().0.to_string(), e.pid.as_deref()),
            ("2026-11-24T06:49:00.214Z".into(), Some("4711"))
        );
        let q = e.request.unwrap();
        assert_eq!(
            (q.method.as_ref(), q.target.as_ref(), q.status, q.duration_us),
            ("POST", "/api/x?a=b", Some(500), Some(220))
        );
        assert_eq!((q.client.as_deref(), q.id.as_deref()), (Some("203.0.113.64"), Some("aBc")));
    }

    #[test]
    fn debians_four_layouts_do_not_take_each_others_lines() {
        let all = Layout::find_in_config(
            "LogFormat \"%v:%p %h %l %u %t \\\"%r\\\" %>s %O \\\"%{Referer}i\\\" \\\"%{User-Agent}i\\\"\" vhost_combined\n\
             LogFormat \"%h %l %u %t \\\"%r\\\" %>s %O \\\"%{Referer}i\\\" \\\"%{User-Agent}i\\\"\" combined\n\
             LogFormat \"%h %l %u %t \\\"%r\\\" %>s %O\" common\nLogFormat \"%{Referer}i -> %U\" referer\nLogFormat \"%{User-agent}i\" agent\n",
        );
        assert_eq!(all.len(), 3);
        for (line, which) in [
            (
                r#"a.example:80 1.2.3.4 - - [24/Nov/2026:07:00:00 +0000] "GET /x HTTP/1.1" 500 12 "-" "curl/8""#,
                0,
            ),
            (r#"1.2.3.4 - bob smith [24/Nov/2026:07:00:00 +0000] "GET /x HTTP/1.1" 500 12 "-" "curl/8""#, 1),
            (r#"1.2.3.4 - - [24/Nov/2026:07:00:00 +0000] "GET /x HTTP/1.1" 500 12"#, 2),
        ] {
            let readers: Vec<usize> =
                (0..3).filter(|i| all.get(*i).is_some_and(|l| read(l, line).is_some())).collect();
            assert_eq!(readers, [which], "{line}");
        }
    }

    #[test]
    fn tomcats_valve() {
        let layout = one(
            r#"<Valve className="org.apache.catalina.valves.AccessLogValve" directory="logs" pattern="%{yyyy-MM-dd'T'HH:mm:ss.SSSXXX}t [%I] %a &quot;%r&quot; %s %b %D %{X-Request-Id}i" />"#,
        );
        let e = read(
            &layout,
            r#"2026-11-24T07:26:23.599Z [exec-2] 127.0.0.39 "GET /c/12 HTTP/1.1" 500 45 29710 cb91ce37"#,
        )
        .unwrap();
        assert_eq!(e.pid.as_deref(), Some("exec-2"));
        let q = e.request.unwrap();
        assert_eq!((q.id.as_deref(), q.status, q.duration_us), (Some("cb91ce37"), Some(500), None));
    }

    #[test]
    fn clients_that_left() {
        let layout = Layout::nginx("$remote_addr $status $request").unwrap();
        assert_eq!(
            read(&layout, "1.2.3.4 499 GET /x HTTP/1.1").unwrap().request.unwrap().ending,
            Ending::ClientLeft
        );
        let q = read(&layout, "1.2.3.4 000 GET /x HTTP/1.1").unwrap().request.unwrap();
        assert_eq!((q.status, q.ending), (None, Ending::ClientLeft));
    }

    #[test]
    fn other_lines_and_useless_layouts_are_refused() {
        assert!(Layout::nginx("$remote_addr $time_local").is_none());
        assert!(Layout::nginx("").is_none());
        assert!(Layout::apache("%{").is_none());
        let l = Layout::apache("%h %>s %r").unwrap();
        for line in ["nothing of the kind", "1.2.3.4 5000 GET /x", "", "é é"] {
            assert!(read(&l, line).is_none(), "{line}");
        }
        assert!(Layout::find_in_config("server { listen 80; }\nlog_format").is_empty());
    }
}
