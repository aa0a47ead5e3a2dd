//! Copies between stores that fail as a test says.

use super::{
    ends::{Ends, walk},
    outcome::Copied,
    patience::Patience,
    progress::Progress,
};
use anyhow::Result;
use broker_core::{
    AppendError, Headers, Message, MessageId, ReadError, Storage, Stored, Subject, Timestamp,
};
use broker_storage::{
    Faulty, MemoryConfig, MemoryStorage, Operation,
    faulty::{ReadPlan, Script, WriteFault, WritePlan},
};
use bytes::Bytes;
use std::{sync::Arc, time::Duration};

const NEVER: Option<Timestamp> = None;
const LONG_AGO: Timestamp = Timestamp(1_000_000_000);

fn memory() -> Arc<MemoryStorage> {
    Arc::new(MemoryStorage::new(MemoryConfig::default()))
}

fn subject(name: &str) -> Subject {
    Subject::new(name).unwrap()
}

fn message(name: &str, id: u64, body: &str, expires_at: Option<Timestamp>) -> Arc<Message> {
    let (headers, body) = (Headers::default(), Bytes::copy_from_slice(body.as_bytes()));
    let published_at = Timestamp(i64::try_from(id).unwrap());
    Arc::new(Message::new(subject(name), MessageId(id), published_at, expires_at, headers, body))
}

async fn put(storage: &dyn Storage, messages: impl IntoIterator<Item = Arc<Message>>) {
    storage.append(messages.into_iter().collect()).await.unwrap();
}

/// Ids and bodies.
async fn kept(storage: &dyn Storage, name: &str) -> Vec<(u64, Bytes)> {
    let page = storage.read_after(&subject(name), MessageId::NONE, usize::MAX).await.unwrap();
    let pairs = page.messages.iter().map(|stored| match stored {
        Stored::Message(message) => (message.id.0, message.body.clone()),
        Stored::Damaged(id) => (id.0, Bytes::from_static(b"damaged")),
    });
    pairs.collect()
}

async fn copied(from: Arc<dyn Storage>, to: Arc<dyn Storage>) -> Result<Vec<Copied>> {
    let mut all = Vec::new();
    let (ends, patience) = (Ends::new(from, to), Patience::new(Duration::from_secs(10)));
    let progress = Progress::new();
    walk(&ends, &patience, &progress, |copied| {
        all.push(copied);
        Ok(())
    })
    .await?;
    Ok(all)
}

fn problems(copied: &[Copied]) -> Vec<String> {
    copied.iter().flat_map(Copied::problems).collect()
}

#[tokio::test]
async fn more_subjects_than_a_page_has_come_in_their_order() {
    let (from, to) = (memory(), memory());
    let names: Vec<_> = (0..2_500).map(|number| format!("s{number:05}")).collect();
    put(&*from, names.iter().map(|name| message(name, 3, name, NEVER))).await;
    let all = copied(from, to.clone()).await.unwrap();
    assert_eq!(all.iter().map(|it| it.subject.as_str()).collect::<Vec<_>>(), names);
    assert!(all.iter().all(|it| it.written == 1 && it.found == 0));
    assert_eq!(kept(&*to, "s02499").await, [(3, "s02499".into())]);
}

#[tokio::test]
async fn what_has_expired_is_left_out_and_its_id_is_kept() {
    let (from, to) = (memory(), memory());
    put(&*from, [message("s", 4, "here", NEVER), message("s", 9, "gone", Some(LONG_AGO))]).await;
    put(&*from, [message("all gone", 7, "gone", Some(LONG_AGO))]).await;
    from.keep_time(Timestamp(i64::MAX - 1)).await.unwrap();
    for found in [0, 1] {
        let all = copied(from.clone(), to.clone()).await.unwrap();
        assert_eq!(problems(&all), [""; 0]);
        assert_eq!((all[1].found, all[1].written), (found, 1 - found));
    }
    for (name, last_id) in [("s", 9), ("all gone", 7)] {
        assert_eq!(to.last_id(&subject(name)).await, Ok(MessageId(last_id)));
    }
    assert!(to.kept_time() >= from.kept_time());
    let bodies: Vec<_> = kept(&*to, "s").await.into_iter().map(|(_, body)| body).collect();
    assert!(!bodies.contains(&"gone".into()), "{bodies:?}");
}

#[tokio::test]
async fn a_copy_that_was_interrupted_anywhere_is_made_whole() {
    let from = memory();
    put(&*from, (1..=9).map(|id| message("s", id * 2, "body", NEVER))).await;
    // Appends overlap, so any of them may be there.
    for there in 0..1_u64 << 9 {
        let to = memory();
        let is_there = |id: &u64| there & (1 << (id - 1)) != 0;
        put(&*to, (1..=9).filter(is_there).map(|id| message("s", id * 2, "body", NEVER))).await;
        let all = copied(from.clone(), to.clone()).await.unwrap();
        assert_eq!(problems(&all), [""; 0]);
        assert_eq!(kept(&*to, "s").await, kept(&*from, "s").await);
        if there == (1 << 9) - 1 {
            assert_eq!((all[0].found, all[0].written), (9, 0));
        }
    }
}

#[tokio::test]
async fn another_message_anywhere_is_found_and_nothing_is_written() {
    let from = memory();
    put(&*from, [2, 4, 6].map(|id| message("s", id, "body", NEVER))).await;
    for (id, body) in [(2, "other"), (3, "body"), (4, "other"), (5, "x"), (6, "bodY"), (7, "body")]
    {
        let to = memory();
        put(&*to, [message("s", id, body, NEVER)]).await;
        let all = copied(from.clone(), to.clone()).await.unwrap();
        let [problem] = &problems(&all)[..] else { panic!("{:?}", problems(&all)) };
        assert!(problem.starts_with("s: the target"), "{problem}");
        assert!(all[0].row().is_none());
        assert_eq!(kept(&*to, "s").await, [(id, body.to_owned().into())]);
    }
}

#[tokio::test(start_paused = true)]
async fn outages_and_unknown_outcomes_are_waited_for() {
    let (from, to) = (memory(), memory());
    put(&*from, (1..=100).map(|id| message("s", id, "body", NEVER))).await;
    let script = Arc::new(Script::default());
    let faulty = Arc::new(Faulty::new(to.clone(), script.clone()));
    for fault in [
        WriteFault::Before(AppendError::Unavailable("away".into())),
        WriteFault::After(AppendError::Unknown("cut".into())),
        WriteFault::Before(AppendError::Full("disk")),
    ] {
        script.then_write(Operation::Append, WritePlan { fault, ..Default::default() });
    }
    let away =
        ReadPlan { error: Some(ReadError::Unavailable("away".into())), ..Default::default() };
    script.then_read(Operation::LastId, away);
    let all = copied(from.clone(), faulty).await.unwrap();
    assert_eq!(problems(&all), [""; 0]);
    assert_eq!(kept(&*to, "s").await, kept(&*from, "s").await);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_stays_away_ends_it() {
    let (from, script) = (memory(), Arc::new(Script::default()));
    put(&*from, [message("s", 1, "body", NEVER)]).await;
    let fault = WriteFault::Before(AppendError::Unavailable("away".into()));
    script.every_write(Operation::Append, WritePlan { fault, ..Default::default() });
    let faulty = Arc::new(Faulty::new(memory(), script));
    let error = copied(from, faulty).await.unwrap_err();
    assert_eq!(error.to_string(), "store is unavailable: away");
}

#[tokio::test]
async fn damage_and_refusals_are_named_and_the_rest_is_copied() {
    let (from, to) = (memory(), memory());
    put(&*from, (1..=5).map(|id| message("s", id, "body", NEVER))).await;
    let damaged = Arc::new(Script::default());
    damaged.damage(&subject("s"), MessageId(2));
    damaged.damage(&subject("s"), MessageId(5));
    let refusing = Arc::new(Script::default());
    let fault = WriteFault::Refuse(vec![1]);
    refusing.then_write(Operation::Append, WritePlan { fault, ..Default::default() });
    let all =
        copied(Arc::new(Faulty::new(from, damaged)), Arc::new(Faulty::new(to.clone(), refusing)));
    let all = all.await.unwrap();
    let told = problems(&all);
    assert!(told[..2].iter().all(|told| told.ends_with("is damaged in the source")), "{told:?}");
    assert!(told[2].starts_with("s: message 3 was refused by the target: "), "{told:?}");
    let there = kept(&*to, "s").await;
    assert_eq!(there.iter().take(2).map(|(id, _)| *id).collect::<Vec<_>>(), [1, 4]);
    assert_eq!(to.last_id(&subject("s")).await, Ok(MessageId(5)));
}
