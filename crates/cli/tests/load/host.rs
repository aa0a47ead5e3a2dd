//! A broker in this process, over a store that fails.

use crate::waiting::{PATIENCE, within};
use broker_core::{Broker, Limits, NoObserver, SystemTime};
use broker_server::{OpenBroker, ServeError, Server, ServerConfig, ServerLimits};
use broker_storage::{
    Faulty, MemoryConfig, MemoryStorage,
    faulty::{Faults, NoFaults},
};
use std::{
    future::{pending, ready},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};
use tokio::task::JoinHandle;

/// A running broker, which ends with this.
pub struct Host {
    /// Where it is.
    pub address: SocketAddr,
    running: JoinHandle<Result<(), ServeError>>,
}

impl Host {
    /// One that does not fail.
    pub async fn start() -> Self {
        Self::failing(NoFaults).await
    }

    /// One that fails like this.
    pub async fn failing(faults: impl Faults) -> Self {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let config = ServerConfig {
            listen: free,
            admin_listen: free,
            web_origins: Vec::new(),
            grace: Duration::from_secs(1),
            limits: ServerLimits::default(),
        };
        let server = Server::bind(config).await.expect("a free port");
        let address = server.grpc_address().expect("it listens");
        let memory = Arc::new(MemoryStorage::new(MemoryConfig::default()));
        let store = Arc::new(Faulty::new(memory, Arc::new(faults)));
        let (time, observer) = (Arc::new(SystemTime), Arc::new(NoObserver));
        let opening = Broker::open(store, time, observer, Limits::default(), 1);
        let broker = within(PATIENCE, "a broker", opening).await.expect("memory opens");
        let opening = ready(Ok(OpenBroker::from(broker)));
        let running = tokio::spawn(server.run(opening, pending()));
        Self { address, running }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.running.abort();
    }
}
