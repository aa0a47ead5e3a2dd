//! The time that is kept with the data.

use crate::support::{Bench, expiring, message};
use broker_core::{Headers, Message, Timestamp};
use std::sync::Arc;

fn published(id: u64, at: i64) -> Arc<Message> {
    message("s", id, at, Some(at + 1), Headers::default(), "")
}

async fn keep_time(bench: &Bench, now: i64) {
    bench.storage().keep_time(Timestamp(now)).await.unwrap();
}

fn kept_time(bench: &Bench) -> i64 {
    bench.storage().kept_time().0
}

pub async fn an_empty_store_knows_no_time(mut bench: Bench) {
    bench.in_every_life(async |bench| assert_eq!(kept_time(bench), i64::MIN)).await;
}

pub async fn the_latest_publication_is_kept(mut bench: Bench) {
    bench.append(vec![published(1, 1_000), published(2, 999)]).await;
    assert_eq!(kept_time(&bench), 1_000);
    bench.append(vec![published(3, 500)]).await;
    bench.in_every_life(async |bench| assert_eq!(kept_time(bench), 1_000)).await;
    bench.append(vec![published(4, 1_001)]).await;
    bench.in_every_life(async |bench| assert_eq!(kept_time(bench), 1_001)).await;
}

pub async fn a_later_time_is_kept_and_an_earlier_one_changes_nothing(mut bench: Bench) {
    bench.append(vec![published(1, 1_000)]).await;
    keep_time(&bench, 999).await;
    assert_eq!(kept_time(&bench), 1_000);
    keep_time(&bench, 5_000_000_000_123).await;
    assert_eq!(kept_time(&bench), 5_000_000_000_123);
    keep_time(&bench, 4_000).await;
    bench.append(vec![published(2, 2_000)]).await;
    bench.in_every_life(async |bench| assert_eq!(kept_time(bench), 5_000_000_000_123)).await;
    bench.append(vec![published(3, 5_000_000_000_124)]).await;
    bench.in_every_life(async |bench| assert_eq!(kept_time(bench), 5_000_000_000_124)).await;
}

pub async fn a_time_is_kept_without_messages(mut bench: Bench) {
    keep_time(&bench, 77).await;
    bench.in_every_life(async |bench| assert_eq!(kept_time(bench), 77)).await;
    keep_time(&bench, 78).await;
    bench.in_every_life(async |bench| assert_eq!(kept_time(bench), 78)).await;
}

pub async fn the_time_stays_when_its_messages_are_gone(mut bench: Bench) {
    for id in 1..=500 {
        drop(bench.storage().append(vec![published(id, id as i64)]));
    }
    bench.append(vec![published(501, 501)]).await;
    bench.reclaim(i64::MAX).await;
    bench
        .in_every_life(async |bench| {
            bench.reclaim(i64::MAX).await;
            assert_eq!(kept_time(bench), 501);
        })
        .await;
    bench.purge("s", 501).await;
    bench.in_every_life(async |bench| assert_eq!(kept_time(bench), 501)).await;
}

pub async fn reclaiming_keeps_no_time(mut bench: Bench) {
    bench.append(vec![expiring("s", 1, 50)]).await;
    bench.reclaim(1_000).await;
    bench.in_every_life(async |bench| assert_eq!(kept_time(bench), 1)).await;
}
