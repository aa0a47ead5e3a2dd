//! The unit of systemd that is shipped: every line is one that systemd knows, and nothing that a broker does is
//! forbidden by it. No systemd runs the broker here: what it would refuse is compared with what the broker asks for.

use crate::{
    calls,
    launch::{self, Launch},
    process::{Broker, send},
    waiting::PATIENCE,
};
use rustix::process::Signal;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use tempfile::TempDir;

/// Where the unit expects the binary.
const INSTALLED: &str = "/usr/local/bin/broker";

/// The exposure that `systemd-analyze` may find, in tenths: it calls 0 to 2.0 "safe" or "ok".
const EXPOSURE: &str = "--threshold=20";

fn unit() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/systemd/broker.service");
    fs::read_to_string(file).expect("the unit is shipped")
}

/// The unit with the binary that is tested, in a folder.
fn written(folder: &TempDir) -> PathBuf {
    let file = folder.path().join("broker.service");
    let binary = launch::binary();
    let binary = fs::canonicalize(binary).expect("the binary is built");
    let text = unit().replace(INSTALLED, binary.to_str().expect("a plain name"));
    fs::write(&file, text).expect("its folder can be written");
    file
}

fn analyze(arguments: &[&str]) -> Output {
    let output = Command::new("systemd-analyze").args(arguments).output();
    output.expect("systemd-analyze is installed")
}

/// The values of a key.
fn values(key: &str) -> Vec<String> {
    let unit = unit();
    let lines = unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    lines.map(str::to_owned).collect()
}

#[test]
fn systemd_knows_every_line() {
    let folder = TempDir::new().expect("a folder");
    let output = analyze(&["verify", "--man=no", written(&folder).to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stderr);
    // What it does not know, it names and goes on.
    let ours: Vec<_> = said.lines().filter(|line| line.contains("broker.service")).collect();
    assert!(output.status.success() && ours.is_empty(), "{said}");
}

#[test]
fn the_machine_is_hardly_exposed_to_it() {
    let folder = TempDir::new().expect("a folder");
    let unit = written(&folder);
    let output = analyze(&["security", "--offline=yes", EXPOSURE, unit.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_allows_every_system_call_that_a_broker_makes() {
    let folder = TempDir::new().expect("a folder");
    let trace = folder.path().join("trace");
    let strace = ["strace", "-f", "-qq", "-o", trace.to_str().unwrap()];
    let launch = Launch::local(&folder.path().join("data")).under(strace);
    let mut broker = Broker::start(&launch).await;
    let client = calls::connect(broker.address).await;
    let id = calls::publish(&client, calls::kept("orders", "tea")).await.expect("it is stored");
    calls::fetch(&client, "orders", id).await.expect("it is kept");
    let mut stream = calls::subscribe(&client, "orders", 0).await.expect("a subscription");
    calls::next(&mut stream).await.expect("what is kept");
    // strace hands no signal on.
    send(crate::leave::only_child(broker.pid()), Signal::TERM);
    broker.ended(PATIENCE).await;

    let made = calls_of(&fs::read_to_string(&trace).expect("strace wrote it"));
    assert!(made.contains("fdatasync") && made.contains("accept4"), "{made:?}");
    let refused = &made - &allowed();
    assert!(refused.is_empty(), "the unit refuses {refused:?}");
}

/// The names of the system calls in a trace.
fn calls_of(trace: &str) -> BTreeSet<String> {
    let name = |line: &str| {
        let call = line.split_once(' ')?.1.trim_start().split_once('(')?.0;
        call.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_').then(|| call.into())
    };
    trace.lines().filter_map(name).collect()
}

/// What the unit's filters leave.
fn allowed() -> BTreeSet<String> {
    let mut allowed = BTreeSet::new();
    for filter in values("SystemCallFilter") {
        match filter.strip_prefix('~') {
            Some(groups) => allowed = &allowed - &members(groups),
            None => allowed.extend(members(&filter)),
        }
    }
    allowed
}

/// The system calls in groups, and in the groups in these.
fn members(groups: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for group in groups.split_whitespace() {
        let output = analyze(&["syscall-filter", group]);
        assert!(output.status.success(), "there is no group {group}");
        let text = String::from_utf8_lossy(&output.stdout);
        for member in text.lines().skip(1).map(str::trim).filter(|line| !line.starts_with('#')) {
            if member.starts_with('@') {
                names.extend(members(member));
            } else {
                names.insert(member.to_owned());
            }
        }
    }
    names
}

#[test]
fn what_it_sets_are_settings() {
    let mut config = Command::new(launch::binary());
    config.arg("config").current_dir(std::env::temp_dir());
    launch::clear_settings(&mut config);
    let variables = values("Environment");
    for variable in &variables {
        let (name, value) = variable.split_once('=').expect("a name and a value");
        config.env(name, value.replace("%S", "/var/lib"));
    }
    let output = config.output().expect("the binary starts");
    let (settings, told) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && !told.contains("no setting"), "{told}");
    for variable in variables {
        let name = variable.split_once('=').unwrap().0;
        assert!(settings.contains(&format!("environment {name}")), "{name}: {settings}");
    }
    let seconds = |text: &str| text.trim_end_matches('s').parse::<u32>().expect("seconds");
    let grace = settings.lines().find_map(|line| line.strip_prefix("grace ")).expect("a setting");
    let grace = seconds(grace.split_whitespace().next().unwrap());
    let timeout = seconds(&values("TimeoutStopSec")[0]);
    assert!(timeout > grace, "it is killed after {timeout} s, within its grace of {grace} s");
}
