//! Lines for persons: the library's own form, with the ids of the trace at the end.

use super::IdsOf;
use broker_core::trace::TraceContext;
use std::fmt;
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{self, Format, Writer},
    },
    registry::LookupSpan,
};

/// Writes an event as words.
pub struct Text {
    form: Format,
    ids: IdsOf,
}

impl Text {
    pub fn new(ids: IdsOf, has_colours: bool) -> Self {
        Self { form: format::format().with_target(false).with_ansi(has_colours), ids }
    }
}

impl<S, N> FormatEvent<S, N> for Text
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(ids) = (self.ids)() else {
            return self.form.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.form.format_event(context, Writer::new(&mut line), event)?;
        let words = line.trim_end_matches('\n');
        let TraceContext { trace_id, span_id } = ids;
        writeln!(writer, "{words} trace_id={trace_id:032x} span_id={span_id:016x}")
    }
}
