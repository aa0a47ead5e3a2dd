//! Load from outside: k6, ghz and a pool of workers in Go, against real brokers, failing ones, and servers that lie.
//!
//! `cargo xtask test --only edge` makes what they need and says where it is.

#![expect(clippy::print_stderr, reason = "a test that fails shows what its programs said")]

mod counted;
mod failing;
mod ghz;
mod host;
mod k6;
mod liar;
mod lie;
mod lies;
mod pool;
mod through_envoy;
mod tool;

#[path = "../databases/admin.rs"]
mod admin;
#[path = "../system/body.rs"]
mod body;
#[path = "../system/calls.rs"]
#[expect(dead_code, reason = "shared with the tests of the system")]
mod calls;
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
#[path = "../system/waiting.rs"]
#[expect(dead_code, reason = "shared with the tests of the system")]
mod waiting;
