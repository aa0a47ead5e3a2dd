//! The index of the partitions of each subject.

use super::{
    database::Database,
    failure::Failure,
    shelf::{Partition, signed},
};
use broker_core::Subject;

/// The partitions of a subject from that id on, ascending by their first id, at most `limit`.
pub async fn partitions(
    database: &Database,
    subject: &Subject,
    from: u64,
    up_to: u64,
    limit: i32,
) -> Result<Vec<Partition>, Failure> {
    let values = (subject.as_bytes(), Partition::lowest_bucket(from), signed(up_to) | 1, limit);
    let statement = &database.statements.subjects.partitions;
    let found: Vec<(i64, i8)> = database.rows(statement, values).await?;
    let read = |(bucket, class)| {
        Partition::read(bucket, class)
            .ok_or_else(|| Failure::Refused(format!("partition {bucket} of class {class} is odd")))
    };
    found.into_iter().map(read).collect()
}

/// Has the database know partitions of a subject, before anything is in them.
pub async fn enter(
    database: &Database,
    subject: &Subject,
    partitions: &[Partition],
    stamp: i64,
) -> Result<(), Failure> {
    let row = |partition: &Partition| {
        let seconds = partition.shelf.class.entry_seconds();
        (subject.as_bytes(), partition.bucket(), partition.class(), seconds)
    };
    let rows: Vec<_> = partitions.iter().map(row).collect();
    database.write_all(&database.statements.subjects.enter, &rows, stamp).await
}
