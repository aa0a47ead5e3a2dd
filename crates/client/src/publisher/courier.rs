//! The task of a publisher: brings messages to a stream, and answers to who waits for them.

use super::order::Order;
use crate::{
    Acknowledgements, Backoff, Client, Error, PublishStream, Retry,
    backoff::{Pauses, chance},
    error::Effect,
    publish_stream::{self, Answer},
};
use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    sync::mpsc,
    time::{Instant, Sleep, sleep},
};

/// How long a stream is held without a message on it.
const IDLE: Duration = Duration::from_secs(30);

/// Messages taken in before others are looked after.
const TAKEN_AT_ONCE: usize = 1_024;

/// Lives until the publisher is dropped and everything is answered.
pub struct Courier {
    client: Client,
    bytes: usize,
    retry: Option<Pauses>,
    orders: mpsc::UnboundedReceiver<Order>,
    /// Nothing more will be ordered.
    has_ended: bool,
    ordered: u64,
    /// Not sent yet, or to be sent again, in the order of their numbers.
    waiting: VecDeque<Order>,
    open: Option<Open>,
    /// Nothing is sent until then.
    pause: Option<Pin<Box<Sleep>>>,
}

/// A stream and what is on the way on it.
struct Open {
    /// Absent once nothing more will be sent.
    messages: Option<PublishStream>,
    answers: Acknowledgements,
    on_the_way: VecDeque<Order>,
    /// Whether it brought an answer yet.
    has_answered: bool,
    /// When it was silent for too long.
    timer: Pin<Box<Sleep>>,
}

impl Courier {
    pub fn new(
        client: Client,
        bytes: usize,
        retry: Option<Backoff>,
        orders: mpsc::UnboundedReceiver<Order>,
    ) -> Self {
        Self {
            client,
            bytes,
            retry: retry.map(Pauses::new),
            orders,
            has_ended: false,
            ordered: 0,
            waiting: VecDeque::new(),
            open: None,
            pause: None,
        }
    }

    fn poll_orders(&mut self, cx: &mut Context<'_>) -> bool {
        let before = self.waiting.len();
        while !self.has_ended && self.waiting.len() - before < TAKEN_AT_ONCE {
            match self.orders.poll_recv(cx) {
                Poll::Pending => break,
                Poll::Ready(None) => self.has_ended = true,
                Poll::Ready(Some(mut order)) => {
                    order.number = self.ordered;
                    self.ordered += 1;
                    self.waiting.push_back(order);
                }
            }
        }
        self.waiting.len() > before
    }

    /// Brings what waits to a stream, unless it has to wait longer.
    fn poll_waiting(&mut self, cx: &mut Context<'_>) -> bool {
        if self.pause.as_mut().is_some_and(|pause| pause.as_mut().poll(cx).is_pending()) {
            return false;
        }
        self.pause = None;
        if self.waiting.is_empty() {
            return false;
        }
        let (client, bytes) = (&self.client, self.bytes);
        let open = self.open.get_or_insert_with(|| Open::new(client, bytes));
        let Some(messages) = &open.messages else { return false };
        if open.on_the_way.is_empty() {
            open.timer.as_mut().reset(after(client.deadline()));
        }
        for mut order in self.waiting.drain(..) {
            let request = match &self.retry {
                Some(_) => order.request.clone(),
                None => order.request.take(),
            };
            // Whatever waits has its request.
            messages.push(request.unwrap_or_default(), order.weight);
            open.on_the_way.push_back(order);
        }
        true
    }

    fn poll_answers(&mut self, cx: &mut Context<'_>) -> bool {
        let mut progress = false;
        while let Some(open) = &mut self.open {
            match open.poll_answer(cx, self.client.deadline()) {
                Poll::Pending => break,
                Poll::Ready(Answer::Message(result)) => {
                    let Some(order) = open.on_the_way.pop_front() else { continue };
                    match result {
                        Ok(published) => {
                            if let Some(pauses) = &mut self.retry {
                                pauses.reset();
                            }
                            order.answer(Ok(published));
                        }
                        Err(error) => self.fail(order, error),
                    }
                }
                Poll::Ready(Answer::Over(why)) => self.close(why),
            }
            progress = true;
        }
        progress
    }

    /// The stream is over.
    fn close(&mut self, why: Option<Error>) {
        let Some(mut open) = self.open.take() else { return };
        let Some(error) = why else { return };
        let unsent = open.answers.take_unsent();
        let never_left =
            open.on_the_way.split_off(open.on_the_way.len().saturating_sub(unsent.len()));
        for order in open.on_the_way {
            self.fail(order, error.clone());
        }
        for (mut order, request) in never_left.into_iter().zip(unsent) {
            order.request = Some(request);
            // A stream that brought nothing may be followed by others that bring nothing.
            if open.has_answered && self.retry.is_none() {
                self.put_back(order);
            } else {
                self.fail(order, error.before_sending());
            }
        }
    }

    /// A message was not acknowledged: it is sent again, or its failure told.
    fn fail(&mut self, order: Order, error: Error) {
        match (error.retry(), &mut self.retry) {
            (Retry::Safe { after: asked }, Some(pauses)) if !self.has_ended => {
                let until = match &self.pause {
                    // What fails together waits together.
                    Some(pause) => Some(pause.deadline().max(after(asked.unwrap_or_default()))),
                    None => pauses.next(asked, Instant::now(), chance()).map(after),
                };
                match until {
                    Some(until) => {
                        self.pause = Some(Box::pin(tokio::time::sleep_until(until)));
                        self.put_back(order);
                    }
                    None => order.answer(Err(error)),
                }
            }
            _ => order.answer(Err(error)),
        }
    }

    /// Where it belongs by its number.
    fn put_back(&mut self, order: Order) {
        let place = self.waiting.partition_point(|other| other.number < order.number);
        self.waiting.insert(place, order);
    }

    /// Whether nothing is left to do. Ends the stream when nothing is left to send.
    fn is_done(&mut self) -> bool {
        if !self.has_ended || !self.waiting.is_empty() {
            return false;
        }
        match &mut self.open {
            None => true,
            Some(open) => {
                open.messages = None;
                false
            }
        }
    }
}

impl Future for Courier {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let is_ordered = self.poll_orders(cx);
            let is_sent = self.poll_waiting(cx);
            if self.is_done() {
                return Poll::Ready(());
            }
            let is_answered = self.poll_answers(cx);
            if !(is_ordered || is_sent || is_answered) {
                return if self.is_done() { Poll::Ready(()) } else { Poll::Pending };
            }
        }
    }
}

/// That long from now. What is too far to be told is far enough.
fn after(wait: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(86_400 * 365);
    Instant::now() + wait.min(FAR)
}

impl Open {
    fn new(client: &Client, bytes: usize) -> Self {
        let (messages, answers) = publish_stream::open_with_room(client.grpc(), bytes);
        Self {
            messages: Some(messages),
            answers,
            on_the_way: VecDeque::new(),
            has_answered: false,
            timer: Box::pin(sleep(client.deadline())),
        }
    }

    /// The next answer; that the stream is over, too, if none comes for too long.
    fn poll_answer(&mut self, cx: &mut Context<'_>, deadline: Duration) -> Poll<Answer> {
        if let Poll::Ready(answer) = self.answers.poll_answer(cx) {
            if matches!(answer, Answer::Message(_)) {
                self.has_answered = true;
                let is_idle = self.on_the_way.len() <= 1;
                let patience = if is_idle { IDLE } else { deadline };
                self.timer.as_mut().reset(after(patience));
            }
            return Poll::Ready(answer);
        }
        if self.timer.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        let late = || Error::deadline_passed(Effect::Streams, deadline);
        Poll::Ready(Answer::Over((!self.on_the_way.is_empty()).then(late)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use broker_proto::PublishRequest;
    use std::sync::Arc;
    use tokio::sync::{Semaphore, oneshot};

    #[tokio::test]
    async fn what_is_put_back_goes_where_it_was() {
        let client = Client::connect_lazy("127.0.0.1:1").unwrap();
        let mut courier = Courier::new(client, 0, None, mpsc::unbounded_channel().1);
        let room = Arc::new(Semaphore::new(9));
        for number in [5, 6, 2, 7, 1, 3] {
            let room = room.clone().try_acquire_owned().unwrap();
            let mut order = Order::new(PublishRequest::default(), 1, oneshot::channel().0, room);
            order.number = number;
            courier.put_back(order);
        }
        let numbers: Vec<u64> = courier.waiting.iter().map(|order| order.number).collect();
        assert_eq!(numbers, [1, 2, 3, 5, 6, 7]);
    }
}
