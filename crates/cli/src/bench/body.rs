//! The body of a bench's message: who sent it, its number, when it was due, its lifetime, and a
//! checksum over all of it.
//!
//! Little-endian: checksum (4 bytes, CRC-32C of the rest), publisher (4), number (8), due (8, ns of the
//! bench's own clock), lifetime (8, ns; 0: delivered only), then filler up to the size asked for.

use bytes::{Bytes, BytesMut};
use std::time::Duration;

/// The smallest body, in bytes.
pub const LEAST_BYTES: usize = 32;
/// Bodies are cut from buffers of this size: one allocation serves many.
const BUFFER_BYTES: usize = 64 * 1024;

/// What a body says of its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    pub publisher: u32,
    /// Counted from 0 for each publisher.
    pub number: u64,
    /// When it was to be sent, in ns of the bench's clock.
    pub due: u64,
    /// Zero: delivered only.
    pub lifetime: Duration,
}

/// Makes bodies of one size.
#[derive(Debug)]
pub struct Press {
    size: usize,
    filler: Vec<u8>,
    buffer: BytesMut,
}

impl Press {
    /// Of that many bytes each, and no fewer than [`LEAST_BYTES`].
    pub fn new(size: usize) -> Self {
        let filler = (0..size.saturating_sub(LEAST_BYTES)).map(|at| (at % 251) as u8).collect();
        Self { size: size.max(LEAST_BYTES), filler, buffer: BytesMut::new() }
    }

    pub fn body(&mut self, stamp: Stamp) -> Bytes {
        if self.buffer.capacity() < self.size {
            self.buffer = BytesMut::with_capacity(BUFFER_BYTES.max(self.size));
        }
        let lifetime = u64::try_from(stamp.lifetime.as_nanos()).unwrap_or(u64::MAX);
        self.buffer.extend_from_slice(&[0; 4]);
        self.buffer.extend_from_slice(&stamp.publisher.to_le_bytes());
        self.buffer.extend_from_slice(&stamp.number.to_le_bytes());
        self.buffer.extend_from_slice(&stamp.due.to_le_bytes());
        self.buffer.extend_from_slice(&lifetime.to_le_bytes());
        self.buffer.extend_from_slice(&self.filler);
        let checksum = crc32c::crc32c(&self.buffer[4..]);
        self.buffer[..4].copy_from_slice(&checksum.to_le_bytes());
        self.buffer.split().freeze()
    }
}

/// What a body says; `None` when it is not as it was made.
pub fn read(body: &[u8]) -> Option<Stamp> {
    let (checksum, rest) = body.split_first_chunk::<4>()?;
    let (publisher, fields) = rest.split_first_chunk::<4>()?;
    let (number, fields) = fields.split_first_chunk::<8>()?;
    let (due, fields) = fields.split_first_chunk::<8>()?;
    let (lifetime, _filler) = fields.split_first_chunk::<8>()?;
    (crc32c::crc32c(rest) == u32::from_le_bytes(*checksum)).then(|| Stamp {
        publisher: u32::from_le_bytes(*publisher),
        number: u64::from_le_bytes(*number),
        due: u64::from_le_bytes(*due),
        lifetime: Duration::from_nanos(u64::from_le_bytes(*lifetime)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp =
        Stamp { publisher: 3, number: 70_000, due: 9, lifetime: Duration::from_millis(1) };

    #[test]
    fn a_body_says_what_it_was_made_of() {
        for size in [0, LEAST_BYTES, 100, 200_000] {
            let body = Press::new(size).body(STAMP);
            assert_eq!(body.len(), size.max(LEAST_BYTES));
            assert_eq!(read(&body), Some(STAMP));
        }
    }

    #[test]
    fn bodies_of_one_press_are_apart() {
        let mut press = Press::new(100);
        let bodies: Vec<_> =
            (0..2_000).map(|number| press.body(Stamp { number, ..STAMP })).collect();
        for (number, body) in bodies.iter().enumerate() {
            assert_eq!(read(body).unwrap().number, number as u64);
        }
    }

    #[test]
    fn any_changed_bit_or_length_is_seen() {
        let body = Press::new(40).body(STAMP);
        for at in 0..body.len() * 8 {
            let mut changed = body.to_vec();
            changed[at / 8] ^= 1 << (at % 8);
            assert_eq!(read(&changed), None, "bit {at}");
        }
        assert_eq!(read(&body[..39]), None);
        assert_eq!(read(b""), None);
    }
}
