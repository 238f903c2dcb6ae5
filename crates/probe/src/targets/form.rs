//! Bodies of forms: name and value pairs escaped (WHATWG URL §5.2), or in parts (RFC 7578).

/// One part of a multipart body.
pub(super) struct Part {
    /// The field's name.
    pub name: String,
    /// Its text; of a file nothing, as it is not at hand.
    pub value: Vec<u8>,
    /// The file's name, where it is one.
    pub file: Option<String>,
    /// Its media type, where one is told.
    pub media: Option<String>,
}

/// `it's 5 %` → `it%27s+5+%25`.
pub(super) fn escaped(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// `a=1&b=2`.
pub(super) fn urlencoded<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs {
        out.append_pair(name, value);
    }
    out.finish()
}

/// The Content-Type with its boundary, and the body.
pub(super) fn multipart(parts: &[Part]) -> (String, Vec<u8>) {
    let mut boundary = String::from("why500-boundary");
    // A boundary must not come in a part (RFC 2046 §5.1.1). Each part that holds it makes it longer, so this ends.
    while parts.iter().any(|p| memchr::memmem::find(&p.value, boundary.as_bytes()).is_some()) {
        boundary.push('x');
    }
    let mut body = Vec::new();
    for part in parts {
        body.extend_from_slice(
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"", quoted(&part.name))
                .as_bytes(),
        );
        if let Some(file) = &part.file {
            body.extend_from_slice(format!("; filename=\"{}\"", quoted(file)).as_bytes());
        }
        let media = part.media.as_deref().or(part.file.as_ref().map(|_| "application/octet-stream"));
        if let Some(media) = media {
            body.extend_from_slice(
                format!("\r\nContent-Type: {}", media.replace(['\r', '\n'], " ")).as_bytes(),
            );
        }
        body.extend_from_slice(b"\r\n\r\n");
        body.extend_from_slice(&part.value);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}

/// As browsers escape names (HTML, multipart form data: `"`, CR and LF only).
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

/// The last part of a path: `C:\a\b.png` and `/a/b.png` → `b.png`.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_written_as_browsers_write_them() {
        let text = |value: &str| Part { name: "a\"b".into(), value: value.into(), file: None, media: None };
        let file = Part { name: "f".into(), value: vec![], file: Some("x.png".into()), media: None };
        let (kind, body) = multipart(&[text("1"), file]);
        assert_eq!(kind, "multipart/form-data; boundary=why500-boundary");
        assert_eq!(
            String::from_utf8_lossy(&body),
            "--why500-boundary\r\nContent-Disposition: form-data; name=\"a%22b\"\r\n\r\n1\r\n--why500-boundary\r\n\
             Content-Disposition: form-data; name=\"f\"; filename=\"x.png\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n\
             --why500-boundary--\r\n"
        );
        assert_eq!(
            multipart(&[text("--why500-boundary")]).0,
            "multipart/form-data; boundary=why500-boundaryx"
        );
        assert_eq!(urlencoded([("a", "it's 5 %"), ("b", "")]), "a=it%27s+5+%25&b=");
        assert_eq!(file_name(r"C:\a\b.png"), "b.png");
    }
}
