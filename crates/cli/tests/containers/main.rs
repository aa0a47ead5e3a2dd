//! The image and Compose, with a real Docker engine.
//!
//! `cargo xtask test --only containers` makes what they need and says where it is.
