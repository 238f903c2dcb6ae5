//! W3C extended log files, as IIS writes them: columns named by the `#Fields:` directive.
//!
//! ```text
//! #Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port c-ip cs(User-Agent) sc-status sc-substatus sc-win32-status time-taken
//! 2026-11-24 07:00:00 10.0.0.4 GET /orders id=5 443 203.0.113.9 curl/8 500 19 0 312
//! ```
//!
//! Times are UTC (W3C working draft WD-logfile; IIS documentation, "W3C logging").

use super::line::{address, status};
use crate::time::stamp;
use crate::{Context, Entry, LineFormat, RequestRef};
use record::Zone;
use std::borrow::Cow;

/// Lines under a `#Fields:` directive, and the directives.
pub(super) struct W3c;

impl LineFormat for W3c {
    fn name(&self) -> &'static str {
        "w3c"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if line.starts_with('#') {
            let directive =
                ["#Fields:", "#Software:", "#Version:", "#Date:", "#Start-Date:", "#End-Date:", "#Remark:"]
                    .iter()
                    .any(|d| line.starts_with(d));
            return directive.then(|| Entry {
                level: record::Level::Debug,
                closed: true,
                ..Entry::default()
            });
        }
        let names = context.w3c_fields.as_deref()?;
        let mut request = RequestRef::default();
        let (mut date, mut time, mut stem, mut query) = (None, None, "", "");
        let mut fields = Vec::new();
        let mut n = 0;
        for (name, value) in names.split_whitespace().zip(line.split_whitespace()) {
            n += 1;
            if value == "-" {
                continue;
            }
            match name {
                "date" => date = Some(value),
                "time" => time = Some(value),
                "cs-method" => request.method = value.into(),
                "cs-uri-stem" | "cs-uri" => stem = value,
                "cs-uri-query" => query = value,
                "c-ip" => request.client = address(value).map(Cow::Borrowed),
                "cs-host" | "cs(Host)" => request.host = Some(value.into()),
                "cs(User-Agent)" => request.agent = Some(value.into()),
                "sc-status" => request.status = status(value),
                "time-taken" => {
                    request.duration_us = value.parse::<u64>().ok().map(|ms| ms.saturating_mul(1000))
                }
                "sc-substatus" | "sc-win32-status" | "s-sitename" => fields.push((
                    Cow::Borrowed(if name == "sc-substatus" {
                        "sc-substatus"
                    } else if name == "s-sitename" {
                        "s-sitename"
                    } else {
                        "sc-win32-status"
                    }),
                    value.into(),
                )),
                "X-Forwarded-For" => {
                    request.client = address(value).map(Cow::Borrowed).or(request.client.take())
                }
                _ => {}
            }
        }
        if n < 4 || request.status.is_none() {
            return None;
        }
        request.target = if query.is_empty() { stem.into() } else { Cow::Owned(format!("{stem}?{query}")) };
        let s = stamp(&format!("{} {}", date?, time?), context.reference)?;
        Some(Entry {
            at: Some((s.time, Zone::Stated)),
            message: line.into(),
            request: Some(request),
            fields,
            closed: true,
            ..Entry::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_by_name() {
        let context = Context {
            w3c_fields: Some("date time s-ip cs-method cs-uri-stem cs-uri-query s-port c-ip cs(User-Agent) sc-status sc-substatus time-taken".into()),
            ..Context::default()
        };
        let e = W3c
            .read("2026-11-24 07:00:00 10.0.0.4 GET /orders id=5 443 203.0.113.9 curl/8 500 19 312", &context)
            .unwrap();
        let q = e.request.unwrap();
        assert_eq!(
            (q.target.as_ref(), q.status, q.duration_us, q.client.as_deref()),
            ("/orders?id=5", Some(500), Some(312_000), Some("203.0.113.9"))
        );
        assert!(W3c.read("2026-11-24 07:00:00 x", &Context::default()).is_none());
    }
}
