//! The servers themselves.

mod cassandra;
mod postgres;
