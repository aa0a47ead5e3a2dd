//! Every bound of the door, by name.
//!
//! What they cost in memory at their defaults, each in its worst case; the sum is 256 MiB:
//!
//! | what | bound | at most |
//! | --- | --- | --- |
//! | messages in the core | `broker_core::Limits` | 56 MiB |
//! | encoded forms of live messages below 8 KiB | once more what the core's tails hold | 16 MiB |
//! | requests being received | [`ServerLimits::receiving_bytes`] | 32 MiB |
//! | large stored messages being sent | [`ServerLimits::sending_bytes`] | 16 MiB |
//! | small answers to fetches | 5 MiB | 5 MiB |
//! | operators' calls | 2 x 1.5 MiB | 3 MiB |
//! | frames for subscriptions, ready or under way | 256 KiB each, or 16 MiB shared by all | 16 MiB |
//! | publish streams that are not read | [`ServerLimits::publish_streams`] x [`ServerLimits::stream_window`] | 32 MiB |
//! | results that clients do not read | [`ServerLimits::waiting_result_bytes`] | 8 MiB |
//! | connections | [`ServerLimits::connections`] x about 12 KiB | 48 MiB |
//! | calls | [`ServerLimits::calls`] x about 2 KiB | 24 MiB |
//!
//! The window of a connection is no promise of memory: what stands unread is bounded by the windows
//! of the streams that are not read, and only publish streams ever are not.

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

/// Results that every publish stream may have waiting, whatever others do.
pub(crate) const OWN_WAITING_RESULTS: usize = 1_024;

/// Bytes put into one DATA frame of a subscription.
pub(crate) const FRAME: usize = 64 * KIB;

/// Weight of a message that is small: larger ones take room before they are sent.
pub(crate) const SMALL_MESSAGE: usize = 32 * KIB;

/// Bytes of messages gathered at once for one subscription, in several frames: a page of the store is
/// read by another thread, and a small one would not be worth the way there and back.
pub(crate) const GATHERED: usize = 256 * KIB;

/// Fewest bytes gathered at once, however many subscriptions there are.
pub(crate) const MIN_GATHERED: usize = 2 * KIB;

/// Bytes gathered for all subscriptions together, which they share evenly.
pub(crate) const ALL_GATHERED: usize = 16 * MIB;

/// Bodies of this size are handed to the transport by reference instead of being copied.
pub(crate) const BY_REFERENCE: usize = 8 * KIB;

/// Bytes of small answers to fetches at once, 32 KiB counted for each.
pub(crate) const SMALL_ANSWERS: usize = 5 * MIB;

/// Calls that may wait for room to be received or sent; further ones are refused at once.
pub(crate) const WAITING_CALLS: usize = 512;

/// How long a call waits for room before it is refused.
pub(crate) const ROOM_WAIT: Duration = Duration::from_secs(10);

/// How long a client may pause in the middle of a request that takes up room.
pub(crate) const RECEIVE_PAUSE: Duration = Duration::from_secs(20);

/// How long a new connection may take until it has said which protocol it speaks.
pub(crate) const GREETING: Duration = Duration::from_secs(10);

/// Connections to the admin pages at once.
pub(crate) const ADMIN_CONNECTIONS: usize = 64;

/// Calls of operators at once; further ones wait for their turn. A page of 1,000 subjects with the
/// longest names takes up to 1.5 MiB, most of it as JSON, and counting keeps a processor busy.
pub(crate) const OPERATOR_CALLS: usize = 2;

/// Bytes of an operator's request: some times what its longest subjects take.
pub(crate) const OPERATOR_REQUEST: usize = 16 * KIB;

/// Connections beyond the limit that are being told so at once; further ones are just closed.
pub(crate) const FAREWELLS: usize = 64;

/// The bounds of the door that an operator may set. At each the answer is OVERLOADED or waiting,
/// never growth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerLimits {
    /// Connections at once; a further one is told so and closed.
    pub connections: usize,
    /// Calls at once on one connection; a client waits for its turn beyond that.
    pub streams_per_connection: u32,
    /// Calls at once over all connections, streams and subscriptions included.
    pub calls: usize,
    /// Publish streams at once.
    pub publish_streams: usize,
    /// Calls of health and reflection at once.
    pub side_calls: usize,
    /// Bytes of requests being received at once, over all calls, decompressed forms included.
    /// A request of 16 MiB always has room in the end.
    pub receiving_bytes: usize,
    /// Bytes of stored messages being sent at once to readers that have them to themselves: fetches,
    /// and subscriptions that catch up. (Live messages are shared, and counted by the core.)
    pub sending_bytes: usize,
    /// Bytes of results, over all publish streams, that wait for their clients to read them. Beyond
    /// that a stream is read on only while few of its own wait.
    pub waiting_result_bytes: usize,
    /// HTTP/2 window of a stream, in bytes.
    pub stream_window: u32,
    /// HTTP/2 window of a connection, in bytes. Much larger than a stream's: small DATA frames that
    /// stand unread count against half of it, and a connection ends when that is used up.
    pub connection_window: u32,
    /// Bytes of one response that the transport takes ahead of what the connection carries.
    pub send_buffer: usize,
    /// Bytes of request headers.
    pub header_bytes: u32,
    /// A peer that was not heard of for this long is pinged.
    pub keepalive_interval: Duration,
    /// A connection that does not answer a ping for this long is closed.
    pub keepalive_timeout: Duration,
    /// Once the broker is leaving, new calls hear BROKER_CLOSING for at least this long before the
    /// port closes.
    pub closing_notice: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            connections: 4_096,
            streams_per_connection: 1_024,
            calls: 12_288,
            publish_streams: 256,
            side_calls: 256,
            receiving_bytes: 32 * MIB,
            sending_bytes: 16 * MIB,
            waiting_result_bytes: 8 * MIB,
            stream_window: 128 * 1024,
            connection_window: 64 * 1024 * 1024,
            send_buffer: 256 * KIB,
            header_bytes: 16 * 1024,
            keepalive_interval: Duration::from_secs(20),
            keepalive_timeout: Duration::from_secs(10),
            closing_notice: Duration::from_secs(1),
        }
    }
}
