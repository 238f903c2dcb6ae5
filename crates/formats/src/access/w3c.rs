//! W3C extended log files: IIS, and others that name their columns in a `#Fields:` directive (CloudFront,
//! Oracle Web Cache).
//!
//! ```text
//! #Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken
//! 2026-11-24 07:32:17 10.0.0.4 GET /orders id=5 443 - 157.55.39.146 Mozilla/5.0+(compatible;+bingbot/2.0) - 500 19 13 283
//! ```
//!
//! Times are UTC; `time-taken` is in milliseconds at IIS, in seconds with decimals at CloudFront. Sources:
//! W3C working draft WD-logfile; IIS documentation, "Edit IIS logs: W3C"; CloudFront documentation, "Standard
//! logging: log file fields".

use super::line::Draft;
use super::value;
use crate::mention::address;
use crate::{Context, Entry, LineFormat, time};
use record::{Ending, Zone};
use std::borrow::Cow;

/// Directives, and lines under a `#Fields:`.
pub(super) struct W3c;

/// IIS' default columns, for excerpts whose head is missing: since 8.5, and before (without `cs(Referer)`).
const IIS: [&str; 2] = [
    "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus \
     sc-win32-status time-taken",
    "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status sc-substatus \
     sc-win32-status time-taken",
];

const DIRECTIVES: [&str; 11] = [
    "#Fields:",
    "#Software:",
    "#Version:",
    "#Date:",
    "#Start-Date:",
    "#End-Date:",
    "#Remark:",
    "#GMT-Offset:",
    "#System-Id:",
    "#Remarks:",
    "#Log-type:",
];

impl LineFormat for W3c {
    fn name(&self) -> &'static str {
        "w3c"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        let line = line.trim_start_matches('\u{feff}');
        if line.starts_with('#') {
            let directive = DIRECTIVES.iter().any(|d| line.starts_with(d));
            return directive.then(|| Entry { closed: true, ..Entry::default() });
        }
        if let Some(names) = context.w3c_fields.as_deref() {
            // HTTP.sys' own log has such a head, too: its reasons are for `httperr`.
            return if names.contains("s-reason") { None } else { columns(names, line, context) };
        }
        // Without a head: date, time, address, method in front, as many columns as IIS writes.
        let mut front = line.splitn(5, ' ');
        let (date, _, server, method) = (front.next()?, front.next()?, front.next()?, front.next()?);
        if date.len() != 10 || address(server).is_none() || !crate::mention::is_method(method) {
            return None;
        }
        let count = line.split(' ').count();
        IIS.iter()
            .find(|names| names.split(' ').count() == count)
            .and_then(|names| columns(names, line, context))
    }
}

/// The values of a line: parted by tabs where there are any, else by blanks; in quotes they may hold blanks.
fn values(line: &str) -> impl Iterator<Item = &str> {
    let tabs = line.contains('\t');
    let mut rest = line;
    std::iter::from_fn(move || {
        if !tabs {
            rest = rest.trim_start_matches(' ');
        }
        if rest.is_empty() {
            return None;
        }
        let end = match rest.strip_prefix('"').and_then(|r| r.find(if tabs { "\"\t" } else { "\" " })) {
            Some(n) => n + 2,
            None => rest.find(if tabs { '\t' } else { ' ' }).unwrap_or(rest.len()),
        };
        let (value, after) = rest.split_at_checked(end)?;
        rest = after.get(1..).unwrap_or_default();
        let inner = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
        Some(inner.unwrap_or(value))
    })
}

/// Reads a line by the names of its columns.
pub(super) fn columns<'a>(names: &str, line: &'a str, context: &Context) -> Option<Entry<'a>> {
    let mut draft = Draft::default();
    let (mut date, mut clock, mut stem, mut query) = ("", "", "", "");
    let mut local = false;
    let (mut substatus, mut win32, mut result, mut detail) = ("", "", "", "");
    let mut columns = 0usize;
    let mut code = "";
    for (name, text) in names.split_whitespace().zip(values(line)) {
        columns += 1;
        if text == "-" || text.is_empty() {
            continue;
        }
        let request = &mut draft.request;
        match name {
            "date" | "date-UTC" => date = text,
            "time" | "time-UTC" => clock = text,
            "date-local" => (date, local) = (text, true),
            "time-local" => clock = text,
            "cs-method" => request.method = Cow::Borrowed(text),
            "cs-uri-stem" | "cs-uri" => stem = text,
            "cs-uri-query" => query = text,
            "c-ip" => request.client = Some(Cow::Borrowed(address(text).unwrap_or(text))),
            "cs-host" | "cs(Host)" | "x-host-header" => request.host = Some(Cow::Borrowed(text)),
            "cs(User-Agent)" => request.agent = Some(Cow::Borrowed(text)),
            "sc-status" => code = text,
            "time-taken" | "TimeTakenMS" => {
                let unit = if text.contains('.') { 1_000_000 } else { 1_000 };
                request.duration_us = value::scaled(text, unit);
            }
            "sc-substatus" => substatus = text,
            "sc-win32-status" => win32 = text,
            "X-Forwarded-For" | "x-forwarded-for" | "cs(X-Forwarded-For)" | "s-xff" => {
                draft.forwarded = value::forwarded(text);
            }
            "x-edge-request-id" | "cs(X-Request-Id)" | "x-request-id" => {
                request.id = Some(Cow::Borrowed(text))
            }
            "x-edge-result-type" => result = text,
            "x-edge-detailed-result-type" => detail = text,
            "s-ip" | "s-computername" if draft.pid.is_none() => {}
            "s-sitename" => draft.logger = Some(text),
            _ => {}
        }
    }
    draft.request.status = value::status(code);
    // 000 (CloudFront): the viewer closed the connection before it was answered.
    let left = code == "000" || code == "0";
    if columns < 4 || draft.request.status.is_none() && !left || date.is_empty() && !clock.is_empty() {
        return None;
    }
    if left {
        draft.request.ending = Ending::ClientLeft;
    }
    // Analysed by the name of the more telling column: OriginConnectError rather than Error.
    let flags = if detail.is_empty() { result } else { detail };
    if !flags.is_empty() {
        draft.request.flags = Some(Cow::Borrowed(flags));
    } else if let Some(status) = draft.request.status.filter(|s| *s >= 500)
        && !matches!(substatus, "" | "0" | "-")
    {
        // IIS' own way to name them: 500.30, 502.3.
        draft.request.flags = Some(Cow::Owned(format!("{status}.{substatus}")));
    }
    draft.request.target = match (stem, query) {
        (stem, "") => Cow::Borrowed(stem),
        (stem, query) => Cow::Owned(format!("{stem}?{query}")),
    };
    if draft.request.status.is_some_and(|s| s >= 400) {
        for (name, text) in [("sc-substatus", substatus), ("sc-win32-status", win32)] {
            if !text.is_empty() {
                draft.fields.push((Cow::Borrowed(name), Cow::Borrowed(text)));
            }
        }
    }
    if !date.is_empty() {
        let stamp = match line
            .strip_prefix(date)
            .and_then(|r| r.strip_prefix(' '))
            .is_some_and(|r| r.starts_with(clock))
        {
            true => time::stamp(line, context.reference),
            false => time::stamp(&format!("{date} {clock}"), context.reference),
        }?;
        draft.at = Some((stamp.time, if local { Zone::Wall } else { Zone::Stated }));
    }
    Some(draft.entry(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn under(fields: &str) -> Context {
        Context { w3c_fields: Some(fields.into()), ..Context::default() }
    }

    #[test]
    fn iis_with_its_substatus() {
        let line = "2026-11-24 07:32:17 10.0.0.4 GET /orders id=5 443 - 157.55.39.146 Mozilla/5.0+(compatible;+bingbot/2.0) - 500 19 13 283";
        for context in [under(IIS[0]), Context::default()] {
            let e = W3c.read(line, &context).unwrap();
            assert_eq!(
                e.at.map(|(t, z)| (t.to_string(), z)),
                Some(("2026-11-24T07:32:17Z".into(), Zone::Stated))
            );
            assert_eq!(
                e.fields,
                [("sc-substatus".into(), "19".into()), ("sc-win32-status".into(), "13".into())]
            );
            let r = e.request.unwrap();
            assert_eq!((r.method.as_ref(), r.target.as_ref(), r.status), ("GET", "/orders?id=5", Some(500)));
            assert_eq!((r.client.as_deref(), r.duration_us), (Some("157.55.39.146"), Some(283_000)));
        }
    }

    /// Windows writes the same head above what HTTP.sys answered itself.
    #[test]
    fn reasons_of_http_sys_are_not_read_here() {
        let head = "date time c-ip c-port s-ip s-port cs-version cs-method cs-uri streamid sc-status s-siteid s-reason s-queuename";
        let line = "2026-11-24 07:30:12 203.0.113.9 50123 10.0.0.4 443 HTTP/1.1 GET /orders - 503 1 AppOffline ShopPool";
        assert!(W3c.read(line, &under(head)).is_none());
    }

    #[test]
    fn quoted_columns_and_other_orders() {
        let context = under(
            "date-local time-local s-ip cs-method cs-uri-stem c-ip cs(User-Agent) cs(Host) sc-status TimeTakenMS",
        );
        let e = W3c
            .read(r#"2026-11-24 07:00:00.363 1.2.3.4 GET /p "70.95.0.0" "Mozilla/5.0 (Linux; Android)" "xzy.example.com" 503 109"#, &context)
            .unwrap();
        assert_eq!(
            e.at.map(|(t, z)| (t.to_string(), z)),
            Some(("2026-11-24T07:00:00.363Z".into(), Zone::Wall))
        );
        let r = e.request.unwrap();
        assert_eq!(
            (r.host.as_deref(), r.agent.as_deref()),
            (Some("xzy.example.com"), Some("Mozilla/5.0 (Linux; Android)"))
        );
        let context = under(" c-ip  c-dns  date  time  cs-method  cs-uri  sc-status  time-taken");
        let r = W3c
            .read("203.0.113.4  -  2026-11-24  07:00:18  GET  /x  500  12", &context)
            .unwrap()
            .request
            .unwrap();
        assert_eq!((r.status, r.duration_us), (Some(500), Some(12_000)));
    }

    #[test]
    fn directives_are_known_and_empty() {
        let e = W3c.read("#Fields: date time", &Context::default()).unwrap();
        assert!(e.closed && e.message.is_empty() && e.request.is_none());
        for line in ["# a comment", "2026-11-24 07:32:17 x GET", "2026-11-24 07:32:17 INFO started", ""] {
            assert!(W3c.read(line, &Context::default()).is_none(), "{line}");
        }
        assert!(W3c.read("this is no line of it at all", &under(IIS[0])).is_none());
    }
}
