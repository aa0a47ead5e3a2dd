//! Turned bits and missing files: named, and everything else is served.

use super::{
    audit::{Acknowledged, Found, audit, go_on, message, open, subject, tell},
    simulated::{SimulatedDisk, Tear},
};
use broker_core::{MessageId, ReadError, Storage, Stored, Timestamp};

async fn told() -> (SimulatedDisk, Acknowledged) {
    let disk = SimulatedDisk::default();
    let (store, _) = open(&disk).unwrap();
    let acknowledged = tell(&store).await;
    drop(store);
    (disk.crash(Tear::Nothing), acknowledged)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turned_bit_anywhere_is_named_or_mended_and_all_else_is_served() {
    let (whole, acknowledged) = told().await;
    let mut damaged = 0;
    for name in whole.names() {
        // Every kind of place comes up: heads, subjects, contents, blocks, feet.
        for at in (0..whole.length(&name)).step_by(97) {
            let disk = whole.copy();
            disk.flip(&name, at, (at % 8) as u8);
            let when = format!("{name} at {at}");
            let (store, recovery) = match open(&disk) {
                Ok(opened) => opened,
                // Only the ids of subjects without messages cannot be had from elsewhere.
                Err(error) => {
                    assert!(name.ends_with(".subjects"), "{when}: {error}");
                    continue;
                }
            };
            if name.ends_with(".subjects") {
                let last = store.last_id(&subject("brief")).await;
                assert!(last.is_err() || last == Ok(MessageId(36)), "{when}");
                continue;
            }
            let found = audit(&store, &acknowledged).await;
            // Of the last record nobody can say whether it was ever synced.
            let is_last = recovery.torn > 0;
            assert!(found.missing.is_empty() || is_last, "{when}: {found:?} {recovery:?}");
            assert!(found.damaged.len() <= 1, "{when}: {found:?}");
            damaged += found.damaged.len();
        }
    }
    assert!(damaged > 20, "only {damaged} messages were hit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_index_or_directory_is_made_anew() {
    let (whole, acknowledged) = told().await;
    let mut removed = 0;
    for name in whole.names() {
        if !name.ends_with(".index") && !name.ends_with(".directory") {
            continue;
        }
        let disk = whole.copy();
        disk.remove(&name);
        let (store, _) = open(&disk).unwrap();
        assert_eq!(audit(&store, &acknowledged).await, Found::default(), "{name}");
        go_on(&store).await;
        removed += 1;
    }
    assert!(removed > 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_last_record_of_a_segment_without_its_index_is_named() {
    let whole = SimulatedDisk::default();
    let (store, _) = open(&whole).unwrap();
    // A segment each.
    for id in 1..=3 {
        store.append(vec![message("a", id, None, 40_000)]).await.unwrap();
    }
    store.reclaim(Timestamp(0)).await.unwrap();
    drop(store);
    let whole = whole.crash(Tear::Nothing);
    let indexes = whole.names().into_iter().filter(|name| name.ends_with(".index"));
    for (index, id) in indexes.zip(1..) {
        let log = index.replace(".index", ".log");
        // Into its content, which begins a group's and a message's head behind the segment's.
        for at in (4_500..44_000).step_by(997) {
            let disk = whole.copy();
            // As a crash leaves it between the sealing of a segment and the writing of its index.
            disk.remove(&index);
            disk.flip(&log, at, (at % 8) as u8);
            let (store, recovery) = open(&disk).unwrap();
            assert_eq!(recovery.damage.len(), 1, "{recovery:?}");
            let page = store.read_after(&subject("a"), MessageId::NONE, 1 << 20).await.unwrap();
            let ids: Vec<_> = page.messages.iter().map(Stored::id).collect();
            assert_eq!(ids, [1, 2, 3].map(MessageId), "{log} at {at}");
            let fetched = store.fetch(&subject("a"), MessageId(id)).await;
            assert_eq!(fetched, Err(ReadError::Damaged(MessageId(id))), "{log} at {at}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_subjects_file_stops_a_start() {
    let (disk, _) = told().await;
    let name = disk.names().into_iter().find(|name| name.ends_with(".subjects")).unwrap();
    disk.remove(&name);
    let error = open(&disk).err().unwrap();
    assert!(error.to_string().contains("subjects file is missing"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clean_close_leaves_no_torn_end_and_damage_before_it_is_damage() {
    let disk = SimulatedDisk::default();
    let (store, _) = open(&disk).unwrap();
    let acknowledged = tell(&store).await;
    store.close().await.unwrap();
    drop(store);
    let (store, recovery) = open(&disk.crash(Tear::Nothing)).unwrap();
    assert_eq!((recovery.torn, recovery.damage.len()), (0, 0));
    assert_eq!(audit(&store, &acknowledged).await, Found::default());
}
