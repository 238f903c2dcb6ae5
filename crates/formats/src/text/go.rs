//! Go's layouts: the standard `log`, klog and glog, zap's console (also Caddy's and Istio's), zerolog's
//! console (also Traefik 3),
//! logrus and charm on a terminal.
//!
//! ```text
//! 2026/11/24 07:21:16 http: panic serving 127.0.0.1:60336: runtime error: invalid memory address or nil pointer dereference
//! E1124 07:21:05.123456       1 controller.go:142] error syncing 'shop/api': no endpoints
//! 2026/11/24 07:46:58.407  ERROR  http.log.error  dial tcp 127.0.0.1:8261: connect: connection refused  {"request": {"remote_ip": "203.0.113.9", "method": "GET", "host": "api.example", "uri": "/api/orders"}, "status": 502}
//! 2026-11-24T07:21:05Z ERR github.com/traefik/traefik/v3/pkg/server/service/proxy.go:100 > 502 Bad Gateway error="dial tcp 10.0.0.2:80: connect: connection refused"
//! ERRO[0012] charge failed                                 error="EOF" order=17
//! ```
//!
//! (Between the columns of zap are tabs.)
//!
//! Sources: `log` package flags, `klog` (`formatHeader`), `zapcore/console_encoder.go`, `zerolog/console.go`,
//! logrus `text_formatter.go`.

use super::pairs;
use super::prefix::{Prefix, clock, group, level, loud_level, stamp, word};
use crate::mention::{address, is_method};
use crate::{Context, Entry, LineFormat, RequestRef};
use record::{Civil, Level, SECOND, Zone};
use serde_json::Value;
use std::borrow::Cow;

/// The standard library's logger.
pub(super) struct GoLog;
/// klog and glog (Kubernetes, gRPC, TensorFlow, C++ programs).
pub(super) struct Klog;
/// zap's console encoder: columns parted by tabs.
pub(super) struct ZapConsole;
/// zerolog's console writer.
pub(super) struct ZerologConsole;
/// logrus' text formatter on a terminal.
pub(super) struct LogrusTerminal;

impl LineFormat for GoLog {
    fn name(&self) -> &'static str {
        "go log"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        // A prefix of the program's own (log.SetPrefix) may stand before the time.
        let begin = date_at(line)?;
        let (at, rest) = stamp(line.get(begin..)?, context)?;
        let mut rest = rest.strip_prefix(' ')?;
        let mut prefix = Prefix { at: Some(at), ..Prefix::default() };
        if let Some((place, after)) = rest.split_once(": ")
            && let Some((file, number)) = place.rsplit_once(':')
            && file.ends_with(".go")
            && !file.contains(' ')
            && number.bytes().all(|c| c.is_ascii_digit())
        {
            prefix.logger = Some(place);
            rest = after;
        }
        if let Some((l, after)) = short_level(rest).or_else(|| loud_level(rest)) {
            prefix.level = l;
            rest = after.trim_start_matches([':', ' ']);
        } else if let Some((inner, after)) = group(rest, '[', ']')
            && let Some(l) = level(inner).filter(|_| after.starts_with(' '))
        {
            prefix.level = l;
            rest = after.trim_start();
        } else if let Some(l) = line.get(..begin).and_then(|p| level(p.trim().trim_matches(['[', ']', ':'])))
        {
            prefix.level = l;
        }
        // slog's default handler goes through this logger: "ERROR msg key=value".
        let known = prefix.level != Level::Unknown;
        let mut entry = prefix.entry(rest);
        if known {
            with_pairs(rest, &mut entry);
        }
        Some(entry)
    }
}

/// Where `2026/11/24 ` begins: at the start, or behind a prefix of at most 32 bytes.
fn date_at(line: &str) -> Option<usize> {
    let b = line.as_bytes();
    let is_date = |i: usize| {
        b.get(i..i + 12).is_some_and(|d| {
            d.iter().enumerate().all(|(k, c)| match k {
                4 | 7 => *c == b'/',
                10 => *c == b' ',
                // "2026/11/24 - 07:32:12" is gin's.
                _ => c.is_ascii_digit(),
            })
        })
    };
    if is_date(0) {
        return Some(0);
    }
    let slash = memchr::memchr(b'/', b.get(..40.min(b.len()))?)?;
    let begin = slash.checked_sub(4)?;
    (is_date(begin)
        && matches!(b.get(begin.checked_sub(1)?), Some(b' ' | b']' | b':'))
        && !b.get(..begin)?.iter().any(|c| matches!(c, b'"' | b'=')))
    .then_some(begin)
}

/// Levels in three or four letters, as terminals get them.
fn short_level(text: &str) -> Option<(Level, &str)> {
    let len = text.bytes().take_while(u8::is_ascii_uppercase).count();
    let found = match text.get(..len)? {
        "TRC" | "TRAC" => Level::Trace,
        "DBG" | "DEBU" => Level::Debug,
        "INF" | "INFO" => Level::Info,
        "WRN" | "WARN" => Level::Warn,
        "ERR" | "ERRO" => Level::Error,
        "FTL" | "PNC" | "FATA" | "PANI" => Level::Fatal,
        _ => return None,
    };
    let rest = text.get(len..)?;
    rest.starts_with([' ', '[', '\t']).then_some((found, rest))
}

/// `502 Bad Gateway`: what Traefik 3 says, at level debug, of a request that it answered so, with why in a pair
/// (`pkg/proxy/httputil/proxy.go`). It is an error, whatever its level.
fn is_5xx(message: &str) -> bool {
    let b = message.as_bytes();
    b.first() == Some(&b'5')
        && b.get(1..3).is_some_and(|d| d.iter().all(u8::is_ascii_digit))
        && b.get(3) == Some(&b' ')
        && b.get(4).is_some_and(u8::is_ascii_uppercase)
}

/// Message and pairs of a text into the entry.
fn with_pairs<'a>(text: &'a str, entry: &mut Entry<'a>) {
    let (message, found) = pairs::split(text);
    if found.is_empty() {
        return;
    }
    // Signatures read errors in the message too: the pair is where Go programs put them.
    let error = found.iter().find(|(k, _)| matches!(*k, "err" | "error")).map(|(_, v)| v.clone());
    if error.is_some() && is_5xx(message) {
        entry.level = entry.level.max(Level::Error);
    }
    entry.message = match error {
        Some(e) if entry.level >= Level::Warn && !message.contains(e.as_ref()) => {
            if message.is_empty() {
                e
            } else {
                Cow::Owned(format!("{message}: {e}"))
            }
        }
        _ => message.into(),
    };
    pairs::apply(found, entry);
    pairs::answered(entry);
}

impl LineFormat for Klog {
    fn name(&self) -> &'static str {
        "klog"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let b = line.as_bytes();
        let level = match b.first()? {
            b'I' => Level::Info,
            b'W' => Level::Warn,
            b'E' => Level::Error,
            b'F' => Level::Fatal,
            _ => return None,
        };
        let digits = b.iter().skip(1).take_while(|c| c.is_ascii_digit()).count();
        let date = line.get(1..1 + digits)?;
        let now = context.reference.civil();
        // klog: MMDD; glog since 0.5 may write the year too.
        let (year, date) = match digits {
            4 => (now.year, date),
            8 => (date.get(..4)?.parse().ok()?, date.get(4..)?),
            _ => return None,
        };
        let (month, day) = (date.get(..2)?.parse().ok()?, date.get(2..)?.parse().ok()?);
        let ((clock_at, _), rest) = clock(line.get(1 + digits..)?.strip_prefix(' ')?, context)?;
        let c = clock_at.civil();
        let mut civil = Civil { year, month, day, ..c };
        let mut at = civil.at_offset(0)?;
        if digits == 4 && at.since(context.reference) > 2 * 86_400 * SECOND {
            civil.year -= 1;
            at = civil.at_offset(0)?;
        }
        let (head, message) = rest.split_once("] ").or_else(|| rest.strip_suffix(']').map(|h| (h, "")))?;
        let (thread, place) = word(head.trim_start());
        if place.is_empty() || place.contains(' ') || !thread.bytes().all(|c| c.is_ascii_digit()) {
            return None;
        }
        let prefix = Prefix {
            at: Some((at, Zone::Wall)),
            level,
            pid: Some(thread),
            logger: Some(place),
            ..Prefix::default()
        };
        let mut entry = prefix.entry(message);
        // Structured klog: "Error syncing pod" err="…" pod="shop/api".
        if let Some((said, more)) = message.strip_prefix('"').and_then(|m| m.split_once("\" ")) {
            let (_, found) = pairs::split(more);
            if !found.is_empty() {
                let error = found.iter().find(|(k, _)| *k == "err").map(|(_, v)| v.clone());
                entry.message = error.map_or(Cow::Borrowed(said), |e| Cow::Owned(format!("{said}: {e}")));
                pairs::apply(found, &mut entry);
            }
        }
        Some(entry)
    }
}

impl LineFormat for ZapConsole {
    fn name(&self) -> &'static str {
        "zap console"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let (first, rest) = line.split_once('\t')?;
        let (at, "") = stamp(first, context)? else { return None };
        let (name, mut rest) = rest.split_once('\t')?;
        let level = level(name)?;
        let mut entry = Entry { at: Some(at), level, ..Entry::default() };
        // Logger and caller are columns of one word each.
        while let Some((column, after)) = rest.split_once('\t') {
            let named = !column.is_empty()
                && !column.contains(' ')
                && (column.contains(['.', '/', ':']) || entry.fields.is_empty());
            if !named || after.starts_with('{') && !column.contains(['.', '/', ':']) {
                break;
            }
            if after.starts_with('{')
                && !after.contains('\t')
                && !column.contains(".go:")
                && !entry.fields.is_empty()
            {
                break;
            }
            entry.fields.push(("logger".into(), column.into()));
            rest = after;
        }
        let (message, tail) = match rest.split_once('\t') {
            Some((m, t)) if t.trim_start().starts_with('{') => (m, Some(t)),
            _ => (rest, None),
        };
        entry.message = message.into();
        if let Some(Value::Object(map)) = tail.and_then(|t| serde_json::from_str::<Value>(t.trim()).ok()) {
            object(map, &mut entry);
        }
        Some(entry)
    }
}

/// The JSON column: error and stack, what Caddy says of the request, the rest as fields.
fn object(map: serde_json::Map<String, Value>, entry: &mut Entry<'_>) {
    let handled = entry.fields.iter().any(|(_, v)| v.starts_with("http.log.access"));
    let mut request = RequestRef::default();
    let mut status = None;
    let own = |v: &Value| match v {
        Value::String(s) => Some(s.clone()),
        Value::Number(_) | Value::Bool(_) => Some(v.to_string()),
        _ => None,
    };
    for (key, value) in map {
        if key == "request"
            && let Value::Object(inner) = &value
        {
            let get = |k: &str| inner.get(k).and_then(Value::as_str).map(|s| Cow::Owned(s.to_owned()));
            request.method = get("method").filter(|m: &Cow<'_, str>| is_method(m)).unwrap_or_default();
            request.target = get("uri").unwrap_or_default();
            request.host = get("host");
            request.client = get("client_ip")
                .or_else(|| get("remote_ip"))
                .or_else(|| get("remote_addr").and_then(|a| address(&a).map(|a| Cow::Owned(a.to_owned()))));
            continue;
        }
        let Some(text) = own(&value) else { continue };
        match key.as_str() {
            "stacktrace" | "errorVerbose" | "err_trace" if text.contains('\n') => {
                entry.trace = Some(Cow::Owned(text));
                continue;
            }
            "error" | "err" if entry.level >= Level::Warn && !entry.message.contains(&text) => {
                entry.message = Cow::Owned(format!("{}: {text}", entry.message));
            }
            "status" => {
                status = value.as_u64().and_then(|s| u16::try_from(s).ok()).filter(|s| (100..600).contains(s))
            }
            "duration" if handled => {
                request.duration_us =
                    value.as_f64().filter(|d| (0.0..1e9).contains(d)).map(|d| (d * 1e6) as u64)
            }
            "request_id" | "requestId" | "err_id" | "req_id" if request.id.is_none() => {
                request.id = Some(Cow::Owned(text.clone()))
            }
            "traceId" | "trace_id" | "traceID" => request.trace = Some(Cow::Owned(text.clone())),
            "method" if is_method(&text) => request.method = Cow::Owned(text.clone()),
            "path" | "uri" | "url" if text.starts_with('/') => request.target = Cow::Owned(text.clone()),
            _ => {}
        }
        entry.fields.push((Cow::Owned(key), Cow::Owned(text)));
    }
    // Caddy writes a failed request twice: only the access logger's line is the ledger's.
    if handled {
        request.status = status;
        entry.closed = status.is_some();
    }
    if request != RequestRef::default() {
        entry.request = Some(request);
    }
}

impl LineFormat for ZerologConsole {
    fn name(&self) -> &'static str {
        "zerolog console"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if !line.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let (at, rest) = stamp(line, context).or_else(|| clock(line, context))?;
        let (level, rest) = short_level(rest.strip_prefix(' ')?)?;
        let mut rest = rest.trim_start();
        // zerolog has three letters or its caller's ">"; four letters are charm's. Plain INFO and WARN belong
        // to anybody.
        let three = line
            .get(..line.len() - rest.len())?
            .trim_end()
            .rsplit(' ')
            .next()
            .is_some_and(|w| w.len() == 3 || matches!(w, "DEBU" | "ERRO" | "FATA"));
        let mut fields = Vec::new();
        if let Some((place, after)) =
            rest.split_once(" > ").filter(|(p, _)| !p.contains(' ') && p.contains(':'))
        {
            fields.push(("logger".into(), place.into()));
            rest = after;
        } else if !three {
            return None;
        } else if let Some((inner, after)) = group(rest, '<', '>').filter(|(i, _)| i.contains(".go:")) {
            fields.push(("logger".into(), inner.into()));
            rest = after.trim_start();
        }
        let mut entry = Entry { at: Some(at), level, message: rest.into(), fields, ..Entry::default() };
        with_pairs(rest, &mut entry);
        Some(entry)
    }
}

impl LineFormat for LogrusTerminal {
    fn name(&self) -> &'static str {
        "logrus"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let name = line.get(..4)?;
        if !matches!(name, "TRAC" | "DEBU" | "INFO" | "WARN" | "ERRO" | "FATA" | "PANI") {
            return None;
        }
        let (level, _) = short_level(line)?;
        let (inner, rest) = group(line.get(4..)?, '[', ']')?;
        // Seconds since the program's start, or a time.
        let at = stamp(inner, context).filter(|(_, r)| r.is_empty()).map(|(t, _)| t);
        if at.is_none()
            && !(inner.len() <= 10 && !inner.is_empty() && inner.bytes().all(|c| c.is_ascii_digit()))
        {
            return None;
        }
        let text = rest.strip_prefix(' ').unwrap_or(rest).trim_start_matches(' ');
        let mut entry = Entry { at, level, message: text.trim_end().into(), ..Entry::default() };
        with_pairs(text, &mut entry);
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{field, of};

    #[test]
    fn the_standard_logger_with_all_its_flags() {
        let e = of(
            &GoLog,
            "2026/11/24 07:21:16 http: panic serving 127.0.0.1:60336: runtime error: invalid memory address",
        );
        assert_eq!(
            (e.level, e.message.as_ref()),
            (Level::Unknown, "http: panic serving 127.0.0.1:60336: runtime error: invalid memory address")
        );
        let e = of(&GoLog, "2026/11/24 07:21:05.123456 main.go:12: listening on :8510");
        assert_eq!(
            (e.at.unwrap().0.to_string().as_str(), field(&e, "logger"), e.message.as_ref()),
            ("2026-11-24T07:21:05.123456Z", "main.go:12", "listening on :8510")
        );
        let e = of(&GoLog, "[api] 2026/11/24 07:21:05 boom");
        assert_eq!(e.message, "boom");
        let e = of(&GoLog, "ERROR: 2026/11/24 07:21:05 db.go:31: pq: the database system is shutting down");
        assert_eq!((e.level, e.message.as_ref()), (Level::Error, "pq: the database system is shutting down"));
        let e = of(
            &GoLog,
            "2026/11/24 07:21:05 ERROR save failed err=\"dial tcp 127.0.0.1:5432: connect: connection refused\" path=/orders method=POST",
        );
        assert_eq!(
            (e.level, e.message.as_ref()),
            (Level::Error, "save failed: dial tcp 127.0.0.1:5432: connect: connection refused")
        );
        assert_eq!(
            e.request.map(|r| (r.method.into_owned(), r.target.into_owned())),
            Some(("POST".into(), "/orders".into()))
        );
    }

    #[test]
    fn klog_has_a_day_without_a_year() {
        let e = of(
            &Klog,
            "E1124 07:21:05.123456       1 controller.go:142] error syncing 'shop/api': no endpoints",
        );
        assert_eq!(
            (e.level, e.at.unwrap().0.to_string().as_str(), e.pid.as_deref()),
            (Level::Error, "2026-11-24T07:21:05.123456Z", Some("1"))
        );
        assert_eq!(
            (e.message.as_ref(), field(&e, "logger")),
            ("error syncing 'shop/api': no endpoints", "controller.go:142")
        );
        let e = of(
            &Klog,
            "E1230 07:21:05.123456 7 pod_workers.go:1298] \"Error syncing pod, skipping\" err=\"failed to start\" pod=\"shop/api\"",
        );
        assert_eq!(
            (e.at.unwrap().0.to_string().as_str(), e.message.as_ref()),
            ("2025-12-30T07:21:05.123456Z", "Error syncing pod, skipping: failed to start")
        );
        let e = of(&Klog, "W20261124 07:21:05.123456  1234 server.cc:12] low memory");
        assert_eq!((e.level, e.message.as_ref()), (Level::Warn, "low memory"));
    }

    #[test]
    fn caddy_in_columns() {
        let e = of(
            &ZapConsole,
            "2026/11/24 07:46:58.407\tERROR\thttp.log.error\tdial tcp 127.0.0.1:8261: connect: connection refused\t{\"request\": {\"remote_ip\": \"203.0.113.9\", \"method\": \"GET\", \"host\": \"api.example\", \"uri\": \"/api/orders\"}, \"duration\": 0.001, \"status\": 502, \"err_id\": \"e4x9\"}",
        );
        assert_eq!(
            (e.level, e.message.as_ref(), field(&e, "logger")),
            (Level::Error, "dial tcp 127.0.0.1:8261: connect: connection refused", "http.log.error")
        );
        let r = e.request.unwrap();
        assert_eq!(
            (r.method.as_ref(), r.target.as_ref(), r.client.as_deref(), r.status),
            ("GET", "/api/orders", Some("203.0.113.9"), None)
        );
        let e = of(
            &ZapConsole,
            "2026/11/24 07:46:58.407\tINFO\thttp.log.access.log0\thandled request\t{\"request\": {\"method\": \"GET\", \"uri\": \"/x\"}, \"duration\": 0.5, \"status\": 500}",
        );
        assert_eq!(e.request.map(|r| (r.status, r.duration_us)), Some((Some(500), Some(500_000))));
        let e = of(
            &ZapConsole,
            "2026-11-24T07:21:05.123Z\terror\tapi\thandlers/cart.go:42\tcharge failed\t{\"error\": \"EOF\"}",
        );
        assert_eq!(
            (e.message.as_ref(), e.fields.first().map(|f| f.1.as_ref())),
            ("charge failed: EOF", Some("api"))
        );
        let e = of(&ZapConsole, "2026-11-24T07:21:05.123Z\tERROR\tcharge failed\t{\"error\": \"EOF\"}");
        assert_eq!(e.message, "charge failed: EOF");
        let e = of(&ZapConsole, "2026-11-24T07:21:05.123Z\twarning\tenvoy config\tgRPC stream closed");
        assert_eq!(e.level, Level::Warn);
    }

    #[test]
    fn terminals_get_short_levels() {
        let e = of(
            &ZerologConsole,
            "2026-11-24T07:21:05Z ERR github.com/traefik/traefik/v3/pkg/proxy.go:100 > 502 Bad Gateway error=\"dial tcp 10.0.0.2:80: connect: connection refused\"",
        );
        assert_eq!(
            (e.level, e.message.as_ref()),
            (Level::Error, "502 Bad Gateway: dial tcp 10.0.0.2:80: connect: connection refused")
        );
        // Traefik says so at debug.
        let e = of(
            &ZerologConsole,
            "2026-11-24T07:21:05Z DBG proxy.go:113 > 500 Internal Server Error error=\"tls: x\"",
        );
        assert_eq!((e.level, e.message.as_ref()), (Level::Error, "500 Internal Server Error: tls: x"));
        let e = of(&ZerologConsole, "2026-11-24T07:21:05Z DBG proxy.go:113 > retrying error=\"tls: x\"");
        assert_eq!(e.message, "retrying");
        let e = of(&ZerologConsole, "7:21AM INF request method=GET path=/x status=500 latency=1.5ms");
        assert_eq!(e.request.map(|r| (r.status, r.duration_us)), Some((Some(500), Some(1500))));
        let e = of(
            &LogrusTerminal,
            "ERRO[0012] charge failed                                 error=\"EOF\" order=17",
        );
        assert_eq!(
            (e.level, e.at, e.message.as_ref(), field(&e, "order")),
            (Level::Error, None, "charge failed: EOF", "17")
        );
        let e = of(&LogrusTerminal, "WARN[2026-11-24T07:21:05Z] slow");
        assert_eq!((e.level, e.message.as_ref()), (Level::Warn, "slow"));
    }

    #[test]
    fn lines_of_others_are_refused() {
        let formats: [&dyn LineFormat; 5] = [&GoLog, &Klog, &ZapConsole, &ZerologConsole, &LogrusTerminal];
        for l in [
            "",
            "E1124",
            "I think so",
            "2026-11-24 07:30:12 INFO x",
            "2026-11-24T07:30:12Z  WARN request: app: x",
            "INFO[x] y",
            "a\tb\tc",
            "[GIN] 2026/11/24 - 07:32:12 | 200 |",
            "GET /2026/11/24 x",
            "é/",
        ] {
            for f in formats {
                assert!(f.read(l, &Context::default()).is_none(), "{} {l}", f.name());
            }
        }
    }

    #[test]
    fn any_cut_of_a_line_is_survived() {
        for line in [
            "E1124 07:21:05.123456 1 é.go:142] \"é\" err=\"é",
            "2026/11/24 07:46:58.407\tERROR\té\té\t{\"é\": 1}",
            "7:21AM ERR é.go:1 > é=é",
            "ERRO[0012] é é=\"é",
        ] {
            for (i, _) in line.char_indices() {
                for f in [&GoLog as &dyn LineFormat, &Klog, &ZapConsole, &ZerologConsole, &LogrusTerminal] {
                    let _ = f.read(&line[..i], &Context::default());
                    let _ = f.read(&line[i..], &Context::default());
                }
            }
        }
    }
}
