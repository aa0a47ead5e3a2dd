//! Crashes at every step, torn writes at every byte, failing calls.

use super::{
    audit::{Acknowledged, Found, audit, config, go_on, message, open, subject, tell},
    simulated::{Fault, SimulatedDisk, Tear},
};
use broker_core::{AppendError, MessageId, Storage, Timestamp, Writable};
use broker_storage::{LocalConfig, LocalStorage};
use std::sync::Arc;

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

async fn found_whole(disk: &SimulatedDisk, acknowledged: &Acknowledged, when: &str) {
    let (store, recovery) = open(disk).unwrap_or_else(|error| panic!("{when}: {error}"));
    assert_eq!(recovery.damage, [""; 0], "{when}");
    assert_eq!(audit(&store, acknowledged).await, Found::default(), "{when}");
    go_on(&store).await;
    drop(store);
    // What a start mended stays mended.
    let (store, recovery) = open(&disk.crash(Tear::Nothing)).unwrap();
    assert_eq!((recovery.torn, recovery.damage.len()), (0, 0), "{when}, second start");
    assert_eq!(audit(&store, acknowledged).await, Found::default(), "{when}, second start");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_any_call_loses_nothing_that_was_acknowledged() {
    let whole = SimulatedDisk::default();
    drop(tell(&open(&whole).unwrap().0).await);
    let calls = whole.calls();
    assert!(whole.names().iter().any(|name| name.ends_with(".subjects")), "nothing was swept");
    assert!(calls > 200, "the story has {calls} calls only");
    for call in 0..calls {
        let disk = SimulatedDisk::default();
        let fault = Fault { from: call, until: u64::MAX, errno: EIO, only_syncs: false };
        disk.set_fault(Some(fault));
        let acknowledged = match open(&disk) {
            Ok((store, _)) => tell(&store).await,
            Err(_) => Acknowledged::default(),
        };
        // Cut just behind a segment's head, a segment would be there without the purges it begins with.
        for tear in [Tear::Nothing, Tear::Cut(4_100), Tear::Everything] {
            let after = disk.crash(tear);
            found_whole(&after, &acknowledged, &format!("call {call}, {tear:?}")).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_torn_at_any_byte_is_cut_and_the_rest_is_whole() {
    let disk = SimulatedDisk::default();
    let (store, _) = open(&disk).unwrap();
    let acknowledged = tell(&store).await;
    disk.set_fault(Some(Fault { from: 0, until: u64::MAX, errno: EIO, only_syncs: true }));
    let batch = vec![message("a", 37, None, 40), message("b", 13, None, 40)];
    let lost = store.append(batch).await;
    assert!(matches!(lost, Err(AppendError::Lost(_))));
    drop(store);
    let torn = disk.last_unsynced();
    assert!(torn > 200);
    for byte in 0..=torn {
        let after = disk.crash(Tear::Last(byte));
        found_whole(&after, &acknowledged, &format!("torn at byte {byte}")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn zeros_behind_a_group_are_written_once_and_are_no_records() {
    let no_sync = Fault { from: 0, until: u64::MAX, errno: EIO, only_syncs: true };
    let disk = SimulatedDisk::default();
    let store = open(&disk).unwrap().0;
    disk.set_fault(Some(no_sync));
    store.append(vec![message("a", 1, None, 40)]).await.unwrap_err();
    drop(store);
    let torn = disk.last_unsynced();
    assert!(torn > 10_000, "{torn}");
    let nothing = Acknowledged::default();
    for byte in (0..300).chain((300..=torn).step_by(509)).chain([torn]) {
        let after = disk.crash(Tear::Last(byte));
        found_whole(&after, &nothing, &format!("torn at byte {byte}")).await;
    }
    for seed in 0..100 {
        let after = disk.crash(Tear::Chance(seed));
        found_whole(&after, &nothing, &format!("torn by {seed}")).await;
    }

    let disk = SimulatedDisk::default();
    let store = open(&disk).unwrap().0;
    store.append(vec![message("a", 1, None, 40)]).await.unwrap();
    disk.set_fault(Some(no_sync));
    store.append(vec![message("a", 2, None, 40)]).await.unwrap_err();
    let second = disk.last_unsynced();
    assert!(second < 300, "{second}: the zeros are there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_sync_closes_the_store_to_writing_and_reading_goes_on() {
    let disk = SimulatedDisk::default();
    let (store, _) = open(&disk).unwrap();
    let acknowledged = tell(&store).await;
    let from = disk.calls();
    disk.set_fault(Some(Fault { from, until: u64::MAX, errno: EIO, only_syncs: true }));
    let lost = store.append(vec![message("a", 37, None, 10)]).await;
    assert!(matches!(lost, Err(AppendError::Lost(_))), "{lost:?}");
    disk.set_fault(None);
    let later = store.append(vec![message("a", 38, None, 10)]).await;
    assert!(matches!(later, Err(AppendError::Unavailable(_))), "{later:?}");
    assert!(matches!(store.writable(), Writable::Closed(_)));
    assert_eq!(store.fetch(&subject("a"), MessageId(37)).await, Ok(None));
    assert_eq!(store.last_id(&subject("a")).await, Ok(MessageId(36)));
    assert_eq!(audit(&store, &acknowledged).await, Found::default());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_and_takes_again_when_there_is_room() {
    let disk = SimulatedDisk::default();
    let (store, _) = open(&disk).unwrap();
    store.append(vec![message("a", 1, None, 10)]).await.unwrap();
    disk.set_free(Some(1_000));
    let mut id = 1;
    loop {
        id += 1;
        match store.append(vec![message("a", id, None, 3_000)]).await {
            Ok(_) => assert!(id < 100, "the disk never fills"),
            Err(error) => {
                assert!(matches!(error, AppendError::Full(_)), "{error:?}");
                break;
            }
        }
    }
    assert!(matches!(store.writable(), Writable::Full(_)));
    // What gives space back goes on, in the reserve.
    store.purge(&subject("a"), MessageId(1)).await.unwrap();
    store.keep_time(Timestamp(1_000)).await.unwrap();
    assert!(store.fetch(&subject("a"), MessageId(2)).await.unwrap().is_some());
    // A start while it is full serves what is there.
    drop(store);
    let (store, _) = open(&disk).unwrap();
    assert_eq!(store.last_id(&subject("a")).await, Ok(MessageId(id - 1)));
    disk.set_free(None);
    store.append(vec![message("a", id, None, 3_000)]).await.unwrap();
    assert_eq!(store.writable(), Writable::Yes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reserve_is_left_to_what_gives_space_back() {
    let disk = SimulatedDisk::default();
    let config = LocalConfig { reserve_bytes: Some(200_000), ..config() };
    let (store, _) = LocalStorage::open_on(Arc::new(disk.clone()), &config).unwrap();
    disk.set_free(Some(300_000));
    let mut id = 0;
    let full = loop {
        id += 1;
        if let Err(error) = store.append(vec![message("a", id, None, 3_000)]).await {
            break error;
        }
        assert!(id < 100, "the reserve is taken");
    };
    assert_eq!(full, AppendError::Full("disk reserve"));
    assert_eq!(store.writable(), Writable::Full("disk reserve"));
    // More than fits in what is allocated.
    for _ in 0..1_000 {
        store.purge(&subject("a"), MessageId(1)).await.unwrap();
    }
    let again = store.append(vec![message("a", id, None, 3_000)]).await;
    assert_eq!(again, Err(AppendError::Full("disk reserve")));
    disk.set_free(None);
    let mut looks = 0;
    // Nobody need try: a store that seems full to those who ask first would stay so.
    while store.writable() != Writable::Yes {
        store.reclaim(Timestamp(1)).await.unwrap();
        looks += 1;
        assert!(looks < 10_000, "it stays full");
    }
    store.append(vec![message("a", id, None, 3_000)]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_finds_no_room_is_cut_back() {
    let disk = SimulatedDisk::default();
    let (store, _) = open(&disk).unwrap();
    store.append(vec![message("a", 1, None, 10)]).await.unwrap();
    let from = disk.calls();
    disk.set_fault(Some(Fault { from, until: from + 1, errno: ENOSPC, only_syncs: false }));
    // What fits has the whole of the first.
    let batch = || vec![message("a", 2, None, 10), message("a", 3, None, 1_000)];
    let full = store.append(batch()).await;
    assert_eq!(full, Err(AppendError::Full("disk space")));
    for seed in 0..40 {
        // No crash brings back what was surely not stored.
        let (store, recovery) = open(&disk.crash(Tear::Chance(seed))).unwrap();
        assert_eq!((recovery.torn, recovery.damage.len()), (0, 0), "seed {seed}");
        assert_eq!(store.last_id(&subject("a")).await, Ok(MessageId(1)), "seed {seed}");
    }
    store.append(batch()).await.unwrap();
    drop(store);
    let (store, recovery) = open(&disk.crash(Tear::Everything)).unwrap();
    assert_eq!((recovery.torn, recovery.damage.len()), (0, 0));
    assert!(store.fetch(&subject("a"), MessageId(3)).await.unwrap().is_some());
}

/// Names on the disk that nothing needs: files made aside, indexes without a segment.
fn leftovers(disk: &SimulatedDisk) -> Vec<String> {
    let names = disk.names();
    let is_left = |name: &String| match name.strip_suffix(".index") {
        Some(number) => !names.contains(&format!("{number}.log")),
        None => name.ends_with(".new"),
    };
    names.iter().filter(|name| is_left(name)).cloned().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweep_that_finds_no_room_takes_none() {
    let disk = SimulatedDisk::default();
    let (store, _) = open(&disk).unwrap();
    for id in 1..=60 {
        let kept = message("a", id, [None, Some(10_000_000)][id as usize % 2], 400);
        store.append(vec![kept, message("brief", id, Some(1_000), 5_000)]).await.unwrap();
    }
    store.reclaim(Timestamp(1)).await.unwrap();
    let logs = || disk.names().into_iter().filter(|name| name.ends_with(".log")).count();
    let (before, mut failed) = (logs(), 0);
    loop {
        let from = disk.calls() + failed;
        disk.set_fault(Some(Fault { from, until: from + 1, errno: ENOSPC, only_syncs: false }));
        let swept = store.reclaim(Timestamp(2_000)).await;
        disk.set_fault(None);
        if swept.is_ok_and(|swept| swept.messages > 0) {
            break;
        }
        assert_eq!(leftovers(&disk), [""; 0], "call {failed}");
        assert_eq!(logs(), before, "call {failed}");
        failed += 1;
        assert!(failed < 200, "it never sweeps");
    }
    assert!(failed > 20, "only {failed} calls failed");
    assert!(matches!(store.writable(), Writable::Yes), "{:?}", store.writable());
    for id in 1..=60 {
        assert!(store.fetch(&subject("a"), MessageId(id)).await.unwrap().is_some(), "{id}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_store_writes_nothing() {
    let disk = SimulatedDisk::default();
    let (store, _) = open(&disk).unwrap();
    tell(&store).await;
    for _ in 0..20 {
        store.reclaim(Timestamp(4_000)).await.unwrap();
    }
    let calls = disk.calls();
    for _ in 0..20 {
        store.reclaim(Timestamp(4_000)).await.unwrap();
    }
    assert_eq!(disk.calls(), calls);
}
