//! Counting what is kept.

use crate::support::{Bench, expiring, kept, message, subject, with_body};
use broker_core::{Headers, IdRange, Message, MessageId, Tally, Timestamp};
use std::sync::Arc;

/// What a tally of all that lives must say, from the messages themselves.
fn expected<'a>(messages: impl IntoIterator<Item = &'a Arc<Message>>, now: i64) -> Tally {
    let mut tally = Tally::default();
    for message in messages {
        if !message.is_expired(Timestamp(now)) {
            let bytes = message.headers.as_bytes().len() + message.body.len();
            tally.count(bytes as u64, message.expires_at);
        }
    }
    tally
}

fn numbers(tally: &Tally) -> (u64, u64, Option<i64>) {
    (tally.messages, tally.bytes, tally.next_expiry.map(|at| at.0))
}

fn range(name: &str, after: u64, up_to: u64) -> IdRange {
    IdRange { subject: subject(name), after: MessageId(after), up_to: MessageId(up_to) }
}

pub async fn messages_bytes_and_the_next_expiry_are_counted(mut bench: Bench) {
    let headers = Headers::from_pairs([("key", "value")]).unwrap();
    let batch = vec![
        with_body("s", 1, ""),
        message("s", 2, 1, Some(70), headers.clone(), "seven"),
        message("s", 3, 1, Some(50), Headers::default(), vec![7; 5_000]),
        message("s", 4, 1, None, headers, ""),
        with_body("sn", 1, "neighbour"),
    ];
    bench.append(batch.clone()).await;
    bench
        .in_every_life(async |bench| {
            let tally = bench.tally("s", 0, 4, 10).await;
            assert_eq!(tally, expected(&batch[..4], 10));
            assert_eq!((tally.messages, tally.next_expiry), (4, Some(Timestamp(50))));
            assert!(tally.bytes > 5_005, "headers count");
            assert_eq!(numbers(&bench.tally("sn", 0, 1, 10).await), (1, 9, None));
        })
        .await;
}

pub async fn only_ids_of_the_range_are_counted(mut bench: Bench) {
    let batch: Vec<_> = [1, 2, 5, 9, 10].map(|id| kept("s", id)).to_vec();
    bench.append(batch.clone()).await;
    bench
        .in_every_life(async |bench| {
            for after in 0..=11 {
                for up_to in [0, 1, 2, 4, 5, 9, 10, 11, u64::MAX] {
                    let inside = batch.iter().filter(|it| it.id.0 > after && it.id.0 <= up_to);
                    let tally = bench.tally("s", after, up_to, 0).await;
                    assert_eq!(tally, expected(inside, 0), "after {after} up to {up_to}");
                }
            }
        })
        .await;
}

pub async fn what_has_expired_does_not_count(mut bench: Bench) {
    let batch: Vec<_> = (1..=100).map(|id| expiring("s", id, id as i64 % 10)).collect();
    bench.append(batch.clone()).await;
    bench
        .in_every_life(async |bench| {
            for now in [-1, 0, 4, 8, 9, 10, i64::MAX] {
                assert_eq!(bench.tally("s", 0, 100, now).await, expected(&batch, now), "{now}");
            }
        })
        .await;
}

pub async fn reclaiming_changes_no_count(mut bench: Bench) {
    let batch: Vec<_> = (1..=2_000)
        .map(|id| match id % 4 {
            0 => kept("s", id),
            _ => expiring("s", id, id as i64 / 100),
        })
        .collect();
    for part in batch.chunks(50) {
        bench.append(part.to_vec()).await;
    }
    for now in [0, 7, 12, 20, 30] {
        bench.reclaim(now).await;
        for later in [now, now + 3, 100] {
            let tally = bench.tally("s", 0, 2_000, later).await;
            assert_eq!(tally, expected(&batch, later), "reclaimed at {now}, counted at {later}");
        }
    }
    bench
        .in_every_life(async |bench| {
            bench.reclaim(30).await;
            assert_eq!(bench.tally("s", 0, 2_000, 30).await, expected(&batch, 30));
        })
        .await;
}

pub async fn what_is_purged_does_not_count(mut bench: Bench) {
    let batch: Vec<_> = (1..=600).map(|id| with_body("s", id, vec![1; 300])).collect();
    for part in batch.chunks(20) {
        bench.append(part.to_vec()).await;
    }
    for (up_to, purged) in [(1, 1), (299, 299), (599, 599), (300, 599)] {
        bench.purge("s", up_to).await;
        let left = &batch[purged..];
        assert_eq!(bench.tally("s", 0, 600, 0).await, expected(left, 0), "up to {up_to}");
        bench.reclaim(0).await;
    }
    bench
        .in_every_life(async |bench| {
            assert_eq!(bench.tally("s", 0, 600, 0).await, expected(&batch[599..], 0));
            assert_eq!(bench.tally("s", 0, 599, 0).await, Tally::default());
        })
        .await;
}

pub async fn a_subject_without_messages_counts_nothing(mut bench: Bench) {
    bench.append(vec![expiring("expired", 7, 10), kept("purged", 8), kept("there", 9)]).await;
    bench.purge("purged", 8).await;
    bench
        .in_every_life(async |bench| {
            for name in ["expired", "purged", "never", "ther", "there\u{10FFFF}"] {
                let tally = bench.tally(name, 0, u64::MAX, 10).await;
                assert_eq!(tally, Tally::default(), "{name}");
            }
        })
        .await;
}

pub async fn what_is_kept_again_counts_once(mut bench: Bench) {
    let batch: Vec<_> = (1..=40).map(|id| with_body("s", id, vec![1; 1_000])).collect();
    for round in 0..5 {
        bench.append(batch.clone()).await;
        // Between the same messages there are enough others to fill segments.
        let others = (1..=80).map(|n| with_body("other", round * 80 + n, vec![2; 1_000]));
        bench.append(others.collect()).await;
        bench.reclaim(0).await;
    }
    bench
        .in_every_life(async |bench| {
            assert_eq!(bench.tally("s", 0, 40, 0).await, expected(&batch, 0));
            assert_eq!(bench.tally("other", 0, 400, 0).await.messages, 400);
        })
        .await;
}

pub async fn a_subject_over_many_segments_is_counted_whole(mut bench: Bench) {
    let mut all = Vec::new();
    for round in 0..60u64 {
        let ids = round * 400 + 1..=round * 400 + 400;
        let batch: Vec<_> = ids
            .flat_map(|id| {
                let many =
                    message("many", id, 1, Some(1_000_000 - id as i64), Headers::default(), "x");
                [many, with_body(&format!("few{}", id % 7), id, vec![0; 200])]
            })
            .collect();
        all.extend(batch.iter().filter(|it| it.subject.as_str() == "many").cloned());
        bench.append(batch).await;
        bench.reclaim(0).await;
    }
    bench
        .in_every_life(async |bench| {
            let last = all.len() as u64;
            assert_eq!(bench.tally("many", 0, last, 0).await, expected(&all, 0));
            let now = 1_000_000 - 20_000;
            assert_eq!(bench.tally("many", 0, last, now).await, expected(&all, now));
            let middle = expected(&all[9_999..15_000], 0);
            assert_eq!(bench.tally("many", 9_999, 15_000, 0).await, middle);
        })
        .await;
}

pub async fn many_ranges_are_answered_in_their_order(mut bench: Bench) {
    let names: Vec<String> = (0..400).map(|n| format!("s{n}")).collect();
    for part in names.chunks(40) {
        let messages = part.iter().flat_map(|name| {
            let count = name[1..].parse::<u64>().unwrap() % 20 + 1;
            (1..=count).map(move |id| with_body(name, id, vec![0; 30]))
        });
        bench.append(messages.collect()).await;
    }
    bench
        .in_every_life(async |bench| {
            let mut ranges: Vec<_> = names.iter().map(|name| range(name, 0, 100)).collect();
            let mut counted = vec![0; names.len()];
            while !ranges.is_empty() {
                let tallies = bench.storage().tally(ranges.clone(), Timestamp(0)).await.unwrap();
                assert!(!tallies.is_empty() && tallies.len() <= ranges.len());
                let (last, whole) = tallies.split_last().unwrap();
                assert!(whole.iter().all(|tally| tally.next.is_none()), "only the last is a part");
                for (range, tally) in ranges.iter().zip(&tallies) {
                    let n: usize = range.subject.as_str()[1..].parse().unwrap();
                    counted[n] += tally.messages;
                }
                ranges.drain(..whole.len());
                match last.next {
                    Some(next) => ranges[0].after = next,
                    None => drop(ranges.remove(0)),
                }
            }
            assert!(counted.into_iter().eq((0..400u64).map(|n| n % 20 + 1)));
        })
        .await;
}

pub async fn no_range_is_no_answer(bench: Bench) {
    assert_eq!(bench.storage().tally(Vec::new(), Timestamp(0)).await, Ok(Vec::new()));
}

pub async fn appends_and_reclaims_go_on_while_it_is_counted(bench: Bench) {
    let name = "s";
    bench.append((1..=500).map(|id| kept(name, id)).collect()).await;
    let writing = async {
        for round in 1..=40u64 {
            let ids = round * 500 + 1..=round * 500 + 500;
            let others = ids.clone().map(|id| expiring("brief", id, round as i64));
            bench.append(ids.map(|id| kept(name, id)).chain(others).collect()).await;
            bench.reclaim(round as i64).await;
            // A store whose calls are done when they return lets nobody else in.
            tokio::task::yield_now().await;
        }
    };
    let counting = async {
        let mut rounds = 0;
        loop {
            let last = bench.last_id(name).await;
            // All of these are answered, so all of them are there.
            assert_eq!(bench.tally(name, 0, last, 0).await.messages, last);
            rounds += 1;
            if last == 20_500 {
                return rounds;
            }
            tokio::task::yield_now().await;
        }
    };
    let ((), rounds) = tokio::join!(writing, counting);
    assert!(rounds > 1, "it was counted while it grew");
}
