//! The client against brokers that leave, vanish, never answer or break their word.

mod fake;
mod ledger;
mod publish_stream;
mod publisher;
mod reading;
mod resuming;
mod script;
mod transport;
