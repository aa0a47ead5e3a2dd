//! One broker that keeps messages on a volume.

use crate::{
    PATIENCE,
    load::Load,
    node,
    site::{Site, inside},
    waiting::until,
};
use broker_test_servers::shared;
use rustix::process::Signal;
use std::time::Duration;

/// What a broker that leaves may take, as BROKER_GRACE has it.
const GRACE: Duration = Duration::from_secs(30);

/// A broker that runs in a namespace of its own.
async fn started(site: Site) -> Site {
    let site = site.volume("data-broker-0");
    site.apply().await;
    site.rolled_out(&["statefulset/broker"]).await;
    site
}

#[test]
fn a_message_goes_in_by_the_name_of_the_service() {
    inside(async || {
        let site =
            started(Site::small("local", "by-name").setting("BROKER_MAX_CONNECTIONS", "77")).await;
        let broker = ["exec", "broker-0", "--", "/usr/bin/broker"];
        // The settings are those of the ConfigMap, and nothing else in the pod looks like one.
        let config = site.kubectl(&[&broker[..], &["config"]].concat()).await;
        let line = |name: &str| {
            let line = config.lines().find(|line| line.split_whitespace().next() == Some(name));
            line.unwrap_or_else(|| panic!("{name} in {config}")).to_owned()
        };
        assert!(line("max-connections").contains("77"), "{config}");
        assert!(line("max-connections").contains("BROKER_MAX_CONNECTIONS"), "{config}");
        let log = site.kubectl(&["logs", "broker-0"]).await;
        assert!(!log.contains("no setting"), "{log}");

        // A moment after its pod is ready the service leads to it.
        let to = format!("http://broker.{}:8080", site.namespace());
        let publish = ["publish", "--server", &to, "orders", "one tea", "--keep"];
        let id = until(PATIENCE, "a message is stored", async || {
            site.ask(&[&broker[..], &publish].concat()).await.ok()
        });
        assert_eq!(id.await.trim(), "1");
        let pod = "http://broker-0.broker-headless:8080";
        let fetch = ["fetch", "--server", pod, "orders", "1"];
        let fetched = site.kubectl(&[&broker[..], &fetch].concat()).await;
        assert!(fetched.contains("one tea"), "{fetched}");
        site.remove().await;
    });
}

#[test]
fn a_deleted_pod_comes_back_with_every_message() {
    inside(async || {
        let site = started(Site::small("local", "comes-back")).await;
        let claim = async || site.get(&["persistentvolumeclaim", "data-broker-0"]).await;
        let pod = async || site.get(&["pod", "broker-0"]).await["metadata"]["uid"].clone();
        let (claimed, first) = (claim().await, pod().await);
        let load = Load::start(site.service("broker", 8080).await).await;
        for way in [&["--wait=true"][..], &["--grace-period=0", "--force"]] {
            load.acked_more(200).await;
            site.kubectl(&[&["delete", "pod", "broker-0"], way].concat()).await;
            site.rolled_out(&["statefulset/broker"]).await;
            load.acked_more(200).await;
        }
        load.audit().await;
        assert_ne!(pod().await, first);
        assert_eq!(claim().await["metadata"]["uid"], claimed["metadata"]["uid"]);
        site.remove().await;
    });
}

#[test]
fn a_rolling_update_under_load_loses_nothing_and_cuts_nothing() {
    inside(async || {
        let site = started(Site::small("local", "rolls")).await;
        let load = Load::start(site.service("broker", 8080).await).await;
        load.acked_more(200).await;
        // Another setting is another ConfigMap, and so another pod.
        let site = site.setting("BROKER_MAX_CONNECTIONS", "99");
        site.apply().await;
        site.rolled_out(&["statefulset/broker"]).await;
        load.acked_more(200).await;
        let told = load.audit().await;
        assert!(told.unknown.is_empty(), "a broker that leaves tells everyone: {:?}", told.unknown);
        assert!(told.slowest < GRACE, "{:?}", told.slowest);
        let pod = site.get(&["pod", "broker-0"]).await;
        let ended = &pod["status"]["containerStatuses"][0]["restartCount"];
        assert_eq!(*ended, 0, "it was ready without a second try");
        site.remove().await;
    });
}

#[test]
fn a_broken_pod_leaves_the_endpoints_and_comes_back() {
    inside(async || {
        let site = started(Site::small("local", "breaks")).await;
        let ready = async |wanted: bool| {
            until(PATIENCE, &format!("endpoints say {wanted}"), async || {
                (site.endpoints("broker").await.get("broker-0") == Some(&wanted)).then_some(())
            })
            .await;
        };
        ready(true).await;
        node::signal(&site, "broker-0", Signal::STOP).await;
        ready(false).await;
        node::signal(&site, "broker-0", Signal::CONT).await;
        ready(true).await;
        let restarts = async || {
            let pod = site.get(&["pod", "broker-0"]).await;
            pod["status"]["containerStatuses"][0]["restartCount"].as_u64()
        };
        assert_eq!(restarts().await, Some(0), "a short while ends nobody");
        // Who stays so is ended, and another one begins.
        node::signal(&site, "broker-0", Signal::STOP).await;
        until(PATIENCE * 2, "the kubelet restarts it", async || {
            (restarts().await == Some(1)).then_some(())
        })
        .await;
        ready(true).await;
        site.remove().await;
    });
}

#[test]
fn a_folder_of_the_only_machine_is_its_volume() {
    inside(async || {
        // The node has the name and the folder of the overlay.
        let site = Site::small("single-node", "one-machine");
        site.apply().await;
        site.rolled_out(&["statefulset/broker"]).await;
        let claim = site.get(&["persistentvolumeclaim", "data-broker-0"]).await;
        assert_eq!(claim["spec"]["volumeName"], "broker-0");
        site.remove().await;
        // It belongs to no namespace, and to the next run.
        shared::kubernetes()
            .kubectl(&["delete", "persistentvolume/broker-0", "--wait=false"])
            .await;
    });
}
