//! A broker that a Prometheus and a Jaeger watch.

use crate::{
    PATIENCE, admin,
    load::Load,
    site::{Site, inside},
    waiting::until,
};

#[test]
fn prometheus_scrapes_the_broker_and_jaeger_has_its_traces() {
    inside(async || {
        // Of Grafana there is no image here.
        let site = Site::small("monitoring", "watched")
            .patch("Deployment", "grafana", "{op: replace, path: /spec/replicas, value: 0}")
            .setting("BROKER_TRACE_SAMPLING", "1")
            .volume("data-broker-0")
            .volume("data-prometheus-0");
        site.apply().await;
        let workloads = ["statefulset/broker", "statefulset/prometheus", "deployment/jaeger"];
        site.rolled_out(&workloads).await;
        let load = Load::start(site.service("broker", 8080).await).await;
        load.acked_more(100).await;
        load.audit().await;

        let prometheus = site.service("prometheus", 9090).await;
        let query =
            async |words: &str| admin::page(prometheus, &format!("/api/v1/{words}")).await.1;
        until(PATIENCE, "Prometheus has the broker's word", async || {
            let answer = query("query?query=broker_ready%7Bjob=%22broker%22%7D").await;
            (answer.contains(r#""cluster":"main""#) && answer.contains(r#","1"]"#)).then_some(())
        })
        .await;
        until(PATIENCE, "Prometheus has Jaeger's word", async || {
            let answer = query("query?query=up%7Bjob=%22jaeger%22%7D").await;
            answer.contains(r#","1"]"#).then_some(())
        })
        .await;
        assert!(query("rules").await.contains("/etc/prometheus/rules/alerts.yml"), "it has alerts");
        let jaeger = site.service("jaeger", 16686).await;
        until(PATIENCE, "Jaeger has traces of the broker", async || {
            let page = admin::page(jaeger, "/api/traces?service=broker&limit=1").await.1;
            page.contains("traceID").then_some(())
        })
        .await;
        site.remove().await;
    });
}
