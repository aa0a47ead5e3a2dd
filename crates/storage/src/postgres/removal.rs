//! Removing messages at somebody's word, and keeping a time.

use super::{failure::Failure, rows, session::Session, shared::Shared, statements::SHARD};
use broker_core::{AppendError, MessageId, Subject, Timestamp};

/// Messages that one statement removes at most.
const STEP: i64 = 4_096;

/// Removes the beginning of a subject.
pub async fn purge(
    shared: &Shared,
    subject: &Subject,
    up_to: MessageId,
) -> Result<(), AppendError> {
    let up_to = rows::number(up_to).unwrap_or(i64::MAX);
    let purged = match shared.upkeep.take().await {
        Ok(mut session) => remove(shared, &mut session, subject, up_to).await,
        Err(failure) => Err(failure),
    };
    shared.confirm_change(purged).await
}

/// First the last id and the latest time are written down where they stay, then messages go, step by
/// step: whenever this ends, what is left is as good as before. `None`: another broker is the owner.
async fn remove(
    shared: &Shared,
    session: &mut Session,
    subject: &Subject,
    up_to: i64,
) -> Result<Option<()>, Failure> {
    let name = subject.as_bytes();
    let epoch = shared.lease.epoch();
    let last = session.query(&shared.catalog.snapshot().last_ids, &[&vec![name]]).await?;
    let Some(last) = last.first().and_then(|row| row.get::<_, Option<i64>>(1)) else {
        return owner_or_none(shared, session).await;
    };
    // What comes meanwhile stays.
    let up_to = up_to.min(last);
    let tables = shared.catalog.all();
    let numbers: Vec<i64> = tables.iter().map(|table| table.number).collect();
    if let Some(latest) = shared.statements.latest(&numbers) {
        let keep = keep_words(shared, &format!("({latest})"));
        session.execute(&keep, &[&SHARD, &epoch]).await?;
    }
    let remember = shared.statements.remember(&numbers);
    session.execute(&remember, &[&SHARD, &epoch, &name]).await?;
    for table in tables {
        let words = shared.statements.purge(table.number);
        loop {
            let params = [&SHARD as _, &epoch as _, &name as _, &up_to as _, &STEP as _];
            let gone = session.execute(&words, &params).await?;
            if gone < STEP.unsigned_abs() {
                break;
            }
        }
    }
    owner_or_none(shared, session).await
}

async fn owner_or_none(shared: &Shared, session: &mut Session) -> Result<Option<()>, Failure> {
    Ok(shared.is_owner(session).await?.then_some(()))
}

/// Keeps a time with the data.
pub async fn keep_time(shared: &Shared, now: Timestamp) -> Result<(), AppendError> {
    if now.0 <= shared.kept.load(std::sync::atomic::Ordering::Acquire) {
        return Ok(());
    }
    shared.confirm_change(keep(shared, now).await).await?;
    shared.raise_kept(now);
    Ok(())
}

async fn keep(shared: &Shared, now: Timestamp) -> Result<Option<()>, Failure> {
    let epoch = shared.lease.epoch();
    let words = keep_words(shared, "$3::bigint");
    let mut session = shared.upkeep.take().await?;
    match session.execute(&words, &[&SHARD, &epoch, &now.0]).await? {
        0 => owner_or_none(shared, &mut session).await,
        _ => Ok(Some(())),
    }
}

/// Raises the clock's row: shard, epoch, and what the expression needs.
fn keep_words(shared: &Shared, time: &str) -> String {
    shared.statements.of(&format!(
        "WITH {{own}} UPDATE {{s}}.clock SET kept = {time} WHERE shard = $1 \
         AND kept < {time} AND EXISTS (SELECT FROM own)"
    ))
}
