//! In which traced span a line was written.

/// The ids of a span, as W3C trace context has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ids {
    /// Of the trace.
    pub trace: u128,
    /// Of the span.
    pub span: u64,
}

/// Tells the span that the calling thread is in, if that is one of a sampled trace.
pub type IdsOf = fn() -> Option<Ids>;

impl Ids {
    /// 32 digits of base 16.
    pub fn trace_id(self) -> String {
        format!("{:032x}", self.trace)
    }

    /// 16 digits of base 16.
    pub fn span_id(self) -> String {
        format!("{:016x}", self.span)
    }
}
