//! Publishers and a subscriber at work, whatever happens to the broker, and what they know in the end.

use crate::{
    PATIENCE,
    waiting::{until, within},
};
use broker_client::{Client, ClientOptions, Event, PublishOptions, Start, Subscription};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::interval,
};

const SUBJECT: &str = "orders";
const PUBLISHERS: usize = 4;

/// Between two messages of a publisher: together they stay far below what Envoy lets through.
const PACE: Duration = Duration::from_millis(25);

/// No publisher sends more than this.
const MOST_MESSAGES: usize = 20_000;

/// Ends the subscriber.
const END: &str = "end";

/// They work until they are stopped.
pub struct Load {
    client: Client,
    acked: watch::Sender<u64>,
    stopped: watch::Sender<bool>,
    publishers: JoinSet<Account>,
    subscriber: JoinHandle<Vec<(u64, String)>>,
}

/// What publishers were told.
#[derive(Debug, Default)]
pub struct Account {
    /// Bodies of acknowledged messages, by their ids.
    pub acked: BTreeMap<u64, String>,
    /// Bodies of which nobody knows, and why.
    pub unknown: BTreeMap<String, String>,
    /// How often they were refused, and sent again.
    pub refused: u64,
    /// The longest that a call took, whatever its answer.
    pub slowest: Duration,
    /// When messages were acknowledged.
    times: Vec<Instant>,
}

impl Account {
    /// The longest time in which nothing was acknowledged.
    fn pause(&mut self) -> Duration {
        self.times.sort_unstable();
        let pauses = self.times.windows(2).map(|pair| pair[1] - pair[0]);
        pauses.max().unwrap_or_default()
    }
}

impl Load {
    /// Starts them on a broker that serves there.
    pub async fn start(address: SocketAddr) -> Self {
        let client = connect(address).await;
        let (acked, stopped) = (watch::Sender::new(0), watch::Sender::new(false));
        let subscriber = tokio::spawn(follow(subscribe(&client).await));
        let mut publishers = JoinSet::new();
        for publisher in 0..PUBLISHERS {
            // A connection each, as clients have.
            let client = connect(address).await;
            publishers.spawn(publish(client, publisher, acked.clone(), stopped.subscribe()));
        }
        Self { client, acked, stopped, publishers, subscriber }
    }

    /// Waits until this many more messages were acknowledged.
    pub async fn acked_more(&self, count: u64) {
        let wanted = *self.acked.borrow() + count;
        let mut acked = self.acked.subscribe();
        let reached = acked.wait_for(|acked| *acked >= wanted);
        within(PATIENCE, "acknowledgements", reached).await.expect("its sender is here");
    }

    /// Stops them on a broker that serves again, and compares what they know with what is kept.
    pub async fn audit(mut self) -> Account {
        self.stopped.send_replace(true);
        let mut all = Account::default();
        while let Some(account) =
            within(PATIENCE, "publishers end", self.publishers.join_next()).await
        {
            let account = account.expect("a publisher does not panic");
            all.acked.extend(account.acked);
            all.unknown.extend(account.unknown);
            all.refused += account.refused;
            all.times.extend(account.times);
            all.slowest = all.slowest.max(account.slowest);
        }
        until(PATIENCE, "the last message is stored", async || {
            self.client.publish(SUBJECT, END, PublishOptions::keep()).await.ok()
        })
        .await;
        let seen = within(PATIENCE, "the subscriber has all", self.subscriber).await;
        let seen = seen.expect("a subscriber does not panic");
        let kept = follow(subscribe(&self.client).await);
        let kept = within(PATIENCE, "all that is kept", kept).await;
        assert_eq!(seen, kept, "what was delivered live is what is kept");
        let pause = all.pause();
        println!(
            "{} acknowledged, {} refused at first, {} unknown, slowest call {:?}, longest pause {:?}",
            all.acked.len(),
            all.refused,
            all.unknown.len(),
            all.slowest,
            pause
        );
        judge(&all, &kept);
        all
    }
}

/// Nothing acknowledged is missing, nothing is there twice, and nothing that was surely not stored is there.
fn judge(told: &Account, kept: &[(u64, String)]) {
    assert!(kept.is_sorted_by(|one, next| one.0 < next.0), "in the order of their ids");
    let bodies: BTreeSet<&String> = kept.iter().map(|(_, body)| body).collect();
    assert_eq!(bodies.len(), kept.len(), "no message is there twice");
    let by_id: BTreeMap<u64, &String> = kept.iter().map(|(id, body)| (*id, body)).collect();
    for (id, body) in &told.acked {
        assert_eq!(by_id.get(id), Some(&body), "message {id} was acknowledged");
    }
    let acked: BTreeSet<&String> = told.acked.values().collect();
    for body in bodies.difference(&acked) {
        assert!(told.unknown.contains_key(*body), "{body} is kept, though it was refused");
    }
}

async fn connect(address: SocketAddr) -> Client {
    let options = ClientOptions::new().deadline(PATIENCE).connect_timeout(Duration::from_secs(2));
    // A moment after a pod is ready its service leads to it.
    until(PATIENCE, &format!("{address} is reached"), async || {
        options.connect(&format!("http://{address}")).await.ok()
    })
    .await
}

/// Publishes one message after the other; what was surely not stored, again.
async fn publish(
    client: Client,
    publisher: usize,
    acked: watch::Sender<u64>,
    stopped: watch::Receiver<bool>,
) -> Account {
    let (mut account, mut ticks) = (Account::default(), interval(PACE));
    let mut number = 0;
    while !*stopped.borrow() && number < MOST_MESSAGES {
        ticks.tick().await;
        let body = format!("{publisher}-{number}");
        let start = Instant::now();
        let answer = client.publish(SUBJECT, body.clone(), PublishOptions::keep()).await;
        account.slowest = account.slowest.max(start.elapsed());
        match answer {
            Ok(published) => {
                account.acked.insert(published.id, body);
                account.times.push(Instant::now());
                acked.send_modify(|acked| *acked += 1);
                number += 1;
            }
            Err(error) if error.is_retryable() => account.refused += 1,
            Err(error) => {
                assert!(error.is_outcome_unknown(), "{error:?}");
                account.unknown.insert(body, format!("{error:?}"));
                number += 1;
            }
        }
    }
    account
}

/// A subscription to all that is kept and then what is new. A moment after all pods are ready, Envoy knows it.
async fn subscribe(client: &Client) -> Subscription {
    until(PATIENCE, "a subscription stands", async || {
        client.subscribe(SUBJECT, Start::Retained).await.ok()
    })
    .await
}

/// What comes, up to the last message.
async fn follow(mut subscription: Subscription) -> Vec<(u64, String)> {
    let mut seen = Vec::new();
    loop {
        let event = subscription.next_event().await.expect("it has no end of its own");
        match event {
            Ok(Event::Message(message)) => {
                let body = String::from_utf8(message.body.to_vec()).expect("a text");
                if body == END {
                    return seen;
                }
                seen.push((message.id, body));
            }
            Ok(Event::Discarded { id }) => panic!("message {id} came again"),
            Ok(_) => {}
            Err(error) => panic!("the subscription ended: {error:?}"),
        }
    }
}
