//! What follows the status in a line of an access log: sizes, referer, agent, durations, upstream, ids, in
//! any order.
//!
//! ```text
//! … 502 559 "-" "okhttp/4.12.0" "6b0404f2-a28f" 127.0.0.1:8551 502 0.002
//! … 200 13 "-" "curl/8.5.0" 502 0.001 [shop-web-80] [] 10.1.2.3:5678 13 0.000 200 04f1619cfb5e02b6455c19b860427758
//! … 200 352 "-" "Nikto" 244 "leaf@docker" "http://172.17.0.3:80" 42ms
//! … 500 12 "-" "curl/8.5.0" rt=0.164 uct="0.000" urt="0.164" us=500 rid=33caace9ae0d4966f1c1038c80056b45
//! ```
//!
//! Sources: nginx `log_format` habits (`$request_time`, `$upstream_addr`), ingress-nginx `upstreaminfo`
//! (docs/user-guide/nginx-configuration/log-format.md), Traefik's CLF
//! (pkg/middlewares/accesslog/logger_formatters.go), Apache `%D` and `%L`.

use super::line::{Draft, scale};
use super::token::{Shape, Token, Tokens};
use super::value;
use crate::mention::address;
use std::borrow::Cow;

/// A bare whole number at the end of a line is a duration in microseconds (Apache's `%D`) only from here on:
/// as milliseconds (Tomcat's `%D` before 10.1, Jetty) it would be ten minutes. Below, nothing tells the two
/// apart.
const SURELY_MICROS: u64 = 600_000;

/// How far the tail is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// Columns of an access log.
    Log,
    /// Words of a program: only durations and `key=value` pairs are taken.
    Prose,
}

/// Reads the tail.
pub(super) fn read<'a>(mut tokens: Tokens<'a>, draft: &mut Draft<'a>, kind: Tail) {
    let mut state = State::default();
    let mut index = 0;
    while let Some(token) = tokens.next() {
        if !token.key.is_empty() {
            pair(token, draft);
        } else if kind == Tail::Prose {
            if !prose(token, &mut tokens, draft) {
                return;
            }
        } else {
            state.column(token, &mut tokens, draft, index);
        }
        index += 1;
    }
}

/// A token of a program's words; `false` where its sentence begins.
fn prose<'a>(token: Token<'a>, tokens: &mut Tokens<'a>, draft: &mut Draft<'a>) -> bool {
    if token.shape != Shape::Bare {
        return true;
    }
    let word = token.text.trim_matches(['(', ')', ',', ';', '|']);
    duration(word, tokens, draft);
    // ` - Error: connect ECONNREFUSED 127.0.0.1:5432`: what an error says is no column.
    let sentence = word.len() > 2 && word.ends_with(':') || word.ends_with("Error") && word.len() > 5;
    if draft.request.client.is_none()
        && let Some(a) = address(word)
    {
        draft.request.client = Some(Cow::Borrowed(a));
    }
    !sentence
}

/// Takes `3.5ms`, `3.5 ms`, `0.004`; `true` if it was one.
fn duration<'a>(word: &str, tokens: &mut Tokens<'a>, draft: &mut Draft<'a>) -> bool {
    let found = value::duration(word).or_else(|| {
        value::scaled(word, 1)?;
        let unit = tokens.peek().filter(|t| t.shape == Shape::Bare)?;
        let us = scale(word, value::unit_us(unit.text.trim_matches(['(', ')', ',', ';', '.', '|']))?)?;
        tokens.next();
        Some(us)
    });
    let found = found.or_else(|| value::seconds(word));
    if draft.request.duration_us.is_none() {
        draft.request.duration_us = found;
    }
    found.is_some()
}

#[derive(Default)]
struct State {
    /// Quoted columns seen that are referer and agent, in that order.
    referer: bool,
    agent: bool,
    /// ingress-nginx's `[proxy_upstream_name]` was seen.
    ingress: bool,
    /// php-fpm's `%f` was seen: its `%d` behind is in milliseconds.
    script: bool,
    /// Columns since the upstream's address.
    since_upstream: Option<u8>,
}

impl State {
    fn column<'a>(&mut self, token: Token<'a>, tokens: &mut Tokens<'a>, draft: &mut Draft<'a>, index: usize) {
        let text = token.text;
        // Parts of a list, `10.1.1.1:80,` and `10.1.1.1:80 :`: the last try answered.
        let listed = token.shape == Shape::Bare
            && (text.ends_with(',')
                || tokens.peek().is_some_and(|t| t.shape == Shape::Bare && t.text == ":"));
        if listed || matches!(text, ":" | "." | "p" | "|") {
            return;
        }
        if let Some(n) = self.since_upstream.as_mut() {
            *n += 1;
        }
        match token.shape {
            Shape::Group => {
                if index <= 8 && !text.is_empty() && !self.ingress && draft.request.upstream.is_none() {
                    self.ingress = true;
                    draft.fields.push((Cow::Borrowed("proxy_upstream_name"), Cow::Borrowed(text)));
                }
            }
            Shape::Quoted => self.quoted(text.trim(), tokens, draft),
            Shape::Bare => self.bare(text, tokens, draft, index),
        }
    }

    fn upstream<'a>(&mut self, text: &'a str, draft: &mut Draft<'a>) -> bool {
        let Some(u) = value::upstream(text) else { return false };
        draft.request.upstream = Some(Cow::Borrowed(u));
        self.since_upstream = Some(0);
        true
    }

    fn quoted<'a>(&mut self, text: &'a str, tokens: &mut Tokens<'a>, draft: &mut Draft<'a>) {
        let url = text.contains("://") && !text.contains(' ');
        if url && !self.referer && !self.agent {
            self.referer = true;
        } else if text.is_empty() || text == "-" {
            if self.referer {
                self.agent = true;
            }
            self.referer = true;
        } else if self.number(text, draft) || self.upstream(text, draft) || whole(text).is_some() {
            // "0.000" "502, 200" "127.0.0.1:8216"
        } else if let Some(a) = value::forwarded(text) {
            draft.forwarded = draft.forwarded.or(Some(a));
        } else if let Some(t) = value::trace(text) {
            draft.request.trace = Some(Cow::Borrowed(t));
        } else if value::is_id(text) {
            id(text, draft);
        } else if !self.agent && !url {
            // A referer that is no URL (`"abc.com" "agent"`) has the agent behind it.
            let agent_next = !self.referer
                && !text.contains(['/', ' '])
                && tokens
                    .peek()
                    .is_some_and(|t| t.shape == Shape::Quoted && t.text.contains(['/', ' ', '-']));
            self.referer = true;
            if !agent_next {
                self.agent = true;
                draft.request.agent = Some(Cow::Borrowed(text));
            }
        }
    }

    /// Numbers that columns next to an upstream hold; `true` if it was one.
    fn number<'a>(&mut self, text: &str, draft: &mut Draft<'a>) -> bool {
        let Some(n) = self.since_upstream.filter(|_| draft.request.upstream.is_some()) else {
            if let Some(us) = value::seconds(text) {
                draft.request.duration_us = draft.request.duration_us.or(Some(us));
                return true;
            }
            return false;
        };
        let listed_status =
            text.len() > 3 && text.split([',', ':']).all(|p| value::status(p.trim()).is_some());
        // ingress-nginx: length, time, status stand behind the address; elsewhere the status is the next or
        // next but one.
        let place = if self.ingress { n == 3 } else { (1..=2).contains(&n) };
        if draft.request.upstream_status.is_none()
            && (place && value::status(text).is_some() || listed_status)
        {
            draft.request.upstream_status = value::last_status(text);
            return true;
        }
        if let Some(us) = value::seconds(text) {
            draft.request.duration_us = draft.request.duration_us.or(Some(us));
            return true;
        }
        false
    }

    fn bare<'a>(&mut self, text: &'a str, tokens: &mut Tokens<'a>, draft: &mut Draft<'a>, index: usize) {
        let word = text.trim_matches(['(', ')', ';', '|']);
        if word.starts_with('/') && word.ends_with(".php") {
            self.script = true;
            return;
        }
        if self.script && value::seconds(word).is_some() {
            draft.request.duration_us = draft.request.duration_us.or_else(|| value::scaled(word, 1_000));
            return;
        }
        if word.is_empty() || word == "-" || self.number(word, draft) || self.upstream(word, draft) {
            return;
        }
        if let Some(n) = whole(word) {
            // A size, or a number with its unit behind.
            if duration(word, tokens, draft) || index == 0 {
                return;
            }
            if n >= SURELY_MICROS && tokens.peek().is_none() && draft.request.duration_us.is_none() {
                draft.request.duration_us = Some(n);
            }
            return;
        }
        if duration(word, tokens, draft) {
            return;
        }
        if let Some(t) = value::trace(word) {
            draft.request.trace = Some(Cow::Borrowed(t));
        } else if value::is_id(word) {
            id(word, draft);
        } else if let Some(a) = address(word) {
            draft.forwarded = draft.forwarded.or(Some(a));
        }
    }
}

fn whole(text: &str) -> Option<u64> {
    text.bytes().all(|c| c.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn id<'a>(text: &'a str, draft: &mut Draft<'a>) {
    if draft.request.id.is_none() {
        draft.request.id = Some(Cow::Borrowed(text));
    }
}

/// Takes a `key=value` pair for what its name says.
pub(super) fn pair<'a>(token: Token<'a>, draft: &mut Draft<'a>) {
    let text = token.text.trim().trim_end_matches([',', ';', ')']).trim_matches(['<', '>', '[', ']']).trim();
    if text.is_empty() || text == "-" {
        return;
    }
    let mut low = [0u8; 40];
    let Some(slots) = low.get_mut(..token.key.len()) else { return };
    for (to, from) in slots.iter_mut().zip(token.key.bytes()) {
        *to = if from == b'-' || from == b'.' { b'_' } else { from.to_ascii_lowercase() };
    }
    let key = std::str::from_utf8(slots).unwrap_or_default();
    let request = &mut draft.request;
    let set = |slot: &mut Option<Cow<'a, str>>, text: &'a str| {
        if slot.is_none() {
            *slot = Some(Cow::Borrowed(text));
        }
    };
    match key {
        "rt" | "request_time" | "reqtime" | "req_time" | "tt" => {
            request.duration_us =
                value::duration(text).or_else(|| value::scaled(text, 1_000_000)).or(request.duration_us);
        }
        "urt" | "upstream_response_time" | "upstream_time" | "uresp" => {
            // Of a list, each server's share; the request took at least the sum, so a list is left alone.
            request.duration_us = request.duration_us.or_else(|| value::scaled(text, 1_000_000));
        }
        "us" | "ust" | "ups_status" | "upstream_status" | "up_status" | "u_status" => {
            request.upstream_status = value::last_status(text);
        }
        "status" | "status_code" | "statuscode" | "response_status" => {
            request.status = request.status.or_else(|| value::status(text));
        }
        "rid" | "id" | "req" | "reqid" | "req_id" | "request_id" | "requestid" | "x_request_id" | "uid"
        | "eid" | "unique_id" | "correlation_id" | "correlationid" | "cid" | "x_correlation_id"
        | "kong_request_id" => set(&mut request.id, text),
        "trace" | "trace_id" | "traceid" | "dd_trace_id" | "x_amzn_trace_id" | "b3" => {
            set(&mut request.trace, value::trace(text).unwrap_or(text));
        }
        "traceparent" => request.trace = value::trace(text).map(Cow::Borrowed),
        "pid" | "worker" | "worker_id" | "thread" => draft.pid = draft.pid.or(Some(text)),
        "host" | "vhost" | "server_name" | "hostname" | "http_host" | "domain" => {
            set(&mut request.host, text)
        }
        "ua" | "agent" | "user_agent" | "http_user_agent" | "useragent" => match value::upstream(text) {
            Some(u) => set(&mut request.upstream, u),
            None => set(&mut request.agent, text),
        },
        "upstream" | "upstream_addr" | "uaddr" | "backend" | "up" | "u" | "server" | "proxy" => {
            if let Some(u) = value::upstream(text) {
                set(&mut request.upstream, u);
            } else if key == "backend" || key == "upstream" {
                set(&mut request.upstream, text);
            }
        }
        "xff"
        | "fwd"
        | "forwarded"
        | "forwarded_for"
        | "x_forwarded_for"
        | "http_x_forwarded_for"
        | "real_ip" => {
            draft.forwarded = draft.forwarded.or_else(|| value::forwarded(text));
        }
        "client" | "client_ip" | "clientip" | "ip" | "remote_addr" | "remote_ip" | "remote_address"
        | "remote" | "addr" => {
            if let Some(a) = address(text).or_else(|| value::forwarded(text)) {
                set(&mut request.client, a);
            }
        }
        "uct"
        | "uht"
        | "upstream_connect_time"
        | "upstream_header_time"
        | "bytes"
        | "size"
        | "len"
        | "length"
        | "gz"
        | "ref"
        | "referer"
        | "protocol"
        | "proto"
        | "scheme"
        | "format"
        | "body_bytes"
        | "bytes_sent" => {}
        _ => {
            let took = took(key, text);
            if took.is_some() {
                request.duration_us = request.duration_us.or(took);
            } else {
                draft.fields.push((Cow::Borrowed(token.key), Cow::Borrowed(text)));
            }
        }
    }
}

/// A duration under one of its names; the unit from the value, else from the name, else from its digits.
fn took(key: &str, text: &str) -> Option<u64> {
    const NAMES: [&str; 14] = [
        "dur",
        "duration",
        "elapsed",
        "latency",
        "took",
        "time",
        "response_time",
        "responsetime",
        "time_taken",
        "total",
        "service",
        "runtime",
        "t",
        "elapsed_time",
    ];
    let (stem, unit) = match key.rsplit_once('_') {
        Some((
            stem,
            u @ ("ms" | "us" | "ns" | "s" | "sec" | "secs" | "seconds" | "usec" | "msec" | "millis"
            | "micros"),
        )) => (stem, value::unit_us(u)),
        _ => (key, None),
    };
    if !NAMES.contains(&stem) && key != "ms" {
        return None;
    }
    if let Some(us) = value::duration(text) {
        return Some(us);
    }
    if let Some(unit) = unit {
        return scale(text, unit);
    }
    match text.split_once('.') {
        // nginx has exactly three decimals of a second; others (lograge, Heroku) write milliseconds.
        Some((_, d)) if d.len() == 3 || d.len() >= 5 => value::scaled(text, 1_000_000),
        Some(_) => value::scaled(text, 1_000),
        // Apache's %D is in microseconds; whole milliseconds are small numbers.
        None if stem == "dur" || stem == "t" || stem == "time" => whole(text).filter(|n| *n >= 1000),
        None => value::scaled(text, 1_000),
    }
}
