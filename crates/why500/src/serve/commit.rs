//! Makes batches durable before they are acknowledged: what waits is written together and synchronised once (group commit).

use super::backlog::Backlog;
use super::batch::{self, Batch};
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use store::Journal;
use tokio::sync::oneshot;

/// Batches written at once: beyond, the first of them would wait for the last.
const GROUP_MAX: usize = 512;
/// While writing fails, it is tried so often whether there is room again, for those who ask how the server is.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// A batch on its way to the journal.
pub struct Waiting {
    /// It.
    pub batch: Batch,
    /// As it is written.
    pub bytes: Vec<u8>,
    /// What it counts for in the backlog.
    pub size: u64,
    /// Told whether it is durable.
    pub reply: oneshot::Sender<Result<(), String>>,
}

/// A batch in the journal.
pub struct Written {
    /// Its place.
    pub place: u64,
    /// The number of its first record.
    pub number: u64,
    /// It.
    pub batch: Batch,
    /// What it counts for in the backlog.
    pub size: u64,
}

/// What lies between intake and digest, and how far the digest is.
#[derive(Default)]
pub struct Progress {
    /// What was taken in and is not digested yet.
    pub backlog: Backlog,
    /// All of the journal before this place is digested.
    pub digested: AtomicU64,
    /// The journal's next place: between `digested` and it lies what is not explained yet.
    pub next: AtomicU64,
    /// Batches written.
    pub written: AtomicU64,
    /// Times the journal was synchronised.
    pub syncs: AtomicU64,
    /// What cannot be written at the moment, and why.
    troubles: Mutex<BTreeMap<&'static str, Trouble>>,
}

/// Why something cannot be written.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// The disk has no room.
    pub full: bool,
    /// In words.
    pub why: String,
}

impl Progress {
    /// Batches that are durable and not explained yet.
    pub fn behind(&self) -> u64 {
        self.next.load(Ordering::Relaxed).saturating_sub(self.digested.load(Ordering::Relaxed))
    }

    /// Something (`journal`, `store`) could be written, or could not. Says so when it changes.
    pub fn wrote(&self, what: &'static str, outcome: Result<(), Trouble>) {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok(()) => {
                if troubles.remove(what).is_some() {
                    eprintln!("why500: {what}: it can be written to again");
                }
            }
            Err(trouble) => {
                if !troubles.contains_key(what) {
                    eprintln!("why500: {what}: {}; it is tried again", trouble.why);
                }
                troubles.insert(what, trouble);
            }
        }
    }

    /// What cannot be written at the moment.
    pub fn troubles(&self) -> BTreeMap<&'static str, Trouble> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn trouble(e: &io::Error) -> Trouble {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    let full = matches!(e.kind(), StorageFull | QuotaExceeded | FileTooLarge);
    let why = if full { "no room left on the disk".to_owned() } else { e.to_string() };
    Trouble { full, why }
}

/// Runs until nobody sends any more. `number`: of the next record.
pub fn run(
    mut journal: Journal,
    waiting: &Receiver<Waiting>,
    written: &Sender<Written>,
    progress: &Progress,
    mut number: u64,
) {
    let mut forgotten = 0;
    let mut failed = false;
    loop {
        let first =
            match if failed { waiting.recv_timeout(TRY_AGAIN) } else { waiting.recv().map_err(Into::into) } {
                Ok(first) => first,
                Err(RecvTimeoutError::Timeout) => {
                    let outcome = journal.try_room();
                    failed = outcome.is_err();
                    progress.wrote("journal", outcome.map_err(|e| trouble(&e)));
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            };
        let mut group = vec![first];
        while group.len() < GROUP_MAX {
            match waiting.try_recv() {
                Ok(next) => group.push(next),
                Err(_) => break,
            }
        }
        let mut numbers = Vec::with_capacity(group.len());
        for w in &mut group {
            batch::set_number(&mut w.bytes, number);
            numbers.push(number);
            number += w.batch.len() as u64;
        }
        let payloads: Vec<&[u8]> = group.iter().map(|w| w.bytes.as_slice()).collect();
        let outcome = journal.append(&payloads);
        progress.syncs.fetch_add(1, Ordering::Relaxed);
        failed = outcome.is_err();
        progress.wrote("journal", outcome.as_ref().map(|_| ()).map_err(trouble));
        match outcome {
            Ok(places) => {
                progress.next.store(places.end, Ordering::Relaxed);
                progress.written.fetch_add(group.len() as u64, Ordering::Relaxed);
                for ((w, place), number) in group.into_iter().zip(places).zip(numbers) {
                    let size = w.size;
                    // Whoever asked may have gone; the batch stays.
                    let _ = w.reply.send(Ok(()));
                    if written.send(Written { place, number, batch: w.batch, size }).is_err() {
                        return;
                    }
                }
            }
            Err(e) => {
                for w in group {
                    progress.backlog.remove(w.batch.project, w.size);
                    let _ = w.reply.send(Err(trouble(&e).why));
                }
            }
        }
        let digested = progress.digested.load(Ordering::Relaxed);
        if digested > forgotten {
            forgotten = digested;
            if let Err(e) = journal.forget_before(digested) {
                eprintln!("why500: journal: {e}");
            }
        }
    }
}
