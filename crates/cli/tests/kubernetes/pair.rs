//! Two brokers over PostgreSQL, and Envoy before them.

use crate::{
    PATIENCE, admin,
    load::Load,
    node,
    site::{Site, inside},
    waiting::until,
};
use rustix::process::Signal;

/// Its one Secret.
const PASSWORD: &str = "--from-literal=password=a-password-of-the-tests";

const BROKERS: [&str; 2] = ["broker-0", "broker-1"];

async fn started(namespace: &str) -> Site {
    let site = Site::small("postgres", namespace).volume("data-postgres-0");
    site.make_namespace().await;
    site.kubectl(&["create", "secret", "generic", "postgres", PASSWORD]).await;
    site.apply().await;
    site.rolled_out(&["statefulset/postgres", "statefulset/broker", "deployment/envoy"]).await;
    site
}

/// What the admin port of a pod says of its broker.
async fn says(site: &Site, pod: &str, page: &str) -> (u16, String) {
    admin::page(site.pod(pod, 9901).await, page).await
}

/// The broker that serves, and the one that stands by.
async fn roles(site: &Site) -> (&'static str, &'static str) {
    until(PATIENCE, "one serves and one stands by", async || {
        let [first, second] = BROKERS;
        let one = says(site, first, "/healthz").await.1;
        let other = says(site, second, "/healthz").await.1;
        let is = |text: &str, what: &str| text.starts_with(what);
        match () {
            () if is(&one, "serving") && is(&other, "standing by") => Some((first, second)),
            () if is(&other, "serving") && is(&one, "standing by") => Some((second, first)),
            () => None,
        }
    })
    .await
}

#[test]
fn the_standby_takes_over_when_the_pod_of_the_owner_dies() {
    inside(async || {
        let site = started("takes-over").await;
        let (owner, standby) = roles(&site).await;
        let both = site.endpoints("broker").await;
        assert!(BROKERS.iter().all(|pod| both.get(*pod) == Some(&true)), "{both:?}");
        assert_eq!(says(&site, standby, "/readyz").await.0, 503, "only the owner serves");

        let load = Load::start(site.service("envoy", 10000).await).await;
        load.acked_more(200).await;
        // Without a word to anybody: a pod that is deleted by force is still told to leave.
        node::signal(&site, owner, Signal::KILL).await;
        site.kubectl(&["delete", "pod", owner, "--grace-period=0", "--force"]).await;
        load.acked_more(200).await;
        assert!(says(&site, standby, "/readyz").await.0 == 200, "the other one serves");
        site.rolled_out(&["statefulset/broker"]).await;
        assert_eq!(roles(&site).await, (standby, owner), "who comes back stands by");
        load.audit().await;
        site.remove().await;
    });
}

#[test]
fn a_rolling_update_of_two_ends_and_loses_nothing() {
    inside(async || {
        let site = started("both-roll").await;
        let (owner, _) = roles(&site).await;
        println!("{owner} begins as the owner");
        let load = Load::start(site.service("envoy", 10000).await).await;
        load.acked_more(200).await;
        site.kubectl(&["rollout", "restart", "statefulset/broker"]).await;
        site.rolled_out(&["statefulset/broker"]).await;
        load.acked_more(200).await;
        let told = load.audit().await;
        assert!(told.unknown.is_empty(), "a broker that leaves tells everyone: {:?}", told.unknown);
        site.remove().await;
    });
}

#[test]
fn a_database_that_is_away_takes_no_broker_out() {
    inside(async || {
        let site = started("away").await;
        let load = Load::start(site.service("envoy", 10000).await).await;
        load.acked_more(200).await;
        let (owner, _) = roles(&site).await;
        site.kubectl(&["scale", "statefulset/postgres", "--replicas=0"]).await;
        until(PATIENCE, "the owner says that it stores nothing", async || {
            let (code, text) = says(&site, owner, "/readyz").await;
            (code == 200 && text.contains("storing nothing for now")).then_some(())
        })
        .await;
        let both = site.endpoints("broker").await;
        assert!(BROKERS.iter().all(|pod| both.get(*pod) == Some(&true)), "{both:?}");
        site.kubectl(&["scale", "statefulset/postgres", "--replicas=1"]).await;
        site.rolled_out(&["statefulset/postgres"]).await;
        load.acked_more(200).await;
        load.audit().await;
        site.remove().await;
    });
}
