//! Calls of unknown outcome, and what arrives late.

use super::{
    database::{Database, Way},
    process::{LEASE, Process, pass, until},
};
use tokio::time::Instant;

/// It waits for its own lost epoch as for anybody's.
#[tokio::test(start_paused = true)]
async fn a_take_whose_answer_is_lost_costs_a_lease() {
    let database = Database::new();
    let one = Process::start(&database, "one");
    one.line.answers.send_replace(Way::Holds);
    pass(LEASE / 100).await;
    one.line.answers.send_replace(Way::Open);
    one.line.answers.send_replace(Way::Loses);
    until("it is taken", || database.row().epoch == 1).await;
    one.line.answers.send_replace(Way::Open);
    let lost = Instant::now();
    assert_eq!(one.owns().await.epoch(), 2);
    assert!(lost.elapsed() >= LEASE && lost.elapsed() < LEASE * 2, "{:?}", lost.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_take_that_is_held_back_until_another_took_over_takes_nothing() {
    let database = Database::new();
    let one = Process::start(&database, "one");
    one.owns().await;
    let two = Process::start(&database, "two");
    until("two stands by", || !two.heard.owners().is_empty()).await;
    one.kill();
    pass(LEASE / 2).await;
    two.line.requests.send_replace(Way::Holds);
    let three = Process::start(&database, "three");
    pass(LEASE / 2).await;
    three.owns().await;
    two.line.requests.send_replace(Way::Open);
    pass(LEASE * 2).await;
    assert!(three.is_valid() && two.lease().is_none());
    assert_eq!(database.row().epoch, 2);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_whose_answer_is_lost_is_sent_again() {
    let database = Database::new();
    let one = Process::start(&database, "one");
    let two = Process::start(&database, "two");
    one.owns().await;
    for _ in 0..20 {
        let beat = database.row().beat;
        one.line.answers.send_replace(Way::Loses);
        until("a renewal is under way", || database.row().beat != beat).await;
        one.line.answers.send_replace(Way::Open);
        until("another one is", || database.row().beat != beat.wrapping_add(1)).await;
        assert!(one.is_valid());
    }
    assert!(two.lease().is_none());
}

/// The renewal was sent in time and arrives after the take-over.
#[tokio::test(start_paused = true)]
async fn a_renewal_that_is_held_back_renews_nothing() {
    let database = Database::new();
    let one = Process::start(&database, "one");
    let lease = one.owns().await;
    let two = Process::start(&database, "two");
    until("two stands by", || !two.heard.owners().is_empty()).await;
    one.line.requests.send_replace(Way::Holds);
    two.owns().await;
    one.line.requests.send_replace(Way::Open);
    lease.fenced().await;
    assert!(two.is_valid() && !one.is_valid());
    assert_eq!(database.row().owner, "two");
}

#[tokio::test(start_paused = true)]
async fn a_release_that_is_lost_costs_a_lease() {
    let database = Database::new();
    let one = Process::start(&database, "one");
    let lease = one.owns().await;
    let two = Process::start(&database, "two");
    until("two stands by", || !two.heard.owners().is_empty()).await;
    one.line.requests.send_replace(Way::Loses);
    let begun = Instant::now();
    lease.release().await.expect_err("it is lost");
    assert!(begun.elapsed() <= LEASE / 2, "{:?}", begun.elapsed());
    two.owns().await;
    assert!(begun.elapsed() >= LEASE * 3 / 4);
}

#[tokio::test(start_paused = true)]
async fn a_release_that_arrives_late_frees_nothing() {
    let database = Database::new();
    let one = Process::start(&database, "one");
    let lease = one.owns().await;
    let two = Process::start(&database, "two");
    until("two stands by", || !two.heard.owners().is_empty()).await;
    one.line.requests.send_replace(Way::Holds);
    lease.release().await.expect_err("it is held back");
    two.owns().await;
    one.line.requests.send_replace(Way::Open);
    pass(LEASE).await;
    assert!(two.is_valid() && !database.row().is_free);
}

#[tokio::test(start_paused = true)]
async fn a_release_is_tried_again_while_there_is_time() {
    let database = Database::new();
    let one = Process::start(&database, "one");
    let lease = one.owns().await;
    database.set_up(false);
    let (released, ()) = tokio::join!(lease.release(), async {
        pass(LEASE / 4).await;
        database.set_up(true);
    });
    assert_eq!(released, Ok(()));
    assert!(database.row().is_free);
}

#[tokio::test(start_paused = true)]
async fn a_statement_that_finds_another_epoch_ends_the_lease_at_once() {
    let database = Database::new();
    let one = Process::start(&database, "one");
    let lease = one.owns().await;
    assert!(lease.is_owner());
    lease.lose("a write was fenced");
    lease.lose("another reason");
    assert!(!lease.is_owner());
    assert_eq!(lease.fenced().await, "a write was fenced");
    let beat = database.row().beat;
    pass(LEASE * 2).await;
    assert_eq!(database.row().beat, beat, "it renews nothing more");
}
