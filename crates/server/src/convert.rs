//! The only file that sees wire and core types: requests in, messages and acknowledgements out.

pub mod batch;

use crate::limits::MAX_MESSAGE;
use broker_core::{
    Durability, HeaderError, Headers, Lifetime, LifetimeError, Message, MessageId, Publication,
    Start, Subject, SubjectError, Timestamp,
};
use broker_proto::{self as wire, lenient};
use bytes::{BufMut, Bytes, BytesMut};
use prost::{Message as _, encoding};
use std::time::Duration;

/// A gRPC frame's compression flag and length, in bytes.
const PREFIX: usize = 5;

/// What is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("the request is no message of its kind: {0}")]
    Malformed(String),
    #[error("start is {0}, which is neither RETAINED (0) nor NEW (1)")]
    Start(i32),
    #[error("{0}")]
    Subject(#[from] SubjectError),
    #[error("expirationSeconds is {0}: a lifetime is not negative")]
    NegativeSeconds(i32),
    #[error("expiration is not a normal positive duration: {seconds} s and {nanos} ns")]
    BadDuration { seconds: i64, nanos: i32 },
    #[error("{0}: {1}")]
    LongLifetime(&'static str, LifetimeError),
    #[error("more than one of expirationSeconds, expiration and keep is set")]
    SeveralLifetimes,
    #[error("{0}")]
    Header(String),
    #[error("a header's key or value is not UTF-8")]
    HeaderNotUtf8,
    #[error("the message has at least {0} bytes encoded, the limit is {MAX_MESSAGE}")]
    TooLarge(usize),
}

impl Invalid {
    /// The reason a program can switch on, and the field at fault if it is one.
    pub fn reason_and_field(&self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Malformed(_) => ("MALFORMED", None),
            Self::Start(_) => ("MALFORMED", Some("start")),
            Self::Subject(_) => ("INVALID_SUBJECT", Some("subject")),
            Self::NegativeSeconds(_) => ("INVALID_EXPIRATION", Some("expirationSeconds")),
            Self::BadDuration { .. } => ("INVALID_EXPIRATION", Some("expiration")),
            Self::LongLifetime(field, _) => ("INVALID_EXPIRATION", Some(field)),
            Self::SeveralLifetimes => ("INVALID_EXPIRATION", Some("expiration")),
            Self::Header(_) | Self::HeaderNotUtf8 => ("INVALID_HEADER", Some("headers")),
            Self::TooLarge(_) => ("MESSAGE_TOO_LARGE", None),
        }
    }
}

/// Makes publications of encoded `PublishRequest`s.
///
/// A stream mostly publishes to one subject: the last one is kept, so that the next message shares it.
#[derive(Default)]
pub struct Publications {
    last: Option<Subject>,
}

impl Publications {
    /// One publication, owning its memory. The request is a slice of `buffer`.
    pub fn read(&mut self, encoded: &[u8], buffer: &Bytes) -> Result<Publication, Invalid> {
        let size = encoded.len();
        if size > MAX_MESSAGE {
            return Err(Invalid::TooLarge(size));
        }
        let request = lenient::PublishRequest::decode(encoded).map_err(malformed)?;
        Ok(Publication {
            subject: self.subject(request.subject)?,
            lifetime: lifetime(&request)?,
            headers: headers(&request.headers)?,
            body: own(request.body, buffer),
            trace: None,
        })
    }

    fn subject(&mut self, bytes: &[u8]) -> Result<Subject, Invalid> {
        if let Some(last) = &self.last
            && last.as_bytes() == bytes
        {
            return Ok(last.clone());
        }
        Ok(self.last.insert(Subject::from_bytes(bytes)?).clone())
    }
}

/// A body that does not pin a receive buffer: a slice of one is copied, unless it is most of it anyway.
fn own(body: &[u8], buffer: &Bytes) -> Bytes {
    // Smaller ones may be slices of the transport's own buffers, whose size is not known here.
    const WORTH_KEEPING: usize = 64 * 1024;
    if body.len() >= WORTH_KEEPING && body.len() >= buffer.len() / 8 * 7 {
        buffer.slice_ref(body)
    } else {
        Bytes::copy_from_slice(body)
    }
}

fn malformed(error: impl std::fmt::Display) -> Invalid {
    Invalid::Malformed(error.to_string())
}

fn lifetime(request: &lenient::PublishRequest) -> Result<Lifetime, Invalid> {
    let seconds = match request.expiration_seconds {
        negative @ i32::MIN..=-1 => return Err(Invalid::NegativeSeconds(negative)),
        seconds => Duration::from_secs(u64::from(seconds.unsigned_abs())),
    };
    let span = match request.expiration {
        Some(duration) => normal(duration)?,
        None => Duration::ZERO,
    };
    let set = [!seconds.is_zero(), !span.is_zero(), request.keep];
    if set.into_iter().filter(|set| *set).count() > 1 {
        return Err(Invalid::SeveralLifetimes);
    }
    if request.keep {
        return Ok(Lifetime::Forever);
    }
    let (field, lasting) =
        if span.is_zero() { ("expirationSeconds", seconds) } else { ("expiration", span) };
    Lifetime::lasting(lasting).map_err(|error| Invalid::LongLifetime(field, error))
}

/// A duration that is not negative and whose parts are normal.
fn normal(duration: prost_types::Duration) -> Result<Duration, Invalid> {
    let prost_types::Duration { seconds, nanos } = duration;
    match (u64::try_from(seconds), u32::try_from(nanos)) {
        (Ok(seconds), Ok(nanos)) if nanos < 1_000_000_000 => Ok(Duration::new(seconds, nanos)),
        _ => Err(Invalid::BadDuration { seconds, nanos }),
    }
}

fn headers(entries: &[lenient::HeaderEntry]) -> Result<Headers, Invalid> {
    if entries.is_empty() {
        return Ok(Headers::default());
    }
    let mut pairs = Vec::with_capacity(entries.len());
    for entry in entries {
        let text = |bytes| std::str::from_utf8(bytes).map_err(|_| Invalid::HeaderNotUtf8);
        pairs.push((text(entry.key)?, text(entry.value)?));
    }
    Headers::from_pairs(pairs).map_err(bad_header)
}

/// A key may be as large as a message; what is said of it goes into a trailer.
fn bad_header(error: HeaderError) -> Invalid {
    const LONGEST: usize = 200;
    let mut text = error.to_string();
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push('…');
    }
    Invalid::Header(text)
}

/// What a `SubscribeRequest` asks for.
pub fn subscribe(encoded: Bytes) -> Result<(Subject, Start), Invalid> {
    let request = lenient::SubscribeRequest::decode(encoded).map_err(malformed)?;
    let subject = Subject::from_bytes(&request.subject)?;
    let start = match (request.after_id, wire::Start::try_from(request.start)) {
        (0, Ok(wire::Start::Retained)) => Start::Retained,
        (0, Ok(wire::Start::New)) => Start::New,
        (0, Err(_)) => return Err(Invalid::Start(request.start)),
        (after, _) => Start::After(MessageId(after)),
    };
    Ok((subject, start))
}

/// What a `FetchRequest` asks for.
pub fn fetch(encoded: Bytes) -> Result<(Subject, MessageId), Invalid> {
    let request = lenient::FetchRequest::decode(encoded).map_err(malformed)?;
    Ok((Subject::from_bytes(&request.subject)?, MessageId(request.id)))
}

/// The answer to a `Publish`.
pub fn publish_response(id: MessageId, durability: Durability) -> wire::PublishResponse {
    let durability =
        if id.is_none() { wire::Durability::Delivered } else { wire_durability(durability) };
    wire::PublishResponse { id: id.0, durability: durability.into() }
}

pub fn wire_durability(durability: Durability) -> wire::Durability {
    match durability {
        Durability::Memory => wire::Durability::Memory,
        Durability::Disk => wire::Durability::Disk,
        Durability::Database => wire::Durability::Database,
    }
}

/// A message as a gRPC frame: the prefix and the encoded `MessageResponse`.
pub fn message_frame(message: &Message) -> Bytes {
    let mut frame = BytesMut::new();
    put_message_frame(message, 0, &mut frame);
    frame.freeze()
}

/// Appends a message as a gRPC frame.
pub fn put_message_frame(message: &Message, missed: u64, frame: &mut BytesMut) {
    let (start, length) = (frame.len(), message_length(message, missed));
    // Written in place: a buffer that may grow would be asked to with every byte.
    frame.resize(start + PREFIX + length, 0);
    let mut place = &mut frame[start..];
    put_prefix(message, length, &mut place);
    place.put_slice(&message.body);
    put_after_body(message, missed, &mut place);
}

/// Appends what comes before the body in a message's gRPC frame.
pub fn put_before_body(message: &Message, missed: u64, frame: &mut BytesMut) {
    put_prefix(message, message_length(message, missed), frame);
}

fn put_prefix(message: &Message, length: usize, frame: &mut impl BufMut) {
    frame.put_u8(0);
    // Far below 4 GiB: requests are bounded.
    frame.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    if !message.body.is_empty() {
        encoding::encode_key(1, encoding::WireType::LengthDelimited, frame);
        encoding::encode_varint(message.body.len() as u64, frame);
    }
}

/// Appends what comes after the body in a message's gRPC frame; fields with their default value are
/// left out, as always.
pub fn put_after_body(message: &Message, missed: u64, frame: &mut impl BufMut) {
    if !message.id.is_none() {
        encoding::uint64::encode(2, &message.id.0, frame);
    }
    put_bytes(3, message.subject.as_bytes(), frame);
    encoding::message::encode(4, &timestamp(message.published_at), frame);
    if let Some(expires_at) = message.expires_at {
        encoding::message::encode(5, &timestamp(expires_at), frame);
    }
    for (key, value) in message.headers.iter() {
        encoding::encode_key(6, encoding::WireType::LengthDelimited, frame);
        encoding::encode_varint((bytes_length(1, key) + bytes_length(2, value)) as u64, frame);
        put_bytes(1, key.as_bytes(), frame);
        put_bytes(2, value.as_bytes(), frame);
    }
    if missed > 0 {
        encoding::uint64::encode(7, &missed, frame);
    }
}

fn message_length(message: &Message, missed: u64) -> usize {
    let headers: usize = message
        .headers
        .iter()
        .map(|(key, value)| {
            let entry = bytes_length(1, key) + bytes_length(2, value);
            encoding::key_len(6) + encoding::encoded_len_varint(entry as u64) + entry
        })
        .sum();
    let id = message.id.0;
    bytes_length(1, &message.body)
        + if id > 0 { encoding::uint64::encoded_len(2, &id) } else { 0 }
        + bytes_length(3, message.subject.as_bytes())
        + encoding::message::encoded_len(4, &timestamp(message.published_at))
        + message.expires_at.map_or(0, |at| encoding::message::encoded_len(5, &timestamp(at)))
        + headers
        + if missed > 0 { encoding::uint64::encoded_len(7, &missed) } else { 0 }
}

fn put_bytes(tag: u32, bytes: &[u8], frame: &mut impl BufMut) {
    if !bytes.is_empty() {
        encoding::encode_key(tag, encoding::WireType::LengthDelimited, frame);
        encoding::encode_varint(bytes.len() as u64, frame);
        frame.put_slice(bytes);
    }
}

fn bytes_length(tag: u32, bytes: impl AsRef<[u8]>) -> usize {
    match bytes.as_ref().len() {
        0 => 0,
        length => encoding::key_len(tag) + encoding::encoded_len_varint(length as u64) + length,
    }
}

fn timestamp(time: Timestamp) -> prost_types::Timestamp {
    let (seconds, nanos) = time.seconds_and_nanos();
    prost_types::Timestamp { seconds, nanos: i32::try_from(nanos).unwrap_or(0) }
}

#[cfg(test)]
mod tests;
