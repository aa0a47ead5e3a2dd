//! Requests as they come in, bounded in what they hold.

use crate::{limits::MAX_REQUEST, status::Problem};
use bytes::{Buf, Bytes};
use http::{HeaderMap, Request};
use http_body::{Frame, SizeHint};
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};
use tonic::{
    Code, Status, Streaming,
    body::Body,
    codec::{BufferSettings, CompressionEncoding, DecodeBuf, Decoder},
};

/// Room for requests that are being received, over all calls.
#[derive(Debug)]
pub struct Room {
    taken: AtomicUsize,
    limit: usize,
}

impl Room {
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { taken: AtomicUsize::new(0), limit })
    }

    fn take(&self, bytes: usize) -> bool {
        let taken = self.taken.fetch_add(bytes, Ordering::Relaxed);
        if taken + bytes > self.limit {
            self.taken.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        true
    }

    fn give_back(&self, bytes: usize) {
        self.taken.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// What one call holds of the room; given back when the call has done with it.
#[derive(Debug)]
struct Share {
    room: Arc<Room>,
    held: AtomicUsize,
}

impl Share {
    fn clear(&self) {
        self.room.give_back(self.held.swap(0, Ordering::Relaxed));
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.clear();
    }
}

/// The messages of one call, undecoded and uncompressed, each at most [`MAX_REQUEST`] bytes.
pub struct Receiving {
    messages: Streaming<Bytes>,
    share: Arc<Share>,
}

impl Receiving {
    /// Reads the messages of a request.
    ///
    /// # Errors
    /// When they are compressed in a way that is not known.
    pub fn new(request: Request<Body>, room: &Arc<Room>) -> Result<Self, Status> {
        let encoding = compression(request.headers())?;
        let share = Arc::new(Share { room: room.clone(), held: AtomicUsize::new(0) });
        let body = Counted { body: request.into_body(), share: share.clone() };
        let messages = Streaming::new_request(Raw, body, encoding, Some(MAX_REQUEST));
        Ok(Self { messages, share })
    }

    /// The next message; `None` when the client has sent its last one.
    ///
    /// # Errors
    /// `too_large` makes the answer to a message beyond [`MAX_REQUEST`].
    pub async fn next(
        &mut self,
        too_large: impl FnOnce(String) -> Problem,
    ) -> Result<Option<Bytes>, Status> {
        let message = self.messages.message().await;
        // What was read is the caller's to count from here on.
        self.share.clear();
        message.map_err(|status| match status.code() {
            // What the decoder says of a length, and of what a compressed message grew to.
            Code::OutOfRange => too_large(status.message().to_owned()).into(),
            Code::ResourceExhausted if status.details().is_empty() => {
                too_large(status.message().to_owned()).into()
            }
            // A frame or a compressed form that is broken.
            Code::Internal => Status::invalid_argument(status.message()),
            _ => status,
        })
    }

    /// The only message of a unary call.
    ///
    /// # Errors
    /// As [`Receiving::next`]; also when there is none.
    pub async fn only(
        mut self,
        too_large: impl FnOnce(String) -> Problem,
    ) -> Result<Bytes, Status> {
        let message = self.next(too_large).await?;
        message.ok_or_else(|| Status::invalid_argument("the request has no message"))
    }
}

fn compression(headers: &HeaderMap) -> Result<Option<CompressionEncoding>, Status> {
    let Some(value) = headers.get("grpc-encoding") else { return Ok(None) };
    match value.as_bytes() {
        b"identity" => Ok(None),
        b"gzip" => Ok(Some(CompressionEncoding::Gzip)),
        b"deflate" => Ok(Some(CompressionEncoding::Deflate)),
        b"zstd" => Ok(Some(CompressionEncoding::Zstd)),
        _ => {
            let mut status = Status::unimplemented("the request's grpc-encoding is not known");
            let known = http::HeaderValue::from_static("identity,gzip,deflate,zstd");
            status.metadata_mut().insert(
                "grpc-accept-encoding",
                tonic::metadata::MetadataValue::try_from(known.as_bytes())
                    .map_err(|_| Status::internal("a constant header value"))?,
            );
            Err(status)
        }
    }
}

/// Leaves messages as they are.
struct Raw;

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }

    fn buffer_settings(&self) -> BufferSettings {
        // Most requests are small; it grows for those that are not.
        BufferSettings::new(1024, 32 * 1024)
    }
}

/// A body whose bytes are counted.
struct Counted {
    body: Body,
    share: Arc<Share>,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(context)) else {
            return Poll::Ready(None);
        };
        if let Ok(frame) = &frame
            && let Some(data) = frame.data_ref()
        {
            if !self.share.room.take(data.len()) {
                let overloaded = Problem::Overloaded("receiving_bytes");
                return Poll::Ready(Some(Err(overloaded.into())));
            }
            self.share.held.fetch_add(data.len(), Ordering::Relaxed);
        }
        Poll::Ready(Some(frame))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
