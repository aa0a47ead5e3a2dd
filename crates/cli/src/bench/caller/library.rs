//! Calls by way of broker-client.

use super::{Failure, Message, Received, Told, in_capitals};
use broker_client::{
    Acknowledgements, Client, Error, ErrorKind, Event, Lifetime, PublishOptions, PublishStream,
    Start, SubscribeOptions, Subscription,
};
use futures_util::{FutureExt, StreamExt};
use std::collections::BTreeMap;

/// Answers taken at once.
const MOST_TAKEN: usize = 1_024;

fn options(message: &Message) -> PublishOptions {
    let lifetime = if message.lifetime.is_zero() {
        Lifetime::DeliverOnly
    } else {
        Lifetime::For(message.lifetime)
    };
    PublishOptions { lifetime, headers: BTreeMap::new() }
}

pub async fn publish(client: &Client, message: Message) -> Told {
    let options = options(&message);
    Ok(client.publish(message.subject, message.body, options).await?.id)
}

pub async fn subscribe(
    client: &Client,
    subject: &str,
    start: Start,
) -> Result<Box<Subscription>, Failure> {
    // A broken connection is a failure to be told, not to be bridged.
    let options = SubscribeOptions::new().until_interrupted();
    Ok(Box::new(client.subscribe_with(subject, start, options).await?))
}

pub async fn next(subscription: &mut Subscription) -> Result<Received, Failure> {
    loop {
        match subscription.next_event().await {
            Some(Ok(Event::Message(message))) => return Ok(Received::Message(message)),
            Some(Ok(Event::Discarded { .. })) => return Ok(Received::Again),
            // None of these comes from one that does not go on.
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error.into()),
            None => return Err(Failure::ended("the subscription ended")),
        }
    }
}

pub async fn send(stream: &mut PublishStream, message: Message) -> Result<(), Failure> {
    let options = options(&message);
    Ok(stream.send(message.subject, message.body, options).await?)
}

pub async fn take(answers: &mut Acknowledgements, told: &mut Vec<Told>) -> bool {
    let mut next = answers.next().await;
    loop {
        let Some(answer) = next else { return false };
        told.push(answer.map(|published| published.id).map_err(Failure::from));
        if told.len() >= MOST_TAKEN {
            return true;
        }
        match answers.next().now_or_never() {
            Some(more) => next = more,
            None => return true,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let status = match error.kind() {
            ErrorKind::Damaged { .. } => "MESSAGE_DAMAGED".to_owned(),
            ErrorKind::Expired => super::EXPIRED.to_owned(),
            ErrorKind::NotFound => "MESSAGE_NOT_FOUND".to_owned(),
            ErrorKind::Closing => "BROKER_CLOSING".to_owned(),
            kind => in_capitals(&format!("{kind:?}")),
        };
        let is_outcome_unknown = error.is_outcome_unknown();
        Self { status, is_outcome_unknown, text: error.to_string() }
    }
}

impl Failure {
    pub fn ended(text: &str) -> Self {
        Self { status: "INTERRUPTED".into(), is_outcome_unknown: true, text: text.into() }
    }
}
