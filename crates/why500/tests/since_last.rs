//! `--since-last` through the front door: logs grow, rotate, are cut off and packed between two runs; each failure is told once, with
//! the line of the file in which it stands.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder of logs and a folder of states, which go when the test ends.
struct Site(PathBuf);

impl Site {
    fn new(name: &str) -> Site {
        let path = std::env::temp_dir().join(format!("why500-since-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("logs")).unwrap();
        Site(path)
    }

    fn log(&self, name: &str) -> PathBuf {
        self.0.join("logs").join(name)
    }

    fn append(&self, name: &str, text: &str) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.log(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn run_on(&self, path: &Path, options: &[&str], stdin: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_why500"))
            .args(["explain", "--all-evidence", "--since-last", "--tz", "UTC"])
            .args(if options.contains(&"--format") { &[][..] } else { &["--json"] })
            .args(options)
            .arg(path)
            .env("XDG_STATE_HOME", self.0.join("state"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// A run that must end well.
    fn explain(&self) -> Told {
        let out = self.run_on(&self.0.join("logs"), &[], "");
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(0), "{said}");
        Told(serde_json::from_slice(&out.stdout).unwrap())
    }

    fn state(&self) -> PathBuf {
        let files: Vec<PathBuf> =
            fs::read_dir(self.0.join("state/why500")).unwrap().map(|e| e.unwrap().path()).collect();
        assert_eq!(files.len(), 1, "{files:?}");
        files[0].clone()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A report.
struct Told(Value);

impl Told {
    fn failures(&self) -> u64 {
        self.0["totals"]["failures"].as_u64().unwrap()
    }

    fn lines(&self) -> u64 {
        self.0["totals"]["lines"].as_u64().unwrap()
    }

    /// File and line of all that is shown, in order.
    fn evidence(&self) -> Vec<String> {
        let mut places: Vec<String> = self.0["problems"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|p| p["evidence"].as_array().unwrap())
            .map(|e| format!("{}:{}", e["source"].as_str().unwrap(), e["line"]))
            .collect();
        places.sort();
        places.dedup();
        places
    }

    fn notes(&self) -> String {
        self.0["notes"].to_string()
    }
}

/// A request that nginx could not hand on, in its n-th minute.
fn failed(n: u32) -> String {
    format!(
        "2026/11/28 {:02}:{:02}:13 [error] 7#7: *{n} connect() failed (111: Connection refused) while connecting to upstream, client: 10.0.0.1, server: shop, request: \"GET /cart/{n} HTTP/1.1\", upstream: \"http://127.0.0.1:8080/cart/{n}\", host: \"shop\"\n",
        8 + n / 60,
        n % 60
    )
}

/// A request for whose answer nginx waited in vain: another problem than [`failed`].
fn slow(n: u32) -> String {
    failed(n).replace(
        "connect() failed (111: Connection refused) while connecting to upstream",
        "upstream timed out (110: Connection timed out) while reading response header from upstream",
    )
}

fn all(range: std::ops::Range<u32>) -> String {
    range.map(failed).collect()
}

#[test]
fn what_was_told_is_not_told_again() {
    let site = Site::new("grow");
    site.append("error.log", &all(0..3));
    site.append("quiet.log", "2026-11-28 08:00:00 INFO ready\n");
    let first = site.explain();
    assert_eq!((first.failures(), first.lines()), (3, 4));
    assert!(
        first.notes().contains("First run with --since-last: 2 files were read whole"),
        "{}",
        first.notes()
    );

    site.append("error.log", &all(3..5));
    let second = site.explain();
    assert_eq!((second.failures(), second.lines()), (2, 2));
    assert_eq!(second.evidence(), ["error.log:4"]);
    let note = second.notes();
    assert!(
        note.contains("Only what was written since 20") && note.contains(" UTC was read: 1 of 2 files, "),
        "{note}"
    );

    // Nothing new is no failure of the program.
    let third = site.explain();
    assert_eq!((third.failures(), third.lines()), (0, 0));
    assert!(third.notes().contains("was read: 0 of 2 files, 0 bytes."), "{}", third.notes());
    let page = site.run_on(&site.0.join("logs"), &["--format", "markdown"], "");
    assert!(!String::from_utf8_lossy(&page.stdout).contains("No line was read: name"));
}

#[test]
fn large_files_are_gone_on_with_on_all_cores() {
    let site = Site::new("large");
    let healthy: String = (0..40_000)
        .map(|n| {
            format!(
                "10.0.0.{} - - [28/Nov/2026:{:02}:{:02}:{:02} +0000] \"GET /item/{n} HTTP/1.1\" 200 {} \"-\" \"curl/8.5.0\"\n",
                n % 250,
                8 + n / 3600,
                n / 60 % 60,
                n % 60,
                1000 + n
            )
        })
        .collect();
    let broken =
        "10.0.0.9 - - [28/Nov/2026:20:00:00 +0000] \"GET /cart HTTP/1.1\" 502 157 \"-\" \"curl/8.5.0\"\n";
    site.append("access.log", &format!("{healthy}{broken}"));
    assert_eq!(site.explain().evidence(), ["access.log:40001"]);
    site.append("access.log", &format!("{healthy}{broken}10.0.0.9 - - [28/N"));
    let told = site.explain();
    assert_eq!((told.failures(), told.lines()), (1, 40_001));
    assert_eq!(told.0["totals"]["requests"], 40_001);
    assert_eq!(told.evidence(), ["access.log:80002"]);
    assert!(told.notes().contains("last line of 1 file has no end yet"), "{}", told.notes());
}

#[test]
fn rotation_is_followed() {
    let site = Site::new("rotate");
    site.append("error.log", &all(0..3));
    site.explain();
    site.append("error.log", &failed(3));
    fs::rename(site.log("error.log"), site.log("error.log.1")).unwrap();
    site.append("error.log", &slow(4));
    let told = site.explain();
    assert_eq!((told.failures(), told.lines()), (2, 2));
    assert_eq!(told.evidence(), ["error.log.1:4", "error.log:1"]);

    // Rotated by copying, the file itself cut off.
    site.append("error.log", &all(5..7));
    fs::copy(site.log("error.log"), site.log("error.log.0")).unwrap();
    fs::write(site.log("error.log"), slow(7)).unwrap();
    let told = site.explain();
    assert_eq!(told.failures(), 3);
    assert_eq!(told.evidence(), ["error.log.0:2", "error.log:1"]);
    assert_eq!(site.explain().lines(), 0);
}

#[test]
fn a_file_that_was_cut_off_is_read_from_its_start() {
    let site = Site::new("truncate");
    site.append("error.log", &all(0..4));
    site.explain();
    fs::write(site.log("error.log"), failed(10)).unwrap();
    assert_eq!(site.explain().evidence(), ["error.log:1"]);
    // Cut off, and longer than before already.
    fs::write(site.log("error.log"), all(20..26)).unwrap();
    assert_eq!(site.explain().failures(), 6);
}

#[test]
fn packed_copies_are_read_from_where_the_file_was_read() {
    let site = Site::new("packed");
    site.append("error.log", &all(0..5));
    site.explain();
    site.append("error.log", &failed(5));
    let packed = Command::new("gzip").arg(site.log("error.log")).status().unwrap();
    assert!(packed.success());
    fs::rename(site.log("error.log.gz"), site.log("error.log.1.gz")).unwrap();
    site.append("error.log", &slow(6));
    let told = site.explain();
    assert_eq!(told.failures(), 2);
    assert_eq!(told.evidence(), ["error.log.1.gz:6", "error.log:1"]);

    // It is known now, under any name.
    fs::rename(site.log("error.log.1.gz"), site.log("error.log.2.gz")).unwrap();
    assert_eq!(site.explain().lines(), 0);

    // Another one was never seen.
    site.append("worker.log", &all(30..33));
    assert!(Command::new("gzip").arg(site.log("worker.log")).status().unwrap().success());
    let told = site.explain();
    assert_eq!(told.failures(), 3);
    assert!(told.notes().contains("worker.log.gz: read whole"), "{}", told.notes());
    assert_eq!(site.explain().lines(), 0);
}

#[test]
fn a_torn_line_is_read_when_it_is_whole() {
    let site = Site::new("torn");
    let line = failed(1);
    let (begin, end) = line.split_at(line.len() - 20);
    site.append("error.log", &format!("{}{begin}", failed(0)));
    let first = site.explain();
    assert_eq!((first.failures(), first.lines()), (1, 1));
    assert!(first.notes().contains("The last line of 1 file has no end yet"), "{}", first.notes());
    assert_eq!(site.explain().lines(), 0);
    site.append("error.log", end);
    let told = site.explain();
    assert_eq!((told.failures(), told.lines()), (1, 1));
    assert_eq!(told.evidence(), ["error.log:2"]);
}

#[test]
fn fields_stated_at_the_start_hold_for_what_is_new() {
    let site = Site::new("iis");
    let line = |n: u32, status: u32| format!("2026-11-28 08:00:{n:02} 10.0.0.1 GET /a {status} 12\n");
    site.append(
        "u_ex261128.log",
        &format!(
            "#Software: x\n#Fields: date time c-ip cs-method cs-uri-stem sc-status time-taken\n{}",
            line(1, 200)
        ),
    );
    assert_eq!(site.explain().failures(), 0);
    site.append("u_ex261128.log", &line(2, 503));
    let told = site.explain();
    assert_eq!(told.failures(), 1);
    assert_eq!(told.evidence(), ["u_ex261128.log:4"]);
}

#[test]
fn a_broken_state_is_named_with_what_to_do() {
    let site = Site::new("broken");
    site.append("error.log", &failed(0));
    site.explain();
    let state = site.state();
    let whole = fs::read_to_string(&state).unwrap();
    let lines_too_many = whole.replace("\"lines\":1", "\"lines\":18446744073709551615");
    assert_ne!(lines_too_many, whole);
    for (text, words) in [
        (&whole[..whole.len() / 2], "delete it to read all logs from their start"),
        ("", "delete it"),
        ("{\"files\": []}", "it states no version"),
        ("{\"version\": 1, \"files\": 7}", "delete it"),
        ("{\"version\": 2}", "written by a newer why500"),
        (&lines_too_many, "delete it"),
    ] {
        fs::write(&state, text).unwrap();
        let out = site.run_on(&site.0.join("logs"), &[], "");
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(2), "{text}: {said}");
        assert!(said.contains(words) && said.contains(&state.display().to_string()), "{text}: {said}");
        assert_eq!(fs::read_to_string(&state).unwrap(), text, "a state that is not understood stays");
    }
    fs::remove_file(&state).unwrap();
    assert_eq!(site.explain().failures(), 1);
}

#[test]
fn a_stream_is_read_whole_each_time_and_a_state_may_be_named() {
    let site = Site::new("stream");
    let named = site.0.join("elsewhere/state.json");
    let options = ["--state", named.to_str().unwrap()];
    for _ in 0..2 {
        let out = site.run_on(Path::new("-"), &options, &failed(0));
        let told = Told(serde_json::from_slice(&out.stdout).unwrap());
        assert_eq!(told.failures(), 1);
        assert!(told.notes().contains("(standard input): read whole"), "{}", told.notes());
    }
    site.append("error.log", &failed(0));
    for failures in [1, 0] {
        let out = site.run_on(&site.log("error.log"), &options, "");
        assert_eq!(Told(serde_json::from_slice(&out.stdout).unwrap()).failures(), failures);
    }
    assert!(named.exists() && !site.0.join("state").exists());
}

#[test]
fn runs_at_once_leave_a_whole_state() {
    let site = Site::new("at-once");
    for i in 0..20 {
        site.append(&format!("error{i}.log"), &all(0..4));
    }
    std::thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| site.explain());
        }
    });
    assert_eq!(site.explain().lines(), 0);
    site.state();
}

#[test]
fn what_cannot_be_opened_for_a_while_is_gone_on_with() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::new("rights");
    let rights = |mode| fs::set_permissions(site.log("error.log"), fs::Permissions::from_mode(mode)).unwrap();
    site.append("error.log", &all(0..3));
    site.append("other.log", &failed(20));
    site.explain();
    rights(0);
    site.append("other.log", &failed(21));
    let told = site.explain();
    rights(0o644);
    // Who may read everything has nothing to be told here.
    assert!(told.failures() == 1, "{}", told.notes());
    site.append("error.log", &failed(3));
    assert_eq!(site.explain().evidence(), ["error.log:4"]);
}

#[test]
fn a_file_of_two_names_is_known_by_both() {
    let site = Site::new("links");
    site.append("error.log", &all(0..3));
    fs::hard_link(site.log("error.log"), site.log("current.log")).unwrap();
    site.explain();
    for n in 3..5 {
        site.append("error.log", &failed(n));
        assert_eq!(site.explain().lines(), 2);
    }
}

#[test]
fn a_line_that_rotation_cut_is_read_with_its_rest() {
    let site = Site::new("cut");
    let line = failed(1);
    let (begin, end) = line.split_at(line.len() - 60);
    site.append("error.log", &format!("{}{begin}", failed(0)));
    assert_eq!(site.explain().failures(), 1);
    fs::copy(site.log("error.log"), site.log("error.log.1")).unwrap();
    fs::write(site.log("error.log"), format!("{end}{}", slow(2))).unwrap();
    let told = site.explain();
    assert_eq!(told.failures(), 2);
    assert_eq!(told.evidence(), ["error.log:1", "error.log:2"]);
    assert_eq!(site.explain().lines(), 0);
}
