//! The image and Compose, with a real Docker engine.
//!
//! The image is built by the shipped Dockerfile, and Compose reads the shipped files; images of others are stand-ins
//! with the real programs, since no registry can be asked: Envoy and Jaeger of those versions, PostgreSQL, Prometheus
//! and the node exporter of Debian. Grafana and Cassandra are not started.
//!
//! `cargo xtask test --only containers` makes what they need and says where it is.

#![expect(clippy::print_stdout, reason = "a test tells what it measured and found")]

mod cassandra;
mod compose;
mod container;
mod files;
mod image;
mod leaving;
mod names;
mod services;
mod together;

#[path = "../system/audit.rs"]
#[expect(dead_code, reason = "shared with the tests of the system")]
mod audit;
#[path = "../system/body.rs"]
mod body;
#[path = "../system/calls.rs"]
#[expect(dead_code, reason = "shared with the tests of the system")]
mod calls;
#[path = "../system/chance.rs"]
mod chance;
#[path = "../system/entry.rs"]
mod entry;
#[path = "../commands/environment.rs"]
mod environment;
#[path = "../system/load.rs"]
#[expect(dead_code, reason = "shared with the tests of the system")]
mod load;
#[path = "../system/view.rs"]
#[expect(dead_code, reason = "shared with the tests of the system")]
mod view;
#[path = "../system/waiting.rs"]
mod waiting;
