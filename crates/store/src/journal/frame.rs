//! The bytes of one frame.

use crate::limits::PAYLOAD_BYTES_MAX;

/// Length, CRC, position.
pub(super) const HEAD: usize = 16;

/// Writes a frame.
pub(super) fn write(out: &mut Vec<u8>, position: u64, payload: &[u8]) {
    // Longer payloads were refused.
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&crc(position, payload).to_le_bytes());
    out.extend_from_slice(&position.to_le_bytes());
    out.extend_from_slice(payload);
}

/// Reads the frame at the begin of some bytes: its position and its payload. `None` if there is no whole one.
pub(super) fn read(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (sum, rest) = rest.split_first_chunk::<4>()?;
    let (position, rest) = rest.split_first_chunk::<8>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok().filter(|n| *n <= PAYLOAD_BYTES_MAX)?;
    let position = u64::from_le_bytes(*position);
    let payload = rest.get(..length)?;
    (crc(position, payload) == u32::from_le_bytes(*sum)).then_some((position, payload))
}

/// The position that a frame would have, were there one: cheap to look at before a CRC is taken.
pub(super) fn position(bytes: &[u8]) -> Option<u64> {
    bytes.get(8..HEAD).and_then(|b| b.first_chunk::<8>()).map(|b| u64::from_le_bytes(*b))
}

fn crc(position: u64, payload: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&position.to_le_bytes());
    crc.update(payload);
    crc.finalize()
}
