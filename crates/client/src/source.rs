//! Where a subscription gets its messages from.

use crate::{Client, Error, Start, error::Effect, place, wire};
use broker_proto::{MessageResponse, broker_client::BrokerClient};
use tokio::time::timeout;
use tonic::{Streaming, transport::Channel};

/// The messages of one stream of the wire.
pub type Messages = Streaming<MessageResponse>;

/// A subject of a broker.
#[derive(Debug, Clone)]
pub struct Source {
    client: Client,
    subject: String,
}

impl Source {
    pub fn new(client: Client, subject: String) -> Self {
        Self { client, subject }
    }

    /// One attempt to subscribe, within the client's deadline.
    pub async fn subscribe(&self, start: Start) -> Result<Messages, Error> {
        self.subscribe_over(self.client.grpc(), start).await
    }

    /// As [`Source::subscribe`], for a subscription that is to go on after a break. A start with what is
    /// new becomes one after the last id that there was: the place that this answers.
    pub async fn subscribe_to_resume(&self, start: Start) -> Result<(Messages, u64), Error> {
        let beginning = async {
            let place = match start {
                Start::Retained => 0,
                Start::After(id) => id,
                Start::New => place::newest(self).await?,
            };
            Ok((self.subscribe(Start::After(place)).await?, place))
        };
        let deadline = self.client.deadline();
        let late = |_| Err(Error::deadline_passed(Effect::Reads, deadline));
        timeout(deadline, beginning).await.unwrap_or_else(late)
    }

    /// A connection on which no message is sent ahead: to ask whether subscriptions would stand.
    pub fn without_messages(&self) -> BrokerClient<Channel> {
        let endpoint = self.client.endpoint().clone();
        BrokerClient::new(endpoint.initial_stream_window_size(1).connect_lazy())
    }

    pub async fn subscribe_over(
        &self,
        mut grpc: BrokerClient<Channel>,
        start: Start,
    ) -> Result<Messages, Error> {
        let request = wire::subscribe(self.subject.clone(), start);
        self.client.within(Effect::Reads, grpc.subscribe(request)).await
    }
}
