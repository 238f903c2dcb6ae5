//! The common log format and all that grew from it: common, combined, vhost_combined, and any line laid out
//! with a time, a request line and a status.
//!
//! ```text
//! 203.0.113.222 - - [24/Nov/2026:07:29:47 +0000] "GET / HTTP/1.1" 200 626
//! 198.51.100.3 - - [24/Nov/2026:07:43:57 +0000] "GET /accounts/36 HTTP/1.1" 502 9 "-" "okhttp/4.12.0" 377e6ff8-cf4b 502 0.007
//! blog.greenleaf.example:80 2001:db8:4::1f - - [24/Nov/2026:07:29:47 +0000] "GET / HTTP/1.1" 200 626 "-" "curl/8.5.0"
//! 24/Nov/2026 07:49:00.214 203.0.113.64 "GET /api/orders/9527 HTTP/1.1" 200 220 8 ms
//! ```
//!
//! Sources: Apache's mod_log_config page ("Common Log Format", "Combined Log Format", "Virtual host log"),
//! nginx's ngx_http_log_module page (`combined`), Debian's apache2.conf (`vhost_combined`). Tomcat's and
//! Jetty's valves, gunicorn, Puma, Rack, aiohttp, waitress, http.server, Go's gorilla/handlers, Caddy v1,
//! Traefik, LiteSpeed, lighttpd and ingress-nginx write lines of this kind.

use super::line;
use crate::mention::address;
use crate::{Context, Entry, LineFormat};
use memchr::{memchr, memchr_iter, memmem};

/// `client ident user [time] "request" status bytes`.
pub(super) struct Common;
/// Common with `"referer" "agent"`, and what people put behind.
pub(super) struct Combined;
/// Combined behind the virtual host's name and port.
pub(super) struct VhostCombined;
/// Any other order of a time, a request line and a status.
pub(super) struct Inferred;

/// What a line looks like from afar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Common,
    Combined,
    Vhost,
    Other,
}

/// Sorts a line by the columns before its time and the quotes behind it, without reading them.
fn kind(line: &str) -> Option<Kind> {
    let b = line.as_bytes();
    let first = *b.first()?;
    // Control characters and blanks begin continuation lines; braces JSON.
    if first <= b' ' || first == b'{' || first >= 0x7f {
        return None;
    }
    let quote = memchr(b'"', b)?;
    let bracket = memmem::find(b.get(..quote)?, b" [");
    let Some(bracket) = bracket else { return Some(Kind::Other) };
    let columns = memchr_iter(b' ', b.get(..bracket)?).count() + 1;
    if columns < 3 {
        return Some(Kind::Other);
    }
    let mut words = line.get(..bracket)?.splitn(3, ' ');
    let (one, two) = (words.next()?, words.next()?);
    if address(one).is_none() && address(two).is_some() {
        return Some(Kind::Vhost);
    }
    if address(one).is_none() && two != "-" || b.get(quote.saturating_sub(2)..quote)? != b"] " {
        return Some(Kind::Other);
    }
    let quotes = memchr_iter(b'"', b.get(quote..)?).take(6).count();
    Some(if quotes == 6 { Kind::Combined } else { Kind::Common })
}

fn read<'a>(wanted: Kind, text: &'a str, context: &Context) -> Option<Entry<'a>> {
    if kind(text)? != wanted {
        return None;
    }
    let draft = line::read(text, Some(context))?;
    draft.quoted.then(|| draft.entry(text))
}

impl LineFormat for Common {
    fn name(&self) -> &'static str {
        "common"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        read(Kind::Common, line, context)
    }
}

impl LineFormat for Combined {
    fn name(&self) -> &'static str {
        "combined"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        read(Kind::Combined, line, context)
    }
}

impl LineFormat for VhostCombined {
    fn name(&self) -> &'static str {
        "vhost_combined"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        read(Kind::Vhost, line, context)
    }
}

impl LineFormat for Inferred {
    fn name(&self) -> &'static str {
        "access"
    }

    fn read<'a>(&self, text: &'a str, context: &Context) -> Option<Entry<'a>> {
        let b = text.as_bytes();
        let parted = memchr_iter(b'|', b).take(4).count() == 4 && memmem::find(b, b" | ").is_none();
        let kind = match kind(text) {
            // Columns between bars need no quotes.
            None if parted && b.first().is_some_and(u8::is_ascii_alphanumeric) => Kind::Other,
            kind => kind?,
        };
        // A torn request (`"-" 408`) has no slash.
        let torn = || memmem::find(b, b"HTTP/").or_else(|| memmem::find(b, b" \"-\" "));
        if kind == Kind::Other && !line::may_hold(line::head(text)) && torn().is_none() {
            return None;
        }
        let draft = match line::read(text, Some(context)).filter(|d| d.quoted) {
            None if parted => line::read_columns(text, b'|', context)?,
            draft => draft?,
        };
        // Words between the pieces are a program's: its lines are read elsewhere.
        let own = draft.quoted && draft.words <= 2 && (draft.at.is_some() || draft.request.client.is_some());
        own.then(|| draft.entry(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RequestRef;
    use record::{Ending, Level, Time, Zone};

    fn context() -> Context {
        Context { reference: Time::from_secs(1_795_600_000), ..Context::default() }
    }

    fn entry(line: &str) -> (&'static str, Entry<'_>) {
        let all: [&dyn LineFormat; 4] = [&Combined, &VhostCombined, &Common, &Inferred];
        let context = context();
        all.iter().find_map(|f| Some((f.name(), f.read(line, &context)?))).expect(line)
    }

    fn at(e: &Entry<'_>) -> (String, Zone) {
        e.at.map(|(t, z)| (t.to_string(), z)).unwrap()
    }

    fn request(line: &str) -> RequestRef<'_> {
        entry(line).1.request.unwrap()
    }

    #[test]
    fn a_combined_line_with_nginx_timings() {
        let line = r#"2001:db8::4f:876 - - [24/Nov/2026:07:21:01 +0000] "GET /rooms/9 HTTP/1.1" 502 39 "https://a.example/" "Mozilla/5.0 (X11; Linux x86_64)" rt=0.004 uct=0.000 urt=0.004 us=502 rid=33caace9ae0d4966f1c1038c80056b45"#;
        let (name, e) = entry(line);
        assert_eq!(name, "combined");
        assert_eq!(at(&e), ("2026-11-24T07:21:01Z".into(), Zone::Stated));
        assert!(e.closed);
        assert_eq!(e.message, line);
        assert_eq!(e.fields, []);
        assert_eq!(
            e.request.unwrap(),
            RequestRef {
                method: "GET".into(),
                target: "/rooms/9".into(),
                client: Some("2001:db8::4f:876".into()),
                status: Some(502),
                duration_us: Some(4_000),
                agent: Some("Mozilla/5.0 (X11; Linux x86_64)".into()),
                upstream_status: Some(502),
                id: Some("33caace9ae0d4966f1c1038c80056b45".into()),
                ..RequestRef::default()
            }
        );
    }

    #[test]
    fn common_lines_of_servers_of_every_language() {
        for (line, status, us) in [
            (r#"127.0.0.23 - - [24/Nov/2026:07:11:21 +0000] "GET /p/1 HTTP/1.1" 500 64"#, 500, None),
            (
                r#"203.0.113.1 - - [24/Nov/2026:07:38:35 +0000] "GET /p/1 HTTP/1.1" 500 - 0.0547"#,
                500,
                Some(54_700),
            ),
            (r#"127.0.0.1 - - [24/Nov/2026 07:11:37] "GET /p/1 HTTP/1.1" 500 -"#, 500, None),
            (
                "127.0.0.1 - - [24/Nov/2026 07:11:37] \"\u{1b}[35m\u{1b}[1mGET /p/1 HTTP/1.1\u{1b}[0m\" 500 -",
                500,
                None,
            ),
            (r#"[24/Nov/2026 07:11:37] "GET /p/1 HTTP/1.1" 500 145"#, 500, None),
            (
                r#"127.0.0.1 [24/Nov/2026:07:18:26 +0000] "GET /p/1 HTTP/1.0" 200 44 5ms pid=<16865>"#,
                200,
                Some(5_000),
            ),
            (r#"127.0.0.1 - - [24/Nov/2026:07:11:21 UTC] "GET /p/1 HTTP/1.1" 500 312"#, 500, None),
            (
                r#"127.0.0.1 - - [Tue, 24 Nov 2026 07:11:21 GMT] "GET /p/1 HTTP/1.1" 500 12 "-" "curl/8""#,
                500,
                None,
            ),
            (
                r#"203.0.113.9 - alice smith [24/Nov/2026:07:11:21 +0000] "GET /p/1 HTTP/2.0" 304 0 "-" "curl/8""#,
                304,
                None,
            ),
            (r#"198.51.100.23 [2026-11-24T07:32:01+00:00] "GET /p/1" 201 0.002"#, 201, Some(2_000)),
            (r#"127.0.0.1:5312 - - [24/Nov/2026:07:11:21] "GET /p/1" 500 12"#, 500, None),
        ] {
            let r = request(line);
            assert_eq!(
                (r.method.as_ref(), r.target.as_ref(), r.status, r.duration_us),
                ("GET", "/p/1", Some(status), us),
                "{line}"
            );
        }
    }

    #[test]
    fn virtual_hosts_stand_in_several_places() {
        for (line, host, client) in [
            (
                r#"www.greenleaf.example:80 203.0.113.33 - - [24/Nov/2026:07:29:47 +0000] "GET / HTTP/1.1" 200 287 "-" "curl/8""#,
                Some("www.greenleaf.example:80"),
                "203.0.113.33",
            ),
            (
                r#"store.example.com 198.51.100.118 [24/Nov/2026:07:20:18 +0000] "GET / HTTP/1.1" 500 695 0.026"#,
                Some("store.example.com"),
                "198.51.100.118",
            ),
            (
                r#"203.0.113.80 203.0.113.88 [24/Nov/2026:07:20:19 +0000] "GET / HTTP/1.1" 400 154 0.001"#,
                Some("203.0.113.80"),
                "203.0.113.88",
            ),
            (
                r#"198.51.100.77 [24/Nov/2026:08:15:31 +0000] prices.example.com "GET /data" 200 0.002s "curl/8""#,
                Some("prices.example.com"),
                "198.51.100.77",
            ),
            (
                r#"203.0.113.7 shop.example.com - [24/Nov/2026:08:15:31 +0000] "GET / HTTP/1.1" 500 9 "-" "curl/8""#,
                Some("shop.example.com"),
                "203.0.113.7",
            ),
            (
                r#"203.0.113.33, 127.0.0.1 - - [24/Nov/2026:08:02:18 +0000] "GET http://ferry.example.com/a?b=1 HTTP/1.1" 503 55 "-" "GuzzleHttp/7" miss 0.001357"#,
                Some("ferry.example.com"),
                "203.0.113.33",
            ),
            (
                r#"box.example.net - - [24/Nov/2026:08:02:18 +0000] "GET / HTTP/1.1" 200 5"#,
                None,
                "box.example.net",
            ),
            (
                r#"127.0.0.1 - - [24/Nov/2026:08:02:18 +0000] "GET / HTTP/1.1" 404 14 "-" "okhttp/4" "198.51.100.57, 10.0.0.1""#,
                None,
                "198.51.100.57",
            ),
        ] {
            let r = request(line);
            assert_eq!((r.host.as_deref(), r.client.as_deref()), (host, Some(client)), "{line}");
        }
    }

    #[test]
    fn upstreams_ids_and_workers_in_the_tail() {
        let r = request(
            r#"203.0.113.4 - - [24/Nov/2026:07:43:54 +0000] "GET /x HTTP/1.1" 502 559 "okhttp/4.12.0" "2eff2f12-814d" 127.0.0.1:8551 0.002"#,
        );
        assert_eq!(r.agent.as_deref(), Some("okhttp/4.12.0"));
        assert_eq!(r.id.as_deref(), Some("2eff2f12-814d"));
        assert_eq!(r.upstream.as_deref(), Some("127.0.0.1:8551"));
        assert_eq!((r.duration_us, r.upstream_status), (Some(2_000), None));

        let r = request(
            r#"203.0.113.222 [2026-11-24T08:03:07+00:00] "GET /x HTTP/1.1" 502 15 0.003 "127.0.0.1:8216, 127.0.0.1:8217" "502, 504" 0.002"#,
        );
        assert_eq!(r.upstream.as_deref(), Some("127.0.0.1:8217"));
        assert_eq!((r.duration_us, r.upstream_status), (Some(3_000), Some(504)));

        // ingress-nginx: 502 is the request's length, 13 the answer's.
        let line = r#"203.0.113.5 - - [24/Aug/2026:09:52:13 +0000] "GET / HTTP/1.1" 503 13 "-" "curl/8.5.0" 502 0.001 [default-web-5678] [] 10.1.1.1:5678, 10.1.1.2:5678 0, 13 0.000, 0.001 502, 503 04f1619cfb5e02b6455c19b860427758"#;
        let e = entry(line).1;
        assert_eq!(e.fields, [("proxy_upstream_name".into(), "default-web-5678".into())]);
        let r = e.request.unwrap();
        assert_eq!(r.upstream.as_deref(), Some("10.1.1.2:5678"));
        assert_eq!((r.duration_us, r.upstream_status), (Some(1_000), Some(503)));
        assert_eq!(r.id.as_deref(), Some("04f1619cfb5e02b6455c19b860427758"));

        // Traefik.
        let r = request(
            r#"172.17.1.2 - - [24/Nov/2024:13:38:04 +0000] "GET /birthday HTTP/2" 502 352 "-" "Nikto" 244 "leaf@docker" "http://172.17.0.3:80" 42ms"#,
        );
        assert_eq!(
            (r.upstream.as_deref(), r.agent.as_deref(), r.duration_us),
            (Some("172.17.0.3:80"), Some("Nikto"), Some(42_000))
        );

        // mod_unique_id before the request; mod_wsgi's %{…}e and %L behind.
        let r = request(
            r#"198.51.100.77 [24/Nov/2026:07:37:57 +0000] awU-1as8bSVCQw2vTCTr8AAAAAA "GET /r HTTP/1.1" 500 48 1896us "GuzzleHttp/7""#,
        );
        assert_eq!(
            (r.id.as_deref(), r.duration_us, r.agent.as_deref()),
            (Some("awU-1as8bSVCQw2vTCTr8AAAAAA"), Some(1_896), Some("GuzzleHttp/7"))
        );
        let r = request(
            r#"api.example:80 203.0.113.222 - - [24/Nov/2026:07:30:15 +0000] "POST /b HTTP/1.1" 500 234 "okhttp/4" eid=Orh4rqDP4GQ dur=221350"#,
        );
        assert_eq!((r.id.as_deref(), r.duration_us), (Some("Orh4rqDP4GQ"), Some(221_350)));

        let (name, e) = entry(
            r#"2026-11-24T07:26:23.599Z [http-nio-127.0.0.1-8501-exec-2] 127.0.0.39 "GET /category/12 HTTP/1.1" 500 45 29710 cb91ce37"#,
        );
        assert_eq!((name, e.pid.as_deref()), ("access", Some("http-nio-127.0.0.1-8501-exec-2")));
        assert_eq!(e.request.unwrap().id.as_deref(), Some("cb91ce37"));
    }

    #[test]
    fn torn_requests_and_clients_that_left() {
        let r = request(r#"203.0.113.7 - - [24/Nov/2026:08:02:18 +0000] "-" 408 0 "-" "-""#);
        assert_eq!((r.method.as_ref(), r.target.as_ref(), r.status), ("", "", Some(408)));
        let r =
            request(r#"1.2.3.4 - - [17/Oct/2023:05:57:49 +1100] "\x16\x03\x01\x01 \x02" 400 226 "-" "-""#);
        assert_eq!((r.status, r.client.as_deref()), (Some(400), Some("1.2.3.4")));
        let r = request(
            r#"1.2.3.4 - - [17/Oct/2023:05:57:49 +1100] "GET /say\"hi\" HTTP/1.1" 499 0 "-" "a \"b\" c""#,
        );
        assert_eq!(
            (r.target.as_ref(), r.ending, r.agent.as_deref()),
            (r#"/say\"hi\""#, Ending::ClientLeft, Some(r#"a \"b\" c"#))
        );
        let r = request(
            r#"172.17.1.1 - - [28/Sep/2022:13:38:04 +0000] "GET /m HTTP/1.1" - - "-" "Nikto" 45640 "-" "-" 0ms"#,
        );
        assert_eq!((r.status, r.ending), (None, Ending::ClientLeft));
        let r = request(r#"1.2.3.4 - - [28/Sep/2022:13:38:04 +0000] "GET /m HTTP/2.0" 000 0 "-" "x/1""#);
        assert_eq!((r.status, r.ending), (None, Ending::ClientLeft));
    }

    #[test]
    fn a_program_that_writes_its_request_lines_through_a_logger() {
        let (name, e) =
            entry(r#"2026-11-24 07:47:01,103 INFO orders: 127.0.0.1 "GET /api/orders/2228 HTTP/1.1" 500 -"#);
        assert_eq!((name, e.level), ("access", Level::Info));
        assert_eq!(at(&e), ("2026-11-24T07:47:01.103Z".into(), Zone::Wall));
        assert_eq!(e.fields, [("logger".into(), "orders".into())]);
        let (_, e) = entry(
            r#"[2026-11-24T07:30:12Z INFO  actix_web::middleware::logger] 127.0.0.1 "GET /x HTTP/1.1" 500 12 "-" "curl/8" 0.000123"#,
        );
        assert_eq!((e.level, e.request.unwrap().duration_us), (Level::Info, Some(123)));
        let (_, e) =
            entry(r#"24/Nov/2026 07:49:00.214 203.0.113.64 "GET /api/orders/9527 HTTP/1.1" 500 220 8 ms"#);
        assert_eq!(at(&e), ("2026-11-24T07:49:00.214Z".into(), Zone::Wall));
        assert_eq!(e.request.unwrap().duration_us, Some(8_000));
        let (_, e) = entry(
            r#"[2026-11-24 07:20:05 +0000] [17398] [INFO] 127.0.0.1:5 - - [24/Nov/2026:07:20:05 +0000] "GET /x 1.1" 500 12 "-" "curl/8""#,
        );
        assert_eq!(e.pid.as_deref(), Some("17398"));
        assert_eq!(e.request.unwrap().target, "/x");
    }

    #[test]
    fn columns_in_quotes_or_between_bars_and_loggers_around_the_common_format() {
        let r = request(
            r#""203.0.113.9" "-" "24/Nov/2026:07:00:00 +0000" "GET /x HTTP/1.1" "500" "12" "-" "curl/8""#,
        );
        assert_eq!(
            (r.status, r.client.as_deref(), r.agent.as_deref()),
            (Some(500), Some("203.0.113.9"), Some("curl/8"))
        );
        let r = request("203.0.113.9|24/Nov/2026:07:00:00 +0000|GET /x HTTP/1.1|500|12|-|curl/8|0.004");
        assert_eq!(
            (r.status, r.client.as_deref(), r.duration_us),
            (Some(500), Some("203.0.113.9"), Some(4_000))
        );
        let e = entry(r#"INFO:werkzeug:127.0.0.1 - - [24/Nov/2026 07:00:00] "GET /x HTTP/1.1" 500 -"#).1;
        assert_eq!((e.level, e.fields), (Level::Info, vec![("logger".into(), "werkzeug".into())]));
        assert_eq!(e.request.unwrap().client.as_deref(), Some("127.0.0.1"));
        let e = entry(
            r#"2026-11-24 07:00:00,123 - uvicorn.access - INFO - 127.0.0.1:40934 - "POST /p HTTP/1.1" 500"#,
        )
        .1;
        assert_eq!(e.fields, [("logger".into(), "uvicorn.access".into())]);
        let e =
            entry(r#"203.0.113.9 - frank [24/Nov/2026:07:00:00 -0500] "GET /x?q="a" HTTP/1.1" 503 2326"#).1;
        assert_eq!(e.fields, []);
        let r = e.request.unwrap();
        assert_eq!((r.status, r.host), (Some(503), None));
        // php-fpm's access.format with %f, %{milli}d, %{kilo}M and %C.
        let r = request(
            r#"- -  24/Nov/2026:07:00:00 +0000 "POST /index.php" 500 /var/www/html/index.php 123.456 2048 97.22%"#,
        );
        assert_eq!((r.status, r.duration_us), (Some(500), Some(123_456)));
    }

    #[test]
    fn lines_that_only_mention_requests_are_refused() {
        let context = context();
        for line in [
            r#"2026/11/24 07:21:16 [error] 18756#18756: *514 upstream timed out (110: Connection timed out) while reading, client: 1.2.3.4, server: x, request: "GET /x HTTP/1.1", upstream: "http://127.0.0.1:1/x", host: "x""#,
            r#"DEBUG:urllib3.connectionpool:http://localhost:8000 "GET /x HTTP/1.1" 500 12"#,
            r#"2026-11-24 07:30:00 DEBUG urllib3.connectionpool http://localhost:8000 "GET /x HTTP/1.1" 500 12"#,
            r#"INFO:httpx:HTTP Request: GET http://api.example/x "HTTP/1.1 500 Internal Server Error""#,
            r#"[24-Nov-2026 08:09:56] WARNING: [pool www] child 1, script '/x.php' (request: "GET /index.php") executing too slow (3.416902 sec), logging"#,
            r#"    raise ValueError("GET /x HTTP/1.1") 500"#,
            r#"{"msg":"GET /x HTTP/1.1","status":500}"#,
            r#"No route found for "GET http://camping.example.com/server-status" (from "https://x")"#,
            "",
            "\"",
            "[",
            "é \" é",
        ] {
            for f in [&Combined as &dyn LineFormat, &VhostCombined, &Common, &Inferred] {
                assert!(f.read(line, &context).is_none(), "{} {line}", f.name());
            }
        }
    }
}
