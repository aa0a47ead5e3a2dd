//! What is counted of calls.

use super::{
    catalog::{OLD_COUNT, OLD_DURATION, RPC_DURATION, RPCS, RPCS_IN_FLIGHT, RPCS_STARTED},
    quantiles::Quantiles,
    sheet::{Sheet, pair},
};
use broker_server::Code;
use prometheus::{
    Histogram, HistogramVec, IntCounter, IntCounterVec, Registry, Result,
    core::Collector,
    proto::{LabelPair, MetricFamily, MetricType},
};
use std::{sync::OnceLock, time::Duration};

/// Upper bounds of durations, in seconds: from a fetch out of memory to a database that hangs.
pub const DURATIONS: &[f64] = &[
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 5.0, 10.0,
];

/// More than there are methods: the last place is for what finds none.
const METHODS: usize = 16;

/// gRPC status codes.
const CODES: usize = 17;

/// Counts calls. What was looked up once is remembered: a call finds its counters without a lock, and
/// touches no more of them than it must. Calls that ended, and those in flight, are told from these.
pub struct Calls {
    started: IntCounterVec,
    durations: HistogramVec,
    methods: [OnceLock<Method>; METHODS],
}

struct Method {
    name: &'static str,
    started: IntCounter,
    /// By code.
    durations: [OnceLock<Histogram>; CODES],
    /// Of methods that the predecessor had.
    quantiles: Option<(&'static str, Quantiles)>,
}

impl Calls {
    pub fn new(page: &Registry) -> Result<Self> {
        Ok(Self {
            started: RPCS_STARTED.counters(page)?,
            durations: RPC_DURATION.histograms(page, DURATIONS)?,
            methods: [const { OnceLock::new() }; METHODS],
        })
    }

    pub fn started(&self, method: &'static str) {
        self.method(method).started.inc();
    }

    pub fn finished(&self, method: &'static str, code: Code, took: Duration) {
        let method = self.method(method);
        let durations = method.durations[(code as usize).min(CODES - 1)]
            .get_or_init(|| self.durations.with_label_values(&[method.name, name(code)]));
        durations.observe(took.as_secs_f64());
        if let Some((_, quantiles)) = &method.quantiles {
            quantiles.record(took);
        }
    }

    /// What is told from the counters, for the page.
    pub fn write(&self, sheet: &mut Sheet) {
        let mut in_flight = Vec::new();
        for method in self.methods.iter().filter_map(OnceLock::get) {
            let mut ended = 0;
            for (code, durations) in (0..).zip(&method.durations) {
                if let Some(calls) = durations.get().map(Histogram::get_sample_count) {
                    sheet.count(&RPCS, &[method.name, name(Code::from(code))], calls);
                    ended += calls;
                }
            }
            // Read last: none is told that has ended before it began.
            in_flight.push((method.name, method.started.get().saturating_sub(ended)));
        }
        for (method, calls) in in_flight {
            sheet.count(&RPCS_IN_FLIGHT, &[method], calls);
        }
        for method in self.methods.iter().filter_map(OnceLock::get) {
            if let Some((name, quantiles)) = &method.quantiles {
                sheet.summary(&OLD_DURATION, &[name], quantiles.summary());
            }
        }
    }

    /// The predecessor's `method_count`: durations under its own names.
    pub fn old_counts(&self) -> MetricFamily {
        let mut family = MetricFamily::default();
        family.set_name(OLD_COUNT.name.to_owned());
        family.set_help(OLD_COUNT.meaning.to_owned());
        family.set_field_type(MetricType::HISTOGRAM);
        for mut durations in self.durations.collect() {
            for mut metric in std::mem::take(durations.mut_metric()) {
                if let Some(labels) = old_labels(metric.get_label()) {
                    metric.set_label(labels);
                    family.mut_metric().push(metric);
                }
            }
        }
        family
    }

    fn method(&self, name: &'static str) -> &Method {
        let new = || Method {
            name,
            started: self.started.with_label_values(&[name]),
            durations: [const { OnceLock::new() }; CODES],
            quantiles: old_name(name).and_then(|name| Some((name, Quantiles::new()?))),
        };
        let last = &self.methods[METHODS - 1];
        let mut taken = self.methods.iter().map(|place| place.get_or_init(new));
        taken.find(|method| method.name == name).unwrap_or_else(|| last.get_or_init(new))
    }
}

/// What the predecessor calls a method of the broker; it has no others.
fn old_name(method: &'static str) -> Option<&'static str> {
    method.strip_prefix("broker.Broker/")
}

fn old_labels(labels: &[LabelPair]) -> Option<Vec<LabelPair>> {
    let value = |name| labels.iter().find(|label| label.name() == name).map(LabelPair::value);
    let method = value("method")?.strip_prefix("broker.Broker/")?;
    Some(OLD_COUNT.labels.iter().zip([method, value("code")?]).map(|(n, v)| pair(n, v)).collect())
}

/// A code as gRPC calls it.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
