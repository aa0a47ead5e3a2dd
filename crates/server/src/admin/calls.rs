//! What an operator may ask for.
//!
//! | call | fields | answer |
//! | --- | --- | --- |
//! | `/v1/subjects` | `prefix`, `after`, `after_id`, `limit` | `subjects`: a row for each, and `next` |
//! | `/v1/count` | `subject`, `after_id`, `up_to` | one row, `up_to`, and `next` |
//! | `/v1/purge` | `subject`, `up_to` | `subject`, `up_to`, and what was kept up to it: `messages`, `bytes` |
//!
//! A row has `subject`, `last_id`, and what is kept: `messages`, `bytes` of their bodies and headers,
//! and `next_expiry` (RFC 3339 in UTC, or null). `next` is null at the end, or the fields with which
//! the next call goes on; where it has an `after_id`, the last row counts only a part of its subject
//! and the next call counts the next one.

use super::{fields::Fields, refusal::Refusal};
use broker_core::{
    Broker, Count, Limits, ListedSubject, ListingQuery, MessageId, Place, Subject, Tally, Timestamp,
};
use serde::Serialize;

/// Where the calls are.
pub const PATHS: [&str; 3] = ["/v1/subjects", "/v1/count", "/v1/purge"];

/// Subjects in a page where nobody says how many.
const PAGE: usize = 100;

/// One of the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Subjects,
    Count,
    Purge,
}

impl Call {
    /// The call at a path.
    pub fn at(path: &str) -> Option<Self> {
        let calls = [Self::Subjects, Self::Count, Self::Purge];
        PATHS.iter().position(|known| *known == path).map(|at| calls[at])
    }
}

/// Does what is asked for; the answer is JSON.
pub async fn answer(broker: Broker, call: Call, fields: Fields) -> Result<Vec<u8>, Refusal> {
    match call {
        Call::Subjects => subjects(&broker, fields).await,
        Call::Count => count(&broker, fields).await,
        Call::Purge => purge(broker, fields).await,
    }
}

fn json(answer: &impl Serialize) -> Result<Vec<u8>, Refusal> {
    serde_json::to_vec(answer).map_err(|error| {
        tracing::error!(%error, "an answer has no form in JSON");
        Refusal::internal()
    })
}

#[derive(Serialize)]
struct Page<'a> {
    subjects: Vec<Row<'a>>,
    next: Option<Next>,
}

#[derive(Serialize)]
struct Row<'a> {
    subject: &'a str,
    last_id: u64,
    messages: u64,
    bytes: u64,
    next_expiry: Option<String>,
}

#[derive(Serialize)]
struct Next {
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    after_id: Option<u64>,
}

#[derive(Serialize)]
struct Counted<'a> {
    #[serde(flatten)]
    row: Row<'a>,
    up_to: u64,
    next: Option<Next>,
}

#[derive(Serialize)]
struct Purged {
    subject: String,
    up_to: u64,
    /// Null where counting was too much work for one call.
    messages: Option<u64>,
    bytes: Option<u64>,
}

async fn subjects(broker: &Broker, mut fields: Fields) -> Result<Vec<u8>, Refusal> {
    let prefix = fields.subject("prefix")?;
    let after = fields.subject("after")?;
    let id = fields.id("after_id")?;
    let most = Limits::default().listed_subjects;
    let limit = fields.number("limit", 1..=most as u64)?;
    fields.finish(&["prefix", "after", "after_id", "limit"])?;
    if after.is_none() && id.is_some() {
        let why = "after_id is an id of the subject in after, which is missing".to_owned();
        return Err(Refusal::field("INVALID_SUBJECT", "after", why));
    }
    let query = ListingQuery {
        prefix,
        after: after.map(|subject| Place { subject, id }),
        limit: limit.map_or(PAGE, |limit| usize::try_from(limit).unwrap_or(most)),
    };
    let listing = broker.subjects(&query).await.map_err(Refusal::listing)?;
    let next = listing.next.as_ref().map(|place| Next {
        after: Some(place.subject.to_string()),
        after_id: place.id.map(|id| id.0),
    });
    json(&Page { subjects: listing.subjects.iter().map(row).collect(), next })
}

async fn count(broker: &Broker, mut fields: Fields) -> Result<Vec<u8>, Refusal> {
    let subject = fields.needed_subject("subject")?;
    let after = fields.id("after_id")?.unwrap_or(MessageId::NONE);
    let up_to = fields.id("up_to")?;
    fields.finish(&["subject", "after_id", "up_to"])?;
    let counted = broker.count(subject.clone(), after, up_to).await;
    let Count { last_id, up_to, kept } =
        counted.map_err(|error| Refusal::count(error, &subject))?;
    let next = kept.next.map(|id| Next { after: None, after_id: Some(id.0) });
    let one = ListedSubject { subject, last_id, kept };
    json(&Counted { row: row(&one), up_to: up_to.0, next })
}

async fn purge(broker: Broker, mut fields: Fields) -> Result<Vec<u8>, Refusal> {
    let subject = fields.needed_subject("subject")?;
    let up_to = fields.id("up_to")?;
    fields.finish(&["subject", "up_to"])?;
    // On its own, so that it is logged when its client has gone meanwhile.
    let purging = tokio::spawn(purge_and_log(broker, subject, up_to));
    match purging.await {
        Ok(purged) => json(&purged?),
        // A panic was reported where it happened.
        Err(_) => Err(Refusal::internal()),
    }
}

async fn purge_and_log(
    broker: Broker,
    subject: Subject,
    up_to: Option<MessageId>,
) -> Result<Purged, Refusal> {
    let counted = broker.count(subject.clone(), MessageId::NONE, up_to).await;
    let Count { up_to, kept, .. } = counted.map_err(|error| Refusal::count(error, &subject))?;
    // Of more than one call can count, nobody says how much it was.
    let kept: Option<Tally> = kept.next.is_none().then_some(kept);
    let (messages, bytes) = (kept.map(|kept| kept.messages), kept.map(|kept| kept.bytes));
    let name = subject.as_str();
    match broker.purge(subject.clone(), Some(up_to)).await {
        Ok(up_to) => {
            tracing::info!(subject = name, up_to = up_to.0, messages, bytes, "purged");
            Ok(Purged { subject: subject.to_string(), up_to: up_to.0, messages, bytes })
        }
        Err(error) => {
            tracing::warn!(subject = name, up_to = up_to.0, %error, "a purge failed");
            Err(Refusal::purge(&error, &subject))
        }
    }
}

fn row(one: &ListedSubject) -> Row<'_> {
    Row {
        subject: one.subject.as_str(),
        last_id: one.last_id.0,
        messages: one.kept.messages,
        bytes: one.kept.bytes,
        next_expiry: one.kept.next_expiry.and_then(rfc3339),
    }
}

/// None beyond the year 9999.
fn rfc3339(time: Timestamp) -> Option<String> {
    let time = jiff::Timestamp::from_nanosecond(time.0.into());
    time.ok().map(|time| time.to_string())
}
