//! What `kubectl kustomize` makes of an overlay.

use broker_test_servers::shared;
use serde_json::{Deserializer, Value};
use std::path::Path;

/// Objects to be.
pub struct Rendering {
    /// As they would be sent.
    pub text: String,
    /// The same, read.
    pub objects: Vec<Value>,
}

impl Rendering {
    /// Renders an overlay that is shipped.
    pub async fn of(overlay: &str) -> Self {
        Self::at(&crate::path("deploy/k8s/overlays").join(overlay)).await
    }

    /// Renders a folder.
    pub async fn at(folder: &Path) -> Self {
        let cluster = shared::kubernetes();
        let text = cluster.kubectl(&["kustomize", &folder.display().to_string()]).await;
        // A change that is made here alone gives them as JSON.
        let read = ["label", "--local", "--filename", "-", "--output", "json", "read=true"];
        let json = cluster.tell(&read, &text).await.expect("every object can be read").0;
        let objects = Deserializer::from_str(&json).into_iter().map(|it| it.expect("JSON"));
        let objects: Vec<Value> = objects.collect();
        assert!(!objects.is_empty(), "{} has objects", folder.display());
        Self { text, objects }
    }

    /// Those of a kind.
    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.objects.iter().filter(move |object| object["kind"] == kind)
    }

    /// Names of those of a kind.
    pub fn names(&self, kind: &str) -> Vec<&str> {
        self.of_kind(kind).map(|object| text(&object["metadata"]["name"])).collect()
    }

    /// What runs pods.
    pub fn workloads(&self) -> impl Iterator<Item = &Value> {
        self.of_kind("StatefulSet").chain(self.of_kind("Deployment"))
    }

    /// What runs pods that have these labels.
    pub fn selected(&self, labels: &Value) -> Vec<&Value> {
        let labels = labels.as_object().expect("labels");
        let has = |workload: &&Value| {
            let own = &workload["spec"]["template"]["metadata"]["labels"];
            labels.iter().all(|(name, value)| own[name] == *value)
        };
        self.workloads().filter(has).collect()
    }
}

/// The name of an object.
pub fn name(object: &Value) -> &str {
    text(&object["metadata"]["name"])
}

/// A list, which is empty if it is absent.
pub fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A text.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("a text: {value}"))
}

/// The description of a workload's pods.
pub fn pod(workload: &Value) -> &Value {
    &workload["spec"]["template"]["spec"]
}

/// All containers of a workload's pods.
pub fn containers(workload: &Value) -> impl Iterator<Item = &Value> {
    let pod = pod(workload);
    list(&pod["initContainers"]).chain(list(&pod["containers"]))
}

/// The port of that name of a workload's containers.
pub fn port(workload: &Value, name: &Value) -> Option<u64> {
    let mut ports = containers(workload).flat_map(|container| list(&container["ports"]));
    ports.find(|port| port["name"] == *name)?["containerPort"].as_u64()
}
