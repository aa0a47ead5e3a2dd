//! Load from outside: k6, ghz and a pool of workers in Go.
//!
//! `cargo xtask test --only edge` makes what they need and says where it is.
