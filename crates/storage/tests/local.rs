//! The local store on a real directory and on a simulated disk.

#[path = "local/basics.rs"]
mod basics;
