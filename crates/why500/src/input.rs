//! Finds and opens what a user names: files, folders, globs, archives, standard input; plain or compressed.
//!
//! Every oddity is a [`Trouble`] that names the file and what to do; the rest of the work goes on.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Files looked at in one run: a log folder with more is most likely not one.
const FILES_MAX: usize = 200_000;
/// Folders deeper than this are loops or not logs.
const DEPTH_MAX: usize = 32;
/// Bytes handed over at a time.
const CHUNK: usize = 1 << 20;
/// From this size on, a file is worth more than one core.
const LARGE_BYTES: u64 = 2 << 20;
/// A compressed file may grow so much before its ratio is looked at …
const BOMB_FLOOR: u64 = 1 << 30;
/// … and more than so many times its size is a bomb: text logs shrink 5 to 60 times.
const BOMB_RATIO: u64 = 500;

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
}

/// Something that could not be read, in whole sentences.
#[derive(Debug)]
pub struct Trouble {
    /// The file.
    pub shown: String,
    /// What was wrong, and what to do.
    pub what: String,
}

/// Names of files that are no logs, whatever folder they lie in.
fn is_foreign(path: &Path) -> bool {
    let ext = path.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
    matches!(
        ext.as_str(),
        "png"
            | "jpg"
            | "jpeg"
            | "gif"
            | "ico"
            | "svg"
            | "webp"
            | "pdf"
            | "woff"
            | "woff2"
            | "ttf"
            | "mp4"
            | "mp3"
            | "so"
            | "o"
            | "a"
            | "dll"
            | "exe"
            | "class"
            | "jar"
            | "war"
            | "pyc"
            | "db"
            | "sqlite"
            | "sqlite3"
            | "rdb"
            | "aof"
            | "ibd"
            | "frm"
            | "myd"
            | "myi"
            | "pid"
            | "sock"
            | "lock"
            | "pem"
            | "key"
            | "crt"
            | "p12"
            | "py"
            | "js"
            | "ts"
            | "php"
            | "rb"
            | "java"
            | "rs"
            | "go"
            | "c"
            | "h"
            | "cpp"
            | "css"
            | "scss"
            | "html"
            | "htm"
            | "md"
            | "toml"
            | "sh"
            | "pl"
            | "pm"
            | "lua"
            | "ex"
            | "exs"
            | "kt"
            | "scala"
            | "cs"
            | "swift"
            | "yml"
            | "yaml"
            | "vue"
            | "jsx"
            | "tsx"
            | "sql"
    )
}

/// Is it a server's configuration rather than a log?
pub fn is_config(path: &Path) -> bool {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("");
    name.ends_with(".conf") || name == ".htaccess"
}

/// Expands what the user named, in a stable order.
pub fn find(args: &[PathBuf], troubles: &mut Vec<Trouble>) -> Vec<Input> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    for arg in args {
        if arg.as_os_str() == "-" {
            found.push(Input { shown: "(standard input)".into(), path: None, size: 0, modified: None });
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
        // A folder's files are shown by their path within it: that is how people know them.
        let shown = if arg.is_dir() { String::new() } else { text.into_owned() };
        walk(arg, &shown, 0, &mut found, &mut seen, troubles);
    }
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
                _ => "the rest was read",
            };
            trouble(format!("cannot be opened ({e}); {hint}"));
            return;
        }
    };
    if let Ok(real) = fs::canonicalize(path)
        && !seen.insert(real)
    {
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
        let stdin = io::stdin();
        source(&input.shown, None, None, Box::new(stdin.lock()), consumer, 0);
        return;
    };
    let file = match File::open(path) {
        Ok(f) => f,
        Err(e) => {
            if consumer.begin(&input.shown, input.modified) {
                consumer.end(Some(format!("cannot be opened ({e}); run with the rights to read it")));
            }
            return;
        }
    };
    if let Some(head) = large_text(&file, input.size) {
        large(&input.shown, input.modified, file, &head, input.size, consumer);
        return;
    }
    source(&input.shown, input.modified, Some(input.size), Box::new(file), consumer, 0);
}

/// The first bytes of a file that is large and plain text.
fn large_text(mut file: &File, size: u64) -> Option<Vec<u8>> {
    if size < LARGE_BYTES {
        return None;
    }
    let mut head = vec![0u8; 8192];
    let n = file.read(&mut head).ok()?;
    head.truncate(n);
    file.rewind().ok()?;
    let text = packing(&head) == Packing::Plain && utf16(&head).is_none() && !is_binary(&head);
    text.then_some(head)
}

/// A large file: the consumer reads it on all cores; what it leaves, and what was written meanwhile, comes in order.
fn large(
    shown: &str,
    modified: Option<SystemTime>,
    mut file: File,
    head: &[u8],
    size: u64,
    consumer: &mut dyn Consumer,
) {
    if !consumer.begin(shown, modified) {
        return;
    }
    let at = consumer.file(&file, 0, size);
    match file.seek(io::SeekFrom::Start(at)) {
        Ok(_) => rest(head, file, consumer),
        Err(e) => {
            consumer.end(Some(format!("reading stopped at byte {at} ({e}); what came before was read")));
        }
    }
}

fn source(
    shown: &str,
    modified: Option<SystemTime>,
    size: Option<u64>,
    reader: Box<dyn Read + '_>,
    consumer: &mut dyn Consumer,
    depth: usize,
) {
    let mut reader = BufReader::with_capacity(CHUNK, reader);
    let mut head = vec![0u8; 8192];
    let mut n = 0;
    let mut trouble = None;
    while n < head.len() {
        match reader.read(&mut head[n..]) {
            Ok(0) => break,
            Ok(k) => n += k,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => {
                trouble = Some(format!("reading stopped at byte {n} ({e})"));
                break;
            }
        }
    }
    head.truncate(n);
    let kind = packing(&head);
    if let (true, Some(t)) = (head.is_empty(), &trouble) {
        if consumer.begin(shown, modified) {
            consumer.end(Some(t.clone()));
        }
        return;
    }
    let whole = io::Cursor::new(head.clone()).chain(reader);
    match kind {
        Packing::Plain => plain(shown, modified, &head, whole, consumer),
        Packing::Gzip => {
            unpack(shown, modified, size, "gzip", flate2::read::MultiGzDecoder::new(whole), consumer, depth)
        }
        Packing::Bzip2 => {
            unpack(shown, modified, size, "bzip2", bzip2::read::MultiBzDecoder::new(whole), consumer, depth)
        }
        Packing::Zstd => match ruzstd::decoding::StreamingDecoder::new(whole) {
            Ok(d) => unpack(shown, modified, size, "zstd", d, consumer, depth),
            Err(e) => {
                refuse(shown, modified, format!("broken zstd header ({e}); copy the file anew"), consumer)
            }
        },
        Packing::Xz => {
            // The decoder pushes, so it runs to a bounded buffer; rotated logs in xz are small.
            let mut out = Bounded { bytes: Vec::new(), max: BOMB_FLOOR as usize };
            let mut whole = BufReader::new(whole);
            let result = lzma_rs::xz_decompress(&mut whole, &mut out);
            let trouble = result.err().map(|e| {
                format!(
                    "broken xz data after {} bytes of text ({e:?}); what came before was read",
                    out.bytes.len()
                )
            });
            let bytes = out.bytes;
            if consumer.begin(shown, modified) {
                for c in bytes.chunks(CHUNK) {
                    if !consumer.chunk(c) {
                        break;
                    }
                }
                consumer.end(trouble);
            }
        }
        Packing::Zip => {
            let mut bytes = Vec::new();
            let mut whole = whole.take(BOMB_FLOOR);
            if let Err(e) = whole.read_to_end(&mut bytes) {
                refuse(shown, modified, format!("reading stopped ({e})"), consumer);
                return;
            }
            archive_zip(shown, modified, bytes, consumer, depth);
        }
        Packing::Tar => archive_tar(shown, modified, whole, consumer, depth),
    }
}

struct Bounded {
    bytes: Vec<u8>,
    max: usize,
}

impl io::Write for Bounded {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + buf.len() > self.max {
            return Err(io::Error::other("it unpacks to more than 1 GiB"));
        }
        self.bytes.extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn refuse(shown: &str, modified: Option<SystemTime>, what: String, consumer: &mut dyn Consumer) {
    if consumer.begin(shown, modified) {
        consumer.end(Some(what));
    }
}

/// Share of bytes that no text has, NULs apart (logs have runs of them after a crash).
fn is_binary(head: &[u8]) -> bool {
    if head.len() < 64 {
        return false;
    }
    let odd = head.iter().filter(|b| matches!(b, 1..=6 | 14..=26 | 28..=31 | 127)).count();
    let nul = head.iter().filter(|b| **b == 0).count();
    let newline = head.contains(&b'\n');
    odd * 20 > head.len() || (nul * 4 > head.len() && (odd > 8 || !newline))
}

fn plain(
    shown: &str,
    modified: Option<SystemTime>,
    head: &[u8],
    reader: impl Read,
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

/// Is it UTF-16, with the high byte first?
fn utf16(head: &[u8]) -> Option<bool> {
    match head {
        [0xff, 0xfe, ..] => Some(false),
        [0xfe, 0xff, ..] => Some(true),
        [a, 0, b, 0, ..] if *a != 0 && *b != 0 => Some(false),
        _ => None,
    }
}

/// Reads text to its end.
fn rest(head: &[u8], mut reader: impl Read, consumer: &mut dyn Consumer) {
    let utf16 = utf16(head);
    let mut buffer = vec![0u8; CHUNK];
    let mut total = 0u64;
    let mut odd: Option<u8> = None;
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => {
                total += n as u64;
                let go_on = match utf16 {
                    None => consumer.chunk(&buffer[..n]),
                    Some(big) => {
                        let mut bytes: Vec<u8> =
                            odd.take().into_iter().chain(buffer[..n].iter().copied()).collect();
                        if bytes.len() % 2 == 1 {
                            odd = bytes.pop();
                        }
                        let units = bytes.chunks_exact(2).map(|c| {
                            if big {
                                u16::from_be_bytes([c[0], c[1]])
                            } else {
                                u16::from_le_bytes([c[0], c[1]])
                            }
                        });
                        let text: String = char::decode_utf16(units)
                            .map(|r| r.unwrap_or(char::REPLACEMENT_CHARACTER))
                            .collect();
                        consumer.chunk(text.as_bytes())
                    }
                };
                if !go_on {
                    break;
                }
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => {
                consumer
                    .end(Some(format!("reading stopped at byte {total} ({e}); what came before was read")));
                return;
            }
        }
    }
    consumer.end(None);
}

fn unpack(
    shown: &str,
    modified: Option<SystemTime>,
    size: Option<u64>,
    name: &str,
    decoder: impl Read,
    consumer: &mut dyn Consumer,
    depth: usize,
) {
    let mut decoder = BufReader::with_capacity(CHUNK, decoder);
    let mut head = vec![0u8; 512];
    let mut n = 0;
    let mut failed = None;
    while n < head.len() {
        match decoder.read(&mut head[n..]) {
            Ok(0) => break,
            Ok(k) => n += k,
            Err(e) => {
                failed = Some(e);
                break;
            }
        }
    }
    head.truncate(n);
    if let Some(e) = &failed
        && head.is_empty()
    {
        refuse(
            shown,
            modified,
            format!("broken {name} data at its start ({e}); copy the file anew"),
            consumer,
        );
        return;
    }
    if packing(&head) == Packing::Tar && depth < 2 {
        archive_tar(shown, modified, io::Cursor::new(head).chain(decoder), consumer, depth);
        return;
    }
    if !consumer.begin(shown, modified) {
        return;
    }
    if is_binary(&head) {
        consumer.end(Some(format!("{name} data that holds no text; not read")));
        return;
    }
    let mut total = head.len() as u64;
    let mut go_on = consumer.chunk(&head);
    let mut buffer = vec![0u8; CHUNK];
    while go_on && failed.is_none() {
        match decoder.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => {
                total += n as u64;
                go_on = consumer.chunk(&buffer[..n]);
                if let Some(size) = size
                    && total > BOMB_FLOOR
                    && total / size.max(1) > BOMB_RATIO
                {
                    consumer.end(Some(format!("unpacks to more than {BOMB_RATIO} times its size: stopped after {total} bytes of text")));
                    return;
                }
            }
            Err(e) => failed = Some(e),
        }
    }
    consumer.end(
        failed.map(|e| {
            format!("broken {name} data after {total} bytes of text ({e}); what came before was read")
        }),
    );
}

fn archive_tar(
    shown: &str,
    modified: Option<SystemTime>,
    reader: impl Read,
    consumer: &mut dyn Consumer,
    depth: usize,
) {
    let mut archive = tar::Archive::new(reader);
    let entries = match archive.entries() {
        Ok(e) => e,
        Err(e) => return refuse(shown, modified, format!("broken tar archive ({e})"), consumer),
    };
    for entry in entries {
        match entry {
            Ok(entry) => {
                if !entry.header().entry_type().is_file() {
                    continue;
                }
                let name = entry.path().map(|p| p.display().to_string()).unwrap_or_else(|_| "?".into());
                if is_foreign(Path::new(&name)) {
                    continue;
                }
                let size = entry.size();
                let shown = format!("{shown}:{name}");
                if depth < 2 {
                    source(&shown, modified, Some(size), Box::new(entry), consumer, depth + 1);
                }
            }
            Err(e) => {
                refuse(
                    shown,
                    modified,
                    format!("broken tar archive ({e}); members before were read"),
                    consumer,
                );
                return;
            }
        }
    }
}

fn archive_zip(
    shown: &str,
    modified: Option<SystemTime>,
    bytes: Vec<u8>,
    consumer: &mut dyn Consumer,
    depth: usize,
) {
    let mut archive = match zip::ZipArchive::new(io::Cursor::new(bytes)) {
        Ok(a) => a,
        Err(e) => {
            return refuse(
                shown,
                modified,
                format!("broken zip archive ({e}); copy the file anew"),
                consumer,
            );
        }
    };
    for i in 0..archive.len() {
        match archive.by_index(i) {
            Ok(file) if file.is_file() => {
                let name = file.name().map_or_else(|_| format!("#{i}"), |n| n.into_owned());
                if is_foreign(Path::new(&name)) || depth >= 2 {
                    continue;
                }
                let size = file.compressed_size();
                source(&format!("{shown}:{name}"), modified, Some(size), Box::new(file), consumer, depth + 1);
            }
            Ok(_) => {}
            Err(e) => {
                refuse(&format!("{shown}:#{i}"), modified, format!("cannot be unpacked ({e})"), consumer)
            }
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

    #[test]
    fn binary_is_told_from_text() {
        assert!(is_binary(&[3u8; 200]));
        assert!(!is_binary("Grüße aus München: ERROR äöü\n".repeat(10).as_bytes()));
    }
}
