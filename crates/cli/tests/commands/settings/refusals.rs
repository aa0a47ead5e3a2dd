//! What is refused, before anything is opened: one sentence each, and exit code 2.

use super::Place;
use crate::command::run;

/// `serve` and `config` say the same.
fn refused(place: &Place, flags: &[&str], variables: &[(&str, &str)]) -> String {
    let [config, serve] = ["config", "serve"].map(|verb| {
        let mut command = place.command(&[verb]);
        command.args(flags).envs(variables.iter().copied());
        run(command, b"")
    });
    assert_eq!(config.sentence(2), serve.sentence(2));
    assert!(serve.stdout.is_empty() && !place.path().join("broker-data").exists());
    serve.sentence(2).to_owned()
}

#[test]
fn a_wrong_value_of_every_source() {
    let toml = Place::new().with("broker.toml", "\ngrace = 'soon'");
    let dotenv = Place::new().with(".env", "\n\nBROKER_GRACE=soon");
    let allowed = "; write a time such as 30s, 1m 30s or 250ms, from 0s to 1day";
    for (place, flags, variables, written) in [
        (&Place::new(), &["--grace", "soon"][..], &[][..], "--grace is `soon`"),
        (&Place::new(), &[], &[("BROKER_GRACE", "soon")], "BROKER_GRACE is `soon`"),
        (&dotenv, &[], &[], "BROKER_GRACE in .env:3 is `soon`"),
        (&toml, &[], &[], "grace in broker.toml:2 is `soon`"),
    ] {
        assert_eq!(refused(place, flags, variables), format!("{written}{allowed}"));
    }
}

#[test]
fn settings_of_a_database_that_contradict_each_other() {
    let postgres = &[("STORAGE_TYPE", "POSTGRES"), ("BROKER_LEASE", "2s")];
    let sentence = refused(&Place::new(), &["--database-connect-timeout", "1s"], postgres);
    let expected =
        "database-statement-timeout (5s by default) must be shorter than BROKER_LEASE (2s)";
    assert!(sentence.starts_with(expected), "{sentence}");
}

#[test]
fn a_password_that_is_given_twice() {
    let place = Place::new().with("password", "s3cret\n");
    let flags = &["--storage", "postgres", "--postgres-password-file", "password"];
    let sentence = refused(&place, flags, &[("POSTGRES_PASSWORD", "s3cret")]);
    assert_eq!(
        sentence,
        "POSTGRES_PASSWORD and --postgres-password-file (password) are both set; leave one of them out"
    );
}

#[test]
fn what_is_wrong_with_a_toml_file() {
    for (text, expected) in [
        ("lisen = 'x'", "unknown key `lisen` in broker.toml:1; did you mean `listen`?"),
        ("grace='1s'\ngrace='2s'", "duplicate key `grace` in broker.toml:2; a key is set once"),
        ("max-calls = 'many'", "max-calls in broker.toml:1 is a text `many`; write a whole number"),
        ("\nlisten = ", "broker.toml:2 is no TOML: "),
    ] {
        let sentence = refused(&Place::new().with("broker.toml", text), &[], &[]);
        assert!(sentence.starts_with(expected), "{sentence}");
    }
}

#[test]
fn what_is_wrong_with_a_dotenv() {
    for (text, expected) in [
        (
            "BROKER_LISEN=x",
            "unknown variable `BROKER_LISEN` in .env:1; did you mean `BROKER_LISTEN`?",
        ),
        ("A='b", ".env:1 cannot be read: the quote ' is not closed"),
        ("A=1\nb c", ".env:2 cannot be read: write NAME=VALUE"),
        ("BROKER_DATA_DIR=$HOME", "BROKER_DATA_DIR in .env:1 has a `$`"),
        ("BROKER_CONFIG=$HOME/x", "BROKER_CONFIG in .env:1 has a `$`"),
    ] {
        // An empty variable is none: that of the tests is stronger than the file.
        let sentence = refused(&Place::new().with(".env", text), &[], &[("BROKER_CONFIG", "")]);
        assert!(sentence.starts_with(expected), "{sentence}");
    }
    let sentence = refused(&Place::new().with(".env", b"A=\xff"), &[], &[]);
    assert!(sentence.starts_with(".env cannot be read: "), "{sentence}");
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let place = Place::new().with(".env", "BROKER_CONFIG=/nonexistent/c.toml");
    for (flags, variables, written) in [
        (&["--config", "/nonexistent/a.toml"][..], &[][..], "--config is `/nonexistent/a.toml`"),
        (
            &[],
            &[("BROKER_CONFIG", "/nonexistent/b.toml")],
            "BROKER_CONFIG is `/nonexistent/b.toml`",
        ),
        (&[], &[("BROKER_CONFIG", "")], "BROKER_CONFIG in .env:1 is `/nonexistent/c.toml`"),
    ] {
        let sentence = refused(&place, flags, variables);
        let expected = format!("{written}, which cannot be read: No such file");
        assert!(sentence.starts_with(&expected), "{sentence}");
    }
}

#[test]
fn limits_that_contradict_each_other() {
    let sentence = refused(&Place::new(), &["--max-subscriptions", "20000"], &[]);
    assert!(sentence.starts_with("max-calls (12288 by default) must be more than"), "{sentence}");
    assert!(sentence.contains("--max-subscriptions (20000)"), "{sentence}");
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let place = Place::new().with(".env", "BROKER_LISTEN=x").with("broker.toml", "graze = 1");
    let mut command = place.command(&["serve", "--storage", "paper"]);
    command.env("BROKER_GRACE", "soon");
    let failed = run(command, b"");
    assert_eq!(failed.code, Some(2), "{failed:?}");
    let lines: Vec<_> = failed.stderr.lines().collect();
    assert_eq!(lines.len(), 4, "{failed:?}");
    assert!(lines.iter().all(|line| line.starts_with("broker: ")), "{failed:?}");
}

#[test]
fn an_unknown_flag_is_refused_with_the_nearest_one() {
    let failed = run(Place::new().command(&["serve", "--lisen", "127.0.0.1:0"]), b"");
    assert_eq!(failed.code, Some(2), "{failed:?}");
    assert!(failed.stderr.contains("--listen"), "{failed:?}");
}
