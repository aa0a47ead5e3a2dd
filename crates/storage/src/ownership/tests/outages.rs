//! A database that is away.

use super::{
    database::{Database, Way},
    process::{LEASE, Process, pass, times, until},
};
use crate::{
    DatabaseTimes,
    ownership::{BoxFuture, Lease, LeaseError, OwnerRow, RowError, Seen},
};
use std::{future, sync::Arc, time::Duration};
use tokio::time::{self, Instant};

#[tokio::test(start_paused = true)]
async fn an_outage_longer_than_the_lease_changes_no_owner() {
    for silent in [false, true] {
        let database = Database::new();
        let one = Process::start(&database, "one");
        let lease = one.owns().await;
        let two = Process::start(&database, "two");
        until("two stands by", || !two.heard.owners().is_empty()).await;
        set_away(&database, &[&one, &two], silent, true);
        for _ in 0..500 {
            pass(LEASE / 50).await;
            assert!(lease.is_owner());
        }
        assert!(matches!(lease.confirm().await, Err(LeaseError::Away(_))));
        assert!(two.heard.away() > 3);
        set_away(&database, &[&one, &two], silent, false);
        let back = Instant::now();
        until("it is renewed", || one.is_valid()).await;
        let longest = if silent { LEASE * 6 / 10 } else { LEASE / 30 };
        assert!(back.elapsed() <= longest, "{:?}", back.elapsed());
        assert_eq!(lease.confirm().await, Ok(()));
        pass(LEASE * 2).await;
        assert!(one.is_valid() && two.lease().is_none());
        assert_eq!(two.heard.owners(), ["one", "one"], "it tells when it stands by again");
    }
}

/// Refusing, or swallowing what is sent to it.
fn set_away(database: &Database, processes: &[&Process], silent: bool, is_away: bool) {
    if !silent {
        return database.set_up(!is_away);
    }
    for process in processes {
        process.line.requests.send_replace(if is_away { Way::Loses } else { Way::Open });
    }
}

/// The other side of a partition reaches the database: this one is the owner in its own eyes only
/// where that harms nothing, and confirms nothing.
#[tokio::test(start_paused = true)]
async fn an_owner_that_is_cut_off_confirms_nothing_after_its_lease() {
    let database = Database::new();
    let one = Process::start(&database, "one");
    let lease = one.owns().await;
    let two = Process::start(&database, "two");
    one.line.requests.send_replace(Way::Loses);
    two.owns().await;
    assert!(!one.is_valid());
    assert!(matches!(lease.confirm().await, Err(LeaseError::Away(_))));
    assert!(lease.is_owner(), "as far as it can know");
    one.line.requests.send_replace(Way::Open);
    lease.fenced().await;
    assert!(!lease.is_owner());
    assert_eq!(lease.confirm().await, Err(LeaseError::Fenced));
}

#[tokio::test(start_paused = true)]
async fn a_confirmation_is_bounded() {
    let database = Database::new();
    let one = Process::start(&database, "one");
    let lease = one.owns().await;
    one.line.answers.send_replace(Way::Loses);
    until("the lease is over", || !one.is_valid()).await;
    let begun = Instant::now();
    assert!(matches!(lease.confirm().await, Err(LeaseError::Away(_))));
    assert!(begun.elapsed() <= LEASE * 6 / 10, "{:?}", begun.elapsed());
}

/// Asking again and again does not make a database that is away hear more than its share.
#[tokio::test(start_paused = true)]
async fn those_who_ask_do_not_hurry_the_tries() {
    let database = Database::new();
    let one = Process::start(&database, "one");
    let lease = one.owns().await;
    database.set_up(false);
    until("the lease is over", || !one.is_valid()).await;
    let begun = lease.tenure.news().borrow().begun;
    let asking = async {
        loop {
            assert!(matches!(lease.confirm().await, Err(LeaseError::Away(_))));
        }
    };
    assert!(time::timeout(LEASE, asking).await.is_err());
    let tries = lease.tenure.news().borrow().begun - begun;
    assert!((30..=41).contains(&tries), "{tries}");
}

#[tokio::test(start_paused = true)]
async fn a_start_gives_up_on_a_database_that_stays_away() {
    let database = Database::new();
    database.set_up(false);
    let limits = DatabaseTimes { start: LEASE * 2, ..times(LEASE) };
    let begun = Instant::now();
    let one = Process::with(&database, "one", limits, 0);
    let heard = one.heard.clone();
    let why = one.gave_up().await.to_string();
    assert!(why.contains("refused"), "{why}");
    let waited = begun.elapsed();
    assert!(waited >= LEASE * 2 && waited < LEASE * 3, "{waited:?}");
    assert!((10..60).contains(&heard.away()), "{}", heard.away());
}

#[tokio::test(start_paused = true)]
async fn a_start_waits_for_a_database_that_comes() {
    let database = Database::new();
    database.set_up(false);
    let one = Process::start(&database, "one");
    pass(LEASE).await;
    database.set_up(true);
    assert_eq!(one.owns().await.epoch(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_stands_by_does_so_without_end() {
    let database = Database::new();
    let limits = DatabaseTimes { start: LEASE, ..times(LEASE) };
    let one = Process::start(&database, "one");
    one.owns().await;
    let two = Process::with(&database, "two", limits, 0);
    pass(LEASE * 5).await;
    database.set_up(false);
    pass(LEASE * 5).await;
    one.kill();
    database.set_up(true);
    assert_eq!(two.owns().await.epoch(), 2);
}

/// A row that will not do.
struct Broken;

impl OwnerRow for Broken {
    fn look(&self) -> BoxFuture<'static, Result<Seen, RowError>> {
        Box::pin(future::ready(Err(RowError::Failed("no such table".to_owned()))))
    }

    fn take(&self, _: Seen) -> BoxFuture<'static, Result<Option<i64>, RowError>> {
        unreachable!("it was never seen")
    }

    fn renew(&self, _: i64) -> BoxFuture<'static, Result<bool, RowError>> {
        unreachable!("it was never taken")
    }

    fn release(&self, _: i64) -> BoxFuture<'static, Result<(), RowError>> {
        unreachable!("it was never taken")
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_ends_at_once_where_trying_again_mends_nothing() {
    let times = DatabaseTimes { start: Duration::MAX, ..times(LEASE) };
    let opening = Lease::acquire(Arc::new(Broken), times, &crate::NoOpenObserver);
    let why = opening.await.expect_err("it is broken").to_string();
    assert_eq!(why, "no such table");
}
