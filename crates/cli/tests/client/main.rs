//! The client against the broker's binary as a process, and a network that fails: nothing acknowledged
//! is missed, nothing comes twice, nothing is sent twice.
//!
//! What starts brokers and stands in between is shared with the tests of the system.

#![expect(clippy::print_stdout, reason = "a test that fails shows what it counted")]
#![expect(clippy::print_stderr, reason = "and what the broker logged")]

mod beginnings;
#[path = "../system/body.rs"]
mod body;
#[expect(dead_code, reason = "shared")]
#[path = "../system/calls.rs"]
mod calls;
mod examples;
#[expect(dead_code, reason = "shared")]
#[path = "../system/launch.rs"]
mod launch;
mod leaks;
mod lives;
#[path = "../system/log.rs"]
#[expect(dead_code, reason = "shared with the tests of the system")]
mod log;
mod network;
#[path = "../system/process.rs"]
mod process;
#[expect(dead_code, reason = "shared")]
#[path = "../system/proxy.rs"]
mod proxy;
mod traffic;
#[expect(dead_code, reason = "shared")]
#[path = "../system/waiting.rs"]
mod waiting;
