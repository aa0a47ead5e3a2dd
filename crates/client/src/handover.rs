//! Knowing whether a message left: one that the transport never asked for was surely not sent.

use futures_util::Stream;
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

/// One message, as a stream that the transport takes it from.
#[derive(Debug)]
pub struct Handover<M> {
    message: Option<M>,
    taken: Taken,
}

/// Says whether the transport took the message.
#[derive(Debug, Clone, Default)]
pub struct Taken(Arc<AtomicBool>);

impl<M> Handover<M> {
    pub fn of(message: M) -> (Self, Taken) {
        let taken = Taken::default();
        (Self { message: Some(message), taken: taken.clone() }, taken)
    }
}

impl Taken {
    /// Once false after the call has ended, it stays so.
    pub fn is_taken(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl<M: Unpin> Stream for Handover<M> {
    type Item = M;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<M>> {
        self.taken.0.store(true, Ordering::Release);
        Poll::Ready(self.message.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt, StreamExt};

    #[test]
    fn a_message_is_taken_when_it_is_asked_for() {
        let (mut handover, taken) = Handover::of(7);
        assert!(!taken.is_taken());
        assert_eq!(handover.next().now_or_never(), Some(Some(7)));
        assert!(taken.is_taken());
        assert_eq!(handover.next().now_or_never(), Some(None));
    }
}
