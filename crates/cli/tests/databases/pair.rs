//! Two brokers over one store.

use crate::{
    admin, calls,
    chance::Chance,
    database::{Kind, LEASE, text},
    launch::Launch,
    process::Broker,
    run::Run,
    waiting::{PATIENCE, until},
};
use broker_test_servers::Proxy;
use std::time::Duration;
use tonic_health::pb::health_check_response::ServingStatus;

/// An owner behind a proxy, and a broker that stands by.
pub struct Pair {
    pub owner: Broker,
    pub standby: Broker,
    /// Between the owner and its database.
    pub proxy: Proxy,
}

impl Pair {
    /// Starts both.
    pub async fn start(kind: Kind) -> Self {
        Self::with_lease(kind, LEASE).await
    }

    /// Starts both, with that lease.
    pub async fn with_lease(kind: Kind, lease: Duration) -> Self {
        let proxy = Proxy::before(kind.shared()).await;
        let launch = kind.launch(kind.shared()).with("--lease", text(lease));
        let owner = Broker::start(&behind(kind, launch.clone(), &proxy)).await;
        let standby = Broker::start_listening(&launch).await;
        until(PATIENCE, "the second broker stands by", async || {
            let (code, text) = admin::page(standby.admin, "/healthz").await;
            (code == 200 && text.contains("standing by")).then_some(())
        })
        .await;
        Self { owner, standby, proxy }
    }

    /// A load on the owner, some of which is acknowledged.
    pub async fn load_owner(&self, chance: &mut Chance) -> Run {
        let run = Run::start(&self.owner, 1, chance).await;
        run.load.acked(chance.between(100, 1_000)).await;
        run
    }

    /// A load on the broker that stood by, some of which is acknowledged.
    pub async fn load_successor(&self, chance: &mut Chance) -> Run {
        let run = Run::start(&self.standby, 2, chance).await;
        run.load.acked(200).await;
        run
    }

    /// Waits until the broker that stood by serves.
    pub async fn taken_over(&self) {
        self.standby.wait_for_health(ServingStatus::Serving, PATIENCE).await;
    }

    /// Waits for the end of an owner that was replaced, which must say why.
    pub async fn owner_gives_up(&mut self) {
        let status = self.owner.ended(PATIENCE).await;
        assert_eq!(status.code(), Some(1), "{}", self.owner.log.tail());
        let told = |line: &String| line.contains("another broker").then(|| line.clone());
        let why = self.owner.log.find(told);
        println!("{}", why.expect("it says why"));
    }

    /// Whether the broker that stands by still does.
    pub async fn stands_by(&self) -> bool {
        calls::health(self.standby.address).await == Some(ServingStatus::NotServing as i32)
    }
}

fn behind(kind: Kind, launch: Launch, proxy: &Proxy) -> Launch {
    launch.with(&format!("--{}-port", kind.name()), proxy.address().port().to_string())
}
