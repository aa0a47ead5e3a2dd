//! A container with the broker's image, and clients that reach it.

use crate::{
    calls::Client,
    waiting::{until, within},
};
use broker_proto::broker_client::BrokerClient;
use broker_test_servers::docker::{Engine, Network, broker_image};
use hyper_util::rt::TokioIo;
use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::net::TcpStream;
use tonic::{
    codegen::{Service, http::Uri},
    transport::Endpoint,
};

/// Long enough for containers on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// How the image is to be run: with nothing that it does not need.
const CONFINED: &[&str] = &[
    "--read-only",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--volume=data:/var/lib/broker",
];

/// An engine that has the broker's image, and that image's name.
pub async fn engine() -> (Engine, String) {
    let file = broker_image().await;
    let engine = Engine::with_a_network_of_its_own().await;
    let image = engine.load(&file);
    (engine, image)
}

/// A container of an engine.
pub struct Container<'a> {
    engine: &'a Engine,
    name: &'a str,
}

impl<'a> Container<'a> {
    /// Starts one of the broker's image, with more options for `docker run`.
    pub fn run(engine: &'a Engine, image: &str, name: &'a str, options: &[&str]) -> Self {
        let first = ["run", "--detach", "--name", name];
        let words = first.iter().chain(CONFINED).chain(options);
        engine.docker(words.copied().chain([image]));
        Self { engine, name }
    }

    /// What `docker inspect` says in this format.
    pub fn inspect(&self, format: &str) -> String {
        self.engine.docker(["inspect", "--format", format, self.name]).trim().to_owned()
    }

    /// What it wrote.
    pub fn log(&self) -> String {
        self.engine.log(self.name)
    }

    /// Lets a command of `docker` change it.
    pub fn tell(&self, words: &[&str]) {
        tokio::task::block_in_place(|| {
            self.engine.docker(words.iter().copied().chain([self.name]));
        });
    }

    /// Waits until its health check says so.
    pub async fn until_healthy(&self) {
        until(PATIENCE, &format!("{} is healthy", self.name), async || {
            let state = self.inspect("{{.State.Status}} {{.State.Health.Status}}");
            assert!(!state.starts_with("exited"), "{state}\n{}", self.log());
            (state == "running healthy").then_some(())
        })
        .await;
    }

    /// Where it serves clients.
    pub fn address(&self) -> SocketAddr {
        let address: IpAddr =
            self.inspect("{{.NetworkSettings.IPAddress}}").parse().expect("it has an address");
        (address, 8080).into()
    }
}

/// A connection to a broker in a network.
pub async fn connect(network: &Network, address: SocketAddr) -> Client {
    let connector = Connector { network: network.clone(), address };
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address is a uri");
    let channel = within(PATIENCE, "connect", endpoint.connect_with_connector(connector)).await;
    BrokerClient::new(channel.expect("the broker listens"))
}

/// Makes the sockets of a channel.
struct Connector {
    network: Network,
    address: SocketAddr,
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let (network, address) = (self.network.clone(), self.address);
        Box::pin(async move { network.connect(address).await.map(TokioIo::new) })
    }
}
