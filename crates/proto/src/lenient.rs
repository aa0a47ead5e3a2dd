//! Requests whose texts are bytes.
//!
//! On the wire a text and bytes are the same. Decoding into these, a text that is not UTF-8 is a value
//! whose field can be named in the answer, not a message that cannot be decoded.

use bytes::Bytes;
use prost::{
    DecodeError,
    encoding::{self, DecodeContext, WireType},
};

/// [`crate::PublishRequest`], leniently. Its texts and bytes are slices of the encoded form, so that
/// taking a message apart makes nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PublishRequest<'a> {
    /// As in the proto file; so are the others.
    pub subject: &'a [u8],
    /// The content.
    pub body: &'a [u8],
    /// Lifetime in seconds.
    pub expiration_seconds: i32,
    /// Lifetime.
    pub expiration: Option<prost_types::Duration>,
    /// Stored for good.
    pub keep: bool,
    /// A map's entries, in the order sent; of equal keys the last one counts.
    pub headers: Vec<HeaderEntry<'a>>,
}

/// One entry of a map from text to text.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct HeaderEntry<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The value.
    pub value: &'a [u8],
}

/// Why bytes are no message of their kind.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// In the words of the decoder.
    #[error(transparent)]
    Undecodable(#[from] DecodeError),
    /// A length goes beyond the end.
    #[error("field {0} is cut off")]
    CutOff(u32),
}

impl<'a> PublishRequest<'a> {
    /// Takes an encoded request apart.
    ///
    /// # Errors
    /// When it is no protobuf message, or a field is not of its kind.
    pub fn decode(mut encoded: &'a [u8]) -> Result<Self, Malformed> {
        let mut request = Self::default();
        let rest = &mut encoded;
        while !rest.is_empty() {
            let (tag, kind) = encoding::decode_key(rest)?;
            let context = DecodeContext::default();
            match tag {
                1 => request.subject = take_bytes(tag, kind, rest)?,
                2 => request.body = take_bytes(tag, kind, rest)?,
                3 => {
                    encoding::int32::merge(kind, &mut request.expiration_seconds, rest, context)?;
                }
                4 => {
                    let expiration = request.expiration.get_or_insert_default();
                    encoding::message::merge(kind, expiration, rest, context)?;
                }
                5 => encoding::bool::merge(kind, &mut request.keep, rest, context)?,
                6 => request.headers.push(HeaderEntry::decode(take_bytes(tag, kind, rest)?)?),
                _ => encoding::skip_field(kind, tag, rest, context)?,
            }
        }
        Ok(request)
    }
}

impl<'a> HeaderEntry<'a> {
    fn decode(mut encoded: &'a [u8]) -> Result<Self, Malformed> {
        let mut entry = Self::default();
        let rest = &mut encoded;
        while !rest.is_empty() {
            let (tag, kind) = encoding::decode_key(rest)?;
            match tag {
                1 => entry.key = take_bytes(tag, kind, rest)?,
                2 => entry.value = take_bytes(tag, kind, rest)?,
                _ => encoding::skip_field(kind, tag, rest, DecodeContext::default())?,
            }
        }
        Ok(entry)
    }
}

/// The content of a field of text, bytes or a message, behind its key.
///
/// # Errors
/// When the field is of another kind, or goes beyond the end.
pub fn take_bytes<'a>(
    tag: u32,
    kind: WireType,
    rest: &mut &'a [u8],
) -> Result<&'a [u8], Malformed> {
    encoding::check_wire_type(WireType::LengthDelimited, kind)?;
    let length = usize::try_from(encoding::decode_varint(rest)?).unwrap_or(usize::MAX);
    let (content, behind) = rest.split_at_checked(length).ok_or(Malformed::CutOff(tag))?;
    *rest = behind;
    Ok(content)
}

/// [`crate::SubscribeRequest`], leniently.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SubscribeRequest {
    /// The subject.
    #[prost(bytes = "bytes", tag = "1")]
    pub subject: Bytes,
    /// Where to begin: the number of a [`crate::Start`].
    #[prost(int32, tag = "2")]
    pub start: i32,
    /// Where to resume.
    #[prost(uint64, tag = "3")]
    pub after_id: u64,
}

/// [`crate::FetchRequest`], leniently.
#[derive(Clone, PartialEq, prost::Message)]
pub struct FetchRequest {
    /// The subject.
    #[prost(bytes = "bytes", tag = "1")]
    pub subject: Bytes,
    /// The id.
    #[prost(uint64, tag = "2")]
    pub id: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message;

    #[test]
    fn lenient_and_generated_requests_are_the_same_on_the_wire() {
        let publish = crate::PublishRequest {
            subject: "süß".into(),
            body: Bytes::from_static(b"body"),
            expiration_seconds: -1,
            expiration: Some(prost_types::Duration { seconds: 1, nanos: 2 }),
            keep: true,
            headers: [("a".to_owned(), "1".to_owned()), ("b".to_owned(), String::new())].into(),
        };
        let encoded = publish.encode_to_vec();
        let lenient = PublishRequest::decode(&encoded).unwrap();
        assert_eq!((lenient.subject, lenient.body), ("süß".as_bytes(), &b"body"[..]));
        assert_eq!((lenient.expiration_seconds, lenient.keep), (-1, true));
        assert_eq!(lenient.expiration, publish.expiration);
        let mut headers: Vec<_> = lenient.headers.iter().map(|one| (one.key, one.value)).collect();
        headers.sort_unstable();
        assert_eq!(headers, [(&b"a"[..], &b"1"[..]), (b"b", b"")]);

        let subscribe = crate::SubscribeRequest { subject: "s".into(), start: 1, after_id: 7 };
        let lenient = SubscribeRequest::decode(&subscribe.encode_to_vec()[..]).unwrap();
        assert_eq!((lenient.start, lenient.after_id), (1, 7));

        let fetch = crate::FetchRequest { subject: "s".into(), id: u64::MAX };
        let lenient = FetchRequest::decode(&fetch.encode_to_vec()[..]).unwrap();
        assert_eq!(lenient.id, u64::MAX);
    }

    #[test]
    fn a_text_that_is_not_utf8_is_a_value() {
        let decoded = PublishRequest::decode(b"\x0a\x01\xff").unwrap();
        assert_eq!(decoded.subject, b"\xff");
        assert!(crate::PublishRequest::decode(&b"\x0a\x01\xff"[..]).is_err());
    }

    /// Both forms of a request take the same bytes for a message, and understand the same.
    #[test]
    fn requests_are_malformed_for_both_forms_or_for_none() {
        let whole = crate::PublishRequest {
            subject: "s".into(),
            body: Bytes::from_static(b"body"),
            expiration_seconds: 300,
            expiration: Some(prost_types::Duration { seconds: 1, nanos: 2 }),
            keep: true,
            headers: [("a".to_owned(), "1".to_owned())].into(),
        }
        .encode_to_vec();
        // Twice, so that fields come again: the last one holds, and a message is merged.
        let twice = [&whole[..], b"\x22\x02\x08\x05", &b"\x3a\x01?"[..]].concat();
        for at in 0..twice.len() {
            for byte in [0, 0x0b, 0x7f, 0x80, 0xff, twice[at] ^ 1, twice[at] ^ 8] {
                let mut turned = twice.clone();
                turned[at] = byte;
                compare(&turned);
            }
            compare(&twice[..at]);
        }
        compare(&twice);
    }

    fn compare(encoded: &[u8]) {
        let strict = crate::PublishRequest::decode(encoded);
        let lenient = PublishRequest::decode(encoded);
        let Ok(strict) = strict else {
            let is_text = |bytes| std::str::from_utf8(bytes).is_ok();
            let texts = lenient.map(|request| {
                is_text(request.subject)
                    && request.headers.iter().all(|one| is_text(one.key) && is_text(one.value))
            });
            assert!(!texts.unwrap_or(false), "{encoded:?}");
            return;
        };
        let lenient = lenient.unwrap();
        assert_eq!((lenient.subject, lenient.body), (strict.subject.as_bytes(), &strict.body[..]));
        assert_eq!(lenient.expiration_seconds, strict.expiration_seconds);
        assert_eq!((lenient.expiration, lenient.keep), (strict.expiration, strict.keep));
        for (key, value) in strict.headers {
            let last = lenient.headers.iter().rfind(|one| one.key == key.as_bytes()).unwrap();
            assert_eq!(last.value, value.as_bytes());
        }
    }

    #[test]
    fn an_old_clients_negative_id_is_a_huge_one() {
        // int32 -1 is sent as ten bytes, the number 2^64 - 1.
        let mut wire = b"\x0a\x01s\x10".to_vec();
        wire.extend([0xFF; 9]);
        wire.push(1);
        assert_eq!(FetchRequest::decode(&wire[..]).unwrap().id, u64::MAX);
    }
}
