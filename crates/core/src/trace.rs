//! Which trace a publish belongs to, and the spans of its way through the core.
//!
//! A span is made only where its parent is recorded; everything else is a branch. Spans and their
//! events have [`TARGET`], so that a log can leave them out.

pub(crate) mod live;
mod parent;
pub(crate) mod spans;

pub use parent::TraceParent;
pub use spans::{end, failed, note, number};

use std::fmt;
use tracing::span::Id;

/// The target of every span and every event within one.
pub const TARGET: &str = "broker::trace";

/// The name of the header that carries a [`TraceParent`].
pub const TRACEPARENT: &str = "traceparent";

/// A span of a trace, by its ids as W3C Trace Context has them; neither is zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceContext {
    /// The trace's.
    pub trace_id: u128,
    /// The span's.
    pub span_id: u64,
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}-{:016x}", self.trace_id, self.span_id)
    }
}

/// What a message knows of its publish's trace. It holds no span open: a message may be kept for long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// The span that published it.
    pub context: TraceContext,
    /// The span in which the shard has it stored, while it does.
    pub(crate) shard: Option<Id>,
}

impl Trace {
    /// Of a message that this span publishes.
    #[must_use]
    pub fn of(context: TraceContext) -> Self {
        Self { context, shard: None }
    }

    /// The span in which the shard has the message stored: for links of the store's spans, which may
    /// outlive it.
    #[must_use]
    pub fn shard(&self) -> Option<&Id> {
        self.shard.as_ref()
    }
}
