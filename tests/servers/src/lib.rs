//! Real servers for tests: each is a child of the test on free ports of loopback, keeps its files in a
//! temporary folder, answers when its start returns, and ends with its handle.
//!
//! What a test cannot go on without ends it: methods panic, with what the server logged last.

#![expect(clippy::missing_panics_doc, reason = "everything here ends its test when it fails")]
#![expect(clippy::must_use_candidate, reason = "tests call what they need")]

pub mod cassandra;
mod certificates;
mod clock;
pub mod docker;
pub mod envoy;
mod http;
mod jaeger;
pub mod kubernetes;
mod pgbouncer;
mod ports;
pub mod postgres;
mod process;
mod programs;
pub mod prometheus;
pub mod proxy;
pub mod shared;
mod waiting;

pub use cassandra::Cassandra;
pub use certificates::{Authority, Certificate};
pub use envoy::Envoy;
pub use jaeger::Jaeger;
pub use kubernetes::{Cluster, Kubernetes};
pub use pgbouncer::{PgBouncer, PoolMode};
pub use postgres::Postgres;
pub use prometheus::{NodeExporter, Prometheus};
pub use proxy::{Direction, Proxy};
