//! Host names and authorities: the image has no resolver's or TLS library's package, only their files.

use crate::container::{Container, engine};
use broker_test_servers::{Authority, docker::stand_in};
use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::Path,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_found_by_dns_and_in_the_file_of_hosts() {
    let (engine, image) = engine().await;
    engine.docker(["network", "create", "inside"]);
    let broker = Container::run(&engine, &image, "broker", &["--network=inside"]);
    broker.until_healthy().await;
    let ask = |options: &[&str], server: &str| {
        let words = ["run", "--rm", "--network=inside"].iter().chain(options).copied();
        engine.try_docker(words.chain([&*image, "health", "--server", server]))
    };
    assert_eq!(ask(&[], "http://broker:8080").as_deref().map(str::trim), Ok("serving"));
    let address = broker.inspect("{{.NetworkSettings.Networks.inside.IPAddress}}");
    let host = format!("--add-host=elsewhere:{address}");
    assert_eq!(ask(&[&host], "http://elsewhere:8080").as_deref().map(str::trim), Ok("serving"));
    let unknown = ask(&[], "http://nobody:8080").expect_err("there is no such host");
    assert!(unknown.contains("nobody"), "{unknown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_trusted_by_the_authorities_of_the_image() {
    let (engine, image) = engine().await;
    engine.docker(["network", "create", "inside"]);
    let postgres = engine.load(&stand_in("postgres"));
    let authority = Authority::new();
    let certificate = authority.issue(&["database"]);
    let folder = certificate.key.parent().expect("it is in a folder");
    // The database's user may enter the folder, and has the key for itself.
    set_mode(folder, 0o755);
    set_mode(&certificate.key, 0o600);
    chown(&certificate.key, Some(999), Some(999)).expect("tests with an engine run as root");
    let mount = |from: &Path, to: &str| format!("--volume={}:{to}:ro", from.display());
    let inside = |setting: &str, file: &Path| {
        let name = file.file_name().expect("it is a file").to_string_lossy();
        format!("{setting}=/certificates/{name}")
    };
    let chain = inside("ssl_cert_file", &certificate.chain);
    let key = inside("ssl_key_file", &certificate.key);
    let folder = mount(folder, "/certificates");
    engine.docker([
        "run",
        "--detach",
        "--name=database",
        "--network=inside",
        &folder,
        "--env=POSTGRES_USER=broker",
        "--env=POSTGRES_PASSWORD=secret",
        &postgres,
        "postgres",
        "-c",
        "ssl=on",
        "-c",
        &chain,
        "-c",
        &key,
    ]);
    let roots = mount(&authority.file(), "/etc/ssl/certs/ca-certificates.crt");
    let options = [
        "--network=inside",
        "--env=BROKER_STORAGE=postgres",
        "--env=BROKER_POSTGRES_HOST=database",
        "--env=BROKER_POSTGRES_PASSWORD=secret",
        "--env=BROKER_POSTGRES_TLS=verify-full",
    ];
    let trusting: Vec<&str> = options.iter().copied().chain([&*roots]).collect();
    let broker = Container::run(&engine, &image, "broker", &trusting);
    broker.until_healthy().await;

    // The world's authorities, which the image has, did not sign it.
    let confined = ["run", "--rm", "--env=BROKER_DATABASE_START_TIMEOUT=1s"];
    let words = confined.iter().chain(&options).copied().chain([&*image]);
    let refused = engine.try_docker(words).expect_err("nobody vouches for that database");
    assert!(refused.contains("certificate"), "{refused}");
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
}
