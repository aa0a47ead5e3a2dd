//! One subscription followed to its end.

use super::{
    audit::Follower,
    caller::{Failure, Feed, Received},
    progress::Progress,
    recorder::SharedRecorder,
    time::Epoch,
    window::Crowd,
};
use futures_util::FutureExt;
use std::{pin::pin, sync::Arc, time::Duration};
use tokio::{sync::watch, task::yield_now, time::sleep};

/// How long nothing may come before what is missing counts as lost.
const PATIENCE: Duration = Duration::from_secs(10);
/// Messages between two looks at the clock, while they come without a wait.
const BURST: u64 = 64;
/// Messages after which others get their turn.
const TURN: u64 = 1_024;

/// Follows a subscription.
pub struct Watcher {
    pub feed: Feed,
    pub follower: Follower,
    pub epoch: Epoch,
    /// From when a message was due to its arrival.
    pub recorder: Option<SharedRecorder>,
    /// Of each subject, who is waited for; and this one's place there.
    pub crowds: Arc<[Crowd]>,
    pub place: usize,
    /// How many messages there will be on its subject, once that is known.
    pub goal: watch::Receiver<Option<u64>>,
    /// Where its messages are counted for the person who waits.
    pub progress: Option<Progress>,
}

/// What a watcher saw.
pub struct Watched {
    pub follower: Follower,
    /// Bytes of bodies.
    pub bytes: u64,
    /// When the first and the last message came, in ns of the bench's clock.
    pub first: Option<u64>,
    pub last: u64,
    pub failure: Option<Failure>,
}

impl Watcher {
    /// Until all has come, nothing comes any more, or the subscription fails.
    pub async fn run(mut self) -> Watched {
        let mut seen = Watched {
            follower: self.follower.clone(),
            bytes: 0,
            first: None,
            last: self.epoch.now(),
            failure: None,
        };
        let mut latencies = Vec::new();
        let (mut now, mut count, mut told) = (self.epoch.now(), 0_u64, 0);
        // Whether all has come is only asked when nothing more is there: what is too much is seen, too.
        loop {
            let received = match self.feed.next().now_or_never() {
                Some(received) => received,
                None => {
                    self.tell(&mut latencies, count - told);
                    told = count;
                    let Some(received) = self.wait().await else { break };
                    now = self.epoch.now();
                    received
                }
            };
            match received {
                Ok(Received::Message(message)) => {
                    seen.bytes += message.body.len() as u64;
                    if let Some(stamp) = self.follower.take(&message) {
                        latencies.push((stamp.due, now));
                    }
                    seen.first.get_or_insert(now);
                    seen.last = now;
                }
                Ok(Received::Again) => self.follower.take_again(),
                Err(failure) => {
                    self.follower.cut_off();
                    seen.failure = Some(failure);
                    break;
                }
            }
            count += 1;
            if count % BURST == 0 {
                now = self.epoch.now();
                self.tell(&mut latencies, count - told);
                told = count;
            }
            if count % TURN == 0 {
                yield_now().await;
            }
        }
        self.tell(&mut latencies, count - told);
        if let Some(crowd) = self.crowd() {
            crowd.leave(self.place);
        }
        Watched { follower: self.follower, ..seen }
    }

    /// Waits for the next message, or for the news that there will be no more; `None`: it waited long
    /// enough.
    async fn wait(&mut self) -> Option<Result<Received, Failure>> {
        let Self { feed, follower, goal, .. } = self;
        // A nudge is published behind all of it, and comes behind all of it: what is still missing then is
        // lost, or of unknown outcome and was not stored.
        let has_all = |goal| follower.nudges() > 0 || follower.progress() >= goal;
        next_or_end(feed.next(), goal, has_all).await
    }

    fn crowd(&self) -> Option<&Crowd> {
        self.crowds.get(usize::try_from(self.follower.subject()).ok()?)
    }

    fn tell(&self, latencies: &mut Vec<(u64, u64)>, count: u64) {
        if let Some(crowd) = self.crowd() {
            crowd.see(self.place, self.follower.progress());
        }
        if let Some(progress) = &self.progress {
            progress.add(count);
        }
        if let Some(recorder) = &self.recorder {
            let mut recorder = recorder.lock();
            for (due, now) in latencies.iter() {
                recorder.record(*due, *now);
            }
        }
        latencies.clear();
    }
}

/// What comes next; `None` when all that was to come has come, or when nothing came for too long since it
/// was known how much that is.
async fn next_or_end<T>(
    next: impl Future<Output = T>,
    goal: &mut watch::Receiver<Option<u64>>,
    has_all: impl Fn(u64) -> bool,
) -> Option<T> {
    let mut next = pin!(next);
    loop {
        let known = *goal.borrow_and_update();
        if known.is_some_and(&has_all) {
            return None;
        }
        tokio::select! {
            biased;
            received = &mut next => return Some(received),
            changed = goal.changed() => changed.ok()?,
            () = sleep(PATIENCE), if known.is_some() => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use tokio::time::Instant;

    /// A subscriber that heard nothing for long is given as much time as any other once the last message
    /// is published.
    #[tokio::test(start_paused = true)]
    async fn patience_begins_when_it_is_known_what_is_to_come() {
        let (news, mut goal) = watch::channel(None);
        let next = async {
            sleep(PATIENCE * 6).await;
            news.send_replace(Some(1));
            sleep(PATIENCE / 2).await;
            "message"
        };
        assert_eq!(next_or_end(next, &mut goal, |goal| goal == 0).await, Some("message"));
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_with_all_or_after_the_patience() {
        let (_news, mut goal) = watch::channel(Some(1));
        assert_eq!(next_or_end(pending::<()>(), &mut goal, |goal| goal == 1).await, None);
        let begun = Instant::now();
        assert_eq!(next_or_end(pending::<()>(), &mut goal, |goal| goal == 0).await, None);
        assert_eq!(begun.elapsed(), PATIENCE);
    }
}
