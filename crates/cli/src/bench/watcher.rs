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
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    task::yield_now,
    time::{Instant, sleep_until},
};

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

    /// Whether all has come. A nudge is published behind all of it, and comes behind all of it: what is
    /// still missing then is lost, or of unknown outcome and was not stored.
    fn is_done(&self) -> bool {
        let is_nudged = self.follower.nudges() > 0;
        self.goal.borrow().is_some_and(|goal| is_nudged || self.follower.progress() >= goal)
    }

    /// Waits for the next message, or for the news that there will be no more; `None`: it waited long
    /// enough.
    async fn wait(&mut self) -> Option<Result<Received, Failure>> {
        let end = Instant::now() + PATIENCE;
        loop {
            let knows = self.goal.borrow_and_update().is_some();
            if self.is_done() {
                return None;
            }
            tokio::select! {
                received = self.feed.next() => return Some(received),
                changed = self.goal.changed() => changed.ok()?,
                () = sleep_until(end), if knows => return None,
            }
        }
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
