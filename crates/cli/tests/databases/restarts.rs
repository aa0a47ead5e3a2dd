//! The database ends under load and comes back, or ends a connection of the broker: the broker goes on by
//! itself, and nothing is lost.

use crate::{
    audit::Auditor,
    calls,
    chance::{self, Chance},
    database::{Kind, Server, over_both},
    process::Broker,
    run::Run,
    waiting::{PATIENCE, within},
};
use broker_test_servers::Postgres;

over_both!(kills_of_the_database_lose_nothing);

/// Acknowledgements that show that the broker works again.
const ENOUGH: u64 = 200;

async fn kills_of_the_database_lose_nothing(kind: Kind) {
    // Cassandra takes ten times as long to start.
    let kills = if kind == Kind::Postgres { 4 } else { 2 };
    let (seed, mut auditor) = (chance::seed(), Auditor::default());
    let mut chance = Chance::new(seed);
    let mut server = Server::start(kind).await;
    let broker = Broker::start(&kind.launch(server.address())).await;
    for kill in 1..=kills {
        let mut run = Run::start(&broker, kill, &mut chance).await;
        let acked = chance.between(20, 2_000);
        within(PATIENCE, "acknowledgements", run.load.acked(acked)).await;
        server.kill();
        within(PATIENCE, "publishers hear of it", run.load.failed_more(1)).await;
        server.restart().await;
        within(PATIENCE, "it works again", run.load.acked_more(ENOUGH)).await;
        run.stop(&mut auditor).await;
        let verdict = auditor.audit(&calls::connect(broker.address).await).await;
        println!("kill {kill} after {acked}: {verdict}");
        assert!(verdict.is_good(), "seed {seed}, kill {kill}: {verdict}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn backends_that_are_terminated_lose_nothing() {
    const TERMINATED: u64 = 30;
    let (seed, mut auditor) = (chance::seed(), Auditor::default());
    let mut chance = Chance::new(seed);
    let server = Postgres::start().await;
    let broker = Broker::start(&Kind::Postgres.launch(server.address())).await;
    let mut run = Run::start(&broker, 1, &mut chance).await;
    for _ in 0..TERMINATED {
        within(PATIENCE, "messages", run.load.acked_more(chance.between(5, 300))).await;
        let one = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = \
             'client backend' AND pid <> pg_backend_pid() ORDER BY md5(pid || ' {}') LIMIT 1",
            chance.next()
        );
        // None is there when the last one was the only one.
        let terminated = server.sql(&one).await;
        assert!(terminated.is_empty() || terminated == [["t"]], "{terminated:?}");
    }
    within(PATIENCE, "it works again", run.load.acked_more(ENOUGH)).await;
    let (unknown, slowest) = (run.load.unknown(), run.load.slowest());
    run.stop(&mut auditor).await;
    let verdict = auditor.audit(&calls::connect(broker.address).await).await;
    println!("{TERMINATED} backends ended, {unknown} unknown, slowest {slowest:?}: {verdict}");
    assert!(verdict.is_good(), "seed {seed}: {verdict}");
    // A lost connection is no outage: the same append is sent again over another one.
    assert_eq!(unknown, 0, "seed {seed}: every outcome becomes known in time");
}
