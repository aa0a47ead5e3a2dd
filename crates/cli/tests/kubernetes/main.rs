//! The manifests, in a real Kubernetes of one node with the image that is shipped.
//!
//! `cargo xtask test --only kubernetes` makes what they need and says where it is; it starts one cluster for
//! all tests, each of which has a namespace of its own.

#![expect(clippy::print_stdout, reason = "a test that fails shows what it counted")]

mod acceptance;
mod images;
mod load;
mod local;
mod manifests;
mod node;
mod pair;
mod rendering;
mod site;
mod watched;

#[path = "../databases/admin.rs"]
mod admin;
#[path = "../system/launch.rs"]
#[expect(dead_code, reason = "shared with the tests of the system")]
mod launch;
#[path = "../system/waiting.rs"]
#[expect(dead_code, reason = "shared with the tests of the system")]
mod waiting;

use std::{path::PathBuf, time::Duration};

/// Long enough for anything in a cluster on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The overlays that are shipped.
const OVERLAYS: [&str; 5] = ["local", "postgres", "cassandra", "monitoring", "single-node"];

/// A file or folder of the repository.
fn path(inside: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().expect("it is there").join(inside)
}

/// The text of a file of the repository.
fn text(inside: &str) -> String {
    let path = path(inside);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
