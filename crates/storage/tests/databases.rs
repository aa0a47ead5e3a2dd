//! The stores over real servers: `cargo xtask test --only databases` starts them.

mod support;

#[path = "broker_model/mod.rs"]
mod broker_model;
#[macro_use]
#[path = "conformance/mod.rs"]
mod conformance;
#[path = "model/mod.rs"]
mod model;

mod cassandra;
mod postgres;
