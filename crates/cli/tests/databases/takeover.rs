//! An owner that is paused, cut off, killed or told to leave, while another broker stands by.

use crate::{
    audit::Auditor,
    calls,
    chance::{self, Chance},
    database::{Kind, LEASE, SLACK, over_both},
    pair::Pair,
    run::Run,
    waiting::{PATIENCE, timed, until, within},
};
use broker_test_servers::Direction;
use rustix::process::Signal;
use std::time::{Duration, Instant};
use tonic::Status;

over_both!(
    a_paused_owner_that_was_replaced_answers_nothing_more,
    a_pause_under_load_loses_nothing,
    writes_that_come_after_the_first_touch_are_not_seen,
    writes_that_come_before_the_first_touch_do_no_harm,
    a_killed_owner_is_replaced_after_its_lease,
    an_owner_that_leaves_is_replaced_at_once,
);

async fn a_paused_owner_that_was_replaced_answers_nothing_more(kind: Kind) {
    let mut pair = Pair::start(kind).await;
    let client = calls::connect(pair.owner.address).await;
    calls::publish(&client, calls::kept("a", "x")).await.expect("stored");
    let mut live = calls::subscribe(&client, "a", 1).await.expect("a subscription");
    pair.owner.signal(Signal::STOP);
    pair.taken_over().await;

    let mut delivered = calls::kept("a", "delivered only");
    delivered.keep = false;
    let asked = async {
        tokio::join!(
            calls::publish(&client, calls::kept("a", "late")),
            calls::publish(&client, delivered),
            calls::fetch(&client, "a", 1),
            async { calls::next(&mut calls::subscribe(&client, "a", 0).await?).await },
        )
    };
    let ((kept, delivered, fetched, subscribed), ()) =
        tokio::join!(asked, async { pair.owner.signal(Signal::CONT) });
    for told in [kept.err(), delivered.err(), fetched.err(), subscribed.err()] {
        is_no_answer(&told.expect("it is not the owner"));
    }
    is_no_answer(&calls::next(&mut live).await.expect_err("it is not the owner"));
    pair.owner_gives_up().await;

    let client = calls::connect(pair.standby.address).await;
    let next = calls::publish(&client, calls::kept("a", "next")).await.expect("stored");
    let shown = calls::replay(&client, "a", 1).await;
    let shown: Vec<_> = shown.iter().map(|it| (it.id, &*it.body)).collect();
    assert_eq!(shown, [(1, &b"x"[..]), (next, b"next")]);
}

/// Not by a broker that is no more, or may be no more, the owner.
fn is_no_answer(told: &Status) {
    let reason = calls::reason(told);
    let reasons = ["STANDBY", "STORAGE_UNAVAILABLE", "OUTCOME_UNKNOWN"];
    // The connection may end first.
    assert!(reasons.contains(&&*reason) || reason.is_empty(), "{told:?}");
}

async fn a_pause_under_load_loses_nothing(kind: Kind) {
    let (seed, mut auditor) = (seed(), Auditor::default());
    let mut chance = Chance::new(seed);
    let mut pair = Pair::start(kind).await;
    let begun = Instant::now();
    let mut old = pair.load_owner(&mut chance).await;
    until(PATIENCE, "a lease is over", async || (begun.elapsed() > LEASE).then_some(())).await;
    assert!(pair.stands_by().await, "an owner at work was replaced");
    pair.owner.signal(Signal::STOP);
    pair.taken_over().await;
    let mut new = pair.load_successor(&mut chance).await;
    pair.owner.signal(Signal::CONT);
    pair.owner_gives_up().await;
    old.end(&mut auditor).await;
    judge(&pair, &mut new, auditor, seed).await;
}

/// The writes lie in the network while the new owner reads and writes the same subjects.
async fn writes_that_come_after_the_first_touch_are_not_seen(kind: Kind) {
    let (seed, mut auditor) = (seed(), Auditor::default());
    let mut chance = Chance::new(seed);
    let mut pair = Pair::start(kind).await;
    let mut old = pair.load_owner(&mut chance).await;
    let late = hold_writes(&pair).await;
    pair.owner.signal(Signal::STOP);
    pair.taken_over().await;
    let mut new = pair.load_successor(&mut chance).await;
    release_writes(&pair, late).await;
    pair.owner.signal(Signal::CONT);
    pair.owner_gives_up().await;
    old.end(&mut auditor).await;
    judge(&pair, &mut new, auditor, seed).await;
}

/// The owner is not paused but cut off; its writes arrive before the new owner looks at the subjects.
async fn writes_that_come_before_the_first_touch_do_no_harm(kind: Kind) {
    let (seed, mut auditor) = (seed(), Auditor::default());
    let mut chance = Chance::new(seed);
    let mut pair = Pair::start(kind).await;
    let mut old = pair.load_owner(&mut chance).await;
    let late = hold_writes(&pair).await;
    pair.taken_over().await;
    release_writes(&pair, late).await;
    pair.owner_gives_up().await;
    let mut new = pair.load_successor(&mut chance).await;
    old.end(&mut auditor).await;
    judge(&pair, &mut new, auditor, seed).await;
}

/// Keeps back what the owner sends, until some of it waits. How many bytes will have arrived when that
/// has.
async fn hold_writes(pair: &Pair) -> u64 {
    const BYTES: u64 = 2_000;
    pair.proxy.hold(Direction::Up);
    within(PATIENCE, "writes wait", pair.proxy.until_held(Direction::Up, BYTES)).await;
    pair.proxy.passed(Direction::Up) + BYTES
}

async fn release_writes(pair: &Pair, late: u64) {
    pair.proxy.pass(Direction::Up);
    until(PATIENCE, "the late writes arrive", async || {
        (pair.proxy.passed(Direction::Up) >= late).then_some(())
    })
    .await;
}

/// Ends the load on the new owner and holds everything that anybody was told against what it shows.
async fn judge(pair: &Pair, new: &mut Run, mut auditor: Auditor, seed: u64) {
    within(PATIENCE, "the new owner goes on", new.load.acked_more(200)).await;
    new.stop(&mut auditor).await;
    let verdict = auditor.audit(&calls::connect(pair.standby.address).await).await;
    println!("{verdict}");
    assert!(verdict.is_good(), "seed {seed}: {verdict}");
}

async fn a_killed_owner_is_replaced_after_its_lease(kind: Kind) {
    let mut pair = Pair::start(kind).await;
    let client = calls::connect(pair.owner.address).await;
    let id = calls::publish(&client, calls::kept("a", "x")).await.expect("stored");
    pair.owner.kill();
    let ((), took) = timed(pair.taken_over()).await;
    println!("served again after {took:?}");
    assert!(took > LEASE / 2 && took < LEASE + Duration::from_secs(1) + SLACK, "{took:?}");
    let client = calls::connect(pair.standby.address).await;
    assert_eq!(calls::fetch(&client, "a", id).await.expect("kept").body, "x");
}

async fn an_owner_that_leaves_is_replaced_at_once(kind: Kind) {
    const LONG: Duration = Duration::from_secs(60);
    let mut pair = Pair::with_lease(kind, LONG).await;
    let client = calls::connect(pair.owner.address).await;
    let id = calls::publish(&client, calls::kept("a", "x")).await.expect("stored");
    pair.owner.signal(Signal::TERM);
    assert_eq!(pair.owner.ended(PATIENCE).await.code(), Some(0), "{}", pair.owner.log.tail());
    let ((), took) = timed(pair.taken_over()).await;
    println!("served again after {took:?}");
    assert!(took < Duration::from_secs(1) + SLACK, "{took:?}");
    let client = calls::connect(pair.standby.address).await;
    assert_eq!(calls::fetch(&client, "a", id).await.expect("kept").body, "x");
}

fn seed() -> u64 {
    let seed = chance::seed();
    println!("BROKER_SEED={seed} gives this run again");
    seed
}
