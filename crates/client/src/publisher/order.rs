//! A message with the one who waits for its answer.

use crate::{Error, Published};
use broker_proto::PublishRequest;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// A message to publish. Its room is free when it is dropped.
#[derive(Debug)]
pub struct Order {
    /// Its place among all; set when it is taken in.
    pub number: u64,
    /// Absent while it is on the way, unless it may have to be sent again.
    pub request: Option<PublishRequest>,
    /// Its share of the bytes in flight.
    pub weight: u32,
    reply: oneshot::Sender<Result<Published, Error>>,
    _room: OwnedSemaphorePermit,
}

impl Order {
    pub fn new(
        request: PublishRequest,
        weight: u32,
        reply: oneshot::Sender<Result<Published, Error>>,
        room: OwnedSemaphorePermit,
    ) -> Self {
        Self { number: 0, request: Some(request), weight, reply, _room: room }
    }

    /// Its final answer.
    pub fn answer(self, result: Result<Published, Error>) {
        // Nobody may be waiting.
        let _ = self.reply.send(result);
    }
}
