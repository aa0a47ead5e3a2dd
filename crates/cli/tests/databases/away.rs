//! The database is away: at the start, and while the broker runs.

use crate::{
    admin,
    calls::{self, Client},
    database::{Kind, LEASE, SLACK, UNAVAILABLE_AFTER, over_both},
    entry::Lifetime,
    process::Broker,
    publisher::Publisher,
    waiting::{PATIENCE, timed, until, within},
};
use broker_test_servers::{Direction, Proxy};
use std::{
    net::TcpListener,
    time::{Duration, Instant},
};
use tokio::task::JoinSet;
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;

over_both!(
    a_start_waits_for_the_database,
    a_start_waits_for_a_database_that_says_nothing,
    a_start_gives_up_after_its_time,
    an_outage_is_told_and_over_by_itself,
    a_flood_during_an_outage_stays_in_bounds,
    a_slow_database_is_shared_by_all_who_wait,
);

const BYTES: usize = 100;

async fn a_start_waits_for_the_database(kind: Kind) {
    let proxy = Proxy::before(kind.shared()).await;
    proxy.go_away().await;
    let broker = Broker::start_listening(&kind.launch(proxy.address())).await;
    let port = proxy.address().port().to_string();
    let named =
        async || broker.log.find(|line| (is_warning(line) && line.contains(&port)).then_some(()));
    until(PATIENCE, "the log says what it waits for", named).await;
    assert_eq!(admin::page(broker.admin, "/livez").await.0, 200);
    let (code, text) = admin::page(broker.admin, "/readyz").await;
    assert_eq!(code, 503, "{text}");
    assert_eq!(calls::health(broker.address).await, Some(ServingStatus::NotServing as i32));
    let client = calls::connect(broker.address).await;
    let told = calls::publish(&client, calls::kept("a", "x")).await.expect_err("away");
    is_unavailable(&told);

    proxy.accept().await;
    broker.wait_for_health(ServingStatus::Serving, PATIENCE).await;
    assert_eq!(admin::page(broker.admin, "/readyz").await.0, 200);
    assert_eq!(calls::publish(&client, calls::kept("a", "x")).await.expect("stored"), 1);
}

/// Its connections stand, as those of a process that is stopped.
async fn a_start_waits_for_a_database_that_says_nothing(kind: Kind) {
    let proxy = Proxy::before(kind.shared()).await;
    proxy.swallow(Direction::Down);
    let broker = Broker::start_listening(&kind.launch(proxy.address())).await;
    let (code, text) = admin::page(broker.admin, "/healthz").await;
    assert_eq!(code, 503, "{text}");
    // What went missing in a connection's middle is missing for good.
    proxy.cut();
    proxy.pass(Direction::Down);
    broker.wait_for_health(ServingStatus::Serving, PATIENCE).await;
}

async fn a_start_gives_up_after_its_time(kind: Kind) {
    const GIVEN: Duration = Duration::from_secs(2);
    // Nobody else gets the port, and nobody listens.
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = nobody.local_addr().expect("it is bound");
    drop(nobody);
    let launch = kind.launch(address).with("--database-start-timeout", "2s");
    let (ended, took) = timed(async {
        match Broker::try_start(&launch).await {
            Ok(mut broker) => (broker.ended(PATIENCE).await, broker.log.clone()),
            Err(ended) => ended,
        }
    })
    .await;
    let (status, log) = ended;
    assert_eq!(status.code(), Some(1), "{}", log.tail());
    // A further try that would take longer than what is left is not begun.
    assert!(took >= GIVEN / 2 && took < GIVEN + 2 * SLACK, "{took:?}");
    let port = address.port().to_string();
    let said = until(PATIENCE, "its sentence", async || log.failure()).await;
    log.check();
    assert!(said.contains(&port), "{said} names {port}");
}

async fn an_outage_is_told_and_over_by_itself(kind: Kind) {
    let proxy = Proxy::before(kind.shared()).await;
    let broker = Broker::start(&kind.launch(proxy.address())).await;
    let client = calls::connect(broker.address).await;
    let mut publisher = Publisher::default();
    for subject in ["kept", "live"] {
        publisher.publish(&client, subject, Lifetime::Kept, BYTES).await.expect("stored");
    }
    let mut live = calls::subscribe(&client, "live", 1).await.expect("a subscription");

    proxy.go_away().await;
    let mut subjects = (1..).map(|number| format!("away {number}"));
    let (told, took) = until(2 * PATIENCE, "publishers hear of it", async || {
        let subject = subjects.next().expect("there is always one more");
        let sent = publisher.publish(&client, &subject, Lifetime::Kept, BYTES);
        let (told, took) = timed(sent).await;
        let told = told.expect_err("away");
        // Nobody knows of what was sent at the moment of the cut.
        (calls::reason(&told) != "OUTCOME_UNKNOWN").then_some((told, took))
    })
    .await;
    is_unavailable(&told);
    assert!(took < UNAVAILABLE_AFTER + SLACK, "{took:?}");
    assert_eq!(admin::page(broker.admin, "/livez").await.0, 200);
    let began = Instant::now();
    until(PATIENCE, "an outage that is longer than the lease", async || {
        let mut request = calls::kept("live", "x");
        request.keep = false;
        assert_eq!(calls::publish(&client, request).await.expect("delivered only"), 0);
        assert_eq!(calls::next(&mut live).await.expect("delivered").id, 0);
        (began.elapsed() > 2 * LEASE).then_some(())
    })
    .await;

    proxy.accept().await;
    until(PATIENCE, "it is stored again", async || {
        publisher.publish(&client, "kept", Lifetime::Kept, BYTES).await.ok()
    })
    .await;
    broker.wait_for_health(ServingStatus::Serving, PATIENCE).await;
    assert_eq!(admin::page(broker.admin, "/readyz").await.0, 200);
    for subject in ["kept", "live", "new"] {
        publisher.publish(&client, subject, Lifetime::Kept, BYTES).await.expect("stored");
    }
    assert!(calls::next(&mut live).await.expect("the subscription goes on").id > 1);
    publisher.audit(&client).await;
}

async fn a_flood_during_an_outage_stays_in_bounds(kind: Kind) {
    const PUBLISHERS: usize = 64;
    const EACH: usize = 12;
    const LARGE: usize = 1_000_000;
    const MEMORY: u64 = 256 * 1024 * 1024;
    let proxy = Proxy::before(kind.shared()).await;
    let broker = Broker::start(&kind.launch(proxy.address())).await;
    let client = calls::connect(broker.address).await;
    calls::publish(&client, calls::kept("flood 0", "x")).await.expect("stored");
    proxy.go_away().await;
    let mut publishers = JoinSet::new();
    for number in 0..PUBLISHERS {
        let client = calls::connect(broker.address).await;
        publishers.spawn(async move {
            let request = calls::kept(&format!("flood {}", number % 8), vec![7; LARGE]);
            for _ in 0..EACH {
                let told = calls::publish(&client, request.clone()).await;
                let told = told.expect_err("away");
                assert!(calls::is_refusal(&told), "{told:?}");
            }
        });
    }
    let mut most = 0;
    within(2 * PATIENCE, "everyone is told", async {
        while let Some(ended) = publishers.join_next().await {
            ended.expect("all are refused");
            most = most.max(broker.anonymous_memory());
        }
    })
    .await;
    println!("at most {} MiB of anonymous memory", most >> 20);
    assert!(most < MEMORY, "{most} bytes of anonymous memory");
    proxy.accept().await;
    let next = until(PATIENCE, "it is stored again", async || {
        calls::publish(&client, calls::kept("flood 0", "y")).await.ok()
    })
    .await;
    let shown = calls::replay(&client, "flood 0", 1).await;
    let ids: Vec<u64> = shown.iter().map(|message| message.id).collect();
    assert_eq!(ids, [1, next], "what was refused is not stored");
}

async fn a_slow_database_is_shared_by_all_who_wait(kind: Kind) {
    const SLOW: Duration = Duration::from_millis(100);
    const PUBLISHERS: u32 = 50;
    const EACH: u32 = 4;
    let proxy = Proxy::before(kind.shared()).await;
    let broker = Broker::start(&kind.launch(proxy.address())).await;
    let client = calls::connect(broker.address).await;
    proxy.delay(Direction::Down, SLOW);
    let mut publishers = JoinSet::new();
    let ((), took) = timed(async {
        for number in 0..PUBLISHERS {
            publishers.spawn(publish_some(client.clone(), format!("slow {}", number % 5), EACH));
        }
        while let Some(ended) = publishers.join_next().await {
            ended.expect("all is stored");
        }
    })
    .await;
    let alone = SLOW * PUBLISHERS * EACH;
    println!("{took:?}, one after the other {alone:?}");
    assert!(took < alone / 2, "{took:?}: who waits shares a round trip");
}

async fn publish_some(client: Client, subject: String, count: u32) {
    for _ in 0..count {
        calls::publish(&client, calls::kept(&subject, "x")).await.expect("stored");
    }
}

fn is_unavailable(told: &tonic::Status) {
    assert_eq!((told.code(), &*calls::reason(told)), (Code::Unavailable, "STORAGE_UNAVAILABLE"));
    assert!(calls::retry_after(told).is_some(), "{told:?}");
}

fn is_warning(line: &str) -> bool {
    line.contains("\"level\":\"WARN\"")
}
