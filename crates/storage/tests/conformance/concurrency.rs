//! Calls from many tasks at once.

use crate::support::{Bench, kept, subject};
use broker_core::{Appended, MessageId};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

pub async fn a_reader_sees_every_answered_append_in_order(bench: Bench) {
    const LAST: u64 = 400;
    let answered = Arc::new(AtomicU64::new(0));
    let writer = tokio::spawn({
        let (storage, answered) = (bench.storage(), answered.clone());
        async move {
            for id in 1..=LAST {
                storage.append(vec![kept("s", id), kept("other", id)]).await.unwrap();
                answered.store(id, Ordering::Release);
            }
        }
    });
    loop {
        let before = answered.load(Ordering::Acquire);
        let ids = bench.ids("s").await;
        assert!(ids.len() as u64 >= before, "{} of {before} are read", ids.len());
        assert!(ids.iter().copied().eq(1..=ids.len() as u64), "no hole");
        assert!(bench.last_id("s").await >= before);
        if before > 0 {
            assert!(bench.fetch("s", before).await.is_some(), "{before} is fetched");
        }
        if before == LAST {
            break;
        }
        tokio::task::yield_now().await;
    }
    writer.await.unwrap();
}

pub async fn writers_of_many_subjects_do_not_disturb_each_other(mut bench: Bench) {
    let writers: Vec<_> = (0..16)
        .map(|n| {
            let storage = bench.storage();
            tokio::spawn(async move {
                let name = format!("s{n}");
                for first in (1..=100).step_by(4) {
                    let batch = (first..first + 4).map(|id| kept(&name, id)).collect();
                    assert_eq!(storage.append(batch).await, Ok(vec![Appended::Stored; 4]));
                    let last = MessageId(first + 3);
                    let found = storage.fetch(&subject(&name), last).await.unwrap();
                    assert!(found == Some(kept(&name, last.0)), "its own writes are read");
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    bench
        .in_every_life(async |bench| {
            for n in 0..16 {
                assert!(bench.ids(&format!("s{n}")).await.into_iter().eq(1..=100), "{n}");
            }
        })
        .await;
}

pub async fn a_purge_among_appends_removes_no_more_than_it_should(mut bench: Bench) {
    let purger = tokio::spawn({
        let storage = bench.storage();
        async move {
            let mut purged = 0;
            while purged < 200 {
                let last = storage.last_id(&subject("s")).await.unwrap();
                storage.purge(&subject("s"), MessageId(last.0.min(200))).await.unwrap();
                purged = last.0;
                tokio::task::yield_now().await;
            }
        }
    });
    for id in 1..=300 {
        bench.append(vec![kept("s", id), kept("other", id)]).await;
    }
    purger.await.unwrap();
    bench
        .in_every_life(async |bench| {
            assert!(bench.ids("s").await.into_iter().eq(201..=300));
            assert_eq!(bench.ids("other").await.len(), 300);
        })
        .await;
}
