//! Makes batches durable before they are acknowledged: what waits is written together and synchronised once (group commit).

use super::batch::{self, Batch};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError};
use store::Journal;
use tokio::sync::oneshot;

/// Batches written at once: beyond, the first of them would wait for the last.
const GROUP_MAX: usize = 512;

/// A batch on its way to the journal.
pub struct Waiting {
    /// It.
    pub batch: Batch,
    /// As it is written.
    pub bytes: Vec<u8>,
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
    /// Bytes that it takes in memory, about.
    pub size: u64,
}

/// What lies between intake and digest, and how far the digest is.
#[derive(Default)]
pub struct Progress {
    /// Bytes that were taken in and are not digested yet.
    pub undigested: AtomicU64,
    /// All of the journal before this place is digested.
    pub digested: AtomicU64,
    /// Batches written.
    pub written: AtomicU64,
    /// Times the journal was synchronised.
    pub syncs: AtomicU64,
}

/// Runs until nobody sends any more. `number`: of the next record.
pub fn run(
    mut journal: Journal,
    waiting: &Receiver<Waiting>,
    written: &SyncSender<Written>,
    progress: &Arc<Progress>,
    mut number: u64,
) {
    let mut forgotten = 0;
    while let Ok(first) = waiting.recv() {
        let mut group = vec![first];
        while group.len() < GROUP_MAX {
            match waiting.try_recv() {
                Ok(next) => group.push(next),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
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
        match outcome {
            Ok(places) => {
                progress.written.fetch_add(group.len() as u64, Ordering::Relaxed);
                for ((w, place), number) in group.into_iter().zip(places).zip(numbers) {
                    let size = w.bytes.len() as u64;
                    // Whoever asked may have gone; the batch stays.
                    let _ = w.reply.send(Ok(()));
                    if written.send(Written { place, number, batch: w.batch, size }).is_err() {
                        return;
                    }
                }
            }
            Err(e) => {
                for w in group {
                    progress.undigested.fetch_sub(w.bytes.len() as u64, Ordering::Relaxed);
                    let _ = w.reply.send(Err(e.to_string()));
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
