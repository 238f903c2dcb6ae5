//! What must hold for any logs, tried on those of the incidents in the tree, through the front door: the order of files, where a log
//! was rotated and how many hops wrote a request down do not change what is said; secrets are in no output.

#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Random numbers that are the same in each run (SplitMix64, Steele et al. 2014).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }

    fn shuffle<T>(&mut self, list: &mut [T]) {
        for i in (1..list.len()).rev() {
            list.swap(i, self.below(i + 1));
        }
    }
}

/// Seeds are said in failures; `WHY500_SEED` tries others.
fn seed() -> u64 {
    std::env::var("WHY500_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(500)
}

/// A folder that goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("why500-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The folders of logs of all incidents in the tree.
fn incidents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut list: Vec<PathBuf> =
        fs::read_dir(root.join("tests/cases")).unwrap().flatten().map(|e| e.path().join("logs")).collect();
    list.push(root.join("examples/checkout-502/logs"));
    list.retain(|p| p.is_dir());
    list.sort();
    assert!(list.len() >= 20);
    list
}

/// Its files, as paths within it.
fn files(logs: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![logs.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().flatten().map(|e| e.path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(logs).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

fn copy(logs: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    for f in files(logs) {
        fs::create_dir_all(to.join(&f).parent().unwrap()).unwrap();
        fs::copy(logs.join(&f), to.join(&f)).unwrap();
    }
}

fn run(folder: &Path, format: &str, paths: &[PathBuf]) -> String {
    let out = Command::new(env!("CARGO_BIN_EXE_why500"))
        .current_dir(folder)
        .args(["explain", "--tz", "UTC", "--format", format])
        .args(paths)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(matches!(out.status.code(), Some(0 | 3)), "{}: {errors}", folder.display());
    String::from_utf8(out.stdout).unwrap()
}

/// What a report says, apart from its evidence: the requests that failed, and each problem with its verdict and counts.
#[derive(Debug, PartialEq)]
struct Said {
    failures: Value,
    problems: Vec<String>,
}

fn said(folder: &Path, paths: &[PathBuf]) -> Said {
    let report: Value = serde_json::from_str(&run(folder, "json", paths)).unwrap();
    let mut problems: Vec<String> = report["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| {
            let v = &p["verdict"];
            format!(
                "{} {}/{} at {} {} times, {}",
                p["id"], v["class"], v["cause"], v["culprit"], p["count"], p["statuses"]
            )
        })
        .collect();
    problems.sort();
    Said { failures: report["totals"]["failures"].clone(), problems }
}

fn here() -> Vec<PathBuf> {
    vec![PathBuf::from(".")]
}

fn name(logs: &Path) -> String {
    logs.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned()
}

fn report(faults: &[String]) {
    assert!(faults.is_empty(), "seed {}: {} faults\n{}", seed(), faults.len(), faults.join("\n"));
}

fn difference(was: &Said, is: &Said) -> String {
    let only = |a: &Said, b: &Said| {
        let list: Vec<_> = a.problems.iter().filter(|p| !b.problems.contains(p)).cloned().collect();
        list.join("\n      ")
    };
    format!(
        "{} failures, now {}\n    - {}\n    + {}",
        was.failures,
        is.failures,
        only(was, is),
        only(is, was)
    )
}

#[test]
fn any_order_of_files_gives_the_same_problems() {
    let mut dice = Dice(seed());
    let mut faults = Vec::new();
    for logs in incidents() {
        let mut paths = files(&logs);
        let was = said(&logs, &here());
        for _ in 0..3 {
            dice.shuffle(&mut paths);
            let is = said(&logs, &paths);
            if is != was {
                faults.push(format!("{} {paths:?}: {}", name(&logs), difference(&was, &is)));
            }
        }
    }
    report(&faults);
}

/// A log is cut at any byte, as logrotate's `copytruncate` does.
#[test]
fn a_log_rotated_at_any_byte_gives_the_same_failures() {
    let place = Folder::new("split");
    let mut dice = Dice(seed() + 1);
    let mut faults = Vec::new();
    for logs in incidents() {
        let was = said(&logs, &here());
        copy(&logs, &place.0);
        for file in files(&logs) {
            let bytes = fs::read(logs.join(&file)).unwrap();
            if bytes.len() < 2 || file.extension().is_some_and(|e| e == "gz") {
                continue;
            }
            let (young, old) = (place.0.join(&file), place.0.join(format!("{}.1", file.display())));
            let at = 1 + dice.below(bytes.len() - 1);
            fs::write(&old, &bytes[..at]).unwrap();
            fs::write(&young, &bytes[at..]).unwrap();
            let is = said(&place.0, &here());
            if is != was {
                faults.push(format!(
                    "{} {} cut at byte {at} of {}: {}",
                    name(&logs),
                    file.display(),
                    bytes.len(),
                    difference(&was, &is)
                ));
            }
            fs::remove_file(&old).unwrap();
            fs::write(&young, &bytes).unwrap();
        }
    }
    report(&faults);
}

/// Another proxy in front wrote the same requests, in its own layout, a moment later and with its own latencies.
#[test]
fn a_second_hop_does_not_double_the_failures() {
    let place = Folder::new("hop");
    let mut dice = Dice(seed() + 2);
    let mut faults = Vec::new();
    let mut tried = 0;
    for logs in incidents() {
        let Some(access) = files(&logs).into_iter().find(|f| f.ends_with("nginx/access.log")) else {
            continue;
        };
        let text = fs::read_to_string(logs.join(&access)).unwrap();
        let Some(outer) = second_hop(&text, &mut dice) else { continue };
        tried += 1;
        copy(&logs, &place.0);
        fs::create_dir_all(place.0.join("edge")).unwrap();
        fs::write(place.0.join("edge/access.log"), outer).unwrap();
        let (was, is) = (said(&logs, &here()), said(&place.0, &here()));
        // The outermost log dates a failure: moved by a second, one may be joined to the error of its neighbour.
        let verdicts = |s: &Said| -> Vec<String> {
            s.problems.iter().map(|p| p.split(" at ").next().unwrap_or("").to_owned()).collect()
        };
        if is.failures != was.failures || verdicts(&is) != verdicts(&was) {
            faults.push(format!("{}: {}", name(&logs), difference(&was, &is)));
        }
    }
    assert!(tried >= 5, "{tried} incidents have an access log in the combined layout");
    report(&faults);
}

/// Lines in the combined layout as Apache's `vhost_combined` with a duration has them, 0 to 1 s later. `None` for other layouts.
fn second_hop(text: &str, dice: &mut Dice) -> Option<String> {
    let mut out = String::new();
    for line in text.lines() {
        let (head, rest) = line.split_once('[')?;
        let (stamp, rest) = rest.split_once(']')?;
        let [client, "-", _user] = head.split_whitespace().collect::<Vec<_>>()[..] else { return None };
        // `rest` begins with the request line, then status and size; what a layout adds behind them is its own.
        let quoted = rest.split('"').collect::<Vec<_>>();
        let [_, request, numbers, _referer, _, agent, ..] = quoted[..] else { return None };
        let later = if dice.below(3) == 0 { next_second(stamp)? } else { stamp.to_owned() };
        let took_us = dice.below(900_000);
        out.push_str(&format!(
            "www.example.org:443 {client} - - [{later}] \"{request}\"{numbers}\"-\" \"{agent}\" {took_us}\n"
        ));
    }
    Some(out)
}

/// `24/Nov/2026:07:00:09 +0000` as `24/Nov/2026:07:00:10 +0000`; the last second of a minute stays.
fn next_second(stamp: &str) -> Option<String> {
    let (clock, zone) = stamp.split_once(' ')?;
    let (minute, second) = clock.rsplit_once(':')?;
    let second: u32 = second.parse().ok()?;
    Some(format!("{minute}:{:02} {zone}", (second + 1).min(59)))
}

/// Secrets of each kind, as text with the secret between `«` and `»`. Headers, calls and connection strings stand in messages only …
const WRITTEN: &[&str] = &[
    "Cookie: «sid=abc123Zq; theme=dark»",
    "PDO->__construct('mysql:host=db;d...', 'shop', '«hunter3Zq»', Array)",
];
/// … a plain word is a secret in a URL only …
const ASKED: &[&str] = &["session=«winterZq»"];
/// … and these are wherever they stand.
const ANYWHERE: &[&str] = &[
    "password=«hunter2Zq»",
    "token=«9f86d081884c7d65»",
    "token=«qwhzkvmdpnrtjl»",
    "api_key=«abc123defZq»",
    "client_secret: «8Q~abcdefZq»",
    "X-Api-Key: «12ab34cdZq»",
    "JSESSIONID=«0A1B2C3D4E5F»",
    "--password=«abcZqx» --host=x",
    "user[password]=«abc123Zqw»",
    "Server=db;User Id=sa;Password=«P@ssZq»;Encrypt=yes",
    "AccountName=x;AccountKey=«abc123Zq==»;EndpointSuffix=y",
    "Authorization: Bearer «abcdef0123456789»",
    "authorization: Basic «dXNlcjpwYXNz»",
    "postgres://store:«S3cretZq»@10.0.0.7:5432/shop",
    "redis://:«p@ssZq»@cache:6379/0 refused",
    "https://«0123456789abcdef0123456789abcdef»@o1.ingest.sentry.io/2",
    "key «AKIAIOSFODNN7EXAMPLE» used",
    "bad «eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-_123»",
    "No such key: «sk_live_4eC39HqLyjWDarjtT1zdp7dc»",
    "«ghp_0123456789abcdef0123456789abcdef0123» leaked",
    "«xoxb-123456789012-abcdef» leaked",
    "card «4929-6495-8333-3657» declined",
    "pan=«4111111111111111»",
];

/// Each secret is written where logs have them: in the URL of a failing request, a header, an error's message, a field, a trace.
#[test]
fn scrubbed_secrets_are_in_no_output() {
    let place = Folder::new("secrets");
    let bare = |s: &str| s.replace(['«', '»'], "");
    let secret = |s: &str| s.split_once('«').unwrap().1.split_once('»').unwrap().0.to_owned();
    let json = |s: &str| serde_json::to_string(s).unwrap();
    let (mut access, mut error, mut app, mut java) =
        (String::new(), String::new(), String::new(), String::new());
    let kinds: Vec<&str> = [WRITTEN, ASKED, ANYWHERE].concat();
    for (i, kind) in kinds.iter().enumerate() {
        let (text, clock) = (bare(kind), format!("07:{:02}:{:02}", i / 6, i % 6 * 10));
        let url = if WRITTEN.contains(kind) { String::new() } else { text.replace(' ', "%20") };
        let text = if ASKED.contains(kind) { String::new() } else { text };
        let target = format!("/pay/{i}?x=1&{url}");
        access.push_str(&format!("203.0.113.{i} - - [24/Nov/2026:{clock} +0000] \"GET {target} HTTP/1.1\" 500 157 \"https://shop.example/?{url}\" \"{text}\"\n"));
        error.push_str(&format!("2026/11/24 {clock} [error] 31#31: *{i} FastCGI sent in stderr: \"PHP message: PHP Fatal error:  Uncaught PDOException: SQLSTATE[HY000] [2002] Connection refused with {text} in /srv/pay{i}.php:{i}\nStack trace:\n#0 /srv/pay.php(3): connect({text})\n#1 {{main}}\n  thrown in /srv/pay{i}.php on line {i}\" while reading response header from upstream, client: 203.0.113.{i}, server: shop, request: \"GET {target} HTTP/1.1\", upstream: \"fastcgi://127.0.0.1:9000\", host: \"shop\"\n"));
        app.push_str(&format!("{{\"time\":\"2026-11-24T{clock}Z\",\"level\":\"error\",\"method\":\"GET\",\"url\":{},\"status\":500,\"msg\":{},\"detail\":{},\"headers\":[{}],\"err\":{{\"type\":\"Error\",\"message\":{},\"stack\":{}}}}}\n", json(&target), json(&text), json(&text), json(&text), json(&format!("connect ECONNREFUSED {text}")), json(&format!("Error: {text}\n    at pay (/srv/pay{i}.js:{i}:1)"))));
        java.push_str(&format!("2026-11-24 {clock},500 ERROR [http-{i}] c.s.Pay - {text}\njava.lang.IllegalStateException: {text}\n\tat shop.Pay.go(Pay.java:{i})\nCaused by: java.net.ConnectException: {text}\n\tat shop.Net.go(Net.java:{i})\n"));
    }
    let formats = ["json", "terminal", "markdown", "html", "sarif", "junit"];
    let mut faults = Vec::new();
    let mut look = |what: &str| {
        for format in formats {
            let mut options = here();
            options.push("--all-evidence".into());
            let text = run(&place.0, format, &options);
            for kind in &kinds {
                let secret = secret(kind);
                let forms =
                    [secret.clone(), json(&secret).trim_matches('"').to_owned(), secret.replace(' ', "%20")];
                if let Some(at) = forms.iter().find_map(|s| text.find(s.as_str())) {
                    let from = text.floor_char_boundary(at.saturating_sub(80));
                    let to = text.ceil_char_boundary((at + 40).min(text.len()));
                    faults.push(format!("{what}, {format}: {kind}: {:?}", &text[from..to]));
                }
            }
        }
    };
    for (name, text) in
        [("access.log", &access), ("error.log", &error), ("app.json.log", &app), ("java.log", &java)]
    {
        fs::write(place.0.join(name), text).unwrap();
        look(name);
        fs::remove_file(place.0.join(name)).unwrap();
    }
    for (name, text) in
        [("access.log", &access), ("error.log", &error), ("app.json.log", &app), ("java.log", &java)]
    {
        fs::write(place.0.join(name), text).unwrap();
    }
    look("all");
    report(&faults);
}
