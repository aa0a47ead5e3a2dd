//! A `PublishBatch` taken apart message by message, so that a malformed message harms only itself.

use crate::{convert::Invalid, limits::MAX_BATCH_MESSAGES, status::Problem};
use bytes::{Buf, Bytes};
use prost::encoding::{self, DecodeContext, WireType};

/// The encoded messages of a batch, in order.
///
/// # Errors
/// When there are too many, or when the batch itself is no protobuf message: then no message of it
/// can be told from the next, and nothing of it is taken.
pub fn split(mut batch: Bytes) -> Result<Vec<Bytes>, Problem> {
    let mut messages = Vec::new();
    while batch.has_remaining() {
        let (tag, wire_type) = encoding::decode_key(&mut batch).map_err(malformed)?;
        if (tag, wire_type) != (1, WireType::LengthDelimited) {
            let context = DecodeContext::default();
            encoding::skip_field(wire_type, tag, &mut batch, context).map_err(malformed)?;
            continue;
        }
        let length = encoding::decode_varint(&mut batch).map_err(malformed)?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > batch.len() {
            return Err(Invalid::Malformed("a message of the batch is cut off".into()).into());
        }
        if messages.len() == MAX_BATCH_MESSAGES {
            let why = format!("the batch has more than {MAX_BATCH_MESSAGES} messages");
            return Err(Problem::BatchTooLarge(why));
        }
        messages.push(batch.split_to(length));
    }
    Ok(messages)
}

fn malformed(error: prost::DecodeError) -> Problem {
    Invalid::Malformed(error.to_string()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use broker_proto::{PublishBatch, PublishRequest};
    use prost::Message;

    fn batch(count: usize) -> Bytes {
        PublishBatch { messages: vec![PublishRequest::default(); count] }.encode_to_vec().into()
    }

    #[test]
    fn messages_come_in_order_and_unknown_fields_are_passed() {
        let mut bytes = b"\x0a\x01a\x10\x05\x0a\x00\x1a\x02xy\x0a\x01b".to_vec();
        let messages = split(bytes.clone().into()).unwrap();
        assert_eq!(messages, [&b"a"[..], b"", b"b"]);
        bytes.pop();
        assert!(matches!(split(bytes.into()), Err(Problem::Invalid(Invalid::Malformed(_)))));
    }

    #[test]
    fn the_number_of_messages_is_bounded() {
        assert_eq!(split(batch(MAX_BATCH_MESSAGES)).unwrap().len(), MAX_BATCH_MESSAGES);
        let beyond = split(batch(MAX_BATCH_MESSAGES + 1));
        assert!(matches!(beyond, Err(Problem::BatchTooLarge(_))));
    }
}
