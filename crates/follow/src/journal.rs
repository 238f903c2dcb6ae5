//! The journal of systemd, read by a `journalctl` that runs beside us.
//!
//! ```text
//! journalctl --output=json --follow --after-cursor=s=6d…;i=1f;b=…
//! {"__CURSOR":"s=6d…;i=20;b=…","__REALTIME_TIMESTAMP":"1795505444000000","MESSAGE":"…","_SYSTEMD_UNIT":"shop.service",…}
//! ```
//!
//! Source: journalctl(1), "JSON format" on systemd.io/JOURNAL_EXPORT_FORMATS.

use crate::find::Note;
use crate::{Begin, Chunk, Place, Status};
use record::SECOND;
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;

/// Journalctl is begun anew after so long, and twice as long each time it ends without a line …
const BACK_OFF_US_MIN: i64 = SECOND;
/// … up to this.
const BACK_OFF_US_MAX: i64 = 60 * SECOND;
/// A longer entry is let go: journald itself takes 48 KB a line of a stream, and a core dump is none of ours.
const ENTRY_BYTES_MAX: usize = 1 << 20;
/// Entries read ahead. With the bound on each they take some megabytes; journalctl waits when they are not taken.
const AHEAD: usize = 256;
/// Handed on at a time.
const CHUNK_BYTES: usize = 1 << 20;
/// Entries that are read of the past at a first start, where bytes are asked for: an entry takes about a kilobyte.
const ENTRY_BYTES: u64 = 1 << 10;
/// Kept of what journalctl complains of.
const COMPLAINT_BYTES_MAX: u64 = 4 << 10;

enum Said {
    Entry(Vec<u8>),
    TooLong(u64),
}

struct Running {
    child: Child,
    entries: Receiver<Said>,
    complaint: Option<thread::JoinHandle<String>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) struct Journal {
    program: PathBuf,
    /// Behind what was handed on.
    cursor: Option<Arc<str>>,
    begin: Begin,
    running: Option<Running>,
    start_at_us: i64,
    back_off_us: i64,
    started: bool,
}

impl Journal {
    pub fn new(program: PathBuf, cursor: Option<Arc<str>>, begin: Begin) -> Journal {
        let back_off_us = BACK_OFF_US_MIN;
        Journal { program, cursor, begin, running: None, start_at_us: 0, back_off_us, started: true }
    }

    /// Hands on what journalctl wrote since; begins it where it does not run.
    pub fn poll(&mut self, now_us: i64, sink: &mut dyn FnMut(Chunk), status: &mut Status) {
        if self.running.is_none() && now_us >= self.start_at_us {
            match self.start() {
                Ok(running) => self.running = Some(running),
                Err(e) => {
                    let hint = "install systemd's journalctl, or do not follow the journal";
                    self.ended(now_us, format!("cannot be run ({e}); {hint}"), status);
                }
            }
        }
        let Some(running) = &self.running else { return };
        let mut bytes = Vec::new();
        let mut cursor = None;
        let ended = loop {
            if bytes.len() >= CHUNK_BYTES {
                status.more = true;
                break false;
            }
            match running.entries.try_recv() {
                Ok(Said::Entry(entry)) => {
                    cursor = cursor_of(&entry).or(cursor);
                    bytes.extend_from_slice(&entry);
                }
                Ok(Said::TooLong(n)) => status.left_out += n,
                Err(TryRecvError::Empty) => break false,
                Err(TryRecvError::Disconnected) => break true,
            }
        };
        if !bytes.is_empty() {
            self.back_off_us = BACK_OFF_US_MIN;
            status.bytes += bytes.len() as u64;
            self.cursor = cursor.or_else(|| self.cursor.take());
            let place = Place::Journal { cursor: self.cursor.clone().unwrap_or_else(|| "".into()) };
            let started = std::mem::replace(&mut self.started, false);
            sink(Chunk { path: "journald".into(), bytes, place, started });
        }
        if ended && let Some(mut running) = self.running.take() {
            let how = running.child.wait().map_or_else(|e| e.to_string(), |s| s.to_string());
            let complaint = running.complaint.take().and_then(|c| c.join().ok()).unwrap_or_default();
            let complaint = complaint.lines().last().unwrap_or("").trim().to_owned();
            self.ended(
                now_us,
                format!("ended ({how}) {complaint}; it is begun anew").replace(" ;", ";"),
                status,
            );
        }
    }

    fn ended(&mut self, now_us: i64, what: String, status: &mut Status) {
        status.notes.push(Note { path: self.program.display().to_string(), what });
        self.start_at_us = now_us + self.back_off_us;
        self.back_off_us = (self.back_off_us * 2).min(BACK_OFF_US_MAX);
    }

    fn start(&self) -> io::Result<Running> {
        let from = match (&self.cursor, self.begin) {
            (Some(cursor), _) if !cursor.is_empty() => format!("--after-cursor={cursor}"),
            (_, Begin::All) => "--no-tail".into(),
            (_, Begin::Last(bytes)) => format!("--lines={}", bytes / ENTRY_BYTES),
            (_, Begin::New) => "--lines=0".into(),
        };
        let mut child = Command::new(&self.program)
            .args(["--output=json", "--follow", &from])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (sender, entries) = sync_channel(AHEAD);
        if let Some(out) = child.stdout.take() {
            thread::spawn(move || read(BufReader::new(out), &sender));
        }
        let complaint = child.stderr.take().map(|err| {
            thread::spawn(move || {
                let mut said = String::new();
                let mut err = BufReader::new(err);
                let _ = err.by_ref().take(COMPLAINT_BYTES_MAX).read_to_string(&mut said);
                // What it says beyond is taken, so that it does not wait for us.
                let _ = io::copy(&mut err, &mut io::sink());
                said
            })
        });
        Ok(Running { child, entries, complaint })
    }
}

/// Reads entries, a line each, until the stream ends or nobody wants them any more.
fn read(mut out: impl BufRead, sender: &SyncSender<Said>) {
    loop {
        let mut entry = Vec::new();
        match out.by_ref().take(ENTRY_BYTES_MAX as u64).read_until(b'\n', &mut entry) {
            Ok(n) if n > 0 => {}
            _ => return,
        }
        let mut said = Said::Entry(entry);
        if let Said::Entry(entry) = &said
            && entry.len() >= ENTRY_BYTES_MAX
            && !entry.ends_with(b"\n")
        {
            let Ok(rest) = skip_line(&mut out) else { return };
            said = Said::TooLong(entry.len() as u64 + rest);
        } else if let Said::Entry(entry) = &said
            && !entry.ends_with(b"\n")
        {
            // Torn, as journalctl was killed: it comes again behind the cursor.
            return;
        }
        if sender.send(said).is_err() {
            return;
        }
    }
}

fn skip_line(out: &mut impl BufRead) -> io::Result<u64> {
    let mut passed = 0;
    loop {
        let buffer = out.fill_buf()?;
        let end = memchr::memchr(b'\n', buffer).map(|i| i + 1);
        let n = end.unwrap_or(buffer.len());
        out.consume(n);
        passed += n as u64;
        if end.is_some() || n == 0 {
            return Ok(passed);
        }
    }
}

/// The value of `"__CURSOR"`, in which nothing is escaped. Within a message, the quotes of such a name would be.
fn cursor_of(entry: &[u8]) -> Option<Arc<str>> {
    let name = b"\"__CURSOR\"";
    let behind = entry.get(memchr::memmem::find(entry, name)? + name.len()..)?;
    let value = behind.get(memchr::memchr(b'"', behind)? + 1..)?;
    let value = value.get(..memchr::memchr(b'"', value)?)?;
    std::str::from_utf8(value).ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_found_in_entries_only() {
        let entry = br#"{"MESSAGE":"\"__CURSOR\":\"x\"","__CURSOR" : "s=6d;i=20;b=1","A":"b"}"#;
        assert_eq!(cursor_of(entry).as_deref(), Some("s=6d;i=20;b=1"));
        assert_eq!(cursor_of(br#"{"MESSAGE":"a"}"#), None);
    }

    #[test]
    fn an_overlong_entry_is_counted_and_a_torn_one_left() {
        let (sender, entries) = sync_channel(8);
        let mut all = b"{\"a\":1}\n".to_vec();
        all.extend(vec![b'x'; ENTRY_BYTES_MAX + 5]);
        all.extend_from_slice(b"\n{\"b\":2}\n{\"torn");
        read(&all[..], &sender);
        drop(sender);
        let said: Vec<_> = entries.iter().collect();
        assert!(matches!(&said[0], Said::Entry(e) if e == b"{\"a\":1}\n"));
        assert!(matches!(said[1], Said::TooLong(n) if n == ENTRY_BYTES_MAX as u64 + 6));
        assert!(matches!(&said[2], Said::Entry(e) if e == b"{\"b\":2}\n"));
        assert_eq!(said.len(), 3);
    }
}
