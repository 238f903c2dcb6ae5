//! The request that a case makes: parameters where they belong, the body as its media type writes it.

use super::change::spoilt_path;
use super::{Case, Common, Payload, Slot};
use crate::json::Json;
use crate::operation::{Operation, Place, Style};
use crate::request::Request;
use std::sync::atomic::Ordering;

pub(super) const FORM: &str = "application/x-www-form-urlencoded";
pub(super) const MULTIPART: &str = "multipart/form-data";
/// Between the parts of a multipart body.
pub(super) const BOUNDARY: &str = "why500-2f6b1c";

impl Case {
    /// The bytes of the body.
    pub(super) fn payload(&self) -> Option<Vec<u8>> {
        let media = self.media.as_deref().unwrap_or_default();
        match &self.body {
            Payload::Absent => None,
            Payload::Bytes(b) => Some(b.clone()),
            Payload::Value(v) => Some(written(v, media)),
        }
    }

    /// The request.
    pub fn request(&self, op: &Operation, common: &Common) -> Request {
        if self.fresh {
            let n = common.fresh.fetch_add(1, Ordering::Relaxed);
            return Case { fresh: false, ..self.settled(n) }.request(op, common);
        }
        let mut path = String::new();
        let mut rest = op.path.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else { break };
            path.push_str(before);
            let slot = op
                .params
                .iter()
                .position(|p| p.place == Place::Path && p.name == name)
                .and_then(|i| self.params.get(i));
            match slot {
                Some(Slot::Value(v) | Slot::Twice(v)) => path.push_str(&percent(&joined(v))),
                Some(Slot::Bytes(b)) => path.push_str(b),
                _ => path.push_str(name),
            }
            rest = after;
        }
        path.push_str(rest);
        if let Some(edit) = self.path {
            path = spoilt_path(&path, edit);
        }
        let mut query: Vec<String> = Vec::new();
        let mut cookies: Vec<String> = Vec::new();
        let mut request = Request { method: op.method.clone(), ..Request::default() };
        if let Some(m) = &self.method {
            request.method.clone_from(m);
        }
        for (p, slot) in op.params.iter().zip(&self.params) {
            let value = match slot {
                Slot::Absent => continue,
                Slot::Bytes(b) => {
                    if p.place == Place::Query {
                        query.push(format!("{}={b}", percent(p.name.as_bytes())));
                    }
                    continue;
                }
                Slot::Value(v) => v,
                Slot::Twice(v) => {
                    if p.place == Place::Header {
                        let text = String::from_utf8_lossy(&joined(v)).into_owned();
                        let own =
                            common.auth.iter().any(|(n, v)| n.eq_ignore_ascii_case(&p.name) && *v == text);
                        if !own {
                            request.made_up.push(p.name.clone());
                        }
                        request.headers.push((p.name.clone(), text));
                    } else {
                        in_query(&p.name, v, p.style, &mut query);
                    }
                    v
                }
            };
            match p.place {
                Place::Path => {}
                Place::Query => in_query(&p.name, value, p.style, &mut query),
                Place::Header => {
                    let text = String::from_utf8_lossy(&joined(value)).into_owned();
                    request.headers.push((p.name.clone(), text));
                }
                Place::Cookie => cookies.push(format!("{}={}", p.name, percent(&joined(value)))),
            }
        }
        query.extend(self.query.iter().map(|(n, v)| format!("{}={v}", percent(n.as_bytes()))));
        request.target = if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) };
        for (n, v) in op.headers.iter().chain(&common.headers) {
            if request.header(n).is_none() {
                request.headers.push((n.clone(), v.clone()));
            }
        }
        match &self.auth {
            None => {
                for (n, v) in &common.auth {
                    if n.eq_ignore_ascii_case("cookie") {
                        cookies.push(v.clone());
                    } else if request.header(n).is_none() {
                        request.headers.push((n.clone(), v.clone()));
                    }
                }
            }
            Some(None) => {}
            Some(Some(v)) => {
                request.set_header("Authorization", v);
                request.made_up.push("Authorization".to_owned());
            }
        }
        if !cookies.is_empty() {
            request.set_header("Cookie", &cookies.join("; "));
        }
        request.body = self.payload();
        if request.body.is_some()
            && let Some(media) = &self.media
        {
            let multipart = media == MULTIPART;
            let told = if multipart { format!("{media}; boundary={BOUNDARY}") } else { media.clone() };
            request.set_header("Content-Type", &told);
        }
        for (n, v) in &self.headers {
            match v {
                Some(v) => request.set_header(n, v),
                None => request.headers.retain(|(m, _)| !m.eq_ignore_ascii_case(n)),
            }
        }
        request
    }
}

/// A value as its media type writes it.
fn written(v: &Json, media: &str) -> Vec<u8> {
    match media {
        FORM => {
            let mut out = Vec::new();
            fields(v, &mut |n, v, _| out.push(format!("{}={}", percent(n.as_bytes()), percent(&v))));
            out.join("&").into_bytes()
        }
        MULTIPART => {
            let mut out = Vec::new();
            fields(v, &mut |n, v, is_file| {
                let file = if is_file { "; filename=\"a.txt\"\r\nContent-Type: text/plain" } else { "" };
                let name = n.replace(['"', '\r', '\n'], "_");
                out.extend_from_slice(
                    format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n")
                        .as_bytes(),
                );
                out.extend_from_slice(&v);
                out.extend_from_slice(b"\r\n");
            });
            out.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
            out
        }
        m if crate::operation::is_json(m) => v.write().into_bytes(),
        m if m.ends_with("xml") => {
            let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
            xml("root", v, &mut out);
            out.into_bytes()
        }
        _ => v.plain(),
    }
}

/// The fields of a form: name, bytes, whether it is a file.
fn fields(v: &Json, each: &mut dyn FnMut(&str, Vec<u8>, bool)) {
    let Json::Object(members) = v else {
        each("value", v.plain(), false);
        return;
    };
    for (n, v) in members {
        match v {
            Json::List(l) => l.iter().for_each(|v| each(n, v.plain(), false)),
            Json::Object(inner) => {
                inner.iter().for_each(|(m, v)| each(&format!("{n}[{m}]"), v.plain(), false));
            }
            v => each(n, v.plain(), is_file_name(n)),
        }
    }
}

/// Does a field's name speak of a file?
fn is_file_name(name: &str) -> bool {
    let n = name.to_ascii_lowercase();
    ["file", "upload", "image", "photo", "document", "attachment", "avatar"].iter().any(|w| n.contains(w))
}

fn xml(name: &str, v: &Json, out: &mut String) {
    let tag: String = name.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect();
    out.push_str(&format!("<{tag}>"));
    match v {
        Json::Object(o) => o.iter().for_each(|(n, v)| xml(n, v, out)),
        Json::List(l) => l.iter().for_each(|v| xml("item", v, out)),
        v => {
            let text = String::from_utf8_lossy(&v.plain()).into_owned();
            out.push_str(&text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"));
        }
    }
    out.push_str(&format!("</{tag}>"));
}

/// A value in one place that takes no structure.
fn joined(v: &Json) -> Vec<u8> {
    match v {
        Json::List(l) => l.iter().map(Json::plain).collect::<Vec<_>>().join(&b','),
        v => v.plain(),
    }
}

fn in_query(name: &str, v: &Json, style: Style, out: &mut Vec<String>) {
    let name = percent(name.as_bytes());
    match (v, style) {
        (Json::List(l), Style::Exploded | Style::Deep) => {
            out.extend(l.iter().map(|v| format!("{name}={}", percent(&v.plain()))));
        }
        (Json::Object(o), Style::Deep) => {
            out.extend(
                o.iter().map(|(n, v)| format!("{name}[{}]={}", percent(n.as_bytes()), percent(&v.plain()))),
            );
        }
        (Json::Object(o), Style::Exploded) => {
            out.extend(o.iter().map(|(n, v)| format!("{}={}", percent(n.as_bytes()), percent(&v.plain()))));
        }
        (v, Style::Json) => out.push(format!("{name}={}", percent(v.write().as_bytes()))),
        (v, _) => out.push(format!("{name}={}", percent(&joined(v)))),
    }
}

/// Percent-encoded but for what is unreserved (RFC 3986 §2.3).
pub fn percent(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for &b in bytes {
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~') {
            out.push(b as char);
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

/// The bytes of a percent-encoded text.
pub fn unpercent(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&b, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|h| std::str::from_utf8(h).ok());
        match hex.filter(|_| b == b'%').and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(v) => {
                out.push(v);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push(b);
                rest = after;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_written_as_browsers_write_them() {
        let v = Json::read(r#"{"a":"x y","b":[1,2],"c":{"d":"é"}}"#);
        assert_eq!(written(&v, "application/x-www-form-urlencoded"), b"a=x%20y&b=1&b=2&c%5Bd%5D=%C3%A9");
        let m = String::from_utf8(written(&v, "multipart/form-data")).unwrap();
        assert!(m.contains("name=\"c[d]\"\r\n\r\né\r\n") && m.ends_with("--\r\n"));
        assert_eq!(unpercent("%ff%zz%0"), b"\xff%zz%0");
    }
}
