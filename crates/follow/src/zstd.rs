//! zstd as it lies on disk: frame after frame, some of other content (RFC 8878 §3.1).

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::io::{self, BufRead, Read};

/// The bytes that come out, frame after frame: `zstd` appends, `pzstd` and `cat` write several (RFC 8878 §3.1). Frames of other content are passed over.
pub struct ZstdFrames<R> {
    inner: R,
    decoder: FrameDecoder,
    begun: bool,
}

impl<R: BufRead> ZstdFrames<R> {
    /// A reader whose window may take so many bytes.
    pub fn new(inner: R, window_max: u64) -> ZstdFrames<R> {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(window_max);
        ZstdFrames { inner, decoder, begun: false }
    }

    /// Goes to the next frame; false at the end.
    fn next_frame(&mut self) -> io::Result<bool> {
        while !self.inner.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.inner) {
                Ok(()) => {
                    self.begun = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    io::copy(&mut (&mut self.inner).take(u64::from(length)), &mut io::sink())?;
                }
                Err(e) => return Err(io::Error::other(e)),
            }
        }
        Ok(false)
    }
}

impl<R: BufRead> Read for ZstdFrames<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            if self.begun && self.decoder.can_collect() > 0 {
                return self.decoder.read(out);
            }
            if !self.begun || self.decoder.is_finished() {
                if !self.next_frame()? {
                    return Ok(0);
                }
                continue;
            }
            self.decoder
                .decode_blocks(&mut self.inner, BlockDecodingStrategy::UptoBlocks(1))
                .map_err(io::Error::other)?;
        }
    }
}
