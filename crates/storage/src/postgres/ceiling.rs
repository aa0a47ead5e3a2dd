//! What PostgreSQL allows: the store's rows, written by bare clients.

use super::{
    PostgresConfig,
    connector::Connector,
    failure::Failure,
    rows::Columns,
    schema,
    session::Session,
    statements::{COLUMNS, Statements, arrays, quoted},
};
use crate::{
    OpenError,
    ceiling::{Bare, BareClient, Form, Rows, Way},
};
use broker_core::Message;
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::{FutureExt, future::BoxFuture};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

/// The epoch of a schema that no broker has owned.
const EPOCH: i64 = 0;
/// Bytes that are handed to the connection at once.
const PART: usize = 64 * 1024;
/// What every copy begins with: a signature, no flags, no extension.
const HEAD: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// The columns of a row.
const WIDTH: i16 = 8;
/// NULL in place of a length.
const NULL: i32 = -1;

/// Bare clients of one database.
pub struct Database {
    connector: Arc<Connector>,
    statements: Statements,
    rows: Arc<Rows>,
    /// Of the table in use.
    table: AtomicI64,
    /// Connections that the server has left.
    free: usize,
}

/// Makes the schema and the store's tables in it.
///
/// # Errors
/// One sentence on what stands against it.
pub async fn open(config: PostgresConfig, rows: Rows) -> Result<Database, OpenError> {
    let connector = connector(&config)?;
    let statements = Statements::new(&config.schema);
    let opening = async {
        let mut session = connector.connect().await?;
        schema::prepare(&mut session, &statements, &config.schema).await?;
        free(&mut session).await
    };
    let free = opening.await.map_err(failed)?;
    let (rows, table) = (Arc::new(rows), AtomicI64::new(0));
    Ok(Database { connector, statements, rows, table, free })
}

/// Removes the schema.
///
/// # Errors
/// One sentence on what stands against it.
pub async fn remove(config: &PostgresConfig) -> Result<(), OpenError> {
    let words = format!("DROP SCHEMA IF EXISTS {} CASCADE", quoted(&config.schema));
    let connector = connector(config)?;
    let removing = async { connector.connect().await?.batch(&words).await };
    removing.await.map_err(failed)
}

fn connector(config: &PostgresConfig) -> Result<Arc<Connector>, OpenError> {
    let connector = Connector::new(config, Arc::default());
    connector.map(Arc::new).map_err(OpenError::Database)
}

fn failed(failure: Failure) -> OpenError {
    OpenError::Database(failure.text)
}

/// Connections that nobody uses and that are kept for nobody.
async fn free(session: &mut Session) -> Result<usize, Failure> {
    let words = "SELECT current_setting('max_connections')::int \
        - current_setting('superuser_reserved_connections')::int \
        - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')::int";
    let rows = session.once(words, &[]).await?;
    Ok(rows.first().and_then(|row| usize::try_from(row.get::<_, i32>(0)).ok()).unwrap_or(0))
}

impl Database {
    /// Takes the table of the last way away and makes the next.
    async fn next_table(&self) -> Result<i64, Failure> {
        let mut session = self.connector.connect().await?;
        let last = self.table.fetch_add(1, Ordering::Relaxed);
        session.batch(&format!("DROP TABLE IF EXISTS {}", self.statements.table(last))).await?;
        session.batch(&self.statements.create_table(last + 1)).await?;
        Ok(last + 1)
    }

    async fn connected(&self, way: Way) -> Result<Vec<Box<dyn BareClient>>, Failure> {
        let number = self.next_table().await?;
        let table = self.statements.table(number);
        let words = match way.form {
            Form::Copy => format!("COPY {table} {COLUMNS} FROM STDIN (FORMAT binary)"),
            Form::Insert => format!("INSERT INTO {table} {COLUMNS} SELECT {}", arrays(1)),
            Form::OfStore | Form::Batch => self.statements.insert(number),
        };
        let mut clients: Vec<Box<dyn BareClient>> = Vec::new();
        for _ in 0..way.under_way {
            let session = self.connector.connect().await?;
            let messages = (0..way.rows as u64).map(|at| self.rows.message(at)).collect();
            let (form, words, rows) = (way.form, words.clone(), self.rows.clone());
            clients.push(Box::new(Client { session, form, words, rows, messages }));
        }
        Ok(clients)
    }
}

impl Bare for Database {
    fn ways(&self) -> Vec<Way> {
        let bulk = |form| Way::all(form, &[1_000, 4_000, 16_000], &[1, 2, 4]);
        let mut ways = Way::all(Form::OfStore, &[1], &[1, 64, 256]);
        ways.extend(bulk(Form::OfStore));
        ways.extend(bulk(Form::Insert));
        ways.extend(bulk(Form::Copy));
        ways.retain(|way| way.under_way <= self.free);
        ways
    }

    fn bulk(&self) -> Way {
        Way::new(Form::Copy, 4_000, 2)
    }

    fn clients(&self, way: Way) -> BoxFuture<'_, Result<Vec<Box<dyn BareClient>>, String>> {
        self.connected(way).map(|clients| clients.map_err(|failure| failure.text)).boxed()
    }
}

/// A connection, and the rows that it writes again and again with other ids.
struct Client {
    session: Session,
    form: Form,
    words: String,
    rows: Arc<Rows>,
    messages: Vec<Message>,
}

impl Client {
    async fn put(&mut self) -> Result<(), Failure> {
        let first = self.rows.take(self.messages.len() as u64);
        for (message, number) in self.messages.iter_mut().zip(first..) {
            let (subject, id) = self.rows.place(number);
            message.id = id;
            if message.subject != *subject {
                message.subject = subject.clone();
            }
        }
        let columns = Columns::of(self.messages.iter());
        let written = match self.form {
            Form::Copy => self.session.copy(&self.words, encoded(&columns)).await?,
            Form::Insert => self.session.execute(&self.words, &columns.params()).await?,
            Form::OfStore | Form::Batch => {
                self.session.execute(&self.words, &columns.fenced(&EPOCH)).await?
            }
        };
        if written == self.messages.len() as u64 {
            Ok(())
        } else {
            Err(Failure::away("row missing"))
        }
    }
}

impl BareClient for Client {
    fn write(&mut self) -> BoxFuture<'_, Result<(), String>> {
        self.put().map(|put| put.map_err(|failure| failure.text)).boxed()
    }
}

/// Rows as a binary copy takes them: each field with its length before it.
fn encoded(columns: &Columns<'_>) -> Vec<Bytes> {
    let (mut parts, mut part) = (Vec::new(), BytesMut::with_capacity(2 * PART));
    part.put_slice(HEAD);
    for row in 0..columns.ids.len() {
        part.put_i16(WIDTH);
        put(&mut part, &columns.ids[row].to_be_bytes());
        put(&mut part, &columns.published_at[row].to_be_bytes());
        match columns.expires_at[row] {
            Some(at) => put(&mut part, &at.to_be_bytes()),
            None => part.put_i32(NULL),
        }
        put(&mut part, &columns.sizes[row].to_be_bytes());
        match columns.is_latest[row] {
            Some(is_latest) => put(&mut part, &[u8::from(is_latest)]),
            None => part.put_i32(NULL),
        }
        put(&mut part, columns.subjects[row]);
        put(&mut part, columns.headers[row]);
        put(&mut part, columns.bodies[row]);
        if part.len() >= PART {
            parts.push(part.split().freeze());
        }
    }
    part.put_i16(-1);
    parts.push(part.freeze());
    parts
}

fn put(part: &mut BytesMut, field: &[u8]) {
    part.put_i32(i32::try_from(field.len()).unwrap_or(i32::MAX));
    part.put_slice(field);
}
