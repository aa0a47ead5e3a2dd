//! Variables that set nothing: typing errors, strangers, and old names.

use super::{
    alias::{JAEGER_PORT, Retired, WITHOUT_EFFECT},
    arguments::CONFIG,
    choices, dotenv,
    entry::Entry,
    inputs::Inputs,
    names::{advice, is_service_link, shown},
    setting::Setting,
    wrong::Wrong,
};

/// What the environment and `.env` have beside settings.
pub struct Strangers<'a> {
    pub table: &'static [Setting],
    pub inputs: &'a Inputs,
}

impl<'a> Strangers<'a> {
    /// In a file of the operator's own, a name that begins like ours is a mistake.
    pub fn refuse(&self, wrong: &mut Wrong) {
        for (name, found) in self.inputs.dotenv.iter().flatten() {
            if self.is_unknown(name) {
                let (place, advice) =
                    (format!("{}:{}", dotenv::FILE, found.line), self.meant(name));
                wrong.say(format!("unknown variable `{name}` in {place}; {advice}"));
            }
        }
    }

    /// In the environment such a name may be anybody's: a warning each.
    pub fn unknown(&self) -> impl Iterator<Item = String> {
        let unknown = self
            .inputs
            .environment
            .iter()
            .filter(|(name, value)| self.is_unknown(name) && !is_service_link(name, value));
        unknown.map(|(name, _)| {
            let (shown, advice) = (shown(name.as_bytes()), self.meant(name));
            format!("the environment variable {shown} is no setting and has no effect; {advice}")
        })
    }

    /// What Kubernetes sets in every pod beside a service named broker, or like an old name of ours.
    pub fn service_links(&self) -> Option<String> {
        let links = self.inputs.environment.iter().filter(|(name, value)| {
            (name.starts_with("BROKER_") || self.is_old(name)) && is_service_link(name, value)
        });
        let names: Vec<_> = links.map(|(name, _)| name.as_str()).collect();
        let what = "set by Kubernetes for its services, and no settings";
        (!names.is_empty()).then(|| format!("{what}: {}", names.join(", ")))
    }

    fn is_unknown(&self, name: &str) -> bool {
        name.starts_with("BROKER_") && !self.variables().any(|known| known == name)
    }

    fn is_old(&self, name: &str) -> bool {
        let mut aliases = self.table.iter().flat_map(|setting| setting.aliases);
        let is_retired = WITHOUT_EFFECT.iter().any(|retired| retired.variable == name);
        is_retired || name == JAEGER_PORT || aliases.any(|alias| alias.variable == name)
    }

    fn meant(&self, name: &str) -> String {
        match choices::absent(name) {
            Some(sentence) => sentence,
            None => advice(name, self.variables(), "`broker serve --help` names every variable"),
        }
    }

    fn variables(&self) -> impl Iterator<Item = &'a str> {
        let of_settings = self.table.iter().chain([&CONFIG]).map(|setting| setting.variable);
        of_settings.chain(self.inputs.other_variables.iter().map(String::as_str))
    }
}

/// Old names that set nothing any more: a warning each.
pub fn without_effect(inputs: &Inputs) -> impl Iterator<Item = String> {
    WITHOUT_EFFECT.iter().filter_map(|Retired { variable, why }| {
        let place = inputs.place_of(variable)?;
        Some(format!("{place} has no effect: {why}"))
    })
}

/// Old names of a setting that something stronger decided.
pub fn overridden(entry: &Entry, inputs: &Inputs) -> impl Iterator<Item = String> {
    let names = entry.setting.aliases.iter().map(|alias| alias.variable);
    let weaker = names.filter(|name| entry.source.name() != Some(name));
    weaker.filter_map(|name| {
        let place = inputs.place_of(name)?;
        Some(format!("{place} has no effect, since {} is stronger", entry.source))
    })
}
