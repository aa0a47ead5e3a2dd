//! What the image has, and says of itself.

use crate::{
    calls,
    container::{Container, connect, engine},
    files,
};
use broker_test_servers::docker::{Engine, stand_in};
use serde_json::{Value, json};
use std::{collections::BTreeSet, process::Command};

/// More than this would be a sign of something that does not belong there.
const MOST_BYTES: u64 = 60 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn it_is_small_and_says_how_it_is_run() {
    let (engine, image) = engine().await;
    let said = engine.docker(["image", "inspect", "--format", "{{json .}}", &image]);
    let said: Value = serde_json::from_str(&said).expect("JSON");
    let size = said["Size"].as_u64().expect("a size");
    println!("the image has {} KiB", size / 1024);
    assert!(size < MOST_BYTES, "{size} bytes");

    let config = &said["Config"];
    assert_eq!(config["User"], "65532:65532");
    assert_eq!(config["Entrypoint"], json!(["/usr/bin/broker"]));
    assert_eq!(config["Cmd"], json!(["serve"]));
    assert_eq!(config["ExposedPorts"], json!({"8080/tcp": {}, "9901/tcp": {}}));
    assert_eq!(config["Volumes"], json!({"/var/lib/broker": {}}));
    assert_eq!(config["StopSignal"], "SIGTERM");
    assert_eq!(config["Healthcheck"]["Test"], json!(["CMD", "/usr/bin/broker", "health"]));
    let label = |name: &str| config["Labels"][format!("org.opencontainers.image.{name}")].clone();
    assert_eq!(label("title"), "broker");
    assert_eq!(label("version"), env!("CARGO_PKG_VERSION"), "as in Cargo.toml");
    assert_eq!(label("licenses"), env!("CARGO_PKG_LICENSE"));
    assert!(label("revision").is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_has_one_program_and_no_shell() {
    let (engine, image) = engine().await;
    engine.docker(["create", "--name", "files", &image]);
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    engine.docker(["export", "--output", file.path().to_str().expect("plain"), "files"]);
    let list = Command::new("tar").arg("--list").arg("--file").arg(file.path()).output();
    let list = String::from_utf8(list.expect("tar").stdout).expect("plain names");
    let names: BTreeSet<&str> = list.lines().filter(|name| !name.ends_with('/')).collect();
    for wanted in ["usr/bin/broker", "etc/passwd", "etc/ssl/certs/ca-certificates.crt"] {
        assert!(names.contains(wanted), "{wanted} is missing: {names:?}");
    }
    // The engine adds a few of its own to every container.
    let others = |name: &&&str| {
        let folders = ["etc/", "dev/"];
        !folders.iter().any(|folder| name.starts_with(folder)) && !name.contains(".so")
    };
    let programs: Vec<&&str> = names.iter().filter(others).collect();
    assert_eq!(programs, [&".dockerenv", &"usr/bin/broker"]);
    let shell = engine.try_docker(["run", "--rm", "--entrypoint", "/bin/sh", &image, "-c", "true"]);
    assert!(shell.is_err(), "there is a shell: {shell:?}");
    let version = engine.docker(["run", "--rm", &image, "--version"]);
    assert!(version.contains(env!("CARGO_PKG_VERSION")), "{version}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_on_a_root_that_is_read_only() {
    let (engine, image) = engine().await;
    let broker = Container::run(&engine, &image, "broker", &["--publish=127.0.0.1:18080:8080"]);
    broker.until_healthy().await;
    assert_eq!(
        broker.inspect("{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}}"),
        "true [ALL]"
    );
    let client = connect(&engine.network(), ([127, 0, 0, 1], 18080).into()).await;
    let id = calls::publish(&client, calls::kept("orders", "one")).await.expect("stored");

    // A container of another name with the same volume: what an upgrade is.
    broker.tell(&["rm", "--force"]);
    let next = Container::run(&engine, &image, "next", &[]);
    next.until_healthy().await;
    let client = connect(&engine.network(), next.address()).await;
    let message = calls::fetch(&client, "orders", id).await.expect("it is there");
    assert_eq!(message.body, "one");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_unhealthy_while_it_does_not_serve() {
    let (engine, image) = engine().await;
    let health = ["--health-interval=200ms", "--health-start-period=0s", "--health-retries=1"];
    let broker = Container::run(&engine, &image, "broker", &health);
    broker.until_healthy().await;
    broker.tell(&["pause"]);
    // Nobody runs a check in a paused container; another one asks it.
    let url = format!("http://{}", broker.address());
    let ask = ["run", "--rm", &image, "health", "--server", &url];
    let paused = engine.try_docker(ask);
    assert!(paused.is_err(), "{paused:?}");
    broker.tell(&["unpause"]);
    broker.until_healthy().await;
    assert_eq!(engine.docker(ask).trim(), "serving");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newer_builder_reads_the_same_file() {
    let engine = Engine::on_the_network_of_the_machine().await;
    let builder = format!("RUST_IMAGE={}", engine.load(&stand_in("rust")));
    let mut command = engine.command("/usr/bin/docker");
    // All stages of it are parsed; this one is made, from the work tree as users have it.
    command.args(["build", "--network=none", "--target=skeleton", "--build-arg", &builder]);
    command.args(["--tag=skeleton", "."]).current_dir(files::root()).env("DOCKER_BUILDKIT", "1");
    let output = command.output().expect("it can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let find =
        ["run", "--rm", "--network=none", "skeleton", "find", ".", "-name", "*.rs", "-size", "+1"];
    assert_eq!(engine.docker(find), "", "the skeleton has no source");
    let list =
        engine.docker(["run", "--rm", "--network=none", "skeleton", "find", ".", "-name", "*.rs"]);
    assert!(list.contains("./crates/cli/src/main.rs\n"), "{list}");
    assert!(!list.contains("crates/cli/tests"), "{list}");
}
