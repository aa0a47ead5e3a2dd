//! Bodies that say who sent them and whether they arrived whole. No store makes them smaller.
//!
//! `publisher u32 | number u64 | padding | crc32c of all before, u32`, big-endian.

use bytes::Bytes;

/// The smallest body.
pub const MIN_BYTES: usize = 16;

/// Which message this is, among all of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Who sent it.
    pub publisher: u32,
    /// As which of its messages, counted up.
    pub number: u64,
}

/// Messages that only mark an end.
pub const MARKER: u32 = u32::MAX;

/// A body of this many bytes (at least [`MIN_BYTES`]).
pub fn encode(key: Key, size: usize) -> Bytes {
    let mut body = Vec::with_capacity(size.max(MIN_BYTES));
    body.extend_from_slice(&key.publisher.to_be_bytes());
    body.extend_from_slice(&key.number.to_be_bytes());
    let length = size.max(MIN_BYTES) - 4;
    let mut noise = key.number;
    while body.len() < length {
        // Knuth's multiplier: noise enough for a compressor.
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        body.extend_from_slice(&(noise ^ (noise >> 33)).to_be_bytes());
    }
    body.truncate(length);
    body.extend_from_slice(&crc32c::crc32c(&body).to_be_bytes());
    body.into()
}

/// Which message a body is; nothing if it is damaged.
pub fn decode(body: &[u8]) -> Option<Key> {
    let (content, checksum) = body.split_last_chunk::<4>()?;
    let (publisher, rest) = content.split_first_chunk::<4>()?;
    let (number, _) = rest.split_first_chunk::<8>()?;
    (crc32c::crc32c(content) == u32::from_be_bytes(*checksum)).then(|| Key {
        publisher: u32::from_be_bytes(*publisher),
        number: u64::from_be_bytes(*number),
    })
}

#[test]
fn a_changed_body_is_found() {
    let key = Key { publisher: 7, number: 1 << 40 };
    let body = encode(key, 100);
    assert_eq!((body.len(), decode(&body)), (100, Some(key)));
    let mut changed = body.to_vec();
    changed[50] ^= 1;
    assert_eq!(decode(&changed), None);
    assert_eq!(decode(&body[..99]), None);
    assert_eq!(decode(b""), None);
}
