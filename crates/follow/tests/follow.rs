//! What a server does to its log files, and what must be handed on.

use follow::{Begin, Chunk, Follow, Options, Status};
use record::{SECOND, Time};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

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
