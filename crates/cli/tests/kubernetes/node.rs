//! The node that pods run on: their processes as this machine sees them.

use crate::site::Site;
use rustix::process::{Pid, Signal, kill_process};
use std::{fs, path::Path};

/// Sends a signal to every process of a pod's only container, over the head of Kubernetes.
pub async fn signal(site: &Site, pod: &str, signal: Signal) {
    let pod = site.get(&["pod", pod]).await;
    let id = pod["status"]["containerStatuses"][0]["containerID"].as_str().expect("it runs");
    let id = id.trim_start_matches("containerd://");
    let processes = processes(Path::new("/sys/fs/cgroup/pids"), id).expect("its cgroup");
    assert!(!processes.is_empty(), "{id} has processes");
    for process in processes {
        kill_process(process, signal).expect("it runs");
    }
}

/// The processes of the cgroup of that name, somewhere in a folder.
fn processes(folder: &Path, name: &str) -> Option<Vec<Pid>> {
    for entry in fs::read_dir(folder).ok()?.flatten() {
        let path = entry.path();
        if entry.file_name() == name {
            let text = fs::read_to_string(path.join("cgroup.procs")).expect("Linux has it");
            let pids = text.lines().filter_map(|line| Pid::from_raw(line.parse().ok()?));
            return Some(pids.collect());
        }
        if path.is_dir()
            && let Some(found) = processes(&path, name)
        {
            return Some(found);
        }
    }
    None
}
