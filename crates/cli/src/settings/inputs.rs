//! What the sources hold, before anything is decided.

use super::{
    ServeArguments,
    arguments::CONFIG,
    dotenv::{self, Dotenv},
    names::{is_service_link, shown},
    setting::Setting,
    source::{Source, Variable},
    table::SETTINGS,
    tomlfile::{self, TomlFile},
    wrong::Wrong,
};
use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Read},
    path::Path,
};

/// Read without being named, the first that is there.
pub const DEFAULT_FILES: &[&str] = &["broker.toml", "/etc/broker/broker.toml"];

/// Largest file of settings, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// Texts by the names of flags, variables and keys.
#[derive(Debug, Default)]
pub struct Inputs {
    /// What was typed.
    pub flags: ServeArguments,
    /// Variables with a name and not empty.
    pub environment: BTreeMap<String, OsString>,
    /// None if there is no file.
    pub dotenv: Option<Dotenv>,
    /// None if there is no file.
    pub file: Option<TomlFile>,
    /// Names of the broker's own variables beyond those of settings.
    pub other_variables: Vec<String>,
}

impl Inputs {
    /// Reads everything there is to read.
    pub fn gather(arguments: &ServeArguments, wrong: &mut Wrong) -> Self {
        let mut inputs = Self {
            flags: arguments.clone(),
            environment: environment(),
            dotenv: dotenv::read(wrong),
            file: None,
            other_variables: crate::arguments::variables(),
        };
        inputs.file = match inputs.find(&CONFIG) {
            Some((path, source)) => match inputs.reference(&source) {
                Some(problem) => {
                    wrong.say(problem);
                    None
                }
                None => named_file(&path, &source, wrong),
            },
            None => first_file(DEFAULT_FILES, wrong),
        };
        inputs
    }

    /// The strongest word on a setting, as it was written.
    pub fn find(&self, setting: &Setting) -> Option<(OsString, Source)> {
        self.flag(setting)
            .or_else(|| self.variable(setting))
            .or_else(|| self.dotenv_variable(setting))
            .or_else(|| self.key(setting))
    }

    /// What is wrong with a value of `.env` that was meant to be replaced.
    pub fn reference(&self, source: &Source) -> Option<String> {
        let Source::Dotenv(variable, _) = source else { return None };
        self.dotenv.as_ref()?.get(variable.name)?.reference(variable.name)
    }

    /// Where a variable is set to something of its own, for a sentence.
    pub fn place_of(&self, name: &str) -> Option<String> {
        let variable = self.environment.get(name);
        if variable.is_some_and(|value| !is_service_link(name, value)) {
            return Some(name.to_owned());
        }
        let found = self.dotenv.as_ref()?.get(name).filter(|found| !found.value.is_empty())?;
        Some(format!("{name} in {}:{}", dotenv::FILE, found.line))
    }

    /// A variable that is no setting, and where it is set, for a sentence.
    pub fn word(&self, name: &str) -> Option<(String, String)> {
        let place = self.place_of(name)?;
        let value = match self.environment.get(name).filter(|value| !is_service_link(name, value)) {
            Some(value) => value.to_string_lossy().into_owned(),
            None => self.dotenv.as_ref()?.get(name)?.value.clone(),
        };
        Some((value.trim().to_owned(), place))
    }

    /// The source of such a variable.
    pub fn source_of(&self, name: &'static str) -> Option<Source> {
        let variable = Variable { name, is_alias: true };
        if self.environment.contains_key(name) {
            return Some(Source::Environment(variable));
        }
        Some(Source::Dotenv(variable, self.dotenv.as_ref()?.get(name)?.line))
    }

    fn flag(&self, setting: &Setting) -> Option<(OsString, Source)> {
        let value = self.flags.flags().get(setting.name)?;
        Some((value.clone(), Source::Flag(self.flags.typed(setting.name))))
    }

    fn variable(&self, setting: &Setting) -> Option<(OsString, Source)> {
        setting.variables().find_map(|variable| {
            let value = self.environment.get(variable.name)?;
            let is_ours = !is_service_link(variable.name, value);
            is_ours.then(|| (value.clone(), Source::Environment(variable)))
        })
    }

    fn dotenv_variable(&self, setting: &Setting) -> Option<(OsString, Source)> {
        let dotenv = self.dotenv.as_ref()?;
        setting.variables().find_map(|variable| {
            let found = dotenv.get(variable.name).filter(|found| !found.value.is_empty())?;
            Some((found.value.clone().into(), Source::Dotenv(variable, found.line)))
        })
    }

    fn key(&self, setting: &Setting) -> Option<(OsString, Source)> {
        let file = self.file.as_ref()?;
        let (value, line) = file.values.get(setting.name)?;
        let source = Source::File(setting.name.into(), file.path.clone(), *line);
        Some((value.clone(), source))
    }
}

/// An empty variable is one that is not set, as where a container's file has `X=${X:-}`.
fn environment() -> BTreeMap<String, OsString> {
    std::env::vars_os()
        .filter(|(_, value)| !value.is_empty())
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .collect()
}

fn named_file(path: &OsStr, source: &Source, wrong: &mut Wrong) -> Option<TomlFile> {
    let name = shown(path.as_encoded_bytes());
    match read_text(Path::new(path)) {
        Ok(text) => Some(tomlfile::parse(&name, &text, SETTINGS, wrong)),
        Err(error) => {
            let written = source.written(CONFIG.name);
            wrong.say(format!("{written} is `{name}`, which cannot be read: {error}"));
            None
        }
    }
}

/// The first file that is there; one that cannot be read is not passed over.
pub fn first_file(names: &[&str], wrong: &mut Wrong) -> Option<TomlFile> {
    for name in names {
        match read_text(Path::new(name)) {
            Ok(text) => return Some(tomlfile::parse(name, &text, SETTINGS, wrong)),
            Err(error) if is_absent(&error) => {}
            Err(error) => {
                wrong.say(format!("{name} cannot be read: {error}"));
                return None;
            }
        }
    }
    None
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// A text of at most 1 MiB.
pub fn read_text(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    let read = File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if read as u64 > MAX_FILE {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 MiB"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
        io::Error::new(io::ErrorKind::InvalidData, format!("line {line} is not UTF-8"))
    })
}

/// What `.env` says of the broker that a client verb talks to.
///
/// # Errors
/// What is wrong with the file.
pub fn of_client(variable: &str) -> Result<Option<String>, Wrong> {
    let mut wrong = Wrong::default();
    let found = dotenv::read(&mut wrong).and_then(|mut dotenv| dotenv.remove(variable));
    let found = found.filter(|found| !found.value.is_empty());
    if let Some(sentence) = found.as_ref().and_then(|found| found.reference(variable)) {
        wrong.say(sentence);
    }
    if wrong.is_empty() { Ok(found.map(|found| found.value)) } else { Err(wrong) }
}
