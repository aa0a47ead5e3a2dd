//! Owners that are stopped and go on.

use super::{
    database::{Database, Way},
    process::{LEASE, Process, pass, until},
};
use crate::ownership::LeaseError;

#[tokio::test(start_paused = true)]
async fn a_paused_owner_that_was_replaced_confirms_nothing_more() {
    let database = Database::new();
    let one = Process::start(&database, "one");
    let lease = one.owns().await;
    let two = Process::start(&database, "two");
    until("two stands by", || !two.heard.owners().is_empty()).await;
    one.set_running(false);
    two.owns().await;
    assert!(!lease.is_owner());
    one.set_running(true);
    assert!(!lease.is_owner());
    assert_eq!(lease.confirm().await, Err(LeaseError::Fenced));
    assert!(lease.fenced().await.contains("took over"));
    assert!(!lease.is_owner() && two.is_valid());
    assert_eq!(lease.release().await, Ok(()));
    assert!(!database.row().is_free);
}

#[tokio::test(start_paused = true)]
async fn a_paused_owner_that_nobody_replaced_goes_on_once_it_knows() {
    let database = Database::new();
    let one = Process::start(&database, "one");
    let lease = one.owns().await;
    one.set_running(false);
    pass(LEASE * 10).await;
    assert!(!lease.is_owner());
    one.set_running(true);
    assert!(!lease.is_owner());
    assert_eq!(lease.confirm().await, Ok(()));
    assert!(lease.is_owner());
    assert_eq!(database.row().epoch, 1);
}

/// What it heard before its pause says nothing of now.
#[tokio::test(start_paused = true)]
async fn an_owner_that_is_paused_while_the_database_is_away_is_in_doubt_afterwards() {
    let database = Database::new();
    let one = Process::start(&database, "one");
    let lease = one.owns().await;
    let two = Process::start(&database, "two");
    until("two stands by", || !two.heard.owners().is_empty()).await;
    database.set_up(false);
    pass(LEASE * 2).await;
    assert!(lease.is_owner() && !one.is_valid());
    one.set_running(false);
    database.set_up(true);
    two.owns().await;
    pass(LEASE).await;
    assert!(!lease.is_owner());
    one.set_running(true);
    assert!(!lease.is_owner());
    assert_eq!(lease.confirm().await, Err(LeaseError::Fenced));
}

/// The answer to a renewal lies in the socket while the process is stopped: it is too old to count.
#[tokio::test(start_paused = true)]
async fn an_answer_that_was_read_too_late_is_no_word() {
    let database = Database::new();
    let one = Process::start(&database, "one");
    let lease = one.owns().await;
    let two = Process::start(&database, "two");
    let beat = database.row().beat;
    one.line.answers.send_replace(Way::Holds);
    until("a renewal is under way", || database.row().beat != beat).await;
    one.set_running(false);
    one.line.answers.send_replace(Way::Open);
    one.line.requests.send_replace(Way::Holds);
    two.owns().await;
    one.set_running(true);
    assert!(matches!(lease.confirm().await, Err(LeaseError::Away(_))));
    one.line.requests.send_replace(Way::Open);
    lease.fenced().await;
}

/// The renewal did not fail because the database was away but because nobody listened.
#[tokio::test(start_paused = true)]
async fn a_renewal_that_ran_into_a_pause_says_nothing_of_the_database() {
    let database = Database::new();
    let one = Process::start(&database, "one");
    let lease = one.owns().await;
    let two = Process::start(&database, "two");
    one.line.requests.send_replace(Way::Loses);
    let news = lease.tenure.news();
    until("a renewal is under way", || news.borrow().begun > 0).await;
    one.set_running(false);
    two.owns().await;
    one.set_running(true);
    until("it failed", || news.borrow().ended > 0).await;
    assert!(news.borrow().failure.is_some());
    assert!(!lease.is_owner());
}

/// A machine that sleeps takes the owner and whoever stands by along: the owner gets its chance.
#[tokio::test(start_paused = true)]
async fn brokers_that_are_paused_together_do_not_change_roles() {
    let database = Database::new();
    let (one, two) = (Process::start(&database, "one"), Process::start(&database, "two"));
    one.owns().await;
    until("two stands by", || !two.heard.owners().is_empty()).await;
    for process in [&one, &two] {
        process.set_running(false);
    }
    pass(LEASE * 100).await;
    two.set_running(true);
    pass(LEASE / 10).await;
    one.set_running(true);
    pass(LEASE * 3).await;
    assert!(one.is_valid() && two.lease().is_none());
}
