//! Who writes, and what an old owner's writes are worth.

use super::scene::{Scene, ids};
use crate::support::{kept, subject, with_body};
use broker_core::{AppendError, Appended, MessageId, ReadError, Storage};
use broker_test_servers::Direction;
use std::sync::Arc;

async fn append(storage: &Arc<dyn Storage>, range: std::ops::RangeInclusive<u64>) {
    let count = range.clone().count();
    let words = storage.append(range.map(|id| kept("s", id)).collect()).await;
    assert_eq!(words, Ok(vec![Appended::Stored; count]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_write_of_an_old_owner_stays_invisible() {
    let scene = Scene::shared();
    let network = scene.network().await;
    let old = scene.open(Some(&network)).await.storage;
    append(&old, 1..=3).await;
    network.hold(Direction::Up);
    let late = tokio::spawn(old.append((4..=6).map(|id| with_body("s", id, "late")).collect()));
    network.until_held(Direction::Up, 300).await;

    let new = scene.open(None).await.storage;
    assert_eq!(new.last_id(&subject("s")).await, Ok(MessageId(3)));
    assert_eq!(ids(&new, "s").await, [1, 2, 3]);
    append(&new, 4..=5).await;
    network.pass(Direction::Up);
    // It is answered by the database now, and by this broker no more.
    let word = late.await.unwrap();
    assert!(matches!(word, Err(AppendError::Fenced | AppendError::Unknown(_))), "{word:?}");
    assert!(old.fenced().await.contains(' '), "a reason");
    assert!(!old.is_owner());
    assert_eq!(old.fetch(&subject("s"), MessageId(1)).await, Err(ReadError::Fenced));
    assert_eq!(old.append(vec![kept("s", 9)]).await, Err(AppendError::Fenced));

    for _ in 0..2 {
        assert_eq!(ids(&new, "s").await, [1, 2, 3, 4, 5]);
        let four = new.fetch(&subject("s"), MessageId(4)).await.unwrap().unwrap();
        assert_eq!(&four.body[..], b"s 4", "what the new owner acknowledged");
        assert_eq!(new.fetch(&subject("s"), MessageId(6)).await, Ok(None));
    }
    drop((old, new));
    let next = scene.open(None).await.storage;
    assert_eq!(ids(&next, "s").await, [1, 2, 3, 4, 5]);
    assert_eq!(next.last_id(&subject("s")).await, Ok(MessageId(5)));
    next.close().await.unwrap();
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_old_owner_wrote_before_the_first_touch_stays() {
    let scene = Scene::shared();
    let network = scene.network().await;
    let old = scene.open(Some(&network)).await.storage;
    append(&old, 1..=2).await;
    // The database has it and its word is held back: nobody knows.
    network.hold(Direction::Down);
    let before = network.passed(Direction::Up);
    let unknown = tokio::spawn(old.append(vec![with_body("s", 3, "unknown")]));
    network.until_held(Direction::Down, 1).await;
    assert!(network.passed(Direction::Up) > before);

    let new = scene.open(None).await.storage;
    let last = new.last_id(&subject("s")).await.unwrap().0;
    let first = ids(&new, "s").await;
    assert_eq!(first.last(), Some(&last), "what is found is what counts");
    append(&new, last + 1..=last + 1).await;
    network.pass(Direction::Down);
    let word = unknown.await.unwrap();
    assert!(matches!(word, Err(AppendError::Fenced | AppendError::Unknown(_))), "{word:?}");
    assert!(ids(&new, "s").await.into_iter().eq(1..=last + 1), "and it stays so");
    drop(old);
    new.close().await.unwrap();
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_broker_stands_by_until_the_first_one_leaves() {
    let scene = Arc::new(Scene::shared());
    let first = scene.open(None).await.storage;
    append(&first, 1..=1).await;
    let second = tokio::spawn({
        let scene = scene.clone();
        async move { scene.open(None).await.storage }
    });
    for id in 2..=50 {
        append(&first, id..=id).await;
        assert!(first.is_owner() && !second.is_finished(), "a living owner is not replaced");
    }
    first.close().await.unwrap();
    let second = second.await.unwrap();
    assert_eq!(second.last_id(&subject("s")).await, Ok(MessageId(50)));
    append(&second, 51..=51).await;
    second.close().await.unwrap();
    drop(first);
    drop(second);
    Arc::into_inner(scene).unwrap().end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_are_not_used_again_whatever_was_reserved() {
    let scene = Scene::shared();
    let mut last = 0;
    for life in 0..4u64 {
        let storage = scene.open(None).await.storage;
        assert_eq!(storage.last_id(&subject("s")).await, Ok(MessageId(last)), "in life {life}");
        append(&storage, last + 1..=last + 700).await;
        last += 700;
        if life % 2 == 0 {
            storage.close().await.unwrap();
        }
    }
    let storage = scene.open(None).await.storage;
    assert!(ids(&storage, "s").await.into_iter().eq(1..=last));
    storage.close().await.unwrap();
    scene.end().await;
}
