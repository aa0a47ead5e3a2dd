//! Response bodies: one message, or frames as they come, and the trailers that end them.

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::Stream;
use http::{HeaderMap, HeaderValue, Response, header};
use http_body::Frame;
use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tonic::{Status, body::Body};

/// A gRPC response whose headers are sent at once.
fn respond(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(header::CONTENT_TYPE, grpc);
    response
}

/// A response of one message.
pub fn one(message: &impl prost::Message) -> Response<Body> {
    let length = message.encoded_len();
    let mut frame = BytesMut::with_capacity(5 + length);
    frame.put_u8(0);
    // Far below 4 GiB: requests are bounded.
    frame.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    message.encode_raw(&mut frame);
    one_frame(frame.freeze())
}

/// A response of one message that is encoded and has its prefix.
pub fn one_frame(frame: Bytes) -> Response<Body> {
    respond(Body::new(One { frame: Some(frame), is_done: false }))
}

/// A response of frames, each of whole messages with their prefixes. The stream's last item is the
/// status that ends the call.
pub fn stream(
    frames: impl Stream<Item = Result<Bytes, Status>> + Send + 'static,
) -> Response<Body> {
    respond(Body::new(Many { frames: Box::pin(frames), is_done: false }))
}

/// The trailers of a call that went well.
fn ok_trailers() -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert(Status::GRPC_STATUS, HeaderValue::from_static("0"));
    trailers
}

fn trailers(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(3);
    if status.add_header(&mut trailers).is_err() {
        // A message that fits no header: the code is what matters.
        trailers.insert(Status::GRPC_STATUS, HeaderValue::from(status.code() as i32));
    }
    trailers
}

struct One {
    frame: Option<Bytes>,
    is_done: bool,
}

impl http_body::Body for One {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(frame) = self.frame.take() {
            return Poll::Ready(Some(Ok(Frame::data(frame))));
        }
        if std::mem::replace(&mut self.is_done, true) {
            return Poll::Ready(None);
        }
        Poll::Ready(Some(Ok(Frame::trailers(ok_trailers()))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_done
    }
}

struct Many {
    frames: Pin<Box<dyn Stream<Item = Result<Bytes, Status>> + Send>>,
    is_done: bool,
}

impl http_body::Body for Many {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.is_done {
            return Poll::Ready(None);
        }
        let trailers = match ready!(self.frames.as_mut().poll_next(context)) {
            Some(Ok(frame)) => return Poll::Ready(Some(Ok(Frame::data(frame)))),
            Some(Err(status)) => trailers(&status),
            None => ok_trailers(),
        };
        self.is_done = true;
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_done
    }
}
