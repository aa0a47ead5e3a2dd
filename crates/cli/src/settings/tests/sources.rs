//! Which source wins.

use super::Given;

/// The sources of `listen`, the strongest first: how each sets a port, and how it is told.
type Way = (fn(Given, u16) -> Given, &'static str);

fn ways() -> [Way; 6] {
    [
        (|given, port| given.flag("listen", &format!("127.0.0.1:{port}")), "flag --listen"),
        (
            |given, port| given.variable("BROKER_LISTEN", &format!("127.0.0.1:{port}")),
            "environment BROKER_LISTEN",
        ),
        (
            |given, port| given.variable("APPLICATION_PORT", &port.to_string()),
            "environment APPLICATION_PORT (old name)",
        ),
        (
            |given, port| add(given, &format!("BROKER_LISTEN=127.0.0.1:{port}\n")),
            ".env:1 BROKER_LISTEN",
        ),
        (
            |given, port| add(given, &format!("APPLICATION_PORT={port}\n")),
            ".env:1 APPLICATION_PORT (old name)",
        ),
        (|given, port| given.toml(&format!("listen = \"127.0.0.1:{port}\"")), "broker.toml:1"),
    ]
}

/// As another line of `.env`, which a test asks for the first of.
fn add(mut given: Given, line: &str) -> Given {
    let variables = crate::settings::dotenv::parse(line, &mut given.wrong);
    given.inputs.dotenv.get_or_insert_default().extend(variables);
    given
}

#[test]
fn of_any_sources_the_strongest_decides() {
    let ways = ways();
    for chosen in 1..1_u32 << ways.len() {
        let is_chosen = |at: &usize| chosen & (1 << at) != 0;
        let present: Vec<_> = (0..ways.len()).filter(is_chosen).collect();
        let given = present.iter().fold(Given::default(), |given, at| {
            (ways[*at].0)(given, 1000 + u16::try_from(*at).unwrap())
        });
        let expected = (format!("127.0.0.1:{}", 1000 + present[0]), ways[present[0]].1.to_owned());
        assert_eq!(given.holds("listen"), expected, "{present:?}");
    }
}

#[test]
fn without_any_source_the_default_holds() {
    let nothing = Given::default().holds("listen");
    assert_eq!(nothing, ("127.0.0.1:8080".into(), "default".into()));
}

#[test]
fn old_names_mean_what_they_meant() {
    for (variable, value, name, holds) in [
        ("STORAGE_TYPE", "NOT_PERSISTED", "storage", "memory"),
        ("STORAGE_TYPE", "not_persisted", "storage", "memory"),
        ("STORAGE_TYPE", "POSTGRES", "storage", "postgres"),
        ("STORAGE_TYPE", "CASSANDRA", "storage", "cassandra"),
        ("STORAGE_TYPE", "scylla", "storage", "cassandra"),
        ("POSTGRES_HOST", "db", "postgres-host", "db"),
        ("POSTGRES_PORT", "5433", "postgres-port", "5433"),
        ("POSTGRES_DBNAME", "The broker", "postgres-database", "The broker"),
        ("POSTGRES_USERNAME", "me", "postgres-user", "me"),
        ("POSTGRES_PASSWORD", "x", "postgres-password", "(hidden)"),
        ("CASSANDRA_HOSTS", "a,b", "cassandra-hosts", "a,b"),
        ("CASSANDRA_PORT", "9043", "cassandra-port", "9043"),
        ("CASSANDRA_KEYSPACE", "old", "cassandra-keyspace", "old"),
        ("CASSANDRA_USERNAME", "me", "cassandra-user", "me"),
        ("CASSANDRA_PASSWORD", "x", "cassandra-password", "(hidden)"),
        ("APPLICATION_PORT", "9000", "listen", "127.0.0.1:9000"),
        ("APPLICATION_PROM_PORT", "9101", "admin-listen", "127.0.0.1:9101"),
        ("RUST_LOG", "info,h2=debug", "log-level", "info,h2=debug"),
    ] {
        let (found, source) = Given::default().variable(variable, value).holds(name);
        assert_eq!(found, holds);
        assert_eq!(source, format!("environment {variable} (old name)"));
        let (found, _) = Given::default().dotenv(&format!("{variable}={value}")).holds(name);
        assert_eq!(found, holds);
    }
}

#[test]
fn an_empty_variable_of_dotenv_is_not_set() {
    let (value, source) = Given::default()
        .dotenv("BROKER_LISTEN=\nBROKER_GRACE=''\nSTORAGE_TYPE=")
        .toml("listen = \"127.0.0.1:1\"")
        .holds("listen");
    assert_eq!((value.as_str(), source.as_str()), ("127.0.0.1:1", "broker.toml:1"));
}

#[test]
fn a_wrong_value_that_is_overridden_is_not_looked_at() {
    let given = Given::default().flag("storage", "local").variable("STORAGE_TYPE", "DISK");
    assert_eq!(given.holds("storage").0, "local");
    let given = Given::default().variable("BROKER_GRACE", "1s").toml("grace = \"soon\"");
    assert_eq!(given.holds("grace").0, "1s");
}

#[test]
fn several_origins_are_an_array_or_separated_by_commas() {
    for given in [
        Given::default().flag("web-origin", "https://a, https://b"),
        Given::default().variable("BROKER_WEB_ORIGIN", "https://a,https://b"),
        Given::default().toml("web-origin = [\"https://a\", \"https://b\"]"),
        Given::default().toml("web-origin = \"https://a,https://b\""),
    ] {
        let resolved = given.resolve().unwrap();
        assert_eq!(resolved.settings.server().web_origins, ["https://a", "https://b"]);
    }
    let none = Given::default().variable("BROKER_WEB_ORIGIN", "https://a").flag("web-origin", "");
    assert!(none.resolve().unwrap().settings.server().web_origins.is_empty());
    let none = Given::default().toml("web-origin = []").resolve().unwrap();
    assert!(none.settings.server().web_origins.is_empty());
}

#[test]
fn a_path_may_be_of_any_bytes() {
    use std::os::unix::ffi::OsStringExt;
    let mut given = Given::default();
    let path = std::ffi::OsString::from_vec(b"/data/\xff".to_vec());
    given.inputs.flags.set("data-dir", path.clone());
    let resolved = given.resolve().unwrap();
    assert_eq!(resolved.settings.local.directory.as_os_str(), path);
    let entry = resolved.entries.iter().find(|entry| entry.setting.name == "data-dir").unwrap();
    assert_eq!(entry.text(), r"/data/\xff");
}

#[test]
fn names_without_effect_are_told_with_their_places() {
    let given = Given::default()
        .variable("JAEGER_PORT", "tcp://10.0.0.1:6831")
        .dotenv("CASSANDRA_BATCH_SIZE=100\nCASSANDRA_TIME=\n");
    let resolved = given.resolve().unwrap();
    let [batches] = &resolved.warnings[..] else { panic!("{:?}", resolved.warnings) };
    assert!(batches.starts_with("CASSANDRA_BATCH_SIZE in .env:1 has no effect: "), "{batches}");
    assert!(resolved.remarks[1].ends_with(": JAEGER_PORT"), "{:?}", resolved.remarks);
}

#[test]
fn an_old_name_that_something_stronger_overrides_is_told() {
    let remarks = |given: Given| given.resolve().unwrap().remarks.split_off(1);
    let given = Given::default().variable("APPLICATION_PORT", "1").dotenv("STORAGE_TYPE=POSTGRES");
    let given = given.variable("BROKER_LISTEN", "127.0.0.1:2").flag("storage", "memory");
    assert_eq!(
        remarks(given),
        [
            "STORAGE_TYPE in .env:1 has no effect, since flag --storage is stronger",
            "APPLICATION_PORT has no effect, since environment BROKER_LISTEN is stronger",
        ]
    );
    let none = Given::default().variable("APPLICATION_PORT", "1").dotenv("APPLICATION_PROM_PORT=2");
    assert_eq!(remarks(none), [""; 0]);
}

#[test]
fn what_kubernetes_sets_stops_nothing_and_sets_nothing() {
    let links = [
        ("BROKER_SERVICE_HOST", "10.0.0.1"),
        ("BROKER_SERVICE_PORT", "8080"),
        ("BROKER_PORT", "tcp://10.0.0.1:8080"),
        ("BROKER_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ("APPLICATION_PORT", "tcp://10.0.0.1:8080"),
        // Of services named postgres, broker-postgres and broker-cassandra.
        ("POSTGRES_PORT", "tcp://10.0.0.1:5432"),
        ("BROKER_POSTGRES_PORT", "tcp://10.0.0.1:5432"),
        ("BROKER_POSTGRES_PORT_5432_TCP_ADDR", "10.0.0.1"),
        ("BROKER_CASSANDRA_PORT", "tcp://10.0.0.1:9042"),
        ("BROKER_CASSANDRA_SERVICE_HOST", "10.0.0.1"),
    ];
    let given =
        links.iter().fold(Given::default(), |given, (name, value)| given.variable(name, value));
    let resolved = given.resolve().unwrap();
    assert_eq!(resolved.warnings, [""; 0]);
    assert!(resolved.entries.iter().all(|entry| entry.source.kind() == "default"));
    for (name, _) in links {
        assert!(resolved.remarks[1].contains(name), "{:?}", resolved.remarks);
    }
}

#[test]
fn an_unknown_variable_of_the_environment_is_a_warning_with_the_nearest_name() {
    let resolved = Given::default()
        .variable("BROKER_LISEN", "s3cret")
        .variable("BROKER_IMAGE_TAG", "s3cret")
        .variable("LISTEN", "x")
        .resolve()
        .unwrap();
    let [tag, lisen] = &resolved.warnings[..] else { panic!("{:?}", resolved.warnings) };
    assert!(lisen.contains("BROKER_LISEN") && lisen.ends_with("did you mean `BROKER_LISTEN`?"));
    assert!(tag.contains("BROKER_IMAGE_TAG") && !tag.contains("did you mean"), "{tag}");
    assert!(!lisen.contains("s3cret") && !tag.contains("s3cret"));
}

#[test]
fn variables_of_other_verbs_are_known() {
    let mut given = Given::default().variable("BROKER_SERVER", "x").dotenv("BROKER_SERVER=x");
    given.inputs.other_variables = crate::arguments::variables();
    assert_eq!(given.resolve().unwrap().warnings, [""; 0]);
}

#[test]
fn the_log_says_which_sources_were_read() {
    let given = Given::default()
        .flag("grace", "1s")
        .variable("BROKER_LISTEN", "127.0.0.1:0")
        .dotenv("OTHER=1")
        .toml("max-connections = 5\nmax-calls = 20000");
    assert!(given.resolve().unwrap().remarks[0].starts_with(
        "settings read from flags (1), the environment (1), .env (0), broker.toml (2); "
    ));
}
