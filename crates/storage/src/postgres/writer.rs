//! Writing messages: each writer has a connection and one statement under way, and takes what waits
//! when it is free. So what comes while all are busy goes together, and nothing waits for a timer.

use super::{
    bucket::Bucket,
    catalog::{Place, Table},
    failure::{DISK, Failure, Kind},
    inbox::{Group, Waiting},
    making::make,
    rows::Columns,
    session::Session,
    shared::Shared,
};
use crate::{
    database::Word,
    trace::{self, System},
};
use broker_core::{
    Writable,
    trace::{failed, note},
};
use std::sync::{Arc, atomic::Ordering};
use tokio::time::{Instant, sleep_until};
use tracing::Span;

/// Writes until the inbox is closed and empty.
pub async fn write(shared: Arc<Shared>) {
    let mut session = None;
    while shared.inbox.ready().await {
        let Some(session) = connected(&shared, &mut session).await else { continue };
        // Another writer may have been faster.
        let Some(group) = shared.inbox.take() else { continue };
        Writer { shared: &shared, session }.put(group).await;
    }
}

/// Refuses what waits for too long while the database does not answer.
pub async fn watch(shared: Arc<Shared>) {
    let patience = shared.times().unavailable;
    loop {
        let oldest = shared.inbox.oldest().await;
        let since = oldest.max(shared.health.answered());
        if since.elapsed() < patience {
            sleep_until(since + patience).await;
            continue;
        }
        let why = match shared.health.last_word().0 {
            Writable::Unavailable(why) => why,
            _ => format!("PostgreSQL has not answered for {} ms", patience.as_millis()),
        };
        shared.inbox.give_up(patience, &why);
        // What came since has its own time.
        if shared.inbox.oldest().await.elapsed() >= patience {
            sleep_until(Instant::now() + patience / 8).await;
        }
    }
}

async fn connected<'a>(
    shared: &Shared,
    session: &'a mut Option<Session>,
) -> Option<&'a mut Session> {
    if session.as_ref().is_some_and(Session::is_over) {
        *session = None;
    }
    if session.is_none() {
        match shared.connector.connect().await {
            Ok(opened) => *session = Some(opened),
            Err(failure) => shared.health.away(&failure.text),
        }
    }
    session.as_mut()
}

struct Writer<'a> {
    shared: &'a Shared,
    session: &'a mut Session,
}

impl Writer<'_> {
    async fn put(&mut self, group: Group) {
        let entry = loop {
            match self.shared.catalog.enter(group.bucket) {
                Place::Table(entry) => break entry,
                Place::Dead => return self.move_on(group.messages),
                Place::Missing => match make(self.shared, self.session, group.bucket).await {
                    Ok(true) => {}
                    Ok(false) => return self.fenced(group.messages),
                    Err(failure) => return self.failed(group.bucket, group.messages, &failure),
                },
            }
        };
        // Halves of what the database does not take, until it is known which message it is.
        let mut parts = vec![group.messages];
        while let Some(mut part) = parts.pop() {
            let span = commit_span(&part);
            let word = self.insert(entry.table(), &part, &span).await;
            end(&span, &word);
            drop(span);
            match word {
                Ok(word) => self.shared.inbox.answer(part, &word),
                Err(failure) if failure.kind == Kind::Row && part.len() > 1 => {
                    let half = part.split_off(part.len() / 2);
                    parts.push(half);
                    parts.push(part);
                }
                Err(failure) => {
                    self.failed(group.bucket, part, &failure);
                    if self.session.is_over() {
                        let rest = parts.into_iter().flatten();
                        let rest = rest.map(|waiting| (group.bucket, waiting)).collect();
                        return self.shared.inbox.put_back(rest);
                    }
                }
            }
        }
    }

    /// One statement; the word on all of its messages.
    async fn insert(
        &mut self,
        table: &Table,
        part: &[Waiting],
        span: &Span,
    ) -> Result<Word, Failure> {
        note(span, "sent");
        let columns = Columns::of(part.iter().map(|waiting| &*waiting.message));
        let epoch = self.shared.lease.epoch();
        let params = columns.fenced(&epoch);
        let begun = Instant::now();
        let kept = match self.session.execute(&table.insert, &params).await {
            // Repeated ones, whose outcome was not known, are among them.
            Err(failure) if failure.kind == Kind::There => {
                self.session.execute(&table.insert_missing, &params).await.map_err(|failure| {
                    match failure.kind {
                        // In an index that is not ours.
                        Kind::There => Failure { kind: Kind::Row, ..failure },
                        _ => failure,
                    }
                })?
            }
            answer => answer?,
        };
        note(span, "answered");
        table.rows.fetch_add(kept, Ordering::Relaxed);
        self.shared.connector.activity().count_commit(part.len(), begun.elapsed());
        // None: they are there already, or the fence kept them out.
        if kept == 0 && !self.is_owner().await? {
            self.shared.fenced();
            return Ok(Word::Fenced);
        }
        self.shared.connector.works();
        self.shared.health.works();
        Ok(match self.shared.lease.confirm().await {
            Ok(()) => {
                if let Some(latest) = part.iter().map(|it| it.message.published_at).max() {
                    self.shared.raise_kept(latest);
                }
                Word::Stored
            }
            // They are there: the fence let them in.
            Err(error) => Word::Unknown(error.to_string().into()),
        })
    }

    /// What was written is written, whether this can be asked or not.
    async fn is_owner(&mut self) -> Result<bool, Failure> {
        let answer = self.shared.is_owner(self.session).await;
        answer.map_err(|failure| Failure { kind: Kind::Unknown, ..failure })
    }

    /// What belonged to a table that has died goes to the next one of its class.
    fn move_on(&self, messages: Vec<Waiting>) {
        let buckets: Vec<Bucket> =
            self.shared.catalog.buckets(messages.iter().map(|it| &*it.message)).collect();
        self.shared.inbox.put_back(buckets.into_iter().zip(messages).collect());
    }

    fn fenced(&self, messages: Vec<Waiting>) {
        self.shared.fenced();
        self.shared.inbox.answer(messages, &Word::Fenced);
    }

    /// What a failure means to messages of which nothing was done, or nobody knows.
    fn failed(&self, bucket: Bucket, messages: Vec<Waiting>, failure: &Failure) {
        let Shared { inbox, health, connector, .. } = self.shared;
        match failure.kind {
            Kind::Row | Kind::There => {
                health.works();
                inbox.answer(messages, &Word::Refused(failure.text.clone()));
            }
            Kind::Full => {
                health.full(DISK);
                inbox.answer(messages, &Word::Full(DISK));
            }
            Kind::Unknown => {
                health.away(&failure.text);
                connector.failed();
                inbox.answer(messages, &Word::Unknown(failure.text.as_str().into()));
            }
            Kind::Busy | Kind::NoTable | Kind::Unavailable | Kind::Setup => {
                health.away(&failure.text);
                connector.failed();
                let patience = self.shared.times().unavailable;
                let (late, early): (Vec<_>, Vec<_>) =
                    messages.into_iter().partition(|it| it.since.elapsed() >= patience);
                inbox.answer(late, &Word::Unavailable(failure.text.as_str().into()));
                inbox.put_back(early.into_iter().map(|waiting| (bucket, waiting)).collect());
            }
        }
    }
}

/// The span of a statement.
fn commit_span(part: &[Waiting]) -> Span {
    let appends = part.iter().map(|waiting| &waiting.call.span);
    trace::commit(System::Postgres, appends, part.iter().map(|waiting| &waiting.message))
}

/// Notes how a statement ended.
fn end(span: &Span, word: &Result<Word, Failure>) {
    match word {
        Ok(Word::Stored) => {}
        Ok(
            Word::Refused(_)
            | Word::Full(_)
            | Word::Unavailable(_)
            | Word::Unknown(_)
            | Word::Fenced,
        ) => failed(span, &"not known to be stored by this broker"),
        Err(failure) => failed(span, &failure.text),
    }
}
