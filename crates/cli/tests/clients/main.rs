//! Clients of other languages against the broker's binary: those generated from the predecessor's
//! proto, those of today's, gRPC-Web in a browser, grpcurl, and the examples that people start from.
//!
//! Each test starts a broker of its own and runs a program of `tests/clients` or `examples` against
//! it. `cargo xtask test --only clients` lays out what they need and names the folder in
//! `BROKER_CLIENTS`.

#![expect(clippy::print_stderr, reason = "a test that fails shows what its programs said")]

mod examples;
mod grpcurl;
mod keepalive;
mod language;
mod new;
mod old;
mod owners;
mod program;
mod relay;
mod web;

#[path = "../system/body.rs"]
mod body;
#[path = "../system/calls.rs"]
#[expect(dead_code, reason = "the tests of the system use more of it")]
mod calls;
#[path = "../system/failing_syncs.rs"]
mod failing_syncs;
#[path = "../system/launch.rs"]
#[expect(dead_code, reason = "the tests of the system use more of it")]
mod launch;
#[path = "../system/log.rs"]
#[expect(dead_code, reason = "shared with the tests of the system")]
mod log;
#[path = "../system/process.rs"]
#[expect(dead_code, reason = "the tests of the system use more of it")]
mod process;
#[path = "../system/waiting.rs"]
#[expect(dead_code, reason = "the tests of the system use more of it")]
mod waiting;
