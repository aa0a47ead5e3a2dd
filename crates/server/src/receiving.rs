//! Requests as they come in: gRPC's frames taken apart, bounded in what they hold.
//!
//! A message that comes in one piece is handed on as it is. Only one that comes in several is
//! gathered, and takes room for its whole length before it is: whoever finds none holds nothing, so
//! nobody waits for another that waits too.

use crate::{
    compression::Compression,
    convert::Invalid,
    limits::{MAX_MESSAGE, MAX_REQUEST, RECEIVE_PAUSE},
    room::{Room, Share},
    status::Problem,
};
use bytes::{Buf, Bytes, BytesMut};
use http::Request;
use http_body::Body;
use http_body_util::BodyExt;
use tokio::time::timeout;

/// Compression flag and length.
const PREFIX: usize = 5;

/// What a compressed form of the largest request may have more than that itself.
const COMPRESSION_OVERHEAD: usize = 16 * 1024;

/// Space made for a message before more of it is there; beyond that it grows with what comes.
const FIRST_SPACE: usize = 1024 * 1024;

/// What the messages of a call may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One message of at most [`MAX_MESSAGE`] bytes. A larger one is read to its end (up to
    /// [`MAX_REQUEST`] bytes) and passed over, so that its client hears why it is refused.
    Unary,
    /// Batches of at most [`MAX_REQUEST`] bytes. A larger one ends the stream.
    Batches,
}

impl Kind {
    fn limit(self) -> usize {
        match self {
            Self::Unary => MAX_MESSAGE,
            Self::Batches => MAX_REQUEST,
        }
    }

    fn too_large(self, bytes: usize) -> Problem {
        match self {
            Self::Unary => Invalid::TooLarge(bytes).into(),
            Self::Batches => Problem::BatchTooLarge(format!(
                "the batch has {bytes} bytes or more, the limit is {MAX_REQUEST}"
            )),
        }
    }
}

/// One message, and the room it takes until it is dropped.
pub struct Received {
    pub bytes: Bytes,
    pub share: Option<Share>,
}

/// The messages of one call.
pub struct Receiving<B> {
    body: B,
    compression: Option<Compression>,
    kind: Kind,
    room: Room,
    /// What came and was not looked at.
    rest: Bytes,
    /// The beginning of a prefix that came in pieces.
    prefix: BytesMut,
    /// The message that is being read.
    current: Option<Current>,
}

struct Current {
    length: usize,
    is_compressed: bool,
    /// Bytes of it that are passed over: it is too large.
    passed: Option<usize>,
    gathered: BytesMut,
    share: Option<Share>,
}

impl<B> Receiving<B>
where
    B: Body<Data = Bytes> + Unpin,
{
    /// Reads the messages of a request.
    ///
    /// # Errors
    /// When they are compressed in a way that is not known.
    pub fn new(request: Request<B>, kind: Kind, room: Room) -> Result<Self, Problem> {
        let compression = Compression::of(request.headers())?;
        Ok(Self {
            body: request.into_body(),
            compression,
            kind,
            room,
            rest: Bytes::new(),
            prefix: BytesMut::new(),
            current: None,
        })
    }

    /// The next message; `None` when the client has sent its last one. A dropped wait loses nothing.
    ///
    /// # Errors
    /// What is wrong with it; nothing can be read after that.
    pub async fn next(&mut self) -> Result<Option<Received>, Problem> {
        while self.current.is_none() {
            if let Some(prefix) = self.take_prefix() {
                self.current = Some(self.begin(prefix)?);
            } else if !self.more().await? {
                return if self.prefix.is_empty() { Ok(None) } else { Err(cut_off()) };
            }
        }
        loop {
            if let Some(message) = self.take_message()? {
                return Ok(Some(message));
            }
            self.make_room().await?;
            // What holds room may not be left lying.
            let more = timeout(RECEIVE_PAUSE, self.more()).await;
            if !more.map_err(|_| self.room.full())?? {
                return Err(cut_off());
            }
        }
    }

    /// The only message of a unary call.
    ///
    /// # Errors
    /// As [`Receiving::next`]; also when there is none.
    pub async fn only(mut self) -> Result<Received, Problem> {
        let none = || Invalid::Malformed("the request has no message".into()).into();
        self.next().await?.ok_or_else(none)
    }

    /// Waits for data; false at the end.
    async fn more(&mut self) -> Result<bool, Problem> {
        loop {
            match self.body.frame().await {
                None => return Ok(false),
                Some(Err(_)) => return Err(Problem::ClientGone),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if data.is_empty() => {}
                    Ok(data) => {
                        self.rest = data;
                        return Ok(true);
                    }
                    // Requests have no trailers that mean anything here.
                    Err(_) => {}
                },
            }
        }
    }

    fn take_prefix(&mut self) -> Option<[u8; PREFIX]> {
        let missing = PREFIX - self.prefix.len();
        if self.prefix.is_empty() && self.rest.len() >= PREFIX {
            let mut prefix = [0; PREFIX];
            self.rest.copy_to_slice(&mut prefix);
            return Some(prefix);
        }
        let piece = self.rest.split_to(missing.min(self.rest.len()));
        self.prefix.extend_from_slice(&piece);
        let prefix = self.prefix[..].try_into().ok()?;
        self.prefix.clear();
        Some(prefix)
    }

    /// Looks at the length before anything is made for it.
    fn begin(&self, prefix: [u8; PREFIX]) -> Result<Current, Problem> {
        let [flag, length @ ..] = prefix;
        let length = u32::from_be_bytes(length) as usize;
        let is_compressed = match (flag, self.compression) {
            (0, _) => false,
            (1, Some(_)) => true,
            (1, None) => return Err(malformed("it is compressed, but grpc-encoding is not set")),
            _ => return Err(malformed("its compression flag is neither 0 nor 1")),
        };
        let longest = if is_compressed { MAX_REQUEST + COMPRESSION_OVERHEAD } else { MAX_REQUEST };
        if length > longest {
            return Err(self.kind.too_large(length));
        }
        let passed = (!is_compressed && length > self.kind.limit()).then_some(0);
        Ok(Current { length, is_compressed, passed, gathered: BytesMut::new(), share: None })
    }

    /// Takes what came; the message, when it is complete.
    fn take_message(&mut self) -> Result<Option<Received>, Problem> {
        let Some(current) = &mut self.current else { return Ok(None) };
        if let Some(passed) = &mut current.passed {
            *passed += self.rest.len();
            self.rest.clear();
            let (is_passed, length) = (*passed >= current.length, current.length);
            return if is_passed { Err(self.kind.too_large(length)) } else { Ok(None) };
        }
        let is_whole = current.gathered.is_empty() && self.rest.len() >= current.length;
        if !is_whole && current.share.is_none() {
            return Ok(None);
        }
        let missing = current.length - current.gathered.len();
        let piece = self.rest.split_to(missing.min(self.rest.len()));
        if piece.len() < missing {
            current.gathered.extend_from_slice(&piece);
            return Ok(None);
        }
        let Some(mut current) = self.current.take() else { return Ok(None) };
        let bytes = if is_whole {
            piece
        } else {
            current.gathered.extend_from_slice(&piece);
            current.gathered.freeze()
        };
        let received = Received { bytes, share: current.share };
        if current.is_compressed {
            self.decompress(&received).map(Some)
        } else {
            Ok(Some(received))
        }
    }

    /// Takes room for a message that comes in pieces, and takes in the piece that is there.
    async fn make_room(&mut self) -> Result<(), Problem> {
        let Some(current) = &mut self.current else { return Ok(()) };
        if current.share.is_some() || current.passed.is_some() {
            return Ok(());
        }
        current.share = Some(self.room.take(current.length).await?);
        current.gathered.reserve(current.length.min(FIRST_SPACE));
        current.gathered.extend_from_slice(&self.rest);
        self.rest.clear();
        Ok(())
    }

    fn decompress(&self, received: &Received) -> Result<Received, Problem> {
        let Some(compression) = self.compression else { return Err(Problem::Internal) };
        let limit = self.kind.limit();
        let (bytes, share) = compression
            .decompress(&received.bytes, limit, &self.room)?
            .ok_or_else(|| self.kind.too_large(limit + 1))?;
        Ok(Received { bytes, share: Some(share) })
    }
}

fn malformed(why: &str) -> Problem {
    Invalid::Malformed(why.into()).into()
}

fn cut_off() -> Problem {
    malformed("it is cut off")
}

#[cfg(test)]
mod tests;
