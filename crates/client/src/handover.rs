//! Knowing whether a message left: one that the transport never took was surely not sent.

use futures_util::Stream;
use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

/// One message, as a stream that the transport takes it from.
#[derive(Debug)]
pub struct Handover<M>(Arc<Mutex<Place<M>>>);

/// Takes the message back, if it is still there.
#[derive(Debug)]
pub struct TakeBack<M>(Arc<Mutex<Place<M>>>);

#[derive(Debug)]
enum Place<M> {
    Here(M),
    /// The transport has it.
    Left,
    /// It never leaves.
    TakenBack,
}

impl<M> Handover<M> {
    pub fn of(message: M) -> (Self, TakeBack<M>) {
        let place = Arc::new(Mutex::new(Place::Here(message)));
        (Self(place.clone()), TakeBack(place))
    }
}

impl<M> TakeBack<M> {
    /// Whether the message did not leave; then it never will. The call that carries it may be looked
    /// after by another thread still, after it was dropped here.
    pub fn take_back(self) -> bool {
        let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_here = matches!(*place, Place::Here(_));
        if is_here {
            *place = Place::TakenBack;
        }
        is_here
    }
}

impl<M> Stream for Handover<M> {
    type Item = M;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<M>> {
        let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *place, Place::Left) {
            Place::Here(message) => Poll::Ready(Some(message)),
            Place::Left => Poll::Ready(None),
            Place::TakenBack => {
                *place = Place::TakenBack;
                // Its call is over, and with it this stream. An end would be a request without a message.
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt, StreamExt};

    #[test]
    fn a_message_leaves_when_it_is_asked_for() {
        let (mut handover, take_back) = Handover::of(7);
        assert_eq!(handover.next().now_or_never(), Some(Some(7)));
        assert_eq!(handover.next().now_or_never(), Some(None));
        assert!(!take_back.take_back());
    }

    #[test]
    fn a_message_that_is_taken_back_never_leaves() {
        let (mut handover, take_back) = Handover::of(7);
        assert!(take_back.take_back());
        assert_eq!(handover.next().now_or_never(), None);
        assert_eq!(handover.next().now_or_never(), None);
    }
}
