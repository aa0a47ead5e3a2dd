//! A broker whose subscriptions are scripted: one list of items for each, in turn.

use crate::fake::{Answer, Fake};
use broker_proto::{MessageResponse, SubscribeRequest};
use futures_util::{FutureExt, StreamExt, stream};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};
use tonic::{Response, Status};

/// What becomes of one call of Subscribe.
pub enum Act {
    /// It stands and brings these; then it ends, with the error if the last one is one.
    Brings(Vec<Result<MessageResponse, Status>>),
    /// It stands, brings these and then nothing more.
    Stays(Vec<MessageResponse>),
    /// It is refused.
    Refused(Status),
}

/// The requests that came, and what is still to be played.
#[derive(Clone, Default)]
pub struct Script {
    acts: Arc<Mutex<VecDeque<Act>>>,
    asked: Arc<Mutex<Vec<SubscribeRequest>>>,
}

impl Script {
    pub fn of(acts: impl IntoIterator<Item = Act>) -> Self {
        let script = Self::default();
        script.acts.lock().unwrap().extend(acts);
        script
    }

    /// A server that plays it. After the last act subscriptions stay silent.
    pub fn fake(&self) -> Fake {
        let script = self.clone();
        Fake { subscribe: Arc::new(move |request| script.play(request)), ..Fake::default() }
    }

    /// Where subscriptions were to begin, in the order they were asked for.
    pub fn asked(&self) -> Vec<u64> {
        self.asked.lock().unwrap().iter().map(|request| request.after_id).collect()
    }

    /// The requests themselves.
    pub fn requests(&self) -> Vec<SubscribeRequest> {
        self.asked.lock().unwrap().clone()
    }

    /// Adds acts.
    pub fn play_next(&self, acts: impl IntoIterator<Item = Act>) {
        self.acts.lock().unwrap().extend(acts);
    }

    /// Forgets what was still to be played.
    pub fn clear(&self) {
        self.acts.lock().unwrap().clear();
    }

    pub fn play(&self, request: SubscribeRequest) -> Answer<MessageResponse> {
        self.asked.lock().unwrap().push(request);
        let act = self.acts.lock().unwrap().pop_front().unwrap_or(Act::Stays(Vec::new()));
        async move {
            Ok(Response::new(match act {
                Act::Refused(status) => return Err(status),
                Act::Brings(items) => stream::iter(items).boxed(),
                Act::Stays(messages) => {
                    stream::iter(messages.into_iter().map(Ok)).chain(stream::pending()).boxed()
                }
            }))
        }
        .boxed()
    }
}

pub fn message(id: u64) -> MessageResponse {
    MessageResponse { id, subject: "s".into(), ..MessageResponse::default() }
}
