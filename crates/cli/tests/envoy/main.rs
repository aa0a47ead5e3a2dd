//! A broker behind a real Envoy with the configuration that is shipped.
//!
//! `cargo xtask test --only edge` makes what they need and says where it is.
