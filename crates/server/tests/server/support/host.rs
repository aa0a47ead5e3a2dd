//! A server in this process.

use super::soon;
use broker_core::{Broker, Limits, ManualTime, NoObserver, Timestamp};
use broker_proto::broker_client::BrokerClient;
use broker_server::{OpenBroker, RpcObserver, ServeError, Server, ServerConfig, ServerLimits};
use broker_storage::{Faulty, MemoryConfig, MemoryStorage, faulty::Script};
use std::{future::ready, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{sync::oneshot, task::JoinHandle};
use tonic::transport::{Channel, Endpoint};

pub type Client = BrokerClient<Channel>;

/// A server over a memory store that fails when a test says so.
pub struct Host {
    pub broker: Broker,
    pub store: Arc<Faulty<MemoryStorage>>,
    pub script: Arc<Script>,
    pub time: Arc<ManualTime>,
    pub address: SocketAddr,
    pub admin: SocketAddr,
    leave: Option<oneshot::Sender<()>>,
    running: JoinHandle<Result<(), ServeError>>,
}

/// What a test wants otherwise.
pub struct Plan {
    pub config: ServerConfig,
    pub core: Limits,
    pub observer: Option<Arc<dyn RpcObserver>>,
}

impl Default for Plan {
    fn default() -> Self {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let config = ServerConfig {
            listen: free,
            admin_listen: free,
            web_origins: vec!["https://app.example".into()],
            grace: Duration::from_secs(30),
            limits: ServerLimits {
                closing_notice: Duration::from_millis(200),
                ..ServerLimits::default()
            },
        };
        Self { config, core: Limits::default(), observer: None }
    }
}

impl Host {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Plan)) -> Self {
        let mut plan = Plan::default();
        change(&mut plan);
        let mut server = Server::bind(plan.config).await.unwrap();
        if let Some(observer) = plan.observer {
            server = server.observed_by(observer);
        }
        let address = server.grpc_address().unwrap();
        let admin = server.admin_address().unwrap();

        let memory = Arc::new(MemoryStorage::new(MemoryConfig::default()));
        let script = Arc::new(Script::default());
        let store = Arc::new(Faulty::new(memory, script.clone()));
        let time = Arc::new(ManualTime::at(Timestamp(1_700_000_000_000_000_000)));
        let observer = Arc::new(NoObserver);
        let broker =
            Broker::open(store.clone(), time.clone(), observer, plan.core, 1).await.unwrap();

        let (leave, left) = oneshot::channel();
        let opening = ready(Ok(OpenBroker::from(broker.clone())));
        let running = tokio::spawn(server.run(opening, async {
            let _ = left.await;
        }));
        Self { broker, store, script, time, address, admin, leave: Some(leave), running }
    }

    pub async fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        soon("a connection", endpoint.connect()).await.unwrap()
    }

    pub async fn client(&self) -> Client {
        BrokerClient::new(self.channel().await)
    }

    /// Gives the order to leave.
    pub fn leave(&mut self) {
        if let Some(leave) = self.leave.take() {
            leave.send(()).unwrap();
        }
    }

    /// Waits for the server's end.
    pub async fn left(self) -> Result<(), ServeError> {
        soon("the end of the server", self.running).await.unwrap()
    }
}
