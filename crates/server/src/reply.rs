//! Response bodies: one message, or frames as they come, and the trailers that end them.

use crate::{call::Call, room::Share, status::Problem};
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::stream::BoxStream;
use http::{HeaderMap, HeaderValue, Response, header};
use http_body::{Frame, SizeHint};
use std::{
    collections::VecDeque,
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::Sleep;
use tonic::{Code, Status, body::Body};

/// A message with its prefix, in the pieces in which it is handed to the transport.
#[derive(Default)]
pub struct Message {
    pub first: Bytes,
    /// Large bodies are handed on as they are, with what follows them.
    pub more: VecDeque<Bytes>,
    /// The room that it takes until it is sent.
    pub share: Option<Share>,
}

impl Message {
    /// Encodes a message.
    pub fn of(message: &impl prost::Message) -> Self {
        let length = message.encoded_len();
        let mut frame = BytesMut::with_capacity(5 + length);
        frame.put_u8(0);
        // Far below 4 GiB: requests are bounded, and answers are not larger.
        frame.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
        message.encode_raw(&mut frame);
        Self { first: frame.freeze(), ..Self::default() }
    }
}

fn respond(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(header::CONTENT_TYPE, grpc);
    response
}

/// A response of one message.
pub fn one(message: Message, mut call: Call) -> Response<Body> {
    call.answer(Code::Ok);
    let Message { first, more, share } = message;
    respond(Body::new(One { first, more, is_done: false, _held: (call, share) }))
}

/// A response of frames, each of whole messages or parts of them. Its headers are sent at once; it
/// ends with the stream, or with the first problem, or when the client's deadline has passed.
pub fn stream(
    frames: BoxStream<'static, Result<Bytes, Problem>>,
    deadline: Option<Duration>,
    call: Call,
) -> Response<Body> {
    let deadline = deadline.map(|after| Box::pin(tokio::time::sleep(after)));
    respond(Body::new(Many { frames, deadline, call: Some(call) }))
}

/// A response of nothing but what went wrong.
pub fn problem(problem: Problem, mut call: Call) -> Response<Body> {
    call.refuse(problem).into_http()
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
    first: Bytes,
    more: VecDeque<Bytes>,
    is_done: bool,
    /// Until the transport has asked for the end.
    _held: (Call, Option<Share>),
}

impl http_body::Body for One {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if !self.first.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.first)))));
        }
        if let Some(piece) = self.more.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(piece))));
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
    frames: BoxStream<'static, Result<Bytes, Problem>>,
    deadline: Option<Pin<Box<Sleep>>>,
    /// `None` once it has ended.
    call: Option<Call>,
}

impl Many {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Problem>>> {
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Some(Err(Problem::DeadlineExceeded)));
        }
        self.frames.as_mut().poll_next(context)
    }
}

impl http_body::Body for Many {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.call.is_none() {
            return Poll::Ready(None);
        }
        let (code, trailers) = match ready!(self.poll_next(context)) {
            Some(Ok(frame)) => return Poll::Ready(Some(Ok(Frame::data(frame)))),
            Some(Err(problem)) => {
                let status = Status::from(problem);
                (status.code(), trailers(&status))
            }
            None => (Code::Ok, ok_trailers()),
        };
        if let Some(mut call) = self.call.take() {
            call.answer(code);
        }
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.call.is_none()
    }
}

/// The response of a service that is not written here, watched for its end. It is ended from here
/// when `end` is done, and why.
pub fn watched(
    response: Response<Body>,
    mut call: Call,
    end: impl Future<Output = Problem> + Send + 'static,
) -> Response<Body> {
    if let Some(code) = code_of(response.headers()) {
        call.answer(code);
        return response;
    }
    response.map(|body| Body::new(Watched { body, call: Some(call), end: Box::pin(end) }))
}

fn code_of(headers: &HeaderMap) -> Option<Code> {
    headers.get(Status::GRPC_STATUS).map(|code| Code::from_bytes(code.as_bytes()))
}

struct Watched {
    body: Body,
    /// `None` once it has ended.
    call: Option<Call>,
    end: Pin<Box<dyn Future<Output = Problem> + Send>>,
}

impl Watched {
    fn ended(&mut self, code: Code) {
        if let Some(mut call) = self.call.take() {
            call.answer(code);
        }
    }
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.call.is_none() {
            return Poll::Ready(None);
        }
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else {
            let status = Status::from(ready!(self.end.as_mut().poll(context)));
            self.ended(status.code());
            return Poll::Ready(Some(Ok(Frame::trailers(trailers(&status)))));
        };
        match &frame {
            Some(Ok(frame)) => {
                if let Some(code) = frame.trailers_ref().and_then(code_of) {
                    self.ended(code);
                }
            }
            Some(Err(status)) => self.ended(status.code()),
            None => self.ended(Code::Ok),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.call.is_none() || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::new()
    }
}
