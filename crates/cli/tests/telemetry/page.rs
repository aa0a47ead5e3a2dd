//! The metrics page of a real broker, beside docs/metrics.md.

use crate::{
    calls::{self, Client, connect, kept},
    database::Kind,
    launch::Launch,
    process::Broker,
    scrape::{Page, scrape},
    waiting::{PATIENCE, until},
};
use broker_proto::PublishRequest;
use std::collections::{BTreeMap, BTreeSet};

const DOCUMENTED: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md"));

/// What the page of the documentation says of a metric.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    kind: String,
    labels: BTreeSet<String>,
}

/// Its tables, and below which heading each row stands.
fn documented() -> BTreeMap<String, (String, Row)> {
    let mut group = String::new();
    let mut rows = BTreeMap::new();
    for line in DOCUMENTED.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            title.clone_into(&mut group);
        }
        let Some(row) = line.strip_prefix("| `") else { continue };
        let (name, row) = row.split_once('`').expect("a name in marks");
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let labels = cells[3].split(", ").map(|label| label.trim_matches('`').to_owned());
        let labels = labels.filter(|label| !label.is_empty()).collect();
        let row = Row { kind: cells[1].to_owned(), labels };
        assert!(
            rows.insert(name.to_owned(), (group.clone(), row)).is_none(),
            "{name} stands twice"
        );
    }
    assert!(rows.len() > 60, "the tables are read");
    rows
}

/// Something of everything that is counted.
async fn load(client: &Client) {
    calls::publish(client, kept("s", "one")).await.expect("it is kept");
    calls::publish(client, PublishRequest { keep: false, ..kept("s", "two") })
        .await
        .expect("it passes");
    calls::publish(client, kept("", "bad")).await.expect_err("a subject is needed");
    calls::fetch(client, "s", 1).await.expect("it is there");
    let mut stream = calls::subscribe(client, "s", 0).await.expect("a subscription");
    calls::next(&mut stream).await.expect("the first message");
}

/// Everything on a broker's page is documented, with its type and labels; answers the names.
async fn names_on_the_page(launch: Launch) -> BTreeSet<String> {
    let broker = Broker::start(&launch).await;
    load(&connect(broker.address).await).await;
    let ended =
        |page: &Page| page.value("broker_rpcs_in_flight", &[("method", SUBSCRIBE)]) == Some(0.0);
    let page = until(PATIENCE, "the end of the subscription", async || {
        Some(scrape(broker.admin).await).filter(ended)
    })
    .await;
    let documented = documented();
    for (name, family) in &page.families {
        let (_, row) = documented.get(name).unwrap_or_else(|| panic!("{name} is not documented"));
        assert_eq!(row.kind, family.kind, "{name}");
        for labels in family.samples.iter().map(|sample| &sample.labels) {
            let names: BTreeSet<_> = labels
                .keys()
                .filter(|name| !["le", "quantile"].contains(&name.as_str()))
                .cloned()
                .collect();
            assert_eq!(names, row.labels, "{name}");
        }
    }
    page.families.into_keys().collect()
}

const SUBSCRIBE: &str = "broker.Broker/Subscribe";

/// What is documented and does not stand below one of these headings.
fn documented_but(groups: &[&str]) -> BTreeSet<String> {
    let rows = documented().into_iter();
    // These come with the first limit that is reached.
    let later = ["broker_limit_reached_total"];
    rows.filter(|(name, (group, _))| {
        !groups.contains(&group.as_str()) && !later.contains(&name.as_str())
    })
    .map(|(name, _)| name)
    .collect()
}

#[tokio::test]
async fn the_page_of_the_local_store_is_the_documented_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let names = names_on_the_page(Launch::local(folder.path())).await;
    assert_eq!(names, documented_but(&["Stores over a database"]));
}

#[tokio::test]
async fn the_page_of_the_memory_store_is_the_documented_one() {
    let names = names_on_the_page(Launch::memory()).await;
    let mut expected = documented_but(&["Stores over a database", "The store `local`"]);
    // It has a size, too.
    expected.insert("broker_store_size_bytes".into());
    assert_eq!(names, without_work_beneath(expected));
}

#[tokio::test]
async fn the_page_over_postgres_is_the_documented_one() {
    let kind = Kind::Postgres;
    let names = names_on_the_page(kind.launch(kind.shared())).await;
    assert_eq!(names, documented_but(&["The store `local`"]));
}

#[tokio::test]
async fn the_page_over_cassandra_is_the_documented_one() {
    let kind = Kind::Cassandra;
    let names = names_on_the_page(kind.launch(kind.shared())).await;
    let mut expected = documented_but(&["The store `local`"]);
    // Its driver keeps them to itself.
    expected.retain(|name| !name.starts_with("broker_store_connections"));
    assert_eq!(names, expected);
}

/// The memory store commits nothing.
fn without_work_beneath(names: BTreeSet<String>) -> BTreeSet<String> {
    names.into_iter().filter(|name| !name.starts_with("broker_store_commit_")).collect()
}

#[tokio::test]
async fn there_is_no_page_where_metrics_are_off() {
    let broker = Broker::start(&Launch::memory().with("--metrics", "false")).await;
    let (status, _) = crate::admin::page(broker.admin, "/metrics").await;
    assert_eq!(status, 404);
}
