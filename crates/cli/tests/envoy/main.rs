//! A broker behind a real Envoy with the configuration that is shipped.
//!
//! `cargo xtask test --only edge` makes what they need and says where it is.

#![expect(clippy::print_stdout, reason = "a test that fails shows what it counted")]
#![expect(clippy::print_stderr, reason = "and what the broker logged")]

mod draining;
mod fake;
mod file;
mod limits;
mod observed;
mod pair;
mod reach;
mod retries;
mod streams;
mod takeover;
mod tls;
mod web;

#[path = "../databases/admin.rs"]
mod admin;
#[path = "../system/audit.rs"]
#[expect(dead_code, reason = "shared with the tests of the system")]
mod audit;
#[path = "../system/body.rs"]
mod body;
#[path = "../system/calls.rs"]
#[expect(dead_code, reason = "shared with the tests of the system")]
mod calls;
#[path = "../databases/database.rs"]
#[expect(dead_code, unused_imports, unused_macros, reason = "shared with the tests over databases")]
mod database;
#[path = "../system/entry.rs"]
mod entry;
#[path = "../system/launch.rs"]
#[expect(dead_code, reason = "shared with the tests of the system")]
mod launch;
#[path = "../system/log.rs"]
#[expect(dead_code, reason = "shared with the tests of the system")]
mod log;
#[path = "../system/process.rs"]
#[expect(dead_code, reason = "shared with the tests of the system")]
mod process;
#[path = "../clients/program.rs"]
#[expect(dead_code, reason = "shared with the tests of clients")]
mod program;
#[path = "../system/view.rs"]
#[expect(dead_code, reason = "shared with the tests of the system")]
mod view;
#[path = "../system/waiting.rs"]
#[expect(dead_code, reason = "shared with the tests of the system")]
mod waiting;

use launch::Launch;
use process::Broker;

/// A broker with a store in memory.
async fn broker() -> Broker {
    Broker::start(&Launch::memory()).await
}
