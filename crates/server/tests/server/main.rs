//! The door as its clients meet it: a server over the memory store in this process, and clients over
//! the loopback.

mod batches;
mod compression;
mod controls;
mod deadlines;
mod errors;
mod fenced;
mod health;
mod hostile;
mod leaving;
mod limits;
mod observing;
mod old_clients;
mod opening;
mod operator;
mod pipelining;
mod reflection;
mod sizes;
mod subscribing;
mod support;
mod validity;
mod web;
