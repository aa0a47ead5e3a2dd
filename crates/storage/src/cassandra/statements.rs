//! Every statement that is run again and again, prepared once.

use super::{Consistency, schema::quoted, shelf::Class};
use scylla::{
    client::session::Session,
    errors::PrepareError,
    policies::retry::DefaultRetryPolicy,
    statement::{self, Statement, prepared::PreparedStatement},
};
use std::sync::Arc;

/// The prepared statements.
pub struct Statements {
    pub owner: OwnerStatements,
    pub facts: FactStatements,
    pub subjects: SubjectStatements,
    pub due: DueStatements,
    tables: [Table; 4],
}

/// Of the table `owner`.
pub struct OwnerStatements {
    pub look: PreparedStatement,
    pub begin: PreparedStatement,
    pub take: PreparedStatement,
    pub renew: PreparedStatement,
    pub release: PreparedStatement,
}

/// Of the table `facts`.
pub struct FactStatements {
    pub all: PreparedStatement,
    pub note: PreparedStatement,
    pub keep_time: PreparedStatement,
    pub drop: PreparedStatement,
}

/// Of the tables `subjects` and `partitions`.
pub struct SubjectStatements {
    pub row: PreparedStatement,
    pub rows_from: PreparedStatement,
    pub rows_after: PreparedStatement,
    pub record: PreparedStatement,
    pub partitions: PreparedStatement,
    pub enter: PreparedStatement,
    pub drop_entries: PreparedStatement,
}

/// Of the table `due`.
pub struct DueStatements {
    pub some: PreparedStatement,
    pub note: PreparedStatement,
    pub drop: PreparedStatement,
}

/// Of one table of messages.
pub struct Table {
    pub insert: PreparedStatement,
    pub fetch: PreparedStatement,
    pub read: PreparedStatement,
    pub scan: PreparedStatement,
    pub tally: PreparedStatement,
    pub void: PreparedStatement,
    pub delete: PreparedStatement,
    pub drop: PreparedStatement,
}

impl Statements {
    /// Prepares them on every node.
    ///
    /// # Errors
    /// What the database said.
    pub async fn prepare(
        session: &Session,
        keyspace: &str,
        consistency: Consistency,
    ) -> Result<Self, PrepareError> {
        let serial = match consistency {
            Consistency::LocalQuorum => statement::Consistency::LocalSerial,
            Consistency::Quorum | Consistency::All => statement::Consistency::Serial,
        };
        let preparer = Preparer { session, keyspace: quoted(keyspace) };
        let mut owner = preparer.owner().await?;
        owner.look.set_consistency(serial);
        Ok(Self {
            owner,
            facts: preparer.facts().await?,
            subjects: preparer.subjects().await?,
            due: preparer.due().await?,
            tables: [
                preparer.table(Class::Day).await?,
                preparer.table(Class::Month).await?,
                preparer.table(Class::Years).await?,
                preparer.table(Class::Endless).await?,
            ],
        })
    }

    /// The statements of a class's table.
    pub fn table(&self, class: Class) -> &Table {
        let [day, month, years, endless] = &self.tables;
        match class {
            Class::Day => day,
            Class::Month => month,
            Class::Years => years,
            Class::Endless => endless,
        }
    }
}

/// Prepares statements; in their texts the table's keyspace is `{}`.
struct Preparer<'a> {
    session: &'a Session,
    keyspace: String,
}

impl Preparer<'_> {
    /// A statement that changes something: nobody asks it again but who knows what that means.
    async fn write(&self, text: &str) -> Result<PreparedStatement, PrepareError> {
        self.session.prepare(Statement::new(text.replacen("{}", &self.keyspace, 1))).await
    }

    /// A query: the driver may ask it of another node when one fails.
    async fn read(&self, text: &str) -> Result<PreparedStatement, PrepareError> {
        let mut prepared = self.write(text).await?;
        prepared.set_is_idempotent(true);
        prepared.set_retry_policy(Some(Arc::new(DefaultRetryPolicy::new())));
        Ok(prepared)
    }

    async fn owner(&self) -> Result<OwnerStatements, PrepareError> {
        let look = "SELECT epoch, beat, holder, is_free, lease_ms, ceiling FROM {}.owner \
                    WHERE shard = ?";
        let begin = "INSERT INTO {}.owner (shard, epoch, beat, holder, is_free, lease_ms, ceiling) \
                     VALUES (?, 0, 0, '', true, 0, 0) IF NOT EXISTS";
        let take = "UPDATE {}.owner SET epoch = ?, beat = ?, holder = ?, is_free = false, \
                    lease_ms = ?, ceiling = ? WHERE shard = ? IF epoch = ? AND beat = ?";
        let renew = "UPDATE {}.owner SET beat = ?, ceiling = ? WHERE shard = ? \
                     IF epoch = ? AND beat = ? AND is_free = false";
        let release =
            "UPDATE {}.owner SET is_free = true, ceiling = ? WHERE shard = ? IF epoch = ?";
        Ok(OwnerStatements {
            look: self.read(look).await?,
            begin: self.write(begin).await?,
            take: self.write(take).await?,
            renew: self.write(renew).await?,
            release: self.write(release).await?,
        })
    }

    async fn facts(&self) -> Result<FactStatements, PrepareError> {
        let note = "INSERT INTO {}.facts (shard, kind, number) VALUES (?, ?, ?) USING TIMESTAMP ?";
        let keep_time = "INSERT INTO {}.facts (shard, kind, number, value) VALUES (?, ?, 0, ?) \
                         USING TIMESTAMP 1";
        let drop = "DELETE FROM {}.facts USING TIMESTAMP ? \
                    WHERE shard = ? AND kind = ? AND number = ?";
        Ok(FactStatements {
            all: self.read("SELECT kind, number, value FROM {}.facts WHERE shard = ?").await?,
            note: self.write(note).await?,
            keep_time: self.write(keep_time).await?,
            drop: self.write(drop).await?,
        })
    }

    async fn subjects(&self) -> Result<SubjectStatements, PrepareError> {
        let row = "SELECT reserved, settled, last, recorded_at, toTimestamp(now()) \
                   FROM {}.subjects WHERE slot = ? AND subject = ?";
        let rows = "SELECT subject, reserved, settled, last, recorded_at, toTimestamp(now()) \
                    FROM {}.subjects WHERE slot = ? AND subject > ? LIMIT ?";
        let record = "INSERT INTO {}.subjects (slot, subject, reserved, settled, last, recorded_at) \
                      VALUES (?, ?, ?, ?, ?, toTimestamp(now())) USING TIMESTAMP ?";
        let partitions = "SELECT bucket, class FROM {}.partitions \
                          WHERE subject = ? AND bucket >= ? AND bucket <= ? LIMIT ?";
        let enter =
            "INSERT INTO {}.partitions (subject, bucket, class) VALUES (?, ?, ?) USING TTL ?";
        let drop_entries = "DELETE FROM {}.partitions USING TIMESTAMP ? \
                            WHERE subject = ? AND bucket < ?";
        Ok(SubjectStatements {
            row: self.read(row).await?,
            rows_from: self.read(&rows.replace('>', ">=")).await?,
            rows_after: self.read(rows).await?,
            record: self.write(record).await?,
            partitions: self.read(partitions).await?,
            enter: self.write(enter).await?,
            drop_entries: self.write(drop_entries).await?,
        })
    }

    async fn due(&self) -> Result<DueStatements, PrepareError> {
        let note =
            "INSERT INTO {}.due (period, subject, bucket) VALUES (?, ?, ?) USING TIMESTAMP ?";
        let drop = "DELETE FROM {}.due USING TIMESTAMP ? \
                    WHERE period = ? AND subject = ? AND bucket = ?";
        Ok(DueStatements {
            some: self.read("SELECT subject, bucket FROM {}.due WHERE period = ? LIMIT ?").await?,
            note: self.write(note).await?,
            drop: self.write(drop).await?,
        })
    }

    async fn table(&self, class: Class) -> Result<Table, PrepareError> {
        let of = |text: &str| text.replace("TABLE", &format!("{{}}.{}", class.table()));
        let here = "WHERE subject = ? AND bucket = ?";
        let insert = "INSERT INTO TABLE (subject, bucket, id, published_at, expires_at, headers, body, \
                      size) VALUES (?, ?, ?, ?, ?, ?, ?, ?) USING TTL ?";
        let all = "SELECT id, published_at, expires_at, headers, body, size FROM TABLE";
        // Asks for every column, though only whether it is there: what a replica missed it then gets as
        // a whole.
        let times = "SELECT id, WRITETIME(published_at), WRITETIME(expires_at), WRITETIME(headers), \
                     WRITETIME(body), WRITETIME(size) FROM TABLE";
        let range = format!("{here} AND id > ? AND id <= ?");
        Ok(Table {
            insert: self.write(&of(insert)).await?,
            fetch: self.read(&of(&format!("{all} {here} AND id = ?"))).await?,
            read: self.read(&of(&format!("{all} {here} AND id > ? LIMIT ?"))).await?,
            scan: self.read(&of(&format!("{times} {range} LIMIT ?"))).await?,
            tally: self
                .read(&of(&format!("SELECT id, expires_at, size FROM TABLE {range} LIMIT ?")))
                .await?,
            void: self.write(&of(&format!("DELETE FROM TABLE {range}"))).await?,
            delete: self.write(&of(&format!("DELETE FROM TABLE {here} AND id = ?"))).await?,
            drop: self.write(&of(&format!("DELETE FROM TABLE USING TIMESTAMP ? {here}"))).await?,
        })
    }
}
