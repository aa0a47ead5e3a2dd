//! Subscriptions of a round, all together.

use super::{
    audit::{Accounts, Audit, Follower, NUDGE},
    body::Stamp,
    caller::{Failure, Message},
    ledger::Failures,
    recorder::SharedRecorder,
    round::Flow,
    scene::{Scene, Subjects},
    watcher::{Watched, Watcher},
    window::Crowd,
};
use anyhow::{Result, anyhow, ensure};
use broker_client::Start;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::{ops::Range, sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinSet, time::interval};

/// Subjects that are read back at once.
const READ_AT_ONCE: usize = 1_000;
/// Calls to subscribe at once.
const AT_ONCE: usize = 32;
/// How often subscribers are told what they missed, while they wait for it.
const NUDGE_EVERY: Duration = Duration::from_millis(200);
/// How long a nudge itself lives: it is delivered only.
const NUDGE_LIFETIME: Duration = Duration::ZERO;

/// Subscriptions that stand.
pub struct Listeners {
    watching: JoinSet<Watched>,
    /// By subject.
    goals: Vec<(usize, watch::Sender<Option<u64>>)>,
    subjects: Subjects,
}

/// What all of them saw.
#[derive(Default)]
pub struct Heard {
    pub followers: Vec<Follower>,
    pub messages: u64,
    pub bytes: u64,
    /// When the first message of each subscription came, and the last of all, in ns of the bench's clock.
    pub firsts: Vec<u64>,
    pub last: u64,
    pub failures: Failures,
    /// Nudges sent to each subject.
    nudges: u64,
}

/// How to listen.
pub struct Terms<'a> {
    pub start: Start,
    /// Of all subjects, those that are listened to.
    pub subjects: Range<usize>,
    /// Of each subject.
    pub subscribers: usize,
    pub publishers: usize,
    pub recorders: &'a [SharedRecorder],
    pub crowds: Arc<[Crowd]>,
    /// Whether what they receive is what the round is about.
    pub is_progress: bool,
}

impl Listeners {
    /// Subscribes; every subscription stands when this returns.
    pub async fn subscribe(scene: &Scene, subjects: &Subjects, terms: Terms<'_>) -> Result<Self> {
        let mut goals = Vec::new();
        let mut wanted = Vec::new();
        for subject in terms.subjects.clone() {
            let (goal, news) = watch::channel(None);
            let name = &subjects.names()[subject];
            wanted.extend((0..terms.subscribers).map(|place| (subject, name, place, news.clone())));
            goals.push((subject, goal));
        }
        let calls = wanted.into_iter().map(|(subject, name, place, goal)| async move {
            let feed = scene.caller.subscribe(name, terms.start).await;
            feed.map(|feed| (subject, name, place, goal, feed))
        });
        let standing: std::result::Result<Vec<_>, Failure> =
            stream::iter(calls).buffer_unordered(AT_ONCE).try_collect().await;
        let standing = standing.map_err(|failure| anyhow!("cannot subscribe: {}", failure.text))?;
        let mut watching = JoinSet::new();
        for (at, (subject, name, place, goal, feed)) in standing.into_iter().enumerate() {
            let recorder = terms.recorders.get(at % terms.recorders.len().max(1)).cloned();
            let layout = subjects.layout();
            let watcher = Watcher {
                feed,
                follower: Follower::new(name.clone(), subject as u64, layout, terms.publishers),
                epoch: scene.epoch,
                recorder,
                crowds: terms.crowds.clone(),
                place,
                goal,
                progress: terms.is_progress.then(|| scene.progress.clone()),
            };
            watching.spawn(watcher.run());
        }
        Ok(Self { watching, goals, subjects: subjects.clone() })
    }

    async fn nudge(&self, scene: &Scene, number: u64) {
        let mut press = scene.press();
        let lifetime = NUDGE_LIFETIME;
        for (subject, _) in &self.goals {
            let body = press.body(Stamp { publisher: NUDGE, number, due: 0, lifetime });
            let subject = self.subjects.names()[*subject].clone();
            // If it fails, another follows.
            let _ = scene.caller.publish(Message { subject, body, lifetime }).await;
        }
    }

    /// Tells each subscription how many messages there are, and waits until they came or will not come.
    /// Delivered-only ones that were lost are told with the next message: so some follow, if need be.
    pub async fn finish(mut self, scene: &Scene, accounts: &Accounts<'_>) -> Result<Heard> {
        for (subject, goal) in &self.goals {
            goal.send_replace(Some(accounts.goal(*subject as u64)));
        }
        let mut heard = Heard::default();
        let mut nudge = interval(NUDGE_EVERY);
        // The first tick is at once: too early.
        nudge.tick().await;
        loop {
            tokio::select! {
                watched = self.watching.join_next() => match watched {
                    Some(watched) => heard.take(watched?),
                    None => return Ok(heard),
                },
                _ = nudge.tick(), if !scene.is_empty => {
                    self.nudge(scene, heard.nudges).await;
                    heard.nudges += 1;
                }
            }
        }
    }
}

impl Heard {
    fn take(&mut self, watched: Watched) {
        self.messages += watched.follower.received();
        self.bytes += watched.bytes;
        self.firsts.extend(watched.first);
        self.last = self.last.max(watched.last);
        self.followers.push(watched.follower);
        if let Some(failure) = watched.failure {
            self.failures.count(failure.status);
        }
    }

    /// The messages that came, from `begun` ns of the bench's clock on.
    pub fn flow(&self, what: &'static str, begun: u64) -> Flow {
        let took = Duration::from_nanos(self.last.saturating_sub(begun));
        Flow { what, messages: self.messages, bytes: self.bytes, took }
    }

    pub fn audit(&self, accounts: &Accounts<'_>) -> Audit {
        accounts.settle(&self.followers, self.nudges)
    }
}

/// Reads all that is stored and holds it against what the publishers were told.
pub async fn read_back(
    scene: &Scene,
    subjects: &Subjects,
    accounts: &Accounts<'_>,
    publishers: usize,
) -> Result<Audit> {
    let mut audit = Audit { unknown: accounts.unknown(), ..Audit::default() };
    let count = subjects.names().len();
    for from in (0..count).step_by(READ_AT_ONCE) {
        let terms = Terms {
            start: Start::Retained,
            subjects: from..count.min(from + READ_AT_ONCE),
            subscribers: 1,
            publishers,
            recorders: &[],
            crowds: Arc::new([]),
            is_progress: false,
        };
        let listeners = Listeners::subscribe(scene, subjects, terms).await?;
        let heard = listeners.finish(scene, accounts).await?;
        ensure!(
            heard.failures.0.is_empty(),
            "what was stored cannot be read back: {}",
            heard.failures
        );
        audit.add(heard.audit(accounts));
    }
    Ok(audit)
}
