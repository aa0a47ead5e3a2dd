//! An overlay as a user adapts it, in a namespace of its own.

use crate::{PATIENCE, images, waiting::until};
use broker_test_servers::{Kubernetes, shared};
use serde_json::Value;
use std::{collections::BTreeMap, fmt::Write, fs, net::SocketAddr, path::Path};
use tempfile::TempDir;

/// What is applied, or was.
pub struct Site {
    cluster: Kubernetes,
    namespace: String,
    /// With a kustomization.
    folder: TempDir,
    lines: Lines,
}

/// What a kustomization has beside the overlay.
#[derive(Default)]
struct Lines {
    resources: Vec<String>,
    components: Vec<String>,
    settings: Vec<String>,
    patches: String,
}

impl Site {
    /// An overlay with the image of the tests, not yet applied. Its namespace is another one in each run.
    pub fn of(overlay: &str, namespace: &str) -> Self {
        let folder = TempDir::with_prefix("site-").expect("a folder");
        let namespace = format!("{namespace}-{}", std::process::id());
        let mut site =
            Self { cluster: shared::kubernetes(), namespace, folder, lines: Lines::default() };
        site.lines.resources.push(site.relative(&format!("overlays/{overlay}")));
        site.written()
    }

    /// The same for a node that has not the processors that all tests together would ask for.
    pub fn small(overlay: &str, namespace: &str) -> Self {
        let request = "/spec/template/spec/containers/0/resources/requests/cpu";
        let remove = format!("{{op: remove, path: {request}}}");
        let site = Self::of(overlay, namespace);
        site.patch("StatefulSet", ".*", &remove).patch("Deployment", ".*", &remove)
    }

    /// With a component that is shipped.
    pub fn component(mut self, component: &str) -> Self {
        let component = self.relative(&format!("components/{component}"));
        self.lines.components.push(component);
        self.written()
    }

    /// With another setting of the broker.
    pub fn setting(mut self, variable: &str, value: &str) -> Self {
        self.lines.settings.push(format!("{variable}={value}"));
        self.written()
    }

    /// With a JSON patch of one object.
    pub fn patch(mut self, kind: &str, name: &str, operation: &str) -> Self {
        let patches = &mut self.lines.patches;
        writeln!(
            patches,
            "  - target: {{kind: {kind}, name: {name}}}\n    patch: |\n      - {operation}"
        )
        .expect("a string can be written");
        self.written()
    }

    /// With a volume for a claim, on the node's disk.
    pub fn volume(mut self, claim: &str) -> Self {
        let (namespace, path) = (&self.namespace, self.place(claim));
        let volume = format!(
            "apiVersion: v1
kind: PersistentVolume
metadata: {{name: {namespace}-{claim}}}
spec:
  capacity: {{storage: 20Gi}}
  accessModes: [ReadWriteOnce]
  claimRef: {{namespace: {namespace}, name: {claim}}}
  local: {{path: {path}}}
  nodeAffinity:
    required:
      nodeSelectorTerms:
        - matchExpressions: [{{key: kubernetes.io/hostname, operator: In, values: [node]}}]
"
        );
        let file = format!("{claim}.yaml");
        fs::write(self.folder.path().join(&file), volume).expect("the folder is ours");
        self.lines.resources.push(file);
        self.written()
    }

    /// A new folder of the node, as pods' volumes name it.
    fn place(&self, name: &str) -> String {
        let inside = format!("volumes/{}-{name}", self.namespace);
        fs::create_dir_all(self.cluster.folder().join(&inside)).expect("its folder is ours");
        format!("/mnt/{inside}")
    }

    fn relative(&self, inside: &str) -> String {
        let folder = self.folder.path().canonicalize().expect("it is there");
        let up = "../".repeat(folder.components().count() - 1);
        let path = crate::path("deploy/k8s").join(inside);
        format!("{up}{}", path.strip_prefix("/").expect("it is absolute").display())
    }

    /// Writes the kustomization.
    fn written(self) -> Self {
        let Lines { resources, components, settings, patches } = &self.lines;
        let mut text = format!(
            "apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: {}
resources: [{}]
components: [{}]
images: [{{name: broker, newTag: test}}]
",
            self.namespace,
            resources.join(", "),
            components.join(", ")
        );
        if !settings.is_empty() {
            let list = settings.join(", ");
            writeln!(
                text,
                "configMapGenerator: [{{name: broker, behavior: merge, literals: [{list}]}}]"
            )
            .expect("a string can be written");
        }
        if !patches.is_empty() {
            write!(text, "patches:\n{patches}").expect("a string can be written");
        }
        fs::write(self.folder.path().join("kustomization.yaml"), text).expect("the folder is ours");
        self
    }

    /// Where the kustomization is.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Makes the namespace, with the profile that the overlays ask for.
    pub async fn make_namespace(&self) {
        let text = crate::text("deploy/k8s/components/namespace/namespace.yaml");
        let text = text.replace("name: broker", &format!("name: {}", self.namespace));
        let made = self.cluster.tell(&["apply", "--filename", "-"], &text).await;
        made.unwrap_or_else(|error| panic!("{}: {error}", self.namespace));
    }

    /// Applies it.
    pub async fn apply(&self) {
        let folder = self.folder.path().display().to_string();
        self.cluster.kubectl(&["apply", "--kustomize", &folder]).await;
    }

    /// What kubectl answers in its namespace.
    pub async fn kubectl(&self, arguments: &[&str]) -> String {
        let answer = self.ask(arguments).await;
        answer.unwrap_or_else(|error| panic!("kubectl {}: {error}", arguments.join(" ")))
    }

    /// What kubectl answers in its namespace.
    ///
    /// # Errors
    /// What it says against it.
    pub async fn ask(&self, arguments: &[&str]) -> Result<String, String> {
        self.cluster.ask(&[&["--namespace", &self.namespace], arguments].concat()).await
    }

    /// Objects of its namespace.
    pub async fn get(&self, arguments: &[&str]) -> Value {
        self.cluster.get(&[&["--namespace", &self.namespace], arguments].concat()).await
    }

    /// Waits until all pods of these workloads are the newest and ready.
    pub async fn rolled_out(&self, workloads: &[&str]) {
        let timeout = format!("--timeout={}s", PATIENCE.as_secs());
        for workload in workloads {
            if let Err(error) = self.ask(&["rollout", "status", workload, &timeout]).await {
                let pods = self.kubectl(&["describe", "pods"]).await;
                let log = self.ask(&["logs", workload, "--tail=30"]).await;
                panic!("{workload} is not ready: {error}\n{pods}\n{log:?}");
            }
        }
    }

    /// A port of a service.
    pub async fn service(&self, name: &str, port: u16) -> SocketAddr {
        let service = self.get(&["service", name]).await;
        let address = service["spec"]["clusterIP"].as_str().and_then(|text| text.parse().ok());
        SocketAddr::new(address.unwrap_or_else(|| panic!("{name} has an address: {service}")), port)
    }

    /// A port of a pod.
    pub async fn pod(&self, name: &str, port: u16) -> SocketAddr {
        let address = until(PATIENCE, &format!("{name} has an address"), async || {
            let pod = self.ask(&["get", "pod", name, "--output=jsonpath={.status.podIP}"]).await;
            pod.ok()?.parse().ok()
        })
        .await;
        SocketAddr::new(address, port)
    }

    /// Whether the pod of each name is ready, as the endpoints of a service have it.
    pub async fn endpoints(&self, service: &str) -> BTreeMap<String, bool> {
        let label = format!("kubernetes.io/service-name={service}");
        let slices = self.get(&["endpointslices", "--selector", &label]).await;
        let slices = slices["items"].as_array().into_iter().flatten();
        let endpoints =
            slices.flat_map(|slice| slice["endpoints"].as_array().into_iter().flatten());
        let one = |endpoint: &Value| {
            let name = endpoint["targetRef"]["name"].as_str()?.to_owned();
            Some((name, endpoint["conditions"]["ready"] == true))
        };
        endpoints.filter_map(one).collect()
    }

    /// Lets all of it go, at once.
    pub async fn remove(self) {
        let all = ["delete", "statefulset,deployment,pod", "--all", "--grace-period=0", "--force"];
        self.kubectl(&[&all[..], &["--wait=false"]].concat()).await;
        self.cluster.kubectl(&["delete", "namespace", &self.namespace, "--wait=false"]).await;
    }
}

/// Runs a test in the network of the shared cluster, which has the images.
pub fn inside<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send) {
    let cluster = shared::kubernetes();
    // Outside: the engine that builds an image would else be within.
    images::bring(&cluster);
    cluster.inside(test);
}
