//! The command line as it is typed: the real binary against a real broker on loopback.
//!
//! Every broker and command is a child process that ends with its handle.

mod bench;
mod command;
mod completions;
mod copy;
mod doctor;
mod environment;
mod errors;
mod going_on;
mod golden;
mod keeping;
mod lines;
mod log;
mod profile;
mod purge;
mod round_trips;
mod serve;
mod server;
mod settings;
mod subjects;
mod subscribe;
mod terminal;
