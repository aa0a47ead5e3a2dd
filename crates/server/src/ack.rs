//! Acknowledgements of a publish stream, written straight into frames.

use crate::{convert::wire_durability, status::Problem};
use broker_core::{Durability, MessageId};
use bytes::{BufMut, Bytes, BytesMut};
use prost::{
    Message as _,
    encoding::{self, WireType},
};
use std::collections::VecDeque;
use tonic::Status;

/// Bytes of results that are put into one `PublishAck`; a larger one has a single result.
const TARGET: usize = 32 * 1024;

/// A gRPC frame's compression flag and length, in bytes.
const PREFIX: usize = 5;

/// What a waiting result takes of memory beside its encoded form, in bytes, rounded up.
const BOOKKEEPING: usize = 8;

/// Results on their way into `PublishAck`s. A result takes few bytes and there are many, so they are
/// encoded as they come instead of being collected first.
pub struct Acks {
    durability: i32,
    finished: VecDeque<Frame>,
    /// What those take of memory.
    weight: usize,
    /// The frame that is being written; empty, or its prefix and results.
    current: BytesMut,
    results: usize,
    /// Whether one of them is a stored message's.
    is_stored: bool,
}

/// A `PublishAck` with its prefix.
pub struct Frame {
    pub bytes: Bytes,
    /// How many results it has.
    pub results: usize,
}

impl Frame {
    /// What it takes of memory.
    pub fn weight(&self) -> usize {
        self.bytes.len() + self.results * BOOKKEEPING
    }
}

impl Acks {
    pub fn new(durability: Durability) -> Self {
        Self {
            durability: wire_durability(durability).into(),
            finished: VecDeque::new(),
            weight: 0,
            current: BytesMut::new(),
            results: 0,
            is_stored: false,
        }
    }

    /// The result of an acknowledged message.
    pub fn accept(&mut self, id: MessageId) {
        // A oneof is written even when it holds its default.
        let length = 1 + encoding::encoded_len_varint(id.0);
        self.begin_result(length);
        encoding::encode_key(1, WireType::Varint, &mut self.current);
        encoding::encode_varint(id.0, &mut self.current);
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
        encoding::encode_key(2, WireType::LengthDelimited, &mut self.current);
        encoding::encode_varint(status.len() as u64, &mut self.current);
        self.current.put_slice(&status);
    }

    fn begin_result(&mut self, length: usize) {
        // Key, length and the durability behind all results take a few bytes more.
        if self.current.len() + length + 16 > TARGET {
            self.finish();
        }
        if self.current.is_empty() {
            self.current.put_bytes(0, PREFIX);
        }
        self.results += 1;
        encoding::encode_key(1, WireType::LengthDelimited, &mut self.current);
        encoding::encode_varint(length as u64, &mut self.current);
    }

    fn finish(&mut self) {
        if self.results == 0 {
            return;
        }
        if std::mem::take(&mut self.is_stored) {
            encoding::int32::encode(2, &self.durability, &mut self.current);
        }
        // At most MAX_ACK.
        let length = u32::try_from(self.current.len() - PREFIX).unwrap_or(u32::MAX);
        self.current[1..PREFIX].copy_from_slice(&length.to_be_bytes());
        let bytes = self.current.split().freeze();
        let frame = Frame { bytes, results: std::mem::take(&mut self.results) };
        self.weight += frame.weight();
        self.finished.push_back(frame);
    }

    /// What waits here takes of memory, about.
    pub fn weight(&self) -> usize {
        self.weight + self.current.len() + self.results * BOOKKEEPING
    }

    /// The oldest results, as a whole frame.
    pub fn take(&mut self) -> Option<Frame> {
        if self.finished.is_empty() {
            self.finish();
        }
        let frame = self.finished.pop_front()?;
        self.weight -= frame.weight();
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MAX_ACK;
    use broker_proto::{Durability as Wire, PublishAck, publish_result};
    use bytes::Buf;

    fn decode(taken: &mut Acks) -> Vec<PublishAck> {
        let mut acks = Vec::new();
        while let Some(Frame { mut bytes, results }) = taken.take() {
            assert_eq!(bytes.get_u8(), 0);
            assert_eq!(bytes.get_u32() as usize, bytes.len());
            assert!(bytes.len() <= MAX_ACK);
            let ack = PublishAck::decode(bytes).unwrap();
            assert_eq!(ack.results.len(), results);
            acks.push(ack);
        }
        acks
    }

    #[test]
    fn results_keep_their_order_and_durability_speaks_of_stored_ones() {
        let mut ack = Acks::new(Durability::Disk);
        ack.accept(MessageId(300));
        ack.refuse(Problem::StorageUnavailable);
        ack.accept(MessageId::NONE);
        let [ack] = &decode(&mut ack)[..] else { panic!("one acknowledgement") };
        assert_eq!(ack.durability(), Wire::Disk);
        let results: Vec<_> = ack.results.iter().map(|one| one.result.clone().unwrap()).collect();
        assert_eq!(results[0], publish_result::Result::Id(300));
        let publish_result::Result::Error(error) = &results[1] else { panic!("an error") };
        assert_eq!((error.code, error.details.len()), (14, 2));
        assert_eq!(results[2], publish_result::Result::Id(0));
    }

    #[test]
    fn delivered_only_results_have_no_durability() {
        let mut ack = Acks::new(Durability::Disk);
        ack.accept(MessageId::NONE);
        assert_eq!(decode(&mut ack)[0].durability(), Wire::Delivered);
        assert_eq!(ack.weight(), 0);
        assert!(ack.take().is_none());
    }

    #[test]
    fn an_acknowledgement_stays_below_its_limit() {
        let mut ack = Acks::new(Durability::Memory);
        for _ in 0..20_000 {
            ack.refuse(Problem::StorageUnavailable);
        }
        let acks = decode(&mut ack);
        assert!(acks.len() > 1);
        assert_eq!(acks.iter().map(|ack| ack.results.len()).sum::<usize>(), 20_000);
    }
}
