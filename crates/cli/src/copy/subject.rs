//! One subject, from its first message to its last id.

use super::{
    appending::{Appends, Written},
    comparing::{Compared, compare},
    cursor::Cursor,
    ends::Ends,
    outcome::Copied,
    patience::Patience,
    progress::Progress,
};
use anyhow::Result;
use broker_core::{
    Headers, IdRange, Message, MessageId, Storage, Stored, Subject, SubjectSummary, Tally,
    Timestamp,
};
use bytes::Bytes;
use std::sync::Arc;

/// Copies what has not expired and the last id; a target that has other messages is left as it is.
pub async fn copy(
    ends: &Ends,
    patience: &Patience,
    progress: &Progress,
    summary: SubjectSummary,
) -> Result<Copied> {
    let now = ends.now();
    let SubjectSummary { subject, last_id } = summary;
    let there = patience.ask(|| ends.to.last_id(&subject)).await?;
    let mut copied = Copied::new(subject.clone(), last_id);
    if there > last_id {
        copied.problem(format!("the target's last id is {there}, the source's {last_id}"));
        return Ok(copied);
    }
    let Some(after) = compared(ends, patience, there, now, &mut copied).await? else {
        return Ok(copied);
    };
    progress.add(copied.found);
    let missing = append(ends, patience, progress, after, now, &mut copied).await?;
    keep_last_id(ends, patience, &mut copied).await?;
    let now = ends.now();
    let [source, target] =
        [&ends.from, &ends.to].map(|side| tally(side, patience, &subject, last_id, now));
    let (source, target) = (source.await?, target.await?);
    copied.check(source, target, missing);
    Ok(copied)
}

/// Where to begin to write; `None` where nothing may be written.
async fn compared(
    ends: &Ends,
    patience: &Patience,
    there: MessageId,
    now: Timestamp,
    copied: &mut Copied,
) -> Result<Option<MessageId>> {
    if there.is_none() {
        return Ok(Some(MessageId::NONE));
    }
    let subject = copied.subject.clone();
    let cursor = |side| Cursor::new(side, patience, &subject, MessageId::NONE, now);
    match compare(&mut cursor(&ends.from), &mut cursor(&ends.to), there).await? {
        Compared::Differs(id) => {
            copied
                .problem(format!("the target has another message {id}; nothing of it was copied"));
            Ok(None)
        }
        Compared::Fits { missing, same, damaged } => {
            for id in damaged {
                copied.problem(format!("message {id} is damaged in the target"));
            }
            copied.found = same;
            Ok(Some(missing.map_or(there, |id| MessageId(id.0 - 1))))
        }
    }
}

/// Writes what is behind that id; answers how many messages could not be copied.
async fn append(
    ends: &Ends,
    patience: &Patience,
    progress: &Progress,
    after: MessageId,
    now: Timestamp,
    copied: &mut Copied,
) -> Result<u64> {
    let subject = copied.subject.clone();
    let mut source = Cursor::new(&ends.from, patience, &subject, after, now);
    let mut appends = Appends::new(&ends.to, patience);
    let mut missing = 0;
    let read = async {
        loop {
            let page = source.page().await?;
            if page.is_empty() {
                return Ok(());
            }
            let mut batch = Vec::with_capacity(page.len());
            for stored in page {
                match stored {
                    Stored::Message(message) => batch.push(message),
                    Stored::Damaged(id) => {
                        missing += 1;
                        copied.problem(format!("message {id} is damaged in the source"));
                    }
                }
            }
            progress.add(batch.len() as u64);
            if !batch.is_empty() {
                appends.begin(batch).await?;
            }
        }
    };
    let read: Result<()> = read.await;
    let Written { messages, refused } = appends.finish().await?;
    read?;
    copied.written = messages;
    for (id, why) in refused {
        missing += 1;
        copied.problem(format!("message {id} was refused by the target: {why}"));
    }
    Ok(missing)
}

/// Where the last message is gone, one that has expired already keeps its id: no store gives it again.
async fn keep_last_id(ends: &Ends, patience: &Patience, copied: &mut Copied) -> Result<()> {
    let (subject, last_id) = (copied.subject.clone(), copied.last_id);
    if patience.ask(|| ends.to.last_id(&subject)).await? >= last_id {
        return Ok(());
    }
    let expires_at = ends.now();
    let published_at = Timestamp(expires_at.0.saturating_sub(1));
    let (headers, body) = (Headers::default(), Bytes::new());
    let message = Message::new(subject, last_id, published_at, Some(expires_at), headers, body);
    let mut appends = Appends::new(&ends.to, patience);
    appends.begin(vec![Arc::new(message)]).await?;
    let Written { refused, .. } = appends.finish().await?;
    for (_, why) in refused {
        copied.problem(format!("the last id was refused by the target: {why}"));
    }
    Ok(())
}

/// What a side keeps of a subject.
async fn tally(
    side: &Arc<dyn Storage>,
    patience: &Patience,
    subject: &Subject,
    up_to: MessageId,
    now: Timestamp,
) -> Result<Tally> {
    let mut all = Tally::default();
    let mut after = MessageId::NONE;
    loop {
        let range = IdRange { subject: subject.clone(), after, up_to };
        let tallies = patience.ask(|| side.tally(vec![range.clone()], now)).await?;
        tallies.iter().for_each(|part| all.add(part));
        match all.next {
            Some(next) => after = next,
            None => return Ok(all),
        }
    }
}
