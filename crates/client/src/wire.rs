//! The only file that sees both the wire's types and this crate's.

use crate::{
    Delivery, Durability, Error, ErrorKind, Lifetime, MAX_MESSAGE_BYTES, PublishOptions, Published,
    Retry, Start,
};
use broker_proto::{
    MessageResponse, PublishAck, PublishRequest, PublishResponse, PublishResult, SubscribeRequest,
    publish_result,
};
use bytes::Bytes;
use prost::Message;
use std::time::{Duration, SystemTime};

pub fn request(subject: String, body: Bytes, options: PublishOptions) -> PublishRequest {
    let (keep, expiration) = match options.lifetime {
        Lifetime::DeliverOnly => (false, None),
        Lifetime::For(lifetime) => (false, Some(duration(lifetime))),
        Lifetime::Forever => (true, None),
    };
    PublishRequest {
        subject,
        body,
        keep,
        expiration,
        headers: options.headers,
        ..PublishRequest::default()
    }
}

fn duration(lifetime: Duration) -> prost_types::Duration {
    prost_types::Duration {
        // Beyond what is valid anyway: the broker refuses it.
        seconds: i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(lifetime.subsec_nanos()).unwrap_or(0),
    }
}

/// The encoded size of a message, if it is one the broker takes. Checked here because a batch that
/// is too large would end its stream.
pub fn check_size(request: &PublishRequest) -> Result<usize, Error> {
    let size = request.encoded_len();
    if size > MAX_MESSAGE_BYTES { Err(Error::too_large()) } else { Ok(size) }
}

pub fn published(response: &PublishResponse) -> Published {
    Published { id: response.id, durability: durability(response.durability) }
}

/// What the broker says of an acknowledgement; a value newer than this crate promises the least.
fn durability(value: i32) -> Durability {
    match broker_proto::Durability::try_from(value) {
        Ok(broker_proto::Durability::Memory) => Durability::Memory,
        Ok(broker_proto::Durability::Disk) => Durability::Disk,
        Ok(broker_proto::Durability::Database) => Durability::Database,
        Ok(broker_proto::Durability::Delivered) | Err(_) => Durability::Delivered,
    }
}

/// One result for every message the acknowledgement speaks of.
pub fn results(ack: PublishAck) -> impl Iterator<Item = Result<Published, Error>> {
    let stored = durability(ack.durability);
    ack.results.into_iter().map(move |result| outcome(result, stored))
}

fn outcome(result: PublishResult, stored: Durability) -> Result<Published, Error> {
    match result.result {
        Some(publish_result::Result::Id(0)) => {
            Ok(Published { id: 0, durability: Durability::Delivered })
        }
        Some(publish_result::Result::Id(id)) => Ok(Published { id, durability: stored }),
        Some(publish_result::Result::Error(status)) => Err(Error::from_result(&status)),
        None => Err(Error::new(
            ErrorKind::Internal,
            Retry::OutcomeUnknown,
            "the broker's answer to the message is empty",
        )),
    }
}

pub fn subscribe(subject: String, start: Start) -> SubscribeRequest {
    let (start, after_id) = match start {
        Start::Retained => (broker_proto::Start::Retained, 0),
        Start::New => (broker_proto::Start::New, 0),
        Start::After(id) => (broker_proto::Start::Retained, id),
    };
    SubscribeRequest { subject, start: start.into(), after_id }
}

pub fn delivery(message: MessageResponse) -> Delivery {
    Delivery {
        id: message.id,
        subject: message.subject,
        body: message.body,
        published_at: message.published_at.and_then(time),
        expires_at: message.expires_at.and_then(time),
        headers: message.headers,
        missed: message.missed,
    }
}

fn time(timestamp: prost_types::Timestamp) -> Option<SystemTime> {
    SystemTime::try_from(timestamp).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(options: PublishOptions) -> PublishRequest {
        request("s".into(), Bytes::from_static(b"b"), options)
    }

    #[test]
    fn a_lifetime_is_sent_in_one_field_only() {
        let none = sent(PublishOptions::default());
        assert_eq!((none.keep, none.expiration, none.expiration_seconds), (false, None, 0));
        let kept = sent(PublishOptions::keep());
        assert_eq!((kept.keep, kept.expiration, kept.expiration_seconds), (true, None, 0));
        let timed = sent(PublishOptions::keep_for(Duration::from_millis(1500)));
        let expected = prost_types::Duration { seconds: 1, nanos: 500_000_000 };
        assert_eq!((timed.keep, timed.expiration), (false, Some(expected)));
    }

    #[test]
    fn a_lifetime_beyond_the_wire_stays_too_long_for_the_broker() {
        let sent = sent(PublishOptions::keep_for(Duration::MAX));
        assert_eq!(sent.expiration.unwrap().seconds, i64::MAX);
    }

    #[test]
    fn the_largest_message_passes_and_one_byte_more_does_not() {
        let at = |size: usize| {
            let overhead = sent(PublishOptions::default()).encoded_len() - 1 + 3;
            let request = request(
                "s".into(),
                Bytes::from(vec![0; size - overhead]),
                PublishOptions::default(),
            );
            assert_eq!(request.encoded_len(), size);
            check_size(&request)
        };
        assert_eq!(at(MAX_MESSAGE_BYTES), Ok(MAX_MESSAGE_BYTES));
        assert_eq!(at(MAX_MESSAGE_BYTES + 1).unwrap_err().kind(), ErrorKind::MessageTooLarge);
    }

    #[test]
    fn what_was_delivered_only_is_never_said_to_be_stored() {
        let ack = PublishAck {
            results: [
                Some(publish_result::Result::Id(0)),
                Some(publish_result::Result::Id(7)),
                None,
            ]
            .into_iter()
            .map(|result| PublishResult { result })
            .collect(),
            durability: broker_proto::Durability::Disk.into(),
        };
        let results: Vec<_> = results(ack).collect();
        assert_eq!(results[0], Ok(Published { id: 0, durability: Durability::Delivered }));
        assert_eq!(results[1], Ok(Published { id: 7, durability: Durability::Disk }));
        assert!(results[2].as_ref().unwrap_err().is_outcome_unknown());
    }
}
