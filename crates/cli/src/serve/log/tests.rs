//! What lines hold, in both forms.

use super::{
    IdsOf, LogCounts,
    filter::Lines,
    json::Json,
    queue::{Entrance, Queue},
    text::Text,
};
use broker_core::trace::TraceContext;
use serde_json::{Value, json};
use std::{
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tracing::{debug, error, info, info_span, warn};
use tracing_subscriber::{Layer, Registry, fmt, layer::SubscriberExt};

/// What was written.
#[derive(Clone, Default)]
pub struct Written(pub Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const NONE: IdsOf = || None;
const TRACED: IdsOf = || Some(TraceContext { trace_id: 0xabc, span_id: 0x1 });

/// Logs to a layer. One test at a time: what is logged is remembered for all subscribers of a process.
pub fn log_to<L>(layer: L, log: impl FnOnce())
where
    L: Layer<Registry> + Send + Sync,
{
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
}

/// The lines that are written meanwhile.
fn lines<L>(layer: impl FnOnce(Entrance) -> L, log: impl FnOnce()) -> Vec<String>
where
    L: Layer<Registry> + Send + Sync,
{
    let written = Written::default();
    let queue = Queue::start(written.clone(), Arc::new(LogCounts::default())).unwrap();
    log_to(layer(Entrance(queue.clone())), log);
    assert!(queue.flush(Duration::from_secs(30)));
    let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn objects(ids: IdsOf, log: impl FnOnce()) -> Vec<Value> {
    let form = |entrance| fmt::layer().event_format(Json::new(ids)).with_writer(entrance);
    let lines = lines(form, log);
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The object without what differs from run to run.
fn without_time(mut object: Value) -> Value {
    let time = object.as_object_mut().unwrap().remove("timestamp").unwrap();
    let time = time.as_str().unwrap();
    assert!(time.parse::<jiff::Timestamp>().is_ok(), "{time}");
    assert!(time.ends_with('Z') && time.len() == "2026-11-30T10:43:10.123456Z".len(), "{time}");
    object
}

#[test]
fn a_line_is_one_flat_object() {
    let why = io::Error::other("a \"reason\"\nof two lines");
    let logged = objects(NONE, || {
        let bytes: Option<u64> = None;
        let port = 7u16;
        info!(port, size = -1, share = 0.5, is = true, bytes, name = "é\u{7}", "said {port}");
        error!(error = %why, failure = &why as &(dyn std::error::Error + 'static), by = ?Duration::ZERO, "no");
    });
    let target = "broker::serve::log::tests";
    let expected = [
        json!({"level": "INFO", "target": target, "message": "said 7", "port": 7, "size": -1,
               "share": 0.5, "is": true, "name": "é\u{7}"}),
        json!({"level": "ERROR", "target": target, "message": "no", "error": why.to_string(),
               "failure": why.to_string(), "by": "0ns"}),
    ];
    assert_eq!(logged.into_iter().map(without_time).collect::<Vec<_>>(), expected);
}

#[test]
fn no_name_is_there_twice_and_none_is_missing() {
    let form = |entrance| fmt::layer().event_format(Json::new(TRACED)).with_writer(entrance);
    let lines = lines(form, || {
        info!(level = 7, timestamp = "never", trace_id = "none", odd = f64::NAN, "words");
        info!(number = 1);
    });
    for (line, names) in lines.iter().zip([7, 7]) {
        let object: Value = serde_json::from_str(line).unwrap();
        assert_eq!(object.as_object().unwrap().len(), names, "{line}");
        assert_eq!(line.matches("\":").count(), names, "{line}");
    }
    assert!(lines[0].contains("\"level\":\"INFO\"") && lines[0].contains("\"odd\":null"));
    assert!(lines[1].contains("\"message\":\"event "), "{}", lines[1]);
}

#[test]
fn a_traced_line_has_the_ids_in_both_forms() {
    let logged = objects(TRACED, || warn!("x"));
    assert_eq!(logged[0]["trace_id"], "00000000000000000000000000000abc");
    assert_eq!(logged[0]["span_id"], "0000000000000001");
    let words = |entrance| {
        fmt::layer().event_format(Text::new(TRACED, false)).with_writer(entrance).with_ansi(false)
    };
    let line = lines(words, || warn!(limit = 3, "x")).concat();
    let end = "WARN x limit=3 trace_id=00000000000000000000000000000abc span_id=0000000000000001";
    assert!(line.ends_with(end), "{line}");
    let words = |entrance| {
        fmt::layer().event_format(Text::new(NONE, true)).with_writer(entrance).with_ansi(true)
    };
    let line = lines(words, || warn!("x")).concat();
    assert!(line.contains("\u{1b}[33m WARN\u{1b}[0m x") && !line.contains("trace_id"), "{line:?}");
}

#[test]
fn spans_are_neither_kept_nor_shown() {
    let (filter, _level) = Lines::new("trace").unwrap();
    let form = |entrance| {
        let form = fmt::layer().event_format(Text::new(NONE, false));
        form.with_writer(entrance).with_ansi(false).with_filter(filter)
    };
    let lines = lines(form, || {
        let span = info_span!("call", subject = "secret");
        assert!(span.is_disabled());
        span.in_scope(|| info!("inside"));
    });
    assert_eq!(lines.len(), 1);
    assert!(!lines[0].contains("call") && !lines[0].contains("secret"), "{lines:?}");
}

#[test]
fn the_level_changes_while_it_runs_and_a_wrong_one_changes_nothing() {
    let (filter, level) = Lines::new("info").unwrap();
    let form = |entrance| {
        let form = fmt::layer().event_format(Json::new(NONE));
        form.with_writer(entrance).with_filter(filter)
    };
    let mut told = Vec::new();
    let lines = lines(form, || {
        let mut change = |to: &str| {
            let news = Mutex::new(Vec::new());
            let changed = level.put(to, |from| {
                info!("changed");
                news.lock().unwrap().push(from.to_owned());
            });
            told.extend(news.into_inner().unwrap());
            changed
        };
        debug!("1");
        change("debug").unwrap();
        debug!("2");
        for wrong in ["", "loud", "info,[call]=debug", "h2=loud"] {
            assert!(change(wrong).unwrap_err().contains("off, error, warn"), "{wrong}");
        }
        change("off").unwrap();
        error!("3");
        change("warn,broker=info").unwrap();
        info!("4");
    });
    let messages = lines.iter().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["message"].as_str().unwrap().to_owned()
    });
    assert_eq!(messages.collect::<Vec<_>>(), ["changed", "2", "changed", "changed", "4"]);
    assert_eq!(told, ["info", "debug", "off"]);
    assert_eq!((level.start(), level.now().as_str()), ("info", "warn,broker=info"));
}
