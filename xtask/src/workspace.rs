//! Where the workspace and what it builds lie.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The folder of the workspace's Cargo.toml.
pub fn root() -> PathBuf {
    // Cargo says where this crate lies now; where it was compiled is good enough without cargo.
    let here = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.parent().map_or_else(|| here.clone(), Path::to_path_buf)
}

/// The broker's binary of the release build.
pub fn release_binary() -> PathBuf {
    target().join("release").join("broker")
}

/// What the tests of clients of other languages run, laid there by [`crate::clients`].
pub fn clients() -> PathBuf {
    target().join("clients")
}

/// Where builds and what is made of them go.
pub fn target() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    root().join(target)
}

/// The cargo that runs this program.
pub fn cargo() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from)
}
