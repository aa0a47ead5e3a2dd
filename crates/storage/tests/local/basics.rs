//! Segments, indexes and what comes back after a start.

use super::{audit, simulated::SimulatedDisk};
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
    let subjects = store.subjects(std::ops::Bound::Unbounded, 100).await.unwrap();
    assert_eq!(subjects.len(), 8);
    let names: BTreeSet<_> = subjects.iter().map(|one| one.subject.clone()).collect();
    assert_eq!(names.len(), 8);
}

#[tokio::test]
async fn what_expired_in_a_segment_that_is_still_written_goes() {
    let directory = tempfile::tempdir().unwrap();
    // Never filled.
    let store = LocalStorage::open(&LocalConfig::new(directory.path())).unwrap().0;
    let brief: Vec<_> = (1..=150_000).map(|id| message("brief", id, Some(5_000))).collect();
    store.append(brief).await.unwrap();
    let before = size(directory.path());
    let mut kept = 0;
    // A new one has 4 MiB allocated ahead.
    while size(directory.path()) * 4 > before {
        kept += 1;
        assert!(kept < 10_000, "space does not come back");
        store.append(vec![message("kept", kept, None)]).await.unwrap();
        store.reclaim(Timestamp(6_000)).await.unwrap();
    }
    assert_eq!(ids(&store, "kept").await, (1..=kept).collect::<Vec<_>>());
    assert_eq!(last_id(&store, "brief").await, 150_000);
}

fn size(directory: &Path) -> u64 {
    std::fs::read_dir(directory)
        .unwrap()
        .filter_map(|entry| Some(entry.ok()?.metadata().ok()?.len()))
        .sum()
}

/// The subjects of a kind that are named in the segment that is written.
fn named_in_the_active_segment(directory: &Path, kind: &str) -> usize {
    let logs = std::fs::read_dir(directory).unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        path.extension().is_some_and(|extension| extension == "log").then_some(path)
    });
    let bytes = std::fs::read(logs.max().unwrap()).unwrap();
    bytes.windows(kind.len()).filter(|window| *window == kind.as_bytes()).count()
}

#[tokio::test]
async fn a_purge_is_remembered_only_while_something_of_it_is_left() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    let name = |number: u64| format!("gone-{number}");
    let mut kept = 0;
    for number in 0..600 {
        store.append(vec![message(&name(number), 1, None)]).await.unwrap();
    }
    // So that no segment holds what is purged beside what is kept.
    for id in 1..=600 {
        store.append(vec![message("brief", id, Some(1))]).await.unwrap();
    }
    for number in 0..600 {
        store.purge(&Subject::new(&name(number)).unwrap(), MessageId(1)).await.unwrap();
    }
    // Beyond what the active segment itself holds: it is sealed, and so is the next.
    for round in 0..2 {
        for _ in 0..600 {
            kept += 1;
            store.append(vec![message("kept", kept, None)]).await.unwrap();
        }
        let named = named_in_the_active_segment(directory.path(), "gone-");
        assert!(round > 0 || named >= 600, "the purges are not carried over: {named}");
        for _ in 0..20 {
            store.reclaim(Timestamp(1)).await.unwrap();
        }
    }
    assert_eq!(named_in_the_active_segment(directory.path(), "gone-"), 0);
    for _ in 0..2 {
        for number in [0, 300, 599] {
            let subject = Subject::new(&name(number)).unwrap();
            assert_eq!(store.fetch(&subject, MessageId(1)).await, Ok(None));
            assert_eq!(last_id(&store, &name(number)).await, 1);
        }
        drop(store);
        store = open(directory.path());
    }
}

#[tokio::test]
async fn a_second_broker_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let _store = open(directory.path());
    let second = LocalStorage::open(&config(directory.path())).err().unwrap();
    assert!(second.to_string().contains("in use by another broker"));
}

/// Calls that read files for one fetch, with so many segments.
async fn reads_of_a_fetch(segments: u64) -> u64 {
    let disk = SimulatedDisk::default();
    let (store, _) = audit::open(&disk).unwrap();
    let mut id = 0;
    while disk.names().iter().filter(|name| name.ends_with(".log")).count() as u64 <= segments {
        id += 1;
        let batch =
            vec![audit::message("a", id, None, 30_000), audit::message("b", id, None, 30_000)];
        store.append(batch).await.unwrap();
    }
    // Sealing is done when the upkeep, which does one thing after another, answers.
    store.reclaim(Timestamp(1)).await.unwrap();
    let (mut most, ids) = (0, [1, 2, id / 3, id / 2, id - 3]);
    for id in ids {
        let before = disk.reads();
        assert!(
            store.fetch(&Subject::new("b").unwrap(), MessageId(id)).await.unwrap().is_some(),
            "{id} of {ids:?}"
        );
        most = most.max(disk.reads() - before);
    }
    most
}

#[tokio::test]
async fn a_fetch_reads_hardly_more_with_a_thousand_segments_than_with_few() {
    let (few, many) = (reads_of_a_fetch(3).await, reads_of_a_fetch(1_000).await);
    assert!(many <= few * 3, "{few} reads with 3 segments, {many} with 1,000");
}

#[tokio::test]
async fn subjects_that_lived_once_cost_their_names_and_few_bytes() {
    const SUBJECTS: usize = 50_000;
    let disk = SimulatedDisk::default();
    let (store, _) = audit::open(&disk).unwrap();
    for part in 0..SUBJECTS / 500 {
        let names = (0..500).map(|n| format!("{:030}", part * 500 + n));
        let batch = names.map(|name| message(&name, 1, Some(1_000))).collect();
        store.append(batch).await.unwrap();
    }
    let logs = || disk.names().into_iter().filter(|name| name.ends_with(".log")).count();
    let mut rounds = 0;
    while logs() > 1 {
        store.reclaim(Timestamp(2_000)).await.unwrap();
        rounds += 1;
        assert!(rounds < 10_000, "space does not come back: {logs} segments", logs = logs());
    }
    let subjects = disk.names().into_iter().find(|name| name.ends_with(".subjects")).unwrap();
    let each = disk.length(&subjects) / SUBJECTS;
    assert!(each <= 30 + 16, "{each} bytes a subject");
    drop(store);
    let (store, _) = audit::open(&disk).unwrap();
    for n in [0, 17, SUBJECTS - 1] {
        assert_eq!(last_id(&store, &format!("{n:030}")).await, 1);
    }
    assert_eq!(last_id(&store, &format!("{SUBJECTS:030}")).await, 0);
}

#[tokio::test]
async fn a_message_of_a_page_holds_no_more_memory_than_its_own() {
    let disk = SimulatedDisk::default();
    let (store, _) = audit::open(&disk).unwrap();
    for id in 1..=600 {
        let batch = vec![audit::message("a", id, None, 100), audit::message("b", id, None, 100)];
        store.append(batch).await.unwrap();
    }
    let page = store.read_after(&Subject::new("a").unwrap(), MessageId::NONE, 50_000).await;
    let messages = page.unwrap().messages;
    assert!(messages.len() > 100, "{}", messages.len());
    for place in messages {
        let Stored::Message(message) = place else { panic!("damaged") };
        let Message { headers, body, .. } = Arc::into_inner(message).unwrap();
        // Both are parts of the record, which is theirs alone.
        drop(headers);
        let held = body.try_into_mut().unwrap().capacity();
        assert!(held < 400, "{held} bytes for a message of about 200");
    }
}
