//! The broker's binary as a process, with real faults: killed, told to leave, out of disk, with a disk
//! that fails, with clients that vanish or never read.
//!
//! Servers bind to loopback, every load is bounded, and what a test starts it ends by its handle.
//! `BROKER_SEED` chooses the seed of everything that is left to chance.

#![expect(clippy::print_stdout, reason = "a test that fails shows what it counted")]
#![expect(clippy::print_stderr, reason = "and what the broker logged")]

mod abuse;
mod audit;
mod body;
mod calls;
mod chance;
mod crash;
mod disk_full;
mod entry;
mod failing_syncs;
mod filler;
mod half_open;
mod kills;
#[expect(dead_code, reason = "shared with the tests of the client")]
mod launch;
mod leave;
#[expect(dead_code, reason = "shared with the tests over databases")]
mod load;
#[expect(dead_code, reason = "shared with the tests over databases")]
mod log;
mod many_subjects;
mod pause;
mod process;
#[expect(dead_code, reason = "shared with the tests of the client")]
mod proxy;
mod publisher;
mod readme;
mod resume;
#[expect(dead_code, reason = "shared with the tests over databases")]
mod run;
mod service;
mod sync_failure;
#[path = "../commands/terminal.rs"]
#[expect(dead_code, reason = "shared with the tests of the command line, which use more of it")]
mod terminal;
#[expect(dead_code, reason = "shared with the tests over databases")]
mod tmpfs;
mod view;
mod waiting;
