//! Compressed requests, bounded by what comes out.

use crate::{
    convert::Invalid,
    room::{Room, Share},
    status::Problem,
};
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use std::io::{self, Read};

/// What a request may be compressed with, as `grpc-accept-encoding` says it.
pub const ACCEPTED: &str = "identity,gzip,deflate,zstd";

/// Room is taken for what comes out in steps of this many bytes.
const STEP: usize = 64 * 1024;

/// Largest window that a zstd form may ask for, as a power of two: a form of a few bytes may ask for
/// 2 GiB. Nothing that is accepted needs more than 16 MiB.
const ZSTD_WINDOW: u32 = 24;

/// How a message is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    Gzip,
    Deflate,
    Zstd,
}

impl Compression {
    /// What the header `grpc-encoding` says; `None` for no compression.
    ///
    /// # Errors
    /// When it says something that is not known here.
    pub fn of(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        match headers.get("grpc-encoding").map(http::HeaderValue::as_bytes) {
            None | Some(b"identity") => Ok(None),
            Some(b"gzip") => Ok(Some(Self::Gzip)),
            Some(b"deflate") => Ok(Some(Self::Deflate)),
            Some(b"zstd") => Ok(Some(Self::Zstd)),
            Some(_) => Err(Problem::UnknownCompression),
        }
    }

    /// What comes out of `compressed`, and the room it takes. `None` if that is more than `limit` bytes.
    ///
    /// # Errors
    /// When nothing comes out, or there is no room.
    pub fn decompress(
        self,
        compressed: &[u8],
        limit: usize,
        room: &Room,
    ) -> Result<Option<(Bytes, Share)>, Problem> {
        match self {
            Self::Gzip => read(flate2::read::GzDecoder::new(compressed), limit, room),
            Self::Deflate => read(flate2::read::ZlibDecoder::new(compressed), limit, room),
            Self::Zstd => {
                let mut reader =
                    zstd::stream::read::Decoder::with_buffer(compressed).map_err(broken)?;
                reader.window_log_max(ZSTD_WINDOW).map_err(broken)?;
                read(reader, limit, room)
            }
        }
    }
}

fn read(
    mut reader: impl Read,
    limit: usize,
    room: &Room,
) -> Result<Option<(Bytes, Share)>, Problem> {
    let mut share = room.try_take(STEP).map_err(|_| room.full())?;
    let mut out = BytesMut::new();
    loop {
        let length = out.len();
        out.resize(length + STEP, 0);
        let read = reader.read(&mut out[length..]).map_err(broken)?;
        out.truncate(length + read);
        if read == 0 {
            return Ok(Some((out.freeze(), share)));
        }
        if out.len() > limit {
            return Ok(None);
        }
        if out.len() + STEP > share.num_permits() {
            share.merge(room.try_take(STEP).map_err(|_| room.full())?);
        }
    }
}

fn broken(error: io::Error) -> Problem {
    Invalid::Malformed(format!("it cannot be decompressed: {error}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::NoRpcObserver;
    use std::{io::Write, sync::Arc};

    fn room(limit: usize) -> Room {
        Room::new("bytes", limit, Arc::new(NoRpcObserver))
    }

    fn gzip(length: usize) -> Vec<u8> {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        writer.write_all(&vec![0; length]).unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn what_comes_out_is_bounded_not_what_goes_in() {
        const MIB: usize = 1024 * 1024;
        let room = room(64 * MIB);
        let fitting = gzip(2 * MIB);
        let (bytes, share) =
            Compression::Gzip.decompress(&fitting, 2 * MIB, &room).unwrap().unwrap();
        assert_eq!(bytes.len(), 2 * MIB);
        assert!(share.num_permits() >= 2 * MIB);
        let bomb = gzip(256 * MIB);
        assert!(bomb.len() < MIB);
        assert_eq!(Compression::Gzip.decompress(&bomb, 2 * MIB, &room).unwrap().map(|_| ()), None);
    }

    #[test]
    fn what_finds_no_room_is_refused() {
        let refused = Compression::Gzip.decompress(&gzip(1024 * 1024), 1 << 24, &room(256 * 1024));
        assert_eq!(refused.map(|_| ()), Err(Problem::Overloaded("bytes")));
    }

    #[test]
    fn a_zstd_form_cannot_ask_for_a_large_window() {
        let mut writer = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        writer.window_log(27).unwrap();
        writer.write_all(b"small").unwrap();
        let form = writer.finish().unwrap();
        let refused = Compression::Zstd.decompress(&form, 1 << 24, &room(1 << 24));
        assert!(matches!(refused, Err(Problem::Invalid(Invalid::Malformed(_)))));
        let form = zstd::stream::encode_all(&b"small"[..], 3).unwrap();
        let (bytes, _) =
            Compression::Zstd.decompress(&form, 1 << 24, &room(1 << 24)).unwrap().unwrap();
        assert_eq!(&bytes[..], b"small");
    }

    #[test]
    fn what_is_broken_is_malformed() {
        for compression in [Compression::Gzip, Compression::Deflate, Compression::Zstd] {
            let broken = compression.decompress(b"not compressed", 1 << 24, &room(1 << 24));
            assert!(matches!(broken, Err(Problem::Invalid(Invalid::Malformed(_)))));
        }
    }
}
