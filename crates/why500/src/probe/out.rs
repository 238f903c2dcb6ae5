//! What a probe's findings are written as besides a report: HAR, curl lines, a table of addresses.

use ::probe::site::Visit;
use ::probe::{Answer, Request, request};
use record::scrub::{scrub, visible};
use serde_json::{Value, json};
use std::io::{self, Write};

/// Exchanges as an archive that browsers' tools open (HAR 1.2, softwareishard.com/blog/har-12-spec).
pub fn har(out: &mut dyn Write, base: &str, exchanges: &[&(Request, Answer)]) -> io::Result<()> {
    let named = |list: &[(String, String)]| -> Vec<Value> {
        let shown =
            |n: &str, v: &str| if request::is_secret(n) { "***".to_owned() } else { scrub(v).into_owned() };
        list.iter().map(|(n, v)| json!({"name": n, "value": shown(n, v)})).collect()
    };
    let entries: Vec<Value> = exchanges
        .iter()
        .map(|(r, a)| {
            let ms = a.took_us as f64 / 1000.0;
            let mut asked = json!({
                "method": r.method, "url": scrub(&format!("{base}{}", r.target)), "httpVersion": "HTTP/1.1",
                "cookies": [], "headers": named(&r.headers), "queryString": [], "headersSize": -1,
                "bodySize": r.body.as_ref().map_or(0, Vec::len),
            });
            if let Some(body) = &r.body {
                let media = r.header("content-type").unwrap_or_default();
                asked["postData"] = json!({"mimeType": media, "text": scrub(&String::from_utf8_lossy(body))});
            }
            json!({
                "startedDateTime": record::Time(a.at_us).to_string(), "time": ms,
                "request": asked,
                "response": {
                    "status": a.status, "statusText": "", "httpVersion": "HTTP/1.1", "cookies": [], "headers": named(&a.headers),
                    "content": {"size": a.bytes, "mimeType": a.media(), "text": scrub(&a.text())},
                    "redirectURL": a.header("location").unwrap_or_default(), "headersSize": -1, "bodySize": a.bytes,
                },
                "cache": {}, "timings": {"send": 0, "wait": ms, "receive": 0},
            })
        })
        .collect();
    let log = json!({"log": {"version": "1.2",
        "creator": {"name": "why500", "version": env!("CARGO_PKG_VERSION")}, "entries": entries}});
    serde_json::to_writer_pretty(&mut *out, &log)?;
    writeln!(out)
}

/// One line per problem that a shell runs, a comment above each.
pub fn curl(out: &mut dyn Write, report: &diagnosis::Report) -> io::Result<()> {
    for p in &report.problems {
        if let Some(curl) = &p.reproduce {
            writeln!(out, "# {}\n{curl}", visible(&scrub(&p.title)).replace('\n', " "))?;
        }
    }
    Ok(())
}

/// A crawl's addresses as a table (RFC 4180).
pub fn csv(out: &mut dyn Write, base: &str, visits: &[Visit]) -> io::Result<()> {
    write!(
        out,
        "Address,Status,Content Type,Size,Response Time ms,Depth,Redirect,Title,Inlinks,First Inlink\r\n"
    )?;
    for v in visits {
        let cells = [
            format!("{base}{}", v.target),
            v.answer.status.to_string(),
            v.answer.media(),
            v.answer.bytes.to_string(),
            (v.answer.took_us / 1000).to_string(),
            v.depth.to_string(),
            v.redirect.clone().unwrap_or_default(),
            v.title.clone().unwrap_or_default(),
            v.inlinks.len().to_string(),
            v.inlinks.first().map(|t| format!("{base}{t}")).unwrap_or_default(),
        ];
        let line: Vec<String> = cells.iter().map(|c| cell(&scrub(c))).collect();
        write!(out, "{}\r\n", line.join(","))?;
    }
    Ok(())
}

/// A cell that no spreadsheet takes for a formula (OWASP, "CSV Injection").
fn cell(text: &str) -> String {
    let text =
        if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn a_cell_is_no_formula() {
        assert_eq!(cell("=1+1"), "'=1+1");
        assert_eq!(cell("a,\"b\""), "\"a,\"\"b\"\"\"");
    }
}
