//! Publishers and a follower that go on whatever happens, and what must be true of them in the end.

use crate::{
    body::{self, Key},
    calls,
    process::Broker,
    waiting::{PATIENCE, within},
};
use broker_client::{
    Backoff, Client, ClientOptions, Error, Event, PublishOptions, Published, Publisher,
    PublisherOptions, Retry, Start, SubscribeOptions,
};
use futures_util::{
    FutureExt, StreamExt,
    future::{BoxFuture, ready},
    stream::FuturesUnordered,
};
use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    time::Duration,
};
use tokio::{sync::watch, task::JoinHandle, time::interval};

pub const SUBJECT: &str = "traffic";
/// Messages of one publisher without an answer.
const ON_THE_WAY: usize = 16;
/// A dead connection is found within twice this.
const KEEPALIVE: Duration = Duration::from_secs(1);

/// Pauses that a test can wait for.
pub fn quick() -> Backoff {
    let (first, most) = (Duration::from_millis(1), Duration::from_millis(8));
    Backoff { first, most, limit: None }
}

/// A client that makes its connection when it needs it.
pub fn client(address: SocketAddr) -> Client {
    let options = ClientOptions::new().keepalive(KEEPALIVE, KEEPALIVE).deadline(PATIENCE / 2);
    options.connect_lazy(&address.to_string()).expect("an address")
}

/// How messages are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// One call each.
    Single,
    /// Pipelined, nothing sent again.
    Once,
    /// Pipelined, sent again where that is safe.
    Again,
}

/// What became of messages: their ids, or why not.
pub type Outcomes = HashMap<Key, Result<u64, Retry>>;

/// A publisher that numbers its messages and sends each number once.
pub struct Feed {
    way: Way,
    stop: watch::Sender<bool>,
    task: JoinHandle<Outcomes>,
}

impl Feed {
    pub fn start(address: SocketAddr, publisher: u32, way: Way) -> Self {
        let (stop, stopped) = watch::channel(false);
        Self { way, stop, task: tokio::spawn(feed(client(address), publisher, way, stopped)) }
    }

    /// Stops, and waits for what is on the way.
    pub async fn stop(self) -> Outcomes {
        self.stop.send_replace(true);
        let outcomes = within(PATIENCE, "the last answers", self.task).await.expect("no panic");
        match self.way {
            Way::Again => {
                let is_safe = |outcome| matches!(outcome, &Err(Retry::Safe { .. }));
                assert!(!outcomes.values().any(is_safe), "what is safe is sent again");
            }
            Way::Single | Way::Once => {
                let mut acked: Vec<(u64, u64)> = outcomes
                    .iter()
                    .filter_map(|(key, outcome)| Some((key.number, *outcome.as_ref().ok()?)))
                    .collect();
                acked.sort_unstable();
                assert!(acked.windows(2).all(|two| two[0].1 < two[1].1), "the order sent is kept");
            }
        }
        outcomes
    }
}

async fn feed(
    client: Client,
    publisher: u32,
    way: Way,
    stopped: watch::Receiver<bool>,
) -> Outcomes {
    let options = match way {
        Way::Single | Way::Once => PublisherOptions::new(),
        Way::Again => PublisherOptions::new().retry(quick()),
    };
    let stream = client.publisher_with(options);
    let (mut outcomes, mut on_the_way) = (Outcomes::new(), FuturesUnordered::new());
    // A broker that is away fails very many.
    let (mut pause, mut failed) = (interval(Duration::from_millis(1)), 0);
    for number in 1.. {
        if *stopped.borrow() {
            break;
        }
        let key = Key { publisher, number };
        let outcome = publish(&client, &stream, way, key).await;
        on_the_way.push(outcome);
        while on_the_way.len() >= if way == Way::Single { 1 } else { ON_THE_WAY } {
            let (key, outcome) = on_the_way.next().await.expect("many");
            failed += usize::from(outcome.is_err());
            if failed == ON_THE_WAY {
                failed = 0;
                pause.tick().await;
            }
            outcomes.insert(key, outcome);
        }
    }
    while let Some((key, outcome)) = on_the_way.next().await {
        outcomes.insert(key, outcome);
    }
    outcomes
}

/// Sends a message: its outcome, to be waited for.
async fn publish(
    client: &Client,
    stream: &Publisher,
    way: Way,
    key: Key,
) -> BoxFuture<'static, (Key, Result<u64, Retry>)> {
    let (body, options) = (body::encode(key, 64), PublishOptions::keep());
    let answer: BoxFuture<'static, Result<Published, Error>> = match way {
        Way::Single => ready(client.publish(SUBJECT, body, options).await).boxed(),
        Way::Once | Way::Again => stream.send(SUBJECT, body, options).await.boxed(),
    };
    let outcome = |answer: Result<Published, Error>| {
        answer.map(|published| published.id).map_err(|error| error.retry())
    };
    answer.map(move |answer| (key, outcome(answer))).boxed()
}

/// What a follower was shown so far.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    pub messages: Vec<(u64, Key)>,
    pub interrupted: u64,
    pub resumed: u64,
}

/// A subscription whose messages are written down.
pub struct Follower {
    shown: watch::Receiver<Shown>,
    task: JoinHandle<()>,
}

impl Follower {
    /// Follows from the start; `wait` for a broker that cannot be reached at first.
    pub async fn start(address: SocketAddr, start: Start) -> Self {
        let options = SubscribeOptions::new().backoff(quick()).wait_for_broker();
        let subscribing = client(address);
        let subscribing = subscribing.subscribe_with(SUBJECT, start, options);
        let mut subscription =
            within(PATIENCE, "a subscription", subscribing).await.expect("it waits");
        let (show, shown) = watch::channel(Shown::default());
        let task = tokio::spawn(async move {
            while let Some(event) = subscription.next_event().await {
                let event = event.expect("nothing that a retry cannot mend");
                show.send_modify(|shown| match event {
                    Event::Message(message) => {
                        shown
                            .messages
                            .push((message.id, body::decode(&message.body).expect("whole")));
                    }
                    Event::Interrupted { .. } => shown.interrupted += 1,
                    Event::Resumed => shown.resumed += 1,
                    other => panic!("{other:?}"),
                });
            }
        });
        Self { shown, task }
    }

    pub fn count(&self) -> usize {
        self.shown.borrow().messages.len()
    }

    /// Waits until it was shown what makes this true.
    pub async fn until(&mut self, what: &str, is_so: impl FnMut(&Shown) -> bool) {
        let seen = within(PATIENCE, what, self.shown.wait_for(is_so)).await;
        drop(seen.expect("the follower runs"));
    }

    /// Waits until that many messages more were shown.
    pub async fn more(&mut self, count: usize) {
        let wanted = self.count() + count;
        self.until("messages", |shown| shown.messages.len() >= wanted).await;
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Stops the publishers and checks everything: what the store holds against what was answered, and what
/// was shown against what the store holds.
pub async fn judge(broker: &Broker, feeds: Vec<Feed>, mut follower: Follower) -> Shown {
    let mut outcomes = Outcomes::new();
    for feed in feeds {
        outcomes.extend(feed.stop().await);
    }
    let direct = calls::connect(broker.address).await;
    let replay = calls::replay(&direct, SUBJECT, 1).await;
    let stored: Vec<(u64, Key)> =
        replay.iter().map(|m| (m.id, body::decode(&m.body).expect("whole"))).collect();
    let last = stored.last().expect("something is stored").0;
    follower
        .until("the last message", |shown| shown.messages.last().is_some_and(|(id, _)| *id >= last))
        .await;
    let mut shown = follower.shown.borrow().clone();
    shown.messages.retain(|(_, key)| key.publisher != body::MARKER);
    println!("{}", tally(&outcomes, &stored, &shown));

    let keys: HashSet<Key> = stored.iter().map(|(_, key)| *key).collect();
    assert_eq!(keys.len(), stored.len(), "a message is stored twice that was sent once");
    let by_id: HashMap<u64, Key> = stored.iter().copied().collect();
    for (key, outcome) in &outcomes {
        match outcome {
            Ok(id) => assert_eq!(by_id.get(id), Some(key), "{id} was acknowledged"),
            Err(Retry::Safe { .. } | Retry::Useless) => {
                assert!(!keys.contains(key), "{key:?} is stored, and was said not to be");
            }
            Err(Retry::OutcomeUnknown) => {}
        }
    }
    assert!(shown.messages.windows(2).all(|two| two[0].0 < two[1].0), "ids grow");
    shown
}

/// What was shown is all that is stored, from the first one shown.
pub async fn shown_is_stored(broker: &Broker, shown: &Shown, after: u64) {
    let direct = calls::connect(broker.address).await;
    let replay = calls::replay(&direct, SUBJECT, 2).await;
    let stored: Vec<(u64, Key)> = replay
        .iter()
        .filter(|message| message.id > after)
        .map(|m| (m.id, body::decode(&m.body).expect("whole")))
        .collect();
    assert_eq!(stored.len(), shown.messages.len(), "as many were shown as are stored");
    assert_eq!(stored, shown.messages);
}

fn tally(outcomes: &Outcomes, stored: &[(u64, Key)], shown: &Shown) -> String {
    let count = |is: fn(&Result<u64, Retry>) -> bool| outcomes.values().filter(|o| is(o)).count();
    format!(
        "sent {}, acknowledged {}, surely not stored {}, unknown {}; stored {}; shown {}, interrupted {}, resumed {}",
        outcomes.len(),
        count(Result::is_ok),
        count(|outcome| matches!(outcome, Err(Retry::Safe { .. }))),
        count(|outcome| matches!(outcome, Err(Retry::OutcomeUnknown))),
        stored.len(),
        shown.messages.len(),
        shown.interrupted,
        shown.resumed,
    )
}
