//! Messages in PostgreSQL.
//!
//! Messages that expire at about the same time share a table (`bucket`), which is dropped when all of
//! them have expired. Writers (`writer`) put whatever waits into one statement, in which the owner's
//! row is the fence (`owner`). Last ids are not written with every message: the tables of messages
//! tell them, and `subjects` those of what is in no table any more. docs/decisions/0007-postgres.md says
//! why.

mod bucket;
mod call;
mod catalog;
pub(crate) mod ceiling;
mod config;
mod connector;
mod failure;
mod health;
mod inbox;
mod lookups;
mod making;
mod opening;
mod owner;
mod pool;
mod probe;
mod reading;
mod reclaiming;
mod removal;
mod rows;
mod schema;
mod server;
mod session;
mod shared;
mod statements;
mod store;
mod tls;
mod writer;

pub use config::PostgresConfig;
pub use opening::open;
pub(crate) use probe::probe;
