//! grpcurl, which knows no proto file: the broker describes itself.

use crate::{language::prepared, launch::Launch, process::Broker, program::Program};
use std::process::Command;
use tempfile::TempDir;

/// A broker and its folder.
async fn start() -> (Broker, TempDir) {
    let folder = TempDir::new().expect("a folder");
    (Broker::start(&Launch::local(folder.path())).await, folder)
}

fn grpcurl(broker: &Broker, flags: &[&str], words: &[&str]) -> Program {
    let mut command = Command::new(prepared("bin/grpcurl"));
    command.arg("-plaintext").args(flags).arg(broker.address.to_string()).args(words);
    Program::start(&mut command)
}

/// Calls a method; gives the answer.
async fn call(broker: &Broker, method: &str, request: &str) -> serde_json::Value {
    let log = grpcurl(broker, &["-d", request], &[method]).succeeds().await;
    serde_json::from_str(&log.tail()).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_describes() {
    let (broker, _folder) = start().await;
    let mut services = grpcurl(&broker, &[], &["list"]);
    services.says("broker.Broker").await;
    services.says("grpc.health.v1.Health").await;
    for method in ["Publish", "Subscribe", "Fetch", "PublishStream"] {
        grpcurl(&broker, &[], &["list", "broker.Broker"])
            .says(&format!("broker.Broker.{method}"))
            .await;
    }
    // With the proto file's comments.
    let mut message = grpcurl(&broker, &[], &["describe", "broker.PublishRequest"]);
    message.says("// One message: at most 4,193,280 bytes encoded.").await;
    message.says("  bool keep = 5;").await;
    message.says("  .google.protobuf.Duration expiration = 4;").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn publishes_fetches_and_asks_for_health() {
    let (broker, _folder) = start().await;
    let kept = r#"{"subject":"curl","body":"YQ==","keep":true,"headers":{"k":"v"}}"#;
    let answer = call(&broker, "broker.Broker/Publish", kept).await;
    assert_eq!(answer, serde_json::json!({"id": "1", "durability": "DISK"}));
    let message = call(&broker, "broker.Broker/Fetch", r#"{"subject":"curl","id":1}"#).await;
    assert_eq!((&message["body"], &message["headers"]["k"]), (&"YQ==".into(), &"v".into()));
    for service in ["", "broker.Broker"] {
        let request = format!(r#"{{"service":"{service}"}}"#);
        let health = call(&broker, "grpc.health.v1.Health/Check", &request).await;
        assert_eq!(health["status"], "SERVING");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn publishes_a_stream_and_subscribes() {
    let (broker, _folder) = start().await;
    let batch = r#"{"messages":[{"subject":"curl","body":"YQ==","keep":true},{"subject":""}]}"#;
    let acks = call(&broker, "broker.Broker/PublishStream", batch).await;
    assert_eq!(acks["results"][0]["id"], "1");
    assert_eq!(acks["results"][1]["error"]["details"][0]["reason"], "INVALID_SUBJECT");
    let mut subscription =
        grpcurl(&broker, &["-d", r#"{"subject":"curl"}"#], &["broker.Broker/Subscribe"]);
    subscription.says(r#"  "id": "1","#).await;
    call(&broker, "broker.Broker/Publish", r#"{"subject":"curl","keep":true}"#).await;
    subscription.says(r#"  "id": "2","#).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shows_an_error_with_its_details() {
    let (broker, _folder) = start().await;
    let request = r#"{"subject":"curl","expirationSeconds":-1}"#;
    let mut refused = grpcurl(&broker, &["-d", request], &["broker.Broker/Publish"]);
    refused.says("  Code: InvalidArgument").await;
    let details = ["\"reason\": \"INVALID_EXPIRATION\"", "\"field\": \"expirationSeconds\""];
    let log = refused.fails().await;
    for detail in details {
        let shown = log.find(|line| line.contains(detail).then_some(()));
        assert!(shown.is_some(), "{detail} in\n{}", log.tail());
    }
}
