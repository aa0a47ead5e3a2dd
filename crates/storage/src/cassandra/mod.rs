//! Messages in Apache Cassandra or ScyllaDB.
//!
//! Why it is as it is: docs/decisions/0008-cassandra.md.

mod catalog;
pub(crate) mod ceiling;
mod config;
mod connection;
mod database;
mod facts;
mod failure;
mod gaps;
mod guard;
mod home;
mod ledger;
mod listing;
mod outage;
mod owner;
mod page;
mod place;
mod places;
mod probe;
mod promises;
mod purging;
mod reading;
mod register;
mod rows;
mod schema;
mod settling;
mod shelf;
mod stamps;
mod statements;
mod store;
mod tallying;
mod together;
mod writer;

pub use config::{CassandraConfig, Consistency, Replication};
pub(crate) use probe::probe;

use crate::{Activity, OpenError, OpenObserver, Opened, database::with_causes, ownership::Lease};
use broker_core::Timestamp;
use connection::Cluster;
use database::Database;
use facts::{Facts, Loaded};
use failure::Failure;
use guard::Guard;
use owner::Owner;
use places::Places;
use reading::Reader;
use register::Register;
use stamps::Stamps;
use statements::Statements;
use std::sync::{Arc, atomic::AtomicBool};
use store::CassandraStorage;
use tokio::runtime::Handle;
use writer::Writer;

/// Connects, makes what is missing, becomes the owner and opens the store.
///
/// # Errors
/// One sentence on what stands against it.
pub async fn open(
    config: CassandraConfig,
    observer: &dyn OpenObserver,
) -> Result<Opened, OpenError> {
    let cluster = connection::connect(&config, observer).await?;
    observer.reached(&format!("connected to {cluster}"));
    home::check(&cluster).map_err(OpenError::Database)?;
    let is_new = schema::ensure(&cluster.session, &config, observer).await?;
    observer.reached(if is_new { "keyspace and tables made" } else { "keyspace and tables ready" });
    let promises = promises::examine(&cluster, &config.keyspace, config.consistency).await;
    if let Some(sentence) = &promises.limit {
        observer.reached(sentence);
    }
    let activity = Arc::new(Activity::default());
    let database = Arc::new(prepare(cluster, &config, activity.clone()).await?);
    let stamps = Arc::new(Stamps::default());
    let owner = Owner::new(database.clone(), stamps.clone(), config.times.lease);
    let lease = Lease::acquire(Arc::new(owner), config.times, observer).await?;
    let guard = Guard::new(lease, stamps, config.times.unavailable);
    let (storage, kept_time) = assemble(database, guard, &config)
        .await
        .map_err(|failure| OpenError::Database(failure.to_string()))?;
    register::reached(kept_time).await;
    observer.reached("last ids: each is found when its subject is first used");
    observer.reached("expired messages dealt with: the database removes them by itself");
    let recovery = match kept_time {
        Timestamp::MIN => "the store is empty".to_owned(),
        time => format!("last written at {time}"),
    };
    let storage = Arc::new(storage);
    let warnings = promises.warnings;
    Ok(Opened { inspect: storage.clone(), storage, recovery, activity, warnings })
}

async fn prepare(
    cluster: Cluster,
    config: &CassandraConfig,
    activity: Arc<Activity>,
) -> Result<Database, OpenError> {
    let failed = |error: &dyn std::error::Error| {
        OpenError::Database(format!("the tables cannot be used: {}", with_causes(error)))
    };
    let session = &cluster.session;
    session.refresh_metadata().await.map_err(|error| failed(&error))?;
    if let Some(home) = home::choose(&cluster, config).map_err(OpenError::Database)? {
        cluster.stay_in(home, config);
    }
    let statements = Statements::prepare(session, &config.keyspace, config.consistency);
    let statements = statements.await.map_err(|error| failed(&error))?;
    Ok(Database::new(cluster.session, statements, activity, config.times))
}

/// Puts the parts together, once this process is the owner.
async fn assemble(
    database: Arc<Database>,
    guard: Guard,
    config: &CassandraConfig,
) -> Result<(CassandraStorage, Timestamp), Failure> {
    let Loaded { facts, kept_time } = Facts::load(database.clone()).await?;
    guard.confirm().await?;
    let (facts, places) = (Arc::new(facts), Arc::new(Places::default()));
    let register = Arc::new(Register::new(database.clone(), kept_time));
    let queue_bytes = u32::try_from(config.queue_bytes).unwrap_or(u32::MAX);
    let writer = Writer::new(
        database.clone(),
        guard.clone(),
        places.clone(),
        facts.clone(),
        register.clone(),
        queue_bytes as usize,
    );
    let reader = Reader::new(database.clone(), guard.clone(), places, facts);
    let storage = CassandraStorage {
        database,
        guard,
        register,
        reader: Arc::new(reader),
        writer: Arc::new(writer),
        queue_bytes,
        is_closed: AtomicBool::new(false),
        runtime: Handle::current(),
    };
    Ok((storage, kept_time))
}
