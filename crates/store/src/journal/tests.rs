//! Tried by killing: at each byte, at each write, and by flipping bits.

use super::*;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        // In memory where there is such a file system: these tests sync thousands of times.
        let memory = Path::new("/dev/shm");
        let within = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let path = within.join(format!("why500-journal-{}-{n}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn open(&self) -> (Journal, Vec<Entry>) {
        Journal::open(&self.0).unwrap()
    }

    fn file(&self, first: u64) -> PathBuf {
        path(&self.0.join("journal"), first)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn payloads(entries: &[Entry]) -> Vec<&[u8]> {
    entries.iter().map(|e| e.payload.as_slice()).collect()
}

/// Numbers that look random and are the same each time (SplitMix64).
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }
}

#[test]
fn what_was_appended_is_found_again_in_order() {
    let folder = Folder::new();
    let (mut journal, entries) = folder.open();
    assert!(entries.is_empty());
    assert_eq!(journal.append(&[b"one", b"", b"three"]).unwrap(), 1..4);
    assert_eq!(journal.append(&[]).unwrap(), 4..4);
    assert_eq!(journal.append(&[b"four"]).unwrap(), 4..5);
    let (mut journal, entries) = folder.open();
    assert_eq!(payloads(&entries), [b"one".as_slice(), b"", b"three", b"four"]);
    assert_eq!(entries.iter().map(|e| e.position).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(journal.troubles().is_empty());
    assert_eq!(journal.append(&[b"five"]).unwrap(), 5..6);
}

#[test]
fn killed_at_any_byte_of_the_last_append_it_has_all_before_and_goes_on() {
    let folder = Folder::new();
    let (mut journal, _) = folder.open();
    journal.append(&[b"first", b"second"]).unwrap();
    let before = std::fs::metadata(folder.file(1)).unwrap().len() as usize;
    journal.append(&[b"the last one"]).unwrap();
    let whole = std::fs::read(folder.file(1)).unwrap();
    for end in before..whole.len() {
        std::fs::write(folder.file(1), &whole[..end]).unwrap();
        let (mut journal, entries) = folder.open();
        assert_eq!(payloads(&entries), [b"first".as_slice(), b"second"], "cut at byte {end}");
        assert_eq!(journal.troubles().len(), usize::from(end > before));
        assert_eq!(journal.append(&[b"after"]).unwrap(), 3..4);
        let (journal, entries) = folder.open();
        assert_eq!(payloads(&entries), [b"first".as_slice(), b"second", b"after"], "cut at byte {end}");
        assert!(journal.troubles().is_empty());
    }
}

#[test]
fn a_tail_of_zeros_is_cut_off() {
    // A file system that had made the file longer, but not written it, when the power went.
    let folder = Folder::new();
    folder.open().0.append(&[b"first"]).unwrap();
    let mut bytes = std::fs::read(folder.file(1)).unwrap();
    bytes.resize(bytes.len() + 4_096, 0);
    std::fs::write(folder.file(1), &bytes).unwrap();
    let (journal, entries) = folder.open();
    assert_eq!(payloads(&entries), [b"first"]);
    assert!(
        journal.troubles()[0].contains("the last 4096 bytes, from byte 21 on"),
        "{:?}",
        journal.troubles()
    );
}

#[test]
fn segments_follow_one_another_and_go_once_digested() {
    let folder = Folder::new();
    let (mut journal, _) = folder.open();
    let large = vec![7; (SEGMENT_BYTES / 4) as usize];
    for _ in 0..12 {
        journal.append(&[&large]).unwrap();
    }
    assert_eq!(segments(&journal.folder).unwrap(), [1, 5, 9]);
    let (mut journal, entries) = folder.open();
    assert_eq!(entries.len(), 12);
    journal.forget_before(8).unwrap();
    assert_eq!(segments(&journal.folder).unwrap(), [5, 9], "position 8 lies in the second");
    journal.forget_before(100).unwrap();
    assert_eq!(
        segments(&journal.folder).unwrap(),
        [5, 9],
        "the one that is written to stays, and the one before"
    );
    let (mut journal, entries) = folder.open();
    assert_eq!(entries.len(), 8);
    assert_eq!(journal.append(&[b"next"]).unwrap(), 13..14);
}

#[test]
fn damage_in_the_middle_is_named_and_set_aside_and_the_rest_is_read() {
    let folder = Folder::new();
    let (mut journal, _) = folder.open();
    let large = vec![7; SEGMENT_BYTES as usize];
    journal.append(&[b"first", b"second", b"third"]).unwrap();
    journal.append(&[&large]).unwrap();
    journal.append(&[b"fifth"]).unwrap();
    let mut bytes = std::fs::read(folder.file(1)).unwrap();
    bytes[21 + 16] ^= 1;
    std::fs::write(folder.file(1), &bytes).unwrap();
    let (journal, entries) = folder.open();
    assert_eq!(entries.iter().map(|e| e.position).collect::<Vec<_>>(), [1, 3, 4, 5]);
    let [trouble] = journal.troubles() else { panic!("{:?}", journal.troubles()) };
    assert!(trouble.contains("0000000000000001.log: 22 bytes from byte 21 on are damaged"), "{trouble}");
    let copy = folder.file(1).with_extension("log.damaged");
    assert_eq!(std::fs::read(copy).unwrap(), bytes);
}

#[test]
fn a_flipped_bit_never_makes_another_entry() {
    let folder = Folder::new();
    let texts: Vec<Vec<u8>> = (0..6_u8).map(|i| vec![i; 5 + usize::from(i)]).collect();
    for text in &texts {
        folder.open().0.append(&[text]).unwrap();
    }
    let whole = std::fs::read(folder.file(1)).unwrap();
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(folder.file(1), &bytes).unwrap();
        let (journal, entries) = folder.open();
        assert_eq!(entries.len(), 5, "bit {bit}: one is lost, no more");
        assert!(entries.iter().all(|e| e.payload == texts[e.position as usize - 1]), "bit {bit}");
        assert_eq!(journal.troubles().len(), 1, "bit {bit}");
    }
}

#[test]
fn a_lost_segment_is_named() {
    let folder = Folder::new();
    let (mut journal, _) = folder.open();
    let large = vec![7; SEGMENT_BYTES as usize];
    for _ in 0..3 {
        journal.append(&[&large]).unwrap();
    }
    std::fs::remove_file(folder.file(2)).unwrap();
    let (journal, entries) = folder.open();
    assert_eq!(entries.iter().map(|e| e.position).collect::<Vec<_>>(), [1, 3]);
    assert!(
        journal.troubles()[0].ends_with("positions 2 to 2 before it are missing"),
        "{:?}",
        journal.troubles()
    );
}

#[test]
fn with_its_files_lost_it_goes_on_behind_what_is_digested() {
    let folder = Folder::new();
    let (mut journal, _) = folder.open();
    journal.begin_at(1_000);
    assert_eq!(journal.append(&[b"next"]).unwrap(), 1_000..1_001);
    journal.begin_at(5);
    assert_eq!(journal.append(&[b"next"]).unwrap(), 1_001..1_002);
    assert_eq!(folder.open().1.len(), 2);
}

#[test]
fn a_batch_that_is_too_large_is_refused_and_nothing_of_it_is_in() {
    let folder = Folder::new();
    let (mut journal, _) = folder.open();
    let large = vec![0; PAYLOAD_BYTES_MAX + 1];
    assert_eq!(journal.append(&[b"small", &large]).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    assert_eq!(journal.append(&[b"next"]).unwrap(), 1..2);
}

/// What is to go wrong: which operation, counted from now, and how.
#[derive(Clone, Copy, Debug)]
struct Fault {
    operation: usize,
    /// Bytes of a write that still go in.
    torn: usize,
    /// How many operations in a row fail.
    length: usize,
}

/// A file that fails when told to.
#[derive(Debug)]
struct Faulty {
    file: File,
    plan: Arc<Mutex<(usize, Fault)>>,
}

impl Faulty {
    fn fails(&self) -> Option<usize> {
        let mut plan = self.plan.lock().unwrap();
        plan.0 += 1;
        let (now, fault) = *plan;
        (now >= fault.operation && now < fault.operation + fault.length).then_some(fault.torn)
    }
}

impl Medium for Faulty {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.fails() {
            None => Medium::append(&mut self.file, bytes),
            Some(torn) => {
                Medium::append(&mut self.file, &bytes[..torn.min(bytes.len())])?;
                Err(io::ErrorKind::StorageFull.into())
            }
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.fails().map_or(Ok(()), |_| Err(io::Error::other("EIO")))
    }

    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        self.fails().map_or_else(|| Medium::cut(&mut self.file, bytes), |_| Err(io::Error::other("EIO")))
    }
}

#[test]
fn whatever_write_fails_each_acknowledged_batch_is_found_and_once() {
    // SplitMix64's seeds: each run has another fault, torn elsewhere, of another length.
    for seed in 0..600 {
        let mut random = Seeded(seed);
        let folder = Folder::new();
        let (mut journal, _) = folder.open();
        let fault = Fault {
            operation: 1 + random.below(24) as usize,
            torn: random.below(90) as usize,
            length: 1 + random.below(4) as usize,
        };
        let plan = Arc::new(Mutex::new((0, fault)));
        let mut acknowledged = Vec::new();
        let mut refused = Vec::new();
        for batch in 0..12_u64 {
            if let Some(open) = journal.open.take() {
                let file = OpenOptions::new().append(true).open(path(&journal.folder, open.first)).unwrap();
                let file = Box::new(Faulty { file, plan: plan.clone() });
                journal.open = Some(Open { file, ..open });
            }
            let texts: Vec<Vec<u8>> =
                (0..1 + random.below(3)).map(|i| format!("{batch}.{i}").into()).collect();
            let refs: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
            match journal.append(&refs) {
                Ok(range) => acknowledged.extend(range.zip(texts)),
                Err(_) => refused.extend(texts),
            }
        }
        drop(journal);
        let (mut journal, entries) = folder.open();
        for (position, text) in &acknowledged {
            let found = entries.iter().filter(|e| e.position == *position && e.payload == *text).count();
            assert_eq!(found, 1, "seed {seed} {fault:?}: batch at {position}");
        }
        for entry in &entries {
            let known =
                acknowledged.iter().any(|(_, t)| *t == entry.payload) || refused.contains(&entry.payload);
            assert!(known, "seed {seed} {fault:?}: {entry:?} was never given");
        }
        let mut positions: Vec<u64> = entries.iter().map(|e| e.position).collect();
        positions.dedup();
        assert!(positions.is_sorted() && positions.len() == entries.len(), "seed {seed} {fault:?}");
        if fault.length == 1 {
            assert_eq!(
                entries.len(),
                acknowledged.len(),
                "seed {seed} {fault:?}: what was refused is not in"
            );
        }
        assert!(journal.append(&[b"and on"]).is_ok());
    }
}

#[test]
fn damaged_anywhere_it_opens_and_gives_only_what_was_given() {
    for seed in 0..400 {
        let mut random = Seeded(seed);
        let folder = Folder::new();
        let (mut journal, _) = folder.open();
        let given: Vec<Vec<u8>> =
            (0..20).map(|_| (0..random.below(60)).map(|_| random.next() as u8).collect()).collect();
        journal.append(&given.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
        drop(journal);
        let mut bytes = std::fs::read(folder.file(1)).unwrap();
        for _ in 0..=random.below(3) {
            let at = random.below(bytes.len() as u64) as usize;
            if bytes.len() < 8 {
                break;
            }
            match random.below(3) {
                0 => bytes[at] = random.next() as u8,
                1 => bytes.truncate(at.max(1)),
                _ => drop(bytes.drain(at..(at + 7).min(bytes.len()))),
            }
        }
        std::fs::write(folder.file(1), &bytes).unwrap();
        let (mut journal, entries) = folder.open();
        for entry in &entries {
            assert_eq!(given[entry.position as usize - 1], entry.payload, "seed {seed}");
        }
        let next = journal.append(&[b"and on"]).unwrap().start;
        assert!(entries.iter().all(|e| e.position < next), "seed {seed}");
        assert_eq!(folder.open().1.len(), entries.len() + 1, "seed {seed}");
    }
}
