//! What Cassandra needs to run: Java and its class path.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// Names the folder with the `lib` of Cassandra.
const CLASSES: &str = "BROKER_CASSANDRA";

/// Names that of the oldest version that the broker works with.
const OLD_CLASSES: &str = "BROKER_CASSANDRA_OLD";

/// Names the Java that runs it, if not the one in PATH.
const JAVA: &str = "BROKER_JAVA";

/// The folder with Cassandra's class path.
pub(crate) fn classes() -> PathBuf {
    folder(CLASSES)
}

/// The same for the oldest version.
pub(crate) fn old_classes() -> PathBuf {
    folder(OLD_CLASSES)
}

fn folder(variable: &str) -> PathBuf {
    let folder = env::var_os(variable).map(PathBuf::from);
    folder.unwrap_or_else(|| {
        panic!("{variable} names no folder with Cassandra: run `cargo xtask test --only databases`")
    })
}

/// What measures objects for Cassandra 4.1, which cannot do it on Java 17 without being its agent.
pub(crate) fn agent(classes: &Path) -> Option<String> {
    let jars = fs::read_dir(classes.join("lib")).into_iter().flatten().flatten();
    let is_it = |path: &PathBuf| path.display().to_string().contains("/jamm-0.3");
    let jar = jars.map(|jar| jar.path()).find(is_it)?;
    Some(format!("-javaagent:{}", jar.display()))
}

/// The program that runs Java.
pub(crate) fn program() -> PathBuf {
    env::var_os(JAVA).map_or_else(|| "java".into(), PathBuf::from)
}

/// What Cassandra reaches into Java for, besides what is open to everybody.
pub(crate) const EXPORTS: &[&str] = &[
    "java.base/jdk.internal.misc",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.perf",
    "java.base/sun.nio.ch",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.rmi/sun.rmi.transport.tcp",
    "java.sql/java.sql",
    "jdk.unsupported/sun.misc",
];

/// The same, by reflection.
pub(crate) const OPENS: &[&str] = &[
    "java.base/java.lang.module",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
    "java.base/java.io",
    "java.base/java.lang",
    "java.base/java.lang.reflect",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.management/com.sun.jmx.remote.security",
    "jdk.management/com.sun.management.internal",
];

/// How Java is to run: quick to start and small, not fast.
pub(crate) const OPTIONS: &[&str] = &[
    "-Djdk.attach.allowAttachSelf=true",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",
    "-Xss512k",
];

/// How Cassandra is to run: it waits for no other nodes, and asks them at once for tables that it lacks
/// (by itself it does so a minute after its start).
pub(crate) const PROPERTIES: &[&str] = &[
    "-Dcassandra-foreground=yes",
    "-Dcassandra.skip_wait_for_gossip_to_settle=0",
    "-Dcassandra.shutdown_announce_in_ms=0",
    "-Dcassandra.superuser_setup_delay_ms=0",
    "-Dcassandra.migration_delay_ms=0",
    "-Dcassandra.schema_pull_interval_ms=1000",
];

/// A change of a schema syncs nothing: much quicker, and gone after a kill.
pub(crate) const FORGETFUL: &str = "-Dcassandra.unsafesystem=true";
