//! Appends in which something is wrong with single messages.

use super::SingleFault;
use broker_core::{AppendError, Appended, Message, Storage, StorageFuture};
use std::{collections::HashMap, sync::Arc};

const WHY: &str = "a fault says so";

/// Refuses the messages at these places and appends the others.
pub fn refuse<S: Storage + ?Sized>(
    inner: &S,
    batch: Vec<Arc<Message>>,
    places: &[usize],
) -> StorageFuture<Result<Vec<Appended>, AppendError>> {
    let words = places.iter().map(|place| (*place, Appended::Refused(WHY.into()))).collect();
    append_others(inner, batch, words, HashMap::new())
}

/// Appends a batch but for what these faults say.
pub fn append<S: Storage + ?Sized>(
    inner: &S,
    batch: Vec<Arc<Message>>,
    faults: &[(usize, SingleFault)],
) -> StorageFuture<Result<Vec<Appended>, AppendError>> {
    let (mut unwritten, mut written) = (HashMap::new(), HashMap::new());
    for (place, fault) in faults {
        match fault {
            SingleFault::Unavailable => {
                unwritten.insert(*place, Appended::Unavailable(WHY.into()));
            }
            SingleFault::UnknownUnwritten => {
                unwritten.insert(*place, Appended::Unknown(WHY.into()));
            }
            SingleFault::UnknownWritten => {
                written.insert(*place, Appended::Unknown(WHY.into()));
            }
        }
    }
    append_others(inner, batch, unwritten, written)
}

/// Appends what is not at the places of `unwritten`, and then says these words.
fn append_others<S: Storage + ?Sized>(
    inner: &S,
    batch: Vec<Arc<Message>>,
    unwritten: HashMap<usize, Appended>,
    mut written: HashMap<usize, Appended>,
) -> StorageFuture<Result<Vec<Appended>, AppendError>> {
    let size = batch.len();
    let others = batch.into_iter().enumerate().filter(|(place, _)| !unwritten.contains_key(place));
    let work = inner.append(others.map(|(_, message)| message).collect());
    let mut unwritten = unwritten;
    Box::pin(async move {
        let mut words = work.await?.into_iter();
        let word = |place| match unwritten.remove(&place) {
            Some(word) => Some(word),
            None => words.next().map(|word| written.remove(&place).unwrap_or(word)),
        };
        Ok((0..size).filter_map(word).collect())
    })
}
