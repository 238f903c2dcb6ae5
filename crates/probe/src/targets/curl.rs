//! curl's command lines, as people keep them in notes and as browsers copy them ("Copy as cURL", for bash and for Windows' cmd).
//!
//! ```text
//! curl 'https://shop.example/api/orders' \
//!   -H 'content-type: application/json' \
//!   --data-raw $'{"note":"it\'s"}' \
//!   --compressed
//! ```

use super::notes::Notes;
use super::{SAMPLES_MAX, Sample, Samples, form, method, name_of, url};
use std::collections::BTreeMap;

/// Words of one command; what a shell takes is some 2 MB, and browsers write some 60.
const WORDS_MAX: usize = 10_000;

/// Options with a value, by their long names (`curl --help all` of 8.14); those that say what is sent are read in [`Command`].
const WITH_VALUE: &str = "abstract-unix-socket alt-svc aws-sigv4 cacert capath cert cert-type ciphers config connect-timeout \
    connect-to continue-at cookie cookie-jar create-file-mode crlfile curves data data-ascii data-binary data-raw \
    data-urlencode delegation dns-interface dns-ipv4-addr dns-ipv6-addr dns-servers doh-url dump-header ech egd-file engine \
    etag-compare etag-save expect100-timeout form form-string ftp-account ftp-alternative-to-user ftp-method ftp-port \
    ftp-ssl-ccc-mode happy-eyeballs-timeout-ms haproxy-clientip header hostpubmd5 hostpubsha256 hsts interface ip-tos \
    ipfs-gateway json keepalive-cnt keepalive-time key key-type krb libcurl limit-rate local-port login-options mail-auth \
    mail-from mail-rcpt max-filesize max-redirs max-time netrc-file noproxy oauth2-bearer output output-dir parallel-max pass \
    pinnedpubkey preproxy proto proto-default proto-redir proxy proxy-cacert proxy-capath proxy-cert proxy-cert-type \
    proxy-ciphers proxy-crlfile proxy-header proxy-key proxy-key-type proxy-pass proxy-pinnedpubkey proxy-service-name \
    proxy-tls13-ciphers proxy-tlsauthtype proxy-tlspassword proxy-tlsuser proxy-user proxy1.0 pubkey quote random-file range \
    rate referer request request-target resolve retry retry-delay retry-max-time sasl-authzid service-name socks4 socks4a \
    socks5 socks5-gssapi-service socks5-hostname speed-limit speed-time stderr telnet-option tftp-blksize time-cond tls-max \
    tls13-ciphers tlsauthtype tlspassword tlsuser trace trace-ascii trace-config unix-socket upload-file url url-query user \
    user-agent variable vlan-priority write-out";

/// Short options with a value, and their long names.
const SHORT: [(u8, &str); 29] = [
    (b'A', "user-agent"),
    (b'b', "cookie"),
    (b'c', "cookie-jar"),
    (b'C', "continue-at"),
    (b'd', "data"),
    (b'D', "dump-header"),
    (b'e', "referer"),
    (b'E', "cert"),
    (b'F', "form"),
    (b'H', "header"),
    (b'K', "config"),
    (b'm', "max-time"),
    (b'o', "output"),
    (b'P', "ftp-port"),
    (b'Q', "quote"),
    (b'r', "range"),
    (b't', "telnet-option"),
    (b'T', "upload-file"),
    (b'u', "user"),
    (b'U', "proxy-user"),
    (b'w', "write-out"),
    (b'x', "proxy"),
    (b'X', "request"),
    (b'y', "speed-time"),
    (b'Y', "speed-limit"),
    (b'z', "time-cond"),
    // Without a value.
    (b'G', "get"),
    (b'I', "head"),
    (b':', "next"),
];

/// The requests of all curl commands of a text; other commands and lines are passed over. `$NAME` and `${NAME}` are taken from
/// `variables`.
///
/// # Errors
/// There is no curl command with a URL in it.
pub fn read(text: &str, variables: &BTreeMap<String, String>) -> Result<Samples, String> {
    let mut notes = Notes::default();
    let mut list = Vec::new();
    let commands =
        if is_of_cmd(text) { cmd_words(text) } else { Shell::new(text, variables, &mut notes).commands() };
    for words in commands {
        let is_curl = |w: &Vec<u8>| {
            let name = w.rsplit(|b| *b == b'/' || *b == b'\\').next().unwrap_or_default();
            name == b"curl" || name == b"curl.exe"
        };
        // Before it: a prompt, `sudo`, `time`, variables.
        let Some(at) = words.iter().take(6).position(is_curl) else { continue };
        let words = words.get(at + 1..).unwrap_or_default();
        requests(words, &mut list, &mut notes);
    }
    if list.is_empty() {
        return Err("there is no curl command with a URL in it".into());
    }
    Ok(Samples { list, notes: notes.sentences() })
}

/// What one command, up to `--next`, says.
#[derive(Default)]
struct Command {
    urls: Vec<String>,
    method: Option<String>,
    headers: Vec<(String, Option<String>)>,
    /// Of options of their own (`-A`, `-b`); one that `-H` sets comes before it.
    further: Vec<(&'static str, String)>,
    data: Vec<u8>,
    has_data: bool,
    is_json: bool,
    parts: Vec<form::Part>,
    query: Vec<String>,
    get: bool,
    head: bool,
    upload: bool,
    user: Option<String>,
    target: Option<String>,
}

fn requests(words: &[Vec<u8>], list: &mut Vec<Sample>, notes: &mut Notes) {
    let mut command = Command::default();
    let mut words = words.iter();
    let mut options_end = false;
    while let Some(word) = words.next() {
        let shown = String::from_utf8_lossy(word);
        if options_end || !word.starts_with(b"-") || word.len() == 1 {
            command.urls.push(shown.into_owned());
        } else if word.as_slice() == b"--" {
            options_end = true;
        } else if let Some(long) = shown.strip_prefix("--") {
            if long == "next" {
                std::mem::take(&mut command).finish(list, notes);
            } else if WITH_VALUE.split_whitespace().any(|o| o == long) {
                command.option(long, words.next().map_or(&[][..], Vec::as_slice), notes);
            } else {
                command.switch(long);
            }
        } else {
            // Short ones stand together, the last with its value behind it or in the next word: `-sXPOST`, `-d a=1`.
            let mut rest = word.get(1..).unwrap_or_default();
            while let Some((&letter, after)) = rest.split_first() {
                match SHORT.iter().find(|(l, _)| *l == letter) {
                    Some((_, "next")) => std::mem::take(&mut command).finish(list, notes),
                    Some((_, name @ ("get" | "head"))) => command.switch(name),
                    Some((_, name)) => {
                        let value = if after.is_empty() {
                            words.next().map_or(&[][..], Vec::as_slice)
                        } else {
                            after
                        };
                        command.option(name, value, notes);
                        break;
                    }
                    None => {}
                }
                rest = after;
            }
        }
    }
    command.finish(list, notes);
}

impl Command {
    fn switch(&mut self, name: &str) {
        match name {
            "get" => self.get = true,
            "head" => self.head = true,
            _ => {}
        }
    }

    fn option(&mut self, name: &str, value: &[u8], notes: &mut Notes) {
        let text = String::from_utf8_lossy(value).into_owned();
        match name {
            "url" => self.urls.push(text),
            "request" => self.method = Some(text),
            "header" if text.starts_with('@') => notes.file(text.trim_start_matches('@')),
            "header" => {
                if let Some((name, value)) = text.split_once(':') {
                    // `Name:` takes a header away, `Name;` sends it empty.
                    let value = value.trim();
                    self.headers
                        .push((name.trim().to_owned(), (!value.is_empty()).then(|| value.to_owned())));
                } else if let Some(name) = text.strip_suffix(';') {
                    self.headers.push((name.to_owned(), Some(String::new())));
                }
            }
            "user-agent" => self.further.push(("User-Agent", text)),
            "referer" => {
                self.further.push(("Referer", text.split(";auto").next().unwrap_or_default().to_owned()));
            }
            "cookie" if text.contains('=') => self.further.push(("Cookie", text)),
            "cookie" => notes.file(&text),
            "range" => self.further.push(("Range", format!("bytes={text}"))),
            "user" => self.user = Some(text),
            "oauth2-bearer" => self.further.push(("Authorization", format!("Bearer {text}"))),
            "data-raw" => self.add_data(value, false),
            "data" | "data-ascii" | "data-binary" => match text.strip_prefix('@') {
                Some(file) => {
                    notes.file(file);
                    self.add_data(b"", false);
                }
                None => self.add_data(value, false),
            },
            "json" => {
                self.is_json = true;
                match text.strip_prefix('@') {
                    Some(file) => notes.file(file),
                    None => self.add_data(value, true),
                }
                self.has_data = true;
            }
            "data-urlencode" => {
                let written = urlencoded(&text, notes);
                self.add_data(written.as_bytes(), false);
            }
            "url-query" => self.query.push(match text.strip_prefix('+') {
                Some(raw) => raw.to_owned(),
                None => urlencoded(&text, notes),
            }),
            "form" => self.add_part(&text, notes),
            "form-string" => {
                let (name, value) = text.split_once('=').unwrap_or((&text, ""));
                self.parts.push(form::Part {
                    name: name.into(),
                    value: value.into(),
                    file: None,
                    media: None,
                });
            }
            "upload-file" => {
                self.upload = true;
                notes.file(&text);
            }
            "request-target" => self.target = Some(text),
            "config" => notes.file(&text),
            _ => {}
        }
    }

    /// Several are joined by `&`; those of `--json` are not.
    fn add_data(&mut self, data: &[u8], joined: bool) {
        if self.has_data && !joined {
            self.data.push(b'&');
        }
        self.has_data = true;
        self.data.extend_from_slice(data);
    }

    /// `name=value;type=text/plain`, `name=@file;filename=a.png`, `name=<file`.
    fn add_part(&mut self, text: &str, notes: &mut Notes) {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        // A text in quotes may hold semicolons.
        let quoted = value.strip_prefix('"').and_then(|v| v.split_once('"'));
        let (first, settings) = quoted.or_else(|| value.split_once(';')).unwrap_or((value, ""));
        let settings = settings.split(';');
        let (mut media, mut file_name) = (None, None);
        for setting in settings {
            match setting.trim().split_once('=') {
                Some(("type", t)) => media = Some(t.to_owned()),
                Some(("filename", f)) => file_name = Some(f.trim_matches('"').to_owned()),
                // Others are passed over, as curl does: a text with a semicolon stands in quotes.
                _ => {}
            }
        }
        let (value, file) = if let Some(path) = first.strip_prefix('@') {
            let path = path.trim_matches('"');
            notes.file(path);
            (Vec::new(), Some(file_name.unwrap_or_else(|| form::file_name(path).to_owned())))
        } else if let Some(path) = first.strip_prefix('<') {
            notes.file(path);
            (Vec::new(), file_name)
        } else {
            (first.as_bytes().to_vec(), file_name)
        };
        self.parts.push(form::Part { name: name.into(), value, file, media });
    }

    fn finish(mut self, list: &mut Vec<Sample>, notes: &mut Notes) {
        let as_query = self.get || (self.head && self.has_data);
        let (told, body_media) = if !self.parts.is_empty() {
            let (media, body) = form::multipart(&self.parts);
            self.data = body;
            ("POST", Some(media))
        } else if as_query {
            (if self.head { "HEAD" } else { "GET" }, None)
        } else if self.has_data {
            let media = if self.is_json { "application/json" } else { "application/x-www-form-urlencoded" };
            ("POST", Some(media.to_owned()))
        } else if self.head {
            ("HEAD", None)
        } else {
            (if self.upload { "PUT" } else { "GET" }, None)
        };
        let written = self.method.as_deref().unwrap_or(told);
        let Some(method) = method(written) else {
            notes.say("A command whose method cannot be sent is left out.".into());
            return;
        };
        for written in self.urls.iter().filter(|u| !matches!(u.trim(), "" | "-")) {
            if list.len() == SAMPLES_MAX {
                notes.too_many += 1;
                continue;
            }
            let mut sample = Sample { method: method.clone(), url: url(written), ..Sample::default() };
            if let Some(target) = &self.target {
                let host_end = sample.url.find("://").map_or(0, |i| i + 3);
                let path = sample
                    .url
                    .get(host_end..)
                    .and_then(|rest| rest.find('/'))
                    .map_or(sample.url.len(), |i| host_end + i);
                sample.url.truncate(path);
                sample.url.push_str(&url(&format!("/{}", target.trim_start_matches('/'))));
            }
            let mut query = self.query.clone();
            if as_query && self.has_data {
                query.push(String::from_utf8_lossy(&self.data).into_owned());
            } else if self.has_data || !self.parts.is_empty() {
                sample.body.clone_from(&self.data);
            }
            if !query.is_empty() {
                sample.url.push(if sample.url.contains('?') { '&' } else { '?' });
                sample.url.push_str(url(&format!("/{}", query.join("&"))).get(1..).unwrap_or_default());
            }
            for (name, value) in &self.headers {
                if let Some(value) = value {
                    sample.add_header(name, value);
                }
            }
            let is_set = |name: &str| self.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
            for (name, value) in self.further.iter().filter(|(n, v)| !is_set(n) && !v.is_empty()) {
                sample.add_header(name, value);
            }
            if let Some(media) = &body_media {
                // Of a multipart body only its own boundary is the right one.
                if !self.parts.is_empty() {
                    sample.headers.retain(|(n, _)| !n.eq_ignore_ascii_case("content-type"));
                    sample.add_header("Content-Type", media);
                } else if !is_set("content-type") {
                    sample.add_header("Content-Type", media);
                }
            }
            if self.is_json && !is_set("accept") {
                sample.add_header("Accept", "application/json");
            }
            if let Some(user) = self.user.as_deref().filter(|_| !is_set("authorization")) {
                let (name, password) = user.split_once(':').unwrap_or((user, ""));
                sample.add_basic(name, password);
            }
            sample.name = name_of(&method, &sample.url);
            list.push(sample);
        }
    }
}

/// `content`, `=content`, `name=content`, `@file`, `name@file` (curl's manual, --data-urlencode).
fn urlencoded(text: &str, notes: &mut Notes) -> String {
    let escaped = form::escaped;
    match text.find(['=', '@']).and_then(|i| Some((text.get(..i)?, text.get(i..i + 1)?, text.get(i + 1..)?)))
    {
        Some(("", "=", content)) => escaped(content),
        Some((name, "=", content)) => format!("{name}={}", escaped(content)),
        Some((name, _, file)) => {
            notes.file(file);
            if name.is_empty() { String::new() } else { format!("{name}=") }
        }
        None => escaped(text),
    }
}

/// Reads words as a POSIX shell does, with bash's `$'…'`. What a shell would run (`$(…)`, backticks) stays as it is written.
struct Shell<'a> {
    text: &'a [u8],
    at: usize,
    variables: &'a BTreeMap<String, String>,
    notes: &'a mut Notes,
}

impl<'a> Shell<'a> {
    fn new(text: &'a str, variables: &'a BTreeMap<String, String>, notes: &'a mut Notes) -> Shell<'a> {
        Shell { text: text.as_bytes(), at: 0, variables, notes }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let b = self.peek()?;
        self.at += 1;
        Some(b)
    }

    fn commands(mut self) -> Vec<Vec<Vec<u8>>> {
        let mut commands: Vec<Vec<Vec<u8>>> = vec![Vec::new()];
        let mut word: Option<Vec<u8>> = None;
        let mut words = 0;
        while let Some(b) = self.next() {
            let is_end = matches!(b, b'\n' | b';' | b'&' | b'|');
            if is_end || matches!(b, b' ' | b'\t' | b'\r') {
                if let (Some(w), Some(command)) = (word.take(), commands.last_mut()) {
                    words += 1;
                    if words <= WORDS_MAX * 10 && command.len() < WORDS_MAX {
                        command.push(w);
                    }
                }
                if is_end && commands.last().is_some_and(|c| !c.is_empty()) {
                    commands.push(Vec::new());
                }
                continue;
            }
            if b == b'#' && word.is_none() {
                while self.peek().is_some_and(|b| b != b'\n') {
                    self.at += 1;
                }
                continue;
            }
            // Where an output goes is no word: `> file`, `2>/dev/null`.
            if b == b'>' {
                word = None;
                while self.peek().is_some_and(|b| matches!(b, b'>' | b'&' | b' ')) {
                    self.at += 1;
                }
                while self.peek().is_some_and(|b| !b.is_ascii_whitespace() && b != b';' && b != b'|') {
                    self.at += 1;
                }
                continue;
            }
            match b {
                b'\\' => match self.next() {
                    Some(b'\n') | None => {}
                    // A continuation in a file with Windows' line ends.
                    Some(b'\r') if self.peek() == Some(b'\n') => self.at += 1,
                    Some(c) => word.get_or_insert_default().push(c),
                },
                b'\'' => {
                    let word = word.get_or_insert_default();
                    while let Some(c) = self.next().filter(|c| *c != b'\'') {
                        word.push(c);
                    }
                }
                b'"' => {
                    let mut inner = word.take().unwrap_or_default();
                    self.double_quoted(&mut inner);
                    word = Some(inner);
                }
                b'$' if self.peek() == Some(b'\'') => {
                    self.at += 1;
                    let mut inner = word.take().unwrap_or_default();
                    self.dollar_quoted(&mut inner);
                    word = Some(inner);
                }
                b'$' => {
                    let mut inner = word.take().unwrap_or_default();
                    self.variable(&mut inner);
                    word = Some(inner);
                }
                c => word.get_or_insert_default().push(c),
            }
        }
        if let (Some(w), Some(command)) = (word, commands.last_mut()) {
            command.push(w);
        }
        commands
    }

    fn double_quoted(&mut self, word: &mut Vec<u8>) {
        while let Some(c) = self.next().filter(|c| *c != b'"') {
            match c {
                b'\\' => match self.next() {
                    Some(b'\n') | None => {}
                    Some(c @ (b'"' | b'\\' | b'$' | b'`')) => word.push(c),
                    Some(c) => word.extend([b'\\', c]),
                },
                b'$' => self.variable(word),
                c => word.push(c),
            }
        }
    }

    /// Bash's `$'…'` (Bash manual §3.1.2.4).
    fn dollar_quoted(&mut self, word: &mut Vec<u8>) {
        while let Some(c) = self.next().filter(|c| *c != b'\'') {
            if c != b'\\' {
                word.push(c);
                continue;
            }
            let Some(c) = self.next() else { return };
            match c {
                b'n' => word.push(b'\n'),
                b't' => word.push(b'\t'),
                b'r' => word.push(b'\r'),
                b'a' => word.push(7),
                b'b' => word.push(8),
                b'e' | b'E' => word.push(27),
                b'f' => word.push(12),
                b'v' => word.push(11),
                b'x' => {
                    if let Some(n) = self.number(2, 16) {
                        word.push(u8::try_from(n).unwrap_or(b'?'));
                    }
                }
                b'u' | b'U' => {
                    let n = self.number(if c == b'u' { 4 } else { 8 }, 16);
                    let c = n.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
                    word.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                b'0'..=b'7' => {
                    self.at -= 1;
                    let n = self.number(3, 8).unwrap_or(0);
                    word.push(u8::try_from(n & 0xff).unwrap_or(b'?'));
                }
                c => word.push(c),
            }
        }
    }

    fn number(&mut self, digits_max: usize, radix: u32) -> Option<u32> {
        let mut n: Option<u32> = None;
        for _ in 0..digits_max {
            let Some(d) = self.peek().and_then(|b| char::from(b).to_digit(radix)) else { break };
            n = Some(n.unwrap_or(0).wrapping_mul(radix).wrapping_add(d));
            self.at += 1;
        }
        n
    }

    /// Behind a `$`: a name with or without braces; anything else stays.
    fn variable(&mut self, word: &mut Vec<u8>) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let is_braced = rest.first() == Some(&b'{');
        let from = usize::from(is_braced);
        let len = rest.iter().skip(from).take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        let name = rest.get(from..from + len).and_then(|n| std::str::from_utf8(n).ok()).unwrap_or_default();
        let is_closed = !is_braced || rest.get(from + len) == Some(&b'}');
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !is_closed {
            word.push(b'$');
            return;
        }
        let whole = len + 2 * from;
        match self.variables.get(name) {
            Some(value) => word.extend_from_slice(value.as_bytes()),
            None => {
                self.notes.missing(&format!("${name}"));
                word.push(b'$');
                word.extend_from_slice(rest.get(..whole).unwrap_or_default());
            }
        }
        self.at += whole;
    }
}

/// Windows' cmd goes on in the next line by `^`, and browsers escape each quote by it.
fn is_of_cmd(text: &str) -> bool {
    text.contains("^\"") || text.contains(" ^\n") || text.contains(" ^\r\n")
}

/// Two readings, as on Windows: cmd takes off its `^`, then the program takes its words apart (CommandLineToArgvW).
fn cmd_words(text: &str) -> Vec<Vec<Vec<u8>>> {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().filter(|c| *c != '\r').peekable();
    let mut is_quoted = false;
    // A line's end that stays is a command's end, unless it was escaped.
    const ESCAPED_LINE: char = '\u{1}';
    while let Some(c) = chars.next() {
        match c {
            '^' if !is_quoted => match chars.next() {
                // A line break behind it goes on; a second one is a line break of the text.
                Some('\n') if chars.next_if_eq(&'\n').is_some() => plain.push(ESCAPED_LINE),
                Some('\n') | None => {}
                Some(c) => plain.push(c),
            },
            '"' => {
                is_quoted = !is_quoted;
                plain.push(c);
            }
            c => plain.push(c),
        }
    }
    let mut commands = Vec::new();
    for line in plain.split('\n') {
        let mut words: Vec<Vec<u8>> = Vec::new();
        let mut word: Option<String> = None;
        let mut is_quoted = false;
        let mut chars = line.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                ' ' | '\t' if !is_quoted => words.extend(word.take().map(String::into_bytes)),
                '\\' if chars.peek() == Some(&'"') => {
                    chars.next();
                    word.get_or_insert_default().push('"');
                }
                '\\' if chars.peek() == Some(&'\\') => {
                    // A backslash counts as an escape only in a row that ends in a quote.
                    let mut n = 1;
                    while chars.peek() == Some(&'\\') {
                        chars.next();
                        n += 1;
                    }
                    let before_quote = chars.peek() == Some(&'"');
                    let kept = if before_quote { n / 2 } else { n };
                    let word = word.get_or_insert_default();
                    word.extend(std::iter::repeat_n('\\', kept));
                    if before_quote && n % 2 == 1 {
                        chars.next();
                        word.push('"');
                    }
                }
                '"' => {
                    word.get_or_insert_default();
                    is_quoted = !is_quoted;
                }
                ESCAPED_LINE => word.get_or_insert_default().push('\n'),
                c => word.get_or_insert_default().push(c),
            }
        }
        words.extend(word.map(String::into_bytes));
        words.truncate(WORDS_MAX);
        commands.push(words);
    }
    commands
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn all(text: &str) -> Samples {
        read(text, &BTreeMap::from([("TOKEN".to_owned(), "t".to_owned())])).unwrap()
    }

    fn one(text: &str) -> Sample {
        let mut all = all(text);
        assert_eq!(all.list.len(), 1, "{:?}", all.list);
        all.list.remove(0)
    }

    fn pair(n: &str, v: &str) -> (String, String) {
        (n.to_owned(), v.to_owned())
    }

    /// As Chromium copies it for bash.
    pub const CHROME: &str = include_str!("../../tests/collections/chrome.sh");

    #[test]
    fn browsers_copies_for_bash() {
        let got = all(CHROME);
        let [post, delete] = &got.list[..] else { panic!("{:?}", got.list) };
        assert_eq!(
            (post.method.as_str(), post.url.as_str()),
            ("POST", "https://shop.example/api/orders?page=1")
        );
        assert_eq!(post.body, br#"{"note":"it's !\n","n":1}"#);
        assert_eq!(post.header("cookie"), Some("sid=1; theme=dark"));
        assert_eq!(post.headers.len(), 5);
        assert_eq!(
            (delete.name.as_str(), delete.header("authorization")),
            ("DELETE /api/orders/7", Some("Bearer abc"))
        );
        assert!(got.notes.is_empty(), "{:?}", got.notes);
        let firefox = one(
            "curl 'http://localhost:8000/add' --compressed -X POST -H 'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' -H 'Accept-Encoding: gzip, deflate, br, zstd' -H 'Connection: keep-alive' --data-raw 'a=1&b=%20'",
        );
        assert_eq!(firefox.headers.len(), 2);
        assert_eq!(firefox.header("content-type"), Some("application/x-www-form-urlencoded"));
    }

    #[test]
    fn browsers_copies_for_cmd() {
        let new = "curl ^\"https://shop.example/a?x=1^&y=2^\" ^\r\n  -H ^\"content-type: application/json^\" ^\r\n  --data-raw ^\"^{^\\^\"a^\\^\":^\\^\"b c^\\^\"^}^\"";
        let got = one(new);
        assert_eq!(got.url, "https://shop.example/a?x=1&y=2");
        assert_eq!(String::from_utf8_lossy(&got.body), r#"{"a":"b c"}"#);
        let old = "curl \"https://shop.example/a?x=1&y=2\" ^\n  -H \"A: b\" ^\n  --data-raw \"{\\\"a\\\":1}\" ^\n  --compressed\n";
        let got = one(old);
        assert_eq!(
            (got.url.as_str(), got.body.as_slice()),
            ("https://shop.example/a?x=1&y=2", &b"{\"a\":1}"[..])
        );
    }

    #[test]
    fn options_as_the_manual_has_them() {
        let got = one(
            "$ curl -sSXPUT -u ada:s -A me -e http://r/ -r 0-9 -o /dev/null localhost:3000/a -d @big.json -d b=2 2>/dev/null | jq .",
        );
        assert_eq!(
            (got.method.as_str(), got.url.as_str(), got.body.as_slice()),
            ("PUT", "http://localhost:3000/a", &b"&b=2"[..])
        );
        let want = [
            pair("User-Agent", "me"),
            pair("Referer", "http://r/"),
            pair("Range", "bytes=0-9"),
            pair("Content-Type", "application/x-www-form-urlencoded"),
            pair("Authorization", "Basic YWRhOnM="),
        ];
        assert_eq!(got.headers, want);
        let got = one("curl -b a=1 -H 'cookie: b=2' http://h/");
        assert_eq!(got.headers, [pair("cookie", "b=2")]);
        let got = one("curl -G http://h/s --data-urlencode 'q=a b&c' -d x=1 --url-query 'y=ü'");
        assert_eq!((got.method.as_str(), got.url.as_str()), ("GET", "http://h/s?y=%C3%BC&q=a+b%26c&x=1"));
        let got = one("curl --json '{\"a\":1}' http://h/");
        assert_eq!(
            got.headers,
            [pair("Content-Type", "application/json"), pair("Accept", "application/json")]
        );
        let got = one("curl -I http://h/ -H 'Accept:' -H 'X-Empty;'");
        assert_eq!((got.method.as_str(), got.headers), ("HEAD", vec![pair("X-Empty", "")]));
        let got =
            one("curl http://h/up -F title=me -F 'f=@/tmp/me.png;type=image/png' -F 'n=\"a;b\";type=text/x'");
        let body = String::from_utf8_lossy(&got.body).into_owned();
        assert!(
            body.contains("name=\"f\"; filename=\"me.png\"\r\nContent-Type: image/png\r\n")
                && body.contains("\r\na;b\r\n"),
            "{body}"
        );
        let got = all(
            "curl -H \"Authorization: Bearer $TOKEN\" http://h/$ID/${TOKEN} --unknown-flag --max-time 5 && curl http://a --next -d 1 http://b",
        );
        let shown: Vec<String> = got.list.iter().map(|s| format!("{} {}", s.method, s.url)).collect();
        assert_eq!(shown, ["GET http://h/$ID/t", "GET http://a", "POST http://b"]);
        assert_eq!(got.list[0].header("authorization"), Some("Bearer t"));
        assert_eq!(got.notes, ["Variables without a value stay as they are written: $ID."]);
    }

    #[test]
    fn words_of_a_shell() {
        let got = one(
            "# a note with curl http://no\nexport A=1\nA=b curl \"http://h/\\\"\\$x\\n\" -d $'\\xff\\101\\u00e9\\'' -d 'a\\' -d a\\ b",
        );
        assert_eq!(got.url, "http://h/%22$x\\n");
        assert_eq!(got.body, b"\xffA\xc3\xa9'&a\\&a b");
        for text in ["", "curl", "curl '", "curl -", "curl -X", "wget http://h", "curl -H 'a: b'"] {
            assert!(read(text, &BTreeMap::new()).is_err(), "{text}");
        }
    }
}
