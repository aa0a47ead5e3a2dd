//! Every metric on the page, once. docs/metrics.md has them in groups (`page.rs`), and a test compares what
//! a broker shows with that.

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, Result};

/// What a metric is to Prometheus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, from 0 at the start.
    Counter,
    /// A value of this moment.
    Gauge,
    /// Counts by upper bounds.
    Histogram,
    /// Quantiles of about the last minute.
    Summary,
}

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What it is counted in; empty for a number of things that its name says.
    pub unit: &'static str,
    /// Its labels; none ever holds a subject or an id.
    pub labels: &'static [&'static str],
    /// One sentence.
    pub meaning: &'static str,
}

impl Metric {
    /// Counters of this name on the page.
    ///
    /// # Errors
    /// The name is on the page already.
    pub fn counters(&self, page: &Registry) -> Result<IntCounterVec> {
        let counters = IntCounterVec::new(Opts::new(self.name, self.meaning), self.labels)?;
        page.register(Box::new(counters.clone()))?;
        Ok(counters)
    }

    /// Histograms of this name on the page, with these upper bounds.
    ///
    /// # Errors
    /// The name is on the page already.
    pub fn histograms(&self, page: &Registry, bounds: &[f64]) -> Result<HistogramVec> {
        let options = HistogramOpts::new(self.name, self.meaning).buckets(bounds.to_vec());
        let histograms = HistogramVec::new(options, self.labels)?;
        page.register(Box::new(histograms.clone()))?;
        Ok(histograms)
    }
}

const fn counter(
    name: &'static str,
    labels: &'static [&'static str],
    meaning: &'static str,
) -> Metric {
    Metric { name, kind: Kind::Counter, unit: unit(name), labels, meaning }
}

const fn gauge(
    name: &'static str,
    labels: &'static [&'static str],
    meaning: &'static str,
) -> Metric {
    Metric { name, kind: Kind::Gauge, unit: unit(name), labels, meaning }
}

const fn histogram(
    name: &'static str,
    labels: &'static [&'static str],
    meaning: &'static str,
) -> Metric {
    Metric { name, kind: Kind::Histogram, unit: unit(name), labels, meaning }
}

/// The unit that a conventional name says.
const fn unit(name: &str) -> &'static str {
    if has(name, "_seconds") {
        "seconds"
    } else if has(name, "_bytes") {
        "bytes"
    } else {
        ""
    }
}

const fn has(name: &str, part: &str) -> bool {
    let (name, part) = (name.as_bytes(), part.as_bytes());
    let mut at = 0;
    while at + part.len() <= name.len() {
        let mut same = 0;
        while same < part.len() && name[at + same] == part[same] {
            same += 1;
        }
        if same == part.len() {
            return true;
        }
        at += 1;
    }
    false
}

/// `method` is a known one's path, such as `broker.Broker/Publish`, or `unknown`.
pub const RPCS_STARTED: Metric =
    counter("broker_rpcs_started_total", &["method"], "Calls that began");
pub const RPCS: Metric = counter(
    "broker_rpcs_total",
    &["method", "code"],
    "Calls that ended, by gRPC status code; `CANCELLED`: the client went away first",
);
pub const RPC_DURATION: Metric = histogram(
    "broker_rpc_duration_seconds",
    &["method", "code"],
    "From a call's headers to its last frame; streams last as long as their clients like",
);
pub const RPCS_IN_FLIGHT: Metric =
    gauge("broker_rpcs_in_flight", &["method"], "Calls that began and have not ended");
pub const CONNECTIONS: Metric = gauge("broker_connections", &[], "Open gRPC connections");

pub const ACCEPTED: Metric = counter(
    "broker_messages_accepted_total",
    &["kept"],
    "Messages acknowledged; `kept` is `stored` or `delivered_only`",
);
pub const ACCEPTED_BYTES: Metric =
    counter("broker_accepted_bytes_total", &["kept"], "Bytes of their bodies");
pub const REFUSED: Metric = counter(
    "broker_messages_refused_total",
    &["reason"],
    "Messages not acknowledged, by the reason that their publisher was told (docs/clients.md)",
);
pub const DELIVERED: Metric = counter(
    "broker_messages_delivered_total",
    &[],
    "Messages handed to the transport of a subscription, once for each",
);
pub const DELIVERED_BYTES: Metric =
    counter("broker_delivered_bytes_total", &[], "Bytes of their bodies");
pub const MISSED: Metric = counter(
    "broker_messages_missed_total",
    &[],
    "Delivered-only messages that a subscription lost because it was read too slowly",
);
pub const EXPIRED: Metric = counter(
    "broker_messages_expired_total",
    &[],
    "Messages skipped at delivery, or refused to a fetch, because they had expired",
);

pub const SUBSCRIPTIONS: Metric = gauge("broker_subscriptions", &[], "Subscriptions that stand");
pub const LAG: Metric = gauge(
    "broker_subscription_lag_messages",
    &[],
    "How many ids the slowest subscription is behind the last released one of its subject",
);
pub const LAGGING: Metric = gauge(
    "broker_subscriptions_catching_up",
    &[],
    "Subscriptions that read the store, because they began in the past or fell behind",
);

pub const LIMIT: Metric = gauge(
    "broker_limit",
    &["limit"],
    "How much a named limit allows, in bytes where its name says so (docs/configuration.md)",
);
pub const LIMIT_USED: Metric = gauge(
    "broker_limit_used",
    &["limit"],
    "How much of it is in use: depth of queues, calls, bytes",
);
pub const LIMIT_REACHED: Metric =
    counter("broker_limit_reached_total", &["limit"], "How often something was refused for it");

pub const BUILD: Metric = gauge(
    "broker_build_info",
    &["version", "storage", "allocator"],
    "Always 1; what runs is in the labels",
);
pub const READY: Metric = gauge("broker_ready", &[], "1 while /readyz answers 200, else 0");
pub const STATE: Metric = gauge(
    "broker_state",
    &["state"],
    "1 for the state that the broker is in (`starting`, `away`, `standby`, `serving`, `read_only`, \
     `closing`, `fenced`), 0 for the others",
);
pub const OWNER: Metric =
    gauge("broker_owner", &[], "1 while this broker owns its store beyond doubt, else 0");
pub const CLOCK_STEPS: Metric = counter(
    "broker_clock_steps_total",
    &["direction"],
    "Steps of the machine's clock by more than a second, `forward` or `back`",
);
pub const CACHED_SUBJECTS: Metric =
    gauge("broker_cached_subjects", &[], "Subjects in memory: in use, or used not long ago");

pub const STORE_STATE: Metric = gauge(
    "broker_store_state",
    &["state"],
    "1 for the state that the store is in (`writable`, `full`, `unavailable`, `closed` to writing until a \
     restart), 0 for the others",
);
pub const STORE_CALLS: Metric = counter(
    "broker_store_calls_total",
    &["operation", "outcome"],
    "Calls of the store that ended, by what was asked for and how it went",
);
pub const STORE_CALL_DURATION: Metric = histogram(
    "broker_store_call_duration_seconds",
    &["operation"],
    "From a call of the store to its answer, waiting included",
);
pub const STORE_MESSAGES: Metric = counter(
    "broker_store_messages_total",
    &["operation"],
    "Messages handed to the store (`append`) or given by it (`fetch`, `read_after`)",
);
pub const STORE_MESSAGE_BYTES: Metric = counter(
    "broker_store_message_bytes_total",
    &["operation"],
    "Bytes of their bodies and headers",
);
pub const COMMIT_MESSAGES: Metric = histogram(
    "broker_store_commit_messages",
    &[],
    "Messages made safe together: by one sync of the disk, or one statement of a database",
);
pub const COMMIT_DURATION: Metric = histogram(
    "broker_store_commit_duration_seconds",
    &[],
    "Time for that: writing and syncing, or the database's round trip",
);
pub const RECLAIMED: Metric = counter(
    "broker_store_reclaimed_messages_total",
    &[],
    "Expired and purged messages whose space was given back",
);
pub const RECLAIMED_BYTES: Metric = counter(
    "broker_store_reclaimed_bytes_total",
    &[],
    "Bytes given back to memory, disk or database",
);
pub const STORE_FAILURES: Metric =
    counter("broker_store_failures_total", &[], "Failures of the store that were logged");

pub const SYNCS: Metric =
    counter("broker_store_syncs_total", &[], "Syncs of files (fdatasync) and of the directory");
pub const SYNC_DURATION: Metric =
    histogram("broker_store_sync_duration_seconds", &[], "How long a sync took");
pub const WRITTEN_BYTES: Metric =
    counter("broker_store_written_bytes_total", &[], "Bytes handed to the system for writing");
pub const SEGMENTS: Metric = gauge(
    "broker_store_segments",
    &["state"],
    "Files of the log: the `active` one, those `sealing`, those `sealed`",
);
pub const STORE_BYTES: Metric = gauge(
    "broker_store_size_bytes",
    &[],
    "What the store takes on disk (local) or in memory (memory)",
);
pub const SWEEPS: Metric =
    counter("broker_store_sweeps_total", &[], "Sweeps: mostly dead files copied forward");
pub const SWEPT: Metric =
    counter("broker_store_swept_messages_total", &[], "Living messages that sweeps copied");
pub const SWEPT_BYTES: Metric =
    counter("broker_store_swept_bytes_total", &[], "Bytes of the files that sweeps wrote");
pub const DISK_FREE: Metric =
    gauge("broker_store_disk_free_bytes", &[], "Space left on the disk of the store");
pub const DISK_SIZE: Metric =
    gauge("broker_store_disk_size_bytes", &[], "Size of the disk of the store");
pub const DISK_RESERVE: Metric = gauge(
    "broker_store_disk_reserve_bytes",
    &[],
    "Free space below which messages are refused (--disk-reserve)",
);

pub const STATEMENTS: Metric =
    counter("broker_store_statements_total", &[], "Statements that the database was asked to run");
pub const ROUND_TRIPS: Metric = counter(
    "broker_store_round_trips_total",
    &[],
    "Times that the database was asked and its answer waited for",
);
pub const DATABASE_CONNECTIONS: Metric =
    gauge("broker_store_connections", &["state"], "Connections to the database: `busy`, `idle`");
pub const DATABASE_CONNECTIONS_MAX: Metric =
    gauge("broker_store_connections_max", &[], "Most connections to the database at once");
pub const EPOCH: Metric = gauge(
    "broker_store_epoch",
    &[],
    "Number of this ownership of the store; each new owner has a higher one",
);

pub const LOG_LINES: Metric = counter("broker_log_lines_total", &["level"], "Lines of the log");
pub const LOG_DROPPED: Metric = counter(
    "broker_log_dropped_total",
    &[],
    "Lines lost because standard error was not read in time",
);
pub const SPANS: Metric = counter(
    "broker_spans_total",
    &["outcome"],
    "Spans of traces: `exported`, `dropped` because too many waited, `failed` at the collector",
);

pub const CPU: Metric =
    counter("process_cpu_seconds_total", &[], "Processor time, of user and system");
pub const OPEN_FDS: Metric = gauge("process_open_fds", &[], "Open file descriptors");
pub const MAX_FDS: Metric = gauge("process_max_fds", &[], "Most open file descriptors");
pub const VIRTUAL_MEMORY: Metric =
    gauge("process_virtual_memory_bytes", &[], "Size of the address space");
pub const RESIDENT_MEMORY: Metric =
    gauge("process_resident_memory_bytes", &[], "Memory that is resident, files mapped included");
pub const THREADS: Metric = gauge("process_threads", &[], "Threads of the system");
pub const START_TIME: Metric =
    gauge("process_start_time_seconds", &[], "When the process started, since 1970");
pub const ALLOCATOR: Metric = gauge(
    "broker_allocator_bytes",
    &["kind"],
    "What jemalloc holds: `allocated` by the program, `active` in pages, `resident`, `mapped`, \
     `retained`, `metadata`; absent without it",
);
pub const RUNTIME_WORKERS: Metric =
    gauge("broker_runtime_workers", &[], "Threads that run the broker's tasks");
pub const RUNTIME_TASKS: Metric = gauge("broker_runtime_tasks", &[], "Tasks that are alive");
pub const RUNTIME_QUEUE: Metric =
    gauge("broker_runtime_queued_tasks", &[], "Tasks that wait in the queue that workers share");
pub const RUNTIME_BUSY: Metric = counter(
    "broker_runtime_busy_seconds_total",
    &["worker"],
    "Time that a worker was busy; at a second per second it has no rest",
);
pub const RUNTIME_PARKS: Metric = counter(
    "broker_runtime_parks_total",
    &["worker"],
    "How often a worker found nothing to do and slept",
);

pub const OLD_SUBSCRIBERS: Metric = gauge("active_subscribers", &[], "As broker_subscriptions");
pub const OLD_COUNT: Metric = Metric {
    unit: "seconds",
    ..histogram(
        "method_count",
        &["method", "status"],
        "Calls of the broker that ended, by method (`Publish`, `Fetch`, ...) and gRPC status code; their \
         durations, as broker_rpc_duration_seconds has them",
    )
};
pub const OLD_DURATION: Metric = Metric {
    name: "method_duration",
    kind: Kind::Summary,
    unit: "seconds",
    labels: &["method"],
    meaning: "Durations of calls of the broker: the quantiles 0.5, 0.95 and 0.99 of one to two minutes, and of all \
              the sum and the count",
};
pub const OLD_MEMORY: Metric = gauge("memory_usage_bytes", &[], "As process_resident_memory_bytes");
pub const OLD_CPU: Metric = Metric {
    unit: "percent",
    ..gauge(
        "cpu_utilization_percent",
        &["cpu"],
        "How busy each processor of the machine was, since the last look at least a second ago",
    )
};
pub const OLD_LOAD: Metric = gauge("cpu_load", &[], "The machine's load average of one minute");
pub const OLD_GC: Metric = counter(
    "total_gc",
    &[],
    "Always 0: the predecessor counted runs of its garbage collector, and there is none here",
);
