//! The door: gRPC (and gRPC-Web) and the admin pages over a broker.
//!
//! [`Server`] is what there is to use. Inside, `connections.rs` takes requests off sockets,
//! `layers.rs` is the way of a request, `service.rs` has the four calls, `convert.rs` is the only file
//! that sees wire and core types, `status.rs` makes errors codes.

mod ack;
mod admin;
mod call;
mod compression;
mod connections;
mod convert;
mod farewell;
mod feed;
mod greeting;
mod health;
mod ingest;
mod layers;
mod limits;
mod observe;
mod opening;
mod origin;
mod outbox;
mod receiving;
mod reply;
mod results;
mod room;
mod server;
mod service;
mod shutdown;
mod side;
mod status;
mod trace;
mod transit;
mod usage;

pub use admin::{
    Controls, LogControl, LogLevels, MetricsFormat, MetricsPage, Profile, ProfileError, Profiler,
};
pub use health::{Health, State};
pub use limits::{
    MAX_ACK, MAX_BATCH_MESSAGES, MAX_MESSAGE, MAX_REQUEST, MAX_WAITING_RESULTS, ServerLimits,
};
pub use observe::{NoRpcObserver, RpcObserver};
pub use opening::{OpenBroker, Opening};
pub use origin::is_origin;
pub use server::{BindError, ServeError, Server, ServerConfig};
/// The codes that an [`RpcObserver`] hears.
pub use tonic::Code;
pub use trace::{Parent, Tracer};
pub use usage::Meters;
