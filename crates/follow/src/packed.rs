//! A rotated file that was packed before it was read to its end.

use crate::zstd::ZstdFrames;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// A file may unpack to so many bytes before its ratio is looked at …
const BOMB_FLOOR: u64 = 512 << 20;
/// … and more than so many times its size is a bomb: logs grow 5 to 60 times.
const BOMB_RATIO: u64 = 500;
/// Bytes unpacked at a time.
const STEP: u64 = 64 << 10;
/// Memory that the window of zstd or xz may take: `xz -9` needs 65 MiB, `zstd -19` 8.
const MEMORY_MAX: u64 = 72 << 20;

/// What rotation packs a file with: logrotate's `compresscmd`, newsyslog, log libraries, people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Gzip,
    Zstd,
    Xz,
    Bzip2,
}

impl Packing {
    /// By its name.
    pub fn of(path: &Path) -> Option<Packing> {
        Some(match path.extension()?.to_str()? {
            "gz" => Packing::Gzip,
            "zst" => Packing::Zstd,
            "xz" => Packing::Xz,
            "bz2" => Packing::Bzip2,
            _ => return None,
        })
    }

    fn decoder(self, file: File) -> Box<dyn Read + Send> {
        let file = BufReader::new(file);
        match self {
            Packing::Gzip => Box::new(flate2::read::MultiGzDecoder::new(file)),
            Packing::Zstd => Box::new(ZstdFrames::new(file, MEMORY_MAX)),
            Packing::Xz => {
                Box::new(lzma_rust2::XzReader::new_mem_limit(file, true, (MEMORY_MAX >> 10) as u32))
            }
            Packing::Bzip2 => Box::new(bzip2::read::MultiBzDecoder::new(file)),
        }
    }
}

/// The bytes that come out of a packed file, from the front to the back.
pub(crate) struct Unpacking {
    decoder: Box<dyn Read + Send>,
    size: u64,
    /// What came out last, and where it begins.
    kept: Vec<u8>,
    at: u64,
}

impl Unpacking {
    pub fn new(packing: Packing, file: File) -> io::Result<Unpacking> {
        let size = file.metadata()?.len();
        Ok(Unpacking { decoder: packing.decoder(file), size, kept: Vec::new(), at: 0 })
    }

    fn reached(&self) -> u64 {
        self.at + self.kept.len() as u64
    }

    /// Unpacks a step further; false at the end.
    fn step(&mut self) -> io::Result<bool> {
        if self.reached() > BOMB_FLOOR && self.reached() / self.size.max(1) > BOMB_RATIO {
            return Err(io::Error::other(format!("it unpacks to more than {BOMB_RATIO} times its size")));
        }
        let n = self.decoder.by_ref().take(STEP).read_to_end(&mut self.kept)?;
        Ok(n > 0)
    }

    /// Up to so many bytes from a place on, which must not lie before that of the last call.
    pub fn window(&mut self, from: u64, max: usize) -> io::Result<Vec<u8>> {
        loop {
            let passed = usize::try_from(from.saturating_sub(self.at)).unwrap_or(usize::MAX);
            let passed = passed.min(self.kept.len());
            self.kept.drain(..passed);
            self.at += passed as u64;
            if (self.at == from && self.kept.len() >= max) || !self.step()? {
                break;
            }
        }
        if self.at != from {
            return Ok(Vec::new());
        }
        Ok(self.kept.get(..max).unwrap_or(&self.kept).to_vec())
    }
}
