//! Envoy's access log: its default format and the longer one that Istio sets, with the response flags that
//! tell why.
//!
//! ```text
//! [2026-11-24T07:47:08.825Z] "POST /cart/43/lines HTTP/1.1" 503 UF 0 98 0 - "198.51.100.14" "curl/8.5.0" "283e52fd-7061-4d4f-8251-9f146e9d18cd" "shop.example.com" "127.0.0.1:8572"
//! [2026-11-24T07:47:08.825Z] "GET /status/503 HTTP/1.1" 503 UF upstream_reset_before_response_started{connection_failure} - "delayed_connect_error:_111" 0 91 3 - "-" "curl/8.5.0" "84961386-6d84-929d-98bd-c5aee93b5c88" "httpbin:8000" "127.0.0.1:80" outbound|8000||httpbin.foo.svc.cluster.local 10.44.1.27:37652 10.0.45.184:8000 10.44.1.23:46520 - default
//! ```
//!
//! Status 0: the client left before anything was answered; so does the flag `DC`. TCP connections are written
//! with `"- - -"`. Sources: Envoy documentation, "Access logging" (default format string, `%RESPONSE_FLAGS%`,
//! `%RESPONSE_CODE%`); Istio documentation, "Envoy Access Logs" (default access log format).

use super::line::{Draft, set_target};
use super::token::{Shape, Tokens};
use super::value;
use crate::mention::address;
use crate::{Context, Entry, LineFormat, time};
use record::Ending;
use std::borrow::Cow;

/// Envoy's text formats.
pub(super) struct Envoy;

impl LineFormat for Envoy {
    fn name(&self) -> &'static str {
        "envoy"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let stamp = time::stamp(line.strip_prefix('[')?, context.reference)?;
        let rest = line.get(1 + stamp.len..)?.strip_prefix("] \"")?;
        let mut tokens = Tokens::new(line);
        tokens.next()?;
        let asked = tokens.next()?.text;
        if rest.is_empty() || !asked.contains(' ') {
            return None;
        }
        let code = tokens.next().filter(|t| t.shape == Shape::Bare)?.text;
        let flags = tokens.next().filter(|t| t.shape == Shape::Bare)?.text;
        let number = code == "0" || value::status(code).is_some();
        let flag =
            |f: &str| f == "-" || (1..=6).contains(&f.len()) && f.bytes().all(|c| c.is_ascii_uppercase());
        if !number || !flags.split(',').all(flag) || flags.bytes().all(|c| c.is_ascii_digit()) {
            return None;
        }
        let mut draft = Draft { at: Some((stamp.time, stamp.zone)), ..Draft::default() };
        let mut words = asked.splitn(2, ' ');
        let (method, target) = (words.next()?, words.next()?);
        if method != "-" {
            draft.request.method = Cow::Borrowed(method);
            set_target(&mut draft.request, target.rsplit_once(' ').map_or(target, |(t, _)| t));
        }
        draft.request.status = value::status(code);
        draft.request.flags = (flags != "-").then_some(Cow::Borrowed(flags));
        columns(&mut tokens, &mut draft);
        let left = flags.split(',').any(|f| matches!(f, "DC" | "DPE"));
        if method != "-" && (left || code == "0") {
            draft.request.ending = Ending::ClientLeft;
        }
        Some(draft.entry(line))
    }
}

/// The columns behind the flags. Istio puts three before the byte counts: details, termination, transport
/// failure.
fn columns<'a>(tokens: &mut Tokens<'a>, draft: &mut Draft<'a>) {
    let number = |t: &str| !t.is_empty() && t.bytes().all(|c| c.is_ascii_digit());
    let Some(first) = tokens.peek() else { return };
    if first.shape == Shape::Bare && !number(first.text) {
        for name in
            ["response_code_details", "connection_termination_details", "upstream_transport_failure_reason"]
        {
            let Some(t) = tokens.next() else { return };
            if !matches!(t.text, "-" | "" | "via_upstream") {
                draft.fields.push((Cow::Borrowed(name), Cow::Borrowed(t.text)));
            }
            if tokens.peek().is_some_and(|t| t.shape == Shape::Bare && number(t.text)) {
                break;
            }
        }
    }
    // Received, sent, duration, the upstream's own time.
    let (_, _, took) = (tokens.next(), tokens.next(), tokens.next());
    draft.request.duration_us = took.and_then(|t| value::scaled(t.text, 1_000));
    tokens.next();
    let mut quoted = [""; 5];
    for slot in &mut quoted {
        if let Some(t) = tokens.peek().filter(|t| t.shape == Shape::Quoted) {
            tokens.next();
            *slot = t.text;
        }
    }
    let some = |t: &'a str| (!t.is_empty() && t != "-").then_some(Cow::Borrowed(t));
    let [client, agent, id, host, upstream] = quoted;
    draft.request.client = value::forwarded(client).map(Cow::Borrowed);
    draft.request.agent = some(agent);
    draft.request.id = some(id);
    draft.request.host = some(host).or(draft.request.host.take());
    draft.request.upstream = some(upstream.split_once("://").map_or(upstream, |(_, u)| u));
    // Istio: cluster, local, downstream local, downstream remote.
    if let Some(cluster) = tokens.next().filter(|t| t.text.contains('|')) {
        draft.fields.push((Cow::Borrowed("upstream_cluster"), Cow::Borrowed(cluster.text)));
        // Where no host was chosen, the cluster says who was meant: direction, port, subset, name.
        let parts: Vec<&str> = cluster.text.splitn(4, '|').collect();
        if let [_, port, _, name] = parts.as_slice()
            && draft.request.upstream.is_none()
            && !name.is_empty()
        {
            draft.request.upstream = Some(Cow::Owned(format!("{name}:{port}")));
        }
        if draft.request.client.is_none() {
            let remote = tokens.nth(2).map(|t| t.text);
            draft.request.client = remote.and_then(address).map(Cow::Borrowed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RequestRef;

    fn read(line: &str) -> Option<Entry<'_>> {
        Envoy.read(line, &Context::default())
    }

    #[test]
    fn a_cluster_without_a_healthy_host_is_who_was_meant() {
        let line = r#"[2026-11-24T08:01:10.123Z] "GET /orders HTTP/1.1" 503 UH no_healthy_upstream - "-" 0 19 0 - "203.0.113.9" "curl/8" "b1" "shop.example" "-" outbound|8080||orders.default.svc.cluster.local - 10.0.0.1:8080 203.0.113.9:51000 - default"#;
        let r = read(line).unwrap().request.unwrap();
        assert_eq!(r.upstream.as_deref(), Some("orders.default.svc.cluster.local:8080"));
    }

    #[test]
    fn the_default_format() {
        let line = r#"[2026-11-24T07:47:08.825Z] "POST /cart/43/lines HTTP/1.1" 503 UF 0 98 12 - "198.51.100.14" "curl/8.5.0" "283e52fd-7061" "shop.example.com" "127.0.0.1:8572""#;
        let e = read(line).unwrap();
        assert_eq!(e.at.unwrap().0.to_string(), "2026-11-24T07:47:08.825Z");
        assert_eq!(
            e.request.unwrap(),
            RequestRef {
                method: "POST".into(),
                target: "/cart/43/lines".into(),
                host: Some("shop.example.com".into()),
                client: Some("198.51.100.14".into()),
                status: Some(503),
                duration_us: Some(12_000),
                agent: Some("curl/8.5.0".into()),
                upstream: Some("127.0.0.1:8572".into()),
                id: Some("283e52fd-7061".into()),
                flags: Some("UF".into()),
                ..RequestRef::default()
            }
        );
    }

    #[test]
    fn istios_format_says_why() {
        let line = r#"[2026-11-24T07:47:08.825Z] "GET /status/503 HTTP/1.1" 503 UF,URX upstream_reset_before_response_started{connection_failure} - "delayed_connect_error:_111" 0 91 3 - "-" "curl/8.5.0" "84961386-6d84" "httpbin:8000" "127.0.0.1:80" outbound|8000||httpbin.foo.svc.cluster.local 10.44.1.27:37652 10.0.45.184:8000 10.44.1.23:46520 - default"#;
        let e = read(line).unwrap();
        let fields: Vec<_> = e.fields.iter().map(|(k, v)| (k.as_ref(), v.as_ref())).collect();
        assert_eq!(
            fields,
            [
                ("response_code_details", "upstream_reset_before_response_started{connection_failure}"),
                ("upstream_transport_failure_reason", "delayed_connect_error:_111"),
                ("upstream_cluster", "outbound|8000||httpbin.foo.svc.cluster.local"),
            ]
        );
        let r = e.request.unwrap();
        assert_eq!((r.flags.as_deref(), r.duration_us), (Some("UF,URX"), Some(3_000)));
        assert_eq!((r.client.as_deref(), r.upstream.as_deref()), (Some("10.44.1.23"), Some("127.0.0.1:80")));
    }

    #[test]
    fn clients_that_left_and_connections_without_requests() {
        let r = read(r#"[2026-11-24T07:47:08.825Z] "GET /x HTTP/2" 0 DC 0 0 1500 - "-" "curl/8" "a-1" "h" "10.0.0.1:80""#).unwrap().request.unwrap();
        assert_eq!((r.status, r.ending), (None, Ending::ClientLeft));
        let r = read(r#"[2026-11-24T07:47:08.825Z] "- - -" 0 UF,URX - - "-" 0 0 10 - "-" "-" "-" "-" "10.0.0.9:5432" outbound|5432||db 10.1.1.1:1 10.1.1.2:2 10.1.1.3:3 - -"#).unwrap().request.unwrap();
        assert_eq!(
            (r.status, r.ending, r.upstream.as_deref()),
            (None, Ending::Answered, Some("10.0.0.9:5432"))
        );
    }

    #[test]
    fn other_bracketed_lines_are_refused() {
        for line in [
            r#"[24/Nov/2026 07:11:37] "GET /x HTTP/1.1" 500 145"#,
            "[2026-11-24 07:46:58.407][12][warning][config] [source/common/x.h:191] stream closed",
            r#"[2026-11-24T07:47:08.825Z] "GET"#,
            "[",
        ] {
            assert!(read(line).is_none(), "{line}");
        }
    }
}
