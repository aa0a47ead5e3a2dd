//! Giving back the space of what has expired: whole tables at a time.
//!
//! Before a table is dropped, the last ids of its subjects are merged into the table of subjects, step
//! by step. Dropping waits for nobody for long: while somebody still reads the table, it is left for
//! later, and nobody queues behind it.

use super::{
    bucket::Bucket,
    catalog::Table,
    failure::{Failure, Kind},
    making::make,
    session::Session,
    shared::Shared,
    statements::SHARD,
};
use broker_core::{ReadError, Reclaimed, Timestamp};
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

/// Subjects that one statement merges at most.
const STEP: i64 = 2_000;

/// Statements that one call merges with at most.
const STEPS: usize = 4;

/// Tables that one call drops at most.
const DROPS: usize = 4;

/// How far tables are merged: the subject up to which it is done; `None`: to the end.
pub type Progress = Mutex<BTreeMap<i64, Option<Vec<u8>>>>;

/// What a call may still do.
struct Bound {
    merges: usize,
    drops: usize,
}

/// Gives back what has expired, within the bounds of one call.
pub async fn reclaim(
    shared: &Shared,
    progress: &Progress,
    now: Timestamp,
) -> Result<Reclaimed, ReadError> {
    let needed = shared.catalog.needed_next();
    let dead = shared.catalog.dead(now);
    if needed.is_empty() && dead.is_empty() {
        return Ok(Reclaimed::default());
    }
    let needed: Vec<_> = needed.into_iter().filter(|bucket| !bucket.is_dead(now)).collect();
    let work = work(shared, progress, &needed, &dead).await;
    let reclaimed = shared.confirm_read(work).await?;
    reclaimed.ok_or_else(|| {
        shared.fenced();
        ReadError::Fenced
    })
}

/// Makes tables that will be needed and gives back dead ones. `None`: another broker is the owner.
async fn work(
    shared: &Shared,
    progress: &Progress,
    needed: &[Bucket],
    dead: &[Arc<Table>],
) -> Result<Option<Reclaimed>, Failure> {
    let mut session = shared.upkeep.take().await?;
    for bucket in needed {
        if !make(shared, &mut session, *bucket).await? {
            return Ok(None);
        }
    }
    give_back(shared, &mut session, progress, dead).await
}

async fn give_back(
    shared: &Shared,
    session: &mut Session,
    progress: &Progress,
    dead: &[Arc<Table>],
) -> Result<Option<Reclaimed>, Failure> {
    let mut bound = Bound { merges: STEPS, drops: DROPS };
    let mut total = Reclaimed::default();
    for table in dead {
        match merge(shared, session, progress, table, &mut bound).await? {
            Some(true) => {}
            Some(false) => {
                total.more = true;
                break;
            }
            None => return Ok(None),
        }
        if bound.drops == 0 {
            total.more = true;
            break;
        }
        bound.drops -= 1;
        match drop_table(shared, session, table).await {
            Ok(Some(bytes)) => {
                shared.catalog.remove(table);
                progress.lock().remove(&table.number);
                total.messages += table.rows.load(Ordering::Relaxed);
                total.bytes += bytes;
            }
            Ok(None) => return Ok(None),
            // Somebody still reads it.
            Err(failure) if failure.kind == Kind::Busy => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(Some(total))
}

/// Writes down the last ids of a table's subjects. `false`: there are more; `None`: another broker is
/// the owner.
async fn merge(
    shared: &Shared,
    session: &mut Session,
    progress: &Progress,
    table: &Table,
    bound: &mut Bound,
) -> Result<Option<bool>, Failure> {
    let words = shared.statements.merge(table.number);
    let epoch = shared.lease.epoch();
    loop {
        let reached =
            progress.lock().entry(table.number).or_insert_with(|| Some(Vec::new())).clone();
        let Some(after) = reached else { return Ok(Some(true)) };
        if bound.merges == 0 {
            return Ok(Some(false));
        }
        bound.merges -= 1;
        let rows = session.change(&words, &[&SHARD, &epoch, &after, &STEP]).await?;
        let (is_owner, seen): (bool, i64) = (rows[0].get(0), rows[0].get(1));
        if !is_owner {
            return Ok(None);
        }
        let last: Option<Vec<u8>> = rows[0].get(2);
        let reached = last.filter(|_| seen == STEP);
        if reached.is_none() {
            shared.catalog.note_merged(table);
        }
        progress.lock().insert(table.number, reached);
    }
}

/// Drops a table; the bytes that it took. `None`: another broker is the owner.
async fn drop_table(
    shared: &Shared,
    session: &mut Session,
    table: &Table,
) -> Result<Option<u64>, Failure> {
    session.batch("BEGIN; SET LOCAL lock_timeout = 100").await?;
    let dropped = drop_in_transaction(shared, session, table).await;
    match &dropped {
        Ok(Some(_)) => session.batch("COMMIT").await?,
        Ok(None) => session.batch("ROLLBACK").await?,
        Err(failure) if failure.ends_session() => {}
        Err(_) => session.batch("ROLLBACK").await?,
    }
    dropped
}

async fn drop_in_transaction(
    shared: &Shared,
    session: &mut Session,
    table: &Table,
) -> Result<Option<u64>, Failure> {
    let (number, epoch) = (table.number, shared.lease.epoch());
    let name = shared.statements.table(number);
    let own = "SELECT to_regclass($3)::oid::bigint, pg_total_relation_size(to_regclass($3)) \
        FROM {s}.owner WHERE shard = $1 AND epoch = $2 FOR SHARE";
    let rows = session.change(&shared.statements.of(own), &[&SHARD, &epoch, &name]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    // Where the last try was done although nobody said so, it is not there.
    if row.get::<_, Option<i64>>(0).is_none() {
        return Ok(Some(0));
    }
    let bytes = row.get::<_, Option<i64>>(1).unwrap_or(0);
    let words = shared.statements.of(&format!(
        "LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE; \
         UPDATE {{s}}.clock SET kept = latest.at FROM \
         (SELECT max(published_at) AS at FROM {name} WHERE is_latest) AS latest \
         WHERE shard = {SHARD} AND kept < latest.at; \
         DELETE FROM {{s}}.buckets WHERE number = {number}; DROP TABLE {name}"
    ));
    session.batch(&words).await?;
    Ok(Some(u64::try_from(bytes).unwrap_or(0)))
}
