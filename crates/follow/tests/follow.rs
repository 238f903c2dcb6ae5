//! What a server does to its log files, and what must be handed on.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use follow::{Begin, Chunk, Follow, Options, Status};
use record::{SECOND, Time};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("why500-followed-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn append(path: &Path, text: &str) {
    OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

/// Twenty lines that no other file has.
fn lines(of: &str) -> String {
    (0..20).map(|i| format!("{of} line {i}\n")).collect()
}

struct Bench {
    follow: Follow,
    patterns: Vec<String>,
    state: PathBuf,
    options: Options,
    now: Time,
    last: Status,
    notes: Vec<String>,
    started: u32,
}

impl Bench {
    fn new(folder: &Path, pattern: &str, options: Options) -> Bench {
        let patterns = vec![folder.join(pattern).display().to_string()];
        let state = folder.join(".offsets.json");
        let follow = Follow::new(patterns.clone(), state.clone(), options.clone());
        let now = Time::from_secs(1_795_505_800);
        let (last, notes) = (Status::default(), Vec::new());
        Bench { follow, patterns, state, options, now, last, notes, started: 0 }
    }

    fn chunks(&mut self) -> Vec<Chunk> {
        self.now = self.now.plus(SECOND / 5);
        let mut chunks = Vec::new();
        self.last = self.follow.poll(self.now, &mut |c| chunks.push(c));
        self.notes.extend(self.last.notes.iter().map(|n| format!("{}: {}", n.path, n.what)));
        self.started += chunks.iter().filter(|c| c.started).count() as u32;
        chunks
    }

    /// What comes within some polls, confirmed.
    fn read(&mut self, polls: u32) -> String {
        let mut all = Vec::new();
        for _ in 0..polls {
            for chunk in self.chunks() {
                all.extend_from_slice(&chunk.bytes);
                self.follow.confirm(&chunk.place);
            }
        }
        self.follow.save().unwrap();
        String::from_utf8(all).unwrap()
    }

    fn restart(&mut self) {
        self.follow = Follow::new(self.patterns.clone(), self.state.clone(), self.options.clone());
    }
}

fn all() -> Options {
    Options { begin: Begin::All, rescan_us: SECOND, ..Options::default() }
}

/// A file that is silent is not looked at until the system tells of a change; that is as soon as before.
#[test]
fn what_comes_to_a_silent_file_is_read_at_once() {
    let folder = folder("silent");
    let logs = folder.join("logs");
    fs::create_dir_all(logs.join("deep")).unwrap();
    let (log, deep) = (logs.join("app.log"), logs.join("deep").join("real.log"));
    append(&log, &lines("a"));
    append(&deep, &lines("b"));
    #[cfg(unix)]
    std::os::unix::fs::symlink(&deep, folder.join("link.log")).unwrap();
    let mut bench = Bench::new(&folder, "*.log", all());
    bench.patterns.push(log.display().to_string());
    bench.restart();
    bench.read(20);
    let rests = |bench: &mut Bench| assert_eq!(bench.read(20), "");
    rests(&mut bench);
    append(&log, &lines("c"));
    assert_eq!(bench.read(1), lines("c"));
    rests(&mut bench);
    append(&deep, &lines("d"));
    assert_eq!(bench.read(1), lines("d"), "by its link");
    rests(&mut bench);
    fs::rename(&log, logs.join("app.log.1")).unwrap();
    append(&logs.join("app.log.1"), &lines("e"));
    append(&log, &lines("f"));
    assert_eq!(bench.read(2), lines("e") + &lines("f"), "renamed");
    rests(&mut bench);
    append(&log, &lines("g"));
    fs::copy(&log, logs.join("app.log.2")).unwrap();
    fs::rename(logs.join("app.log.2"), logs.join("app.log.1")).unwrap();
    fs::write(&log, lines("h")).unwrap();
    assert_eq!(bench.read(3), lines("g") + &lines("h"), "copied and truncated");
    rests(&mut bench);
    // The folder itself goes and comes.
    fs::rename(&logs, folder.join("gone")).unwrap();
    bench.read(2);
    fs::create_dir_all(&logs).unwrap();
    append(&log, &lines("i"));
    assert_eq!(bench.read(3), lines("i"), "in another folder of its name");
    rests(&mut bench);
    append(&log, &lines("j"));
    assert_eq!(bench.read(1), lines("j"));
    fs::remove_dir_all(folder).unwrap();
}

/// Each as logrotate calls it (`compresscmd`).
#[test]
fn packed_by_any_program_while_nobody_looked() {
    for (program, options, ending) in
        [("gzip", "-9", "gz"), ("zstd", "-q", "zst"), ("xz", "-9", "xz"), ("bzip2", "-9", "bz2")]
    {
        let there = std::process::Command::new(program).arg("--version").output();
        if !there.is_ok_and(|o| o.status.success()) {
            eprintln!("skipped: {program} is not installed");
            continue;
        }
        let folder = folder(ending);
        let log = folder.join("app.log");
        append(&log, &lines("a"));
        let mut bench = Bench::new(&folder, "app.log", all());
        assert_eq!(bench.read(2), lines("a"), "{program}");
        for (live, before, after) in [(true, "b", "c"), (false, "d", "e"), (true, "f", "g")] {
            append(&log, &lines(before));
            let first = folder.join("app.log.1");
            fs::rename(&log, &first).unwrap();
            let _ = fs::remove_file(folder.join(format!("app.log.1.{ending}")));
            let mut pack = std::process::Command::new(program);
            // zstd alone leaves the plain file, until it is told otherwise.
            pack.arg(options).args((program == "zstd").then_some("--rm")).arg(&first);
            assert!(pack.status().unwrap().success(), "{program}");
            assert!(!first.exists(), "{program}");
            append(&log, &lines(after));
            if !live {
                bench.restart();
            }
            assert_eq!(bench.read(4), lines(before) + &lines(after), "{program}: {:?}", bench.notes);
        }
        fs::remove_dir_all(folder).unwrap();
    }
}

/// A zip is not read, and nothing of it is taken for lines.
#[test]
fn a_zip_is_no_log() {
    let folder = folder("zip");
    let log = folder.join("app.log");
    append(&log, &lines("a"));
    let mut bench = Bench::new(&folder, "app.log*", all());
    assert_eq!(bench.read(2), lines("a"));
    fs::remove_file(&log).unwrap();
    fs::write(folder.join("app.log.1.zip"), b"PK\x03\x04 and more that is no text\n").unwrap();
    append(&log, &lines("b"));
    assert_eq!(bench.read(4), lines("b"));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn renamed_and_packed_while_nobody_looked() {
    for (name, truncates) in [("moved", false), ("copied", true)] {
        let folder = folder(name);
        let log = folder.join("app.log");
        append(&log, &lines("a"));
        let mut bench = Bench::new(&folder, "app.log", all());
        assert_eq!(bench.read(2), lines("a"));
        for (live, before, after) in [(true, "b", "c"), (false, "d", "e"), (true, "f", "g")] {
            append(&log, &lines(before));
            let packed = File::create(folder.join(format!("app.log-2026112{before}.gz"))).unwrap();
            fs::rename(folder.join(format!("app.log-2026112{before}.gz")), folder.join("app.log.1.gz"))
                .unwrap();
            let mut out = flate2::write::GzEncoder::new(packed, flate2::Compression::fast());
            out.write_all(&fs::read(&log).unwrap()).unwrap();
            out.finish().unwrap();
            if truncates {
                OpenOptions::new().write(true).truncate(true).open(&log).unwrap();
            } else {
                fs::remove_file(&log).unwrap();
            }
            append(&log, &lines(after));
            if !live {
                bench.restart();
            }
            assert_eq!(bench.read(8), lines(before) + &lines(after), "{name} {before} {:?}", bench.notes);
        }
    }
}

/// One rotated file is kept: of three that were written, the first is deleted by the time it is looked again, and the second stands
/// beside the third.
#[test]
fn rotated_twice_while_nobody_looked_and_one_is_kept() {
    let folder = folder("one-kept");
    let (log, rotated) = (folder.join("app.log"), folder.join("app.log.1"));
    append(&log, &lines("first"));
    let mut bench = Bench::new(&folder, "app.log", all());
    assert_eq!(bench.read(3), lines("first"));
    for now in ["second", "third"] {
        fs::rename(&log, &rotated).unwrap();
        // Times of change are told apart.
        thread::sleep(Duration::from_millis(20));
        append(&log, &lines(now));
    }
    bench.restart();
    assert_eq!(bench.read(20), lines("second") + &lines("third"));
    let _ = fs::remove_dir_all(folder);
}

#[test]
fn a_line_in_two_halves_comes_once_and_one_without_end_comes_in_time() {
    let folder = folder("halves");
    let log = folder.join("app.log");
    append(&log, "one\ntw");
    let mut bench = Bench::new(&folder, "app.log", all());
    assert_eq!(bench.read(2), "one\n");
    append(&log, "o\nthree");
    assert_eq!(bench.read(10), "two\n");
    assert_eq!(bench.read(10), "three");
    append(&log, " more\n");
    assert_eq!(bench.read(2), " more\n");
    bench.restart();
    assert_eq!(bench.read(3), "");
}

#[test]
fn what_was_there_before_the_first_start_is_read_as_asked() {
    for (begin, seen) in
        [(Begin::New, ""), (Begin::Last(20), "old line 19\n"), (Begin::All, lines("old").as_str())]
    {
        let folder = folder("begin");
        let log = folder.join("app.log");
        append(&log, &lines("old"));
        append(&folder.join("app.log.1"), "past\n");
        let mut bench = Bench::new(&folder, "*.log*", Options { begin, ..all() });
        let past = if begin == Begin::All { "past\n" } else { "" };
        assert_eq!(bench.read(2), format!("{past}{seen}"), "{begin:?}");
        append(&log, "new\n");
        // A file that comes later is read from its begin.
        append(&folder.join("other.log"), "first\n");
        assert_eq!(bench.read(8), "new\nfirst\n", "{begin:?}");
    }
}

/// A log that is followed besides: its past was told by the others.
#[test]
fn what_a_pattern_that_is_added_finds_is_read_from_now_on() {
    let folder = folder("added");
    let (log, besides) = (folder.join("access.log"), folder.join("app.log"));
    append(&log, "a\n");
    append(&besides, &lines("old"));
    let mut bench = Bench::new(&folder, "access.log", Options { begin: Begin::Last(1 << 20), ..all() });
    assert_eq!(bench.read(2), "a\n");
    bench.patterns.push(besides.display().to_string());
    bench.restart();
    assert_eq!(bench.read(2), "");
    append(&besides, "new\n");
    append(&log, "b\n");
    assert_eq!(bench.read(2), "b\nnew\n");
}

#[test]
fn what_was_not_confirmed_comes_again_after_a_restart() {
    let folder = folder("confirm");
    let log = folder.join("app.log");
    append(&log, "a\nb\n");
    let mut bench = Bench::new(&folder, "app.log", all());
    assert_eq!(bench.chunks()[0].bytes, b"a\nb\n");
    bench.restart();
    assert_eq!(bench.read(1), "a\nb\n");
    append(&log, "c\n");
    bench.restart();
    assert_eq!(bench.read(1), "c\n");
}

#[test]
fn a_hundred_megabytes_without_a_line_end_are_cut() {
    let folder = folder("long");
    let log = folder.join("app.log");
    let mut file = File::create(&log).unwrap();
    file.write_all(b"before\nhead ").unwrap();
    let block = vec![b'x'; 1 << 20];
    for _ in 0..100 {
        file.write_all(&block).unwrap();
    }
    file.write_all(b" end\nafter\n").unwrap();
    let mut bench = Bench::new(&folder, "app.log", all());
    let (mut text, mut left_out, mut polls) = (String::new(), 0, 0);
    while !text.ends_with("after\n") && polls < 200 {
        text.push_str(&bench.read(1));
        left_out += bench.last.left_out;
        polls += 1;
    }
    assert!(text.starts_with("before\nhead xxx") && text.ends_with("xxx end\nafter\n"), "{}", text.len());
    assert!(text.len() < 80_000, "{}", text.len());
    assert_eq!(left_out, (100 << 20) + 10 - (64 << 10) - (4 << 10));
    assert!((100..110).contains(&polls), "{polls}");
}

#[test]
fn a_thousand_files_come_in_turn_with_few_open() {
    let folder = folder("thousand");
    fs::create_dir(folder.join("deep")).unwrap();
    let name =
        |i: u32| folder.join(if i.is_multiple_of(2) { "deep" } else { "." }).join(format!("app{i}x.log"));
    (0..1000).for_each(|i| append(&name(i), &format!("{i} a\n")));
    append(&folder.join("photo.png"), "no log\n");
    let mut bench = Bench::new(&folder, "", Options { open_max: 40, ..all() });
    assert_eq!(bench.read(2).lines().count(), 1000);
    (0..1000).for_each(|i| append(&name(i), &format!("{i} b\n")));
    // Renamed while it is not held open.
    fs::rename(name(7), folder.join("app7x.log.1")).unwrap();
    append(&name(7), "7 c\n");
    let text = bench.read(4);
    let missing: Vec<u32> = (0..1000).filter(|i| !text.lines().any(|l| l == format!("{i} b"))).collect();
    assert_eq!(text.lines().count(), 1001, "{missing:?} {} {:?}", text.contains("7 c\n"), bench.notes);
    assert!(text.find("7 b\n") < text.find("7 c\n"));
    let open = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    assert!(open < 400, "{open}");
    assert_eq!(bench.last.logs, 1000);
    bench.restart();
    assert_eq!(bench.read(2), "");
    let begun = std::time::Instant::now();
    bench.read(50);
    eprintln!("1,000 idle files: {} us a poll", begun.elapsed().as_micros() / 50);
}

#[cfg(unix)]
#[test]
fn links_are_followed_to_where_they_lead() {
    let folder = folder("links");
    let real = folder.join(".pods");
    fs::create_dir(&real).unwrap();
    append(&real.join("0.log"), &lines("first"));
    let link = folder.join("shop.log");
    std::os::unix::fs::symlink(real.join("0.log"), &link).unwrap();
    let mut bench = Bench::new(&folder, "*.log", all());
    assert_eq!(bench.read(2), lines("first"));
    append(&real.join("0.log"), "last\n");
    append(&real.join("1.log"), &lines("second"));
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(real.join("1.log"), &link).unwrap();
    assert_eq!(bench.read(4), format!("last\n{}", lines("second")));
    assert_eq!(bench.started, 2);
}

#[test]
fn a_state_that_is_none_is_set_aside() {
    let folder = folder("state");
    append(&folder.join("app.log"), "a\n");
    fs::write(folder.join(".offsets.json"), "{\"version\": 1, \"fil").unwrap();
    let mut bench = Bench::new(&folder, "app.log", all());
    assert_eq!(bench.read(1), "a\n");
    assert!(bench.notes[0].contains("holds no offsets") && bench.notes[0].contains("set aside"));
    assert!(folder.join(".offsets.unusable").exists());
}

#[cfg(unix)]
#[test]
fn the_journal_is_read_on_behind_its_cursor() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder("journal");
    let program = folder.join("journalctl");
    // Writes the entry after the cursor, or the first, and ends.
    let script = "#!/bin/sh\nfor a in \"$@\"; do case $a in --after-cursor=s=*) n=${a#--after-cursor=s=};; esac; done\n\
                  n=$((${n:-0} + 1))\necho \"{\\\"__CURSOR\\\":\\\"s=$n\\\",\\\"MESSAGE\\\":\\\"m$n\\\"}\"\necho gone >&2\nexit 3\n";
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut bench = Bench::new(&folder, "none.log", Options { journal: Some(program), ..all() });
    let (mut text, mut restarted) = (String::new(), false);
    for _ in 0..400 {
        text.push_str(&bench.read(1));
        thread::sleep(Duration::from_millis(5));
        if text.lines().count() == 2 && !std::mem::replace(&mut restarted, true) {
            bench.restart();
        }
        if text.lines().count() >= 4 {
            break;
        }
    }
    let cursors: Vec<&str> = text.lines().map(|l| &l[13..16]).collect();
    assert_eq!(cursors[..4], ["s=1", "s=2", "s=3", "s=4"], "{:?}", bench.notes);
    assert!(bench.notes[0].contains("ended (exit status: 3) gone; it is begun anew"), "{:?}", bench.notes);
}
