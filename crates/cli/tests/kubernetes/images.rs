//! The images that pods are made of, brought into the cluster once.

use broker_test_servers::{
    Kubernetes,
    docker::{broker_image, stand_in},
};
use std::{env, sync::OnceLock};
use tokio::runtime::Runtime;

/// Names a file with the image `broker:test`, if not that of this work tree is wanted.
const VARIABLE: &str = "BROKER_IMAGE";

/// Brings in the broker's image, and what stands in for those that would come from a registry.
pub fn bring(cluster: &Kubernetes) {
    static DONE: OnceLock<()> = OnceLock::new();
    DONE.get_or_init(|| {
        Runtime::new().expect("a runtime").block_on(async {
            let broker = match env::var_os(VARIABLE) {
                Some(file) => file.into(),
                None => broker_image().await,
            };
            cluster.import(&broker).await;
            for role in ["envoy", "jaeger", "postgres", "prometheus"] {
                cluster.import(&stand_in(role)).await;
            }
        });
    });
}
