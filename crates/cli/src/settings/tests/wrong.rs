//! What is refused, and how it is said.

use super::Given;

/// A sentence has all of these.
fn says(given: Given, words: &[&str]) {
    let sentence = given.sentence();
    for word in words {
        assert!(sentence.contains(word), "{word}: {sentence}");
    }
    assert!(!sentence.contains('\n'), "{sentence}");
}

#[test]
fn a_wrong_value_is_told_as_it_was_written_and_where() {
    let allowed = "; write an IP address and a port such as 127.0.0.1:8080 or [::1]:8080";
    for (given, written) in [
        (Given::default().flag("listen", "here"), "--listen is `here`"),
        (Given::default().variable("BROKER_LISTEN", "here"), "BROKER_LISTEN is `here`"),
        (Given::default().dotenv("\nBROKER_LISTEN=here"), "BROKER_LISTEN in .env:2 is `here`"),
        (Given::default().toml("\n\nlisten='here'"), "listen in broker.toml:3 is `here`"),
    ] {
        assert_eq!(given.sentence(), format!("{written}{allowed}"));
    }
}

#[test]
fn every_kind_of_value_says_what_is_allowed() {
    for (name, values, allowed) in [
        ("storage", &["paper", "Local", ""][..], "write memory, local, postgres or cassandra"),
        ("data-dir", &[""], "write a path"),
        ("listen", &["8080", "localhost:8080", ":80", "127.0.0.1:65536"], "write an IP address"),
        ("segment-size", &["1KiB", "2GiB", "x", "-1", "1.5MiB"], "from 64KiB to 1GiB"),
        ("max-store-size", &["much", "99999999TiB"], "write a size such as 64MiB"),
        ("max-connections", &["0", "1000001", "+5", "1e3", "", "x"], "from 1 to 1000000"),
        ("grace", &["3", "soon", "25h", "-1s"], "write a time such as 30s"),
        ("keepalive-interval", &["99ms", "0s"], "from 100ms to 1day"),
        ("web-origin", &["app.example", "https://a/b", "*", "https://a,,https://b"], "origins"),
        ("log-level", &["verbose", "info,loud", "info,=x=y", ""], "off, error, warn, info"),
        ("log-format", &["xml"], "write auto, json or text"),
        (
            "postgres-host",
            &["", "postgres://db", "a b"],
            "write a name, an address, or the directory",
        ),
        ("postgres-port", &["0", "65536", "x"], "from 1 to 65535"),
        ("postgres-schema", &["Broker", "pg_broker", ""], "write lower-case letters"),
        ("postgres-tls", &["on", "prefer"], "write off or verify-full"),
        ("postgres-writers", &["0", "65"], "from 1 to 64"),
        ("cassandra-hosts", &["", "a,,b", "a:b"], "write names or addresses"),
        ("cassandra-replication", &["0", "dc1"], "such as dc1:3,dc2:3"),
        ("cassandra-consistency", &["one"], "write local-quorum, quorum or all"),
        ("lease", &["0s", "61m"], "from 1s to 1h"),
    ] {
        for value in values {
            says(
                Given::default().flag(name, value),
                &[&format!("--{name} is `{value}`;"), allowed],
            );
        }
    }
}

#[test]
fn old_names_say_what_they_allow() {
    says(
        Given::default().dotenv("STORAGE_TYPE=DISK"),
        &["STORAGE_TYPE in .env:1 is `DISK`", "write NOT_PERSISTED, POSTGRES, CASSANDRA or SCYLLA"],
    );
    for port in ["65536", "http", "127.0.0.1:80", "-1"] {
        says(
            Given::default().variable("APPLICATION_PORT", port),
            &[&format!("APPLICATION_PORT is `{port}`"), "a port from 0 to 65535"],
        );
    }
    says(
        Given::default().dotenv("APPLICATION_PORT=tcp://10.0.0.1:80"),
        &["APPLICATION_PORT in .env:1 is `tcp://10.0.0.1:80`"],
    );
}

#[test]
fn a_wrong_type_in_toml_is_told() {
    for (line, words) in [
        ("max-connections = '4'", &["is a text `4`", "as a number without quotes"][..]),
        ("max-connections = 1.5", &["is a number with a fraction `1.5`"]),
        ("max-connections = true", &["the boolean `true`"]),
        ("grace = 30", &["is an integer `30`", "a time such as 30s", "as text in quotes"]),
        ("segment-size = 1e9", &["a number with a fraction", "a number of bytes"]),
        ("data-dir = 5", &["is an integer `5`", "a path, as text in quotes"]),
        ("storage = ['local']", &["is an array"]),
        ("web-origin = ['https://a', 5]", &["is an array", "an array of texts"]),
        ("web-origin = ['']", &["is an array"]),
        ("log-level = 2026-11-25", &["is a date"]),
        ("listen = { port = 8080 }", &["is a table"]),
        ("listen.port = 8080", &["is a table"]),
    ] {
        let place = format!("{} in broker.toml:1", line.split([' ', '.']).next().unwrap());
        says(Given::default().toml(line), &[&[place.as_str()], words].concat());
    }
}

#[test]
fn integers_of_toml_may_have_every_form() {
    for number in ["4_000", "0xfa0", "0o7640", "0b111110100000", "+4000"] {
        let (value, _) =
            Given::default().toml(&format!("max-connections = {number}")).holds("max-connections");
        assert_eq!(value, "4000");
    }
    let given = Given::default().toml("segment-size = 1_048_576");
    assert_eq!(given.holds("segment-size").0, "1048576");
    for number in ["-5", "99999999999999999999"] {
        says(Given::default().toml(&format!("max-connections = {number}")), &[number, "from 1 to"]);
    }
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_one() {
    let sentence = Given::default().toml("grace = '1s'\n\nlisen = 'x'").sentence();
    assert_eq!(sentence, "unknown key `lisen` in broker.toml:3; did you mean `listen`?");
    says(Given::default().toml("data_dir = 'x'"), &["`data_dir`", "did you mean `data-dir`?"]);
    says(Given::default().toml("[server]\nx = 1"), &["`server` in broker.toml:1", "--example"]);
    says(Given::default().toml("config = 'x'"), &["unknown key `config`"]);
    says(Given::default().toml("\"\\u001b[2J\" = 1"), &[r"unknown key `\u{1b}[2J`"]);
}

#[test]
fn a_key_is_set_once() {
    let sentence = Given::default().toml("listen = 'x'\n\nlisten = 'y'").sentence();
    assert_eq!(sentence, "duplicate key `listen` in broker.toml:3; a key is set once");
}

#[test]
fn a_text_that_is_no_toml_is_told_without_its_content() {
    for text in ["\nlisten = \"s3cret", "\nlisten: s3cret", "\ns3cret", "\nlisten = s3cret"] {
        let sentence = Given::default().toml(text).sentence();
        assert!(sentence.starts_with("broker.toml:2 is no TOML: "), "{sentence}");
        assert!(!sentence.contains("s3cret") && !sentence.contains('\n'), "{sentence}");
    }
}

#[test]
fn an_unknown_variable_of_dotenv_is_refused() {
    let sentence = Given::default().dotenv("A=1\nBROKER_LISEN=x").sentence();
    let expected = "unknown variable `BROKER_LISEN` in .env:2; did you mean `BROKER_LISTEN`?";
    assert_eq!(sentence, expected);
    says(Given::default().dotenv("BROKER_PORT=tcp://1:2"), &["`BROKER_PORT` in .env:1"]);
    assert!(Given::default().dotenv("LISEN=x\nbroker_listen=x").resolve().is_ok());
}

#[test]
fn what_compose_would_replace_is_refused_for_our_variables() {
    says(
        Given::default().dotenv("OTHER=$HOME\nBROKER_DATA_DIR=$HOME/data"),
        &["BROKER_DATA_DIR in .env:2", "`$`", "single quotes"],
    );
    let given = Given::default().dotenv("BROKER_DATA_DIR='$HOME/data'");
    assert_eq!(given.holds("data-dir").0, "$HOME/data");
}

#[test]
fn all_that_is_wrong_is_told() {
    let wrong = Given::default()
        .flag("grace", "soon")
        .variable("BROKER_STORAGE", "paper")
        .dotenv("BROKER_LISTEN=x\nwhat is this\nBROKER_X=1")
        .toml("max-connections = 0\nmax-call = 5\nmax-calls = 'x'")
        .resolve()
        .unwrap_err();
    assert_eq!(wrong.sentences().len(), 8, "{wrong}");
}

#[test]
fn limits_that_contradict_each_other_are_told_with_their_sources() {
    assert_eq!(
        Given::default().flag("max-subscriptions", "20000").sentence(),
        "max-calls (12288 by default) must be more than --max-subscriptions (20000) and \
         max-publish-streams (256 by default) together, or other calls would find no room"
    );
    // At the bound, on either side of it.
    assert!(Given::default().toml("max-calls = 10257").resolve().is_ok());
    says(Given::default().toml("max-calls = 10256"), &["max-calls in broker.toml:1 (10256)"]);

    says(
        Given::default().variable("BROKER_STREAM_WINDOW", "1MiB"),
        &["connection-window (64MiB by default)", "twice BROKER_STREAM_WINDOW (1MiB)"],
    );
    assert!(Given::default().toml("connection-window = '64MiB'").resolve().is_ok());
    says(Given::default().toml("connection-window = 67108863"), &["(67108863)"]);
    let few = Given::default().flag("stream-window", "8MiB").flag("max-connection-calls", "4");
    assert!(few.resolve().is_ok());
}

#[test]
fn one_port_is_not_for_two() {
    assert_eq!(
        Given::default().variable("APPLICATION_PORT", "9901").sentence(),
        "APPLICATION_PORT (127.0.0.1:9901) and admin-listen (127.0.0.1:9901 by default) are the \
         same; give each a port of its own"
    );
    let free = Given::default().flag("listen", "[::1]:0").flag("admin-listen", "[::1]:0");
    assert!(free.resolve().is_ok());
}

#[test]
fn a_value_is_shown_without_control_characters_and_passwords() {
    says(Given::default().flag("listen", "a\x1b[2Jb"), &[r"`a\u{1b}[2Jb`"]);
    let sentence = Given::default().flag("web-origin", "https://me:s3cret@a").sentence();
    assert!(!sentence.contains("s3cret"), "{sentence}");
}
