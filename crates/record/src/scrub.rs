//! The one place where secrets are taken out of texts before they are kept or shown.
//!
//! ```text
//! GET /export?token=9f86d081884c7d65 500                 → GET /export?token=[scrubbed] 500
//! postgres://store:S3cret@10.0.0.7/shop                  → postgres://store:[scrubbed]@10.0.0.7/shop
//! password authentication failed for user "store"        → stays: it is the evidence
//! ```
//!
//! The floor is Sentry Relay's set of rules (`relay-pii/src/regexes.rs`): key names (password, secret,
//! passwd, api_key, auth, credentials, mysql_pwd, privatekey, token), bearer tokens, PEM blocks,
//! `user:password@` in URLs, cards (here with Luhn's check). A rule must not eat the cause: a value is taken
//! only where a separator and something that looks like a value follow the key. E-mail addresses, IP
//! addresses, user names and UUIDs stay, on purpose: the user and host of `Access denied for user
//! 'shop'@'10.0.0.3'` are what the reader needs, and UUIDs are the ids of requests.
//!
//! Scrubbing twice gives the same as scrubbing once, and takes time linear in the text.

use crate::literals::Literals;
use regex::{Captures, Regex};
use std::borrow::Cow;
use std::fmt::Write;
use std::sync::{LazyLock, OnceLock};

/// What stands in a secret's place.
const PLACEHOLDER: &str = "[scrubbed]";
/// A value shorter than this is no secret but a word of the message; passwords proper are taken at any
/// length.
const TOKEN_BYTES_MIN: usize = 6;

/// The rules are applied until nothing changes, or this many times: each goes one value deeper into nested ones.
const PASSES_MAX: usize = 8;

/// From here on a single word behind a token's name is the token: names of states and schemes are shorter.
const WORD_BYTES_MIN: usize = 12;

// What a text shows of the rules' matches; a rule is asked (and its pattern compiled) where its sign is seen.
const PRIVATE: u32 = 1 << 0;
const URL: u32 = 1 << 1;
const AUTHORIZATION: u32 = 1 << 2;
const COOKIE: u32 = 1 << 3;
const SCHEME: u32 = 1 << 4;
const PASSWORD: u32 = 1 << 5;
const TOKEN: u32 = 1 << 6;
const CALL: u32 = 1 << 7;
const JWT: u32 = 1 << 8;
const AWS: u32 = 1 << 9;
const STRIPE: u32 = 1 << 10;
const GIT: u32 = 1 << 11;
const SLACK: u32 = 1 << 12;
const GOOGLE: u32 = 1 << 13;
const SENDGRID: u32 = 1 << 14;
const MODEL: u32 = 1 << 15;
const WEBHOOK: u32 = 1 << 16;
const ALL: u32 = (1 << 17) - 1;

/// Words of which one must stand in a text before anything is looked at more closely, with the signs that they are by
/// themselves. Case does not matter.
const WORDS: &[(&str, u32)] = &[
    ("pass", 0),
    ("pwd", 0),
    ("secret", 0),
    ("token", 0),
    ("api_key", 0),
    ("apikey", 0),
    ("api-key", 0),
    ("access_key", 0),
    ("accesskey", 0),
    ("private", PRIVATE),
    ("auth", 0),
    ("cookie", COOKIE),
    ("session", 0),
    ("sessid", 0),
    ("csrf", 0),
    ("jwt", 0),
    ("dsn", 0),
    ("credential", 0),
    ("bearer ", 0),
    ("basic ", 0),
    ("eyj", JWT),
    ("akia", AWS),
    ("asia", AWS),
    ("sk_live", STRIPE),
    ("sk_test", STRIPE),
    ("rk_live", STRIPE),
    ("pk_live", STRIPE),
    ("ghp_", GIT),
    ("gho_", GIT),
    ("ghs_", GIT),
    ("ghu_", GIT),
    ("github_pat_", GIT),
    ("glpat-", GIT),
    ("xox", SLACK),
    ("aiza", GOOGLE),
    ("://", URL),
    ("__construct(", CALL),
    ("connect(", CALL),
    ("signature", 0),
    ("sig=", 0),
    ("x-amz", 0),
    ("npm_", GIT),
    ("sg.", SENDGRID),
    ("hooks.slack", SLACK),
    ("otp", 0),
    ("cvv", 0),
    ("cvc", 0),
    ("sk-", MODEL),
    ("whsec_", WEBHOOK),
    ("shpat_", WEBHOOK),
    ("ya29.", GOOGLE),
    ("encryption_key", 0),
    ("app_key", 0),
    ("account_key", 0),
    ("accountkey", 0),
    ("sharedaccess", 0),
];

/// More signs, for texts that hold one of those words.
const MORE_WORDS: &[(&str, u32)] = &[
    ("authorization", AUTHORIZATION),
    ("bearer", SCHEME),
    ("basic", SCHEME),
    ("ldap_bind(", CALL),
    ("createconnection(", CALL),
    ("ftp_login(", CALL),
    ("imap_open(", CALL),
    ("_live_", STRIPE),
    ("_test_", STRIPE),
    ("ghr_", GIT),
    ("shpss_", WEBHOOK),
    // Long s and the Kelvin sign are an s and a k where case does not matter.
    ("\u{17f}", ALL),
    ("\u{212a}", ALL),
];

/// Spaces before the `=` of program text: names are aligned at times.
const SPACES_MAX: usize = 8;

/// The ends of names of [`PASSWORDS`] and [`TOKENS`]: signs where a quote, a bracket or `=` or `:` stands behind, or ` = `.
const NAME_ENDS: &[(&str, u32)] = &[
    ("pass", PASSWORD),
    ("password", PASSWORD),
    ("passwd", PASSWORD),
    ("passphrase", PASSWORD),
    ("passwort", PASSWORD),
    ("passcode", PASSWORD),
    ("pwd", PASSWORD),
    ("key", PASSWORD),
    ("secret", PASSWORD | TOKEN),
    ("cvv", PASSWORD),
    ("cvc", PASSWORD),
    ("otp", PASSWORD),
    ("credential", PASSWORD | TOKEN),
    ("credentials", PASSWORD),
    ("token", TOKEN),
    ("csrf", TOKEN),
    ("session", TOKEN),
    ("sessionid", TOKEN),
    ("session_id", TOKEN),
    ("session-id", TOKEN),
    ("sessid", TOKEN),
    ("jwt", TOKEN),
    ("sig", TOKEN),
    ("signature", TOKEN),
    ("verifier", TOKEN),
    ("auth", TOKEN),
];

/// Does ` = ` or ` := ` stand here?
fn is_assigned(behind: &[u8]) -> bool {
    let mut rest = behind.iter().take(SPACES_MAX + 2).skip_while(|b| **b == b' ');
    rest.find(|b| **b != b':') == Some(&b'=')
}

/// The signs of a text; `None` if it holds none of the words.
fn signs(text: &str) -> Option<u32> {
    static LITERALS: LazyLock<Literals> = LazyLock::new(|| {
        Literals::of(WORDS.iter().chain(MORE_WORDS).chain(NAME_ENDS).map(|(w, _)| *w), true)
    });
    let bytes = text.as_bytes();
    let (mut known, mut signs) = (false, 0);
    LITERALS.each(text, |p| {
        let more = p.word.checked_sub(WORDS.len());
        let sign = match more {
            None => {
                known = true;
                WORDS.get(p.word)
            }
            Some(i) => MORE_WORDS.get(i).or_else(|| {
                let ends = match bytes.get(p.end) {
                    Some(b']' | b'\\' | b'"' | b'\'' | b'=' | b':') => true,
                    Some(b' ') => is_assigned(bytes.get(p.end..).unwrap_or_default()),
                    _ => false,
                };
                if ends { NAME_ENDS.get(i - MORE_WORDS.len()) } else { None }
            }),
        };
        signs |= sign.map_or(0, |(_, sign)| *sign);
    });
    // A password of a URL stands before an `@`.
    if signs & URL != 0 && memchr::memchr(b'@', bytes).is_none() {
        signs &= !URL;
    }
    known.then_some(signs)
}

/// What takes the place of a match, given the text behind it; `None` leaves it.
type Act = fn(&Captures<'_>, &str) -> Option<String>;

/// One rule: a pattern, and which of its groups are secret.
struct Rule {
    pattern: String,
    /// Compiled when its sign is first seen.
    regex: OnceLock<Option<Regex>>,
    /// One of these is in every match.
    signs: u32,
    /// What is done with the match.
    act: Act,
}

/// The groups `k` (kept), `v` (the secret) and `e` (kept).
fn keep_key(c: &Captures<'_>, _: &str) -> Option<String> {
    let part = |name: &str| c.name(name).map(|m| m.as_str()).unwrap_or_default();
    let value = part("v");
    // The placeholder's own bracket may have been taken for that of an array.
    let taken = value.starts_with("[scrubbed") || part("k").ends_with('[') && value.starts_with("scrubbed");
    if value.is_empty() || taken {
        return None;
    }
    Some(format!("{}{PLACEHOLDER}{}", part("k"), part("e")))
}

/// A key that may stand in prose too (`token: unexpected`, `session => expired`): the value must look like a
/// secret.
fn keep_key_if_opaque(c: &Captures<'_>, rest: &str) -> Option<String> {
    let value = c.name("v").map(|m| m.as_str()).unwrap_or_default();
    if is_opaque(value) { keep_key(c, rest) } else { None }
}

/// A parameter of a query or a form (`?token=…&session=…`): what stands there is a value, not prose.
fn keep_parameter(c: &Captures<'_>, rest: &str) -> Option<String> {
    let value = c.name("v").map(|m| m.as_str()).unwrap_or_default();
    if is_spoken_of(&value.to_ascii_lowercase()) { None } else { keep_key(c, rest) }
}

/// A token given with `=` or in quotes, of letters alone too (`token=qwhzkvmdpnrt`), but no name of a class,
/// setting or module (`session=django.contrib.sessions`, `auth=BadTokenError`).
fn keep_token(c: &Captures<'_>, rest: &str) -> Option<String> {
    let value = c.name("v").map(|m| m.as_str()).unwrap_or_default();
    // Signatures in Base64 may look like paths, but have no dots.
    let expression = value.contains('.') && is_expression(value);
    if expression || ["Error", "Exception"].iter().any(|end| value.ends_with(end)) {
        return None;
    }
    let word = value
        .bytes()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'+' | b'/' | b'=' | b'~' | b'%'));
    if word && value.len() >= WORD_BYTES_MIN && !is_spoken_of(&value.to_ascii_lowercase()) {
        keep_key(c, rest)
    } else {
        keep_key_if_opaque(c, rest)
    }
}

/// A password, whatever its form, but no word that speaks *of* one: `password: required`, `using password:
/// YES`.
fn keep_password_key(c: &Captures<'_>, rest: &str) -> Option<String> {
    let value = c.name("v").map(|m| m.as_str()).unwrap_or_default();
    let low = value.to_ascii_lowercase();
    let word = low.trim_end_matches([')', '.', ',', ';']);
    if is_spoken_of(word) || is_expression(value) { None } else { keep_key(c, rest) }
}

fn whole(c: &Captures<'_>, _: &str) -> Option<String> {
    Some(format!("{}{PLACEHOLDER}", c.name("k").map_or("", |m| m.as_str())))
}

/// Words that stand behind `password:` in messages and are no passwords.
fn is_spoken_of(word: &str) -> bool {
    matches!(
        word,
        "yes"
            | "no"
            | "true"
            | "false"
            | "null"
            | "none"
            | "nil"
            | "undefined"
            | "required"
            | "missing"
            | "invalid"
            | "incorrect"
            | "wrong"
            | "empty"
            | "must"
            | "is"
            | "the"
            | "not"
            | "string"
            | "str"
            | "mismatch"
            | "expired"
            | "failed"
            | "unknown"
            | "error"
            | "rejected"
            | "filtered"
            | "[filtered]"
            | "redacted"
            | "[redacted]"
            | "hidden"
            | "too"
            | "cannot"
            | "can't"
            | "does"
            | "did"
            | "was"
            | "has"
            | "a"
            | "an"
            | "unauthorized"
            | "denied"
            | "forbidden"
            | "authentication"
            | "user"
            | "blank"
            | "short"
            | "int"
            | "bool"
            | "object"
            | "array"
            | "class"
            | "method"
            | "unexpected"
            | "keyerror"
            | "typeerror"
            | ""
            | "%s"
            | "?"
            | "..."
            | "…"
            | "sensitiveparametervalue"
            | "illuminate"
            | "blocked"
            | "disabled"
            | "enabled"
            | "unset"
            | "set"
            | "confirm"
            | "confirmation"
            | "reset"
            | "login"
    ) || word.bytes().all(|c| c == b'*' || c == b'x' || c == b'.')
        || word.starts_with("object(")
        || word.starts_with('$')
        || word.starts_with('<')
        || word.starts_with("%{")
        || word.starts_with("process.env")
}

/// Does it look like a key rather than a word: long, with digits or both cases, or hexadecimal?
fn is_opaque(value: &str) -> bool {
    if value.len() < TOKEN_BYTES_MIN || is_spoken_of(&value.to_ascii_lowercase()) {
        return false;
    }
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let upper = value.bytes().filter(u8::is_ascii_uppercase).count();
    let lower = value.bytes().filter(u8::is_ascii_lowercase).count();
    digits >= 2 || (value.len() >= 16 && upper >= 2 && lower >= 2) || value.len() >= 32
}

/// Names that hold passwords and the like, whatever the value looks like.
const PASSWORDS: &str = r"pass(?:word|wd|phrase)?|pwd|passwort|mysql_pwd|pgpassword|client_?secret|secret_?(?:access_?)?key|private_?key|api_?key|apikey|access_?key|account_?key|encryption_?key|app_?key|app_?secret|secret|cvv|cvc|otp|passcode|credentials?";
/// Names that stand in prose as well: the value must look like a secret.
const TOKENS: &str = r"(?:access_?|refresh_?|id_?|auth_?|api_?|bearer_?|csrf_?|xsrf_?|reset_?|session_?|x_?amz_?security_?)?token|_?csrf|csrfmiddlewaretoken|authenticity_token|session_?id|sess(?:ion)?id|phpsessid|jsessionid|jwt|sig|signature|x_?amz_?(?:signature|credential)|sharedaccesssignature|code_?verifier|auth|session|api_?secret";

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let rule =
        |(signs, pattern, act)| Rule { pattern: behind_escapes(pattern), regex: OnceLock::new(), signs, act };
    patterns().into_iter().map(rule).collect()
});

/// A pattern that begins at a word's edge, so that a word behind an escape of a URL begins there too: `q=key%20AKIA…`.
fn behind_escapes(pattern: String) -> String {
    match pattern.strip_prefix(r"\b") {
        Some(rest) => format!(r"(?P<k>\b|%[0-9A-Fa-f]{{2}})(?:{rest})"),
        None => pattern,
    }
}

/// The rules in the order in which they are applied, from the most certain to the widest.
fn patterns() -> Vec<(u32, String, Act)> {
    let passwords = PASSWORDS.replace('_', "[_-]");
    let tokens = TOKENS.replace('_', "[_-]");
    // A name may have others before it: DB_PASSWORD, user[password], spring.datasource.password.
    let before = r"(?:[\w\-\[.]*[_\-\[.]|(?-i:[a-z][A-Za-z0-9]*[a-z0-9])??)?";
    vec![
        // Private keys, with real line ends or escaped ones; a torn block goes to the end.
        (PRIVATE, r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)".to_owned(), whole),
        // scheme://user:password@host: the password ends at the last @ before the host.
        (URL, r"(?P<k>\b[a-zA-Z][a-zA-Z0-9+.\-]{1,30}://[^\s:/?#@\x22']*:)(?P<v>[^\s/\x22'<>]+)(?P<e>@)".to_owned(), keep_key),
        // Sentry's and others' keys in place of a user.
        (URL, r"(?P<k>\bhttps?://)(?P<v>[0-9a-f]{32})(?P<e>(?::[0-9a-f]{32})?@)".to_owned(), keep_key),
        // Headers: Authorization: Bearer x, Cookie: a=b; c=d, {"cookie":["a=b"]}. Their value ends with its
        // line or its quotes.
        (AUTHORIZATION, r#"(?i)(?P<k>\b(?:proxy-)?authorization\\?["']?\s*(?:=>|[:=])\s*\[?\s*\\?["']?(?:(?:bearer|basic|digest|token|negotiate|aws4-hmac-sha256)\s+)?)(?P<v>[^\s"'\\,;\]}]{4,})"#.to_owned(), keep_password_key),
        (COOKIE, r#"(?i)(?P<k>\b(?:set-)?cookie\\?["']?\s*(?:=>|[:=])\s*\[?\s*\\?["'])(?P<v>[^"'\\\n]{3,})"#.to_owned(), keep_password_key),
        (COOKIE, r"(?i)(?P<k>\b(?:set-)?cookie:\s*)(?P<v>[\w\-.]+=[^\n\x22']+)".to_owned(), keep_key),
        (SCHEME, r#"(?P<k>\b(?i:bearer|basic)\s+)(?P<v>[A-Za-z0-9\-._~+/]{12,}=*)"#.to_owned(), keep_key_if_opaque),
        // Names in quotes: "password":"x", 'password' => 'x', \"password\":\"x\", "password": 12345, and
        // arrays of one.
        (PASSWORD, format!(r#"(?i)(?P<k>\\?["'][\w\-.\[]*?(?:{passwords})\]?\\?["']\s*(?:=>|:|=)\s*\[?\s*\\?["'])(?P<v>(?:[^"'\\\n]|\\[^"'])+)"#), keep_password_key),
        (PASSWORD, format!(r#"(?i)(?P<k>\\?["'][\w\-.\[]*?(?:{passwords})\]?\\?["']\s*(?:=>|:)\s*)(?P<v>\d+)\b"#), keep_key),
        (TOKEN, format!(r#"(?i)(?P<k>\\?["'][\w\-.\[]*?(?:{tokens})\]?\\?["']\s*(?:=>|:|=)\s*\[?\s*\\?["'])(?P<v>(?:[^"'\\\n]|\\[^"'])+)"#), keep_token),
        // Program text, as clients send it around frames: DB_PASSWORD = "x", password := "x", token == 'x', key: str = b"x".
        (PASSWORD, format!(r#"(?i)(?P<k>(?:^|[^\w.\-]|\b){before}(?:{passwords})(?::\s?\w{{1,20}})?\s{{1,{SPACES_MAX}}}:?={{1,3}}\s{{0,{SPACES_MAX}}}[bfru]{{0,2}}\\?["'`])(?P<v>[^"'`\\\n]+)"#), keep_password_key),
        (TOKEN, format!(r#"(?i)(?P<k>(?:^|[^\w.\-]|\b){before}(?:{tokens})(?::\s?\w{{1,20}})?\s{{1,{SPACES_MAX}}}:?={{1,3}}\s{{0,{SPACES_MAX}}}[bfru]{{0,2}}\\?["'`])(?P<v>[^"'`\\\n]+)"#), keep_token),
        // password=x, PGPASSWORD=x, Password=x; &password=x, password: x, --password=x, password="a b",
        // user[password]=x
        (PASSWORD, format!(r#"(?i)(?P<k>(?:^|[^\w.\-]|\b){before}(?:{passwords})\]?=\\?["'])(?P<v>[^"'\\\n]+)"#), keep_password_key),
        (PASSWORD, format!(r#"(?i)(?P<k>(?:^|[^\w\-]|\b){before}(?:{passwords})\]?=)(?P<v>[^\s&;,"'\\<>()\[\]{{}}]+)"#), keep_password_key),
        (PASSWORD, format!(r#"(?i)(?P<k>(?:^|[^\w\-]|\b){before}(?:{passwords}):\s?\\?["']?)(?P<v>[^\s&;,"'\\<>()\[\]{{}}]+)"#), keep_secret_word),
        (TOKEN, format!(r#"(?i)(?P<k>[?&;][\w\-.\[]*?(?:{tokens})\]?=)(?P<v>[^\s&;,"'\\<>()\[\]{{}}]+)"#), keep_parameter),
        (TOKEN, format!(r#"(?i)(?P<k>(?:^|[^\w\-]|\b){before}(?:{tokens})\]?=\\?["']?)(?P<v>[^\s&;,"'\\<>()\[\]{{}}]+)"#), keep_token),
        (TOKEN, format!(r#"(?i)(?P<k>(?:^|[^\w\-]|\b){before}(?:{tokens})\]?:\s?\\?["']?)(?P<v>[^\s&;,"'\\<>()\[\]{{}}]+)"#), keep_key_if_opaque),
        // Trace arguments: PDO->__construct('mysql:host=x', 'user', 'PASS'), mysqli_connect('h', 'u', 'p').
        (CALL, r#"(?P<k>\b(?:PDO(?:->|::)__construct|mysqli?(?:->|::|_)(?:__construct|(?:real_)?connect)|mysqli_real_connect|pg_connect|ldap_bind|createConnection|ftp_login|imap_open)\((?:Object\([\w\\]+\), )?'[^'\n]*', '[^'\n]*', ')(?P<v>[^'\n]+)"#.to_owned(), keep_key),
        // Tokens known by their form.
        (JWT, r"\beyJ[A-Za-z0-9_\-]{6,}\.[A-Za-z0-9_\-]{6,}\.[A-Za-z0-9_\-]*".to_owned(), whole),
        (AWS, r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b".to_owned(), whole),
        (STRIPE, r"\b(?:sk|rk|pk)_(?:live|test)_[0-9A-Za-z*]{8,}".to_owned(), whole),
        (GIT, r"\b(?:gh[pousr]_[0-9A-Za-z]{30,}|github_pat_[0-9A-Za-z_]{30,}|glpat-[0-9A-Za-z_\-]{16,}|npm_[0-9A-Za-z]{30,})".to_owned(), whole),
        (SLACK, r"\bxox[abeoprs]-[0-9A-Za-z\-]{10,}".to_owned(), whole),
        (SLACK, r"\bhttps://hooks\.slack\.com/services/[A-Z0-9]+/[A-Z0-9]+/[0-9A-Za-z]+".to_owned(), whole),
        (GOOGLE, r"\bAIza[0-9A-Za-z_\-]{35}".to_owned(), whole),
        (GOOGLE, r"\bya29\.[0-9A-Za-z_\-]{20,}".to_owned(), whole),
        (SENDGRID, r"\bSG\.[0-9A-Za-z_\-]{16,}\.[0-9A-Za-z_\-]{16,}".to_owned(), whole),
        (MODEL, r"\bsk-(?:proj-|ant-)?[0-9A-Za-z_\-]{20,}".to_owned(), whole),
        (WEBHOOK, r"\b(?:whsec|shpat|shpss)_[0-9A-Za-z]{16,}".to_owned(), whole),
    ]
}

/// `password: x` in prose and YAML: a plain word with another behind it is prose, since messages read
/// `Invalid password: too short`.
fn keep_secret_word(c: &Captures<'_>, rest: &str) -> Option<String> {
    let value = c.name("v").map(|m| m.as_str()).unwrap_or_default();
    let plain = value.bytes().all(|c| c.is_ascii_alphabetic() || matches!(c, b'.' | b'-' | b'\''));
    let goes_on = value.ends_with('.')
        || rest.strip_prefix(' ').is_some_and(|r| r.starts_with(|c: char| c.is_alphabetic() || c == '('));
    // "credential: SQLSTATE[…", "secret: Error:" name the error that follows.
    let names_an_error = value.ends_with("Error")
        || value.ends_with("Exception")
        || value.ends_with(':')
        || value.starts_with("SQLSTATE");
    if (plain && goes_on) || names_an_error { None } else { keep_password_key(c, rest) }
}

/// Program text that a trace quotes (`password=settings.DB_PASSWORD`), and places of files, name no secret.
fn is_expression(value: &str) -> bool {
    const ROOTS: [&str; 22] = [
        "self",
        "this",
        "settings",
        "config",
        "cfg",
        "conf",
        "os",
        "env",
        "req",
        "request",
        "app",
        "params",
        "options",
        "opts",
        "secrets",
        "data",
        "body",
        "args",
        "kwargs",
        "user",
        "current_app",
        "Rails",
    ];
    let root = value.split('.').next().unwrap_or_default();
    let dotted = root.len() < value.len() && ROOTS.contains(&root);
    let path = value.strip_prefix('/').is_some_and(|r| r.contains('/'))
        || value.starts_with("./")
        || value.starts_with("~/");
    dotted || path || value.contains("://")
}

/// The text with secrets replaced by `[scrubbed]`.
pub fn scrub(text: &str) -> Cow<'_, str> {
    let carded = cards(text);
    // Most lines end here, having been read once.
    let Some(signs) = signs(&carded) else { return carded };
    let mut out = carded;
    // A value that was left as a path or an expression may have been so only by a secret inside it, which is gone
    // now: `PWD=/a?token=x7/y2`. What takes a secret's place holds no sign: those seen at first remain all there are.
    for _ in 0..PASSES_MAX {
        let mut changed = false;
        for rule in RULES.iter().filter(|r| r.signs & signs != 0) {
            if let Some(new) = replace(rule, &out) {
                out = Cow::Owned(new);
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    out
}

/// The text after one rule, or `None` if nothing of it was secret.
fn replace(rule: &Rule, text: &str) -> Option<String> {
    let mut out: Option<String> = None;
    let mut done = 0;
    let regex = rule.regex.get_or_init(|| Regex::new(&rule.pattern).ok()).as_ref()?;
    for c in regex.captures_iter(text) {
        let Some(m) = c.get(0) else { continue };
        let Some(new) = (rule.act)(&c, text.get(m.end()..).unwrap_or_default()) else { continue };
        let to = out.get_or_insert_with(|| String::with_capacity(text.len()));
        to.push_str(text.get(done..m.start()).unwrap_or_default());
        to.push_str(&new);
        done = m.end();
    }
    let mut out = out?;
    out.push_str(text.get(done..).unwrap_or_default());
    Some(out)
}

/// Digits of a card: 13 (old Visa) to 19.
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 13..=19;

/// The text with card numbers taken out: 13 to 19 digits, in groups parted by single blanks or hyphens or in
/// one run, that begin as cards do and pass Luhn's check. Runs inside longer words, numbers or hexadecimal
/// ids are none, nor are epoch times.
fn cards(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut out: Option<String> = None;
    let (mut done, mut at) = (0, 0);
    while let Some(step) = bytes.get(at..).and_then(|b| b.iter().position(u8::is_ascii_digit)) {
        let begin = at + step;
        // In a URL a blank is `%20`: its digits are none of the number's.
        if begin > 0 && bytes.get(begin - 1) == Some(&b'%') && is_escape(bytes, begin - 1) {
            at = begin + 2;
            continue;
        }
        let mut end = begin;
        let mut digits = 0;
        let mut number = [0u8; 20];
        let mut i = begin;
        while let Some(&c) = bytes.get(i) {
            match c {
                b'0'..=b'9' => {
                    if let Some(slot) = number.get_mut(digits) {
                        *slot = c - b'0';
                    }
                    digits += 1;
                    i += 1;
                    end = i;
                }
                b' ' | b'-' if bytes.get(i + 1).is_some_and(u8::is_ascii_digit) => i += 1,
                b'%' if bytes.get(i + 1..i + 3) == Some(b"20")
                    && bytes.get(i + 3).is_some_and(u8::is_ascii_digit) =>
                {
                    i += 3;
                }
                _ => break,
            }
        }
        at = end.max(begin + 1);
        let inside = |c: Option<&u8>| {
            c.is_some_and(|c| {
                c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'.' | b':' | b'/' | b'#' | b'+')
            })
        };
        let escaped = begin >= 3 && is_escape(bytes, begin - 3);
        let joined_before = begin > 0 && !escaped && inside(bytes.get(begin - 1));
        let joined_after = matches!(bytes.get(end), Some(c) if c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b':' | b'/'))
            || (bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit));
        if !CARD_DIGITS.contains(&digits) || joined_before || joined_after {
            continue;
        }
        let (Some(number), Some(shown)) = (number.get(..digits), text.get(begin..end)) else { continue };
        if is_card(number, &shown.replace("%20", " ")) {
            let to = out.get_or_insert_with(|| String::with_capacity(text.len()));
            to.push_str(text.get(done..begin).unwrap_or_default());
            to.push_str(PLACEHOLDER);
            done = end;
        }
    }
    match out {
        Some(mut out) => {
            out.push_str(text.get(done..).unwrap_or_default());
            Cow::Owned(out)
        }
        None => Cow::Borrowed(text),
    }
}

/// Does an escape of a URL (`%20`) stand here?
fn is_escape(bytes: &[u8], at: usize) -> bool {
    matches!(bytes.get(at..at + 3), Some([b'%', a, b]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
}

/// Issuer prefix (Visa, Mastercard, American Express, Discover, Diners, JCB, UnionPay), grouping and Luhn's
/// sum.
fn is_card(number: &[u8], shown: &str) -> bool {
    let head = |n: usize| number.iter().take(n).fold(0u32, |v, d| v * 10 + u32::from(*d));
    let len = number.len();
    let issued = match head(1) {
        4 => matches!(len, 13 | 16 | 19),
        5 => (51..=55).contains(&head(2)) && len == 16,
        2 => (2221..=2720).contains(&head(4)) && len == 16,
        3 => {
            (matches!(head(2), 34 | 37) && len == 15)
                || ((300..=305).contains(&head(3)) || matches!(head(2), 36 | 38 | 39)) && len == 14
                || (3528..=3589).contains(&head(4)) && len == 16
        }
        6 => (head(4) == 6011 || matches!(head(2), 64 | 65)) && len == 16 || head(2) == 62 && len >= 16,
        _ => false,
    };
    // Groups are of three digits or more: "4 1 1 …" is a column of numbers, "10 2026 …" a row of a table.
    let grouped = shown.split([' ', '-']).all(|g| g.len() >= 3 || !shown.contains([' ', '-']))
        && shown.split([' ', '-']).count() <= 5;
    let sum = number.iter().rev().enumerate().fold(0u32, |sum, (i, d)| {
        let d = u32::from(*d);
        sum + if i % 2 == 0 {
            d
        } else if d < 5 {
            d * 2
        } else {
            d * 2 - 9
        }
    });
    issued && grouped && sum % 10 == 0
}

/// Does the character act on a terminal or on the order of the text, rather than show as a sign of its own?
/// C0 and C1 controls (but for the tab and the line feed), and the Unicode controls of writing direction.
fn acts(c: char) -> bool {
    match c {
        '\t' | '\n' => false,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => true,
        '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        '\u{2028}' | '\u{2029}' | '\u{feff}' => true,
        _ => false,
    }
}

/// The text with everything that a terminal or a browser would obey (CWE-150: escape sequences, carriage
/// returns, bidirectional overrides) written out: `\x1b`, `\r`, `\u{202e}`. Tabs and line feeds stay.
pub fn visible(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find(acts) else { return Cow::Borrowed(text) };
    let (clean, rest) = text.split_at(first);
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(clean);
    for c in rest.chars() {
        // Writing to a String cannot fail.
        let _ = match c {
            '\r' => out.write_str("\\r"),
            c if !acts(c) => out.write_char(c),
            c if u32::from(c) < 0x100 => write!(out, "\\x{:02x}", u32::from(c)),
            c => write!(out, "\\u{{{:x}}}", u32::from(c)),
        };
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_and_all_around_them_stays() {
        for (text, expected) in [
            // Pairs, query strings, forms.
            ("login password=hunter2 user=bob", "login password=[scrubbed] user=bob"),
            ("GET /export?token=9f86d081884c7d65&page=2 500", "GET /export?token=[scrubbed]&page=2 500"),
            ("GET /reset?token=qwhzkvmdpnrtjl&lang=en", "GET /reset?token=[scrubbed]&lang=en"),
            ("GET /a?x=1&session=winter 500", "GET /a?x=1&session=[scrubbed] 500"),
            // A path but for the secret inside it.
            ("PWD=/srv?token=9f86d081/x", "PWD=[scrubbed][scrubbed]"),
            ("checked token=qwhzkvmdpnrtjl for bob", "checked token=[scrubbed] for bob"),
            ("sig=/aB3d/eF6hIjKl9mNo0pQr", "sig=[scrubbed]"),
            ("token=correct-horse-battery", "token=[scrubbed]"),
            (r#"{"token":"qwhzkvmdpnrtjl"}"#, r#"{"token":"[scrubbed]"}"#),
            ("POST /x?api_key=abc123def&y=1", "POST /x?api_key=[scrubbed]&y=1"),
            ("DB_PASSWORD=S3cr3t! DB_HOST=10.0.0.7", "DB_PASSWORD=[scrubbed] DB_HOST=10.0.0.7"),
            ("--password=abc --host=x", "--password=[scrubbed] --host=x"),
            ("password=\"two words\" x=1", "password=\"[scrubbed]\" x=1"),
            ("user[password]=abc123", "user[password]=[scrubbed]"),
            (
                "Server=db;User Id=sa;Password=P@ss;Encrypt=yes",
                "Server=db;User Id=sa;Password=[scrubbed];Encrypt=yes",
            ),
            (
                "AccountName=x;AccountKey=abc123==;EndpointSuffix=y",
                "AccountName=x;AccountKey=[scrubbed];EndpointSuffix=y",
            ),
            ("client_secret: 8Q~abcdef", "client_secret: [scrubbed]"),
            // Program text, as it stands around frames.
            ("DB_PASSWORD = \"hunter2\"  # prod", "DB_PASSWORD = \"[scrubbed]\"  # prod"),
            ("  self.password = b'hunter2'", "  self.password = b'[scrubbed]'"),
            ("dbPassword := `hunter2`", "dbPassword := `[scrubbed]`"),
            ("if password == 'hunter2':", "if password == '[scrubbed]':"),
            ("password: str = \"hunter2\"", "password: str = \"[scrubbed]\""),
            ("const char *api_key  =  \"abc123def\";", "const char *api_key  =  \"[scrubbed]\";"),
            ("$token = '9f86d081884c7d65';", "$token = '[scrubbed]';"),
            ("  password: hunter\n  user: bob", "  password: [scrubbed]\n  user: bob"),
            ("dbPassword=abc newPassword=def", "dbPassword=[scrubbed] newPassword=[scrubbed]"),
            (
                r#"{"newPassword":"abc","creditCardCvv":159}"#,
                r#"{"newPassword":"[scrubbed]","creditCardCvv":[scrubbed]}"#,
            ),
            // JSON, PHP, Ruby, Python.
            (
                r#"{"user":"bob","password":"hunter2","n":1}"#,
                r#"{"user":"bob","password":"[scrubbed]","n":1}"#,
            ),
            (r#"{\"password\":\"hunter2\",\"n\":1}"#, r#"{\"password\":\"[scrubbed]\",\"n\":1}"#),
            ("'password' => 'hunter2', 'a' => 1", "'password' => '[scrubbed]', 'a' => 1"),
            (r#""password"=>"hunter2", "a"=>"b""#, r#""password"=>"[scrubbed]", "a"=>"b""#),
            ("{'api_key': 'ab12', 'n': 1}", "{'api_key': '[scrubbed]', 'n': 1}"),
            (r#"{"pin":1,"cvv":123,"otp":"445566"}"#, r#"{"pin":1,"cvv":[scrubbed],"otp":"[scrubbed]"}"#),
            (r#"{"access_token":"ya12Fhq9xx"}"#, r#"{"access_token":"[scrubbed]"}"#),
            // Headers.
            ("Authorization: Bearer abcdef0123456789", "Authorization: Bearer [scrubbed]"),
            ("authorization: Basic dXNlcjpwYXNz", "authorization: Basic [scrubbed]"),
            (r#""Authorization":["Bearer abc.def.ghi123"]"#, r#""Authorization":["Bearer [scrubbed]"]"#),
            ("Cookie: sid=abc123; theme=dark", "Cookie: [scrubbed]"),
            (r#"{"cookie":"sid=abc123; theme=dark","a":1}"#, r#"{"cookie":"[scrubbed]","a":1}"#),
            (r#""Set-Cookie":["laravel_session=eyJpdiI6"]"#, r#""Set-Cookie":["[scrubbed]"]"#),
            ("X-Api-Key: 12ab34cd", "X-Api-Key: [scrubbed]"),
            ("JSESSIONID=0A1B2C3D4E5F", "JSESSIONID=[scrubbed]"),
            // URLs.
            ("postgres://store:S3cret@10.0.0.7:5432/shop", "postgres://store:[scrubbed]@10.0.0.7:5432/shop"),
            ("redis://:p@ss@cache:6379/0 refused", "redis://:[scrubbed]@cache:6379/0 refused"),
            (
                "https://0123456789abcdef0123456789abcdef@o1.ingest.sentry.io/2",
                "https://[scrubbed]@o1.ingest.sentry.io/2",
            ),
            // Known forms.
            ("key AKIAIOSFODNN7EXAMPLE used", "key [scrubbed] used"),
            ("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-_123 bad", "token [scrubbed] bad"),
            ("No such key: sk_live_4eC39HqLyjWDarjtT1zdp7dc", "No such key: [scrubbed]"),
            ("ghp_0123456789abcdef0123456789abcdef0123 leaked", "[scrubbed] leaked"),
            ("xoxb-123456789012-abcdef leaked", "[scrubbed] leaked"),
            ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- x", "[scrubbed] x"),
            (r"-----BEGIN PRIVATE KEY-----\nMIIEvQ", "[scrubbed]"),
            // PHP's trace arguments.
            (
                "#0 /srv/Db.php(9): PDO->__construct('mysql:host=db;d...', 'shop', 'hunter2', Array)",
                "#0 /srv/Db.php(9): PDO->__construct('mysql:host=db;d...', 'shop', '[scrubbed]', Array)",
            ),
            (
                "#1 /srv/a.php(3): mysqli_connect('db', 'root', 'toor')",
                "#1 /srv/a.php(3): mysqli_connect('db', 'root', '[scrubbed]')",
            ),
            // Cards.
            ("card 4929-6495-8333-3657 declined", "card [scrubbed] declined"),
            ("pan=4111111111111111", "pan=[scrubbed]"),
            ("amex 3782 822463 10005 x", "amex [scrubbed] x"),
            // A header without a scheme.
            ("Authorization: 9f86d081884c7d65 x", "Authorization: [scrubbed] x"),
            // What a URL escapes parts words too.
            ("GET /a?q=card%204929-6495-8333-3657%20x", "GET /a?q=card%20[scrubbed]%20x"),
            ("GET /a?q=amex%203782%20822463%2010005", "GET /a?q=amex%20[scrubbed]"),
            ("GET /a?q=key%20AKIAIOSFODNN7EXAMPLE%20x", "GET /a?q=key%20[scrubbed]%20x"),
            ("GET /a?q=%22sk_live_4eC39HqLyjWDarjtT1zdp7dc", "GET /a?q=%22[scrubbed]"),
        ] {
            assert_eq!(scrub(text), expected, "{text}");
            assert_eq!(scrub(expected), expected, "twice: {text}");
        }
    }

    #[test]
    fn evidence_stays() {
        for text in [
            "password = os.environ['DB_PASSWORD']",
            "password = read_secret(name)",
            "if password == 'required':",
            "error = f'no password = {name}'",
            "password authentication failed for user \"store\"",
            "FATAL:  password authentication failed for user \"store\" (SQLSTATE 28P01)",
            "secretOrPrivateKey must have a value",
            "JWT_SECRET is not set",
            "Access denied for user 'shop'@'10.0.0.3' (using password: YES)",
            "KeyError: 'PAYMENT_API_KEY'",
            "token rejected",
            "Error: Invalid token '<', \"<html>\" is not valid JSON",
            "SyntaxError: Unexpected token < in JSON at position 0",
            "CSRF token mismatch.",
            "ActionController::InvalidAuthenticityToken",
            "syntax error, unexpected token \"}\", expecting \";\"",
            "Environment variable not found: \"DATABASE_PASSWORD\"",
            "Key path \"file:///srv/oauth-private.key\" does not exist or is not readable",
            "No application encryption key has been specified.",
            "Invalid API Key provided",
            "TokenExpiredError: jwt expired",
            "Error: secret: required",
            "password: must be at least 8 characters",
            "authorization failed: 401 Unauthorized",
            "proxy_set_header Authorization \"\"",
            "Session store not set on request.",
            "session expired",
            "JwtTokenProvider.validateToken(JwtTokenProvider.java:42)",
            "at authenticate (/srv/app/auth/token.js:12:9)",
            "FileNotFoundException: /srv/keys/private.pem",
            "NOAUTH Authentication required.",
            "WRONGPASS invalid username-password pair or user is disabled.",
            "http://203.0.113.9:8080/a@b and mysql:host=db",
            "AuthenticationException: Unable to authenticate user: bob@example.com",
            "key (id)=(7) already exists",
            "duplicate key value violates unique constraint \"users_email_key\"",
            "trace_id=4bf92f3577b34da6a3ce929d0e0e4736 request_id=282b045a-7d93-479f-9ba2-01e03e027007",
            "order 1234567890123456 not found",
            "ts=1795503700735 id=4929649583333657a",
            "RequestId 4111-1111-1111-1111-0000000000",
            "SQLSTATE[HY000] [1045] Access denied for user 'root'@'localhost' (using password: NO)",
            "PDO->__construct(Object(SensitiveParameterValue), 'shop', Object(SensitiveParameterValue))",
            "Undefined array key \"token\" in /srv/a.php:12",
            "{\"password\":\"[FILTERED]\"}",
            "password=*****",
            "cannot read property 'token' of undefined",
            "401 Unauthorized: Token has expired",
            "dsn: missing",
            "upstream: \"fastcgi://unix:/run/php/php8.2-fpm.sock:\", host: \"shop.test\"",
            "basic auth required",
            "pymysql.connect(user=settings.DB_USER, password=settings.DB_PASSWORD)",
            "TTY=pts/6 ; PWD=/auto/build/test ; USER=root",
            "ssl: private_key=/etc/ssl/private/shop.key: no such file",
            "\"proxy_pass\":\"http://10.0.0.7:8080\"",
            "\"Cookie\":[\"REDACTED\"]",
            "dsn=mysql:host=10.0.0.7;dbname=shop",
            "SID=ORCL12 hash=1c635ac04668546a",
            "Invalid password: too short",
            "session=active auth=oauth2 token=invalid",
            "GET /reset?token=undefined 500",
            "auth=BadCredentialsException",
            "session=django.contrib.sessions",
            "token=settings.STRIPE_WEBHOOK_SECRET",
            "Unexpected token: identifierName",
            r#"{"token":"This field is required."}"#,
        ] {
            assert_eq!(scrub(text), text);
        }
        assert!(matches!(scrub("GET /cart/7 500 12ms"), Cow::Borrowed(_)));
    }

    #[test]
    fn every_rule_compiles() {
        for rule in RULES.iter() {
            assert!(Regex::new(&rule.pattern).is_ok(), "{}", rule.pattern);
        }
    }

    /// What the signs spare is only time.
    #[test]
    fn signs_hide_no_secret() {
        let names = [
            "password",
            "pwd",
            "passwort",
            "mysql_pwd",
            "pgpassword",
            "client-secret",
            "secret_access_key",
            "privateKey",
            "api_key",
            "apikey",
            "api-key",
            "access-key",
            "account_key",
            "encryption-key",
            "appkey",
            "app_secret",
            "cvv",
            "cvc",
            "otp",
            "passcode",
            "credentials",
            "accessToken",
            "refresh_token",
            "csrf",
            "authenticity_token",
            "sessionid",
            "session-id",
            "sessid",
            "jsessionid",
            "jwt",
            "sig",
            "signature",
            "x-amz-signature",
            "sharedaccesssignature",
            "codeVerifier",
            "code_verifier",
            "auth",
            "session",
            "apisecret",
            "Authorization",
            "Cookie",
            "set-cookie",
            "Authorization: Bearer",
            "bearer\t",
            "BASIC ",
            "pa\u{17f}\u{17f}word",
            "api_\u{212a}ey",
            "wood",
        ];
        let forms = ["=", ": ", "\": \"", "' => '", "=\"", "\":", "_x="];
        let values = [
            "9f86d081884c7d65",
            "a=b; c=9f86d081884c7d65",
            "sk_test_9f86d081884c7d65",
            "rk_live_9f86d081884c7d65",
            "ghr_9f86d081884c7d659f86d081884c7d65",
            "https://u:9f86d081@h",
            "AKIAABCDEFGHIJKLMNOP",
            "ya29.9f86d081884c7d659f86d081",
            "ldap_bind('a', 'b', 'c')",
            "createConnection('a', 'b', 'c')",
            "shpss_9f86d081884c7d65",
        ];
        for (name, form) in names.iter().flat_map(|n| forms.map(|f| (n, f))) {
            for text in values.map(|v| format!("a token \"{name}{form}{v}\" x")) {
                let mut all = text.clone();
                for rule in RULES.iter() {
                    all = replace(rule, &all).unwrap_or(all);
                }
                assert_eq!(scrub(&text), all, "{text}");
            }
        }
    }

    #[test]
    fn hostile_texts_take_linear_time() {
        for unit in [
            "password",
            "password=",
            "://a:",
            "eyJa.",
            "cookie: a=",
            "\"password\":\"\\",
            "4111 ",
            "-----BEGIN PRIVATE KEY-----",
            "a_",
            "?a",
            "&token=",
            "token=a",
        ] {
            let text = unit.repeat(200_000 / unit.len());
            let once = scrub(&text).into_owned();
            assert_eq!(scrub(&once), once, "{unit}");
        }
    }

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        assert!(matches!(visible("plain\ttext\nnext é"), Cow::Borrowed(_)));
        assert_eq!(visible("\u{1b}]0;pwned\u{7}a\rb\u{0}c"), "\\x1b]0;pwned\\x07a\\rb\\x00c");
        assert_eq!(visible("\u{9b}31m\u{202e}txt\u{2066}"), "\\x9b31m\\u{202e}txt\\u{2066}");
        let all: String = (0..=0x2fffu32).filter_map(char::from_u32).collect();
        assert!(!visible(&all).contains(acts));
    }
}
