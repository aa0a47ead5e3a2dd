//! What an operator sees of the broker's binary from outside: the metrics page, a real Prometheus that scrapes
//! it, a real Jaeger that is sent its spans, and its log.
//!
//! `cargo xtask test --only telemetry` starts the databases and says where the programs are.

#![expect(clippy::print_stderr, reason = "a test that fails shows what the broker logged")]

mod alerts;
mod counted;
mod dashboard;
mod dashboards;
mod expected;
mod page;
mod panels;
mod pictures;
mod promtool;
mod scrape;
mod shipped;
mod stage;
mod traces;
mod traffic;

#[path = "../databases/admin.rs"]
mod admin;
#[path = "../system/body.rs"]
mod body;
#[path = "../system/calls.rs"]
#[expect(dead_code, reason = "shared with the tests of the system")]
mod calls;
#[path = "../databases/database.rs"]
#[expect(dead_code, unused_imports, unused_macros, reason = "shared with the tests over databases")]
mod database;
#[path = "../system/failing_syncs.rs"]
mod failing_syncs;
#[path = "../system/launch.rs"]
mod launch;
#[path = "../system/log.rs"]
#[expect(dead_code, reason = "shared with the tests of the system")]
mod log;
#[path = "../system/process.rs"]
mod process;
#[path = "../system/waiting.rs"]
#[expect(dead_code, reason = "shared with the tests of the system")]
mod waiting;
