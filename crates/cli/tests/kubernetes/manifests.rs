//! Names, ports, volumes and settings: what an API server accepts although it can't work.

use crate::{
    OVERLAYS,
    launch::{binary, clear_settings},
    rendering::{Rendering, containers, list, name, pod, port, text},
};
use serde_json::Value;
use std::{collections::BTreeMap, process::Command};
use tempfile::NamedTempFile;

/// The settings of the brokers of a rendering.
fn settings(rendering: &Rendering) -> BTreeMap<&str, &str> {
    let of_brokers = |map: &&Value| name(map).starts_with("broker-");
    let map = rendering.of_kind("ConfigMap").find(of_brokers).expect("a ConfigMap of brokers");
    let data = map["data"].as_object().expect("settings");
    data.iter().map(|(key, value)| (key.as_str(), text(value))).collect()
}

fn broker(rendering: &Rendering) -> &Value {
    let mut sets = rendering.of_kind("StatefulSet");
    sets.find(|set| name(set) == "broker").expect("a StatefulSet named broker")
}

#[tokio::test]
async fn every_setting_is_one_that_the_broker_knows() {
    for overlay in OVERLAYS {
        let rendering = Rendering::of(overlay).await;
        let secret = NamedTempFile::new().expect("a file");
        std::fs::write(secret.path(), "a password").expect("it can be written");
        let mut command = Command::new(binary());
        clear_settings(command.arg("config"));
        command.current_dir(std::env::temp_dir());
        for (variable, value) in settings(&rendering) {
            let is_secret = variable.ends_with("_FILE");
            command
                .env(variable, if is_secret { secret.path().as_os_str() } else { value.as_ref() });
        }
        let output = command.output().expect("the broker starts");
        let [shown, complaints] =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("a text"));
        assert!(output.status.success(), "{overlay}: {complaints}");
        assert!(!complaints.contains("no setting"), "{overlay}: {complaints}");
        for variable in settings(&rendering).keys() {
            assert!(shown.contains(variable), "{overlay}: nothing comes from {variable}:\n{shown}");
        }
    }
}

#[tokio::test]
async fn every_service_leads_to_a_port_of_its_pods() {
    for overlay in OVERLAYS {
        let rendering = Rendering::of(overlay).await;
        for service in rendering.of_kind("Service") {
            let pods = rendering.selected(&service["spec"]["selector"]);
            assert_eq!(pods.len(), 1, "{overlay}: {} selects one workload", name(service));
            for wanted in list(&service["spec"]["ports"]) {
                let found = port(pods[0], &wanted["targetPort"]);
                assert!(found.is_some(), "{overlay}: {}: {wanted}", name(service));
                // Who knows a port of the program knows that of the service.
                assert_eq!(wanted["port"].as_u64(), found, "{overlay}: {}", name(service));
            }
        }
    }
}

#[tokio::test]
async fn the_broker_listens_on_its_ports() {
    for overlay in OVERLAYS {
        let rendering = Rendering::of(overlay).await;
        let settings = settings(&rendering);
        for (name, setting) in [("grpc", "BROKER_LISTEN"), ("admin", "BROKER_ADMIN_LISTEN")] {
            let port = port(broker(&rendering), &name.into()).expect("a port");
            assert_eq!(settings[setting], format!("0.0.0.0:{port}"), "{overlay}");
        }
        let ports = containers(broker(&rendering)).flat_map(|it| list(&it["ports"])).count();
        assert_eq!(ports, 2, "{overlay}: and on no other");
    }
}

#[tokio::test]
async fn probes_ask_for_pages_of_the_admin_port() {
    let pages = crate::text("docs/admin.md");
    for overlay in OVERLAYS {
        let rendering = Rendering::of(overlay).await;
        for container in rendering
            .workloads()
            .flat_map(|workload| containers(workload).map(move |container| (workload, container)))
        {
            for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
                let probe = &container.1[probe];
                let asks = ["httpGet", "tcpSocket"].map(|kind| &probe[kind]["port"]);
                for named in asks.into_iter().filter(|named| !named.is_null()) {
                    assert!(port(container.0, named).is_some(), "{overlay}: {probe}");
                }
                if name(container.0) == "broker" {
                    let path = text(&probe["httpGet"]["path"]);
                    assert_eq!(probe["httpGet"]["port"], "admin", "{overlay}");
                    assert!(pages.contains(&format!("| `GET {path}` |")), "{overlay}: {path}");
                }
            }
        }
    }
}

#[tokio::test]
async fn every_mount_has_its_volume_and_every_volume_its_mount() {
    for overlay in OVERLAYS {
        let rendering = Rendering::of(overlay).await;
        for workload in rendering.workloads() {
            let claims = list(&workload["spec"]["volumeClaimTemplates"]).map(name);
            let volumes = list(&pod(workload)["volumes"]).map(|volume| text(&volume["name"]));
            let mut volumes: Vec<&str> = volumes.chain(claims).collect();
            let mounts = containers(workload).flat_map(|it| list(&it["volumeMounts"]));
            let mut mounts: Vec<&str> = mounts.map(|mount| text(&mount["name"])).collect();
            for names in [&mut volumes, &mut mounts] {
                names.sort_unstable();
                names.dedup();
            }
            assert_eq!(volumes, mounts, "{overlay}: {}", name(workload));
        }
    }
}

#[tokio::test]
async fn every_reference_leads_to_an_object() {
    let page = crate::text("docs/kubernetes.md");
    for overlay in OVERLAYS {
        let rendering = Rendering::of(overlay).await;
        let maps = rendering.names("ConfigMap");
        for workload in rendering.workloads() {
            let mut found = Vec::new();
            references(&workload["spec"]["template"], &mut found);
            for (kind, referred) in found {
                match kind {
                    "configMap" => assert!(maps.contains(&referred), "{overlay}: {referred}"),
                    // Made by hand: no password is shipped.
                    _ => assert!(
                        page.contains(&format!("kubectl create secret generic {referred} ")),
                        "{overlay}: docs/kubernetes.md tells to make {referred}"
                    ),
                }
            }
        }
        for set in rendering.of_kind("StatefulSet") {
            let governing = text(&set["spec"]["serviceName"]);
            assert!(rendering.names("Service").contains(&governing), "{overlay}: {governing}");
        }
    }
}

/// The ConfigMaps and Secrets that a part of an object names.
fn references<'a>(part: &'a Value, found: &mut Vec<(&'a str, &'a str)>) {
    let Some(fields) = part.as_object() else {
        list(part).for_each(|part| references(part, found));
        return;
    };
    for (key, value) in fields {
        match key.as_str() {
            "configMap" | "configMapRef" | "configMapKeyRef" => {
                found.push(("configMap", text(&value["name"])));
            }
            "secretRef" | "secretKeyRef" => found.push(("secret", text(&value["name"]))),
            "secret" => found.push(("secret", text(&value["secretName"]))),
            _ => references(value, found),
        }
    }
}

#[tokio::test]
async fn the_file_that_is_mounted_is_the_one_that_envoy_reads() {
    for overlay in ["postgres", "cassandra"] {
        let rendering = Rendering::of(overlay).await;
        let envoy = rendering.workloads().find(|it| name(it) == "envoy").expect("an Envoy");
        let words: Vec<&str> = list(&pod(envoy)["containers"][0]["command"]).map(text).collect();
        let at = words.iter().position(|word| *word == "--config-path").expect("it is told");
        let (folder, file) = words[at + 1].rsplit_once('/').expect("a path");
        let mount = &pod(envoy)["containers"][0]["volumeMounts"][0];
        assert_eq!(mount["mountPath"], folder, "{overlay}");
        let volume = &pod(envoy)["volumes"][0];
        assert_eq!(volume["name"], mount["name"], "{overlay}");
        let map = rendering
            .of_kind("ConfigMap")
            .find(|map| map["metadata"]["name"] == volume["configMap"]["name"]);
        let mounted = text(&map.expect("it is there")["data"][file]);
        assert_eq!(mounted, crate::text("deploy/envoy/envoy.yaml"), "{overlay}");
        // The brokers that it asks for are a name that means both of them.
        assert!(mounted.contains("{address: broker, port_value: 8080}"), "{overlay}");
    }
}

#[tokio::test]
async fn images_are_those_of_compose() {
    let compose = crate::text("compose.yaml");
    for overlay in OVERLAYS {
        let rendering = Rendering::of(overlay).await;
        for container in rendering.workloads().flat_map(containers) {
            let image = text(&container["image"]);
            let is_ours = image.starts_with("broker:");
            assert!(is_ours || compose.contains(&format!(":-{image}}}")), "{overlay}: {image}");
        }
    }
}

#[tokio::test]
async fn policies_and_budgets_speak_of_pods_and_ports_that_there_are() {
    for overlay in OVERLAYS {
        let rendering = Rendering::of(overlay).await;
        for budget in rendering.of_kind("PodDisruptionBudget") {
            let pods = rendering.selected(&budget["spec"]["selector"]["matchLabels"]);
            assert_eq!(pods.len(), 1, "{overlay}: {}", name(budget));
        }
        for policy in rendering.of_kind("NetworkPolicy") {
            let pods = rendering.selected(&policy["spec"]["podSelector"]["matchLabels"]);
            assert_eq!(pods.len(), 1, "{overlay}: {}", name(policy));
            for rule in list(&policy["spec"]["ingress"]) {
                for wanted in list(&rule["ports"]) {
                    let found = port(pods[0], &wanted["port"]);
                    assert!(found.is_some(), "{overlay}: {}: {wanted}", name(policy));
                }
            }
            for rule in list(&policy["spec"]["egress"]) {
                for to in list(&rule["to"]) {
                    let to = rendering.selected(&to["podSelector"]["matchLabels"]);
                    let ports = list(&rule["ports"]).map(|port| &port["port"]);
                    for wanted in ports.filter(|port| port.is_string()) {
                        assert!(
                            to.iter().all(|pods| port(pods, wanted).is_some()),
                            "{overlay}: {}: {wanted}",
                            name(policy)
                        );
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn a_pod_may_take_longer_to_leave_than_its_broker() {
    for overlay in OVERLAYS {
        let rendering = Rendering::of(overlay).await;
        let grace = settings(&rendering)["BROKER_GRACE"].trim_end_matches('s').parse::<u64>();
        let pods = pod(broker(&rendering))["terminationGracePeriodSeconds"].as_u64();
        let least = grace.expect("a number of seconds") + 10;
        assert!(pods.is_some_and(|pods| pods >= least), "{overlay}: {pods:?}");
    }
}

#[tokio::test]
async fn two_brokers_only_where_they_take_turns() {
    for overlay in OVERLAYS {
        let rendering = Rendering::of(overlay).await;
        let is_local = settings(&rendering)["BROKER_STORAGE"] == "local";
        let set = &broker(&rendering)["spec"];
        assert_eq!(set["replicas"], if is_local { 1 } else { 2 }, "{overlay}");
        assert_eq!(list(&set["volumeClaimTemplates"]).count() == 1, is_local, "{overlay}");
        let broker = rendering.of_kind("Service").find(|service| name(service) == "broker");
        let is_headless = broker.expect("a service")["spec"]["clusterIP"] == "None";
        assert_eq!(is_headless, !is_local, "{overlay}: no address that may be a standby's");
    }
}

#[tokio::test]
async fn what_is_watched_is_named_as_the_alerts_and_dashboards_have_it() {
    let jobs = |file: &str| -> Vec<String> {
        let text = crate::text(file);
        let jobs = text.lines().filter_map(|line| line.trim().strip_prefix("- job_name: "));
        jobs.map(str::to_owned).collect()
    };
    let known = jobs("deploy/prometheus/prometheus.yml");
    let here = jobs("deploy/k8s/components/monitoring/scrapes.yml");
    assert!(here.contains(&"broker".to_owned()), "{here:?}");
    assert!(here.iter().all(|job| known.contains(job)), "{here:?} are among {known:?}");
    let source = crate::text("deploy/compose/datasource.yml");
    assert!(source.contains("uid: prometheus") && source.contains("url: http://prometheus:9090"));
    let monitor = crate::text("deploy/k8s/components/service-monitor/service-monitor.yaml");
    assert!(monitor.contains("app.kubernetes.io/name: broker-headless}"), "its label is there");
    let rendering = Rendering::of("local").await;
    let services = rendering.of_kind("Service");
    let labels = services.map(|it| text(&it["metadata"]["labels"]["app.kubernetes.io/name"]));
    assert!(labels.collect::<Vec<_>>().contains(&"broker-headless"));
}
