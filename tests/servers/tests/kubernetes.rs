//! The cluster for tests itself: it runs pods, and leaves nothing behind.

use broker_test_servers::Cluster;
use std::{fs, path::Path};

/// A pod with the image that every cluster has.
const PODS: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: one}
spec:
  containers:
    - {name: pause, image: "test/pause:1", imagePullPolicy: Never}
"#;

/// What the kubelet sets for a whole machine.
const SETTINGS: [&str; 6] = [
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
];

#[tokio::test]
async fn a_pod_runs_and_nothing_stays() {
    let before = machine();
    let cluster = Cluster::start().await;
    cluster.tell(&["apply", "--filename", "-"], PODS).await.expect("a pod is accepted");
    cluster.kubectl(&["wait", "pod/one", "--for=condition=Ready", "--timeout=90s"]).await;
    let folder = cluster.folder().to_owned();
    assert_ne!(machine(), before, "it is seen while it runs");
    drop(cluster);
    assert_eq!(machine(), before);
    assert!(!folder.exists());
}

/// What a cluster could leave: cgroups of its name, links, mounts and settings.
fn machine() -> Vec<String> {
    let own = format!("broker-test-{}-1", std::process::id());
    let groups = fs::read_dir("/sys/fs/cgroup").expect("Linux has it");
    let groups = groups.map(|group| group.expect("it can be listed").path().join(&own));
    let links = ["node0", "pods0"].map(|link| Path::new("/sys/class/net").join(link));
    let mut found: Vec<String> = groups
        .chain(links)
        .filter(|path| path.exists())
        .map(|path| path.display().to_string())
        .collect();
    let mounts = fs::read_to_string("/proc/self/mounts").expect("Linux has it");
    found.extend(mounts.lines().filter(|line| line.contains("/kubernetes-")).map(str::to_owned));
    for setting in SETTINGS {
        let value = fs::read_to_string(format!("/proc/sys/{setting}")).expect("Linux has it");
        found.push(format!("{setting} {value}"));
    }
    found.sort();
    found
}
