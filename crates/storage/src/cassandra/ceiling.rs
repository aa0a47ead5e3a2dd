//! What Cassandra allows: the store's rows, written by bare clients.

use super::{
    CassandraConfig, connection,
    database::Database as Connected,
    rows::{Item, row},
    schema,
    shelf::{Partition, Shelf},
};
use crate::{
    NoOpenObserver, OpenError,
    ceiling::{Bare, BareClient, Form, Rows, Way},
    database::with_causes,
};
use broker_core::{SystemTime, TimeSource};
use futures_util::{FutureExt, future::BoxFuture};
use scylla::statement::Statement;
use std::sync::Arc;

/// Bare clients of one cluster.
pub struct Database {
    connected: Arc<Connected>,
    rows: Arc<Rows>,
}

/// Makes the keyspace and the store's tables in it.
///
/// # Errors
/// One sentence on what stands against it.
pub async fn open(config: CassandraConfig, rows: Rows) -> Result<Database, OpenError> {
    let cluster = connection::connect(&config, &NoOpenObserver).await?;
    schema::ensure(&cluster.session, &config, &NoOpenObserver).await?;
    let connected = super::prepare(cluster, &config, Arc::default()).await?;
    Ok(Database { connected: Arc::new(connected), rows: Arc::new(rows) })
}

/// Removes the keyspace.
///
/// # Errors
/// One sentence on what stands against it.
pub async fn remove(config: &CassandraConfig) -> Result<(), OpenError> {
    let cluster = connection::connect(config, &NoOpenObserver).await?;
    let words = format!("DROP KEYSPACE IF EXISTS {}", schema::quoted(&config.keyspace));
    let mut statement = Statement::new(words);
    // Nodes agree on it, and take files away.
    statement.set_request_timeout(Some(config.times.start));
    let removed = cluster.session.query_unpaged(statement, ()).await;
    removed.map(drop).map_err(|error| OpenError::Database(with_causes(&error)))
}

impl Bare for Database {
    fn ways(&self) -> Vec<Way> {
        let mut ways = Way::all(Form::OfStore, &[1], &[1, 64, 256]);
        ways.extend(Way::all(Form::Batch, &[64, 256, 1_024], &[2, 8, 32]));
        ways
    }

    fn bulk(&self) -> Way {
        Way::new(Form::Batch, 256, 8)
    }

    fn clients(&self, way: Way) -> BoxFuture<'_, Result<Vec<Box<dyn BareClient>>, String>> {
        let client = |_| -> Box<dyn BareClient> {
            let (connected, rows) = (self.connected.clone(), self.rows.clone());
            Box::new(Client { connected, rows, count: way.rows as u64 })
        };
        let clients = (0..way.under_way).map(client).collect();
        Box::pin(async move { Ok(clients) })
    }
}

struct Client {
    connected: Arc<Connected>,
    rows: Arc<Rows>,
    /// Rows of a statement, which are those of a partition.
    count: u64,
}

impl Client {
    /// The rows of the next statement: the ids that follow each other in a partition of their own.
    fn items(&self) -> Vec<Item> {
        let number = self.rows.take(1);
        let message = Arc::new(self.rows.message(number));
        let first = message.id.0 * self.count;
        let shelf = Shelf::of(&message);
        // A row alone lies where the store would have it.
        let partition =
            if self.count == 1 { shelf.partition(first) } else { Partition { shelf, first } };
        let item = |(index, id)| Item { index, id, message: message.clone(), partition };
        (0..).zip(first..first + self.count).map(item).collect()
    }

    async fn put(&self) -> Result<(), String> {
        let items = self.items();
        let Some(first) = items.first() else { return Ok(()) };
        let insert = &self.connected.table(first.partition.shelf.class).insert;
        let written = if let [one] = &items[..] {
            self.connected.write(insert, row(one)).await.map(drop)
        } else {
            let rows: Vec<_> = items.iter().map(row).collect();
            // In microseconds, as the driver's own.
            let stamp = SystemTime.wall().0 / 1_000;
            self.connected.write_all(insert, &rows, stamp).await
        };
        written.map_err(|failure| failure.to_string())
    }
}

impl BareClient for Client {
    fn write(&mut self) -> BoxFuture<'_, Result<(), String>> {
        self.put().boxed()
    }
}
