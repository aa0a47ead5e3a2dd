//! The door: gRPC (and gRPC-Web) and the admin pages over a broker.
//!
//! [`Server`] is what there is to use. `service.rs` has the four calls, `convert.rs` is the only file
//! that sees wire and core types, `status.rs` makes errors codes.

mod ack;
mod admin;
mod batch;
mod connections;
mod convert;
mod feed;
mod health;
mod ingest;
mod layers;
mod limits;
mod receiving;
mod reply;
mod server;
mod service;
mod status;

pub use limits::{
    MAX_ACK, MAX_BATCH_MESSAGES, MAX_MESSAGE, MAX_REQUEST, MAX_WAITING_RESULTS, ServerLimits,
};
pub use server::{BindError, ServeError, Server, ServerConfig};
