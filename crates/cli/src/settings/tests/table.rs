//! What every row keeps.

use super::{Given, effect};
use crate::{
    arguments::Arguments,
    settings::{
        arguments::CONFIG,
        example::toml_value,
        kind::{Kind, Range},
        setting::{Fallback, Setting},
        size,
        table::SETTINGS,
        tomlfile,
        values::Settings,
        wrong::Wrong,
    },
};
use clap::CommandFactory;
use std::collections::BTreeSet;

/// A value that is allowed and not the default.
fn another(setting: &Setting) -> String {
    let value = setting.default.example();
    match (setting.kind, &setting.default) {
        (_, Fallback::Told { example, .. }) => (*example).to_owned(),
        (Kind::Choice(choices), _) => {
            choices.iter().find(|choice| choice.name != value).unwrap().name.to_owned()
        }
        (Kind::Path(_), _) => "/elsewhere".into(),
        (Kind::Address(_), _) => "[::1]:1".into(),
        (Kind::Size(Range(least, most), _), _) => {
            (if size::parse(value) == Some(least) { most } else { least }).to_string()
        }
        (Kind::Count(Range(least, _), _), _) => least.to_string(),
        (Kind::Time(Range(_, most), _), _) => humantime::format_duration(most).to_string(),
        (Kind::List(..), _) => "other.example".into(),
        (Kind::Text(..), _) if setting.name == "log-level" => "debug".into(),
        (Kind::Text(..), _) if setting.name == "cassandra-replication" => "dc1:2".into(),
        (Kind::Text(..), _) if setting.name == "trace-sampling" => "0.5".into(),
        (Kind::Text(..), _) => "other".into(),
    }
}

#[test]
fn names_are_made_of_one_another_and_used_once() {
    let mut names = BTreeSet::new();
    for setting in SETTINGS.iter().chain([&CONFIG]) {
        let variable = format!("BROKER_{}", setting.name.replace('-', "_").to_uppercase());
        assert_eq!(setting.variable, variable);
        assert!(!setting.help.is_empty() && !setting.help.ends_with('.'), "{variable}");
        for name in setting.variables() {
            assert!(names.insert(name.name), "{} is there twice", name.name);
        }
    }
}

#[test]
fn the_defaults_are_those_of_core_door_and_stores() {
    let resolved = Given::default().resolve().unwrap();
    assert_eq!(effect(&resolved), format!("{:?}", Settings::default()));
    for address in [resolved.settings.server().listen, resolved.settings.server().admin_listen] {
        assert!(address.ip().is_loopback());
    }
}

/// Defaults that are equal would hide two rows that are mixed up.
#[test]
fn every_row_sets_a_place_of_its_own() {
    let mut effects = BTreeSet::from([format!("{:?}", Settings::default())]);
    for setting in SETTINGS {
        let mut settings = Settings::default();
        let value = another(setting);
        assert!(setting.kind.set(value.as_ref(), &mut settings).is_some(), "{}", setting.name);
        assert!(effects.insert(format!("{settings:?}")), "{} = {value}", setting.name);
    }
}

#[test]
fn what_a_row_sets_is_what_it_says() {
    let mut settings = Settings::default();
    for (name, value) in [
        ("outcome-timeout", "1s"),
        ("keepalive-interval", "2s"),
        ("keepalive-timeout", "3s"),
        ("segment-size", "1MiB"),
        ("max-store-names-size", "2MiB"),
        ("connection-window", "3MiB"),
        ("max-tail-size", "4MiB"),
        ("max-sending-size", "5MiB"),
    ] {
        let setting = SETTINGS.iter().find(|setting| setting.name == name).unwrap();
        setting.kind.set(value.as_ref(), &mut settings).unwrap();
    }
    let (core, door) = (settings.limits, settings.server.limits);
    let times = [core.outcome_timeout, door.keepalive_interval, door.keepalive_timeout];
    assert_eq!(times.map(|time| time.as_secs()), [1, 2, 3]);
    let sizes = [
        usize::try_from(settings.local.segment_bytes).unwrap(),
        settings.memory.max_subject_bytes,
        door.connection_window as usize,
        core.tail_bytes,
        door.sending_bytes,
    ];
    assert_eq!(sizes.map(|size| size >> 20), [1, 2, 3, 4, 5]);
}

#[test]
fn serve_and_config_have_a_flag_for_every_row() {
    let command = Arguments::command();
    for verb in ["serve", "config"] {
        let verb = command.find_subcommand(verb).unwrap();
        for setting in SETTINGS.iter().chain([&CONFIG]) {
            let found = verb.get_arguments().find(|found| found.get_long() == Some(setting.name));
            let found = found.unwrap_or_else(|| panic!("no --{}", setting.name));
            assert_eq!(found.get_env().unwrap(), setting.variable);
            let defaults: Vec<_> = found.get_default_values().iter().collect();
            let expected: Vec<_> = setting.default.value().into_iter().collect();
            assert_eq!(defaults, expected);
        }
    }
}

#[test]
fn the_example_is_the_defaults() {
    let example = crate::settings::example();
    let resolved = Given::default().toml(&example).resolve().unwrap();
    assert_eq!(effect(&resolved), format!("{:?}", Settings::default()));
    for entry in &resolved.entries {
        let is_told = entry.setting.default.value().is_none();
        assert_eq!(entry.source.kind(), if is_told { "default" } else { "file" }, "{entry:?}");
    }
}

#[test]
fn the_example_names_every_setting_with_a_value_that_is_allowed() {
    let example = crate::settings::example();
    for setting in SETTINGS {
        let value = toml_value(setting.kind, setting.default.example());
        let line = format!("{} = {value}", setting.name);
        let is_it = |found: &&str| *found == line || **found == format!("# {line}");
        assert_eq!(example.lines().filter(is_it).count(), 1, "{line}");
        let mut wrong = Wrong::default();
        let file = tomlfile::parse("example", &line, SETTINGS, &mut wrong);
        let (value, _) = &file.values[setting.name];
        assert!(setting.kind.set(value, &mut Settings::default()).is_some(), "{line}");
        assert!(wrong.is_empty(), "{wrong}");
    }
    assert!(example.lines().all(|line| line.chars().count() <= 100));
}

#[test]
fn whatever_the_core_accepts_has_room_before_the_local_store() {
    let resolved = Given::default().flag("max-queue-size", "1GiB").resolve().unwrap();
    let broker_storage::StorageConfig::Local(local) = resolved.settings.store() else {
        panic!("not on disk")
    };
    assert_eq!(local.queue_bytes, 1 << 30);
}

#[cfg(feature = "postgres")]
#[test]
fn the_postgres_store_is_told_all_of_it() {
    use broker_storage::{Secret, Tls};
    let resolved = Given::default()
        .flag("storage", "postgres")
        .flag("max-queue-size", "1GiB")
        .variable("POSTGRES_HOST", "db")
        .variable("BROKER_POSTGRES_PASSWORD", "s3cret")
        .toml("postgres-tls = 'verify-full'\npostgres-ca = '/ca.pem'\nlease = '20s'\npostgres-readers = 7")
        .resolve()
        .unwrap();
    let broker_storage::StorageConfig::Postgres(store) = resolved.settings.store() else {
        panic!("not in PostgreSQL")
    };
    assert_eq!((store.host.as_str(), store.port, store.readers), ("db", 5432, 7));
    assert_eq!(store.password.as_ref().map(Secret::reveal), Some("s3cret"));
    assert_eq!(store.tls, Tls::VerifyFull(Some("/ca.pem".into())));
    assert_eq!((store.queue_bytes, store.times.lease.as_secs()), (1 << 30, 20));
}

#[cfg(feature = "cassandra")]
#[test]
fn the_cassandra_store_is_told_all_of_it() {
    use broker_storage::{Consistency, Replication, Tls};
    let resolved = Given::default()
        .variable("STORAGE_TYPE", "SCYLLA")
        .variable("CASSANDRA_HOSTS", "a, b:9043")
        .variable("CASSANDRA_USERNAME", "me")
        .dotenv("CASSANDRA_PASSWORD=s3cret\nBROKER_CASSANDRA_CONSISTENCY=all")
        .toml("cassandra-replication = 'dc1:3'\ncassandra-tls = 'verify-full'")
        .resolve()
        .unwrap();
    let broker_storage::StorageConfig::Cassandra(store) = resolved.settings.store() else {
        panic!("not in Cassandra")
    };
    assert_eq!((store.hosts, store.port), (vec!["a".into(), "b:9043".into()], 9042));
    assert_eq!((store.user.as_deref(), store.tls), (Some("me"), Tls::VerifyFull(None)));
    assert_eq!(store.password.unwrap().reveal(), "s3cret");
    assert_eq!(store.consistency, Consistency::All);
    assert_eq!(store.replication, Replication::Topology(vec![("dc1".into(), 3)]));
}
