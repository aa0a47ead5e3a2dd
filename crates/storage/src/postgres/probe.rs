//! A look at the database, with one connection that changes nothing.

use super::{
    PostgresConfig,
    connector::Connector,
    failure::Failure,
    server::{self, Server},
    session::Session,
    statements::{Statements, quoted},
};
use crate::probe::Probe;
use broker_core::Timestamp;
use std::sync::Arc;
use tokio_postgres::types::Type;

/// Connects and asks what a start would.
///
/// # Errors
/// One sentence on what stands against a start.
pub async fn probe(config: &PostgresConfig) -> Result<Probe, String> {
    let connector = Connector::new(config, Arc::default())?;
    look(&connector, config).await.map_err(|failure| failure.text)
}

async fn look(connector: &Connector, config: &PostgresConfig) -> Result<Probe, Failure> {
    let mut session = connector.connect().await?;
    let Server { version, warnings } = server::examine(connector, &mut session).await?;
    let (host, port) = (&config.host, config.port);
    let mut probe = Probe {
        found: vec![format!(
            "PostgreSQL {version} at {host} on port {port} lets {} in",
            config.user
        )],
        warnings,
        kept_time: None,
    };
    let name = quoted(&config.schema);
    match rights(&mut session, &config.schema).await? {
        Rights::Missing => {
            return Err(Failure::setup(format!(
                "{} may not make tables in the schema {name}; let an administrator run: CREATE SCHEMA \
                 IF NOT EXISTS {name}; GRANT USAGE, CREATE ON SCHEMA {name} TO the user",
                config.user
            )));
        }
        Rights::ToMakeIt => probe.found.push(format!("the schema {name} will be made")),
        Rights::InIt => {
            probe.found.push(format!("the schema {name} may be used"));
            let statements = Statements::new(&config.schema);
            probe.found.extend(owner(&mut session, &statements).await);
            probe.kept_time = kept(&mut session, &statements).await;
        }
    }
    Ok(probe)
}

/// What the user may do.
enum Rights {
    /// Use the schema.
    InIt,
    /// Make the schema, which is not there.
    ToMakeIt,
    /// Neither.
    Missing,
}

async fn rights(session: &mut Session, schema: &str) -> Result<Rights, Failure> {
    let look = "SELECT has_schema_privilege(nspname, 'USAGE') AND has_schema_privilege(nspname, 'CREATE') \
        FROM pg_catalog.pg_namespace WHERE nspname = $1";
    if let Some(row) = session.once(look, &[(&schema, Type::TEXT)]).await?.first() {
        return Ok(if row.get(0) { Rights::InIt } else { Rights::Missing });
    }
    let look = "SELECT has_database_privilege(current_database(), 'CREATE')";
    let rows = session.once(look, &[]).await?;
    let may = rows.first().is_some_and(|row| row.get(0));
    Ok(if may { Rights::ToMakeIt } else { Rights::Missing })
}

/// Who has the store, if one ever had and its tables may be read.
async fn owner(session: &mut Session, statements: &Statements) -> Option<String> {
    let look = "SELECT holder, epoch, is_free FROM {s}.owner JOIN {s}.heartbeat USING (shard, epoch) \
        WHERE shard = 0 AND epoch > 0";
    let rows = session.once(&statements.of(look), &[]).await.ok()?;
    let row = rows.first()?;
    let (holder, epoch, is_free): (String, i64, bool) = (row.get(0), row.get(1), row.get(2));
    Some(match is_free {
        true => format!("nobody owns the store; {holder} did last (epoch {epoch})"),
        false => {
            format!("{holder} owns the store, or did when it was last heard of (epoch {epoch})")
        }
    })
}

async fn kept(session: &mut Session, statements: &Statements) -> Option<Timestamp> {
    let look = statements.of("SELECT kept FROM {s}.clock WHERE shard = 0");
    let rows = session.once(&look, &[]).await.ok()?;
    let kept = Timestamp(rows.first()?.get(0));
    (kept != Timestamp::MIN).then_some(kept)
}
