//! The flags of `broker serve` and `broker config`, made from the table.

use super::{
    kind::Kind,
    setting::{Fallback, Setting},
    table::SETTINGS,
};
use clap::{
    Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches,
    builder::{PossibleValue, TypedValueParser},
    error::Error,
    parser::ValueSource,
};
use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
};

/// Names the TOML file; a setting of the sources themselves, so no row of the table and no key.
pub const CONFIG: Setting = Setting {
    name: "config",
    variable: "BROKER_CONFIG",
    aliases: &[],
    kind: Kind::Path(|_, _| {}),
    default: Fallback::Told {
        holds: "./broker.toml, or else /etc/broker/broker.toml, if it is there",
        example: "/etc/broker/broker.toml",
    },
    help: "The TOML file of settings",
    secret: false,
};

/// The flags that were given.
#[derive(Debug, Clone, Default)]
pub struct ServeArguments {
    flags: BTreeMap<&'static str, OsString>,
    /// The flag by which a store was named, where there are several.
    side: Option<&'static str>,
}

impl ServeArguments {
    /// None yet, of the store that this flag names.
    pub fn of_side(flag: &'static str) -> Self {
        Self { flags: BTreeMap::new(), side: Some(flag) }
    }

    /// Sets a flag by the name of its setting; the last word holds.
    pub fn set(&mut self, name: &'static str, value: OsString) {
        self.flags.insert(name, value);
    }

    /// The flag of a setting as it was typed.
    pub fn typed(&self, name: &str) -> String {
        match self.side {
            None => format!("--{name}"),
            Some(side) if name == "storage" => format!("--{side}"),
            Some(side) => format!("--{side}-set {name}"),
        }
    }

    /// Values by the names of their settings; one that was given again has them separated by
    /// commas.
    pub fn flags(&self) -> &BTreeMap<&'static str, OsString> {
        &self.flags
    }
}

/// The table's rows, behind the one that names the file.
fn all() -> impl Iterator<Item = &'static Setting> {
    [&CONFIG].into_iter().chain(SETTINGS)
}

impl FromArgMatches for ServeArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut arguments = Self::default();
        arguments.update_from_arg_matches(matches)?;
        Ok(arguments)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        let is_typed = |name: &str| matches.value_source(name) == Some(ValueSource::CommandLine);
        for setting in all().filter(|setting| is_typed(setting.name)) {
            let values = matches.get_many::<OsString>(setting.name).into_iter().flatten();
            let values: Vec<_> = values.map(OsString::as_os_str).collect();
            self.flags.insert(setting.name, values.join(OsStr::new(",")));
        }
        Ok(())
    }
}

impl Args for ServeArguments {
    fn augment_args(command: Command) -> Command {
        command.args(all().map(argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn argument(setting: &Setting) -> Arg {
    let argument = Arg::new(setting.name)
        .long(setting.name)
        .env(setting.variable)
        .hide_env_values(true)
        .value_name(setting.kind.placeholder())
        .value_parser(Anything(setting.kind))
        .action(match setting.kind {
            Kind::List(..) => ArgAction::Append,
            _ => ArgAction::Set,
        });
    let range = setting.kind.range().map(|range| format!("; {range}")).unwrap_or_default();
    let help = format!("{}{range}", setting.help);
    match setting.default {
        Fallback::Value(value) => argument.help(help).default_value(value),
        Fallback::Told { holds, .. } => argument.help(format!("{help}; without it: {holds}")),
    }
}

/// Takes any text: what is allowed is decided when the strongest source is known, so that every
/// wrong value is told, with its source. The possible values are for the help.
#[derive(Clone)]
struct Anything(Kind);

impl TypedValueParser for Anything {
    type Value = OsString;

    fn parse_ref(&self, _: &Command, _: Option<&Arg>, value: &OsStr) -> Result<OsString, Error> {
        Ok(value.to_owned())
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let Kind::Choice(choices) = self.0 else { return None };
        Some(Box::new(
            choices.iter().map(|choice| PossibleValue::new(choice.name).help(choice.help)),
        ))
    }
}
