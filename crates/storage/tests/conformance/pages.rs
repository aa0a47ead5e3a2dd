//! Reading a subject page by page.

use crate::support::{Bench, Restart, expiring, kept, message, with_body};
use broker_core::{Headers, Message};
use std::sync::Arc;

pub async fn every_limit_reads_all(mut bench: Bench) {
    let sizes = [0, 1, 10, 100, 1_000, 5_000, 0, 0, 70_000, 3];
    let given: Vec<_> = (0..200)
        .map(|n| with_body("s", n + 1, vec![n as u8; sizes[n as usize % sizes.len()]]))
        .collect();
    bench.append(given.clone()).await;
    bench
        .in_every_life(async |bench| {
            for limit in [0, 1, 2, 100, 4_096, 64 * 1024, 1 << 20, usize::MAX] {
                assert!(bench.read("s", 0, limit).await == given, "limit {limit}");
            }
        })
        .await;
}

pub async fn a_message_above_the_limit_comes_alone(bench: Bench) {
    let given: Vec<_> = (1..=4).map(|id| with_body("s", id, vec![1; 10_000])).collect();
    bench.append(given).await;
    let page = bench.page("s", 0, 100).await;
    assert_eq!(page.messages.len(), 1);
    let page = bench.page("s", 1, 10_000).await;
    assert_eq!(page.messages.len(), 1);
    assert_eq!(page.messages[0].id().0, 2);
}

pub async fn headers_and_subjects_count(bench: Bench) {
    let name = "n".repeat(200);
    let headers = Headers::from_pairs([("key", "v".repeat(300).as_str())]).unwrap();
    let given = (1..=100).map(|id| message(&name, id, 1, None, headers.clone(), ""));
    bench.append(given.collect()).await;
    // The bench checks what a page weighs; ten of these fill it.
    assert!(bench.page(&name, 0, 5_000).await.messages.len() <= 10);
    assert_eq!(bench.ids(&name).await.len(), 100);
}

pub async fn a_page_begins_above_the_id(mut bench: Bench) {
    bench.append([2, 4, 6, 8].map(|id| kept("s", id)).to_vec()).await;
    bench
        .in_every_life(async |bench| {
            for (after, left) in
                [(0, 4), (1, 4), (2, 3), (3, 3), (5, 2), (7, 1), (8, 0), (9, 0), (u64::MAX, 0)]
            {
                assert_eq!(bench.read("s", after, 1_000).await.len(), left, "after {after}");
            }
        })
        .await;
}

pub async fn a_page_of_nothing_has_no_next(bench: Bench) {
    bench.append(vec![kept("s", 1)]).await;
    for (name, after) in [("s", 1), ("s", 2), ("never", 0)] {
        let page = bench.page(name, after, 100).await;
        assert!(page.messages.is_empty() && page.next.is_none(), "{page:?}");
    }
}

pub async fn neighbours_are_not_read(mut bench: Bench) {
    let names = ["a", "aa", "ab", "b", "a\u{10FFFF}", "A"];
    for id in 1..=50 {
        bench.append(names.iter().map(|name| kept(name, id)).collect()).await;
    }
    bench
        .in_every_life(async |bench| {
            for name in names {
                let read = bench.read(name, 0, 200).await;
                assert_eq!(read.len(), 50, "{name}");
                assert!(read.iter().all(|message| message.subject.as_str() == name));
            }
        })
        .await;
}

/// Messages of one subject among those of others, with mixed lifetimes: every third for good, the
/// others for one to four rounds.
fn round(round: u64) -> Vec<Arc<Message>> {
    let ids = round * 300 + 1..=round * 300 + 300;
    ids.flat_map(|id| {
        let lifetime = (id % 5) as i64;
        let mine = if id % 3 == 0 {
            kept("s", id)
        } else {
            expiring("s", id, (round as i64 + lifetime) * 10)
        };
        [mine, expiring("other", id, round as i64 * 10 + 5)]
    })
    .collect()
}

/// What must be there of `given` at `now`, and nothing else but what has expired.
async fn check_alive(bench: &Bench, given: &[Arc<Message>], now: i64, limit: usize) {
    let read = bench.read("s", 0, limit).await;
    let is_alive = |message: &&Arc<Message>| message.expires_at.is_none_or(|at| at.0 > now);
    let alive = given.iter().filter(|message| message.subject.as_str() == "s").filter(is_alive);
    assert!(read.iter().filter(is_alive).eq(alive), "what lives at {now} is read, in order, once");
    for message in &read {
        assert!(given.contains(message), "{} is as it was given", message.id);
    }
}

pub async fn mixed_lifetimes_are_read_over_reclaims(mut bench: Bench) {
    let mut given = Vec::new();
    for number in 0..8 {
        let batch = round(number);
        given.extend(batch.iter().cloned());
        bench.append(batch).await;
        let now = number as i64 * 10 + 5;
        bench.reclaim(now).await;
        check_alive(&bench, &given, now, 1_000).await;
        if number % 3 == 2 && bench.survives_restart() {
            bench.restart(Restart::Crash).await;
            check_alive(&bench, &given, now, 10_000).await;
        }
    }
    bench
        .in_every_life(async |bench| {
            bench.reclaim(1_000).await;
            check_alive(bench, &given, 1_000, 3_000).await;
            assert_eq!(bench.last_id("s").await, 2_400);
            assert!(bench.fetch("s", 300).await == Some(kept("s", 300)));
        })
        .await;
}

pub async fn pages_go_on_while_space_is_given_back(bench: Bench) {
    for number in 0..4 {
        bench.append(round(number)).await;
    }
    let (mut read, mut after, mut now) = (Vec::new(), 0, 0);
    loop {
        let page = bench.page("s", after, 400).await;
        read.extend(page.messages.iter().map(|stored| stored.id().0));
        let Some(next) = page.next else { break };
        after = next.0;
        now += 2;
        bench.reclaim(now).await;
    }
    assert!(read.is_sorted_by(|a, b| a < b));
    let forever: Vec<u64> = read.into_iter().filter(|id| id % 3 == 0).collect();
    assert!(forever.into_iter().eq((1..=400).map(|n| n * 3)), "what lives is read once");
}

pub async fn pages_go_on_over_new_messages(bench: Bench) {
    bench.append((1..=100).map(|id| kept("s", id)).collect()).await;
    let (mut read, mut after, mut last) = (Vec::new(), 0, 100);
    while let Some(next) = {
        let page = bench.page("s", after, 300).await;
        read.extend(page.messages.iter().map(|stored| stored.id().0));
        page.next
    } {
        after = next.0;
        if last < 200 {
            last += 1;
            bench.append(vec![kept("s", last)]).await;
        }
    }
    assert!(read.iter().copied().eq(1..=read.len() as u64));
    assert!(read.len() >= 100);
}
