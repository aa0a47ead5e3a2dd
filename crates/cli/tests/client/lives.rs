//! A broker that is killed, told to leave or stands still, under continuous publishing.

use crate::{
    launch::Launch,
    process::Broker,
    proxy::Proxy,
    traffic::{Feed, Follower, Way, judge, shown_is_stored},
    waiting::PATIENCE,
};
use broker_client::Start;
use rustix::process::Signal;
use tempfile::TempDir;

/// Messages between two deaths.
const PROGRESS: usize = 300;

/// A broker whose clients find it at one address all its lives.
struct Stage {
    folder: TempDir,
    broker: Broker,
    proxy: Proxy,
    feeds: Vec<Feed>,
    follower: Follower,
}

impl Stage {
    async fn set() -> Self {
        let folder = TempDir::new().expect("a folder");
        let broker = Broker::start(&Launch::local(folder.path())).await;
        let proxy = Proxy::before(broker.address).await;
        let follower = Follower::start(proxy.address, Start::Retained).await;
        let feeds = [Way::Single, Way::Once, Way::Again].into_iter().zip(1..);
        let feeds = feeds.map(|(way, number)| Feed::start(proxy.address, number, way)).collect();
        Self { folder, broker, proxy, feeds, follower }
    }

    async fn next_life(&mut self) {
        self.broker = Broker::start(&Launch::local(self.folder.path())).await;
        self.proxy.lead_to(self.broker.address);
    }

    async fn end(mut self, interruptions: u64) {
        self.follower.more(PROGRESS).await;
        let shown = judge(&self.broker, self.feeds, self.follower).await;
        assert!(shown.resumed >= interruptions, "resumed {} times", shown.resumed);
        shown_is_stored(&self.broker, &shown, 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again() {
    let mut stage = Stage::set().await;
    for _ in 0..4 {
        stage.follower.more(PROGRESS).await;
        stage.broker.kill();
        stage.next_life().await;
    }
    stage.end(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn told_to_leave_and_started_again() {
    let mut stage = Stage::set().await;
    for _ in 0..2 {
        stage.follower.more(PROGRESS).await;
        stage.broker.signal(Signal::TERM);
        assert!(stage.broker.ended(PATIENCE).await.success());
        stage.next_life().await;
    }
    stage.end(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paused_for_longer_than_keepalive() {
    let mut stage = Stage::set().await;
    stage.follower.more(PROGRESS).await;
    stage.broker.signal(Signal::STOP);
    stage.follower.until("the pause is found", |shown| shown.interrupted > 0).await;
    stage.broker.signal(Signal::CONT);
    stage.end(1).await;
}
