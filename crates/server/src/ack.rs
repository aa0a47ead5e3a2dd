//! Acknowledgements of a publish stream, written straight into frames.

use crate::{convert::wire_durability, limits::MAX_ACK, status::Problem};
use broker_core::{Durability, MessageId};
use bytes::{BufMut, Bytes, BytesMut};
use prost::{
    Message as _,
    encoding::{self, WireType},
};
use tonic::Status;

/// Results gathered for the next `PublishAck`s. A result takes few bytes and there are many, so they
/// are encoded as they come instead of being collected first.
pub struct Ack {
    durability: i32,
    /// Finished frames, each a `PublishAck` with its prefix.
    finished: BytesMut,
    /// Results of the frame that is being written.
    results: BytesMut,
    /// Whether one of them is a stored message's.
    is_stored: bool,
}

impl Ack {
    pub fn new(durability: Durability) -> Self {
        Self {
            durability: wire_durability(durability).into(),
            finished: BytesMut::new(),
            results: BytesMut::new(),
            is_stored: false,
        }
    }

    /// Bytes gathered.
    pub fn len(&self) -> usize {
        self.finished.len() + self.results.len()
    }

    /// The result of an acknowledged message.
    pub fn accept(&mut self, id: MessageId) {
        // A oneof is written even when it holds its default.
        let length = 1 + encoding::encoded_len_varint(id.0);
        self.begin_result(length);
        encoding::encode_key(1, WireType::Varint, &mut self.results);
        encoding::encode_varint(id.0, &mut self.results);
        self.is_stored |= !id.is_none();
    }

    /// The result of a message that was not acknowledged.
    pub fn refuse(&mut self, problem: Problem) {
        let status = Status::from(problem);
        // The details of a gRPC status are an encoded google.rpc.Status; without details it is short.
        let status = match status.details() {
            [] => tonic_types::Status {
                code: status.code() as i32,
                message: status.message().to_owned(),
                details: Vec::new(),
            }
            .encode_to_vec(),
            details => details.to_vec(),
        };
        let length =
            encoding::key_len(2) + encoding::encoded_len_varint(status.len() as u64) + status.len();
        self.begin_result(length);
        encoding::encode_key(2, WireType::LengthDelimited, &mut self.results);
        encoding::encode_varint(status.len() as u64, &mut self.results);
        self.results.put_slice(&status);
    }

    fn begin_result(&mut self, length: usize) {
        // Key, length and the durability behind all results take a few bytes more.
        if self.results.len() + length + 16 > MAX_ACK {
            self.finish();
        }
        encoding::encode_key(1, WireType::LengthDelimited, &mut self.results);
        encoding::encode_varint(length as u64, &mut self.results);
    }

    fn finish(&mut self) {
        if self.results.is_empty() {
            return;
        }
        if std::mem::take(&mut self.is_stored) {
            encoding::int32::encode(2, &self.durability, &mut self.results);
        }
        self.finished.reserve(5 + self.results.len());
        self.finished.put_u8(0);
        // At most MAX_ACK.
        self.finished.put_u32(u32::try_from(self.results.len()).unwrap_or(u32::MAX));
        self.finished.put_slice(&self.results);
        self.results.clear();
    }

    /// All that was gathered, as whole frames.
    pub fn frames(&mut self) -> Bytes {
        self.finish();
        self.finished.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use broker_proto::{Durability as Wire, PublishAck, publish_result};
    use bytes::Buf;

    fn decode(mut frames: Bytes) -> Vec<PublishAck> {
        let mut acks = Vec::new();
        while frames.has_remaining() {
            assert_eq!(frames.get_u8(), 0);
            let length = frames.get_u32() as usize;
            assert!(length <= MAX_ACK);
            acks.push(PublishAck::decode(frames.split_to(length)).unwrap());
        }
        acks
    }

    #[test]
    fn results_keep_their_order_and_durability_speaks_of_stored_ones() {
        let mut ack = Ack::new(Durability::Disk);
        ack.accept(MessageId(300));
        ack.refuse(Problem::StorageUnavailable);
        ack.accept(MessageId::NONE);
        let [ack] = &decode(ack.frames())[..] else { panic!("one acknowledgement") };
        assert_eq!(ack.durability(), Wire::Disk);
        let results: Vec<_> = ack.results.iter().map(|one| one.result.clone().unwrap()).collect();
        assert_eq!(results[0], publish_result::Result::Id(300));
        let publish_result::Result::Error(error) = &results[1] else { panic!("an error") };
        assert_eq!((error.code, error.details.len()), (14, 2));
        assert_eq!(results[2], publish_result::Result::Id(0));
    }

    #[test]
    fn delivered_only_results_have_no_durability() {
        let mut ack = Ack::new(Durability::Disk);
        ack.accept(MessageId::NONE);
        assert_eq!(decode(ack.frames())[0].durability(), Wire::Delivered);
        assert_eq!(ack.len(), 0);
    }

    #[test]
    fn an_acknowledgement_stays_below_its_limit() {
        let mut ack = Ack::new(Durability::Memory);
        for _ in 0..20_000 {
            ack.refuse(Problem::StorageUnavailable);
        }
        let acks = decode(ack.frames());
        assert!(acks.len() > 1);
        assert_eq!(acks.iter().map(|ack| ack.results.len()).sum::<usize>(), 20_000);
    }
}
