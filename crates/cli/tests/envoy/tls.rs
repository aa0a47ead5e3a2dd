//! TLS by the example in the shipped file.

use crate::{
    broker, calls,
    waiting::{PATIENCE, within},
};
use broker_proto::broker_client::BrokerClient;
use broker_test_servers::{Authority, Envoy, envoy::Setup};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use std::{io, net::SocketAddr, sync::Arc};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Error};

/// The example of TLS, with a certificate of this authority.
pub fn with_certificate(setup: Setup, authority: &Authority) -> Setup {
    let certificate = authority.issue(&["broker.example"]);
    let path = |path: std::path::PathBuf| path.to_string_lossy().into_owned();
    setup
        .uncommented("as far as `filters`:")
        .with("/etc/envoy/tls/tls.crt", &path(certificate.chain))
        .with("/etc/envoy/tls/tls.key", &path(certificate.key))
}

async fn connect(address: SocketAddr, authority: &Authority) -> Result<Channel, Error> {
    let mut roots = RootCertStore::empty();
    let trusted = CertificateDer::from_pem_file(authority.file()).expect("a certificate");
    roots.add(trusted).expect("it can be trusted");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.expect("it speaks TLS");
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let connector = TlsConnector::from(Arc::new(config));
    let service = tower::service_fn(move |_| {
        let connector = connector.clone();
        async move {
            let name = ServerName::try_from("broker.example").expect("a name");
            let stream = connector.connect(name, TcpStream::connect(address).await?).await?;
            // Without it Envoy would guess the protocol.
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
            io::Result::Ok(TokioIo::new(stream))
        }
    });
    within(PATIENCE, "connect", calls::endpoint(address).connect_with_connector(service)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_tls_works() {
    let broker = broker().await;
    let authority = Authority::new();
    let envoy = with_certificate(Envoy::before(&[broker.address]), &authority).start().await;
    let channel = connect(envoy.address(), &authority).await.expect("it is trusted");
    let client = BrokerClient::new(channel);
    assert_eq!(calls::publish(&client, calls::kept("a", "x")).await.expect("stored"), 1);
    assert_eq!(calls::fetch(&client, "a", 1).await.expect("kept").body, "x");

    assert!(connect(envoy.address(), &Authority::new()).await.is_err(), "a stranger's is trusted");
    let plain = within(PATIENCE, "connect", calls::endpoint(envoy.address()).connect()).await;
    if let Ok(channel) = plain {
        let client = BrokerClient::new(channel);
        calls::publish(&client, calls::kept("a", "x")).await.expect_err("it speaks TLS");
    }
}
