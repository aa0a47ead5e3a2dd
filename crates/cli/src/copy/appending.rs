//! Appends to the target: several under way, each repeated until its outcome is known.

use super::patience::{Patience, Tries};
use anyhow::{Result, anyhow};
use broker_core::{AppendError, Appended, Message, MessageId, Storage, StorageFuture};
use futures_util::{StreamExt, future::BoxFuture, stream::FuturesOrdered};
use std::sync::Arc;

/// Appends of a subject that are under way at most.
const UNDER_WAY: usize = 4;

/// What came of an append.
#[derive(Debug, Default)]
pub struct Written {
    pub messages: u64,
    /// What the target will not keep, and why.
    pub refused: Vec<(MessageId, String)>,
}

/// The appends of a subject.
pub struct Appends<'a> {
    storage: &'a Arc<dyn Storage>,
    patience: &'a Patience,
    under_way: FuturesOrdered<BoxFuture<'a, Result<Written>>>,
    written: Written,
}

impl<'a> Appends<'a> {
    pub fn new(storage: &'a Arc<dyn Storage>, patience: &'a Patience) -> Self {
        let (under_way, written) = (FuturesOrdered::new(), Written::default());
        Self { storage, patience, under_way, written }
    }

    /// Begins one more; waits for an earlier one if there are too many.
    ///
    /// # Errors
    /// What became of an earlier one.
    pub async fn begin(&mut self, batch: Vec<Arc<Message>>) -> Result<()> {
        while self.under_way.len() >= UNDER_WAY {
            self.wait().await?;
        }
        // It is under way from here on, whoever waits for it.
        let first = self.storage.append(batch.clone());
        self.under_way.push_back(Box::pin(settle(self.storage, self.patience, first, batch)));
        Ok(())
    }

    /// Waits for all of them, also when one went wrong: a store is closed after the last answer.
    ///
    /// # Errors
    /// The first that one had.
    pub async fn finish(mut self) -> Result<Written> {
        let mut failed = Ok(());
        while !self.under_way.is_empty() {
            failed = failed.and(self.wait().await);
        }
        failed.map(|()| self.written)
    }

    async fn wait(&mut self) -> Result<()> {
        if let Some(written) = self.under_way.next().await {
            let Written { messages, refused } = written?;
            self.written.messages += messages;
            self.written.refused.extend(refused);
        }
        Ok(())
    }
}

/// Repeats until every message is stored or refused.
async fn settle(
    storage: &Arc<dyn Storage>,
    patience: &Patience,
    first: StorageFuture<Result<Vec<Appended>, AppendError>>,
    batch: Vec<Arc<Message>>,
) -> Result<Written> {
    let (mut answer, mut batch) = (first, batch);
    let (mut written, mut tries) = (Written::default(), Tries::default());
    loop {
        let answers = patience.answer(answer, || storage.append(batch.clone())).await?;
        let mut again = Vec::new();
        let mut why = String::new();
        for (message, answer) in batch.into_iter().zip(answers) {
            match answer {
                Appended::Stored => written.messages += 1,
                Appended::Refused(why) => written.refused.push((message.id, why)),
                Appended::Unavailable(reason) | Appended::Unknown(reason) => {
                    again.push(message);
                    why = reason;
                }
            }
        }
        if again.is_empty() {
            return Ok(written);
        }
        patience.pause(&mut tries, anyhow!("the target did not keep messages: {why}")).await?;
        batch = again;
        answer = storage.append(batch.clone());
    }
}
