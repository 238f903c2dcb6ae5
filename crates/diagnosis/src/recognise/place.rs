//! Places that a text names: the peer of a connection, a file's path, the table that an SQL error is about.
//!
//! ```text
//! connect ECONNREFUSED 127.0.0.1:8407                                            127.0.0.1:8407
//! dial tcp: lookup payments.internal on 10.0.0.2:53: no such host                payments.internal
//! read tcp 10.0.0.5:41822->10.0.0.9:5432: i/o timeout                            10.0.0.9:5432
//! HTTPSConnectionPool(host='api.example.com', port=443): Max retries exceeded    api.example.com:443
//! ```

use super::head;
use record::Record;
use record::literals::Literals;
use regex::{Captures, Regex};
use std::ops::Range;
use std::sync::{LazyLock, OnceLock};

/// A peer is named near the front; what follows are dumps.
const SEARCHED_BYTES_MAX: usize = 8 * 1024;

/// A pattern compiled when first needed.
pub(super) struct Lazy {
    pattern: &'static str,
    /// Stands in every match. Few texts hold it, so the pattern is seldom compiled, which takes up to a millisecond.
    word: &'static str,
    regex: OnceLock<Option<Regex>>,
}

impl Lazy {
    pub const fn new(pattern: &'static str) -> Lazy {
        Lazy::with("", pattern)
    }

    pub const fn with(word: &'static str, pattern: &'static str) -> Lazy {
        Lazy { pattern, word, regex: OnceLock::new() }
    }

    pub fn regex(&self) -> Option<&Regex> {
        self.regex.get_or_init(|| Regex::new(self.pattern).ok()).as_ref()
    }

    pub fn captures<'t>(&self, text: &'t str) -> Option<Captures<'t>> {
        if !text.contains(self.word) {
            return None;
        }
        self.regex()?.captures(text)
    }

    pub fn captures_iter<'t>(&self, text: &'t str) -> impl Iterator<Item = Captures<'t>> {
        self.regex().into_iter().flat_map(move |r| r.captures_iter(text))
    }
}

/// Unix sockets.
static SOCKET: Lazy = Lazy::new(
    r#"unix:(?://)?(/[^\s:'",;)\]]+)|(/[^\s:'",;()]+\.(?:sock(?:et)?\b|s\.PGSQL\.\d+)[^\s:'",;()]*)"#,
);

/// Host and port in words, by the wording of drivers and client libraries.
static PAIRS: [Lazy; 7] = [
    // Node.js writes IPv6 without brackets: ECONNREFUSED ::1:5432
    Lazy::new(r"\bE[A-Z]{3,} (?P<h>(?:[\da-f]{0,4}:){2,7}[\da-f]{1,4}):(?P<p>\d{2,5})\b"),
    // urllib3, redis-cluster, Ruby: host='x', port=80; libpq: host=x port=5432
    Lazy::new(
        r#"(?i)\bhost(?:name)?["']?\s*[=:]\s*["']?(?P<h>[\w.\-]+|\[[\da-f:]+\])["']?[,;)]?\s*\(?["']?port["']?\s*[=:]\s*["']?(?P<p>\d{1,5})"#,
    ),
    // libpq 14: at "x" (10.0.0.1), port 5432
    Lazy::new(
        r#"(?i)(?:server at|host|server:?) ["'](?P<h>[\w.:\-]+)["'](?: \([^)]*\))?,? (?:and )?(?:accepting\s+TCP/IP connections )?(?:on )?port (?P<p>\d{1,5})"#,
    ),
    // Python's asyncio: ('127.0.0.1', 5432)
    Lazy::new(r#"\(["'](?P<h>[\w.:\-]+)["'], (?P<p>\d{2,5})[,)]"#),
    // Java: db/10.0.0.5:5432, localhost/<unresolved>:5432, localhost/[::1]:5432, until Java 13 localhost/0:0:0:0:0:0:0:1:5432.
    // An access log's 24/Nov/2026:07:10:44 is none.
    Lazy::new(
        r"\b(?P<h>[A-Za-z][\w.\-]*)/(?:<unresolved>|\d{1,3}(?:\.\d{1,3}){3}|\[[\da-fA-F:.]+\]|(?:[\da-fA-F]{1,4}:){7}[\da-fA-F]{1,4}):(?P<p>\d{2,5})\b",
    ),
    // Java: /10.0.0.5:5432
    Lazy::new(r"(?:^|[\s(=,])/(?P<h>\d{1,3}(?:\.\d{1,3}){3}|\[[\da-fA-F:.]+\]):(?P<p>\d{2,5})\b"),
    // .NET, mssql-jdbc: host x, port 1433
    Lazy::new(r"(?i)\bhost (?P<h>[\w.\-]+),? port (?P<p>\d{2,5})\b"),
];

/// Names that did not resolve.
static NAMES: [Lazy; 4] = [
    Lazy::new(
        r"\b(?:ENOTFOUND|EAI_AGAIN|EAI_NODATA|UnknownHostException:|NXDOMAIN)\s+(?P<h>[A-Za-z0-9_][\w.\-]*)(?::(?P<p>\d{2,5})\b)?",
    ),
    Lazy::new(r"\blookup (?P<h>[\w.\-]+)(?: on [\w.:\[\]\-]+)?:"),
    Lazy::new(
        r#"(?i)(?:resolve host(?:name)?|resolving host(?:name)?|resolve address|unknown host(?:name)?|unknown (?:mysql|mariadb) server host|translate host name|host not found in (?:upstream|resolver)|getaddrinfo for|getaddrinfo failed for|failed to resolve|could not be resolved|no such host is known\.?)(?: for| of)?[:\s]*["'(]*(?P<h>[A-Za-z0-9_][\w.\-]*\w)(?::(?P<p>\d{2,5})\b)?"#,
    ),
    Lazy::new(
        r"(?i)(?:name or service not known|nodename nor servname provided, or not known|no such host is known\.?|temporary failure in name resolution) \(?(?P<h>[A-Za-z0-9_][\w.\-]*):(?P<p>\d{2,5})\)?",
    ),
];

/// The far end of a connection: `10.0.0.5:41822->10.0.0.9:5432`.
static FAR_END: Lazy = Lazy::new(r"->(?P<h>[\w.\-]+|\[[\da-fA-F:]+\]):(?P<p>\d{2,5})\b");

/// A URL with its authority.
static URL: Lazy = Lazy::new(
    r#"\b[a-zA-Z][a-zA-Z0-9+.\-]{1,20}://(?:[^\s/@"'<>]*@)?(?P<h>\[[\da-fA-F:]+\]|[A-Za-z0-9_][A-Za-z0-9_.\-]*)(?::(?P<p>\d{1,5}))?"#,
);

/// Bare `host:port`.
static BARE: Lazy =
    Lazy::new(r"(?P<h>\[[\da-fA-F:]{2,}\]|[A-Za-z0-9_](?:[A-Za-z0-9_.\-]*[A-Za-z0-9_])?):(?P<p>\d{2,5})\b");

/// `connecting to redis`, `connection to host`: a name without a port, behind words that say what it is.
static NAMED: Lazy = Lazy::new(
    r#"(?i)(?:can't connect to (?:local )?(?:mysql|mariadb) server on|error connecting to|failed to connect to|could not connect to|connecting to host|connect to host)\s+["']?(?P<h>[a-z0-9_]+(?:[.\-][a-z0-9_\-]+)+)\b"#,
);

/// The address of the other side that a text names: `host:port`, a host alone, or the path of a socket.
pub fn peer(text: &str) -> Option<String> {
    let text = head(text, SEARCHED_BYTES_MAX);
    peer_by(text, signs(text))
}

/// Searches the text for the forms whose signs it shows.
fn peer_by(text: &str, signs: u32) -> Option<String> {
    let shown = |sign: u32| signs & sign != 0;
    if shown(SOCKET_SIGN)
        && let Some(c) = SOCKET.captures(text)
    {
        return c.get(1).or_else(|| c.get(2)).map(|m| m.as_str().to_owned());
    }
    let forms = PAIRS.iter().chain(&NAMES).chain([&FAR_END]);
    (forms.zip(FORM_SIGNS).filter(|(_, sign)| shown(*sign)))
        .find_map(|(f, _)| address(&f.captures(text)?))
        .or_else(|| if shown(URL_SIGN) { url(text) } else { None })
        .or_else(|| if shown(PORT_SIGN) { bare(text) } else { None })
        .or_else(|| {
            let c = if shown(NAMED_SIGN) { NAMED.captures(text)? } else { return None };
            address(&c).filter(|h| !looks_like_file(h))
        })
}

// Signs of the forms: what every match holds. Most texts show none or one, and a dozen searches are saved.
/// `unix:/`, `.sock`, `.s.PGSQL.`
const SOCKET_SIGN: u32 = 1;
/// `:` with two digits behind it.
const PORT_SIGN: u32 = 1 << 1;
/// The same with two colons between hexadecimal digits before it.
const COLONS_SIGN: u32 = 1 << 2;
/// The same with an address behind a slash before it.
const SLASH_SIGN: u32 = 1 << 3;
/// The same with a name behind `->` before it.
const FAR_END_SIGN: u32 = 1 << 4;
/// `port` with `=` or `:` behind it.
const PORT_IS_SIGN: u32 = 1 << 5;
/// `port` with a number behind it.
const PORT_NUMBER_SIGN: u32 = 1 << 6;
/// A number behind `', `.
const TUPLE_SIGN: u32 = 1 << 7;
const CODE_SIGN: u32 = 1 << 8;
const LOOKUP_SIGN: u32 = 1 << 9;
const RESOLVE_SIGN: u32 = 1 << 10;
const UNKNOWN_SIGN: u32 = 1 << 11;
const URL_SIGN: u32 = 1 << 12;
const NAMED_SIGN: u32 = 1 << 13;
/// Those of the forms that are written without regard to case.
const CASELESS_SIGNS: u32 = PORT_IS_SIGN | PORT_NUMBER_SIGN | RESOLVE_SIGN | UNKNOWN_SIGN | NAMED_SIGN;

/// The signs of `PAIRS`, `NAMES` and `FAR_END`.
const FORM_SIGNS: [u32; 12] = [
    COLONS_SIGN,
    PORT_IS_SIGN,
    PORT_NUMBER_SIGN,
    TUPLE_SIGN,
    SLASH_SIGN,
    SLASH_SIGN,
    PORT_NUMBER_SIGN,
    CODE_SIGN,
    LOOKUP_SIGN,
    RESOLVE_SIGN,
    UNKNOWN_SIGN,
    FAR_END_SIGN,
];

/// Words with the signs that they are, or may be by what stands behind them.
const SIGN_WORDS: &[(&str, u32)] = &[
    ("unix:/", SOCKET_SIGN),
    (".sock", SOCKET_SIGN),
    (".s.PGSQL.", SOCKET_SIGN),
    ("port", PORT_IS_SIGN | PORT_NUMBER_SIGN),
    ("', ", TUPLE_SIGN),
    ("\", ", TUPLE_SIGN),
    ("ENOTFOUND", CODE_SIGN),
    ("EAI_AGAIN", CODE_SIGN),
    ("EAI_NODATA", CODE_SIGN),
    ("UnknownHostException:", CODE_SIGN),
    ("NXDOMAIN", CODE_SIGN),
    ("lookup ", LOOKUP_SIGN),
    ("resolve host", RESOLVE_SIGN),
    ("resolving host", RESOLVE_SIGN),
    ("resolve address", RESOLVE_SIGN),
    ("unknown host", RESOLVE_SIGN),
    ("unknown mysql", RESOLVE_SIGN),
    ("unknown mariadb", RESOLVE_SIGN),
    ("translate host name", RESOLVE_SIGN),
    ("host not found in", RESOLVE_SIGN),
    ("getaddrinfo for", RESOLVE_SIGN),
    ("getaddrinfo failed for", RESOLVE_SIGN),
    ("failed to resolve", RESOLVE_SIGN),
    ("could not be resolved", RESOLVE_SIGN),
    ("no such host is known", RESOLVE_SIGN | UNKNOWN_SIGN),
    ("name or service not known", UNKNOWN_SIGN),
    ("nodename nor servname provided", UNKNOWN_SIGN),
    ("temporary failure in name resolution", UNKNOWN_SIGN),
    ("://", URL_SIGN),
    ("connect to", NAMED_SIGN),
    ("connecting to", NAMED_SIGN),
    // Long s and the Kelvin sign are an s and a k where case does not matter.
    ("\u{17f}", CASELESS_SIGNS),
    ("\u{212a}", CASELESS_SIGNS),
];

fn signs(text: &str) -> u32 {
    static LITERALS: LazyLock<Literals> =
        LazyLock::new(|| Literals::of(SIGN_WORDS.iter().map(|(w, _)| *w), true));
    let bytes = text.as_bytes();
    let mut signs = signs_of_ports(bytes);
    LITERALS.each(text, |p| {
        let sign = SIGN_WORDS.get(p.word).map_or(0, |(_, sign)| *sign);
        let behind = bytes.get(p.end..).unwrap_or(&[]);
        signs |= match sign {
            TUPLE_SIGN if !behind.first().is_some_and(|b| is_digit(*b)) => 0,
            _ if sign == PORT_IS_SIGN | PORT_NUMBER_SIGN => sign_behind_port(behind),
            _ => sign,
        };
    });
    signs
}

/// May a digit begin here? Those of other scripts are digits to the patterns too.
fn is_digit(b: u8) -> bool {
    b.is_ascii_digit() || !b.is_ascii()
}

/// `port 5432`, `port=5432`, `port": 5432`.
fn sign_behind_port(behind: &[u8]) -> u32 {
    let number = match behind {
        [b' ', d, ..] if is_digit(*d) => PORT_NUMBER_SIGN,
        _ => 0,
    };
    let unquoted = match behind {
        [b'"' | b'\'', rest @ ..] => rest,
        _ => behind,
    };
    let next = unquoted.iter().find(|b| !b.is_ascii_whitespace() && **b != 0x0b);
    number | if next.is_some_and(|b| matches!(b, b'=' | b':') || !b.is_ascii()) { PORT_IS_SIGN } else { 0 }
}

/// How far back from a port an address is looked for; what is longer may be one.
const ADDRESS_BYTES_MAX: usize = 64;

fn signs_of_ports(bytes: &[u8]) -> u32 {
    let mut signs = 0;
    for colon in memchr::memchr_iter(b':', bytes) {
        let behind = bytes.get(colon + 1..).unwrap_or(&[]);
        let port = match behind {
            [a, b, ..] => is_digit(*a) && is_digit(*b),
            _ => false,
        };
        if !port {
            continue;
        }
        signs |= PORT_SIGN;
        let before = bytes.get(..colon).unwrap_or(&[]);
        if signs & COLONS_SIGN == 0 && has_two_colons(before) {
            signs |= COLONS_SIGN;
        }
        if signs & SLASH_SIGN == 0 && may_follow_slash(before) {
            signs |= SLASH_SIGN;
        }
        if signs & FAR_END_SIGN == 0 {
            let in_name =
                |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-') || !b.is_ascii();
            let name = before.iter().rev().take_while(|b| in_name(b)).count();
            let arrow = before.get(..before.len() - name).is_some_and(|b| b.ends_with(b"->"));
            if arrow || before.ends_with(b"]") {
                signs |= FAR_END_SIGN;
            }
        }
    }
    signs
}

/// Does it end with `:`, up to four hexadecimal digits, `:`, up to four of them?
fn has_two_colons(before: &[u8]) -> bool {
    let mut colons = 0;
    let mut digits = 0;
    for &b in before.iter().rev() {
        match b {
            b':' => {
                colons += 1;
                digits = 0;
                if colons == 2 {
                    return true;
                }
            }
            _ if !b.is_ascii() => return true,
            _ if b.is_ascii_hexdigit() && digits < 4 => digits += 1,
            _ => return false,
        }
    }
    false
}

/// Does it end with a slash and an address, or with `<unresolved>`?
fn may_follow_slash(before: &[u8]) -> bool {
    for &b in before.iter().rev().take(ADDRESS_BYTES_MAX) {
        match b {
            b'/' | b'>' => return true,
            b'.' | b':' | b'[' | b']' => {}
            _ if b.is_ascii_hexdigit() || !b.is_ascii() => {}
            _ => return false,
        }
    }
    before.len() >= ADDRESS_BYTES_MAX
}

/// Node's dump of an error: `address: '127.0.0.1',\n  port: 8407`.
pub(super) fn inspected(text: &str) -> Option<String> {
    static DUMP: Lazy =
        Lazy::with("address: ", r#"\baddress: ["'](?P<h>[^"'\s]+)["'],\s+port: (?P<p>\d{1,5})\b"#);
    static NAME: Lazy =
        Lazy::with("getaddrinfo", r#"\bsyscall: ["']getaddrinfo["'],\s+hostname: ["'](?P<h>[\w.\-]+)["']"#);
    DUMP.captures(text).or_else(|| NAME.captures(text)).and_then(|c| address(&c))
}

pub(super) fn peer_in_fields(record: &Record) -> Option<String> {
    for (k, v) in &record.fields {
        let low = k.to_ascii_lowercase();
        let (stem, last) = low.rsplit_once('.').unwrap_or(("", &low));
        let own = k.get(..stem.len()).unwrap_or("");
        let beside = |name: &str| {
            record.field(&if own.is_empty() { name.to_owned() } else { format!("{own}.{name}") })
        };
        match last {
            "address" if !v.is_empty() => {
                if let Some(port) = beside("port") {
                    return Some(format!("{v}:{port}"));
                }
                if stem == "err" || stem == "error" {
                    return Some(v.clone());
                }
            }
            // Alone, `hostname` is the machine that wrote the log.
            "hostname" | "host" if stem.starts_with("err") && !v.is_empty() => return Some(v.clone()),
            "url" | "baseurl" if stem.ends_with("config") => {
                if let Some(p) = url(v) {
                    return Some(p);
                }
            }
            _ => {}
        }
    }
    None
}

fn address(c: &Captures<'_>) -> Option<String> {
    host_and_port(c.name("h")?.as_str(), c.name("p").map(|p| p.as_str()))
}

fn host_and_port(host: &str, port: Option<&str>) -> Option<String> {
    let host = host.trim_end_matches('.');
    if host.is_empty() {
        return None;
    }
    match port {
        Some(p) if p.parse::<u16>().is_ok_and(|p| p > 0) => Some(format!("{host}:{p}")),
        Some(_) => None,
        None => Some(host.to_owned()),
    }
}

/// Places where libraries explain their errors are no peers.
fn is_manual(host: &str) -> bool {
    let h = host.to_ascii_lowercase();
    h.starts_with("docs.")
        || h.starts_with("errors.")
        || h.starts_with("help.")
        || h.ends_with(".readthedocs.io")
        || matches!(
            h.as_str(),
            "sqlalche.me"
                | "github.com"
                | "nodejs.org"
                | "aka.ms"
                | "go.microsoft.com"
                | "www.prisma.io"
                | "pris.ly"
                | "react.dev"
                | "reactjs.org"
                | "nextjs.org"
                | "vuejs.org"
                | "laravel.com"
                | "symfony.com"
                | "php.net"
                | "www.php.net"
                | "stackoverflow.com"
                | "fedoraproject.org"
                | "developer.mozilla.org"
                | "mongoosejs.com"
                | "wordpress.org"
                | "www.slf4j.org"
                | "www.w3.org"
                | "goo.gl"
                | "bit.ly"
                | "git.io"
                | "cwiki.apache.org"
        )
}

fn url(text: &str) -> Option<String> {
    let found = URL.regex()?.captures_iter(text);
    for c in found {
        let scheme_is_file =
            c.get(0).is_some_and(|m| m.as_str().starts_with("file:") || m.as_str().starts_with("webpack"));
        let host = c.name("h").map_or("", |m| m.as_str());
        // PHP cuts the arguments that it shows in traces after fifteen characters: what is left of a host is none.
        let behind = c.name("h").and_then(|m| text.get(m.end()..)).unwrap_or("");
        let is_cut = host.ends_with("..") || behind.starts_with("...");
        if scheme_is_file || is_manual(host) || is_cut || host.starts_with("node_modules") {
            continue;
        }
        if let Some(a) = address(&c) {
            return Some(a);
        }
    }
    None
}

/// The first `host:port` that is neither a file with a line nor a time of day.
fn bare(text: &str) -> Option<String> {
    let plain = text.is_ascii() && !text.contains("]:");
    if plain {
        return Bare { text, from: 0 }.find_map(|(host, port)| bare_address(text, host, port));
    }
    for c in BARE.regex()?.captures_iter(text) {
        let (Some(h), Some(p)) = (c.name("h"), c.name("p")) else { continue };
        if let Some(a) = bare_address(text, h.range(), p.range()) {
            return Some(a);
        }
    }
    None
}

/// What [`BARE`] finds in a text of ASCII alone, without hosts in brackets: host and port.
struct Bare<'t> {
    text: &'t str,
    from: usize,
}

impl Iterator for Bare<'_> {
    type Item = (Range<usize>, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.text.as_bytes();
        let is_word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
        let mut at = self.from;
        loop {
            let colon = at + memchr::memchr(b':', bytes.get(at..)?)?;
            at = colon + 1;
            let digits = bytes.get(at..)?.iter().take_while(|b| b.is_ascii_digit()).count();
            let end = at + digits;
            if !(2..=5).contains(&digits) || bytes.get(end).is_some_and(is_word) {
                continue;
            }
            let before = bytes.get(self.from..colon)?;
            if !before.last().is_some_and(is_word) {
                continue;
            }
            let in_name = |b: &&u8| is_word(b) || matches!(b, b'.' | b'-');
            let name = before.iter().rev().take_while(in_name).count();
            let lead = before.iter().skip(before.len() - name).take_while(|b| !is_word(b)).count();
            self.from = end;
            return Some((colon - name + lead..colon, at..end));
        }
    }
}

/// The address, if this host and port of the text are one.
fn bare_address(text: &str, host: Range<usize>, port: Range<usize>) -> Option<String> {
    let bytes = text.as_bytes();
    let (start, end) = (host.start, port.end);
    let before = start.checked_sub(1).and_then(|i| bytes.get(i)).copied().unwrap_or(b' ');
    let after = bytes.get(end).copied().unwrap_or(b' ');
    // Part of a path, of a longer word, of a time.
    if matches!(before, b'/' | b'\\' | b':' | b'.' | b'-' | b'$') || after == b':' && digit_after(bytes, end)
    {
        return None;
    }
    let (host, port) = (text.get(host)?, text.get(port)?);
    if looks_like_file(host) || host.bytes().all(|b| b.is_ascii_digit()) || host.starts_with(['.', '_']) {
        return None;
    }
    let known = host.contains('.') && !host.ends_with('.') && is_name(host)
        || host.starts_with('[')
        || host == "localhost";
    let words = text.get(..start).unwrap_or("").trim_end_matches([' ', '"', '\'', '(', '=', ':']);
    let told = || {
        [
            "to",
            "ECONNREFUSED",
            "ETIMEDOUT",
            "ECONNRESET",
            "EHOSTUNREACH",
            "server",
            "host",
            "tcp",
            "address",
            "addr",
            "at",
            "broker",
            "from",
            "upstream",
            "peer",
            "on",
            "EPIPE",
        ]
        .iter()
        .any(|w| words.ends_with(w))
    };
    if !known && !told() {
        return None;
    }
    let a = host_and_port(host, Some(port))?;
    let port: u32 = port.parse().unwrap_or(0);
    // `Foo.bar:12` is a place in code; services of people listen higher, save for the well-known.
    (known || port >= 80 || port == 25).then_some(a)
}

fn digit_after(bytes: &[u8], at: usize) -> bool {
    bytes.get(at + 1).is_some_and(u8::is_ascii_digit)
}

/// An IPv4 address or a name whose last label is a word: not `v1.2`, not `Foo.bar`.
fn is_name(host: &str) -> bool {
    let four = host.split('.').count() == 4 && host.split('.').all(|l| l.parse::<u8>().is_ok());
    four || host.split('.').next_back().is_some_and(|l| {
        l.len() >= 2
            && l.bytes().all(|b| b.is_ascii_lowercase() || b == b'-' || b.is_ascii_digit())
            && !l.bytes().all(|b| b.is_ascii_digit())
    })
}

fn looks_like_file(name: &str) -> bool {
    const CODE: &[&str] = &[
        "py", "pyx", "js", "jsx", "ts", "tsx", "mjs", "cjs", "vue", "svelte", "php", "phtml", "inc", "rb",
        "erb", "haml", "slim", "rake", "ru", "java", "kt", "kts", "scala", "groovy", "clj", "go", "rs", "cs",
        "vb", "cshtml", "fs", "ex", "exs", "erl", "eex", "heex", "pl", "pm", "cgi", "c", "cc", "cpp", "cxx",
        "h", "hpp", "lua", "swift", "dart", "html", "htm", "twig", "tpl", "ejs", "pug", "hbs", "jsp", "ftl",
        "xml", "yml", "yaml", "json", "toml", "conf", "ini", "sql", "log", "txt", "css", "scss", "sh", "so",
        "dll", "exe", "jar", "md", "s", "asm", "cr", "nim", "hs",
    ];
    name.rsplit_once('.').is_some_and(|(_, ext)| CODE.contains(&ext))
}

/// Where an error says in its own line that it happened: `KeyError: 'sku' at app.py:38 in place_order`. The place, and the function
/// where it is told.
pub fn told(text: &str) -> Option<(String, Option<String>)> {
    static TOLD: Lazy = Lazy::new(
        r"\b(?:at|in) ((?:[A-Za-z]:)?[\w.@/\\\-]+\.[a-z]{1,5}):(\d{1,6})\b(?::\d+)?(?: in ([\w.$]+))?",
    );
    let line = head(text, SEARCHED_BYTES_MAX).lines().next()?;
    let c = TOLD.captures(line).filter(|c| c.get(1).is_some_and(|f| looks_like_file(f.as_str())))?;
    let place = format!("{}:{}", c.get(1)?.as_str(), c.get(2)?.as_str());
    Some((place, c.get(3).map(|f| f.as_str().to_owned())))
}

/// The path of the file or folder that an error is about, where the text names one.
pub fn path(text: &str) -> Option<String> {
    // Quoted, or as an argument of PHP's functions, or Ruby's `@ rb_sysopen - PATH`, or plain.
    static QUOTED: Lazy = Lazy::new(r#"["'`]((?:/|\.{1,2}/|[A-Za-z]:\\)[^"'`\n]{1,300})["'`]"#);
    static CALLED: Lazy = Lazy::new(
        r"\b(?:fopen|file_put_contents|file_get_contents|mkdir|rename|copy|unlink|include|include_once|require|require_once|opendir|scandir|touch|chmod|move_uploaded_file|session_start|tempnam|readfile|file)\(([^\s,)]*[/\\.][^\s,)]*)",
    );
    static RUBY: Lazy = Lazy::with("@ ", r"@ (?:rb_\w+|dir_\w+|apply2files|io_\w+|syserr\w*)(?: -)? (\S+)");
    static GO: Lazy = Lazy::new(
        r"\b(?:open|stat|lstat|mkdir|remove|rename|unlink|write|read|chmod|chdir|fork/exec|exec) ((?:/|\./|\.\./)[^\s:,]+)",
    );
    static PLAIN: Lazy = Lazy::new(r#"(?:^|[\s(:=])((?:/[\w.@+~%\-]+){1,20}/?|[A-Za-z]:\\[^\s"':*?<>|]+)"#);
    let text = head(text, SEARCHED_BYTES_MAX);
    for form in [&CALLED, &RUBY, &QUOTED, &GO] {
        if let Some(m) = form.captures(text).and_then(|c| c.get(1)) {
            return Some(m.as_str().to_owned());
        }
    }
    for c in PLAIN.regex()?.captures_iter(text) {
        let Some(m) = c.get(1) else { continue };
        let before = text.get(..m.start()).unwrap_or("").trim_end();
        // ` in /srv/app.php on line 3`, `at /srv/app.js:12`: where it happened, not what it is about.
        let place = before.ends_with(" in")
            || before.ends_with(" at")
            || text.get(m.end()..).is_some_and(|t| t.starts_with(':') && digit_after(t.as_bytes(), 0));
        if !place && m.as_str().len() > 2 && m.as_str().get(1..).is_some_and(|t| t.contains(['/', '.', '\\']))
        {
            return Some(m.as_str().trim_end_matches(['.', ',']).to_owned());
        }
    }
    None
}

/// The table, relation or collection that an SQL text or a database's error names.
pub fn statement_object(text: &str) -> Option<String> {
    static TOLD: [Lazy; 7] = [
        Lazy::new(
            r#"(?i)\b(?:relation|table|view|index|materialized view|sequence|foreign table) \\?["'`]([\w.$\-]+)\\?["'`]"#,
        ),
        Lazy::new(r"(?i)no such table: ([\w.]+)"),
        Lazy::new(r"(?i)invalid object name '([\w.\[\]]+)'"),
        Lazy::new(r"(?i)unconfigured table ([\w.]+)"),
        Lazy::new(r#"(?i)collection:? ["'`]?([a-z_][\w]*\.[\w.$\-]+)"#),
        Lazy::new(r"(?i)base table or view not found: \d+ (?:table )?'([\w.\-]+)'"),
        Lazy::new(r#"(?i)\bORA-\d+: table or view "?([\w.$"]+?)"? does not exist"#),
    ];
    static SQL: Lazy = Lazy::new(
        r#"(?i)\b(?:from|into|update|join|table|truncate)\s+(?:only\s+|low_priority\s+|ignore\s+|if (?:not )?exists\s+)*((?:[\w$]+|"[^"\s]+"|`[^`\s]+`|\[[^\]\s]+\]|\\"[^"\s]+\\")(?:\.(?:[\w$]+|"[^"\s]+"|`[^`\s]+`|\[[^\]\s]+\]))*)"#,
    );
    let text = head(text, SEARCHED_BYTES_MAX);
    if let Some(m) = TOLD.iter().find_map(|t| t.captures(text).and_then(|c| c.get(1))) {
        return Some(m.as_str().to_owned());
    }
    // Words of English sentences that stand where a table's name would.
    const WORDS: &[&str] = &[
        "the", "a", "an", "this", "set", "select", "your", "server", "pool", "line", "for", "on", "where",
        "by", "of", "it", "and", "or", "database", "client", "user", "to", "lock",
    ];
    let verb = [
        "select ",
        "insert ",
        "update ",
        "delete ",
        "SELECT ",
        "INSERT ",
        "UPDATE ",
        "DELETE ",
        "create ",
        "CREATE ",
        "alter ",
        "ALTER ",
        "truncate ",
        "TRUNCATE ",
        "Select ",
        "replace ",
        "REPLACE ",
    ]
    .iter()
    .filter_map(|v| text.find(v))
    .min()?;
    let sql = text.get(verb..)?;
    SQL.regex()?
        .captures_iter(sql)
        .filter_map(|c| c.get(1))
        .map(|m| m.as_str().replace(['"', '`', '[', ']', '\\'], ""))
        .find(|t| {
            !t.is_empty()
                && !WORDS.contains(&t.to_ascii_lowercase().as_str())
                && !t.bytes().all(|b| b.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_read_from_the_words_of_many_clients() {
        let cases = [
            ("connect ECONNREFUSED 127.0.0.1:8407", "127.0.0.1:8407"),
            ("connect ECONNREFUSED ::1:6379", "::1:6379"),
            ("getaddrinfo ENOTFOUND payments.internal", "payments.internal"),
            ("getaddrinfo EAI_AGAIN redis", "redis"),
            ("dial tcp: lookup db on 10.0.0.2:53: no such host", "db"),
            ("dial tcp 10.0.0.9:5432: connect: connection refused", "10.0.0.9:5432"),
            ("read tcp 10.0.0.5:41822->10.0.0.9:5432: i/o timeout", "10.0.0.9:5432"),
            (
                "HTTPSConnectionPool(host='api.example.com', port=443): Max retries exceeded with url: /v1",
                "api.example.com:443",
            ),
            ("Get \"http://rates:8080/v1/rates?x=1\": context deadline exceeded", "rates:8080"),
            ("Client error '401 Unauthorized' for url 'https://api.stripe.com/v1/charges'", "api.stripe.com"),
            ("Multiple exceptions: [Errno 111] Connect call failed ('127.0.0.1', 5432)", "127.0.0.1:5432"),
            ("Connection refused: localhost/127.0.0.1:6379", "localhost:6379"),
            (
                "Connection to 10.0.0.5:5432 refused. Check that the hostname and port are correct",
                "10.0.0.5:5432",
            ),
            (
                "cURL error 6: Could not resolve host: api.partner.test (see https://curl.haxx.se/x)",
                "api.partner.test",
            ),
            ("Failed to connect to rates.internal port 8080", "rates.internal"),
            ("Error 111 connecting to redis:6379. Connection refused.", "redis:6379"),
            (
                "connect() to unix:/run/php/php8.2-fpm.sock failed (2: No such file or directory)",
                "/run/php/php8.2-fpm.sock",
            ),
            ("redis://:secret@cache.example.org:6380/0 refused", "cache.example.org:6380"),
            (
                "No connection could be made because the target machine actively refused it. (10.1.1.1:1433)",
                "10.1.1.1:1433",
            ),
            ("Name or service not known (catalog-api:80)", "catalog-api:80"),
        ];
        for (text, want) in cases {
            assert_eq!(peer(text).unwrap_or_default(), want, "{text}");
        }
    }

    /// What the signs spare is only time: over the lines of all signatures, their examples among them.
    #[test]
    fn signs_hide_no_peer() {
        let files = [
            include_str!("../../../../signatures/code.toml"),
            include_str!("../../../../signatures/config.toml"),
            include_str!("../../../../signatures/database.toml"),
            include_str!("../../../../signatures/upstream.toml"),
            include_str!("../../../../signatures/resource.toml"),
        ];
        let mut named = 0;
        for line in files.iter().flat_map(|f| f.lines()) {
            for text in [line.to_owned(), line.replace('s', "\u{17f}"), line.replace('1', "\u{661}")] {
                let found = peer(&text);
                named += usize::from(found.is_some());
                assert_eq!(found, peer_by(&text, u32::MAX), "{text}");
                if text.is_ascii() && !text.contains("]:") {
                    let by_hand: Vec<_> = Bare { text: &text, from: 0 }.collect();
                    let by_pattern = BARE.captures_iter(&text);
                    let by_pattern: Vec<_> = by_pattern
                        .map(|c| (c.name("h").unwrap().range(), c.name("p").unwrap().range()))
                        .collect();
                    assert_eq!(by_hand, by_pattern, "{text}");
                }
            }
        }
        assert!(named > 500, "{named}");
    }

    #[test]
    fn files_times_and_manuals_are_no_peers() {
        for text in [
            "at Object.<anonymous> (/srv/app/server.js:12:5)",
            "PriceService.java:12",
            "failed at 12:30:45 on node",
            "(Background on this error at: https://sqlalche.me/e/20/e3q8)",
            "KeyError: 'GB'",
            "app/models/order.rb:60:in `total'",
            "value: 10:20",
            "[29/Nov/2026:10:16:44.103] www app/web1 0/0/-1/-1/3004 503 217",
        ] {
            assert_eq!(peer(text), None, "{text}");
        }
        let cut =
            "#1 app/RateClient.php(57): Illuminate\\Http\\Client\\PendingRequest->get('https://api.ship...')";
        assert_eq!(peer(cut), None, "PHP cut the host");
    }

    #[test]
    fn tables_are_read_from_statements_and_errors() {
        let cases = [
            ("Table 'shop.orders' doesn't exist", "shop.orders"),
            ("relation \"invoices\" does not exist", "invoices"),
            ("no such table: auth_user", "auth_user"),
            ("update rooms set price = 3 where id = 4", "rooms"),
            ("(SQL: select * from `product_recommendations` where id = 1)", "product_recommendations"),
            ("INSERT INTO \"public\".\"users\" (name) VALUES ($1)", "public.users"),
            ("DELETE FROM [dbo].[Carts]", "dbo.Carts"),
        ];
        for (text, want) in cases {
            assert_eq!(statement_object(text).as_deref(), Some(want), "{text}");
        }
        assert_eq!(statement_object("could not read from the server"), None);
        assert_eq!(
            statement_object("Deadlock found when trying to get lock; try restarting transaction"),
            None
        );
    }

    #[test]
    fn places_told_in_the_line_itself() {
        let of = |t: &str| told(t).map(|(p, f)| format!("{p} {}", f.unwrap_or_default()));
        assert_eq!(
            of("KeyError: 'sku' at app.py:38 in place_order").as_deref(),
            Some("app.py:38 place_order")
        );
        assert_eq!(of("boom in /srv/a-b/x.rb:7").as_deref(), Some("/srv/a-b/x.rb:7 "));
        for text in ["listening at 127.0.0.1:8080", "at db.internal:5432", "at 12:30", "at x.py", ""] {
            assert_eq!(told(text), None, "{text}");
        }
    }

    #[test]
    fn paths_are_what_the_error_is_about_not_where_it_happened() {
        let cases = [
            ("[Errno 13] Permission denied: '/srv/app/cache'", "/srv/app/cache"),
            (
                "file_put_contents(/var/www/cache/a.json): Failed to open stream: Permission denied in /var/www/app.php on line 3",
                "/var/www/cache/a.json",
            ),
            ("Permission denied @ rb_sysopen - /srv/app/tmp/x", "/srv/app/tmp/x"),
            ("open /srv/data/x.json: no such file or directory", "/srv/data/x.json"),
            ("java.io.FileNotFoundException: /srv/x/conf.xml (No such file or directory)", "/srv/x/conf.xml"),
            ("Access to the path 'C:\\inetpub\\logs' is denied.", "C:\\inetpub\\logs"),
        ];
        for (text, want) in cases {
            assert_eq!(path(text).as_deref(), Some(want), "{text}");
        }
        assert_eq!(path("No space left on device in /srv/app.php on line 3"), None);
    }

    #[test]
    fn any_cut_of_a_text_is_read_without_trouble() {
        let text = "dial tcp 10.0.0.9:5432 → „näher“ https://ü:99999/x [::1]:80 unix:/x 'C:\\ü' (";
        for (i, _) in text.char_indices() {
            let _ = (peer(&text[i..]), peer(&text[..i]), path(&text[i..]), statement_object(&text[..i]));
        }
    }
}
