//! From one start of a store to the next, and closing.

use crate::support::{Bench, Restart, kept};
use broker_core::{AppendError, Writable};

pub async fn a_new_store_takes_writes(mut bench: Bench) {
    let durability = bench.storage().durability();
    bench
        .in_every_life(async |bench| {
            assert_eq!(bench.storage().writable(), Writable::Yes);
            assert_eq!(bench.storage().durability(), durability);
        })
        .await;
}

pub async fn a_closed_store_takes_no_writes(mut bench: Bench) {
    bench.append(vec![kept("s", 1)]).await;
    bench.storage().close().await.unwrap();
    let refused = bench.try_append(vec![kept("s", 2)]).await;
    assert!(matches!(refused, Err(AppendError::Unavailable(_))), "{refused:?}");
    assert_ne!(bench.storage().writable(), Writable::Yes);
    if bench.survives_restart() {
        bench.restart(Restart::Crash).await;
        assert_eq!(bench.ids("s").await, [1]);
        bench.append(vec![kept("s", 2)]).await;
    }
}

pub async fn a_store_that_dies_with_its_process_starts_empty(mut bench: Bench) {
    if bench.survives_restart() {
        return;
    }
    bench.append(vec![kept("s", 1)]).await;
    bench.restart(Restart::Crash).await;
    assert_eq!(bench.last_id("s").await, 0);
    assert!(bench.subjects(10).await.is_empty());
}

pub async fn many_lives_keep_everything(mut bench: Bench) {
    if !bench.survives_restart() {
        return;
    }
    for life in 1..=10u64 {
        bench.append(vec![kept("s", 2 * life - 1), kept("t", life)]).await;
        bench.append(vec![kept("s", 2 * life)]).await;
        bench.restart(if life % 2 == 0 { Restart::Clean } else { Restart::Crash }).await;
        assert!(bench.ids("s").await.into_iter().eq(1..=2 * life));
        assert!(bench.ids("t").await.into_iter().eq(1..=life));
    }
}

pub async fn restarts_without_writes_change_nothing(mut bench: Bench) {
    if !bench.survives_restart() {
        return;
    }
    bench.append((1..=500).map(|id| kept("s", id)).collect()).await;
    for how in [Restart::Crash, Restart::Crash, Restart::Clean, Restart::Clean, Restart::Crash] {
        bench.restart(how).await;
        assert!(bench.ids("s").await.into_iter().eq(1..=500));
    }
}

pub async fn a_store_may_be_let_go_without_being_closed(mut bench: Bench) {
    if !bench.survives_restart() {
        return;
    }
    for life in 1..=3u64 {
        bench.append(vec![kept("s", life)]).await;
        bench.restart(Restart::LetGo).await;
        assert!(bench.ids("s").await.into_iter().eq(1..=life));
    }
}
