//! `multipart/form-data` (RFC 7578): the parts of a form with files in it.
//!
//! ```text
//! --b0undary
//! Content-Disposition: form-data; name="file_gzip"; filename="aa5bf5ea…"
//! Content-Type: application/octet-stream
//!
//! …bytes…
//! --b0undary--
//! ```

use memchr::memmem;

/// Parts of a form; `sentry-cli` sends as many chunks as it is told, which is 64.
const PARTS_MAX: usize = 256;
/// Bytes of a part's head.
const HEAD_BYTES_MAX: usize = 4 * 1024;

/// A part.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    /// The field's name.
    pub name: String,
    /// The file's name; empty for a field that is none.
    pub file: String,
    /// Its content.
    pub bytes: &'a [u8],
}

/// The parts of a body with this content type.
///
/// # Errors
/// It is no form, or is cut off.
pub(crate) fn parts<'a>(content_type: &str, body: &'a [u8]) -> Result<Vec<Part<'a>>, String> {
    let boundary = parameter(content_type, "boundary").filter(|b| !b.is_empty() && b.len() <= 200);
    let Some(boundary) =
        boundary.filter(|_| content_type.to_ascii_lowercase().starts_with("multipart/form-data"))
    else {
        return Err("a form (multipart/form-data with its boundary) is expected".to_owned());
    };
    let mark = format!("--{boundary}");
    let end = format!("\r\n{mark}");
    let cut = || "the form is cut off".to_owned();
    let start = memmem::find(body, mark.as_bytes()).ok_or_else(cut)?;
    let mut rest = body.get(start + mark.len()..).unwrap_or_default();
    let mut out = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Ok(out);
        }
        if out.len() >= PARTS_MAX {
            return Err(format!("a form of more than {PARTS_MAX} parts"));
        }
        rest = rest.strip_prefix(b"\r\n").ok_or_else(cut)?;
        let near = rest.get(..rest.len().min(HEAD_BYTES_MAX)).unwrap_or_default();
        let head_end = memmem::find(near, b"\r\n\r\n").ok_or_else(cut)?;
        let head = String::from_utf8_lossy(rest.get(..head_end).unwrap_or_default()).into_owned();
        let content = rest.get(head_end + 4..).unwrap_or_default();
        let len = memmem::find(content, end.as_bytes()).ok_or_else(cut)?;
        let disposition =
            head.lines().find(|l| l.to_ascii_lowercase().starts_with("content-disposition:")).unwrap_or("");
        out.push(Part {
            name: parameter(disposition, "name").unwrap_or_default(),
            file: parameter(disposition, "filename").unwrap_or_default(),
            bytes: content.get(..len).unwrap_or_default(),
        });
        rest = content.get(len + end.len()..).unwrap_or_default();
    }
}

/// `name="value"` or `name=value` behind a `;`.
fn parameter(text: &str, name: &str) -> Option<String> {
    text.split(';').skip(1).find_map(|p| {
        let (n, v) = p.trim().split_once('=')?;
        n.eq_ignore_ascii_case(name).then(|| v.trim().trim_matches('"').to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_with_their_names() {
        let kind = "multipart/form-data; boundary=\"b0\"";
        let body = b"--b0\r\nContent-Disposition: form-data; name=\"file\"; filename=\"aa\"\r\nContent-Type: x/y\r\n\r\none\r\n--b\r\n--b0\r\ncontent-disposition: form-data; name=dist\r\n\r\n7\r\n--b0--\r\n";
        let found = parts(kind, body).unwrap();
        assert_eq!(
            (found[0].name.as_str(), found[0].file.as_str(), found[0].bytes),
            ("file", "aa", &b"one\r\n--b"[..])
        );
        assert_eq!((found[1].name.as_str(), found[1].bytes), ("dist", &b"7"[..]));
        for len in 0..body.len() - 4 {
            assert!(parts(kind, &body[..len]).is_err(), "{len}");
        }
        assert!(parts("application/json", body).is_err() && parts("multipart/form-data", body).is_err());
        let many = [b"--b0".to_vec(), b"\r\n\r\n\r\n\r\n--b0".repeat(PARTS_MAX + 1)].concat();
        assert!(parts(kind, &many).is_err());
    }
}
