//! Messages as columns, and rows as messages.

use super::{session::Param, statements::SHARD};
use broker_core::{Headers, Message, MessageId, Subject, Timestamp};
use bytes::Bytes;
use std::sync::Arc;
use tokio_postgres::Row;

/// The columns of some messages.
pub struct Columns<'a> {
    /// Numbers.
    pub ids: Vec<i64>,
    /// Times.
    pub published_at: Vec<i64>,
    /// Times, where they end.
    pub expires_at: Vec<Option<i64>>,
    /// Bytes of headers and body.
    pub sizes: Vec<i32>,
    /// True for the latest one, and for no other: so the table's index of times has an entry for each
    /// statement, not for each message, and still tells the latest time of all.
    pub is_latest: Vec<Option<bool>>,
    /// Names.
    pub subjects: Vec<&'a [u8]>,
    /// What is said about them.
    pub headers: Vec<&'a [u8]>,
    /// Contents.
    pub bodies: Vec<&'a [u8]>,
}

impl<'a> Columns<'a> {
    /// Of messages whose ids fit (see [`number`]).
    pub fn of(messages: impl Iterator<Item = &'a Message> + Clone) -> Self {
        let each = || messages.clone();
        let latest = each().enumerate().max_by_key(|(_, message)| message.published_at);
        let latest = latest.map(|(place, _)| place);
        let size = |message: &Message| message.headers.as_bytes().len() + message.body.len();
        Self {
            ids: each().map(|message| number(message.id).unwrap_or(i64::MAX)).collect(),
            published_at: each().map(|message| message.published_at.0).collect(),
            expires_at: each().map(|message| message.expires_at.map(|at| at.0)).collect(),
            sizes: each().map(|it| i32::try_from(size(it)).unwrap_or(i32::MAX)).collect(),
            is_latest: each()
                .enumerate()
                .map(|(n, _)| (Some(n) == latest).then_some(true))
                .collect(),
            subjects: each().map(|message| message.subject.as_bytes()).collect(),
            headers: each().map(|message| &message.headers.as_bytes()[..]).collect(),
            bodies: each().map(|message| &message.body[..]).collect(),
        }
    }

    /// One array for each column, as a statement takes them.
    pub fn params(&self) -> [Param<'_>; 8] {
        [
            &self.ids,
            &self.published_at,
            &self.expires_at,
            &self.sizes,
            &self.is_latest,
            &self.subjects,
            &self.headers,
            &self.bodies,
        ]
    }

    /// The same behind the shard and the epoch of whoever may write.
    pub fn fenced<'b>(&'b self, epoch: &'b i64) -> Vec<Param<'b>> {
        [&SHARD as Param<'b>, epoch].into_iter().chain(self.params()).collect()
    }
}

/// An id as a column has it; `None`: it does not fit.
pub fn number(id: MessageId) -> Option<i64> {
    i64::try_from(id.0).ok()
}

/// An id that a column had.
pub fn id(number: i64) -> MessageId {
    MessageId(u64::try_from(number).unwrap_or(0))
}

/// Whether a row whose columns are those of [`message`] has the message's content.
pub fn has_content(row: &Row, first: usize) -> bool {
    row.get::<_, Option<&[u8]>>(first + 4).is_some()
}

/// A message of a row whose columns from `first` on are id, `published_at`, `expires_at`, headers, body.
///
/// # Errors
/// The id of one whose headers are not what was written.
pub fn message(subject: &Subject, row: &Row, first: usize) -> Result<Arc<Message>, MessageId> {
    let id = id(row.get(first));
    let headers: &[u8] = row.get(first + 3);
    let headers = match headers {
        [] => Headers::default(),
        bytes => Headers::from_bytes(Bytes::copy_from_slice(bytes)).map_err(|_| id)?,
    };
    let body: &[u8] = row.get(first + 4);
    let published_at = Timestamp(row.get(first + 1));
    let expires_at = row.get::<_, Option<i64>>(first + 2).map(Timestamp);
    let body = Bytes::copy_from_slice(body);
    Ok(Arc::new(Message::new(subject.clone(), id, published_at, expires_at, headers, body)))
}
