//! SIGTERM and ctrl-c under load: nothing acknowledged is lost, no call hangs, exit 0.

use crate::{
    audit::Auditor,
    calls,
    chance::{Chance, seed},
    launch::Launch,
    process::{Broker, send},
    run::Run,
    waiting::{PATIENCE, until, within},
};
use rustix::process::Signal;
use std::{fs, path::Path, time::Duration};
use tempfile::TempDir;
use tonic::Code;

/// How long a broker under this load may take to leave.
const GRACE: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_under_load() {
    leaves_in_order(Signal::TERM).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_under_load() {
    leaves_in_order(Signal::INT).await;
}

async fn leaves_in_order(signal: Signal) {
    let folder = TempDir::new().expect("a folder");
    let launch = Launch::local(folder.path());
    let mut broker = Broker::start(&launch).await;
    leave(&mut broker, |broker| broker.signal(signal), &launch).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_as_process_1() {
    let folder = TempDir::new().expect("a folder");
    let launch = Launch::local(folder.path());
    let unshare = ["unshare", "--pid", "--fork", "--kill-child"];
    let inside = if rustix::process::geteuid().is_root() {
        launch.clone().under(unshare)
    } else {
        launch.clone().under(unshare.into_iter().chain(["--user", "--map-root-user"]))
    };
    let mut broker = Broker::start(&inside).await;
    let first = only_child(broker.pid());
    leave(&mut broker, |_| send(first, Signal::TERM), &launch).await;
}

/// The broker is told to leave while calls are under way; another one takes over its folder.
async fn leave(broker: &mut Broker, tell: impl FnOnce(&Broker), launch: &Launch) {
    let mut chance = Chance::new(seed());
    let mut auditor = Auditor::default();
    let mut run = Run::start(broker, 1, &mut chance).await;
    let client = calls::connect(broker.address).await;
    let mut idle = calls::subscribe(&client, "idle", 0).await.expect("a subscription");
    within(PATIENCE, "acknowledgements", run.load.acked(3_000)).await;
    tell(broker);

    run.end(&mut auditor).await;
    let end = calls::next(&mut idle).await.expect_err("the broker leaves");
    assert_eq!((end.code(), calls::reason(&end)), (Code::Unavailable, "BROKER_CLOSING".into()));
    let status = broker.ended(GRACE).await;
    assert_eq!(status.code(), Some(0), "{status}");

    let next = Broker::start(launch).await;
    let verdict = auditor.audit(&calls::connect(next.address).await).await;
    println!("{verdict}");
    assert!(verdict.is_good(), "{verdict}");
    assert_eq!(verdict.unknown, 0, "a broker that leaves tells everyone: {verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_or_an_idle_broker_leaves_at_once() {
    let folder = TempDir::new().expect("a folder");
    let mut broker = Broker::start(&Launch::local(folder.path())).await;
    broker.signal(Signal::TERM);
    assert_eq!(broker.ended(Duration::from_secs(5)).await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_broker_is_refused_with_one_sentence() {
    let folder = TempDir::new().expect("a folder");
    let launch = Launch::local(folder.path());
    let _first = Broker::start(&launch).await;
    let Err((status, log)) = Broker::try_start(&launch).await else {
        panic!("two brokers share a folder");
    };
    assert_eq!(status.code(), Some(1), "{}", log.tail());
    // The pipes end with the process; their last line may still be on its way.
    let folder = folder.path().to_string_lossy().into_owned();
    until(PATIENCE, "a line that names the folder", async || {
        log.find(|line| line.contains(&folder).then_some(()))
    })
    .await;
    assert!(log.find(|line| line.contains("panicked").then_some(())).is_none(), "{}", log.tail());
}

/// The process that `unshare` started, which is process 1 for itself.
pub fn only_child(pid: u32) -> u32 {
    let children = Path::new("/proc").join(format!("{pid}/task/{pid}/children"));
    let children = fs::read_to_string(children).expect("Linux tells the children");
    children.trim().parse().expect("one child")
}
