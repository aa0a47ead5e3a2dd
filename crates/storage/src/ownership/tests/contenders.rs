//! Who becomes the owner, and when.

use super::{
    database::Database,
    process::{LEASE, Process, pass, times, until},
};
use crate::{
    NoOpenObserver,
    ownership::{Lease, Seen},
};
use std::{sync::Arc, time::Duration};
use tokio::time::{self, Instant};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_free_row_is_taken_at_once() {
    let database = Database::new();
    let begun = Instant::now();
    let one = Process::start(&database, "one");
    assert_eq!(one.owns().await.epoch(), 1);
    assert!(begun.elapsed() < SECOND / 10);
    assert!(one.heard.owners().is_empty());
}

#[tokio::test(start_paused = true)]
async fn whoever_stands_by_takes_over_a_lease_after_the_owner_died() {
    let database = Database::new();
    let one = Process::start(&database, "one");
    one.owns().await;
    let two = Process::start(&database, "two");
    until("two stands by", || two.heard.owners() == ["one"]).await;
    pass(LEASE * 3).await;
    one.kill();
    let killed = Instant::now();
    assert_eq!(two.owns().await.epoch(), 2);
    let waited = killed.elapsed();
    assert!(waited > LEASE * 3 / 4 && waited < LEASE + 2 * SECOND, "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_lives_is_never_replaced() {
    let database = Database::new();
    let one = Process::with(&database, "one", times(LEASE), -10);
    one.owns().await;
    let others = ["two", "three"].map(|name| Process::with(&database, name, times(LEASE), 10));
    for _ in 0..1000 {
        pass(LEASE / 10).await;
        assert!(one.is_valid());
    }
    assert!(others.iter().all(|other| other.lease().is_none() && other.heard.owners().len() == 1));
    assert_eq!(database.row().epoch, 1);
}

#[tokio::test(start_paused = true)]
async fn of_three_one_wins_and_the_others_stand_by() {
    let database = Database::new();
    let all = ["one", "two", "three"].map(|name| Process::start(&database, name));
    for epoch in 1..=3 {
        until("somebody owns", || all.iter().any(Process::is_valid)).await;
        assert_eq!(all.iter().filter(|process| process.is_valid()).count(), 1);
        let row = database.row();
        assert_eq!(row.epoch, epoch);
        until("the others know", || {
            let standing = all.iter().filter(|process| process.lease().is_none());
            standing.clone().all(|process| process.heard.owners().last() == Some(&row.owner))
        })
        .await;
        all.iter().filter(|process| process.is_valid()).for_each(Process::kill);
        until("the lease is over", || !all.iter().any(Process::is_valid)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_released_row_is_taken_at_the_next_look() {
    let database = Database::new();
    let one = Process::start(&database, "one");
    let lease = one.owns().await;
    let two = Process::start(&database, "two");
    until("two stands by", || !two.heard.owners().is_empty()).await;
    lease.release().await.expect("the database is there");
    assert!(!lease.is_owner());
    let released = Instant::now();
    two.owns().await;
    assert!(released.elapsed() < SECOND * 11 / 10, "{:?}", released.elapsed());
    assert!(time::timeout(LEASE, lease.fenced()).await.is_err(), "it was not fenced");
}

/// A broker with another setting does not cut its owner's lease short.
#[tokio::test(start_paused = true)]
async fn the_owners_lease_counts_not_that_of_who_stands_by() {
    let database = Database::new();
    let one = Process::with(&database, "one", times(LEASE * 4), 0);
    one.owns().await;
    let two = Process::start(&database, "two");
    until("two stands by", || !two.heard.owners().is_empty()).await;
    one.set_running(false);
    until("the lease is over", || !one.is_valid()).await;
    assert!(two.lease().is_none());
    two.owns().await;
}

#[tokio::test(start_paused = true)]
async fn beats_may_wrap() {
    let lost = Seen {
        epoch: 7,
        beat: i64::MAX - 1,
        is_free: false,
        lease: LEASE,
        owner: "gone".to_owned(),
    };
    let database = Database::with(lost);
    let one = Process::start(&database, "one");
    assert_eq!(one.owns().await.epoch(), 8);
    let two = Process::start(&database, "two");
    pass(LEASE * 5).await;
    assert!(database.row().beat < 0 && one.is_valid() && two.lease().is_none());
    one.kill();
    assert_eq!(two.owns().await.epoch(), 9);
}

#[tokio::test(start_paused = true)]
async fn an_owner_gives_four_signs_of_life_in_a_lease() {
    let database = Database::new();
    let one = Process::start(&database, "one");
    one.owns().await;
    pass(LEASE * 10).await;
    assert!((39..=41).contains(&database.row().beat), "{}", database.row().beat);
}

/// By the machine's clock: what is slept here is simulated, so the lease does not run out.
#[tokio::test(start_paused = true)]
async fn dropping_the_last_clone_ends_the_renewals_and_gives_nothing_back() {
    let database = Database::new();
    let line = super::database::Line::new(database.clone(), "one", LEASE);
    let lease =
        Lease::acquire(Arc::new(line), times(LEASE), &NoOpenObserver).await.expect("it is free");
    let clone = lease.clone();
    drop(lease);
    pass(LEASE).await;
    let beat = database.row().beat;
    assert!(beat >= 3, "{beat}");
    drop(clone);
    pass(LEASE * 3).await;
    assert!(database.row().beat <= beat + 1);
    assert!(!database.row().is_free);
}
