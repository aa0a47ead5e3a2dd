//! Tests of the table and of what it resolves to.

#[cfg(all(feature = "postgres", feature = "cassandra"))]
mod databases;
mod files;
mod round_trip;
mod secrets;
mod sources;
mod table;
mod traces;
mod wrong;

use super::{
    dotenv,
    inputs::Inputs,
    resolution::{self, Resolved},
    setting::Setting,
    table::SETTINGS,
    tomlfile,
    wrong::Wrong,
};

/// What the sources of a test hold.
#[derive(Default)]
struct Given {
    inputs: Inputs,
    wrong: Wrong,
}

impl Given {
    fn flag(mut self, name: &'static str, value: &str) -> Self {
        self.inputs.flags.set(name, value.into());
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.inputs.environment.insert(name.into(), value.into());
        self
    }

    fn dotenv(mut self, text: &str) -> Self {
        self.inputs.dotenv = Some(dotenv::parse(text, &mut self.wrong));
        self
    }

    fn toml(self, text: &str) -> Self {
        self.toml_of(text, SETTINGS)
    }

    fn toml_of(mut self, text: &str, table: &'static [Setting]) -> Self {
        self.inputs.file = Some(tomlfile::parse("broker.toml", text, table, &mut self.wrong));
        self
    }

    fn resolve(self) -> Result<Resolved, Wrong> {
        self.resolve_of(SETTINGS)
    }

    fn resolve_of(self, table: &'static [Setting]) -> Result<Resolved, Wrong> {
        resolution::resolve(table, &self.inputs, self.wrong)
    }

    /// What holds for a setting, and the source as it is told.
    fn holds(self, name: &str) -> (String, String) {
        let resolved = self.resolve().unwrap();
        let entry = resolved.entries.iter().find(|entry| entry.setting.name == name).unwrap();
        (entry.text(), entry.source.to_string())
    }

    /// The one sentence on what is wrong.
    fn sentence(self) -> String {
        let wrong = self.resolve().unwrap_err();
        let [sentence] = wrong.sentences() else { panic!("{wrong}") };
        sentence.clone()
    }
}

/// All that the broker would be told, as text.
fn effect(resolved: &Resolved) -> String {
    format!("{:?}", resolved.settings)
}
