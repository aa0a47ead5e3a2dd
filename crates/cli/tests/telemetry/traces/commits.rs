//! Many publishes in one commit.

use super::scene::{Scene, fresh, parent};
use crate::{
    calls::kept,
    launch::Launch,
    waiting::{PATIENCE, until},
};
use futures_util::{StreamExt, stream::FuturesUnordered};
use std::collections::{BTreeMap, BTreeSet};

const PUBLISHES: usize = 200;

#[tokio::test]
async fn a_commit_of_many_publishes_is_linked_to_all_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::start(Launch::local(folder.path()), "0").await;
    let callers: Vec<_> = (0..PUBLISHES).map(|_| fresh()).collect();
    let publishing = callers.iter().map(|caller| async {
        scene.publish(kept("s", "body"), Some(&parent(caller, true))).await;
    });
    publishing.collect::<FuturesUnordered<_>>().collect::<Vec<()>>().await;

    let name = "broker.Broker/Publish";
    until(PATIENCE, "all traces", async || {
        (scene.ids(name).await.len() == PUBLISHES).then_some(())
    })
    .await;
    let mut traces = Vec::new();
    for (trace, _) in &callers {
        traces.push(scene.look(trace).await);
    }
    let shards: BTreeSet<(String, String)> =
        traces.iter().map(|trace| (trace.id.clone(), trace.only("shard").0.to_owned())).collect();
    let appends: BTreeSet<(String, String)> = traces
        .iter()
        .flat_map(|trace| {
            trace.named("append").into_iter().map(|(id, _)| (trace.id.clone(), id.to_owned()))
        })
        .collect();

    // Each publish is linked to by one commit, which is the only one that it is in.
    let mut linked: BTreeMap<&(String, String), usize> = BTreeMap::new();
    let mut largest = 0;
    for (_, commit) in traces.iter().flat_map(|trace| trace.named("commit")) {
        let publishes: BTreeSet<_> =
            commit.links.iter().filter(|link| shards.contains(link)).collect();
        largest = largest.max(publishes.len());
        publishes.into_iter().for_each(|shard| *linked.entry(shard).or_default() += 1);
    }
    assert_eq!(linked.len(), PUBLISHES);
    assert!(linked.values().all(|commits| *commits == 1), "{linked:?}");
    assert!(largest > 1, "every publish had a commit of its own");

    // Who looks at a publish finds the append that it shared.
    for trace in traces {
        let (_, shard) = trace.only("shard");
        let own = !trace.named("append").is_empty();
        assert!(own || shard.links.iter().any(|link| appends.contains(link)), "{trace:#?}");
    }
}
