//! Health, asked over gRPC and over the admin port.

use crate::support::{Host, raw, soon};
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

fn of(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.into() }
}

async fn page(host: &Host, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: broker\r\nConnection: close\r\n\r\n");
    raw::http1(host.admin, request.as_bytes()).await
}

#[tokio::test]
async fn both_names_serve_and_others_are_not_found() {
    let host = Host::start().await;
    let mut health = HealthClient::new(host.channel().await);
    for name in ["", "broker.Broker"] {
        let status = health.check(of(name)).await.unwrap().into_inner().status();
        assert_eq!(status, ServingStatus::Serving);
    }
    assert_eq!(health.check(of("other")).await.unwrap_err().code(), Code::NotFound);
    let mut unknown = health.watch(of("other")).await.unwrap().into_inner();
    let told = unknown.message().await.unwrap().unwrap().status();
    assert_eq!(told, ServingStatus::ServiceUnknown);
}

#[tokio::test]
async fn who_watches_hears_that_it_is_leaving() {
    let mut host = Host::start().await;
    let mut health = HealthClient::new(host.channel().await);
    let mut states = health.watch(of("")).await.unwrap().into_inner();
    let told = soon("a state", states.message()).await.unwrap().unwrap();
    assert_eq!(told.status(), ServingStatus::Serving);
    host.leave();
    let told = soon("a state", states.message()).await.unwrap().unwrap();
    assert_eq!(told.status(), ServingStatus::NotServing);
    // New questions are answered while the port is open, and the watch ends with it.
    let asked = health.check(of("broker.Broker")).await.unwrap().into_inner().status();
    assert_eq!(asked, ServingStatus::NotServing);
    let end = soon("the end", states.message()).await.unwrap_err();
    assert_eq!(crate::support::reason(&end).1, "BROKER_CLOSING");
    host.left().await.unwrap();
}

#[tokio::test]
async fn the_admin_pages_say_the_same() {
    let mut host = Host::start().await;
    for path in ["/livez", "/healthz", "/readyz"] {
        let page = page(&host, path).await;
        assert!(
            page.starts_with("HTTP/1.1 200") && page.trim().lines().last() != Some(""),
            "{page}"
        );
    }
    assert!(page(&host, "/other").await.starts_with("HTTP/1.1 404"));
    host.leave();
    let ready = page(&host, "/readyz").await;
    assert!(ready.starts_with("HTTP/1.1 503") && ready.ends_with("closing\n"), "{ready}");
    assert!(page(&host, "/livez").await.starts_with("HTTP/1.1 200"));
    host.left().await.unwrap();
}

#[tokio::test]
async fn before_the_broker_is_open_the_pages_say_so() {
    let free = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let config = broker_server::ServerConfig {
        listen: free,
        admin_listen: free,
        web_origins: Vec::new(),
        grace: crate::support::PATIENCE,
        limits: Default::default(),
    };
    let server = broker_server::Server::bind(config.clone()).await.unwrap();
    let admin = server.admin_address().unwrap();
    let get = |path| format!("GET {path} HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n");
    let ready = raw::http1(admin, get("/readyz").as_bytes()).await;
    assert!(ready.starts_with("HTTP/1.1 503") && ready.ends_with("starting\n"), "{ready}");
    assert!(raw::http1(admin, get("/livez").as_bytes()).await.starts_with("HTTP/1.1 200"));
    // The ports are taken, and who wants them hears which.
    let taken = server.grpc_address().unwrap();
    let again = broker_server::ServerConfig { listen: taken, ..config.clone() };
    let error = broker_server::Server::bind(again).await.err().unwrap().to_string();
    assert!(error.contains(&taken.to_string()) && error.contains("gRPC"), "{error}");
    let wrong = broker_server::ServerConfig { web_origins: vec!["app".into()], ..config };
    assert!(broker_server::Server::bind(wrong).await.is_err());
}
