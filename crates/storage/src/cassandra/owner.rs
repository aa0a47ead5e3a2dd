//! The row that says who owns the store, changed by lightweight transactions only.
//!
//! A transaction that timed out may have been done, or may be done yet. A serial read settles what was
//! done; what may be done yet is harmless, because each compares the epoch and the beat, and no beat is
//! used for two attempts. The row also holds the highest write timestamp that its owner may use.

use super::{
    database::{Database, odd},
    failure::Failure,
    stamps::Stamps,
};
use crate::ownership::{BoxFuture, OwnerRow, RowError, Seen};
use parking_lot::Mutex;
use scylla::{
    response::query_result::QueryResult,
    value::{CqlValue, Row},
};
use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

/// The shard of this row: today there is one.
pub const SHARD: i32 = 0;

/// This process's side of the row.
#[derive(Clone)]
pub struct Owner(Arc<Inner>);

struct Inner {
    database: Arc<Database>,
    stamps: Arc<Stamps>,
    /// Host, process and a number that no other attempt to own the store has.
    name: String,
    lease: Duration,
    beats: Mutex<Beats>,
}

/// The beat that the row has as far as is known, and the last one that was tried.
#[derive(Default)]
struct Beats {
    known: i64,
    tried: i64,
}

/// The row.
struct Found {
    epoch: i64,
    beat: i64,
    name: String,
    is_free: bool,
    lease_ms: i64,
    ceiling: i64,
}

/// What became of a sign of life.
enum Renewal {
    Done,
    /// An earlier one had arrived meanwhile.
    Late,
    /// The epoch is over.
    Over,
}

impl Owner {
    pub fn new(database: Arc<Database>, stamps: Arc<Stamps>, lease: Duration) -> Self {
        let name = name();
        Self(Arc::new(Inner { database, stamps, name, lease, beats: Mutex::default() }))
    }
}

impl Inner {
    async fn find(&self) -> Result<Option<Found>, Failure> {
        let take = |row: (i64, i64, String, bool, i64, i64)| {
            let (epoch, beat, name, is_free, lease_ms, ceiling) = row;
            Found { epoch, beat, name, is_free, lease_ms, ceiling }
        };
        let found =
            self.database.read(&self.database.statements.owner.look, (SHARD,), take).await?;
        Ok(found.into_iter().next())
    }

    async fn look(&self) -> Result<Seen, Failure> {
        let found = self.find().await?;
        if let Some(found) = found {
            let lease = Duration::from_millis(u64::try_from(found.lease_ms).unwrap_or(0));
            let Found { epoch, beat, name: owner, is_free, .. } = found;
            return Ok(Seen { epoch, beat, is_free, lease, owner });
        }
        self.database.write(&self.database.statements.owner.begin, (SHARD,)).await?;
        let (lease, owner) = (Duration::ZERO, String::new());
        Ok(Seen { epoch: 0, beat: 0, is_free: true, lease, owner })
    }

    async fn take(&self, seen: Seen) -> Result<Option<i64>, Failure> {
        let is_seen = |found: &Found| found.epoch == seen.epoch && found.beat == seen.beat;
        let Some(before) = self.find().await?.filter(is_seen) else { return Ok(None) };
        let (epoch, beat) = (seen.epoch + 1, seen.beat.wrapping_add(1));
        let ceiling = Stamps::first_ceiling(before.ceiling, self.lease);
        let lease_ms = i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX);
        let values = (epoch, beat, &self.name, lease_ms, ceiling, SHARD, seen.epoch, seen.beat);
        let result = self.database.write(&self.database.statements.owner.take, values).await;
        let is_mine = match result {
            Ok(result) => is_applied(result)?,
            Err(Failure::Unknown(why)) => {
                let found = self.find().await?;
                let is_mine = |found: &Found| found.epoch == epoch && found.name == self.name;
                if found.as_ref().is_some_and(is_seen) {
                    return Err(Failure::Unknown(why));
                }
                found.as_ref().is_some_and(is_mine)
            }
            Err(failure) => return Err(failure),
        };
        if is_mine {
            *self.beats.lock() = Beats { known: beat, tried: beat };
            self.stamps.begin(before.ceiling, ceiling);
        }
        Ok(is_mine.then_some(epoch))
    }

    /// One more try follows when an earlier attempt arrived late.
    async fn renew(&self, epoch: i64) -> Result<bool, Failure> {
        match self.try_to_renew(epoch).await? {
            Renewal::Late => match self.try_to_renew(epoch).await? {
                Renewal::Late => Err(Failure::Unknown("signs of life arrive late".into())),
                Renewal::Done => Ok(true),
                Renewal::Over => Ok(false),
            },
            Renewal::Done => Ok(true),
            Renewal::Over => Ok(false),
        }
    }

    async fn try_to_renew(&self, epoch: i64) -> Result<Renewal, Failure> {
        let (known, beat) = {
            let mut beats = self.beats.lock();
            beats.tried = beats.tried.wrapping_add(1);
            (beats.known, beats.tried)
        };
        let ceiling = self.stamps.next_ceiling(self.lease);
        let values = (beat, ceiling, SHARD, epoch, known);
        let result = self.database.write(&self.database.statements.owner.renew, values).await;
        let unknown = match result.and_then(is_applied) {
            Ok(true) => {
                self.beats.lock().known = beat;
                self.stamps.raise(ceiling);
                return Ok(Renewal::Done);
            }
            Ok(false) => None,
            Err(Failure::Unknown(why)) => Some(why),
            Err(failure) => return Err(failure),
        };
        let Some(found) = self.find().await? else { return Ok(Renewal::Over) };
        if found.epoch != epoch || found.is_free {
            return Ok(Renewal::Over);
        }
        self.beats.lock().known = found.beat;
        self.stamps.raise(found.ceiling);
        match unknown {
            // An earlier attempt's beat may have been there for long: only this one's is a sign of life now.
            _ if found.beat == beat => Ok(Renewal::Done),
            Some(why) => Err(Failure::Unknown(why)),
            None => Ok(Renewal::Late),
        }
    }

    async fn release(&self, epoch: i64) -> Result<(), Failure> {
        let values = (self.stamps.end(), SHARD, epoch);
        match self.database.write(&self.database.statements.owner.release, values).await {
            Ok(_) => Ok(()),
            Err(Failure::Unknown(why)) => match self.find().await? {
                Some(found) if found.epoch == epoch && !found.is_free => Err(Failure::Unknown(why)),
                _ => Ok(()),
            },
            Err(failure) => Err(failure),
        }
    }
}

impl OwnerRow for Owner {
    fn look(&self) -> BoxFuture<'static, Result<Seen, RowError>> {
        let inner = self.0.clone();
        Box::pin(async move { inner.look().await.map_err(Failure::row_error) })
    }

    fn take(&self, seen: Seen) -> BoxFuture<'static, Result<Option<i64>, RowError>> {
        let inner = self.0.clone();
        Box::pin(async move { inner.take(seen).await.map_err(Failure::row_error) })
    }

    fn renew(&self, epoch: i64) -> BoxFuture<'static, Result<bool, RowError>> {
        let inner = self.0.clone();
        Box::pin(async move { inner.renew(epoch).await.map_err(Failure::row_error) })
    }

    fn release(&self, epoch: i64) -> BoxFuture<'static, Result<(), RowError>> {
        let inner = self.0.clone();
        Box::pin(async move { inner.release(epoch).await.map_err(Failure::row_error) })
    }
}

/// Whether a transaction's condition held: the first column of its answer.
fn is_applied(result: QueryResult) -> Result<bool, Failure> {
    let result = result.into_rows_result().map_err(odd)?;
    let row = result.first_row::<Row>().map_err(odd)?;
    match row.columns.first() {
        Some(Some(CqlValue::Boolean(is_applied))) => Ok(*is_applied),
        _ => Err(odd("a transaction without a result")),
    }
}

fn name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = Some(host.trim()).filter(|host| !host.is_empty()).unwrap_or("unknown host");
    // Seeded by the system, each time anew.
    let number = RandomState::new().hash_one(std::process::id());
    format!("{host}, process {} ({number:016x})", std::process::id())
}
