//! kill -9 of a broker under load, again and again.

use crate::{
    audit::Auditor,
    calls,
    chance::{self, Chance},
    launch::Launch,
    process::Broker,
    run::Run,
    waiting::{PATIENCE, within},
};

/// What was acknowledged is there after each of so many kills: once, in order, in time. Each comes after
/// some number of acknowledgements up to `most`.
pub async fn lose_nothing(launch: &Launch, kills: u64, most: u64) {
    let seed = chance::seed();
    println!("BROKER_SEED={seed} gives this run again");
    let mut chance = Chance::new(seed);
    let mut auditor = Auditor::default();
    let mut broker = Broker::start(launch).await;
    for kill in 1..=kills {
        let mut run = Run::start(&broker, kill as u32, &mut chance).await;
        let acked = chance.between(20, most);
        within(PATIENCE, "acknowledgements", run.load.acked(acked)).await;
        broker.kill();
        run.end(&mut auditor).await;
        broker = Broker::start(launch).await;
        let client = calls::connect(broker.address).await;
        let verdict = auditor.audit(&client).await;
        println!("kill {kill} after {acked}: {verdict}");
        assert!(verdict.is_good(), "seed {seed}, kill {kill}: {verdict}");
    }
}
