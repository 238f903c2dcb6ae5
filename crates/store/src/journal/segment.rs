//! Reading a segment when the journal is opened.

use super::{Entry, Journal, Open, frame, path};
use crate::error::{Error, Result};
use std::fs::OpenOptions;
use std::io;
use std::path::Path;

/// How far positions may leap over a damaged part: more frames than fit in a segment, had they no payload.
const LEAP: u64 = 1 << 21;

impl Journal {
    /// Reads a segment. The last one goes on being written to, from behind its last whole frame.
    pub(super) fn read_segment(&mut self, first: u64, last: bool, entries: &mut Vec<Entry>) -> Result<()> {
        let path = path(&self.folder, first);
        let bytes = std::fs::read(&path).map_err(|e| Error::file(&path, e))?;
        if first > self.next && self.next > 1 {
            let (from, to) = (self.next, first - 1);
            self.troubles.push(format!("{}: positions {from} to {to} before it are missing", path.display()));
        }
        self.next = self.next.max(first);
        let mut at = 0;
        let mut damaged = false;
        while at < bytes.len() {
            let rest = bytes.get(at..).unwrap_or(&[]);
            if let Some((position, payload)) = frame::read(rest).filter(|(p, _)| *p >= self.next) {
                entries.push(Entry { position, payload: payload.to_vec() });
                self.next = position.saturating_add(1);
                at += frame::HEAD + payload.len();
                continue;
            }
            let Some(skip) = next_frame(rest, self.next) else { break };
            self.troubles.push(format!(
                "{}: {skip} bytes from byte {at} on are damaged and were set aside; what follows was read",
                path.display()
            ));
            damaged = true;
            at += skip;
        }
        if at < bytes.len() {
            let (torn, file) = (bytes.len() - at, path.display());
            self.troubles.push(match last {
                true => format!(
                    "{file}: the last {torn} bytes, from byte {at} on, are no whole frame and were cut off"
                ),
                false => {
                    format!("{file}: {torn} bytes from byte {at} to the end are damaged and were set aside")
                }
            });
            damaged |= !last;
        }
        if damaged && let Err(e) = set_aside(&path, &bytes) {
            // A full disk must not keep the rest from being read.
            self.troubles.push(format!("{}: no copy of the damaged file could be made: {e}", path.display()));
        }
        if !last {
            self.sealed.push_back((first, self.next.saturating_sub(1)));
            return Ok(());
        }
        let file = OpenOptions::new().append(true).open(&path).map_err(|e| Error::file(&path, e))?;
        if at < bytes.len() {
            file.set_len(at as u64).and_then(|()| file.sync_data()).map_err(|e| Error::file(&path, e))?;
        }
        self.open = Some(Open { file: Box::new(file), first, bytes: at as u64 });
        Ok(())
    }
}

/// How many bytes to skip to the next whole frame, of a position that can follow.
fn next_frame(bytes: &[u8], next: u64) -> Option<usize> {
    (1..bytes.len()).find(|&skip| {
        let rest = bytes.get(skip..).unwrap_or(&[]);
        let near = frame::position(rest).is_some_and(|p| p >= next && p - next <= LEAP);
        near && frame::read(rest).is_some()
    })
}

/// Keeps a copy of a damaged segment beside it, as the segment itself is deleted once digested. The first copy is kept: it is
/// nearest to the damage.
fn set_aside(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let copy = path.with_extension("log.damaged");
    if copy.exists() {
        return Ok(());
    }
    std::fs::write(&copy, bytes)
}
