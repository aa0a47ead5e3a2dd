//! What `broker config --format json` prints, written as TOML, is the same settings again.

use super::{Given, effect};
use crate::{
    config,
    settings::{
        example::toml_value,
        kind::{Kind, Range},
        setting::Setting,
        size,
        table::SETTINGS,
    },
};
use proptest::prelude::*;
use serde_json::Value;

/// Allowed values that contradict no other setting's.
fn value(setting: &'static Setting) -> BoxedStrategy<String> {
    match setting.kind {
        // What a database asks of its settings is a matter of tests of its own.
        Kind::Choice(_) if setting.name == "storage" => "memory|local".boxed(),
        Kind::Choice(choices) => {
            (0..choices.len()).prop_map(|at| choices[at].name.to_owned()).boxed()
        }
        Kind::Path(_) if setting.name == "data-dir" => "[ -~é\n\t]{1,12}".boxed(),
        Kind::Path(_) => "[ -~é]{1,12}".boxed(),
        Kind::Address(_) => any::<std::net::SocketAddr>().prop_map(|it| it.to_string()).boxed(),
        Kind::Size(Range(least, _), _) => {
            let default = size::parse(setting.default.example()).unwrap();
            let least = if setting.name == "connection-window" { default } else { least };
            (least..=default).prop_map(size::show).boxed()
        }
        Kind::Count(..) => {
            let default: u64 = setting.default.example().parse().unwrap();
            (default.saturating_sub(1_000).max(1)..=default)
                .prop_map(|count| count.to_string())
                .boxed()
        }
        Kind::Time(Range(least, most), _) => (0..=1_000_000_u32)
            .prop_map(move |part| least + (most - least).mul_f64(f64::from(part) / 1e6))
            .prop_map(|time| humantime::format_duration(time).to_string())
            .boxed(),
        Kind::List(..) => {
            let is_web = setting.name == "web-origin";
            let text = if is_web {
                "https?://[a-z.]{1,8}(:[1-9]{1,3})?"
            } else {
                "[a-z.]{1,8}(:[1-9]{1,3})?"
            };
            proptest::collection::vec(text, 1..4).prop_map(|texts| texts.join(",")).boxed()
        }
        Kind::Text(..) => match setting.name {
            "log-level" => "(info|debug|off)(,h2=(trace|warn))?".boxed(),
            "otlp-endpoint" => "http://[a-z]{1,8}:[1-9][0-9]{0,3}".boxed(),
            "trace-sampling" => "0(\\.[0-9]{1,3})?|1".boxed(),
            "cassandra-replication" => "[1-9]|dc1:[1-9](,dc2:[1-9])?".boxed(),
            _ => "[a-z][a-z0-9_]{0,11}".boxed(),
        },
    }
}

fn values() -> impl Strategy<Value = Vec<Option<(String, u8)>>> {
    let one = |setting| proptest::option::of((value(setting), 0..4_u8));
    SETTINGS.iter().map(one).collect::<Vec<_>>()
}

/// In double quotes.
fn dotenv_line(name: &str, value: &str) -> String {
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$");
    format!("{name}=\"{escaped}\"\n")
}

fn given(values: &[Option<(String, u8)>]) -> Given {
    let (mut given, mut dotenv, mut toml) = (Given::default(), String::new(), String::new());
    for (setting, value) in SETTINGS.iter().zip(values) {
        let Some((value, source)) = value else { continue };
        match source {
            0 => given = given.flag(setting.name, value),
            1 => given = given.variable(setting.variable, value),
            2 => dotenv.push_str(&dotenv_line(setting.variable, value)),
            _ => {
                let value = toml_value(setting.kind, value);
                toml.push_str(&format!("{} = {value}\n", setting.name));
            }
        }
    }
    given.dotenv(&dotenv).toml(&toml)
}

/// A line of JSON as one of TOML.
fn toml_line(line: &str) -> Option<String> {
    let object: Value = serde_json::from_str(line).unwrap();
    let name = object["name"].as_str().unwrap();
    match &object["value"] {
        Value::Null => None,
        value => Some(format!("{name} = {}\n", value)),
    }
}

proptest! {
    #[test]
    fn json_is_the_settings(values in values()) {
        // What is shown of a control character is another text.
        let is_plain = |value: &Option<(String, u8)>| {
            value.as_ref().is_none_or(|(value, _)| !value.chars().any(char::is_control))
        };
        prop_assume!(values.iter().all(is_plain));
        let resolved = given(&values).resolve().unwrap();
        let mut json = Vec::new();
        config::json(&mut json, &resolved.entries).unwrap();
        let json = String::from_utf8(json).unwrap();
        let toml: String = json.lines().filter_map(toml_line).collect();
        let again = Given::default().toml(&toml).resolve().unwrap();
        prop_assert_eq!(effect(&resolved), effect(&again));
    }

    #[test]
    fn every_source_gives_the_same_value(
        (at, value) in (0..SETTINGS.len()).prop_flat_map(|at| (Just(at), value(&SETTINGS[at])))
    ) {
        let mut values = vec![None; SETTINGS.len()];
        let effects: Vec<_> = (0..4).map(|source| {
            values[at] = Some((value.clone(), source));
            effect(&given(&values).resolve().unwrap())
        }).collect();
        prop_assert!(effects.iter().all(|effect| *effect == effects[0]), "{:?}", effects);
    }
}
