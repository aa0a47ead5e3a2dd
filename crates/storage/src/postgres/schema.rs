//! The tables that every store has, and how older ones become newer.

use super::{
    failure::{Failure, Kind},
    session::Session,
    statements::{Statements, quoted},
};
use tokio_postgres::types::Type;

/// Each brings the schema one version further; none is ever changed once it was released.
///
/// - `owner`: who may write; `heartbeat`: its signs of life; `clock`: the latest time that must not be
///   undercut, beside what the messages say.
/// - `subjects`: last ids of what is in no table of messages any more.
/// - `buckets`: the tables of messages (`messages_<number>`); which expiries each holds.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE {s}.owner (shard int PRIMARY KEY, epoch bigint NOT NULL, holder text NOT NULL,
        lease_ms bigint NOT NULL);
    CREATE TABLE {s}.heartbeat (shard int PRIMARY KEY, epoch bigint NOT NULL, beat bigint NOT NULL,
        is_free bool NOT NULL);
    CREATE TABLE {s}.clock (shard int PRIMARY KEY, kept bigint NOT NULL);
    INSERT INTO {s}.owner VALUES (0, 0, '', 0);
    INSERT INTO {s}.heartbeat VALUES (0, 0, 0, true);
    INSERT INTO {s}.clock VALUES (0, -9223372036854775808);
    CREATE TABLE {s}.subjects (subject bytea PRIMARY KEY, last_id bigint NOT NULL)
        WITH (fillfactor = 80);
    CREATE TABLE {s}.buckets (number bigint PRIMARY KEY, width bigint NOT NULL,
        ends_at bigint NOT NULL, UNIQUE (width, ends_at));
    CREATE SEQUENCE {s}.bucket_numbers;
"];

/// The version that this broker makes and knows.
fn newest() -> i32 {
    i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX)
}

/// Brings the schema to this broker's version. Two brokers that start at once do it one after the
/// other.
///
/// # Errors
/// [`Kind::Setup`] with one sentence where rights are missing or the schema is a newer broker's.
pub async fn prepare(
    session: &mut Session,
    statements: &Statements,
    schema: &str,
) -> Result<(), Failure> {
    session.batch("BEGIN").await?;
    let prepared = migrate(session, statements, schema).await;
    match prepared {
        Ok(()) => session.batch("COMMIT").await,
        Err(failure) => {
            // The session is not used again where this fails.
            let _ = session.batch("ROLLBACK").await;
            Err(explained(failure, schema))
        }
    }
}

async fn migrate(
    session: &mut Session,
    statements: &Statements,
    schema: &str,
) -> Result<(), Failure> {
    let lock = "SELECT pg_advisory_xact_lock(hashtext('broker'), hashtext($1))";
    session.once(lock, &[(&schema, Type::TEXT)]).await?;
    let found = "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1)";
    let rows = session.once(found, &[(&schema, Type::TEXT)]).await?;
    if !rows[0].get::<_, bool>(0) {
        session.batch(&format!("CREATE SCHEMA {}", quoted(schema))).await?;
    }
    let rights = "SELECT has_schema_privilege($1, 'USAGE') AND has_schema_privilege($1, 'CREATE')";
    if !session.once(rights, &[(&schema, Type::TEXT)]).await?[0].get::<_, bool>(0) {
        return Err(Failure { kind: Kind::Setup, text: "permission denied".into() });
    }
    let version = version(session, statements, schema).await?;
    if version > newest() {
        let text = format!(
            "the schema {} has version {version}, which a newer broker made; this one knows versions \
             up to {}: start the newer broker",
            quoted(schema),
            newest()
        );
        return Err(Failure { kind: Kind::Setup, text });
    }
    let known = usize::try_from(version).unwrap_or(0);
    for migration in &MIGRATIONS[known..] {
        session.batch(&statements.of(migration)).await?;
    }
    if version < newest() {
        let note = format!("UPDATE {{s}}.schema_version SET version = {}", newest());
        session.batch(&statements.of(&note)).await?;
    }
    Ok(())
}

async fn version(
    session: &mut Session,
    statements: &Statements,
    schema: &str,
) -> Result<i32, Failure> {
    let found = "SELECT EXISTS (SELECT FROM pg_catalog.pg_tables \
        WHERE schemaname = $1 AND tablename = 'schema_version')";
    let rows = session.once(found, &[(&schema, Type::TEXT)]).await?;
    if !rows[0].get::<_, bool>(0) {
        let make = "CREATE TABLE {s}.schema_version (version int NOT NULL); \
            INSERT INTO {s}.schema_version VALUES (0)";
        session.batch(&statements.of(make)).await?;
    }
    let rows = session.once(&statements.of("SELECT version FROM {s}.schema_version"), &[]).await?;
    rows.first().map(|row| row.get(0)).ok_or_else(|| Failure {
        kind: Kind::Setup,
        text: format!("the table schema_version of the schema {} is empty", quoted(schema)),
    })
}

/// What to do where rights are missing.
fn explained(failure: Failure, schema: &str) -> Failure {
    if failure.kind != Kind::Setup || !failure.text.contains("permission denied") {
        return failure;
    }
    let name = quoted(schema);
    let text = format!(
        "the broker's user may not make its tables in the schema {name}; let an administrator run: \
         CREATE SCHEMA IF NOT EXISTS {name}; GRANT USAGE, CREATE ON SCHEMA {name} TO the user"
    );
    Failure { kind: Kind::Setup, text }
}
