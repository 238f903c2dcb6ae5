//! HAR 1.2, the archive of a session that browsers and proxies write (w3c.github.io/web-performance/specs/HAR).
//!
//! ```json
//! {"log": {"version": "1.2", "entries": [{"_resourceType": "xhr", "request": {"method": "GET",
//!  "url": "https://shop.example/api/orders?page=1", "headers": [{"name": "Accept", "value": "*/*"}]},
//!  "response": {"status": 200, "content": {"mimeType": "application/json"}}}]}}
//! ```

use super::notes::Notes;
use super::postman::text;
use super::{SAMPLES_MAX, Sample, Samples, form, json, method, name_of, url};
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};

/// The requests of documents and scripts (XHR, fetch), each once; what loads images, fonts, styles and scripts is left out.
/// Cookies and Authorization stay as headers. It has no variables: `_variables` is there as the other readers have it.
///
/// # Errors
/// It is no JSON, with line and column; it is no such archive.
pub fn read(text: &str, _variables: &BTreeMap<String, String>) -> Result<Samples, String> {
    let document: Value = json(text)?;
    let Some(entries) = document.pointer("/log/entries").and_then(Value::as_array) else {
        return Err("it has no `log.entries`, as HAR files have".into());
    };
    let mut notes = Notes::default();
    let mut list: Vec<Sample> = Vec::new();
    let mut seen: HashSet<(String, String, Vec<u8>)> = HashSet::new();
    let mut left_out = 0_usize;
    for entry in entries {
        let Some(sample) =
            entry.get("request").filter(|_| is_wanted(entry)).and_then(|r| sample(r, &mut notes))
        else {
            left_out += 1;
            continue;
        };
        if !seen.insert((sample.method.clone(), sample.url.clone(), sample.body.clone())) {
            continue;
        }
        if list.len() == SAMPLES_MAX {
            notes.too_many += 1;
        } else {
            list.push(sample);
        }
    }
    if left_out > 0 {
        notes.say(format!(
            "{left_out} of {} entries are left out: they load images, fonts, styles or scripts, or are no requests over HTTP.",
            entries.len()
        ));
    }
    Ok(Samples { list, notes: notes.sentences() })
}

/// Chromium names the kind of resource; of others' archives the answer's media type tells.
fn is_wanted(entry: &Value) -> bool {
    let is_written =
        !matches!(entry.pointer("/request/method").and_then(Value::as_str), Some("GET" | "HEAD") | None);
    match entry.get("_resourceType").and_then(Value::as_str) {
        Some("document" | "xhr" | "fetch" | "subdocument") => return true,
        Some("other" | "") | None => {}
        // `preflight`, `ping`, `image`, `script`, `websocket` …
        Some(_) => return false,
    }
    let media = entry.pointer("/response/content/mimeType").and_then(Value::as_str).unwrap_or_default();
    let media = crate::request::media(media);
    let is_decoration = ["image/", "font/", "audio/", "video/"].iter().any(|p| media.starts_with(p))
        || ["css", "javascript", "ecmascript", "font", "wasm"].iter().any(|w| media.contains(w));
    is_written || !is_decoration
}

fn sample(request: &Value, notes: &mut Notes) -> Option<Sample> {
    let written = request.get("url")?.as_str()?;
    if !written.starts_with("http://") && !written.starts_with("https://") {
        return None;
    }
    let method = method(request.get("method")?.as_str()?)?;
    let url = url(written);
    let mut sample = Sample { name: name_of(&method, &url), method, url, ..Sample::default() };
    for h in request.get("headers").and_then(Value::as_array).into_iter().flatten() {
        // Names of HTTP/2's own (`:authority`) are no headers, and are not taken for ones.
        sample.add_header(&text(h.get("name")), &text(h.get("value")));
    }
    let cookies = request.get("cookies").and_then(Value::as_array).into_iter().flatten();
    let cookies: Vec<String> =
        cookies.map(|c| format!("{}={}", text(c.get("name")), text(c.get("value")))).collect();
    if !cookies.is_empty() {
        sample.add_header_if_none("Cookie", &cookies.join("; "));
    }
    if let Some(posted) = request.get("postData") {
        body(posted, &mut sample, notes);
    }
    Some(sample)
}

fn body(posted: &Value, sample: &mut Sample, notes: &mut Notes) {
    let media = text(posted.get("mimeType"));
    let written = text(posted.get("text"));
    let params = posted.get("params").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if !written.is_empty() {
        let is_base64 = posted.get("encoding").and_then(Value::as_str) == Some("base64");
        sample.body = is_base64.then(|| decoded(&written)).flatten().unwrap_or_else(|| written.into_bytes());
    } else if media.starts_with("multipart/") && !params.is_empty() {
        let mut parts = Vec::new();
        for p in params {
            let file = p.get("fileName").and_then(Value::as_str);
            if let Some(file) = file.filter(|_| text(p.get("value")).is_empty()) {
                notes.file(file);
            }
            parts.push(form::Part {
                name: text(p.get("name")),
                value: text(p.get("value")).into_bytes(),
                file: file.map(|f| form::file_name(f).to_owned()),
                media: p.get("contentType").and_then(Value::as_str).map(str::to_owned),
            });
        }
        let (media, body) = form::multipart(&parts);
        sample.body = body;
        sample.headers.retain(|(n, _)| !n.eq_ignore_ascii_case("content-type"));
        sample.add_header("Content-Type", &media);
    } else if !params.is_empty() {
        let pairs: Vec<(String, String)> =
            params.iter().map(|p| (text(p.get("name")), text(p.get("value")))).collect();
        sample.body = form::urlencoded(pairs.iter().map(|(n, v)| (n.as_str(), v.as_str()))).into_bytes();
    }
    if !sample.body.is_empty() && !media.is_empty() {
        sample.add_header_if_none("Content-Type", &media);
    }
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text.trim()).ok()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// As Chromium's developer tools export it, with sensitive data.
    pub const SESSION: &str = include_str!("../../tests/collections/session.har");

    #[test]
    fn documents_and_scripts_requests_are_taken_once() {
        let all = read(SESSION, &BTreeMap::new()).unwrap();
        let [page, cart] = &all.list[..] else { panic!("{:?}", all.list) };
        assert_eq!((page.name.as_str(), page.url.as_str()), ("GET /", "https://shop.example/"));
        let pair = |n: &str, v: &str| (n.to_owned(), v.to_owned());
        assert_eq!(page.headers, [pair("accept", "text/html"), pair("cookie", "sid=1; theme=dark")]);
        assert_eq!((cart.name.as_str(), cart.body.as_slice()), ("POST /api/cart", &b"{\"id\": 7}"[..]));
        assert_eq!(
            cart.headers,
            [pair("authorization", "Bearer t"), pair("content-type", "application/json")]
        );
        assert_eq!(
            all.notes,
            [
                "3 of 6 entries are left out: they load images, fonts, styles or scripts, or are no requests over HTTP."
            ]
        );
    }

    #[test]
    fn firefox_names_no_resource_types() {
        let text = r#"{"log": {"version": "1.2", "creator": {"name": "Firefox", "version": "140.0"}, "entries": [
          {"request": {"method": "GET", "url": "http://h/app.js", "headers": []},
           "response": {"content": {"mimeType": "application/javascript; charset=utf-8"}}},
          {"request": {"method": "POST", "url": "http://h/login", "headers": [], "cookies": [{"name": "a", "value": "1"}],
           "postData": {"mimeType": "application/x-www-form-urlencoded", "params": [{"name": "u", "value": "a b"}], "text": ""}},
           "response": {"content": {"mimeType": "text/html"}}},
          {"request": {"method": "POST", "url": "http://h/up", "headers": [{"name": "Content-Type",
             "value": "multipart/form-data; boundary=---1"}], "postData": {"mimeType": "multipart/form-data",
             "params": [{"name": "f", "fileName": "me.png", "contentType": "image/png"}]}},
           "response": {"content": {"mimeType": "image/png"}}},
          {"request": {"method": "PUT", "url": "http://h/raw", "headers": [], "postData": {"mimeType": "application/octet-stream",
             "text": "/wA=", "encoding": "base64"}}}]}}"#;
        let all = read(text, &BTreeMap::new()).unwrap();
        let [login, up, raw] = &all.list[..] else { panic!("{:?}", all.list) };
        assert_eq!(login.body, b"u=a+b");
        assert_eq!(
            (login.header("cookie"), login.header("content-type")),
            (Some("a=1"), Some("application/x-www-form-urlencoded"))
        );
        assert_eq!(up.header("content-type"), Some("multipart/form-data; boundary=why500-boundary"));
        assert_eq!(raw.body, [0xff, 0]);
        assert_eq!(all.notes.len(), 2);
    }

    #[test]
    fn what_is_no_archive_is_refused_with_a_reason() {
        assert!(read("{\"log\": {}}", &BTreeMap::new()).unwrap_err().contains("log.entries"));
        assert!(read("", &BTreeMap::new()).unwrap_err().contains("no JSON"));
    }
}
