//! The broker's binary as a process over real databases, with real faults: either of the two killed, the
//! network between them cut, swallowing or slow, the database away, full, read-only or asked wrongly.
//!
//! `cargo xtask test --only databases` starts one server of each kind for all tests that harm none; the
//! others start their own. `BROKER_SEED` chooses the seed of everything that is left to chance.

#![expect(clippy::print_stdout, reason = "a test that fails shows what it counted")]
#![expect(clippy::print_stderr, reason = "and what the broker logged")]

mod admin;
mod away;
mod backup;
mod bad_settings;
mod bench;
mod clocks;
mod copy;
mod crash;
mod database;
mod doctor;
mod full;
mod leaving;
mod lifetimes;
mod limits;
mod memory;
mod network;
mod pair;
mod readiness;
mod restarts;
mod standby;
mod start_log;
mod takeover;
mod unknown;

#[path = "../system/audit.rs"]
mod audit;
#[path = "../system/body.rs"]
mod body;
#[path = "../system/calls.rs"]
mod calls;
#[path = "../system/chance.rs"]
mod chance;
#[path = "../system/entry.rs"]
mod entry;
#[path = "../system/filler.rs"]
mod filler;
#[path = "../system/kills.rs"]
mod kills;
#[path = "../system/launch.rs"]
#[expect(dead_code, reason = "shared with the tests of the system")]
mod launch;
#[path = "../system/load.rs"]
mod load;
#[path = "../system/log.rs"]
mod log;
#[path = "../system/process.rs"]
mod process;
#[path = "../system/publisher.rs"]
mod publisher;
#[path = "../system/run.rs"]
mod run;
#[path = "../system/tmpfs.rs"]
#[expect(dead_code, reason = "shared with the tests of the system")]
mod tmpfs;
#[path = "../system/view.rs"]
mod view;
#[path = "../system/waiting.rs"]
mod waiting;
