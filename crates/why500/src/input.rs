//! Finds and opens what a user names: files, folders, globs, archives, standard input; plain or compressed.
//!
//! Every oddity is a [`Trouble`] that names the file and what to do; the rest of the work goes on.

mod moves;
mod place;
pub mod rotation;
mod unpack;

use follow::file::is_binary;
use follow::is_foreign;
pub use place::Place;
use place::{Behind, First};
use unpack::{BOMB_RATIO, Budget, Failed, Headed, Packed, Unpacked};

use std::cell::Cell;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// Files looked at in one run: a log folder with more is most likely not one.
const FILES_MAX: usize = 200_000;
/// Folders deeper than this are loops or not logs.
const DEPTH_MAX: usize = 32;
/// Bytes handed over at a time.
const CHUNK: usize = 1 << 20;
/// From this size on, a file is worth more than one core.
const LARGE_BYTES: u64 = 2 << 20;
/// Bytes by which it is told what a file holds.
const HEAD: usize = 8 << 10;
/// Packings in each other (a gzip of a tar in a zip …) that are taken off.
const PACKINGS_MAX: usize = 4;
/// Memory that unpacking may take (the window of zstd and xz, a zip that is no file) at the outermost packing; each one inside
/// of it gets half, so that all together stay below twice as much.
const MEMORY_MAX: u64 = 72 << 20;
/// Bytes between two members of a tar: heads, long names, extended attributes. More is no archive but a bomb.
const TAR_HEAD_MAX: u64 = 4 << 20;

fn memory_max(depth: usize) -> u64 {
    MEMORY_MAX >> depth.min(8)
}

/// What to read.
#[derive(Debug)]
pub struct Input {
    /// As shown in reports.
    pub shown: String,
    /// Where it is; `None` is standard input.
    pub path: Option<PathBuf>,
    /// Size on disk.
    pub size: u64,
    /// Last change.
    pub modified: Option<SystemTime>,
    /// The file itself, whatever its name will be when it is read.
    identity: moves::Identity,
    /// Where to begin, if it is followed from run to run.
    pub place: Option<Arc<Place>>,
}

impl Input {
    /// Device and number of the file, where the system has such.
    pub fn identity(&self) -> Option<(u64, u64)> {
        self.identity
    }

    /// Bytes of the file that are to be read.
    pub fn bytes(&self) -> u64 {
        self.place.as_ref().filter(|p| p.grows).map_or(self.size, |p| self.size.saturating_sub(p.offset))
    }
}

/// How a file can be read on when it has grown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// From where the reading ended.
    Text,
    /// Packed: its bytes tell nothing of where a line is, those that come out of it do.
    Packed,
    /// Not at all: archives, UTF-16, what is no text.
    Other,
}

/// The first bytes of a file, and what they tell.
pub fn head(input: &Input, max: usize) -> io::Result<(Vec<u8>, Kind)> {
    let path = input.path.as_ref().ok_or(io::ErrorKind::NotFound)?;
    let (file, _) = moves::open(input, path)?;
    let mut head = Vec::new();
    file.take(max as u64).read_to_end(&mut head)?;
    let kind = match packing(&head) {
        Packing::Plain if utf16(&head).is_none() && !is_binary(&head) => Kind::Text,
        Packing::Gzip | Packing::Bzip2 | Packing::Zstd | Packing::Xz => Kind::Packed,
        _ => Kind::Other,
    };
    Ok((head, kind))
}

/// The first bytes that come out of a packed file.
pub fn unpacked_head(input: &Input, max: usize) -> Vec<u8> {
    let mut first = First { bytes: Vec::new(), max, begun: false };
    read(input, &mut first);
    first.bytes
}

/// Something that could not be read, in whole sentences.
#[derive(Debug)]
pub struct Trouble {
    /// The file.
    pub shown: String,
    /// What was wrong, and what to do.
    pub what: String,
}

/// Is it a server's configuration rather than a log?
pub fn is_config(path: &Path) -> bool {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("");
    name.ends_with(".conf") || name == ".htaccess"
}

/// Expands what the user named. The order is always the same, however the arguments stand: files of one log together, the oldest
/// first.
pub fn find(args: &[PathBuf], troubles: &mut Vec<Trouble>) -> Vec<Input> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let mut args: Vec<&PathBuf> = args.iter().collect();
    args.sort();
    let folders = args.iter().filter(|a| a.is_dir()).count();
    for arg in args {
        if arg.as_os_str() == "-" {
            found.push(Input {
                shown: "(standard input)".into(),
                path: None,
                size: 0,
                modified: None,
                identity: None,
                place: None,
            });
            continue;
        }
        let text = arg.to_string_lossy();
        if !arg.exists() && text.contains(['*', '?', '[']) {
            match glob::glob(&text) {
                Ok(paths) => {
                    let before = found.len();
                    for p in paths.flatten() {
                        let shown = p.display().to_string();
                        walk(&p, &shown, 0, &mut found, &mut seen, troubles);
                    }
                    if found.len() == before {
                        troubles.push(Trouble {
                            shown: text.into_owned(),
                            what: "no file matches this pattern".into(),
                        });
                    }
                }
                Err(e) => troubles.push(Trouble {
                    shown: text.clone().into_owned(),
                    what: format!("not a valid pattern: {e}"),
                }),
            }
            continue;
        }
        // A folder's files are shown by their path within it: that is how people know them. Those of several folders would be one
        // log each under the same name.
        let shown =
            if folders == 1 && arg.is_dir() { String::new() } else { text.trim_end_matches('/').to_owned() };
        walk(arg, &shown, 0, &mut found, &mut seen, troubles);
    }
    found.sort_by_cached_key(|i| rotation::order(&i.shown));
    found
}

fn walk(
    path: &Path,
    shown: &str,
    depth: usize,
    found: &mut Vec<Input>,
    seen: &mut HashSet<PathBuf>,
    troubles: &mut Vec<Trouble>,
) {
    let mut trouble = |what: String| {
        troubles.push(Trouble {
            shown: if shown.is_empty() { path.display().to_string() } else { shown.to_owned() },
            what,
        })
    };
    let meta = match fs::metadata(path) {
        Ok(m) => m,
        Err(e) => {
            let hint = match e.kind() {
                io::ErrorKind::NotFound => "check the path",
                io::ErrorKind::PermissionDenied => "run with the rights to read it",
                _ if path.is_symlink() => "a link that leads to itself; the rest was read",
                _ => "the rest was read",
            };
            trouble(format!("cannot be opened ({e}); {hint}"));
            return;
        }
    };
    if let Ok(real) = fs::canonicalize(path)
        && !seen.insert(real.clone())
    {
        let around = path.parent().and_then(|p| fs::canonicalize(p).ok());
        if meta.is_dir() && around.is_some_and(|a| a.starts_with(&real)) {
            trouble("a link back to a folder it lies in (a loop); not followed".into());
        }
        return;
    }
    if meta.is_dir() {
        if depth >= DEPTH_MAX {
            trouble(format!("folders nested deeper than {DEPTH_MAX} are not walked; name it by itself"));
            return;
        }
        let entries = match fs::read_dir(path) {
            Ok(e) => e,
            Err(e) => {
                trouble(format!("folder cannot be read ({e}); run with the rights to read it"));
                return;
            }
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
        paths.sort();
        for p in paths {
            let name = p.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            if name.starts_with('.') && name != ".htaccess" || is_foreign(&p) {
                continue;
            }
            if found.len() >= FILES_MAX {
                troubles.push(Trouble {
                    shown: path.display().to_string(),
                    what: format!("more than {FILES_MAX} files; the rest is not read: name a smaller folder"),
                });
                return;
            }
            let shown = if shown.is_empty() { name } else { format!("{shown}/{name}") };
            walk(&p, &shown, depth + 1, found, seen, troubles);
        }
        return;
    }
    if !meta.is_file() {
        trouble("neither file nor folder (pipe, socket or device); not read".into());
        return;
    }
    found.push(Input {
        shown: shown.to_owned(),
        path: Some(path.to_owned()),
        size: meta.len(),
        modified: meta.modified().ok(),
        identity: moves::identity(&meta),
        place: None,
    });
}

/// How the bytes are packed, by their first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    Plain,
    Gzip,
    Zstd,
    Xz,
    Bzip2,
    Zip,
    Tar,
}

fn packing(head: &[u8]) -> Packing {
    if head.starts_with(&[0x1f, 0x8b]) {
        Packing::Gzip
    } else if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        Packing::Zstd
    } else if head.starts_with(&[0xfd, b'7', b'z', b'X', b'Z', 0]) {
        Packing::Xz
    } else if head.starts_with(b"BZh") && head.get(4..10) == Some(&[0x31, 0x41, 0x59, 0x26, 0x53, 0x59]) {
        Packing::Bzip2
    } else if head.starts_with(b"PK\x03\x04") {
        Packing::Zip
    } else if head.get(257..262) == Some(b"ustar") {
        Packing::Tar
    } else {
        Packing::Plain
    }
}

/// Takes the bytes of one input, or of each member of an archive.
pub trait Consumer {
    /// The source that begins next is followed from a place on: what is handed over comes behind it.
    fn follow(&mut self, _place: &Arc<Place>) {}
    /// A new source begins; false: it is not wanted.
    fn begin(&mut self, shown: &str, modified: Option<SystemTime>) -> bool;
    /// Its next bytes; false: stop (Ctrl-C).
    fn chunk(&mut self, bytes: &[u8]) -> bool;
    /// Its bytes from here on lie in this file, which was so large when it was opened: the consumer may read them itself. Up
    /// to where it did.
    fn file(&mut self, _file: &File, from: u64, _size: u64) -> u64 {
        from
    }
    /// It is read to the end, or as far as it goes.
    fn end(&mut self, trouble: Option<String>);
}

/// Reads an input to a consumer.
pub fn read(input: &Input, consumer: &mut dyn Consumer) {
    let Some(path) = &input.path else {
        let budget = Budget::new(None);
        let stdin = Packed::new(io::stdin().lock(), &budget);
        source(&input.shown, None, Box::new(stdin), &budget, consumer, 0);
        return;
    };
    let (mut file, moved) = match moves::open(input, path) {
        Ok(found) => found,
        Err(e) => {
            let hint = match e.kind() {
                io::ErrorKind::NotFound => "it was there when the folder was listed: run again",
                _ => "run with the rights to read it",
            };
            refuse(&input.shown, input.modified, format!("cannot be opened ({e}); {hint}"), consumer);
            return;
        }
    };
    let zip = is_zip(&mut file);
    let mut watched = moves::Watched::new(input, path, &file, moved, consumer);
    let budget = Budget::new(Some(input.size));
    let packed = Packed::new(&file, &budget);
    if let Some(place) = &input.place {
        watched.follow(place);
        if place.grows {
            return followed(input, place, &file, &mut watched);
        }
        let mut behind = Behind::new(place, &mut watched);
        return source(&input.shown, input.modified, Box::new(packed), &budget, &mut behind, 0);
    }
    if let Some(head) = large_text(&file, input.size) {
        large(&input.shown, input.modified, &file, &head, 0..input.size, &mut watched);
    } else if zip {
        // Its table of contents is at its end: from disk a zip is read where it lies.
        archive_zip(&input.shown, input.modified, BufReader::new(packed), &budget, &mut watched, 0);
    } else {
        source(&input.shown, input.modified, Box::new(packed), &budget, &mut watched, 0);
    }
}

/// The first bytes of a file that is large and plain text. It stands at its start again afterwards.
fn large_text(mut file: &File, size: u64) -> Option<Vec<u8>> {
    if size < LARGE_BYTES {
        return None;
    }
    let mut head = vec![0u8; HEAD];
    let n = file.read(&mut head).unwrap_or(0);
    file.rewind().ok()?;
    head.truncate(n);
    let text = packing(&head) == Packing::Plain && utf16(&head).is_none() && !is_binary(&head);
    text.then_some(head)
}

/// A text from a place on.
fn followed(input: &Input, place: &Place, mut file: &File, consumer: &mut dyn Consumer) {
    let mut head = vec![0u8; HEAD];
    let sought = file.read(&mut head).and_then(|n| {
        head.truncate(n);
        file.seek(io::SeekFrom::Start(place.offset))
    });
    if let Err(e) = sought {
        refuse(&input.shown, input.modified, format!("reading stopped ({e})"), consumer);
        return;
    }
    let bytes = input.bytes();
    if bytes >= LARGE_BYTES && !is_binary(&head) {
        large(&input.shown, input.modified, file, &head, place.offset..input.size, consumer);
    } else {
        let buffer = usize::try_from(bytes).unwrap_or(CHUNK).clamp(HEAD, CHUNK);
        plain(&input.shown, input.modified, &head, BufReader::with_capacity(buffer, file), consumer);
    }
}

/// A large file: the consumer reads it on all cores; what it leaves, and what was written meanwhile, comes in order.
fn large(
    shown: &str,
    modified: Option<SystemTime>,
    mut file: &File,
    head: &[u8],
    range: Range<u64>,
    consumer: &mut dyn Consumer,
) {
    if !consumer.begin(shown, modified) {
        return;
    }
    let at = consumer.file(file, range.start, range.end);
    match file.seek(io::SeekFrom::Start(at)) {
        Ok(_) => rest(head, BufReader::with_capacity(CHUNK, file), consumer),
        Err(e) => {
            consumer.end(Some(format!("reading stopped at byte {at} ({e}); what came before was read")));
        }
    }
}

/// Does a file on disk begin as a zip does? It stands at its start again afterwards.
fn is_zip(file: &mut File) -> bool {
    let mut head = [0u8; 4];
    let read = file.read_exact(&mut head).is_ok();
    file.rewind().is_ok() && read && packing(&head) == Packing::Zip
}

fn source(
    shown: &str,
    modified: Option<SystemTime>,
    reader: Box<dyn Read + '_>,
    budget: &Budget,
    consumer: &mut dyn Consumer,
    depth: usize,
) {
    let mut reader = BufReader::with_capacity(budget.buffer(depth), reader);
    let mut head = vec![0u8; HEAD];
    let mut n = 0;
    let mut trouble = None;
    while n < head.len() {
        match reader.read(&mut head[n..]) {
            Ok(0) => break,
            Ok(k) => n += k,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => {
                trouble = Some(e);
                break;
            }
        }
    }
    head.truncate(n);
    let kind = packing(&head);
    if kind != Packing::Plain && depth >= PACKINGS_MAX {
        let what = format!("packed more than {PACKINGS_MAX} times over; not read: unpack it first");
        return refuse(shown, modified, what, consumer);
    }
    // What went wrong behind the first bytes goes wrong again for whoever reads on.
    let whole = io::Cursor::new(head.clone()).chain(Failed(trouble)).chain(reader);
    let unpacked = |name, decoder: Box<dyn Read + '_>, consumer: &mut dyn Consumer| {
        let decoder = Unpacked::new(name, decoder, budget);
        source(shown, modified, Box::new(decoder), budget, consumer, depth + 1);
    };
    match kind {
        Packing::Plain => plain(shown, modified, &head, whole, consumer),
        Packing::Gzip => unpacked("gzip", Box::new(flate2::read::MultiGzDecoder::new(whole)), consumer),
        Packing::Bzip2 => unpacked("bzip2", Box::new(bzip2::read::MultiBzDecoder::new(whole)), consumer),
        Packing::Zstd => {
            let frames = follow::ZstdFrames::new(BufReader::new(whole), memory_max(depth));
            unpacked("zstd", Box::new(frames), consumer);
        }
        Packing::Xz => {
            let limit_kib = u32::try_from(memory_max(depth) >> 10).unwrap_or(u32::MAX);
            let blocks = lzma_rust2::XzReader::new_mem_limit(whole, true, limit_kib);
            unpacked("xz", Box::new(blocks), consumer);
        }
        Packing::Zip => {
            let max = memory_max(depth);
            // Room that is not written takes no memory; a list that grows leaves behind what it was copied from.
            let mut bytes = Vec::with_capacity(usize::try_from(max).unwrap_or(0));
            match whole.take(max + 1).read_to_end(&mut bytes) {
                Err(e) => refuse(shown, modified, format!("reading stopped ({e})"), consumer),
                Ok(_) if bytes.len() as u64 > max => {
                    let what = format!(
                        "a zip inside of another archive or of a pipe is read from memory, and this one is larger than {} MiB; not read: unpack it first",
                        max >> 20
                    );
                    refuse(shown, modified, what, consumer);
                }
                Ok(_) => {
                    archive_zip(shown, modified, io::Cursor::new(bytes), budget, consumer, depth);
                }
            }
        }
        Packing::Tar => archive_tar(shown, modified, whole, budget, consumer, depth),
    }
}

fn refuse(shown: &str, modified: Option<SystemTime>, what: String, consumer: &mut dyn Consumer) {
    if consumer.begin(shown, modified) {
        consumer.end(Some(what));
    }
}

/// Share of bytes that no text has, NULs apart (logs have runs of them after a crash).
fn plain(
    shown: &str,
    modified: Option<SystemTime>,
    head: &[u8],
    reader: impl BufRead,
    consumer: &mut dyn Consumer,
) {
    if !consumer.begin(shown, modified) {
        return;
    }
    if utf16(head).is_none() && is_binary(head) {
        consumer.end(Some("binary data, not a log; not read".into()));
        return;
    }
    rest(head, reader, consumer);
}

/// Is it UTF-16, and with the high byte first?
fn utf16(head: &[u8]) -> Option<bool> {
    match head {
        [0xff, 0xfe, ..] => Some(false),
        [0xfe, 0xff, ..] => Some(true),
        [a, 0, b, 0, ..] if *a != 0 && *b != 0 => Some(false),
        _ => None,
    }
}

/// Reads text to its end; of which kind, its first bytes tell.
fn rest(head: &[u8], mut reader: impl BufRead, consumer: &mut dyn Consumer) {
    let utf16 = utf16(head);
    let mut total = 0u64;
    let mut torn: Vec<u8> = Vec::new();
    loop {
        let (n, go_on) = match reader.fill_buf() {
            Ok([]) => break,
            Ok(bytes) => {
                let go_on = match utf16 {
                    None => consumer.chunk(bytes),
                    Some(big) => {
                        torn.extend_from_slice(bytes);
                        let text = utf16_text(&mut torn, big);
                        consumer.chunk(text.as_bytes())
                    }
                };
                (bytes.len(), go_on)
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => {
                consumer
                    .end(Some(format!("reading stopped at byte {total} ({e}); what came before was read")));
                return;
            }
        };
        total += n as u64;
        reader.consume(n);
        if !go_on {
            break;
        }
    }
    consumer.end(utf16.map(|_| "written in UTF-16; read as text".into()));
}

/// The text of whole UTF-16 units; half a unit or half a pair at the end stays for the bytes that follow.
fn utf16_text(bytes: &mut Vec<u8>, big: bool) -> String {
    let unit =
        |c: &[u8]| if big { u16::from_be_bytes([c[0], c[1]]) } else { u16::from_le_bytes([c[0], c[1]]) };
    let mut whole = bytes.len() / 2 * 2;
    if whole >= 2 && (0xd800..0xdc00).contains(&unit(&bytes[whole - 2..whole])) {
        whole -= 2;
    }
    let units = bytes[..whole].chunks_exact(2).map(unit);
    let text = char::decode_utf16(units).map(|r| r.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    bytes.drain(..whole);
    text
}

fn archive_tar(
    shown: &str,
    modified: Option<SystemTime>,
    reader: impl Read,
    budget: &Budget,
    consumer: &mut dyn Consumer,
    depth: usize,
) {
    let room = Cell::new(TAR_HEAD_MAX);
    let mut archive = tar::Archive::new(Headed { inner: reader, room: &room });
    let entries = match archive.entries() {
        Ok(e) => e,
        Err(e) => return refuse(shown, modified, format!("broken tar archive ({e})"), consumer),
    };
    for entry in entries {
        let mut entry = match entry {
            Ok(e) => e,
            Err(e) => {
                let what = format!("broken tar archive ({e}); members before were read");
                return refuse(shown, modified, what, consumer);
            }
        };
        room.set(u64::MAX);
        let name = entry.path().map(|p| p.display().to_string()).unwrap_or_else(|_| "?".into());
        if entry.header().entry_type().is_file() && !is_foreign(Path::new(&name)) {
            source(&format!("{shown}:{name}"), modified, Box::new(&mut entry), budget, consumer, depth + 1);
        }
        // What nobody wanted is passed over here, so that between two members only heads are read.
        let passed = io::copy(&mut entry, &mut io::sink());
        room.set(TAR_HEAD_MAX);
        if let Err(e) = passed {
            let what = format!("reading stopped ({e}); members before were read");
            return refuse(shown, modified, what, consumer);
        }
    }
}

fn archive_zip(
    shown: &str,
    modified: Option<SystemTime>,
    reader: impl Read + Seek,
    budget: &Budget,
    consumer: &mut dyn Consumer,
    depth: usize,
) {
    let mut archive = match zip::ZipArchive::new(reader) {
        Ok(a) => a,
        Err(e) => {
            let what = format!("broken zip archive ({e}); copy the file anew");
            return refuse(shown, modified, what, consumer);
        }
    };
    for i in 0..archive.len() {
        match archive.by_index(i) {
            Ok(file) if file.is_file() => {
                let name = file.name().map_or_else(|_| format!("#{i}"), |n| n.into_owned());
                if is_foreign(Path::new(&name)) {
                    continue;
                }
                let file = Unpacked::new("zip", file, budget);
                source(&format!("{shown}:{name}"), modified, Box::new(file), budget, consumer, depth + 1);
            }
            Ok(_) => {}
            Err(e) => {
                refuse(&format!("{shown}:#{i}"), modified, format!("cannot be unpacked ({e})"), consumer)
            }
        }
        if budget.is_spent() {
            let what =
                format!("unpacks to more than {BOMB_RATIO} times its size; members after #{i} were not read");
            return refuse(shown, modified, what, consumer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packings_are_known_by_their_first_bytes() {
        assert_eq!(packing(&[0x1f, 0x8b, 8]), Packing::Gzip);
        assert_eq!(packing(b"PK\x03\x04x"), Packing::Zip);
        assert_eq!(packing(b"2026-11-24 x"), Packing::Plain);
    }

    /// Keeps what it is given, and does something to the files at the first bytes.
    #[derive(Default)]
    struct Kept {
        text: String,
        troubles: Vec<String>,
        meanwhile: Option<Box<dyn FnOnce()>>,
    }

    impl Consumer for Kept {
        fn begin(&mut self, _: &str, _: Option<SystemTime>) -> bool {
            true
        }

        fn chunk(&mut self, bytes: &[u8]) -> bool {
            self.text.push_str(&String::from_utf8_lossy(bytes));
            if let Some(act) = self.meanwhile.take() {
                act();
            }
            true
        }

        fn end(&mut self, trouble: Option<String>) {
            self.troubles.extend(trouble);
        }
    }

    fn folder(name: &str, files: &[(&str, &[u8])]) -> PathBuf {
        let path = std::env::temp_dir().join(format!("why500-input-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        for (name, text) in files {
            fs::write(path.join(name), text).unwrap();
        }
        path
    }

    fn listed(path: &Path) -> Vec<Input> {
        let mut troubles = Vec::new();
        let found = find(&[path.to_owned()], &mut troubles);
        assert!(troubles.is_empty(), "{troubles:?}");
        found
    }

    #[cfg(unix)]
    #[test]
    fn files_rotated_after_they_were_listed_are_read_once_each() {
        let dir = folder("rotated", &[("a.log", b"new\n"), ("a.log.1", b"older\n")]);
        let inputs = listed(&dir);
        fs::rename(dir.join("a.log.1"), dir.join("a.log.2")).unwrap();
        fs::rename(dir.join("a.log"), dir.join("a.log.1")).unwrap();
        fs::write(dir.join("a.log"), "newest\n").unwrap();
        let mut kept = Kept::default();
        inputs.iter().for_each(|i| read(i, &mut kept));
        assert_eq!(kept.text, "older\nnew\n");
        assert!(kept.troubles[0].contains("rotated to a.log.2"), "{:?}", kept.troubles);
        assert!(kept.troubles[1].contains("rotated to a.log.1"), "{:?}", kept.troubles);

        // Compressed and gone: its lines are in another file, and are not read in place of it.
        let inputs = listed(&dir);
        fs::remove_file(dir.join("a.log.2")).unwrap();
        let mut kept = Kept::default();
        inputs.iter().for_each(|i| read(i, &mut kept));
        assert_eq!(kept.text, "new\nnewest\n");
        assert!(kept.troubles[0].contains("run again"), "{:?}", kept.troubles);
        fs::remove_dir_all(dir).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn moves_while_a_file_is_read_are_named() {
        let text = "line\n".repeat(1 << 20);
        let dir = folder("meanwhile", &[("a.log", text.as_bytes()), ("b.log", text.as_bytes())]);
        let inputs = listed(&dir);
        let (a, b) = (dir.join("a.log"), dir.join("b.log"));
        let mut kept =
            Kept { meanwhile: Some(Box::new(move || drop(File::create(a).unwrap()))), ..Kept::default() };
        read(&inputs[0], &mut kept);
        assert!(kept.text.len() < text.len());
        assert!(kept.troubles[0].contains("truncated while it was read"), "{:?}", kept.troubles);

        let rotate = move || fs::rename(&b, b.with_extension("log.1")).unwrap();
        let mut kept = Kept { meanwhile: Some(Box::new(rotate)), ..Kept::default() };
        read(&inputs[1], &mut kept);
        assert_eq!(kept.text.len(), text.len());
        assert!(kept.troubles[0].contains("rotated while it was read"), "{:?}", kept.troubles);
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn all_frames_of_zstd_and_all_streams_of_xz_are_read() {
        // `zstd -c`, `xz -c` of "first\n" and of "second\n", one behind the other; between the frames one of other content.
        let zstd: &[u8] = &[
            0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0x31, 0x00, 0x00, 0x66, 0x69, 0x72, 0x73, 0x74, 0x0a, 0xc3,
            0x16, 0xad, 0x2c, 0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3, 0x28, 0xb5, 0x2f, 0xfd, 0x04,
            0x58, 0x39, 0x00, 0x00, 0x73, 0x65, 0x63, 0x6f, 0x6e, 0x64, 0x0a, 0x16, 0x40, 0x4c, 0x55,
        ];
        let xz: &[u8] = &[
            0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x04, 0xe6, 0xd6, 0xb4, 0x46, 0x02, 0x00, 0x21, 0x01,
            0x16, 0x00, 0x00, 0x00, 0x74, 0x2f, 0xe5, 0xa3, 0x01, 0x00, 0x05, 0x66, 0x69, 0x72, 0x73, 0x74,
            0x0a, 0x00, 0x00, 0x00, 0x49, 0x25, 0x23, 0xa4, 0x0a, 0x8a, 0x02, 0x8a, 0x00, 0x01, 0x1e, 0x06,
            0xc1, 0x2f, 0xa4, 0x1d, 0x1f, 0xb6, 0xf3, 0x7d, 0x01, 0x00, 0x00, 0x00, 0x00, 0x04, 0x59, 0x5a,
            0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x04, 0xe6, 0xd6, 0xb4, 0x46, 0x02, 0x00, 0x21, 0x01,
            0x16, 0x00, 0x00, 0x00, 0x74, 0x2f, 0xe5, 0xa3, 0x01, 0x00, 0x06, 0x73, 0x65, 0x63, 0x6f, 0x6e,
            0x64, 0x0a, 0x00, 0x00, 0x31, 0xbd, 0xb7, 0xf9, 0x5c, 0xc0, 0xf1, 0x6d, 0x00, 0x01, 0x1f, 0x07,
            0x16, 0x2e, 0xb8, 0x73, 0x1f, 0xb6, 0xf3, 0x7d, 0x01, 0x00, 0x00, 0x00, 0x00, 0x04, 0x59, 0x5a,
        ];
        let dir = folder("frames", &[("a.zst", zstd), ("b.xz", xz)]);
        for i in listed(&dir) {
            let mut kept = Kept::default();
            read(&i, &mut kept);
            assert_eq!((kept.text.as_str(), kept.troubles), ("first\nsecond\n", vec![]), "{}", i.shown);
        }
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn halves_of_utf16_units_and_pairs_wait_for_the_rest() {
        let bytes: Vec<u8> = "aé😀\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for cut in 0..bytes.len() {
            let mut rest = bytes[..cut].to_vec();
            let mut text = utf16_text(&mut rest, false);
            rest.extend_from_slice(&bytes[cut..]);
            text.push_str(&utf16_text(&mut rest, false));
            assert_eq!(text, "aé😀\n", "cut at {cut}");
        }
    }

    #[test]
    fn the_same_names_in_two_folders_are_two_logs() {
        let dir = folder("two", &[]);
        for web in ["web1", "web2"] {
            fs::create_dir(dir.join(web)).unwrap();
            fs::write(dir.join(web).join("access.log"), "x\n").unwrap();
        }
        let shown = |paths: &[PathBuf]| -> Vec<String> {
            find(paths, &mut Vec::new()).into_iter().map(|i| i.shown).collect()
        };
        let (one, two) = (dir.join("web1"), dir.join("web2"));
        assert_eq!(shown(std::slice::from_ref(&one)), ["access.log"]);
        let both = [format!("{}/access.log", one.display()), format!("{}/access.log", two.display())];
        assert_eq!(shown(&[two.clone(), one.clone()]), both);
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn binary_is_told_from_text() {
        assert!(is_binary(&[3u8; 200]));
        assert!(!is_binary("Grüße aus München: ERROR äöü\n".repeat(10).as_bytes()));
    }
}
