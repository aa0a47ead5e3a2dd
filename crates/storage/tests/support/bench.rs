//! A store on the bench: its calls, with what every answer must keep checked on the way.

use super::{Restart, StoreUnderTest, subject};
use broker_core::{
    AppendError, Appended, IdRange, Message, MessageId, Page, Reclaimed, Storage, Stored, Tally,
    Timestamp,
};
use std::{ops::Bound, sync::Arc};

/// A store and its calls. Where an error is not what a case is about, it ends the case.
pub struct Bench {
    store: Box<dyn StoreUnderTest>,
}

impl Bench {
    pub fn new(store: impl StoreUnderTest + 'static) -> Self {
        Self { store: Box::new(store) }
    }

    pub fn storage(&self) -> Arc<dyn Storage> {
        self.store.storage()
    }

    pub fn survives_restart(&self) -> bool {
        self.store.survives_restart()
    }

    pub async fn restart(&mut self, how: Restart) {
        if how == Restart::Clean {
            self.storage().close().await.unwrap();
        }
        self.store.restart(how);
    }

    /// Checks now, and after a clean restart and a crash if the store lives through them.
    pub async fn in_every_life(&mut self, check: impl AsyncFn(&Self)) {
        check(self).await;
        if self.survives_restart() {
            for how in [Restart::Crash, Restart::Clean] {
                self.restart(how).await;
                check(self).await;
            }
        }
    }

    /// Appends a batch all of which is kept.
    pub async fn append(&self, batch: Vec<Arc<Message>>) {
        let size = batch.len();
        let words = self.try_append(batch).await.unwrap();
        assert_eq!(words.len(), size, "one word for each message");
        assert!(words.iter().all(|word| *word == Appended::Stored), "{words:?}");
    }

    pub async fn try_append(&self, batch: Vec<Arc<Message>>) -> Result<Vec<Appended>, AppendError> {
        self.storage().append(batch).await
    }

    pub async fn fetch(&self, name: &str, id: u64) -> Option<Arc<Message>> {
        let found = self.storage().fetch(&subject(name), MessageId(id)).await.unwrap();
        if let Some(message) = &found {
            assert_eq!((message.subject.as_str(), message.id.0), (name, id));
        }
        found
    }

    pub async fn last_id(&self, name: &str) -> u64 {
        self.storage().last_id(&subject(name)).await.unwrap().0
    }

    pub async fn purge(&self, name: &str, up_to: u64) {
        self.storage().purge(&subject(name), MessageId(up_to)).await.unwrap();
    }

    pub async fn page(&self, name: &str, after: u64, limit: usize) -> Page {
        let read = self.storage().read_after(&subject(name), MessageId(after), limit);
        let page = read.await.unwrap();
        check_page(&page, name, after, limit);
        page
    }

    /// All messages of a subject above that id, page by page.
    pub async fn read(&self, name: &str, after: u64, limit: usize) -> Vec<Arc<Message>> {
        let (mut messages, mut after) = (Vec::new(), after);
        loop {
            let page = self.page(name, after, limit).await;
            messages.extend(page.messages.iter().map(whole));
            let Some(next) = page.next else { return messages };
            after = next.0;
        }
    }

    /// The ids of all messages of a subject.
    pub async fn ids(&self, name: &str) -> Vec<u64> {
        self.read(name, 0, 64 * 1024).await.iter().map(|message| message.id.0).collect()
    }

    pub async fn subjects(&self, limit: usize) -> Vec<(String, u64)> {
        let mut listed: Vec<(String, u64)> = Vec::new();
        loop {
            let after = listed.last().map(|(name, _)| subject(name));
            let from = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
            let part = self.storage().subjects(from, limit).await.unwrap();
            assert!(part.len() <= limit);
            listed.extend(part.iter().map(|it| (it.subject.as_str().to_owned(), it.last_id.0)));
            if part.len() < limit {
                return listed;
            }
        }
    }

    /// Counts what lives of a subject in a range of ids, and checks that the parts go on.
    pub async fn tally(&self, name: &str, after: u64, up_to: u64, now: i64) -> Tally {
        let mut tally = Tally { next: Some(MessageId(after)), ..Tally::default() };
        while let Some(after) = tally.next {
            let range = IdRange { subject: subject(name), after, up_to: MessageId(up_to) };
            let parts = self.storage().tally(vec![range], Timestamp(now)).await.unwrap();
            assert_eq!(parts.len(), 1, "one word for one range");
            tally.add(&parts[0]);
            let goes_on = |next: MessageId| next > after && next.0 < up_to;
            assert!(tally.next.is_none_or(goes_on), "{tally:?} after {after} up to {up_to}");
        }
        tally
    }

    /// Reclaims until the store says that there is nothing more to give back.
    pub async fn reclaim(&self, now: i64) -> Reclaimed {
        let mut total = Reclaimed { more: true, ..Reclaimed::default() };
        for _ in 0..100_000 {
            let part = self.storage().reclaim(Timestamp(now)).await.unwrap();
            total.messages += part.messages;
            total.bytes += part.bytes;
            total.more = part.more;
            if !part.more {
                return total;
            }
        }
        panic!("reclaiming comes to no end");
    }

    /// Waits until a message can be fetched.
    pub async fn until_kept(&self, name: &str, id: u64) {
        while self.fetch(name, id).await.is_none() {
            tokio::task::yield_now().await;
        }
    }
}

/// What every page keeps: see `Storage::read_after` and `Page`.
fn check_page(page: &Page, name: &str, after: u64, limit: usize) {
    let ids: Vec<u64> = page.messages.iter().map(|stored| stored.id().0).collect();
    assert!(ids.iter().all(|id| *id > after), "{ids:?} after {after}");
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?} ascend");
    let weight = |stored: &Stored| match stored {
        Stored::Message(message) => {
            assert_eq!(message.subject.as_str(), name);
            name.len() + message.headers.as_bytes().len() + message.body.len()
        }
        Stored::Damaged(_) => 0,
    };
    if let Some((_, before)) = page.messages.split_last() {
        let weight: usize = before.iter().map(weight).sum();
        assert!(before.is_empty() || weight < limit, "full before its last message");
    }
    if let Some(next) = page.next {
        assert!(next.0 > after, "a page brings its reader on");
        assert!(ids.last().is_none_or(|last| next.0 >= *last), "{next} is not below {ids:?}");
    }
}

fn whole(stored: &Stored) -> Arc<Message> {
    match stored {
        Stored::Message(message) => message.clone(),
        Stored::Damaged(id) => panic!("message {id} is damaged"),
    }
}
