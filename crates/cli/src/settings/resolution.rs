//! What holds: the strongest word on every setting, checked.

#[cfg(any(feature = "postgres", feature = "cassandra"))]
use super::databases;
use super::{
    choices, dotenv,
    entry::Entry,
    inputs::Inputs,
    relations,
    setting::Setting,
    source::Source,
    strangers::{self, Strangers},
    traces,
    values::Settings,
    wrong::Wrong,
};
use std::ffi::{OsStr, OsString};

/// The settings that hold, and how that came about.
#[derive(Debug)]
pub struct Resolved {
    /// The values, typed.
    pub settings: Settings,
    /// Every setting of the table, in its order.
    pub entries: Vec<Entry>,
    /// What an operator should look at.
    pub warnings: Vec<String>,
    /// What was read, for the log.
    pub remarks: Vec<String>,
}

/// Decides.
///
/// # Errors
/// All that is wrong, what was found before included.
pub fn resolve(
    table: &'static [Setting],
    inputs: &Inputs,
    mut wrong: Wrong,
) -> Result<Resolved, Wrong> {
    let strangers = Strangers { table, inputs };
    strangers.refuse(&mut wrong);
    let mut settings = Settings::default();
    let mut entries: Vec<_> =
        table.iter().map(|setting| decide(setting, inputs, &mut settings, &mut wrong)).collect();
    let mut warnings = Vec::new();
    if wrong.is_empty() {
        warnings = traces::complete(&mut settings, &mut entries, inputs, &mut wrong);
        relations::check(&settings, &entries, &mut wrong);
        #[cfg(any(feature = "postgres", feature = "cassandra"))]
        {
            databases::relations::check(&settings, &entries, &mut wrong);
            databases::relations::read_password(&mut settings, &entries, &mut wrong);
        }
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    warnings.splice(..0, strangers.unknown().chain(strangers::without_effect(inputs)));
    let mut remarks = vec![summary(inputs, &entries)];
    remarks.extend(strangers.service_links());
    remarks.extend(entries.iter().flat_map(|entry| strangers::overridden(entry, inputs)));
    Ok(Resolved { settings, entries, warnings, remarks })
}

/// Finds a setting's value and sets it.
fn decide(
    setting: &'static Setting,
    inputs: &Inputs,
    settings: &mut Settings,
    wrong: &mut Wrong,
) -> Entry {
    let (written, source) = match inputs.find(setting) {
        Some((written, source)) => (Some(written), source),
        None => (setting.default.value().map(OsString::from), Source::Default),
    };
    let Some(written) = written else { return Entry { setting, value: None, source } };
    if let Some(problem) = inputs.reference(&source) {
        wrong.say(problem);
        return Entry { setting, value: Some(written), source };
    }
    let value = translate(setting, &written, &source).and_then(|value| {
        let set = setting.kind.set(&value, settings);
        set.map(|()| value.clone()).ok_or_else(|| advice(setting, &value))
    });
    if let Err(advice) = &value {
        let name = source.written(setting.name);
        wrong.say(format!("{name} is `{}`; {advice}", setting.shown(&written)));
    }
    Entry { setting, value: value.ok(), source }
}

fn advice(setting: &Setting, value: &OsStr) -> String {
    let allowed = format!("write {}", setting.kind.allowed());
    let store = value.to_str().filter(|_| setting.name == "storage");
    let absent = store.and_then(choices::absent);
    absent.map_or(allowed.clone(), |sentence| format!("{sentence}; {allowed}"))
}

/// The value as the setting's own, where it came by an old name; an error says what is allowed.
fn translate(setting: &Setting, written: &OsStr, source: &Source) -> Result<OsString, String> {
    let name = source.name().filter(|_| source.is_alias());
    match setting.aliases.iter().find(|alias| Some(alias.variable) == name) {
        Some(alias) => (alias.translate)(&written.to_string_lossy()).map(OsString::from),
        None => Ok(written.to_owned()),
    }
}

/// Which sources were read, and how many settings each decided.
fn summary(inputs: &Inputs, entries: &[Entry]) -> String {
    let count = |kind: &str| entries.iter().filter(|entry| entry.source.kind() == kind).count();
    let mut sources = Vec::new();
    if !inputs.flags.flags().is_empty() {
        sources.push(format!("flags ({})", count("flag")));
    }
    sources.push(format!("the environment ({})", count("environment")));
    if inputs.dotenv.is_some() {
        sources.push(format!("{} ({})", dotenv::FILE, count(".env")));
    }
    if let Some(file) = &inputs.file {
        sources.push(format!("{} ({})", file.path, count("file")));
    }
    format!("settings read from {}; {} are defaults", sources.join(", "), count("default"))
}
