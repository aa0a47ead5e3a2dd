//! From settings to an open store.

use super::{
    PostgresConfig,
    bucket::Bucket,
    catalog::Catalog,
    connector::Connector,
    failure::{Failure, Kind},
    health::Health,
    inbox::Inbox,
    owner::PostgresOwner,
    pool::Pool,
    schema, server,
    server::Server,
    session::Session,
    shared::Shared,
    statements::Statements,
    store::PostgresStorage,
};
use crate::{Activity, OpenError, OpenObserver, Opened, ownership::Lease};
use broker_core::{Message, Timestamp};
use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicUsize},
};
use tokio::time::Instant;

/// Connections for upkeep: one may be busy with a long purge.
const UPKEEP: usize = 2;

/// Connects, makes what is missing, becomes the owner and opens the store.
///
/// # Errors
/// One sentence on what stands against it.
pub async fn open(
    config: PostgresConfig,
    observer: &dyn OpenObserver,
) -> Result<Opened, OpenError> {
    let activity = Arc::new(Activity::default());
    let connector = Connector::new(&config, activity.clone()).map_err(OpenError::Database)?;
    let connector = Arc::new(connector);
    let statements = Arc::new(Statements::new(&config.schema));
    let patience = Patience::new(&connector, observer);
    let server = loop {
        let mut session = patience.session().await?;
        if let Some(server) = patience.heard(server::examine(&connector, &mut session).await)? {
            break server;
        }
    };
    observer.reached(&format!(
        "connected to PostgreSQL at {} on port {} (version {})",
        config.host, config.port, server.version
    ));
    loop {
        let mut session = patience.session().await?;
        let prepared = schema::prepare(&mut session, &statements, &config.schema).await;
        if patience.heard(prepared)?.is_some() {
            break;
        }
    }
    observer.reached(&format!("schema ready: {}", config.schema));
    let row = PostgresOwner::new(connector.clone(), statements.clone(), holder());
    let lease = Lease::acquire(Arc::new(row), config.times, observer).await?;
    let patience = Patience::new(&connector, observer);
    let found = loop {
        let mut session = patience.session().await?;
        if let Some(found) = patience.heard(found(&mut session, &statements).await)? {
            break found;
        }
    };
    let recovery = recovery(&found, observer);
    let Server { warnings, .. } = server;
    let shared = Shared {
        catalog: Catalog::new(statements.clone(), config.shortest_bucket, found.tables),
        inbox: Inbox::new(config.queue_bytes),
        health: Health::new(),
        readers: Pool::new(connector.clone(), config.readers),
        upkeep: Pool::new(connector.clone(), UPKEEP),
        making: tokio::sync::Mutex::default(),
        kept: AtomicI64::new(found.kept.0),
        page_weight: AtomicUsize::new(2 * Message::BOOKKEEPING),
        statements,
        connector,
        lease,
    };
    let storage = Arc::new(PostgresStorage::start(shared, config.writers));
    Ok(Opened { inspect: storage.clone(), storage, recovery, activity, warnings })
}

/// Tries again until the database answers, as long as a start may wait.
struct Patience<'a> {
    connector: &'a Connector,
    observer: &'a dyn OpenObserver,
    deadline: Instant,
}

impl<'a> Patience<'a> {
    fn new(connector: &'a Connector, observer: &'a dyn OpenObserver) -> Self {
        Self { connector, observer, deadline: Instant::now() + connector.times().start }
    }

    async fn session(&self) -> Result<Session, OpenError> {
        loop {
            let opened = self.connector.connect().await;
            if let Some(session) = self.heard(opened)? {
                return Ok(session);
            }
        }
    }

    /// `None`: it is to be tried again.
    fn heard<T>(&self, answer: Result<T, Failure>) -> Result<Option<T>, OpenError> {
        let failure = match answer {
            Ok(value) => return Ok(Some(value)),
            Err(failure) => failure,
        };
        let is_final = matches!(failure.kind, Kind::Setup | Kind::Row | Kind::There);
        if is_final || Instant::now() >= self.deadline {
            return Err(OpenError::Database(failure.text));
        }
        self.connector.failed();
        self.observer.away(&failure.text);
        Ok(None)
    }
}

/// What is in the database when this process has become its owner.
struct Found {
    tables: Vec<(i64, Bucket)>,
    kept: Timestamp,
}

async fn found(session: &mut Session, statements: &Statements) -> Result<Found, Failure> {
    let words = statements.of("SELECT number, width, ends_at FROM {s}.buckets");
    let rows = session.once(&words, &[]).await.map_err(Shared::not_begun)?;
    let bucket =
        |row: &tokio_postgres::Row| (row.get(0), Bucket { width: row.get(1), ends_at: row.get(2) });
    let tables: Vec<(i64, Bucket)> = rows.iter().map(bucket).collect();
    let numbers: Vec<i64> = tables.iter().map(|(number, _)| *number).collect();
    let of_messages = match statements.latest(&numbers) {
        Some(latest) => format!("({latest})"),
        None => "NULL".to_owned(),
    };
    let words =
        format!("SELECT greatest((SELECT kept FROM {{s}}.clock WHERE shard = 0), {of_messages})");
    let rows = session.once(&statements.of(&words), &[]).await.map_err(Shared::not_begun)?;
    let kept = rows.first().and_then(|row| row.get::<_, Option<i64>>(0));
    Ok(Found { tables, kept: Timestamp(kept.unwrap_or(i64::MIN)) })
}

/// What was found, in a sentence; and the steps that it is.
fn recovery(found: &Found, observer: &dyn OpenObserver) -> String {
    let expired = found.tables.iter().filter(|(_, bucket)| bucket.is_dead(found.kept)).count();
    let tables = found.tables.len();
    observer.reached(&format!(
        "recovered last ids: {tables} tables of messages and the table of subjects tell them"
    ));
    observer.reached(&match expired {
        0 => "expired messages dealt with: no table of them is left".to_owned(),
        some => format!("expired messages dealt with: {some} tables are given back"),
    });
    let time = if found.kept == Timestamp::MIN {
        "there is no time yet".to_owned()
    } else {
        format!("the latest time kept is {}", found.kept)
    };
    format!("{tables} tables of messages, {expired} of them expired; {time}")
}

/// Host and process, for others to name.
fn holder() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "unnamed" } else { host.trim() };
    format!("{host}, process {}", std::process::id())
}
