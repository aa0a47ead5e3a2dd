//! The table: every setting of `broker serve`, once.
//!
//! Limits are explained where they are kept: `broker_core::Limits`, `broker_server::ServerLimits`,
//! the stores' configurations. A test compares their defaults with the ones here.

#[cfg(any(feature = "postgres", feature = "cassandra"))]
use super::databases;
#[cfg(feature = "cassandra")]
use super::databases::cassandra;
#[cfg(feature = "postgres")]
use super::databases::postgres;
use super::{
    alias::{APPLICATION_PORT, APPLICATION_PROM_PORT, Alias, JAEGER_HOST, RUST_LOG, STORAGE_TYPE},
    choices,
    forms::{self, LEVEL, ORIGIN, OTLP, RATIO},
    kind::{
        Kind::{Address, Choice, Count, List, Path, Size, Text, Time},
        Range,
    },
    setting::{
        Fallback::{Told, Value},
        Setting, row,
    },
    traces,
};
use std::time::Duration;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;
/// What is counted in 32 bits.
const IN_32_BITS: u64 = 2 * GIB;
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// Every setting, in the order in which they are shown.
pub const SETTINGS: &[Setting] = &joined();

const GROUPS: &[&[Setting]] = &[
    STORES,
    #[cfg(feature = "postgres")]
    postgres::ROWS,
    #[cfg(feature = "cassandra")]
    cassandra::ROWS,
    #[cfg(any(feature = "postgres", feature = "cassandra"))]
    databases::ROWS,
    BROKER,
    TRACES,
];

const fn count() -> usize {
    let (mut count, mut group) = (0, 0);
    while group < GROUPS.len() {
        count += GROUPS[group].len();
        group += 1;
    }
    count
}

const fn joined() -> [Setting; count()] {
    let mut all = [STORES[0]; count()];
    let (mut at, mut group) = (0, 0);
    while group < GROUPS.len() {
        let mut row = 0;
        while row < GROUPS[group].len() {
            all[at] = GROUPS[group][row];
            at += 1;
            row += 1;
        }
        group += 1;
    }
    all
}

/// Where messages rest, without a database.
const STORES: &[Setting] = &[
    Setting {
        aliases: &[STORAGE_TYPE],
        ..row("storage", "BROKER_STORAGE", Choice(choices::STORAGE), Value("local"))
            .meaning("Where messages rest")
    },
    row(
        "data-dir",
        "BROKER_DATA_DIR",
        Path(|to, path| to.local.directory = path),
        Value("./broker-data"),
    )
    .meaning(
        "The directory of the local store, made with mode 0700 if it is not there; one broker at \
         a time",
    ),
    row(
        "max-store-size",
        "BROKER_MAX_STORE_SIZE",
        Size(Range(0, u64::MAX), |to, bytes| {
            to.memory.max_bytes = whole(bytes);
            to.local.max_bytes = Some(bytes);
        }),
        Told { holds: "512MiB in memory, and on disk what the disk has", example: "10GiB" },
    )
    .meaning(
        "Most bytes that the memory or the local store may take; at the limit messages are refused with \
         OVERLOADED and what is stored stays",
    ),
    row(
        "disk-reserve",
        "BROKER_DISK_RESERVE",
        Size(Range(0, u64::MAX), |to, bytes| to.local.reserve_bytes = Some(bytes)),
        Told { holds: "5 % of the disk, at most 1GiB", example: "256MiB" },
    )
    .meaning("Free space left on the disk of the local store, for giving space back"),
    row(
        "segment-size",
        "BROKER_SEGMENT_SIZE",
        Size(Range(64 * KIB, GIB), |to, bytes| to.local.segment_bytes = bytes),
        Value("64MiB"),
    )
    .meaning("The size at which a file of the local store is full"),
    row(
        "max-store-messages",
        "BROKER_MAX_STORE_MESSAGES",
        Count(Range(1, 1_000_000_000), |to, count| to.memory.max_messages = whole(count)),
        Value("2000000"),
    )
    .meaning("Most messages that the memory store keeps"),
    row(
        "max-store-subjects",
        "BROKER_MAX_STORE_SUBJECTS",
        Count(Range(1, 1_000_000_000), |to, count| to.memory.max_subjects = whole(count)),
        Value("1000000"),
    )
    .meaning("Most subjects that the memory store knows: their last ids stay, at about 200 bytes each"),
    row(
        "max-store-names-size",
        "BROKER_MAX_STORE_NAMES_SIZE",
        Size(Range(64 * KIB, 64 * GIB), |to, bytes| to.memory.max_subject_bytes = whole(bytes)),
        Value("64MiB"),
    )
    .meaning("Most bytes of the names of those subjects"),
];

/// The door and the core, whatever the store.
const BROKER: &[Setting] = &[
    Setting {
        aliases: &[APPLICATION_PORT],
        ..row(
            "listen",
            "BROKER_LISTEN",
            Address(|to, address| to.server.listen = address),
            Value("127.0.0.1:8080"),
        )
        .meaning("Where gRPC and gRPC-Web are served; port 0 takes a free one and logs it")
    },
    Setting {
        aliases: &[APPLICATION_PROM_PORT],
        ..row(
            "admin-listen",
            "BROKER_ADMIN_LISTEN",
            Address(|to, address| to.server.admin_listen = address),
            Value("127.0.0.1:9901"),
        )
        .meaning("Where the admin pages /livez, /healthz and /readyz are served")
    },
    row(
        "web-origin",
        "BROKER_WEB_ORIGIN",
        List(ORIGIN, |to, texts| {
            forms::origins(texts).map(|origins| to.server.web_origins = origins)
        }),
        Told { holds: "no page may", example: "https://app.example" },
    )
    .meaning(
        "An origin whose web pages may call the broker; the flag may be given again, the variable \
         holds several separated by commas, the key an array",
    ),
    row("grace", "BROKER_GRACE", Time(Range(Duration::ZERO, DAY), |to, time| to.server.grace = time), Value("30s"))
        .meaning("Longest time from SIGTERM or ctrl-c to the end"),
    row(
        "outcome-timeout",
        "BROKER_OUTCOME_TIMEOUT",
        Time(Range(Duration::from_millis(1), HOUR), |to, time| to.limits.outcome_timeout = time),
        Value("10s"),
    )
    .meaning(
        "How long a publisher waits for the store's word before it hears that the outcome is unknown",
    ),
    row(
        "keepalive-interval",
        "BROKER_KEEPALIVE_INTERVAL",
        Time(Range(Duration::from_millis(100), DAY), |to, time| {
            to.server.limits.keepalive_interval = time;
        }),
        Value("20s"),
    )
    .meaning("A client that was not heard of for this long is pinged"),
    row(
        "keepalive-timeout",
        "BROKER_KEEPALIVE_TIMEOUT",
        Time(Range(Duration::from_millis(100), HOUR), |to, time| {
            to.server.limits.keepalive_timeout = time;
        }),
        Value("10s"),
    )
    .meaning("A connection that does not answer a ping for this long is closed"),
    row(
        "max-connections",
        "BROKER_MAX_CONNECTIONS",
        Count(Range(1, 1_000_000), |to, count| to.server.limits.connections = whole(count)),
        Value("4096"),
    )
    .meaning("Connections at once; a further one is told so and closed"),
    row(
        "max-connection-calls",
        "BROKER_MAX_CONNECTION_CALLS",
        Count(Range(1, 1_000_000), |to, count| {
            to.server.limits.streams_per_connection = in_32_bits(count);
        }),
        Value("1024"),
    )
    .meaning("Calls at once on one connection; further ones wait in the client"),
    row(
        "max-calls",
        "BROKER_MAX_CALLS",
        Count(Range(1, 10_000_000), |to, count| to.server.limits.calls = whole(count)),
        Value("12288"),
    )
    .meaning(
        "Calls at once over all connections, streams and subscriptions included; a further one is \
         refused with OVERLOADED; more than max-subscriptions and max-publish-streams together",
    ),
    row(
        "max-subscriptions",
        "BROKER_MAX_SUBSCRIPTIONS",
        Count(Range(1, 10_000_000), |to, count| to.limits.subscriptions = whole(count)),
        Value("10000"),
    )
    .meaning("Subscriptions at once; a further one is refused with OVERLOADED"),
    row(
        "max-publish-streams",
        "BROKER_MAX_PUBLISH_STREAMS",
        Count(Range(1, 10_000_000), |to, count| to.server.limits.publish_streams = whole(count)),
        Value("256"),
    )
    .meaning("Publish streams at once; a further one is refused with OVERLOADED"),
    row(
        "stream-window",
        "BROKER_STREAM_WINDOW",
        Size(Range(64 * KIB, 16 * MIB), |to, bytes| {
            to.server.limits.stream_window = in_32_bits(bytes);
        }),
        Value("128KiB"),
    )
    .meaning(
        "Bytes that a client may send ahead on one stream (its HTTP/2 window); a stream carries at \
         most this much in one round trip of the network",
    ),
    row(
        "connection-window",
        "BROKER_CONNECTION_WINDOW",
        Size(Range(MIB, GIB), |to, bytes| {
            to.server.limits.connection_window = in_32_bits(bytes);
        }),
        Value("64MiB"),
    )
    .meaning(
        "The same for all streams of a connection; at least twice the windows of the publish \
         streams that one connection may have",
    ),
    row(
        "max-queue-size",
        "BROKER_MAX_QUEUE_SIZE",
        Size(Range(36 * MIB, IN_32_BITS), |to, bytes| to.limits.queued_bytes = whole(bytes)),
        Value("36MiB"),
    )
    .meaning(
        "Most bytes of messages that are accepted and not answered yet, over all publishers; room \
         for a largest batch at least",
    ),
    row(
        "max-tail-size",
        "BROKER_MAX_TAIL_SIZE",
        Size(Range(4 * MIB, 64 * GIB), |to, bytes| to.limits.tail_bytes = whole(bytes)),
        Value("16MiB"),
    )
    .meaning(
        "Most bytes of live messages held for subscribers that have not taken them yet; who is \
         further behind is caught up from the store",
    ),
    row(
        "max-receiving-size",
        "BROKER_MAX_RECEIVING_SIZE",
        Size(Range(32 * MIB, IN_32_BITS), |to, bytes| {
            to.server.limits.receiving_bytes = whole(bytes);
        }),
        Value("32MiB"),
    )
    .meaning("Most bytes of requests that are being received, over all calls"),
    row(
        "max-sending-size",
        "BROKER_MAX_SENDING_SIZE",
        Size(Range(4 * MIB, IN_32_BITS), |to, bytes| {
            to.server.limits.sending_bytes = whole(bytes);
        }),
        Value("16MiB"),
    )
    .meaning("Most bytes of stored messages that are being sent to readers, over all calls"),
    row(
        "max-cached-subjects",
        "BROKER_MAX_CACHED_SUBJECTS",
        Count(Range(1, 100_000_000), |to, count| to.limits.cached_subjects = whole(count)),
        Value("100000"),
    )
    .meaning("Subjects remembered while nobody uses them; others are looked up in the store again"),
    Setting {
        aliases: &[RUST_LOG],
        ..row(
            "log-level",
            "BROKER_LOG_LEVEL",
            Text(LEVEL, |to, text| forms::log_level(text).map(|level| to.log_level = level)),
            Value("info"),
        )
        .meaning(
            "What is logged: off, error, warn, info, debug, trace, or directives such as info,h2=debug",
        )
    },
    row("log-format", "BROKER_LOG_FORMAT", Choice(choices::LOG_FORMAT), Value("auto"))
        .meaning("How the log on standard error is written"),
    row("profiles", "BROKER_PROFILES", Choice(choices::PROFILES), Value("false"))
        .meaning("Whether profiles may be taken of the running process, by the admin port"),
    row("metrics", "BROKER_METRICS", Choice(choices::METRICS), Value("true"))
        .meaning("Whether the admin port has the page /metrics"),
];

/// Traces.
const TRACES: &[Setting] = &[
    Setting {
        aliases: &[
            Alias::same("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
            Alias::same("OTEL_EXPORTER_OTLP_ENDPOINT"),
            JAEGER_HOST,
        ],
        ..row(
            "otlp-endpoint",
            "BROKER_OTLP_ENDPOINT",
            Text(OTLP, |to, text| traces::endpoint(text).map(|url| to.traces.endpoint = Some(url))),
            Told { holds: "nothing is traced", example: "http://127.0.0.1:4317" },
        )
        .meaning("Where traces are sent by OTLP over gRPC: Jaeger, or a collector of OpenTelemetry")
    },
    Setting {
        aliases: &[Alias::same("OTEL_TRACES_SAMPLER_ARG")],
        ..row(
            "trace-sampling",
            "BROKER_TRACE_SAMPLING",
            Text(RATIO, |to, text| traces::ratio(text).map(|ratio| to.traces.ratio = ratio)),
            Value("0.01"),
        )
        .meaning(
            "The share of calls that are traced; who calls within a trace of their own decides \
             that themselves",
        )
    },
    row("trace-headers", "BROKER_TRACE_HEADERS", Choice(choices::TRACE_HEADERS), Value("false"))
        .meaning("Whether messages carry the trace of their publish to subscribers"),
];

/// All of it that a machine of fewer bits has.
fn whole(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The ranges above keep it within them.
fn in_32_bits(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
