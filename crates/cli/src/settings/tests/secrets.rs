//! A secret is shown nowhere.

use super::Given;
use crate::{
    config,
    settings::{
        kind::{Kind, Range},
        setting::{Fallback, Setting, row},
    },
};

/// A path takes every text but an empty one, an address hardly any.
const TABLE: &[Setting] = &[
    Setting {
        secret: true,
        ..row(
            "password",
            "BROKER_PASSWORD",
            Kind::Path(|to, password| to.local.directory = password),
            Fallback::Told { holds: "none", example: "secret" },
        )
    },
    Setting {
        secret: true,
        ..row("number", "BROKER_NUMBER", Kind::Count(Range(0, 9), |_, _| {}), Fallback::Value("7"))
    },
    Setting {
        secret: true,
        ..row("pin", "BROKER_PIN", Kind::Address(|_, _| {}), Fallback::Value("127.0.0.1:1"))
    },
];

#[test]
fn it_is_hidden_in_every_form_of_output() {
    let resolved =
        Given::default().variable("BROKER_PASSWORD", "s3cret").resolve_of(TABLE).unwrap();
    assert_eq!(resolved.settings.local.directory.to_str(), Some("s3cret"));
    let mut out = Vec::new();
    config::text(&mut out, &resolved.entries).unwrap();
    config::json(&mut out, &resolved.entries).unwrap();
    let shown = String::from_utf8(out).unwrap();
    assert!(shown.contains("password  (hidden)"), "{shown}");
    assert!(shown.contains(r#""name":"password","value":"(hidden)","secret":true"#), "{shown}");
    assert!(shown.contains(r#""name":"number","value":"(hidden)","secret":true"#), "{shown}");
    for text in [shown, format!("{:?}", resolved.entries), format!("{:?}", resolved.remarks)] {
        assert!(!text.contains("s3cret"), "{text}");
    }
}

#[test]
fn it_is_told_when_there_is_none() {
    let resolved = Given::default().resolve_of(TABLE).unwrap();
    assert_eq!(resolved.entries[0].text(), "(none)");
    assert!(resolved.entries[0].json().is_null());
}

#[test]
fn it_is_hidden_when_it_is_wrong() {
    for given in [
        Given::default().flag("pin", "s3cret"),
        Given::default().variable("BROKER_PIN", "s3cret"),
        Given::default().dotenv("BROKER_PIN=s3cret"),
        Given::default().dotenv("BROKER_PIN=$s3cret"),
        Given::default().toml_of("pin = 's3cret'", TABLE),
        Given::default().toml_of("pin = ['s3cret']", TABLE),
        Given::default().toml_of("pin = { s3cret = 1 }", TABLE),
    ] {
        let wrong = given.resolve_of(TABLE).unwrap_err().to_string();
        assert!(!wrong.contains("s3cret") && !wrong.is_empty(), "{wrong}");
    }
}

#[test]
fn numbers_are_hidden_too() {
    for value in ["12345", "123.45"] {
        let given = Given::default().toml_of(&format!("pin = {value}"), TABLE);
        let wrong = given.resolve_of(TABLE).unwrap_err().to_string();
        assert!(!wrong.contains(value), "{wrong}");
    }
}

/// The passwords of the real table.
#[cfg(all(feature = "postgres", feature = "cassandra"))]
#[test]
fn passwords_of_databases_are_hidden() {
    let given = Given::default()
        .flag("storage", "postgres")
        .variable("POSTGRES_PASSWORD", "s3cret")
        .toml("cassandra-password = 's3cret'");
    let resolved = given.resolve().unwrap();
    let mut out = Vec::new();
    config::text(&mut out, &resolved.entries).unwrap();
    config::json(&mut out, &resolved.entries).unwrap();
    let shown = String::from_utf8(out).unwrap();
    assert_eq!(shown.matches("(hidden)").count(), 4, "{shown}");
    for text in [shown, format!("{resolved:?}"), format!("{:?}", resolved.settings.store())] {
        assert!(!text.contains("s3cret"), "{text}");
    }
    for given in [
        Given::default().flag("postgres-password", "s3\ncret"),
        Given::default().toml("cassandra-password = ['s3\ncret']"),
        Given::default().dotenv("POSTGRES_PASSWORD=$s3\n"),
    ] {
        let wrong = given.resolve().unwrap_err().to_string();
        assert!(!wrong.contains("s3") && !wrong.is_empty(), "{wrong}");
    }
}
