//! Publishers and subscribers at work on a broker, until they are stopped or it is gone.

use crate::{
    audit::Auditor,
    body::{self, Key, MARKER},
    calls::{self, Client},
    chance::Chance,
    entry::Entry,
    load::Load,
    process::Broker,
    view::View,
    waiting::{PATIENCE, until, within},
};
use std::{sync::Arc, time::Duration};
use tokio::{task::JoinSet, time::interval};
use tonic::Streaming;

const UNARY_CONNECTIONS: u32 = 2;
const UNARY_PER_CONNECTION: u32 = 6;
const STREAMS: u32 = 2;

/// Subjects of every test with a load.
pub fn subjects() -> Vec<Arc<str>> {
    let plain = (0..6).map(|number| format!("orders.{number}").into());
    plain.chain(["ünïcode ✓".into(), "'; drop table messages; --".into()]).collect()
}

/// Publishers and subscribers at work.
pub struct Run {
    pub load: Load,
    client: Client,
    /// The last message of every subject, by which its subscriber knows that it has seen all.
    end: Key,
    publishers: JoinSet<Vec<Entry>>,
    subscribers: JoinSet<View>,
}

impl Run {
    /// Starts them. Publishers of different runs have different numbers.
    pub async fn start(broker: &Broker, run: u32, chance: &mut Chance) -> Self {
        let subjects = subjects();
        let load = Load::new(&subjects);
        let (mut publishers, mut subscribers) = (JoinSet::new(), JoinSet::new());
        let client = calls::connect(broker.address).await;
        let end = Key { publisher: MARKER, number: u64::MAX - u64::from(run) };
        for subject in subjects {
            let stream = calls::subscribe(&client, &subject, 0).await.expect("a subscription");
            subscribers.spawn(follow(client.clone(), View::of(subject), stream, end));
        }
        let mut publisher = run * 1_000;
        for _ in 0..UNARY_CONNECTIONS {
            let client: Client = calls::connect(broker.address).await;
            for _ in 0..UNARY_PER_CONNECTION {
                publisher += 1;
                publishers.spawn(load.clone().unary(client.clone(), publisher, chance.fork()));
            }
        }
        for _ in 0..STREAMS {
            publisher += 1;
            let client = calls::connect(broker.address).await;
            publishers.spawn(load.clone().stream(client, publisher, chance.fork()));
        }
        Self { load, client, end, publishers, subscribers }
    }

    /// Stops the load on a broker that works again, waits until every subscriber has seen all of it,
    /// and hands over what they know.
    pub async fn stop(&mut self, auditor: &mut Auditor) {
        self.load.stop();
        self.publishers_end(auditor).await;
        for subject in subjects() {
            let mut end = calls::kept(&subject, body::encode(self.end, 0));
            end.keep = false;
            end.expiration_seconds = 60;
            until(PATIENCE, &format!("{subject} is open again"), async || {
                calls::publish(&self.client, end.clone()).await.ok()
            })
            .await;
        }
        self.subscribers_end(auditor).await;
    }

    /// Waits until all have heard that the broker is gone, and hands over what they know.
    pub async fn end(&mut self, auditor: &mut Auditor) {
        self.publishers_end(auditor).await;
        self.subscribers_end(auditor).await;
    }

    async fn publishers_end(&mut self, auditor: &mut Auditor) {
        within(PATIENCE, "publishers end", async {
            while let Some(entries) = self.publishers.join_next().await {
                auditor.add(entries.expect("a publisher does not panic"));
            }
        })
        .await;
    }

    async fn subscribers_end(&mut self, auditor: &mut Auditor) {
        within(PATIENCE, "subscribers end", async {
            while let Some(view) = self.subscribers.join_next().await {
                auditor.add_view(view.expect("a subscriber does not panic"));
            }
        })
        .await;
    }
}

/// Follows a subject over interruptions of the store, until its last message or the broker's end.
async fn follow(
    client: Client,
    mut view: View,
    mut stream: Streaming<broker_proto::MessageResponse>,
    end: Key,
) -> View {
    loop {
        match view.take(&mut stream, end).await {
            Err(status) if calls::comes_back(&status) => {}
            _ => return view,
        }
        // A loop of its own: what `until` waits for can't be sent to another thread.
        let mut ticks = interval(Duration::from_millis(20));
        let resumed = loop {
            match calls::subscribe(&client, view.subject(), view.last_id()).await {
                Err(status) if calls::comes_back(&status) => _ = ticks.tick().await,
                answer => break answer,
            }
        };
        let Ok(resumed) = resumed else { return view };
        stream = resumed;
    }
}
