//! Frames: a length, a checksum, a payload.

/// First bytes of a segment.
pub(crate) const MAGIC: &[u8; 8] = b"MLWLOG1\n";
/// Bytes before a payload.
pub(crate) const HEAD: usize = 8;
/// Longest payload that a reader believes in.
pub(crate) const LONGEST: usize = 1 << 30;

/// Append a frame whose payload `write` appends.
pub(crate) fn push_frame(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; HEAD]);
    write(out);
    let payload = &out[start + HEAD..];
    let (length, sum) = (payload.len() as u32, crc32fast::hash(payload));
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    out[start + 4..start + HEAD].copy_from_slice(&sum.to_le_bytes());
}

/// The payload of the frame at `at` and where the next one starts; none at a torn or corrupt frame and at the end.
pub(crate) fn next_frame(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let length = u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize;
    let sum = u32::from_le_bytes(bytes.get(at + 4..at + HEAD)?.try_into().ok()?);
    if length > LONGEST {
        return None;
    }
    let end = at + HEAD + length;
    let payload = bytes.get(at + HEAD..end)?;
    (crc32fast::hash(payload) == sum).then_some((payload, end))
}
