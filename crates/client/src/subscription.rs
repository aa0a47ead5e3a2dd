//! A subscription as a stream that goes on over broken connections.

mod follow;
#[cfg(test)]
mod tests;

use crate::{
    Backoff, Delivery, Error, ErrorKind, Retry, Start,
    backoff::{Pauses, chance},
    source::{Messages, Source},
};
use follow::Progress;
use futures_util::{Stream, StreamExt, future::BoxFuture};
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// How a [`Subscription`] begins, and what it does when the connection breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct SubscribeOptions {
    resume: Option<Backoff>,
    wait_for_broker: bool,
}

impl Default for SubscribeOptions {
    fn default() -> Self {
        Self { resume: Some(Backoff::default()), wait_for_broker: false }
    }
}

impl SubscribeOptions {
    /// Goes on over broken connections for ever; the first attempt has to go well.
    pub fn new() -> Self {
        Self::default()
    }

    /// The pauses between attempts to go on, and for how long to try.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.resume = Some(backoff);
        self
    }

    /// Ends with the first error of any kind, as the wire's own stream does. [`Start::New`] asks the
    /// broker for just that then, without the search for its place.
    pub fn until_interrupted(mut self) -> Self {
        self.resume = None;
        self
    }

    /// Waits for a broker that is not there yet, or not ready, with the pauses of
    /// [`SubscribeOptions::backoff`]. What is new then is what comes once it is there.
    pub fn wait_for_broker(mut self) -> Self {
        self.wait_for_broker = true;
        self
    }
}

/// What happens to a [`Subscription`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A message.
    Message(Delivery),
    /// The connection was lost (`attempt` 1), or an attempt to go on failed. The next one is made after
    /// the pause. Messages that are delivered only are lost until then, and nobody counts them.
    Interrupted {
        /// Why.
        error: Error,
        /// Counted from 1 since it last went well.
        attempt: u32,
        /// Until the next attempt.
        pause: Duration,
    },
    /// It stands again: what was stored meanwhile comes next.
    Resumed,
    /// The broker sent a stored message again, or out of order: it broke its word. The message was
    /// dropped.
    Discarded {
        /// Its id, not above the [`position`](Subscription::position).
        id: u64,
    },
}

/// The messages of one subject, in the order of their ids, without an end of its own.
///
/// When the connection breaks, falls silent or the broker leaves, it subscribes again after its
/// [`position`](Subscription::position), after growing pauses. So every stored message comes, once and
/// in order, also when the broker was killed and started again. What is **not** promised:
///
/// - A message that is delivered only is lost when it is published while the connection is down;
///   [`Delivery::missed`] counts only what one standing subscription lost.
/// - A message that expires while the connection is down does not come.
/// - A connection that died is noticed by [`ClientOptions::keepalive`](crate::ClientOptions::keepalive). A
///   broker that stands still and yet answers on its connections is not.
/// - A memory store that was restarted counts from 1 again. If its last id is below the position, the
///   subscription ends with [`ErrorKind::ResumeAhead`]; if it has grown beyond by then, nobody can tell.
///
/// It ends with an error that a retry cannot mend; [`Subscription::resume`] goes on all the same.
///
/// As a [`Stream`] it gives messages only. [`Subscription::next_event`] tells of interruptions too.
/// Dropping it ends it at the broker.
pub struct Subscription {
    source: Source,
    state: State,
    progress: Progress,
    pauses: Option<Pauses>,
    resumed: u64,
}

enum State {
    Standing { messages: Box<Messages>, since: Instant },
    Resuming(BoxFuture<'static, Result<Messages, Error>>),
    Ended,
}

/// Makes the first attempt, or attempts until one goes well.
pub(crate) async fn begin(
    source: Source,
    start: Start,
    options: SubscribeOptions,
) -> Result<Subscription, Error> {
    let mut pauses = options.resume.map(Pauses::new);
    let mut waits =
        options.wait_for_broker.then(|| Pauses::new(options.resume.unwrap_or_default()));
    loop {
        let attempt = match (&pauses, start) {
            (Some(_), _) => source.subscribe_to_resume(start).await,
            (None, Start::After(id)) => source.subscribe(start).await.map(|all| (all, id)),
            (None, _) => source.subscribe(start).await.map(|messages| (messages, 0)),
        };
        match attempt {
            Ok((messages, place)) => {
                let progress = Progress::after(place);
                let state = State::standing(messages);
                if let Some(pauses) = &mut pauses {
                    pauses.reset();
                }
                return Ok(Subscription { source, state, progress, pauses, resumed: 0 });
            }
            Err(error) => {
                let pause = waits.as_mut().and_then(|waits| pause_after(&error, waits));
                sleep(pause.ok_or(error)?).await;
            }
        }
    }
}

/// How long to wait before the next attempt, if that may help and is not too late.
fn pause_after(error: &Error, pauses: &mut Pauses) -> Option<Duration> {
    match error.retry() {
        Retry::Safe { after } => pauses.next(after, Instant::now(), chance()),
        Retry::Useless | Retry::OutcomeUnknown => None,
    }
}

impl State {
    fn standing(messages: Messages) -> Self {
        Self::Standing { messages: Box::new(messages), since: Instant::now() }
    }
}

impl Subscription {
    /// The highest id received so far, or the one it began after; 0 when there is none. With
    /// [`Start::New`] that is the subject's last id when it was made.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.progress.position()
    }

    /// How often it went on after an interruption.
    #[must_use]
    pub fn resumed(&self) -> u64 {
        self.resumed
    }

    /// Stored messages that the broker sent again or out of order, and that were dropped. Anything but
    /// 0 is a fault of the broker.
    #[must_use]
    pub fn discarded(&self) -> u64 {
        self.progress.discarded()
    }

    /// Whether it stands at the moment, as far as is known here.
    #[must_use]
    pub fn is_standing(&self) -> bool {
        matches!(self.state, State::Standing { .. })
    }

    /// Goes on after the error that ended it: after a damaged message behind it, after another error
    /// at the [`position`](Subscription::position), now. Does nothing while it has not ended.
    pub fn resume(&mut self) {
        if matches!(self.state, State::Ended) {
            if let Some(pauses) = &mut self.pauses {
                pauses.reset();
            }
            self.progress.pass_damage();
            self.state = self.attempt(Duration::ZERO);
        }
    }

    /// What happens next: as the [`Stream`], and what becomes of the connection as well. `None` after
    /// the error that ended it. Dropping this future loses nothing.
    ///
    /// # Errors
    /// Why the subscription ended.
    pub async fn next_event(&mut self) -> Option<Result<Event, Error>> {
        std::future::poll_fn(|cx| self.poll_event(cx)).await
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event, Error>>> {
        let failed = match &mut self.state {
            State::Ended => return Poll::Ready(None),
            State::Standing { messages, since } => match ready!(messages.poll_next_unpin(cx)) {
                Some(Ok(message)) => {
                    if let Some(pauses) = &mut self.pauses {
                        pauses.reset();
                    }
                    return Poll::Ready(Some(Ok(self.progress.take(message))));
                }
                end => {
                    // One that only ever stands for a moment is no success.
                    if let Some(pauses) = &mut self.pauses
                        && since.elapsed() >= pauses.proven_after()
                    {
                        pauses.reset();
                    }
                    follow::end(end.and_then(Result::err))
                }
            },
            State::Resuming(attempt) => match ready!(attempt.as_mut().poll(cx)) {
                Ok(messages) => {
                    self.state = State::standing(messages);
                    self.resumed += 1;
                    return Poll::Ready(Some(Ok(Event::Resumed)));
                }
                Err(error) => error,
            },
        };
        Poll::Ready(Some(self.fail(failed)))
    }

    /// What an error means: another attempt, or the end.
    fn fail(&mut self, error: Error) -> Result<Event, Error> {
        let pause = self.pauses.as_mut().and_then(|pauses| {
            let pause = pause_after(&error, pauses)?;
            Some((pause, pauses.failures()))
        });
        let Some((pause, attempt)) = pause else {
            self.state = State::Ended;
            if let ErrorKind::Damaged { id: Some(id) } = error.kind() {
                self.progress.meet_damage(id);
            }
            return Err(error);
        };
        self.state = self.attempt(pause);
        Ok(Event::Interrupted { error, attempt, pause })
    }

    fn attempt(&self, pause: Duration) -> State {
        let (source, start) = (self.source.clone(), Start::After(self.position()));
        State::Resuming(Box::pin(async move {
            sleep(pause).await;
            source.subscribe(start).await
        }))
    }
}

impl Stream for Subscription {
    type Item = Result<Delivery, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let next = match ready!(self.poll_event(cx)) {
                Some(Ok(Event::Message(message))) => Some(Ok(message)),
                // The getters tell of these.
                Some(Ok(Event::Interrupted { .. } | Event::Resumed | Event::Discarded { .. })) => {
                    continue;
                }
                Some(Err(error)) => Some(Err(error)),
                None => None,
            };
            return Poll::Ready(next);
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("position", &self.position())
            .field("is_standing", &self.is_standing())
            .field("resumed", &self.resumed)
            .finish_non_exhaustive()
    }
}
