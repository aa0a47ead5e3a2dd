//! A network that cuts, swallows, delays.

use crate::{
    launch::Launch,
    process::Broker,
    proxy::{Cut, Direction, Proxy},
    traffic::{Feed, Follower, Way, judge, shown_is_stored},
    waiting::{PATIENCE, within},
};
use broker_client::Start;
use std::time::Duration;
use tempfile::TempDir;

/// Every connection is cut, after each number of bytes below this: beyond the greetings, the headers and
/// the first messages.
const BYTES: u64 = 601;
const STEP: u64 = 5;

const WAYS: [Way; 3] = [Way::Single, Way::Once, Way::Again];

/// A broker with its clients behind proxies: the first is the follower's, the others the publishers'.
struct Stage {
    broker: Broker,
    proxies: Vec<Proxy>,
    _folder: TempDir,
}

impl Stage {
    async fn set() -> Self {
        let folder = TempDir::new().expect("a folder");
        let broker = Broker::start(&Launch::local(folder.path())).await;
        let mut proxies = Vec::new();
        for _ in 0..=WAYS.len() {
            proxies.push(Proxy::before(broker.address).await);
        }
        Self { broker, proxies, _folder: folder }
    }

    fn feeds(&self) -> Vec<Feed> {
        let publishers = self.proxies[1..].iter().zip(WAYS).zip(1..);
        publishers.map(|((proxy, way), number)| Feed::start(proxy.address, number, way)).collect()
    }

    async fn follower(&self) -> Follower {
        Follower::start(self.proxies[0].address, Start::Retained).await
    }
}

async fn cut_at_every_byte(direction: Direction) {
    let mut stage = Stage::set().await;
    let (mut follower, feeds) = (stage.follower().await, stage.feeds());
    follower.more(1).await;
    for proxy in &stage.proxies {
        proxy.cut_each(Cut { direction, step: STEP, span: BYTES });
        // Those of now would never be cut.
        proxy.swallow_present();
    }
    for (place, proxy) in stage.proxies.iter_mut().enumerate() {
        // A follower sends next to nothing once its subscription stands.
        if place > 0 || direction == Direction::Down {
            let what = format!("connections that are cut, place {place}");
            within(PATIENCE, &what, proxy.opened(1 + BYTES)).await;
        }
    }
    stage.proxies.iter().for_each(Proxy::heal);
    follower.more(100).await;
    let shown = judge(&stage.broker, feeds, follower).await;
    if direction == Direction::Down {
        assert!(shown.interrupted >= BYTES, "interrupted {} times", shown.interrupted);
    }
    shown_is_stored(&stage.broker, &shown, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_at_every_byte_to_the_broker() {
    cut_at_every_byte(Direction::Up).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_at_every_byte_from_the_broker() {
    cut_at_every_byte(Direction::Down).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_swallows_is_found_by_keepalive() {
    let stage = Stage::set().await;
    let (mut follower, feeds) = (stage.follower().await, stage.feeds());
    for round in 1..=2 {
        follower.more(100).await;
        stage.proxies.iter().for_each(Proxy::swallow_present);
        follower.until("it is found", |shown| shown.resumed >= round).await;
    }
    follower.more(100).await;
    let shown = judge(&stage.broker, feeds, follower).await;
    shown_is_stored(&stage.broker, &shown, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_network_is_not_taken_for_a_broken_one() {
    let stage = Stage::set().await;
    for proxy in &stage.proxies {
        proxy.trickle(200, Duration::from_millis(2));
    }
    let (mut follower, feeds) = (stage.follower().await, stage.feeds());
    follower.more(1_000).await;
    let shown = judge(&stage.broker, feeds, follower).await;
    assert_eq!((shown.interrupted, shown.resumed), (0, 0));
    shown_is_stored(&stage.broker, &shown, 0).await;
}
