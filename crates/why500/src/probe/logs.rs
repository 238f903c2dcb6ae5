//! What the server wrote into its logs while it failed one request: the lines that are new since just before.

use super::served::Served;
use crate::explain::{self, Usage};
use crate::scratch::Scratch;
use ::probe::checks;
use ::probe::explore::Exchange;
use diagnosis::{Problem, Recogniser, Source};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// Bytes of one log that one request may have caused; a trace has some kilobytes.
const NEW_BYTES_MAX: u64 = 4 << 20;
/// Files that are watched; a folder of more is no folder of logs.
const FILES_MAX: usize = 2_000;
/// Folders within folders.
const DEPTH_MAX: usize = 6;
/// A log that is written behind the answer is waited for so long: buffered ones are late by a flush, not by seconds.
const WAIT: Duration = Duration::from_millis(400);
/// Between two looks at their sizes.
const STEP: Duration = Duration::from_millis(4);
/// Nothing more came for so long: it is all there.
const QUIET: Duration = Duration::from_millis(16);
/// The file in which the requests that were sent stand, among the lines of the logs.
const OWN: &str = "probe";
/// The file in which an answer's body stands.
const BODY: &str = "answer.log";

/// Logs that are watched.
pub struct Logs {
    roots: Vec<PathBuf>,
    /// A server that reads them, too.
    served: Option<Served>,
    /// Size and lines so far.
    seen: HashMap<PathBuf, (u64, u64)>,
    /// The same when watching began.
    began: HashMap<PathBuf, (u64, u64)>,
    recogniser: Recogniser,
    zone: jiff::tz::TimeZone,
    stop: Arc<AtomicBool>,
}

impl Logs {
    /// Watches these files and folders; none: only answers' bodies are read.
    ///
    /// # Errors
    /// One is not there, or the signatures cannot be read.
    pub fn watch(
        roots: &[PathBuf],
        served: Option<Served>,
        zone: jiff::tz::TimeZone,
        stop: Arc<AtomicBool>,
    ) -> Result<Logs, Usage> {
        for r in roots {
            std::fs::metadata(r).map_err(|e| Usage(format!("--logs {}: {e}", r.display())))?;
        }
        let recogniser = Recogniser::new(&[]).map_err(Usage)?;
        let (seen, began) = Default::default();
        let mut logs = Logs { roots: roots.to_vec(), served, seen, began, recogniser, zone, stop };
        logs.mark();
        logs.began.clone_from(&logs.seen);
        Ok(logs)
    }

    /// Are there any?
    pub fn any(&self) -> bool {
        !self.roots.is_empty()
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut out = Vec::new();
        for r in &self.roots {
            gather(r, 0, &mut out);
        }
        out
    }

    /// Takes note of where the logs end now.
    pub fn mark(&mut self) {
        for path in self.files() {
            let size = std::fs::metadata(&path).map_or(0, |m| m.len());
            let (from, lines) = self.seen.get(&path).copied().filter(|(at, _)| *at <= size).unwrap_or((0, 0));
            let more = if size > from { count_lines(&path, from, size).unwrap_or(0) } else { 0 };
            self.seen.insert(path, (size, lines + more));
        }
    }

    /// What was written into the logs since they are watched.
    pub fn sources(&mut self) -> Vec<Source> {
        self.mark();
        let new = |(path, (size, lines)): (&PathBuf, &(u64, u64))| {
            let (from, before) = self.began.get(path).copied().unwrap_or_default();
            Source {
                path: path.display().to_string(),
                format: "new lines".to_owned(),
                lines: lines.saturating_sub(before),
                parsed: lines.saturating_sub(before),
                bytes: size.saturating_sub(from),
                ..Source::default()
            }
        };
        let mut all: Vec<Source> = self.seen.iter().map(new).filter(|s| s.bytes > 0).collect();
        all.sort_by(|a, b| a.path.cmp(&b.path));
        all
    }

    fn sizes(&self) -> Vec<(PathBuf, u64)> {
        self.files().into_iter().map(|p| (p.clone(), std::fs::metadata(&p).map_or(0, |m| m.len()))).collect()
    }

    /// Waits until the logs have grown since the mark and are quiet again.
    fn settle(&self) {
        let began = Instant::now();
        let mut last = self.sizes();
        let mut changed: Option<Instant> = None;
        let grown = |now: &[(PathBuf, u64)]| {
            now.iter().any(|(p, s)| self.seen.get(p).is_none_or(|(at, _)| s > at) && *s > 0)
        };
        if grown(&last) {
            changed = Some(began);
        }
        while began.elapsed() < WAIT && changed.is_none_or(|c| c.elapsed() < QUIET) {
            std::thread::sleep(STEP);
            let now = self.sizes();
            if now != last {
                changed = Some(Instant::now());
                last = now;
            }
        }
    }

    /// Explains failed exchanges by what the logs hold since the mark; else by what the answer itself tells. `None` where neither
    /// says anything.
    pub fn explain(&self, exchanges: &[Exchange]) -> Option<Problem> {
        let from_logs = if self.any() {
            self.settle();
            self.explained(exchanges, None, false).or_else(|| self.explained(exchanges, None, true))
        } else {
            None
        };
        let from_server = || self.served.as_ref().and_then(|s| s.explain(exchanges.last()?));
        from_logs
            .or_else(from_server)
            .or_else(|| self.explained(exchanges, Some(body_as_log(exchanges.last()?)?), false))
    }

    /// Explains them by the body, if one is given, else by the logs. `undated`: the logs tell neither times nor requests, as what a
    /// program prints when nobody configured its logging; but what is new in them was written while the last request was on its way.
    fn explained(&self, exchanges: &[Exchange], body: Option<String>, undated: bool) -> Option<Problem> {
        let last = exchanges.last()?;
        let head = format!(
            "{} ERROR {} {}\n",
            record::Time(last.answer.at_us),
            last.request.method,
            last.request.target
        );
        let scratch = std::env::temp_dir().join(format!("why500-probe-{}", std::process::id()));
        let scratch = Scratch::within(&scratch).ok()?;
        let mut names: HashMap<String, (String, u64)> = HashMap::new();
        match body {
            Some(body) => std::fs::write(scratch.path().join(BODY), body).ok()?,
            None => {
                for path in self.files() {
                    let (from, lines) = self.seen.get(&path).copied().unwrap_or((0, 0));
                    let Ok(new) = part(&path, from) else { continue };
                    if new.is_empty() {
                        continue;
                    }
                    let mut name =
                        path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
                    while names.contains_key(&name) {
                        name.insert(0, '_');
                    }
                    let new = if undated { [head.as_bytes(), &new].concat() } else { new };
                    std::fs::write(scratch.path().join(&name), new).ok()?;
                    names.insert(name, (path.display().to_string(), lines));
                }
                if names.is_empty() {
                    return None;
                }
            }
        }
        std::fs::write(scratch.path().join(OWN), own_lines(exchanges)).ok()?;
        let report = explain::folder_with(&self.recogniser, scratch.path(), &self.zone, 1, &self.stop);
        // What is explained before what is not; then what most of the requests met.
        let weight = |p: &Problem| (p.verdict.cause.class != record::Class::Unknown, p.count);
        let mut problem = report.problems.into_iter().max_by_key(weight)?;
        if problem.verdict.cause.class == record::Class::Unknown && problem.exception.is_none() {
            return None;
        }
        problem.evidence.retain(|e| e.source != OWN && !(undated && e.line == 1));
        for e in &mut problem.evidence {
            if e.source == BODY {
                e.source = "the answer's body".to_owned();
                e.line = 0;
            } else if let Some((path, lines)) = names.get(&e.source) {
                e.line = e.line.saturating_sub(u64::from(undated)) + lines;
                e.source.clone_from(path);
            }
        }
        problem.hops.retain(|h| h.name != OWN);
        Some(problem)
    }
}

fn gather(path: &Path, depth: usize, out: &mut Vec<PathBuf>) {
    let Ok(meta) = std::fs::metadata(path) else { return };
    if meta.is_file() {
        if out.len() < FILES_MAX {
            out.push(path.to_owned());
        }
    } else if meta.is_dir() && depth < DEPTH_MAX {
        let mut inner: Vec<PathBuf> =
            std::fs::read_dir(path).into_iter().flatten().flatten().map(|e| e.path()).collect();
        inner.sort();
        inner.iter().for_each(|p| gather(p, depth + 1, out));
    }
}

fn part(path: &Path, from: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    // One that is shorter now was begun anew.
    let from = if file.metadata()?.len() < from { 0 } else { from };
    file.seek(SeekFrom::Start(from))?;
    let mut new = Vec::new();
    file.take(NEW_BYTES_MAX).read_to_end(&mut new)?;
    Ok(new)
}

fn count_lines(path: &Path, from: u64, to: u64) -> io::Result<u64> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut left = file.take(to.saturating_sub(from));
    let mut chunk = vec![0u8; 1 << 20];
    let mut lines = 0;
    loop {
        match left.read(&mut chunk)? {
            0 => return Ok(lines),
            n => lines += memchr::memchr_iter(b'\n', chunk.get(..n).unwrap_or_default()).count() as u64,
        }
    }
}

/// The exchanges as an access log would tell them.
fn own_lines(exchanges: &[Exchange]) -> Vec<u8> {
    let mut out = Vec::new();
    for x in exchanges {
        let line = serde_json::json!({
            "time": record::Time(x.answer.at_us).to_string(),
            "method": x.request.method,
            "path": x.request.target,
            "status": x.answer.status,
            "duration_ms": x.answer.took_us as f64 / 1000.0,
        });
        // Writing to memory cannot fail.
        let _ = writeln!(out, "{line}");
    }
    out
}

/// A body that leaks as the log that it is: an entry about this request, the trace below it.
fn body_as_log(x: &Exchange) -> Option<String> {
    let leaks = checks::leaks(&x.answer);
    let tells =
        |k: checks::Kind| matches!(k, checks::Kind::Trace | checks::Kind::Query | checks::Kind::Debug);
    if !leaks.iter().any(|l| tells(l.kind)) {
        return None;
    }
    let text = checks::without_tags(&x.answer.text());
    let at = record::Time(x.answer.at_us);
    Some(format!("{at} ERROR {} {}\n{}\n", x.request.method, x.request.target, text.trim()))
}
