//! A container that is stopped or killed under load: what was acknowledged is there when it is started again.

use crate::{
    audit::Auditor,
    chance::{Chance, seed},
    container::{Container, PATIENCE, connect, engine},
    load::Load,
    waiting::{timed, within},
};
use std::{sync::Arc, time::Duration};
use tokio::task::JoinSet;

/// How soon a broker without a load is gone when it is told to leave.
const AT_ONCE: Duration = Duration::from_secs(9);

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_under_load_loses_nothing() {
    loses_nothing(&["stop", "--time", "60"], "0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_under_load_loses_nothing() {
    loses_nothing(&["kill", "--signal", "KILL"], "137").await;
}

/// Publishes, ends the container by this command, starts it again and looks for everything.
async fn loses_nothing(end: &[&str], status: &str) {
    let (engine, image) = engine().await;
    let broker = Container::run(&engine, &image, "broker", &[]);
    broker.until_healthy().await;
    let subjects: Vec<Arc<str>> = (0..4).map(|number| format!("orders.{number}").into()).collect();
    let load = Load::new(&subjects);
    let mut chance = Chance::new(seed());
    let mut publishers = JoinSet::new();
    for publisher in 0..6 {
        let client = connect(&engine.network(), broker.address()).await;
        if publisher < 2 {
            publishers.spawn(load.clone().stream(client, publisher, chance.fork()));
        } else {
            publishers.spawn(load.clone().unary(client, publisher, chance.fork()));
        }
    }
    within(PATIENCE, "acknowledgements", load.acked(3_000)).await;
    broker.tell(end);
    assert_eq!(broker.inspect("{{.State.ExitCode}}"), status, "{}", broker.log());

    let mut auditor = Auditor::default();
    within(PATIENCE, "publishers end", async {
        while let Some(entries) = publishers.join_next().await {
            auditor.add(entries.expect("a publisher does not panic"));
        }
    })
    .await;
    broker.tell(&["start"]);
    broker.until_healthy().await;
    let client = connect(&engine.network(), broker.address()).await;
    let verdict = auditor.audit(&client).await;
    println!("{verdict}");
    assert!(verdict.acked >= 1_000 && verdict.is_good(), "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn as_process_1_it_leaves_at_once() {
    let (engine, image) = engine().await;
    let broker = Container::run(&engine, &image, "broker", &[]);
    broker.until_healthy().await;
    // The engine's own patience: a process that does not hear SIGTERM is killed after ten seconds.
    let ((), took) = timed(async { broker.tell(&["stop"]) }).await;
    assert_eq!(broker.inspect("{{.State.ExitCode}}"), "0", "{}", broker.log());
    assert!(took < AT_ONCE, "{took:?}");
}
