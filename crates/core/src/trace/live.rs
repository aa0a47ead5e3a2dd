//! The shard's spans that are open.

use super::Trace;
use crate::Message;
use std::{collections::BTreeMap, sync::Arc};
use tracing::{Span, span::Id};

/// Spans of batches that are not answered. A message knows its span by id, and only those in here are
/// sure to be open.
#[derive(Default)]
pub struct Live(BTreeMap<u64, Span>);

impl Live {
    /// Keeps a span until it is [ended](Self::end); answers its id, if it is recorded.
    pub fn begin(&mut self, span: Span) -> Option<Id> {
        let id = span.id()?;
        self.0.insert(id.into_u64(), span);
        Some(id)
    }

    /// The span of a batch that is answered.
    pub fn end(&mut self, id: Option<&Id>) -> Span {
        id.and_then(|id| self.0.remove(&id.into_u64())).unwrap_or_else(Span::none)
    }

    /// The spans of these messages, each once for messages that follow each other.
    pub fn of<'a>(&self, messages: impl Iterator<Item = &'a Arc<Message>>) -> Vec<Span> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let (mut spans, mut last) = (Vec::new(), None);
        for id in messages.filter_map(|message| message.trace().and_then(Trace::shard)) {
            if last.replace(id) != Some(id) {
                spans.extend(self.0.get(&id.into_u64()).cloned());
            }
        }
        spans
    }
}
