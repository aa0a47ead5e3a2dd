//! Every bound of the door, by name.

use std::time::Duration;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Largest encoded `PublishRequest`, in bytes: 1 KiB below the 4 MiB that clients of every language
/// accept by default, so that the `MessageResponse` made of it always fits.
pub const MAX_MESSAGE: usize = 4 * MIB - KIB;

/// Largest `PublishBatch`, in bytes, and the most that is read of any request.
pub const MAX_REQUEST: usize = 16 * MIB;

/// Most messages in one `PublishBatch`.
pub const MAX_BATCH_MESSAGES: usize = 65_536;

/// Largest `PublishAck`, in bytes.
pub const MAX_ACK: usize = MIB;

/// Results of one publish stream that may wait for the client to read them; then the stream is no
/// longer read.
pub const MAX_WAITING_RESULTS: usize = 65_536;

/// Bytes gathered into one DATA frame of a subscription.
pub const FRAME: usize = 32 * KIB;

/// Messages from this size on are handed to the transport by reference instead of being copied.
pub const BY_REFERENCE: usize = 8 * KIB;

/// The bounds of the door that an operator may set.
///
/// What they may cost in memory, beside the core's own 64 MiB of messages: requests being received
/// ([`ServerLimits::receiving_bytes`]), what publish streams that are not read leave in their windows
/// ([`ServerLimits::publish_streams`] x [`ServerLimits::stream_window`]), and what each subscription
/// that does not read holds ready (at most [`FRAME`] and one message, shared where it is live).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerLimits {
    /// Connections at once; a further one is closed at once.
    pub connections: usize,
    /// Calls at once on one connection; a client waits for its turn beyond that.
    pub streams_per_connection: u32,
    /// Publish streams at once.
    pub publish_streams: usize,
    /// Bytes of requests being received at once, over all calls.
    pub receiving_bytes: usize,
    /// HTTP/2 window of a stream, in bytes.
    pub stream_window: u32,
    /// HTTP/2 window of a connection, in bytes. Much larger than a stream's: small DATA frames that
    /// stand unread count against it, and a connection ends when it is used up.
    pub connection_window: u32,
    /// Bytes of request headers.
    pub header_bytes: u32,
    /// Pings an idle or busy peer this often to find out whether it is still there.
    pub keepalive_interval: Duration,
    /// Closes a connection that did not answer a ping for this long.
    pub keepalive_timeout: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            connections: 4_096,
            streams_per_connection: 1_024,
            publish_streams: 512,
            receiving_bytes: 48 * MIB,
            stream_window: 128 * 1024,
            connection_window: 64 * 1024 * 1024,
            header_bytes: 16 * 1024,
            keepalive_interval: Duration::from_secs(20),
            keepalive_timeout: Duration::from_secs(10),
        }
    }
}
