//! Random lives, ended by a kill or by a crash of which chance keeps what it likes, over and over on one
//! disk.

use super::{
    audit::{self, subject},
    simulated::{Chance, Fault, SimulatedDisk, Tear},
};
use broker_core::{AppendError, Message, MessageId, Storage, Stored, Timestamp};
use broker_storage::LocalStorage;
use std::{collections::BTreeMap, sync::Arc};

const EIO: i32 = 5;
const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// What a subject's publishers and readers know.
#[derive(Default)]
struct Lane {
    /// Acknowledged, or seen after a crash.
    kept: BTreeMap<u64, Arc<Message>>,
    /// Of unknown outcome.
    open: BTreeMap<u64, Arc<Message>>,
    last: u64,
    purged: u64,
    /// Up to here a purge of unknown outcome may have gone.
    purged_at_most: u64,
}

struct Life {
    chance: Chance,
    lanes: BTreeMap<&'static str, Lane>,
    now: i64,
    kept_time: i64,
}

impl Life {
    fn new(seed: u64) -> Self {
        let lanes = NAMES.iter().map(|name| (*name, Lane::default())).collect();
        Self { chance: Chance(seed), lanes, now: 1_000_000, kept_time: i64::MIN }
    }

    fn name(&mut self) -> &'static str {
        NAMES[self.chance.below(NAMES.len())]
    }

    /// One call; `false` when the disk failed.
    async fn step(&mut self, store: &LocalStorage) -> bool {
        match self.chance.below(20) {
            0..12 => self.append(store).await,
            12 => self.purge(store).await,
            13 => {
                self.now += 10;
                let is_kept = store.keep_time(Timestamp(self.now)).await.is_ok();
                self.kept_time = if is_kept { self.now } else { self.kept_time };
                is_kept
            }
            _ => {
                self.now += self.chance.below(400) as i64;
                store.reclaim(Timestamp(self.now)).await.is_ok()
            }
        }
    }

    async fn append(&mut self, store: &LocalStorage) -> bool {
        let mut batch = Vec::new();
        for _ in 0..=self.chance.below(6) {
            let name = self.name();
            let expires_at = [None, Some(100), Some(300), Some(300), Some(2_000)];
            let expires_at = expires_at[self.chance.below(5)].map(|span| self.now + span);
            let size = [40, 3_000, 3_000, 12_000][self.chance.below(4)];
            let lane = self.lanes.get_mut(name).unwrap();
            let id = lane.last.max(lane.open.keys().last().copied().unwrap_or(0)) + 1;
            let message = audit::message(name, id, expires_at, size);
            lane.open.insert(id, message.clone());
            batch.push((name, message));
        }
        let stored = store.append(batch.iter().map(|(_, message)| message.clone()).collect()).await;
        for (name, message) in batch {
            let lane = self.lanes.get_mut(name).unwrap();
            let id = message.id.0;
            match &stored {
                Ok(_) => {
                    lane.open.remove(&id);
                    lane.kept.insert(id, message);
                    lane.last = lane.last.max(id);
                }
                Err(AppendError::Full(_) | AppendError::Unavailable(_)) => {
                    lane.open.remove(&id);
                }
                Err(_) => {}
            }
        }
        stored.is_ok()
    }

    async fn purge(&mut self, store: &LocalStorage) -> bool {
        let name = self.name();
        let last = self.lanes[name].last;
        if last == 0 {
            return true;
        }
        let up_to = 1 + self.chance.below(last as usize) as u64;
        let lane = self.lanes.get_mut(name).unwrap();
        lane.purged_at_most = lane.purged_at_most.max(up_to);
        let is_done = store.purge(&subject(name), MessageId(up_to)).await.is_ok();
        if is_done {
            lane.purged = lane.purged.max(up_to);
        }
        is_done
    }

    /// Compares with what is promised, and takes over what turned out to be stored.
    async fn check(&mut self, store: &LocalStorage, when: &str) {
        assert!(store.kept_time().0 >= self.kept_time, "{when}: time fell");
        for (name, lane) in &mut self.lanes {
            let when = format!("{when}: {name}");
            let last = store.last_id(&subject(name)).await.unwrap().0;
            assert!(last >= lane.last, "{when}: last id fell from {} to {last}", lane.last);
            let found = read_all(store, name, lane, &when).await;
            for (id, message) in &found {
                assert!(*id > lane.purged, "{when} {id}: purged and shown");
                let given = lane.kept.get(id).or(lane.open.get(id));
                assert_eq!(given, Some(message), "{when} {id}");
                let fetched = store.fetch(&subject(name), MessageId(*id)).await.unwrap();
                assert_eq!(fetched.as_ref(), Some(message), "{when} {id}");
            }
            for (id, message) in &lane.kept {
                let is_owed = *id > lane.purged_at_most && !message.is_expired(Timestamp(self.now));
                assert!(!is_owed || found.contains_key(id), "{when} {id}: lost");
            }
            lane.kept.extend(found);
            lane.open.clear();
            lane.last = last;
        }
    }
}

async fn read_all(
    store: &LocalStorage,
    name: &str,
    lane: &Lane,
    when: &str,
) -> BTreeMap<u64, Arc<Message>> {
    let (mut found, mut after, mut last) = (BTreeMap::new(), MessageId::NONE, 0);
    loop {
        let page = store.read_after(&subject(name), after, 9_000).await.unwrap();
        for place in page.messages {
            assert!(place.id().0 > last, "{when}: {} after {last}", place.id());
            last = place.id().0;
            match place {
                Stored::Message(message) => drop(found.insert(last, message)),
                // A sector of a write that nobody was told of may be missing among whole ones.
                Stored::Damaged(id) => {
                    assert!(!lane.kept.contains_key(&id.0), "{when} {id}: damaged");
                }
            }
        }
        let Some(next) = page.next else { return found };
        assert!(next > after, "{when}: a page leads nowhere");
        after = next;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_chance_keeps_of_a_crash_nothing_acknowledged_is_lost() {
    for seed in 0..30 {
        let (mut life, mut disk) = (Life::new(seed), SimulatedDisk::default());
        for round in 0..8 {
            let when = format!("seed {seed}, round {round}");
            let (store, _) = audit::open(&disk).unwrap_or_else(|error| panic!("{when}: {error}"));
            life.check(&store, &when).await;
            let from = disk.calls() + 1 + life.chance.below(150) as u64;
            let fault = Fault { from, until: u64::MAX, errno: EIO, only_syncs: false };
            disk.set_fault(Some(fault));
            while life.step(&store).await {}
            drop(store);
            // Killed alone, it finds what was not synced; what it shows of that must last from then on.
            if life.chance.below(3) > 0 {
                disk = disk.crash(Tear::Chance(seed * 8 + round));
            }
            disk.set_fault(None);
        }
    }
}
