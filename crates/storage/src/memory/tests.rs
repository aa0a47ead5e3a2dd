//! What only this store promises: its bounds and its counting.

use super::*;
use broker_core::Headers;
use bytes::Bytes;
use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

const COST: usize = 256;

fn done<T>(future: StorageFuture<T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => unreachable!("a call on memory is done when it returns"),
    }
}

fn subject(name: &str) -> Subject {
    Subject::new(name).unwrap()
}

fn message(name: &str, id: u64, expires_at: Option<i64>, body: usize) -> Arc<Message> {
    let body = Bytes::from(vec![7; body]);
    let expires_at = expires_at.map(Timestamp);
    let (subject, headers) = (subject(name), Headers::default());
    Arc::new(Message::new(subject, MessageId(id), Timestamp(1), expires_at, headers, body))
}

fn store(config: MemoryConfig) -> MemoryStorage {
    MemoryStorage::new(config)
}

fn append(store: &MemoryStorage, batch: Vec<Arc<Message>>) -> Result<(), AppendError> {
    let size = batch.len();
    done(store.append(batch)).map(|words| assert_eq!(words, vec![Appended::Stored; size]))
}

fn used(store: &MemoryStorage) -> (usize, usize) {
    let used = store.state.read().used();
    (used.messages, used.bytes)
}

#[test]
fn a_batch_that_does_not_fit_is_refused_whole_by_the_name_of_the_bound() {
    let small = MemoryConfig {
        max_bytes: 3 * COST,
        max_messages: 2,
        max_subjects: 2,
        max_subject_bytes: 3,
    };
    let full = |batch| {
        let store = store(small);
        let refused = append(&store, batch).unwrap_err();
        assert_eq!(used(&store), (0, 0));
        assert_eq!(done(store.subjects(Bound::Unbounded, 9)), Ok(Vec::new()));
        assert_eq!(store.kept_time(), Timestamp::MIN);
        refused
    };
    let many = (1..=3).map(|id| message("a", id, None, 0)).collect();
    assert_eq!(full(many), AppendError::Full("memory store messages"));
    let large = vec![message("a", 1, None, 1), message("a", 2, None, COST)];
    assert_eq!(full(large), AppendError::Full("memory store bytes"));
    let spread = ["a", "b", "c"].map(|name| message(name, 1, None, 0)).to_vec();
    assert_eq!(full(spread), AppendError::Full("memory store subjects"));
    let long = ["aa", "bb"].map(|name| message(name, 1, None, 0)).to_vec();
    assert_eq!(full(long), AppendError::Full("memory store subject bytes"));
}

#[test]
fn what_is_kept_already_needs_no_room() {
    let store = store(MemoryConfig { max_messages: 1, ..MemoryConfig::default() });
    append(&store, vec![message("a", 1, None, 0)]).unwrap();
    assert_eq!(store.writable(), Writable::Full("memory store messages"));
    append(&store, vec![message("a", 1, None, 0)]).unwrap();
    assert_eq!(used(&store), (1, COST));
    assert!(append(&store, vec![message("a", 2, None, 0)]).is_err());
}

#[test]
fn reclaiming_gives_every_byte_back_in_bounded_pieces() {
    let store = store(MemoryConfig::default());
    let batch = |from: u64| (from..from + 2_000).map(|id| message("a", id, Some(50), 10)).collect();
    append(&store, batch(1)).unwrap();
    append(&store, vec![message("a", 9_000, None, 10), message("b", 1, Some(51), 0)]).unwrap();
    assert_eq!(done(store.reclaim(Timestamp(49))), Ok(Reclaimed::default()));
    let mut total = Reclaimed { more: true, ..Reclaimed::default() };
    let mut calls = 0;
    while total.more {
        let part = done(store.reclaim(Timestamp(50))).unwrap();
        total.messages += part.messages;
        total.bytes += part.bytes;
        total.more = part.more;
        calls += 1;
    }
    assert_eq!((total.messages, total.bytes), (2_000, 2_000 * (COST as u64 + 10)));
    assert!(calls > 1);
    assert_eq!(used(&store), (2, 2 * COST + 10));
}

#[test]
fn purging_gives_room_to_the_next_append() {
    let store = store(MemoryConfig { max_messages: 5_000, ..MemoryConfig::default() });
    let batch = |from: u64| (from..from + 5_000).map(|id| message("a", id, Some(50), 0)).collect();
    append(&store, batch(1)).unwrap();
    done(store.purge(&subject("a"), MessageId(5_000))).unwrap();
    assert_eq!(store.writable(), Writable::Yes);
    assert_eq!(done(store.fetch(&subject("a"), MessageId(5_000))), Ok(None));
    append(&store, batch(5_001)).unwrap();
    assert_eq!(used(&store), (5_000, 5_000 * COST));
    // The same ids again are other messages: what was purged does not take them along.
    done(store.purge(&subject("a"), MessageId(u64::MAX))).unwrap();
    append(&store, vec![message("a", 10_000, Some(60), 0)]).unwrap();
    while done(store.reclaim(Timestamp(59))).unwrap().more {}
    assert_eq!(used(&store), (1, COST));
    done(store.reclaim(Timestamp(60))).unwrap();
    assert_eq!(used(&store), (0, 0));
    assert_eq!(done(store.last_id(&subject("a"))), Ok(MessageId(10_000)));
}

#[test]
fn a_cached_form_is_not_kept() {
    let store = store(MemoryConfig::default());
    let given = message("a", 1, None, 3);
    append(&store, vec![given.clone()]).unwrap();
    given.encoded(|_| Bytes::from(vec![0; 1_000]));
    let weak = Arc::downgrade(&given);
    drop(given);
    assert!(weak.upgrade().is_none());
    let read = || done(store.fetch(&subject("a"), MessageId(1))).unwrap().unwrap();
    read().encoded(|_| Bytes::from_static(b"first reader's"));
    assert_eq!(&read().encoded(|_| Bytes::from_static(b"second's"))[..], b"second's");
}

#[test]
fn closing_lets_go_of_what_is_held() {
    let store = store(MemoryConfig::default());
    append(&store, vec![message("a", 1, None, 3)]).unwrap();
    done(store.close()).unwrap();
    assert_eq!(used(&store), (0, 0));
    let refused = append(&store, vec![message("a", 2, None, 3)]);
    assert!(matches!(refused, Err(AppendError::Unavailable(_))));
    assert!(matches!(store.writable(), Writable::Closed(_)));
}

#[test]
fn messages_may_go_from_anywhere() {
    let store = store(MemoryConfig::default());
    // Every third stays; the others go in an order of their own.
    let expiry = |id: u64| (!id.is_multiple_of(3)).then_some((id * 7_919 % 1_009) as i64);
    append(&store, (1..=3_000).map(|id| message("a", id, expiry(id), 0)).collect()).unwrap();
    for now in 0..1_009 {
        while done(store.reclaim(Timestamp(now))).unwrap().more {}
        let page = done(store.read_after(&subject("a"), MessageId::NONE, usize::MAX)).unwrap();
        let ids: Vec<u64> = page.messages.iter().map(|stored| stored.id().0).collect();
        let living = |id: &u64| expiry(*id).is_none_or(|at| at > now);
        assert!(ids.iter().copied().eq((1..=3_000).filter(living)), "at {now}");
        assert_eq!(used(&store).0, ids.len());
    }
}
