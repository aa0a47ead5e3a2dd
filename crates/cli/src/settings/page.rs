//! The tables of docs/configuration.md, compared with what the page has.
//!
//! `UPDATE_DOCS=1 cargo test -p broker-cli the_page_has` writes them into the page.

use super::{
    alias::{JAEGER_PORT, Retired, WITHOUT_EFFECT},
    choices::Choice,
    kind::Kind,
    setting::{Fallback, Setting},
    table::SETTINGS,
};
use std::{env, fmt::Write, fs};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");

fn settings() -> String {
    let mut table = String::from(
        "| flag | variable | default | values | meaning |\n| --- | --- | --- | --- | --- |\n",
    );
    for Setting { name, variable, kind, default, help, .. } in SETTINGS {
        let default = match default {
            Fallback::Value(value) => format!("`{value}`"),
            Fallback::Told { holds, .. } => (*holds).to_owned(),
        };
        let values = values(*kind);
        writeln!(table, "| `--{name}` | `{variable}` | {default} | {values} | {help} |").unwrap();
    }
    table
}

fn values(kind: Kind) -> String {
    let name = match kind {
        Kind::Choice(choices) => {
            let choice = |choice: &Choice| format!("`{}`: {}", choice.name, choice.help);
            return choices.iter().map(choice).collect::<Vec<_>>().join("; ");
        }
        Kind::Path(_) => "path",
        Kind::Address(_) => "address and port",
        Kind::Size(..) => "size",
        Kind::Count(..) => "number",
        Kind::Time(..) => "time",
        Kind::Text(form, _) | Kind::List(form, _) => form.allowed,
    };
    match kind.range() {
        Some(range) => format!("{name} {range}"),
        None => name.to_owned(),
    }
}

fn old_names() -> String {
    let mut table = String::from("| old variable | stands for |\n| --- | --- |\n");
    for setting in SETTINGS {
        // Those of OpenTelemetry are no old ones, and docs/tracing.md tells of them.
        let old = setting.aliases.iter().filter(|alias| !alias.variable.starts_with("OTEL_"));
        for alias in old {
            writeln!(table, "| `{}` | `{}` |", alias.variable, setting.variable).unwrap();
        }
    }
    writeln!(table, "| `{JAEGER_PORT}` | the port of `JAEGER_HOST` |").unwrap();
    for Retired { variable, why } in WITHOUT_EFFECT {
        writeln!(table, "| `{variable}` | nothing: {why} |").unwrap();
    }
    table
}

/// The page with this between the marks of that name.
fn with(page: &str, name: &str, content: &str) -> String {
    let (begin, end) = (format!("<!-- {name}: generated -->\n"), format!("<!-- {name}: end -->"));
    let (before, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("no {begin}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("no {end}"));
    format!("{before}{begin}\n{content}\n{end}{after}")
}

#[test]
fn the_page_has_every_setting_as_the_table_has_it() {
    let page = fs::read_to_string(PAGE).unwrap();
    let expected = with(&with(&page, "settings", &settings()), "old names", &old_names());
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(PAGE, &expected).unwrap();
    } else {
        assert!(page == expected, "UPDATE_DOCS=1 cargo test -p broker-cli the_page_has");
    }
}
