//! Every overlay is one that an API server takes, in a namespace of the profile `restricted`.

use crate::{OVERLAYS, rendering::Rendering, site::Site};
use broker_test_servers::shared;

#[tokio::test]
async fn every_overlay_is_accepted_without_a_warning() {
    let cluster = shared::kubernetes();
    for overlay in OVERLAYS {
        let site = Site::of(overlay, &format!("accepted-{overlay}"));
        let rendering = Rendering::at(site.folder()).await;
        site.make_namespace().await;
        let labels = cluster.get(&["namespace", site.namespace()]).await;
        let labels = &labels["metadata"]["labels"];
        assert_eq!(labels["pod-security.kubernetes.io/enforce"], "restricted", "{overlay}");
        let apply = ["apply", "--dry-run=server", "--validate=strict", "--filename", "-"];
        let accepted = cluster.tell(&apply, &rendering.text).await;
        let (accepted, warnings) = accepted.unwrap_or_else(|error| panic!("{overlay}: {error}"));
        assert_eq!(warnings, "", "{overlay}");
        // The namespace is there already.
        let count = accepted.lines().filter(|line| line.ends_with("(server dry run)")).count();
        assert_eq!(count, rendering.objects.len(), "{overlay}: {accepted}");
        site.remove().await;
    }
}

#[tokio::test]
async fn what_is_wrong_is_refused_or_warned_of() {
    let cluster = shared::kubernetes();
    let site = Site::of("local", "refused");
    site.make_namespace().await;
    let text = Rendering::at(site.folder()).await.text;
    let apply = ["apply", "--dry-run=server", "--validate=strict", "--filename", "-"];
    for (right, wrong, words) in [
        ("readinessProbe:", "readynessProbe:", "readynessProbe"),
        ("mountPath: /var/lib/broker", "mountPoint: /var/lib/broker", "mountPoint"),
        ("replicas: 1", "replicas: one", "replicas"),
        ("runAsNonRoot: true", "runAsNonRoot: false", "restricted"),
    ] {
        assert!(text.contains(right), "{right}");
        let answer = cluster.tell(&apply, &text.replacen(right, wrong, 1)).await;
        let said = answer.map_or_else(|error| error, |(_, warnings)| warnings);
        assert!(said.contains(words), "{wrong}: {said}");
    }
    site.remove().await;
}

#[tokio::test]
async fn the_components_for_other_clusters_can_be_added() {
    let site = Site::of("local", "added").component("service-monitor");
    let rendering = Rendering::at(site.folder()).await;
    assert_eq!(rendering.names("ServiceMonitor"), ["broker"]);
    let site = Site::of("postgres", "added-too").component("monitoring");
    let rendering = Rendering::at(site.folder()).await;
    assert!(rendering.names("StatefulSet").contains(&"prometheus"));
    let maps = rendering.of_kind("ConfigMap").filter(|it| it["data"]["BROKER_STORAGE"].is_string());
    let maps: Vec<_> = maps.collect();
    assert_eq!(maps.len(), 1, "one ConfigMap has all settings");
    assert_eq!(maps[0]["data"]["BROKER_STORAGE"], "postgres");
    assert_eq!(maps[0]["data"]["BROKER_OTLP_ENDPOINT"], "http://jaeger:4317");
}
