//! What the broker and its store are at the moment of a scrape.

use super::{
    allocator,
    catalog::{
        BUILD, CACHED_SUBJECTS, CONNECTIONS, DATABASE_CONNECTIONS, DATABASE_CONNECTIONS_MAX,
        DISK_FREE, DISK_RESERVE, DISK_SIZE, EPOCH, LAG, LAGGING, LIMIT, LIMIT_USED, LOG_DROPPED,
        LOG_LINES, OLD_GC, OLD_SUBSCRIBERS, OWNER, READY, ROUND_TRIPS, SEGMENTS, SPANS, STATE,
        STATEMENTS, STORE_BYTES, STORE_STATE, SUBSCRIPTIONS, SWEEPS, SWEPT, SWEPT_BYTES, SYNCS,
        WRITTEN_BYTES,
    },
    sheet::Sheet,
};
use crate::serve::{
    log::LogCounts,
    tracer::{SPAN_OUTCOMES, SpanCounts},
};
use broker_core::{Broker, Usage, Writable};
use broker_server::{Health, Meters, State};
use broker_storage::{Activity, Inspect, Vitals};
use std::sync::{Arc, OnceLock};

/// Where to look.
pub struct Sources {
    pub health: Health,
    pub meters: Meters,
    pub log: Arc<LogCounts>,
    /// Nothing where nothing is traced.
    pub spans: Option<Arc<SpanCounts>>,
    /// Which kind of store.
    pub storage: &'static str,
    /// The store, once it is open.
    pub store: OnceLock<Store>,
}

/// An open store.
pub struct Store {
    pub activity: Arc<Activity>,
    pub inspect: Arc<dyn Inspect>,
}

impl Sources {
    /// Writes down what is found.
    pub fn write(&self, sheet: &mut Sheet) {
        let version = env!("CARGO_PKG_VERSION");
        sheet.count(&BUILD, &[version, self.storage, allocator::NAME], 1);
        sheet.count(&OLD_GC, &[], 0);
        let (state, broker) = (self.health.state(), self.health.broker());
        sheet.count(&READY, &[], u64::from(state == State::Serving));
        sheet.states(&STATE, &State::NAMES, state.name());
        let is_owner = broker.as_ref().is_some_and(Broker::is_owner);
        sheet.count(&OWNER, &[], u64::from(is_owner));
        let mut usage = self.meters.read();
        if let Some(broker) = &broker {
            self.write_broker(broker, sheet);
            usage.extend(broker.usage());
        }
        if let Some(store) = self.store.get() {
            let vitals = store.inspect.vitals();
            write_vitals(&vitals, sheet);
            write_activity(&store.activity, &vitals, sheet);
            usage.extend(vitals.usage);
        }
        write_usage(&usage, sheet);
        self.write_log(sheet);
    }

    fn write_log(&self, sheet: &mut Sheet) {
        for (level, lines) in self.log.lines() {
            sheet.count(&LOG_LINES, &[level], lines);
        }
        sheet.count(&LOG_DROPPED, &[], self.log.dropped());
        let spans = self.spans.as_ref().map(|counts| counts.all()).unwrap_or_default();
        for (outcome, spans) in SPAN_OUTCOMES.into_iter().zip(spans) {
            sheet.count(&SPANS, &[outcome], spans);
        }
    }

    fn write_broker(&self, broker: &Broker, sheet: &mut Sheet) {
        let subscribers = broker.subscribers() as u64;
        sheet.count(&SUBSCRIPTIONS, &[], subscribers);
        sheet.count(&OLD_SUBSCRIBERS, &[], subscribers);
        let lag = broker.lag();
        sheet.count(&LAG, &[], lag.messages);
        sheet.count(&LAGGING, &[], lag.catching_up as u64);
        let state = match broker.writable() {
            Writable::Yes => "writable",
            Writable::Full(_) => "full",
            Writable::Unavailable(_) => "unavailable",
            Writable::Closed(_) => "closed",
        };
        sheet.states(&STORE_STATE, &["writable", "full", "unavailable", "closed"], state);
    }
}

fn write_usage(usage: &[Usage], sheet: &mut Sheet) {
    for usage in usage {
        sheet.count(&LIMIT, &[usage.limit], usage.most);
    }
    for usage in usage {
        sheet.count(&LIMIT_USED, &[usage.limit], usage.used);
    }
    // Two of them have names of their own, too.
    let of = |limit: &str| usage.iter().find(|usage| usage.limit == limit);
    for (metric, limit) in [(&CONNECTIONS, "connections"), (&CACHED_SUBJECTS, "cached_subjects")] {
        sheet.count(metric, &[], of(limit).map_or(0, |usage| usage.used));
    }
}

fn write_vitals(vitals: &Vitals, sheet: &mut Sheet) {
    if let Some(bytes) = vitals.bytes {
        sheet.count(&STORE_BYTES, &[], bytes);
    }
    if let Some(segments) = vitals.segments {
        sheet.count(&SEGMENTS, &["active"], 1);
        sheet.count(&SEGMENTS, &["sealing"], segments.sealing as u64);
        sheet.count(&SEGMENTS, &["sealed"], segments.sealed as u64);
    }
    if let Some(disk) = vitals.disk {
        sheet.count(&DISK_FREE, &[], disk.free);
        sheet.count(&DISK_SIZE, &[], disk.size);
        sheet.count(&DISK_RESERVE, &[], disk.reserve);
    }
    if let Some(connections) = vitals.connections {
        sheet.count(&DATABASE_CONNECTIONS, &["busy"], connections.busy as u64);
        sheet.count(&DATABASE_CONNECTIONS, &["idle"], connections.idle as u64);
        sheet.count(&DATABASE_CONNECTIONS_MAX, &[], connections.most as u64);
    }
    if let Some(epoch) = vitals.epoch {
        sheet.put(&EPOCH, &[], epoch as f64);
    }
}

/// What the kind of store has.
fn write_activity(activity: &Activity, vitals: &Vitals, sheet: &mut Sheet) {
    if vitals.disk.is_some() {
        sheet.count(&SYNCS, &[], activity.syncs());
        sheet.count(&WRITTEN_BYTES, &[], activity.written());
        sheet.count(&SWEEPS, &[], activity.sweeps());
        sheet.count(&SWEPT, &[], activity.swept_messages());
        sheet.count(&SWEPT_BYTES, &[], activity.swept_bytes());
    }
    if vitals.epoch.is_some() {
        sheet.count(&STATEMENTS, &[], activity.statements());
        sheet.count(&ROUND_TRIPS, &[], activity.round_trips());
    }
}
