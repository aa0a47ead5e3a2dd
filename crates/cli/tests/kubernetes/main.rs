//! The manifests, in a real Kubernetes of one node with the image that is shipped.
//!
//! `cargo xtask test --only kubernetes` makes what they need and says where it is.
