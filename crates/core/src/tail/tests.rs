//! The tail alone: positions, trimming, eviction.

use super::{Backlog, Tail, Take};
use crate::{Headers, Message, MessageId, Subject, SubscriptionEnd, Timestamp};
use bytes::Bytes;
use futures_util::FutureExt;
use std::sync::Arc;

fn tail() -> (Arc<Backlog>, Arc<Tail>) {
    let backlog = Arc::new(Backlog::new(1_000_000));
    (backlog.clone(), Arc::new(Tail::new(MessageId::NONE, backlog)))
}

fn message(id: u64) -> Arc<Message> {
    let (subject, headers) = (Subject::new("s").unwrap(), Headers::default());
    Arc::new(Message::new(subject, MessageId(id), Timestamp(0), None, headers, Bytes::new()))
}

fn push(tail: &Tail, ids: &[u64]) {
    tail.push(ids.iter().map(|id| message(*id)));
}

/// What a reader gets now: ids, with what it missed before each.
fn take(reader: &mut super::Reader) -> Result<Vec<(u64, u64)>, Option<Take>> {
    let mut taken = Vec::new();
    match reader.take(usize::MAX, &mut taken).now_or_never() {
        Some(Take::Messages) => {
            Ok(taken.iter().map(|one| (one.message.id.0, reader.account(one))).collect())
        }
        other => Err(other),
    }
}

#[test]
fn nothing_is_held_without_readers_and_nothing_after_all_have_read() {
    let (backlog, tail) = tail();
    push(&tail, &[1, 2]);
    assert_eq!(backlog.weight(), 0);
    let (mut first, mut second) = (tail.attach(), tail.attach());
    push(&tail, &[3, 0, 4]);
    assert!(backlog.weight() > 0);
    assert_eq!(take(&mut first), Ok(vec![(3, 0), (0, 0), (4, 0)]));
    assert!(backlog.weight() > 0, "the second has still to read");
    assert_eq!(take(&mut second), Ok(vec![(3, 0), (0, 0), (4, 0)]));
    assert_eq!(backlog.weight(), 0);
    assert_eq!(take(&mut first), Err(None));
}

#[test]
fn a_reader_that_leaves_lets_go_of_what_it_held() {
    let (backlog, tail) = tail();
    let reader = tail.attach();
    push(&tail, &[1, 2, 3]);
    drop(reader);
    assert_eq!((backlog.weight(), tail.weight(), tail.readers()), (0, 0, 0));
}

#[test]
fn a_reader_behind_is_sent_to_the_store_up_to_what_was_evicted() {
    let (_, tail) = tail();
    let mut reader = tail.attach();
    push(&tail, &[1, 0, 2, 0, 3, 0, 4, 0]);
    tail.evict_half();
    assert_eq!(take(&mut reader), Err(Some(Take::Behind(MessageId(2)))));
    // Two delivered-only messages went with the evicted half.
    assert_eq!(take(&mut reader), Ok(vec![(3, 2), (0, 0), (4, 0), (0, 0)]));
}

#[test]
fn a_loss_that_nothing_follows_is_told_with_the_next_message() {
    let (_, tail) = tail();
    let mut reader = tail.attach();
    push(&tail, &[0]);
    tail.evict_half();
    assert_eq!(take(&mut reader), Err(Some(Take::Behind(MessageId::NONE))));
    assert_eq!(take(&mut reader), Err(None));
    push(&tail, &[1]);
    assert_eq!(take(&mut reader), Ok(vec![(1, 1)]));
}

#[test]
fn an_ended_tail_gives_what_it_has_first() {
    let (_, tail) = tail();
    let mut reader = tail.attach();
    push(&tail, &[1]);
    tail.end(SubscriptionEnd::Closing);
    assert_eq!(take(&mut reader), Ok(vec![(1, 0)]));
    assert_eq!(take(&mut reader), Err(Some(Take::End(SubscriptionEnd::Closing))));
}
