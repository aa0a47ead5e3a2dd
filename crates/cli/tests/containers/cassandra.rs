//! How Cassandra is started by Compose. The database itself is not.

use crate::files;
use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    process::{Command, Output},
};
use tempfile::TempDir;

/// What stands in the file that is shipped with Cassandra 5.0.
const SHIPPED: &str =
    "num_tokens: 16\ncommitlog_sync: periodic\ncommitlog_sync_period: 10000ms\n# the end\n";

/// Runs the script over these settings, with a program in the place of the image's.
fn start(folder: &TempDir, settings: &str) -> Output {
    fs::write(folder.path().join("cassandra.yaml"), settings).expect("the folder is ours");
    let image = folder.path().join("docker-entrypoint.sh");
    fs::write(&image, "#!/bin/sh\necho started \"$@\"\n").expect("the folder is ours");
    fs::set_permissions(&image, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let path = env::var("PATH").expect("there is one");
    Command::new("bash")
        .arg(files::root().join("deploy/compose/cassandra.sh"))
        .env("CASSANDRA_CONF", folder.path())
        .env("PATH", format!("{}:{path}", folder.path().display()))
        .output()
        .expect("bash runs")
}

#[test]
fn it_acknowledges_what_is_on_its_disk() {
    let folder = TempDir::new().expect("a folder");
    let settings =
        || fs::read_to_string(folder.path().join("cassandra.yaml")).expect("it is there");
    let output = start(&folder, SHIPPED);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "started cassandra -f\n");
    let changed = "num_tokens: 16\ncommitlog_sync: batch\n# the end\n";
    assert_eq!(settings(), changed);
    // A container that is started again has the file of its last start.
    assert!(start(&folder, changed).status.success());
    assert_eq!(settings(), changed);
}

#[test]
fn it_does_not_start_when_that_is_not_so() {
    let folder = TempDir::new().expect("a folder");
    let output = start(&folder, "num_tokens: 16\n");
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
}
