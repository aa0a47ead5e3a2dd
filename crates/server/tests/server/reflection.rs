//! What tools without the proto file ask.

use crate::support::{Host, soon};
use tonic_reflection::pb::{v1, v1alpha};

#[tokio::test]
async fn both_versions_list_the_services_and_know_the_files() {
    let host = Host::start().await;
    let requests = |services: v1::server_reflection_request::MessageRequest| {
        tokio_stream::once(v1::ServerReflectionRequest {
            host: String::new(),
            message_request: Some(services),
        })
    };
    let mut client =
        v1::server_reflection_client::ServerReflectionClient::new(host.channel().await);
    let list = v1::server_reflection_request::MessageRequest::ListServices(String::new());
    let mut answers = client.server_reflection_info(requests(list)).await.unwrap().into_inner();
    let answer = soon("an answer", answers.message()).await.unwrap().unwrap();
    let Some(v1::server_reflection_response::MessageResponse::ListServicesResponse(list)) =
        answer.message_response
    else {
        panic!("no list")
    };
    let names: Vec<_> = list.service.iter().map(|service| service.name.as_str()).collect();
    for name in ["broker.Broker", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"] {
        assert!(names.contains(&name), "{names:?}");
    }
    for symbol in ["broker.Broker", "broker.PublishAck", "grpc.health.v1.HealthCheckRequest"] {
        let symbol = symbol.to_owned();
        let ask = v1::server_reflection_request::MessageRequest::FileContainingSymbol(symbol);
        let mut answers = client.server_reflection_info(requests(ask)).await.unwrap().into_inner();
        let answer = soon("an answer", answers.message()).await.unwrap().unwrap();
        assert!(matches!(
            answer.message_response,
            Some(v1::server_reflection_response::MessageResponse::FileDescriptorResponse(_))
        ));
    }
    for file in ["google/protobuf/duration.proto", "google/rpc/status.proto", "broker.proto"] {
        let ask = v1::server_reflection_request::MessageRequest::FileByFilename(file.to_owned());
        let mut answers = client.server_reflection_info(requests(ask)).await.unwrap().into_inner();
        let answer = soon("an answer", answers.message()).await.unwrap().unwrap();
        assert!(matches!(
            answer.message_response,
            Some(v1::server_reflection_response::MessageResponse::FileDescriptorResponse(_))
        ));
    }
}

#[tokio::test]
async fn the_older_version_answers_too() {
    let host = Host::start().await;
    let mut client =
        v1alpha::server_reflection_client::ServerReflectionClient::new(host.channel().await);
    let request = v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(
            v1alpha::server_reflection_request::MessageRequest::FileContainingSymbol(
                "broker.Broker".into(),
            ),
        ),
    };
    let sent = tokio_stream::once(request);
    let mut answers = client.server_reflection_info(sent).await.unwrap().into_inner();
    let answer = soon("an answer", answers.message()).await.unwrap().unwrap();
    assert!(matches!(
        answer.message_response,
        Some(v1alpha::server_reflection_response::MessageResponse::FileDescriptorResponse(_))
    ));
}
