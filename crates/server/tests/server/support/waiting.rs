//! A server whose broker is opened when a test says so.

use super::{Client, raw, soon};
use broker_core::{Broker, Limits, NoObserver, SystemTime};
use broker_proto::broker_client::BrokerClient;
use broker_server::{OpenBroker, Opening, ServeError, Server, ServerConfig, ServerLimits};
use broker_storage::{MemoryConfig, MemoryStorage};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{sync::oneshot, task::JoinHandle};
use tonic::transport::{Channel, Endpoint};

/// It waits for its broker.
pub struct Waiting {
    pub opening: Opening,
    pub address: SocketAddr,
    pub admin: SocketAddr,
    open: Option<oneshot::Sender<Result<OpenBroker, String>>>,
    leave: oneshot::Sender<()>,
    running: JoinHandle<Result<(), ServeError<String>>>,
}

impl Waiting {
    pub async fn start() -> Self {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let config = ServerConfig {
            listen: free,
            admin_listen: free,
            web_origins: Vec::new(),
            grace: Duration::from_secs(30),
            limits: ServerLimits {
                closing_notice: Duration::from_millis(200),
                ..ServerLimits::default()
            },
        };
        let server = Server::bind(config).await.unwrap();
        let (address, admin) = (server.grpc_address().unwrap(), server.admin_address().unwrap());
        let opening = server.opening();
        let (open, opened) = oneshot::channel::<Result<OpenBroker, String>>();
        let (leave, left) = oneshot::channel();
        let running = tokio::spawn(server.run(async { opened.await.unwrap() }, async {
            let _ = left.await;
        }));
        Self { opening, address, admin, open: Some(open), leave, running }
    }

    /// Ends the waiting with a broker over an empty store.
    pub async fn open(&mut self, warnings: &[&str]) -> Broker {
        let store = Arc::new(MemoryStorage::new(MemoryConfig::default()));
        let (time, observer) = (Arc::new(SystemTime), Arc::new(NoObserver));
        let broker = Broker::open(store, time, observer, Limits::default(), 1).await.unwrap();
        let warnings = warnings.iter().map(|warning| (*warning).to_owned()).collect();
        let open = OpenBroker { broker: broker.clone(), warnings };
        assert!(self.open.take().unwrap().send(Ok(open)).is_ok());
        broker
    }

    /// Ends the waiting without one.
    pub fn fail(&mut self, why: &str) {
        assert!(self.open.take().unwrap().send(Err(why.into())).is_ok());
    }

    pub fn endpoint(&self) -> Endpoint {
        Endpoint::from_shared(format!("http://{}", self.address)).unwrap()
    }

    pub async fn channel(&self) -> Channel {
        soon("a connection", self.endpoint().connect()).await.unwrap()
    }

    pub async fn client(&self) -> Client {
        BrokerClient::new(self.channel().await)
    }

    /// Status and body of an admin page.
    pub async fn page(&self, path: &str) -> (u16, String) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n");
        let answer = raw::http1(self.admin, request.as_bytes()).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// Gives the order to leave, and waits for the end.
    pub async fn leave(self) -> Result<(), ServeError<String>> {
        self.leave.send(()).unwrap();
        soon("the end of the server", self.running).await.unwrap()
    }

    /// Waits for the end.
    pub async fn ended(self) -> Result<(), ServeError<String>> {
        soon("the end of the server", self.running).await.unwrap()
    }
}
