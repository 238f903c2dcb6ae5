//! A folder of all that a reader of logs may meet (`tests/hostile/make`): bombs, loops, dumps, torn and moving files. In through the
//! front door: the program must end well, say what was odd about each, and stay small.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// What all of it may take.
const PEAK_MIB_MAX: i64 = 256;
/// On a slow machine, in a debug build.
const SECONDS_MAX: u64 = 120;
/// A user without rights, on every system.
const NOBODY: u32 = 65_534;

/// What the folder takes where each small file takes a page of its own, with room to spare.
const ROOM_BYTES: u64 = 2 << 30;

fn free_bytes(path: &Path) -> u64 {
    let Ok(name) = std::ffi::CString::new(path.as_os_str().as_encoded_bytes()) else { return 0 };
    // SAFETY: plain data that statvfs fills in, and a string that ends in NUL.
    unsafe {
        let mut found: libc::statvfs = std::mem::zeroed();
        match libc::statvfs(name.as_ptr(), &mut found) {
            0 => found.f_bavail as u64 * found.f_frsize as u64,
            _ => 0,
        }
    }
}

/// A folder that goes when the test ends, well or not.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        // A hundred thousand files take half a minute on some disks and a second in memory.
        let memory = Path::new("/dev/shm");
        let place = if free_bytes(memory) > ROOM_BYTES { memory.to_owned() } else { std::env::temp_dir() };
        let path = place.join(format!("why500-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder without rights cannot be emptied by its owner.
        let _ = Command::new("chmod").args(["-R", "u+rwX"]).arg(&self.0).output();
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What became of a run.
struct Run {
    code: Option<i32>,
    peak_mib: i64,
    stdout: Vec<u8>,
    stderr: String,
}

impl Run {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.stdout).unwrap()
    }
}

/// Waits for a child; its exit status and the most memory it held.
fn wait(child: &Child) -> (Option<i32>, i64) {
    let mut status = 0;
    // SAFETY: both are plain data that wait4 fills in; the pid is that of a child nobody waited for.
    let (pid, usage) = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        (libc::wait4(child.id() as libc::pid_t, &mut status, 0, &mut usage), usage)
    };
    assert_eq!(pid, child.id() as libc::pid_t);
    (libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status)), usage.ru_maxrss / 1024)
}

fn explain(logs: &Path, format: &str, uid: Option<u32>, place: &Path) -> std::io::Result<Run> {
    let (out, err) = (place.join("stdout"), place.join("stderr"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_why500"));
    command.args(["explain", "--tz", "UTC", "--format", format]).arg(logs).env("LC_ALL", "C.UTF-8");
    command.stdout(File::create(&out)?).stderr(File::create(&err)?);
    if let Some(uid) = uid {
        command.uid(uid).gid(uid);
    }
    let child = command.spawn()?;
    let (code, peak_mib) = wait(&child);
    let stderr = String::from_utf8_lossy(&fs::read(err)?).into_owned();
    Ok(Run { code, peak_mib, stdout: fs::read(out)?, stderr })
}

/// What must be said of each file, by the end of its path.
const SAID: &[(&str, &str)] = &[
    ("long/line.log", "1 line longer than 256 KiB"),
    ("bomb/zeros.log.gz", "binary data, not a log"),
    ("bomb/access.log.gz", "unpacks to more than 500 times its size"),
    ("bomb/access.log.bz2", "unpacks to more than 500 times its size"),
    ("bomb/access.log.xz", "1 line longer than 256 KiB"),
    ("bomb/zeros.log.xz", "binary data, not a log"),
    ("bomb/nested.tar.gz:var/log/access.log.gz", "unpacks to more than 500 times its size"),
    ("bomb/nested.tar.gz", "unpacks to more than 500 times its size"),
    ("bomb/member.tar.gz", "unpacks to more than 500 times its size"),
    ("bomb/name.tar.gz", "name or attributes are longer than any file's"),
    ("bomb/nested.zip:access.log.gz", "unpacks to more than 500 times its size"),
    ("bomb/in-zip.zip:inner.zip", "larger than 36 MiB"),
    ("bomb/deep.log.gz", "packed more than 4 times over"),
    ("binary.log", "binary data, not a log"),
    ("torn.log.gz", "broken gzip data"),
    ("text/utf16-le.log", "written in UTF-16"),
    ("text/utf16-be.log", "written in UTF-16"),
    ("text/utf16.log.gz", "written in UTF-16"),
    ("text/nuls.log", "NUL bytes from line 2"),
    ("text/invalid-utf8.log", "invalid UTF-8 from line 2"),
    ("text/deep.json.log", "nested more than 128 deep"),
    ("text/dates.log", "times before 1970 or after 2199 from line 2"),
    ("text/escapes.log", "escape sequences were removed from 3 lines"),
];

/// What the notes must say of what was not opened at all.
const NOTED: &[&str] = &[
    "fifo.log: neither file nor folder",
    "loop/self.log: cannot be opened (Too many levels of symbolic links",
    "loop/deep/up: a link back to a folder it lies in",
    "loop/dangling.log: cannot be opened",
];

/// Files read to their last line, whatever stood between: the failures that they hold.
const READ: &[(&str, u64)] = &[
    ("long/line.log", 3),
    ("secret/readable.log", 40),
    ("bomb/access.log.gz", 41),
    ("text/utf16-le.log", 40),
    ("text/utf16.log.gz", 40),
    ("text/nuls.log", 3),
    ("text/invalid-utf8.log", 3),
    ("text/deep-pretty.json.log", 100_002),
    ("many/099/req-0999.log", 1),
];

fn source<'a>(report: &'a Value, path: &str) -> &'a Value {
    let list = report["sources"].as_array().unwrap();
    list.iter().find(|s| s["path"] == path).unwrap_or_else(|| panic!("{path} is not in the report"))
}

fn faults(report: &Value, closed: bool) -> Vec<String> {
    let mut faults = Vec::new();
    let notes: Vec<&str> = report["notes"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let mut said: Vec<(&str, &str)> = SAID.to_vec();
    let mut noted = NOTED.to_vec();
    if closed {
        said.push(("secret/unreadable.log", "cannot be opened (Permission denied"));
        noted.push("secret/closed: folder cannot be read (Permission denied");
    }
    for (path, words) in said {
        let trouble = source(report, path)["trouble"].as_str().unwrap_or("nothing");
        if !trouble.contains(words) {
            faults.push(format!("{path}: says {trouble}, should say {words}"));
        }
    }
    for words in noted {
        if !notes.iter().any(|n| n.contains(words)) {
            faults.push(format!("no note says {words}"));
        }
    }
    for (path, lines) in READ {
        let read = &source(report, path)["lines"];
        if read != *lines {
            faults.push(format!("{path}: {read} lines read of {lines}"));
        }
    }
    // Numbers that fit nowhere are no lines of any format.
    let numbers = source(report, "text/numbers.log");
    if numbers["lines"].as_u64() <= numbers["parsed"].as_u64() {
        faults.push("text/numbers.log: all understood".into());
    }
    faults
}

#[test]
fn a_hostile_folder_is_read_within_bounds_and_each_oddity_is_named() {
    let place = Folder::new("hostile");
    let logs = place.0.join("logs");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/hostile/make");
    let made = match Command::new("python3").arg(script).arg(&logs).output() {
        Ok(made) => made,
        // A machine without Python builds and runs the program all the same.
        Err(e) => return eprintln!("skipped: python3 cannot be run ({e})"),
    };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));

    // Who is root reads everything: then the program runs as nobody.
    let root = File::open(logs.join("secret/unreadable.log")).is_ok();
    let uid = root.then_some(NOBODY);
    let closed =
        !root || explain(&logs.join("empty.log"), "json", uid, &place.0).is_ok_and(|r| r.code == Some(3));
    let uid = uid.filter(|_| closed);

    for format in ["json", "html", "terminal"] {
        if format == "terminal" {
            // Of a hundred thousand files it shows eight: twice is enough.
            fs::remove_dir_all(logs.join("many")).unwrap();
        }
        let began = Instant::now();
        let run = explain(&logs, format, uid, &place.0).unwrap();
        let took = began.elapsed().as_secs();
        eprintln!("{format}: peak {} MiB, {took} s", run.peak_mib);
        assert_eq!(run.code, Some(0), "{format}: {}", run.stderr);
        assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
        assert!(run.peak_mib < PEAK_MIB_MAX, "{format}: {} MiB", run.peak_mib);
        assert!(took < SECONDS_MAX, "{format}: {took} s");
        let text = String::from_utf8(run.stdout.clone()).unwrap();
        if format == "json" {
            let faults = faults(&run.json(), closed);
            assert!(faults.is_empty(), "\n{}", faults.join("\n"));
        } else {
            for words in [
                "1 line longer than",
                "unpacks to more than",
                "UTF-16",
                "invalid UTF-8",
                "broken gzip",
                "NUL bytes",
            ] {
                assert!(text.contains(words), "{format} does not say: {words}");
            }
            assert!(!text.contains('\u{1b}'), "{format}: an escape sequence came through");
        }
    }
}

/// Logs rotate as they are read: by rename, and by copy and truncation.
#[test]
fn files_that_are_rotated_and_truncated_meanwhile_end_in_a_sane_report() {
    let place = Folder::new("moving");
    let logs = place.0.join("logs");
    fs::create_dir_all(&logs).unwrap();
    let text: String = (0..20_000)
        .map(|i| {
            let status = if i % 100 == 0 { 502 } else { 200 };
            format!("203.0.113.{} - - [24/Nov/2026:07:{:02}:{:02} +0000] \"GET /cart/{i} HTTP/1.1\" {status} 157 \"-\" \"curl/8.5\"\n", i % 250, i / 60 % 60, i % 60)
        })
        .collect();
    let path = |name: &str| logs.join(name);
    for name in ["access.log", "access.log.1", "truncated.log"] {
        fs::write(path(name), &text).unwrap();
    }
    let stop = Arc::new(AtomicBool::new(false));
    let mover = {
        let (stop, text, logs) = (Arc::clone(&stop), text.clone(), logs.clone());
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let _ = fs::rename(logs.join("access.log"), logs.join("access.log.1"));
                let _ = fs::write(logs.join("access.log"), &text);
                if let Ok(mut f) = File::create(logs.join("truncated.log")) {
                    let _ = f.write_all(&text.as_bytes()[..text.len() / 2]);
                }
            }
        })
    };
    for _ in 0..12 {
        let run = explain(&logs, "json", None, &place.0).unwrap();
        assert!(matches!(run.code, Some(0 | 3)), "{:?}: {}", run.code, run.stderr);
        assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
        let report = run.json();
        let failures = report["totals"]["failures"].as_u64().unwrap();
        assert!(failures <= 600, "{failures} failures of 600");
    }
    stop.store(true, Ordering::Relaxed);
    mover.join().unwrap();
}
