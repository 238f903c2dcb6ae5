//! Apache's error log: 2.2, 2.4, and any `ErrorLogFormat` whose groups are in brackets (also mod_security's
//! entries).
//!
//! ```text
//! [Tue Nov 24 07:38:08.583189 2026] [php:warn] [pid 29576] [client 198.51.100.77:0] [uid awU-4IVGcNQKwiY4gsiWEgAAAAE] PHP Warning:  Undefined variable $banner in /var/www/noordshop/current/templates/list.php on line 3, referer https://shop.example.com/
//! [2026-11-24 07:30:17.205979] [wsgi:error] [24819:140090597652160] [R:ArKVrmDI4GQ] [C:1riVrgCSZgA] [198.51.100.7:43204] booking refused: bad dates
//! [Tue Nov 24 07:13:31 2026] [error] [client 198.51.100.77] (13)Permission denied: access to /x denied
//! ```
//!
//! Source: <https://httpd.apache.org/docs/2.4/mod/core.html#errorlogformat>. The default of 2.4 is
//! `[%{u}t] [%-m:%l] [pid %P:tid %T] %7F: %E: [client\ %a] %M% ,\ referer\ %{Referer}i`: source file and
//! system error stand
//! before the client. A group whose field is empty is dropped up to the next blank, so brackets may be left
//! open. Control
//! characters, quotes and backslashes of the message are escaped (`server/util.c`,
//! `ap_escape_errorlog_item`).

use super::prefix::{bracketed_stamp, group, is_request_id, process};
use crate::mention::{address, request};
use crate::{Context, Entry, LineFormat, RequestRef};
use memchr::memmem;
use record::Level;
use std::borrow::Cow;

/// Apache's error log.
pub(super) struct ApacheError;

/// At most so many bracketed groups stand before the message.
const GROUPS_MAX: usize = 10;

impl LineFormat for ApacheError {
    fn name(&self) -> &'static str {
        "apache error"
    }

    fn read<'a>(&self, line: &'a str, context: &Context) -> Option<Entry<'a>> {
        if !line.starts_with('[') {
            return startup(line);
        }
        let (at, mut rest) = bracketed_stamp(line, context)?;
        let weekday = line.as_bytes().get(1).is_some_and(u8::is_ascii_alphabetic);
        let mut entry = Entry { at: Some(at), ..Entry::default() };
        let mut request = RequestRef::default();
        let mut ours = false;
        let mut before = None;
        for _ in 0..GROUPS_MAX {
            let t = rest.strip_prefix(' ').unwrap_or(rest);
            let Some((inner, after)) = group(t, '[', ']') else {
                match unbalanced(t) {
                    Some(r) if ours => rest = r,
                    // (13)Permission denied: [client 198.51.100.77:0] AH00035: …
                    _ => {
                        let Some((said, more)) = before_client(t).filter(|_| ours && before.is_none()) else {
                            break;
                        };
                        before = Some(said);
                        rest = more;
                        continue;
                    }
                }
                break;
            };
            match take(inner, &mut entry, &mut request, weekday) {
                Taken::Level => ours = true,
                Taken::Piece => {}
                Taken::No => {
                    if let Some(r) = unbalanced(t).filter(|_| ours) {
                        rest = r;
                    }
                    break;
                }
            }
            rest = after;
        }
        if !ours {
            return None;
        }
        // One blank belongs to the format; more is the message's own indentation (tracebacks of mod_wsgi).
        let said = without_referer(rest.strip_prefix(' ').unwrap_or(rest));
        let said = match before {
            Some(b) => Cow::Owned(format!("{b}{said}")),
            None => Cow::Borrowed(said),
        };
        entry.message = unescaped(said);
        if let Some(code) = code_in(&entry.message) {
            entry.fields.push(("code".into(), Cow::Owned(code.to_owned())));
        }
        security(rest, &mut request);
        if request != RequestRef::default() {
            entry.request = Some(request);
        }
        Some(entry)
    }
}

enum Taken {
    Level,
    Piece,
    No,
}

/// One group: `core:error`, `error`, `pid 14497:tid 14497`, `client 1.2.3.4:0`, `remote …`, `R:id`, `uid id`,
/// `198.51.100.7:43204`.
fn take<'a>(inner: &'a str, entry: &mut Entry<'a>, request: &mut RequestRef<'a>, weekday: bool) -> Taken {
    let t = inner.trim();
    let mut field = |name: &'static str, value: &'a str| entry.fields.push((name.into(), value.into()));
    if let Some((module, name)) = t.split_once(':')
        && let Some(l) = own_level(name)
        && module.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_' || c == b'-')
    {
        if !module.is_empty() && module != "-" {
            field("module", module);
        }
        entry.level = l;
        return Taken::Level;
    }
    if let Some(l) = own_level(t).filter(|_| weekday && entry.level == Level::Unknown) {
        entry.level = l;
        return Taken::Level;
    }
    let client = ["client ", "Client "].iter().find_map(|p| t.strip_prefix(p));
    if let Some(a) = client {
        request.client = address(a).map(Cow::Borrowed).or(request.client.take());
        return Taken::Piece;
    }
    if let Some(a) = t.strip_prefix("remote ") {
        field("remote", a);
        return Taken::Piece;
    }
    if let Some(a) = address(t) {
        request.client = Some(a.into());
        return Taken::Piece;
    }
    if let Some(p) = process(t) {
        entry.pid = entry.pid.take().or(Some(p.into()));
        return Taken::Piece;
    }
    if let Some(id) = ["R:", "uid ", "rid ", "id ", "L:", "req ", "request_id ", "unique_id "]
        .iter()
        .find_map(|p| t.strip_prefix(p))
    {
        if !id.is_empty() && id != "-" && !id.contains(' ') {
            request.id = Some(id.into());
            return Taken::Piece;
        }
        return if id.contains(' ') { Taken::No } else { Taken::Piece };
    }
    if let Some(id) = t.strip_prefix("C:").or_else(|| t.strip_prefix("c:")).filter(|i| !i.contains(' ')) {
        field("connection", id);
        return Taken::Piece;
    }
    if let Some(h) =
        ["host ", "vhost ", "server "].iter().find_map(|p| t.strip_prefix(p)).filter(|h| !h.contains(' '))
    {
        request.host = Some(h.into());
        return Taken::Piece;
    }
    if t.is_empty() || t == "-" {
        return Taken::Piece;
    }
    if entry.level != Level::Unknown && is_request_id(t) {
        request.id = request.id.take().or(Some(t.into()));
        return Taken::Piece;
    }
    Taken::No
}

/// Levels as Apache writes them.
fn own_level(name: &str) -> Option<Level> {
    Some(match name {
        "emerg" | "alert" | "crit" => Level::Fatal,
        "error" => Level::Error,
        "warn" => Level::Warn,
        "notice" => Level::Notice,
        "info" => Level::Info,
        "debug" => Level::Debug,
        _ if name
            .strip_prefix("trace")
            .is_some_and(|n| n.len() == 1 && n.bytes().all(|c| c.is_ascii_digit())) =>
        {
            Level::Trace
        }
        _ => return None,
    })
}

/// `[uid AH00163: …`: the group's value was empty, so its end was dropped; the text behind its first word.
fn unbalanced(text: &str) -> Option<&str> {
    ["[uid ", "[id ", "[rid ", "[client ", "[remote ", "[host ", "[R:", "[C:", "[L:"]
        .iter()
        .find_map(|p| text.strip_prefix(p))
}

/// `(13)Permission denied: [client 1.2.3.4:0] AH…`: what is said before the client, and the text from its
/// bracket on.
fn before_client(text: &str) -> Option<(&str, &str)> {
    if !text.starts_with('(') && !text.get(..40).unwrap_or(text).contains(".c(") {
        return None;
    }
    let i = [&b"[client "[..], b"[remote "].iter().filter_map(|p| memmem::find(text.as_bytes(), p)).min()?;
    let said = text.get(..i)?;
    (said.ends_with(": ") && said.len() < 256).then(|| (said, text.get(i..).unwrap_or_default()))
}

/// The referer that the format appends is none of the message.
fn without_referer(text: &str) -> &str {
    match memmem::rfind(text.as_bytes(), b", referer") {
        Some(i) if text.get(i + 9..).is_some_and(|r| r.starts_with(": ") || r.starts_with(" http")) => {
            text.get(..i).unwrap_or(text)
        }
        _ => text,
    }
}

/// `AH01215` at the start of the message, or behind a system error.
fn code_in(message: &str) -> Option<&str> {
    let code_at = |i: usize| {
        let c = message.get(i..i + 7)?;
        (c.starts_with("AH")
            && c.bytes().skip(2).all(|d| d.is_ascii_digit())
            && message.as_bytes().get(i + 7) == Some(&b':'))
        .then_some(c)
    };
    code_at(0).or_else(|| {
        memmem::find(message.get(..160).unwrap_or(message).as_bytes(), b": AH").and_then(|i| code_at(i + 2))
    })
}

/// mod_security's `[hostname "x"] [uri "/x"] [unique_id "…"]`, and requests that mod_php's errors mention.
fn security<'a>(text: &'a str, found: &mut RequestRef<'a>) {
    if memmem::find(text.as_bytes(), b"[uri \"").is_none() {
        return;
    }
    if let Some(r) = request(text) {
        found.target = r.target;
        found.host = r.host;
    }
    if let Some(i) = memmem::find(text.as_bytes(), b"[unique_id \"")
        && let Some(id) = text.get(i + 12..).and_then(|t| t.split('"').next())
    {
        found.id = Some(id.into());
    }
}

/// `AH00526: Syntax error on line 12 of /etc/apache2/sites-enabled/x.conf:` as a start on the terminal writes
/// it.
fn startup(line: &str) -> Option<Entry<'_>> {
    let code = line.get(..7)?;
    if !code.starts_with("AH")
        || !code.bytes().skip(2).all(|c| c.is_ascii_digit())
        || line.as_bytes().get(7) != Some(&b':')
    {
        return None;
    }
    Some(Entry { message: line.into(), fields: vec![("code".into(), code.into())], ..Entry::default() })
}

/// Undoes `ap_escape_errorlog_item`: `\n`, `\t`, `\r`, `\"`, `\\`, `\xhh`.
fn unescaped(text: Cow<'_, str>) -> Cow<'_, str> {
    if memchr::memchr(b'\\', text.as_bytes()).is_none() {
        return text;
    }
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    let b = text.as_bytes();
    let mut i = 0;
    while let Some(&c) = b.get(i) {
        i += 1;
        if c != b'\\' {
            out.push(c);
            continue;
        }
        let Some(&e) = b.get(i) else {
            out.push(c);
            break;
        };
        i += 1;
        let hex = |d: Option<&u8>| d.and_then(|d| char::from(*d).to_digit(16));
        match e {
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'r' => {}
            b'"' | b'\\' => out.push(e),
            b'x' => match (hex(b.get(i)), hex(b.get(i + 1))) {
                (Some(h), Some(l)) => {
                    out.push((h * 16 + l) as u8);
                    i += 2;
                }
                _ => out.extend([c, e]),
            },
            _ => out.extend([c, e]),
        }
    }
    Cow::Owned(String::from_utf8(out).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<Entry<'_>> {
        ApacheError.read(line, &Context::default())
    }

    #[test]
    fn a_php_warning_with_a_log_id_loses_its_referer() {
        let e = read("[Tue Nov 24 07:38:08.583189 2026] [php:warn] [pid 29576] [client 198.51.100.77:0] [uid awU-4IVGcNQKwiY4gsiWEgAAAAE] PHP Warning:  Undefined variable $banner in /var/www/list.php on line 3, referer https://shop.example.com/").unwrap();
        assert_eq!(e.at.unwrap().0.to_string(), "2026-11-24T07:38:08.583189Z");
        assert_eq!((e.level, e.pid.as_deref()), (Level::Warn, Some("29576")));
        assert_eq!(e.message, "PHP Warning:  Undefined variable $banner in /var/www/list.php on line 3");
        let r = e.request.unwrap();
        assert_eq!(
            (r.client.as_deref(), r.id.as_deref()),
            (Some("198.51.100.77"), Some("awU-4IVGcNQKwiY4gsiWEgAAAAE"))
        );
    }

    #[test]
    fn a_group_left_open_is_closed() {
        let e = read("[Tue Nov 24 07:37:56.990796 2026] [mpm_prefork:notice] [pid 29567] [uid AH00163: Apache/2.4.71 (Debian) configured -- resuming normal operations").unwrap();
        assert_eq!(e.message, "AH00163: Apache/2.4.71 (Debian) configured -- resuming normal operations");
        assert!(e.request.is_none());
        let e = read(
            "[Tue Nov 24 07:37:56.990796 2026] [php:error] [pid 29567] [uid PHP Fatal error:  x[1] in /a.php",
        )
        .unwrap();
        assert_eq!(e.message, "PHP Fatal error:  x[1] in /a.php");
    }

    #[test]
    fn a_custom_format_of_mod_wsgi_keeps_indentation_and_ids() {
        let e = read("[2026-11-24 07:30:17.206026] [wsgi:error] [24819:140090597652160] [R:ArKVrmDI4GQ] [C:1riVrgCSZgA] [198.51.100.7:43204]   File \"/srv/roomly/views.py\", line 43, in book").unwrap();
        assert_eq!(e.message, "  File \"/srv/roomly/views.py\", line 43, in book");
        assert_eq!((e.level, e.pid.as_deref()), (Level::Error, Some("24819")));
        let r = e.request.unwrap();
        assert_eq!((r.id.as_deref(), r.client.as_deref()), (Some("ArKVrmDI4GQ"), Some("198.51.100.7")));
        assert!(e.fields.contains(&("connection".into(), "1riVrgCSZgA".into())));
    }

    #[test]
    fn the_system_error_before_the_client_stays_with_the_message() {
        let e = read("[Tue Nov 24 07:38:05.892294 2026] [proxy_http:error] [pid 29587:tid 29592] (104)Connection reset by peer: [client 2001:db8:77:2::a3:0] AH01102: error reading status line from remote server 127.0.0.1:8257, referer: https://a/").unwrap();
        assert_eq!(
            e.message,
            "(104)Connection reset by peer: AH01102: error reading status line from remote server 127.0.0.1:8257"
        );
        assert_eq!(e.request.unwrap().client.as_deref(), Some("2001:db8:77:2::a3"));
        assert!(e.fields.contains(&("code".into(), "AH01102".into())));
        let e = read("[Tue Nov 24 07:49:13 2026] [proxy:error] [pid 1:tid 2] (111)Connection refused: AH00957: http: attempt to connect to 127.0.0.1:8260 (127.0.0.1:8260) failed").unwrap();
        assert_eq!(
            e.message,
            "(111)Connection refused: AH00957: http: attempt to connect to 127.0.0.1:8260 (127.0.0.1:8260) failed"
        );
        assert!(e.fields.contains(&("code".into(), "AH00957".into())));
        let e = read("[Tue Nov 24 07:49:13 2026] [ssl:error] [pid 1:tid 2] [remote 127.0.0.1:8260] AH02039: Certificate Verification: Error (10)").unwrap();
        assert!(e.fields.contains(&("remote".into(), "127.0.0.1:8260".into())));
    }

    #[test]
    fn a_trace_in_one_line_gets_its_lines_back() {
        let e = read(r"[Tue Nov 24 07:38:08.279827 2026] [php:error] [pid 29577] [client 198.51.100.23:0] PHP Fatal error:  Uncaught Error: x in /a.php:16\nStack trace:\n#0 /b.php(12): Shop\\Pricing->apply()\n#1 {main}\n  thrown in /a.php on line 16, gr\xc3\xbcn").unwrap();
        assert_eq!(
            e.message,
            "PHP Fatal error:  Uncaught Error: x in /a.php:16\nStack trace:\n#0 /b.php(12): Shop\\Pricing->apply()\n#1 {main}\n  thrown in /a.php on line 16, grün"
        );
    }

    #[test]
    fn the_old_log_and_a_start_are_read() {
        let e = read("[Tue Nov 24 07:13:31 2026] [error] [client 198.51.100.77] File does not exist: /var/www/x, referer: http://a/").unwrap();
        assert_eq!((e.level, e.message.as_ref()), (Level::Error, "File does not exist: /var/www/x"));
        let e = read("AH00526: Syntax error on line 12 of /etc/apache2/sites-enabled/x.conf:").unwrap();
        assert_eq!(e.fields, [("code".into(), "AH00526".into())]);
        let e = read("[Tue Nov 24 07:13:31 2026] [:error] [pid 77] [client 1.2.3.4:99] ModSecurity: Access denied with code 500 [hostname \"a.example\"] [uri \"/x\"] [unique_id \"Wabc\"]").unwrap();
        let r = e.request.unwrap();
        assert_eq!(
            (r.target.as_ref(), r.host.as_deref(), r.id.as_deref()),
            ("/x", Some("a.example"), Some("Wabc"))
        );
    }

    #[test]
    fn logs_of_others_are_refused() {
        for line in [
            "[2026-11-24 07:20:05 +0000] [17398] [ERROR] Exception in worker process",
            "[2026-11-24T07:01:40.557] [INFO] payments - started",
            "[2026-11-24 07:38:08.53] [1234] [error] boom",
            "[24-Nov-2026 08:07:58 UTC] PHP Warning:  x",
            "[Tue Nov 24 07:00:00 2026] 127.0.0.1:5 [500]: GET /x",
            "[error] x",
            "AH0: x",
            "",
        ] {
            assert!(read(line).is_none(), "{line}");
        }
    }

    #[test]
    fn any_cut_of_a_line_is_survived() {
        let line = r#"[Tue Nov 24 07:13:31 2026] [:error] [pid 77] (13)Permission denied: [client 1.2.3.4:99] AH00035: é\xc3\n\x [uri "/ü"], referer: é"#;
        for (i, _) in line.char_indices() {
            let _ = read(&line[..i]);
            let _ = read(&line[i..]);
        }
    }
}
