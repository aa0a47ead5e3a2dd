//! Messages as rows, in batches.

use super::shelf::{Partition, content, signed, ttl};
use broker_core::Message;
use scylla::value::MaybeUnset;
use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

/// Bytes of the rows of one batch; a larger row goes alone. A server takes half a segment of its log.
const BATCH_BYTES: usize = 256 * 1024;
/// What a row costs beside its content, in bytes.
const ROW_BYTES: usize = 64;

/// The message at this place of the append, and where it lies.
pub struct Item {
    pub index: usize,
    pub id: u64,
    pub message: Arc<Message>,
    pub partition: Partition,
}

/// A row of a table of messages, and how long it lives.
pub type Row<'a> =
    (&'a [u8], i64, i64, i64, MaybeUnset<i64>, MaybeUnset<&'a [u8]>, &'a [u8], i32, i32);

/// The messages in batches: each of one partition, and bounded in bytes.
pub fn batches<'a>(items: &'a [Item], there: &HashSet<u64>) -> Vec<Vec<&'a Item>> {
    let mut open: BTreeMap<Partition, (usize, Vec<&Item>)> = BTreeMap::new();
    let mut full = Vec::new();
    for item in items.iter().filter(|item| !there.contains(&item.id)) {
        let bytes = ROW_BYTES + item.message.subject.as_bytes().len() + content(&item.message);
        let (weight, batch) = open.entry(item.partition).or_default();
        if *weight + bytes > BATCH_BYTES && !batch.is_empty() {
            full.push(std::mem::take(batch));
            *weight = 0;
        }
        *weight += bytes;
        batch.push(item);
    }
    full.extend(open.into_values().map(|(_, batch)| batch));
    full
}

/// The row of a message.
pub fn row(item: &Item) -> Row<'_> {
    let message = &item.message;
    let headers = message.headers.as_bytes();
    (
        message.subject.as_bytes(),
        item.partition.bucket(),
        signed(item.id),
        message.published_at.0,
        message.expires_at.map_or(MaybeUnset::Unset, |at| MaybeUnset::Set(at.0)),
        if headers.is_empty() { MaybeUnset::Unset } else { MaybeUnset::Set(headers) },
        &message.body,
        i32::try_from(content(message)).unwrap_or(i32::MAX),
        ttl(message),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cassandra::shelf::Shelf;
    use broker_core::{Headers, MessageId, Subject, Timestamp};

    fn item(index: usize, id: u64, bytes: usize) -> Item {
        let (subject, body) = (Subject::new("s").unwrap(), vec![0; bytes].into());
        let (at, headers) = (Timestamp(1), Headers::default());
        let message = Message::new(subject, MessageId(id), at, None, headers, body);
        let partition = Shelf::of(&message).partition(id);
        Item { index, id, message: Arc::new(message), partition }
    }

    #[test]
    fn a_batch_has_one_partition_and_its_bytes_are_bounded() {
        let sizes = [10, 4_000, 5_000, 300_000, 200_000, 100_000, 0];
        let items: Vec<_> =
            (0..700).map(|n| item(n, n as u64 + 1, sizes[n % sizes.len()])).collect();
        let there = HashSet::from([3, 500]);
        let batches = batches(&items, &there);
        let mut ids: Vec<u64> = batches.iter().flatten().map(|item| item.id).collect();
        ids.sort_unstable();
        assert!(ids.into_iter().eq((1..=700).filter(|id| !there.contains(id))));
        for batch in batches {
            assert!(batch.iter().all(|item| item.partition == batch[0].partition));
            let bytes: usize = batch.iter().map(|item| content(&item.message)).sum();
            assert!(batch.len() == 1 || bytes <= BATCH_BYTES, "{bytes}");
        }
    }
}
