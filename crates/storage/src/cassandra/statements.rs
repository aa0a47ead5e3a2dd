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
    pub look: PreparedStatement,
    pub first_owner: PreparedStatement,
    pub take: PreparedStatement,
    pub renew: PreparedStatement,
    pub release: PreparedStatement,
    pub facts: PreparedStatement,
    pub note_fact: PreparedStatement,
    pub keep_time: PreparedStatement,
    pub drop_fact: PreparedStatement,
    pub subject: PreparedStatement,
    pub subjects_from: PreparedStatement,
    pub subjects_after: PreparedStatement,
    pub record: PreparedStatement,
    pub partitions: PreparedStatement,
    pub enter: PreparedStatement,
    pub drop_entries: PreparedStatement,
    pub due: PreparedStatement,
    pub note_due: PreparedStatement,
    pub drop_due: PreparedStatement,
    tables: [Table; 4],
}

/// The statements of one table of messages.
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
        let p = Preparer { session, keyspace: quoted(keyspace) };
        let mut look = p
            .read("SELECT epoch, beat, holder, is_free, lease_ms, ceiling FROM {}.owner WHERE shard = ?")
            .await?;
        look.set_consistency(serial);
        Ok(Self {
            look,
            first_owner: p
                .write(
                    "INSERT INTO {}.owner (shard, epoch, beat, holder, is_free, lease_ms, ceiling) \
                     VALUES (?, 0, 0, '', true, 0, 0) IF NOT EXISTS",
                )
                .await?,
            take: p
                .write(
                    "UPDATE {}.owner SET epoch = ?, beat = ?, holder = ?, is_free = false, \
                     lease_ms = ?, ceiling = ? WHERE shard = ? IF epoch = ? AND beat = ?",
                )
                .await?,
            renew: p
                .write(
                    "UPDATE {}.owner SET beat = ?, ceiling = ? WHERE shard = ? \
                     IF epoch = ? AND beat = ? AND is_free = false",
                )
                .await?,
            release: p
                .write(
                    "UPDATE {}.owner SET is_free = true, ceiling = ? WHERE shard = ? IF epoch = ?",
                )
                .await?,
            facts: p.read("SELECT kind, number, value FROM {}.facts WHERE shard = ?").await?,
            note_fact: p
                .write(
                    "INSERT INTO {}.facts (shard, kind, number) VALUES (?, ?, ?) USING TIMESTAMP ?",
                )
                .await?,
            keep_time: p
                .write(
                    "INSERT INTO {}.facts (shard, kind, number, value) VALUES (?, ?, 0, ?) \
                     USING TIMESTAMP 1",
                )
                .await?,
            drop_fact: p
                .write(
                    "DELETE FROM {}.facts USING TIMESTAMP ? WHERE shard = ? AND kind = ? AND number = ?",
                )
                .await?,
            subject: p
                .read(
                    "SELECT reserved, settled, last, recorded_at, toTimestamp(now()) \
                     FROM {}.subjects WHERE slot = ? AND subject = ?",
                )
                .await?,
            subjects_from: p.list(">=").await?,
            subjects_after: p.list(">").await?,
            record: p
                .write(
                    "INSERT INTO {}.subjects (slot, subject, reserved, settled, last, recorded_at) \
                     VALUES (?, ?, ?, ?, ?, toTimestamp(now())) USING TIMESTAMP ?",
                )
                .await?,
            partitions: p
                .read(
                    "SELECT bucket, class FROM {}.partitions \
                     WHERE subject = ? AND bucket >= ? AND bucket <= ? LIMIT ?",
                )
                .await?,
            enter: p
                .write("INSERT INTO {}.partitions (subject, bucket, class) VALUES (?, ?, ?) USING TTL ?")
                .await?,
            drop_entries: p
                .write("DELETE FROM {}.partitions USING TIMESTAMP ? WHERE subject = ? AND bucket < ?")
                .await?,
            due: p.read("SELECT subject, bucket FROM {}.due WHERE period = ? LIMIT ?").await?,
            note_due: p
                .write("INSERT INTO {}.due (period, subject, bucket) VALUES (?, ?, ?) USING TIMESTAMP ?")
                .await?,
            drop_due: p
                .write(
                    "DELETE FROM {}.due USING TIMESTAMP ? WHERE period = ? AND subject = ? AND bucket = ?",
                )
                .await?,
            tables: [
                p.table(Class::Day).await?,
                p.table(Class::Month).await?,
                p.table(Class::Years).await?,
                p.table(Class::Endless).await?,
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

    async fn list(&self, from: &str) -> Result<PreparedStatement, PrepareError> {
        self.read(&format!(
            "SELECT subject, reserved, settled, last, recorded_at, toTimestamp(now()) \
             FROM {{}}.subjects WHERE slot = ? AND subject {from} ? LIMIT ?"
        ))
        .await
    }

    async fn table(&self, class: Class) -> Result<Table, PrepareError> {
        let name = class.table();
        let place = "subject = ? AND bucket = ?";
        Ok(Table {
            insert: self
                .write(&format!(
                    "INSERT INTO {{}}.{name} (subject, bucket, id, published_at, expires_at, headers, \
                     body, size) VALUES (?, ?, ?, ?, ?, ?, ?, ?) USING TTL ?"
                ))
                .await?,
            fetch: self
                .read(&format!(
                    "SELECT id, published_at, expires_at, headers, body, size FROM {{}}.{name} \
                     WHERE {place} AND id = ?"
                ))
                .await?,
            read: self
                .read(&format!(
                    "SELECT id, published_at, expires_at, headers, body, size FROM {{}}.{name} \
                     WHERE {place} AND id > ? LIMIT ?"
                ))
                .await?,
            // Asks for every column, though only whether it is there: what a replica missed it then gets
            // as a whole.
            scan: self
                .read(&format!(
                    "SELECT id, WRITETIME(published_at), WRITETIME(expires_at), WRITETIME(headers), \
                     WRITETIME(body), WRITETIME(size) FROM {{}}.{name} \
                     WHERE {place} AND id > ? AND id <= ? LIMIT ?"
                ))
                .await?,
            tally: self
                .read(&format!(
                    "SELECT id, expires_at, size FROM {{}}.{name} \
                     WHERE {place} AND id > ? AND id <= ? LIMIT ?"
                ))
                .await?,
            void: self
                .write(&format!("DELETE FROM {{}}.{name} WHERE {place} AND id > ? AND id <= ?"))
                .await?,
            delete: self.write(&format!("DELETE FROM {{}}.{name} WHERE {place} AND id = ?")).await?,
            drop: self
                .write(&format!("DELETE FROM {{}}.{name} USING TIMESTAMP ? WHERE {place}"))
                .await?,
        })
    }
}
