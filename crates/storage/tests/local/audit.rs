//! A story that touches every part of the store, and what must hold after any crash in it.

use super::simulated::SimulatedDisk;
use broker_core::{
    Headers, IdRange, Message, MessageId, ReadError, Storage, Stored, Subject, Tally, Timestamp,
};
use broker_storage::{LocalConfig, LocalStorage, Recovery};
use bytes::Bytes;
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
};

pub const SUBJECTS: [&str; 4] = ["a", "b", "brief", "c"];

pub fn config() -> LocalConfig {
    LocalConfig {
        segment_bytes: 64 * 1024,
        reserve_bytes: Some(0),
        ..LocalConfig::new("simulated")
    }
}

pub fn open(disk: &SimulatedDisk) -> io::Result<(LocalStorage, Recovery)> {
    LocalStorage::open_on(Arc::new(disk.clone()), &config())
}

pub fn subject(name: &str) -> Subject {
    Subject::new(name).unwrap()
}

/// A message that can be told whole from its id alone.
pub fn message(name: &str, id: u64, expires_at: Option<i64>, size: usize) -> Arc<Message> {
    let body = Bytes::from(format!("{name} {id} {}", "x".repeat(size)));
    let headers = Headers::from_pairs([("id", id.to_string().as_str())]).unwrap();
    let time = Timestamp(id.cast_signed());
    let expires_at = expires_at.map(Timestamp);
    Arc::new(Message::new(subject(name), MessageId(id), time, expires_at, headers, body))
}

/// What was acknowledged.
#[derive(Default, Clone)]
pub struct Acknowledged {
    pub messages: BTreeMap<(&'static str, u64), Arc<Message>>,
    pub last: BTreeMap<&'static str, u64>,
    pub purged: BTreeMap<&'static str, u64>,
    /// Asked for, whatever came of it.
    pub purging: BTreeMap<&'static str, u64>,
    /// 0: none was.
    pub time: i64,
    /// Up to when expired messages may be gone.
    pub reclaimed: i64,
}

impl Acknowledged {
    async fn append(&mut self, store: &LocalStorage, batch: Vec<(&'static str, Arc<Message>)>) {
        let messages = batch.iter().map(|(_, message)| message.clone()).collect();
        if store.append(messages).await.is_ok() {
            for (name, message) in batch {
                let last = self.last.entry(name).or_default();
                *last = (*last).max(message.id.0);
                self.time = self.time.max(message.published_at.0);
                self.messages.insert((name, message.id.0), message);
            }
        }
    }

    fn is_gone(&self, name: &str, message: &Message) -> bool {
        message.id.0 <= self.purging.get(name).copied().unwrap_or(0)
            || message.expires_at.is_some_and(|at| at.0 <= self.reclaimed)
    }
}

/// Appends of several subjects and lifetimes over several segments, purges, sweeps.
pub async fn tell(store: &LocalStorage) -> Acknowledged {
    let mut acknowledged = Acknowledged::default();
    for id in 1..=36 {
        let mut batch = vec![
            ("a", message("a", id, None, 500)),
            ("brief", message("brief", id, Some(1_000), 5_000)),
        ];
        if id % 3 == 0 {
            batch.push(("b", message("b", id / 3, Some(10_000_000), 300)));
        }
        acknowledged.append(store, batch).await;
        if id == 18 {
            acknowledged.purging.insert("a", 5);
        }
        if id == 18 && store.purge(&subject("a"), MessageId(5)).await.is_ok() {
            // Of what was never stored nothing is removed.
            let last = acknowledged.last.get("a").copied().unwrap_or(0);
            acknowledged.purged.insert("a", last.min(5));
        }
        if id % 12 == 0 {
            // Counted before it is done: what may be gone may also be there.
            acknowledged.reclaimed = 2_000;
            // Several calls: sealing, unlinking and sweeping take turns.
            for _ in 0..3 {
                let _ = store.reclaim(Timestamp(2_000)).await;
            }
        }
    }
    if store.keep_time(Timestamp(3_000)).await.is_ok() {
        acknowledged.time = 3_000;
    }
    acknowledged.append(store, vec![("c", message("c", 1, None, 10))]).await;
    acknowledged
}

/// What a start found of what was acknowledged.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub damaged: BTreeSet<(&'static str, u64)>,
    pub missing: BTreeSet<(&'static str, u64)>,
}

/// Checks everything that must hold, and answers what is damaged or missing.
pub async fn audit(store: &LocalStorage, acknowledged: &Acknowledged) -> Found {
    let mut found = Found::default();
    for name in SUBJECTS {
        let shown = read_all(store, name, &mut found).await;
        for id in &shown {
            let fetched = store.fetch(&subject(name), MessageId(*id)).await;
            let fetched = fetched.unwrap().expect("what is replayed is fetched");
            check(name, &fetched);
        }
        let damaged = found.damaged.iter().filter(|(of, _)| *of == name).count();
        assert_eq!(count(store, name).await, shown.len() + damaged, "{name}: counted and shown");
        let purged = acknowledged.purged.get(name).copied().unwrap_or(0);
        assert!(shown.iter().all(|id| *id > purged), "{name}: purged and shown");
        let last = store.last_id(&subject(name)).await.unwrap().0;
        let least = acknowledged.last.get(name).copied().unwrap_or(0);
        assert!(last >= least, "{name}: last id fell from {least} to {last}");
        for ((of, id), message) in &acknowledged.messages {
            let is_there = shown.contains(id) || found.damaged.contains(&(name, *id));
            if *of == name && !is_there && !acknowledged.is_gone(name, message) {
                found.missing.insert((name, *id));
            }
        }
    }
    let time = acknowledged.time;
    assert!(time == 0 || store.kept_time().0 >= time, "time fell");
    found
}

/// A message as it was made, whoever it belongs to.
fn check(name: &str, found: &Message) {
    let text = std::str::from_utf8(&found.body).unwrap();
    assert!(text.starts_with(&format!("{name} {} x", found.id)), "{name} {}", found.id);
    assert_eq!(found.headers.iter().collect::<Vec<_>>(), [("id", &*found.id.to_string())]);
}

async fn read_all(store: &LocalStorage, name: &'static str, found: &mut Found) -> BTreeSet<u64> {
    let (mut shown, mut after) = (Vec::new(), MessageId::NONE);
    loop {
        let page = store.read_after(&subject(name), after, 4_000).await.unwrap();
        for place in page.messages {
            match place {
                Stored::Message(message) => {
                    check(name, &message);
                    shown.push(message.id.0);
                }
                Stored::Damaged(id) => {
                    let fetched = store.fetch(&subject(name), id).await;
                    assert_eq!(fetched, Err(ReadError::Damaged(id)));
                    found.damaged.insert((name, id.0));
                }
            }
        }
        let Some(next) = page.next else { break };
        assert!(next > after, "{name}: a page leads nowhere");
        after = next;
    }
    assert!(shown.is_sorted_by(|left, right| left < right), "{name}: {shown:?}");
    shown.into_iter().collect()
}

/// Messages that are there, at a time when nothing has expired.
async fn count(store: &LocalStorage, name: &str) -> usize {
    let (mut tally, mut next) = (Tally::default(), Some(MessageId::NONE));
    while let Some(after) = next {
        let range = IdRange { subject: subject(name), after, up_to: MessageId(u64::MAX) };
        let part = store.tally(vec![range], Timestamp::MIN).await.unwrap()[0];
        tally.add(&part);
        next = part.next;
    }
    usize::try_from(tally.messages).unwrap()
}

/// A store that was found whole goes on where it was.
pub async fn go_on(store: &LocalStorage) {
    for name in SUBJECTS {
        let next = store.last_id(&subject(name)).await.unwrap().next();
        let message = message(name, next.0, None, 20);
        store.append(vec![message.clone()]).await.unwrap();
        assert_eq!(store.fetch(&subject(name), next).await.unwrap(), Some(message));
    }
}
