//! A `PublishBatch` taken apart message by message, so that a malformed message harms only itself.

use super::Invalid;
use crate::{limits::MAX_BATCH_MESSAGES, status::Problem};
use broker_proto::lenient::{Malformed, take_bytes};
use prost::encoding::{self, DecodeContext, WireType};

/// The encoded messages of a batch, in order.
///
/// # Errors
/// When there are too many, or when the batch itself is no protobuf message: then no message of it
/// can be told from the next, and nothing of it is taken.
pub fn split(batch: &[u8]) -> Result<Vec<&[u8]>, Problem> {
    let mut messages = Vec::new();
    let mut rest = batch;
    while !rest.is_empty() {
        let Some(message) = next(&mut rest).map_err(malformed)? else { continue };
        if messages.len() == MAX_BATCH_MESSAGES {
            let why = format!("the batch has more than {MAX_BATCH_MESSAGES} messages");
            return Err(Problem::BatchTooLarge(why));
        }
        messages.push(message);
    }
    Ok(messages)
}

/// The next field, if it is a message.
fn next<'a>(rest: &mut &'a [u8]) -> Result<Option<&'a [u8]>, Malformed> {
    let (tag, kind) = encoding::decode_key(rest)?;
    if (tag, kind) == (1, WireType::LengthDelimited) {
        return take_bytes(tag, kind, rest).map(Some);
    }
    encoding::skip_field(kind, tag, rest, DecodeContext::default())?;
    Ok(None)
}

fn malformed(error: Malformed) -> Problem {
    Invalid::Malformed(error.to_string()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use broker_proto::{PublishBatch, PublishRequest};
    use prost::Message;

    fn batch(count: usize) -> Vec<u8> {
        PublishBatch { messages: vec![PublishRequest::default(); count] }.encode_to_vec()
    }

    #[test]
    fn messages_come_in_order_and_unknown_fields_are_passed() {
        let mut bytes = b"\x0a\x01a\x10\x05\x0a\x00\x1a\x02xy\x0a\x01b".to_vec();
        let messages = split(&bytes).unwrap();
        assert_eq!(messages, [&b"a"[..], b"", b"b"]);
        bytes.pop();
        assert!(matches!(split(&bytes), Err(Problem::Invalid(Invalid::Malformed(_)))));
    }

    #[test]
    fn the_number_of_messages_is_bounded() {
        assert_eq!(split(&batch(MAX_BATCH_MESSAGES)).unwrap().len(), MAX_BATCH_MESSAGES);
        let beyond = batch(MAX_BATCH_MESSAGES + 1);
        let beyond = split(&beyond);
        assert!(matches!(beyond, Err(Problem::BatchTooLarge(_))));
    }
}
