//! Requests whose texts are bytes.
//!
//! On the wire a text and bytes are the same. Decoding into these, a text that is not UTF-8 is a value
//! whose field can be named in the answer, not a message that cannot be decoded.

use bytes::Bytes;

/// [`crate::PublishRequest`], leniently.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PublishRequest {
    /// As in the proto file; so are the others.
    #[prost(bytes = "bytes", tag = "1")]
    pub subject: Bytes,
    /// The content.
    #[prost(bytes = "bytes", tag = "2")]
    pub body: Bytes,
    /// Lifetime in seconds.
    #[prost(int32, tag = "3")]
    pub expiration_seconds: i32,
    /// Lifetime.
    #[prost(message, optional, tag = "4")]
    pub expiration: Option<prost_types::Duration>,
    /// Stored for good.
    #[prost(bool, tag = "5")]
    pub keep: bool,
    /// A map's entries, in the order sent; of equal keys the last one counts.
    #[prost(message, repeated, tag = "6")]
    pub headers: Vec<HeaderEntry>,
}

/// One entry of a map from text to text.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HeaderEntry {
    /// The key.
    #[prost(bytes = "bytes", tag = "1")]
    pub key: Bytes,
    /// The value.
    #[prost(bytes = "bytes", tag = "2")]
    pub value: Bytes,
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
        let lenient = PublishRequest::decode(&publish.encode_to_vec()[..]).unwrap();
        assert_eq!(crate::PublishRequest::decode(&lenient.encode_to_vec()[..]).unwrap(), publish);
        assert_eq!((&lenient.subject[..], lenient.headers.len()), ("süß".as_bytes(), 2));

        let subscribe = crate::SubscribeRequest { subject: "s".into(), start: 1, after_id: 7 };
        let lenient = SubscribeRequest::decode(&subscribe.encode_to_vec()[..]).unwrap();
        assert_eq!((lenient.start, lenient.after_id), (1, 7));

        let fetch = crate::FetchRequest { subject: "s".into(), id: u64::MAX };
        let lenient = FetchRequest::decode(&fetch.encode_to_vec()[..]).unwrap();
        assert_eq!(lenient.id, u64::MAX);
    }

    #[test]
    fn a_text_that_is_not_utf8_is_a_value() {
        let decoded = PublishRequest::decode(&b"\x0a\x01\xff"[..]).unwrap();
        assert_eq!(&decoded.subject[..], b"\xff");
        assert!(crate::PublishRequest::decode(&b"\x0a\x01\xff"[..]).is_err());
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
