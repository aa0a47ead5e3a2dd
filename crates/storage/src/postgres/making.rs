//! Making tables of messages.

use super::{
    bucket::Bucket,
    failure::{Failure, Kind},
    session::Session,
    shared::Shared,
    statements::SHARD,
};

/// Makes the table of a bucket, unless it is there. `false`: another broker is the owner.
pub async fn make(shared: &Shared, session: &mut Session, bucket: Bucket) -> Result<bool, Failure> {
    let _one_at_a_time = shared.making.lock().await;
    if shared.catalog.has(bucket) {
        return Ok(true);
    }
    session.batch("BEGIN").await?;
    match make_in_transaction(shared, session, bucket).await {
        Ok(Some(number)) => {
            shared.catalog.add(number, bucket);
            Ok(true)
        }
        Ok(None) => {
            session.batch("ROLLBACK").await?;
            Ok(false)
        }
        Err(failure) => {
            if !failure.ends_session() {
                session.batch("ROLLBACK").await?;
            }
            // A table that was made all the same is found when it is tried again.
            Err(match failure.kind {
                Kind::Unknown | Kind::Row | Kind::There => {
                    Failure { kind: Kind::Unavailable, ..failure }
                }
                _ => failure,
            })
        }
    }
}

async fn make_in_transaction(
    shared: &Shared,
    session: &mut Session,
    bucket: Bucket,
) -> Result<Option<i64>, Failure> {
    let number = shared
        .statements
        .of("SELECT (SELECT number FROM {s}.buckets WHERE width = $3 AND ends_at = $4), \
         nextval('{s}.bucket_numbers') FROM {s}.owner WHERE shard = $1 AND epoch = $2 FOR SHARE");
    let (epoch, Bucket { width, ends_at }) = (shared.lease.epoch(), bucket);
    let rows = session.change(&number, &[&SHARD, &epoch, &width, &ends_at]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    if let Some(found) = row.get(0) {
        session.batch("ROLLBACK").await?;
        return Ok(Some(found));
    }
    let number: i64 = row.get(1);
    let create = shared.statements.create_table(number);
    let note = shared.statements.of(&format!(
        "INSERT INTO {{s}}.buckets (number, width, ends_at) VALUES ({number}, {width}, {ends_at})"
    ));
    session.batch(&format!("{create}; {note}; COMMIT")).await?;
    Ok(Some(number))
}
