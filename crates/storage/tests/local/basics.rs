//! Segments, indexes and what comes back after a start.

use broker_core::{Headers, Message, MessageId, Storage, Stored, Subject, Timestamp};
use broker_storage::{LocalConfig, LocalStorage};
use bytes::Bytes;
use std::{collections::BTreeSet, path::Path, sync::Arc};

fn config(directory: &Path) -> LocalConfig {
    LocalConfig { segment_bytes: 64 * 1024, ..LocalConfig::new(directory) }
}

fn open(directory: &Path) -> LocalStorage {
    LocalStorage::open(&config(directory)).unwrap().0
}

fn message(name: &str, id: u64, expires_at: Option<i64>) -> Arc<Message> {
    let body = Bytes::from(format!("{name} {id} {}", "x".repeat(100)));
    let subject = Subject::new(name).unwrap();
    let (time, expires_at) = (Timestamp(id.cast_signed()), expires_at.map(Timestamp));
    Arc::new(Message::new(subject, MessageId(id), time, expires_at, Headers::default(), body))
}

async fn ids(store: &LocalStorage, name: &str) -> Vec<u64> {
    let (mut ids, mut after) = (Vec::new(), MessageId::NONE);
    loop {
        let page = store.read_after(&Subject::new(name).unwrap(), after, 1_000).await.unwrap();
        for place in &page.messages {
            assert!(matches!(place, Stored::Message(_)));
            ids.push(place.id().0);
        }
        match page.next {
            Some(next) => after = next,
            None => return ids,
        }
    }
}

async fn last_id(store: &LocalStorage, name: &str) -> u64 {
    store.last_id(&Subject::new(name).unwrap()).await.unwrap().0
}

#[tokio::test]
async fn many_segments_are_read_as_one_and_survive_a_start() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    for id in 1..=3_000 {
        store.append(vec![message("a", id, None), message("b", id, None)]).await.unwrap();
    }
    for round in 0..3 {
        assert_eq!(ids(&store, "a").await, (1..=3_000).collect::<Vec<_>>());
        assert_eq!(ids(&store, "b").await.len(), 3_000);
        for id in [1, 700, 1_500, 3_000] {
            let found = store.fetch(&Subject::new("b").unwrap(), MessageId(id)).await.unwrap();
            assert_eq!(found, Some(message("b", id, None)));
        }
        assert_eq!(last_id(&store, "a").await, 3_000);
        assert_eq!(last_id(&store, "c").await, 0);
        if round == 1 {
            store.close().await.unwrap();
        }
        drop(store);
        store = open(directory.path());
    }
}

#[tokio::test]
async fn expired_segments_go_and_last_ids_stay() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    for id in 1..=2_000 {
        let name = format!("brief-{}", id % 7);
        let kept = (id % 50 == 0).then(|| message("kept", id, None));
        let mut batch = vec![message(&name, id, Some(5_000))];
        batch.extend(kept);
        store.append(batch).await.unwrap();
    }
    let before: u64 = size(directory.path());
    let mut rounds = 0;
    while size(directory.path()) * 4 > before {
        store.reclaim(Timestamp(6_000)).await.unwrap();
        rounds += 1;
        assert!(rounds < 10_000, "space does not come back");
    }
    let kept: Vec<u64> = (1..=2_000).filter(|id| id % 50 == 0).collect();
    assert_eq!(ids(&store, "kept").await, kept);
    for n in 0..7 {
        let last = (1..=2_000).filter(|id| id % 7 == n).max().unwrap();
        assert_eq!(last_id(&store, &format!("brief-{n}")).await, last);
    }
    drop(store);
    let store = open(directory.path());
    assert_eq!(ids(&store, "kept").await, kept);
    assert_eq!(last_id(&store, "brief-3").await, 1_998);
    let subjects = store.subjects(None, 100).await.unwrap();
    assert_eq!(subjects.len(), 8);
    let names: BTreeSet<_> = subjects.iter().map(|one| one.subject.clone()).collect();
    assert_eq!(names.len(), 8);
}

fn size(directory: &Path) -> u64 {
    std::fs::read_dir(directory)
        .unwrap()
        .filter_map(|entry| Some(entry.ok()?.metadata().ok()?.len()))
        .sum()
}

#[tokio::test]
async fn a_second_broker_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let _store = open(directory.path());
    let second = LocalStorage::open(&config(directory.path())).err().unwrap();
    assert!(second.to_string().contains("in use by another broker"));
}
