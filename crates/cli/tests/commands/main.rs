//! The command line as it is typed: the real binary against a real broker on loopback.
//!
//! Every broker and command is a child process that ends with its handle.

mod command;
mod completions;
mod errors;
mod keeping;
mod lines;
mod purge;
mod round_trips;
mod serve;
mod server;
mod subjects;
mod subscribe;
mod terminal;
