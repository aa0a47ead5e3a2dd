//! What the transport holds of one subscription.
//!
//! The transport takes frames ahead of what the client reads. It lets go of one when it is written to the
//! socket, and only that tells how much memory a slow client costs.

use bytes::Bytes;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::Notify;

/// Counts the bytes of the frames that were handed on and not let go of.
#[derive(Default)]
pub struct Transit {
    bytes: AtomicUsize,
    less: Notify,
}

/// A frame that is counted while it lives.
struct Frame {
    bytes: Bytes,
    transit: Arc<Transit>,
}

impl Transit {
    /// The same frame, counted until the last of it is dropped.
    pub fn count(self: &Arc<Self>, bytes: Bytes) -> Bytes {
        self.bytes.fetch_add(bytes.len(), Ordering::Relaxed);
        Bytes::from_owner(Frame { bytes, transit: self.clone() })
    }

    /// Waits until no more than `limit` bytes are under way, and answers how many are. Only one may wait.
    pub async fn at_most(&self, limit: usize) -> usize {
        loop {
            let bytes = self.bytes.load(Ordering::Relaxed);
            if bytes <= limit {
                return bytes;
            }
            // What was let go of before this wait is remembered.
            self.less.notified().await;
        }
    }
}

impl AsRef<[u8]> for Frame {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        self.transit.bytes.fetch_sub(self.bytes.len(), Ordering::Relaxed);
        self.transit.less.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn a_frame_counts_until_all_of_it_is_dropped() {
        let transit = Arc::new(Transit::default());
        let mut first = transit.count(Bytes::from_static(b"first"));
        let second = transit.count(Bytes::from_static(b"second"));
        assert_eq!(&second[..], b"second");
        assert_eq!(transit.at_most(11).now_or_never(), Some(11));

        let piece = first.split_to(2);
        drop(first);
        let mut waiting = Box::pin(transit.at_most(10));
        assert_eq!((&mut waiting).now_or_never(), None);
        drop(piece);
        assert_eq!(waiting.now_or_never(), Some(6));
        drop(second);
        assert_eq!(transit.at_most(0).now_or_never(), Some(0));
    }
}
