//! A panic is a line of the log, with its place, and not a text of another form.

use super::{FLUSH, queue::Queue};
use std::{
    backtrace::{Backtrace, BacktraceStatus},
    panic::{self, PanicHookInfo},
    sync::Arc,
    thread,
};
use tracing::{Level, error};

/// From now on panics are logged. Where not even errors are, they are told as they always were.
pub fn log(queue: Arc<Queue>) {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if tracing::enabled!(Level::ERROR) {
            say(panic);
            // The process may be about to end.
            queue.flush(FLUSH);
        } else {
            before(panic);
        }
    }));
}

fn say(panic: &PanicHookInfo<'_>) {
    let what = panic.payload_as_str().unwrap_or("what it says is no text");
    let place = panic.location().map(ToString::to_string);
    let thread = thread::current();
    // Captured where RUST_BACKTRACE asks for it.
    let trace = Backtrace::capture();
    let trace = (trace.status() == BacktraceStatus::Captured).then(|| trace.to_string());
    error!(place, thread = thread.name(), backtrace = trace, "panicked: {what}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::log::{
        LogCounts,
        json::Json,
        queue::Entrance,
        tests::{Written, log_to},
    };
    use serde_json::Value;
    use std::time::Duration;

    #[test]
    fn a_panic_is_one_line_with_its_place() {
        let written = Written::default();
        let queue = Queue::start(written.clone(), Arc::new(LogCounts::default())).unwrap();
        let layer = tracing_subscriber::fmt::layer().event_format(Json::new(|| None));
        // The hook is the process's own; without a subscriber, other tests' panics are as ever.
        log(queue.clone());
        log_to(layer.with_writer(Entrance(queue.clone())), || {
            let broken = panic::catch_unwind(|| panic!("two\nlines of \"{}\"", 7));
            assert!(broken.is_err());
        });
        // Back to the one that tells of tests that fail.
        drop(panic::take_hook());
        assert!(queue.flush(Duration::from_secs(30)));
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["level"], "ERROR");
        assert_eq!(line["message"], "panicked: two\nlines of \"7\"");
        assert!(line["place"].as_str().unwrap().contains("panics.rs:"), "{line}");
        assert!(line["thread"].as_str().unwrap().contains("a_panic_is_one_line"), "{line}");
    }
}
