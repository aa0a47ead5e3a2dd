//! The client against brokers that leave, vanish, never answer or break their word.

mod fake;
mod publish_stream;
mod reading;
mod resuming;
mod script;
