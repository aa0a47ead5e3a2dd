//! How many calls are traced.

use super::scene::{Scene, fresh, parent};
use crate::{
    calls::kept,
    launch::Launch,
    waiting::{PATIENCE, until},
};

const RPC: &str = "broker.Broker/Publish";

/// Publishes that often without a caller's trace; how many of the calls were recorded.
async fn publish(scene: &Scene, calls: usize) -> usize {
    let mut recorded = 0;
    for _ in 0..calls {
        let answer = scene.publish(kept("s", "body"), None).await;
        recorded += usize::from(answer.metadata().contains_key("traceparent"));
    }
    recorded
}

/// Waits until Jaeger has so many traces of a publish.
async fn shown(scene: &Scene, traces: usize) {
    let what = format!("{traces} traces");
    let count = async || (scene.ids(RPC).await.len() >= traces).then_some(());
    until(PATIENCE, &what, count).await;
    assert_eq!(scene.ids(RPC).await.len(), traces);
}

#[tokio::test]
async fn nothing_is_traced_at_a_share_of_none_but_for_callers_that_trace() {
    let scene = Scene::start(Launch::memory(), "0").await;
    assert_eq!(publish(&scene, 2_000).await, 0);
    scene.publish(kept("s", "body"), Some(&parent(&fresh(), true))).await;
    shown(&scene, 1).await;
}

#[tokio::test]
async fn everything_is_traced_at_a_share_of_one_but_for_callers_that_do_not() {
    let scene = Scene::start(Launch::memory(), "1").await;
    for wrong in ["00-nothing", "", "00-00000000000000000000000000000000-0000000000000000-01"] {
        scene.publish(kept("s", "body"), Some(wrong)).await;
    }
    scene.publish(kept("s", "body"), Some(&parent(&fresh(), false))).await;
    assert_eq!(publish(&scene, 300).await, 300);
    shown(&scene, 303).await;
}

/// 3,000 calls at a tenth: 300 with a standard deviation of 16.4. Beyond 6.2 of them, it is chance
/// once in a thousand million.
#[tokio::test]
async fn a_tenth_is_traced_at_a_share_of_a_tenth() {
    let scene = Scene::start(Launch::memory(), "0.1").await;
    let recorded = publish(&scene, 3_000).await;
    assert!((198..=402).contains(&recorded), "{recorded}");
    shown(&scene, recorded).await;
}
