//! Turned bits and missing files: named, and everything else is served.

use super::{
    audit::{Acknowledged, Found, audit, go_on, open, tell},
    simulated::{SimulatedDisk, Tear},
};
use broker_core::Storage;

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
                let last = store.last_id(&super::audit::subject("brief")).await;
                assert!(last.is_err() || last == Ok(broker_core::MessageId(36)), "{when}");
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
