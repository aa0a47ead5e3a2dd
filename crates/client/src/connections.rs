//! The connections of a client, and how calls are spread over them.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tonic::transport::Channel;

/// Connections to one broker. Each breaks and is made again on its own.
#[derive(Debug, Clone)]
pub struct Connections {
    channels: Arc<[Channel]>,
    next: Arc<AtomicUsize>,
}

impl Connections {
    /// Of at least one.
    pub fn new(channels: Vec<Channel>) -> Self {
        Self { channels: channels.into(), next: Arc::default() }
    }

    /// The connection for the next call: each in its turn.
    pub fn next(&self) -> Channel {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.channels[turn % self.channels.len()].clone()
    }
}
