//! How a broker is started.

#[path = "../commands/environment.rs"]
mod environment;

pub use environment::clear_settings;

use std::{
    env,
    ffi::{OsStr, OsString},
    path::Path,
    process::{Command, Stdio},
};

/// The least length of a text that is found only where it was put.
const SECRET: usize = 12;

/// A command line for a broker, to be started as often as a test likes.
#[derive(Debug, Clone)]
pub struct Launch {
    wrapper: Vec<OsString>,
    settings: Vec<(String, OsString)>,
}

impl Launch {
    /// A broker that keeps messages in a folder.
    pub fn local(folder: &Path) -> Self {
        Self::over("local").with("--data-dir", folder)
    }

    /// A broker that keeps messages in memory.
    pub fn memory() -> Self {
        Self::over("memory")
    }

    /// A broker over a kind of store.
    pub fn over(storage: &str) -> Self {
        Self { wrapper: Vec::new(), settings: Vec::new() }.with("--storage", storage)
    }

    /// With a flag and its value, instead of the one that it has.
    pub fn with(mut self, flag: &str, value: impl AsRef<OsStr>) -> Self {
        self.settings.retain(|(name, _)| name != flag);
        self.settings.push((flag.to_owned(), value.as_ref().to_owned()));
        self
    }

    /// The secrets among its settings. A short one is a word that any line may have.
    pub fn secrets(&self) -> Vec<String> {
        let secret = |(flag, _): &&(String, OsString)| flag.ends_with("password");
        let secrets = self.settings.iter().filter(secret);
        let texts = secrets.map(|(_, value)| value.to_string_lossy().into_owned());
        texts.filter(|text| text.len() >= SECRET).collect()
    }

    /// Started by another program (`strace ...`, `unshare ...`).
    pub fn under<'a>(mut self, wrapper: impl IntoIterator<Item = &'a str>) -> Self {
        self.wrapper = wrapper.into_iter().map(OsString::from).collect();
        self
    }

    /// The command, not yet started.
    pub fn command(&self) -> Command {
        let mut words = self.wrapper.iter().cloned().chain([binary()]);
        let mut command = Command::new(words.next().expect("the binary at least"));
        command.args(words).arg("serve");
        for (flag, value) in &self.settings {
            command.arg(flag).arg(value);
        }
        command.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
        clear_settings(&mut command);
        // Nor does a `.env` of the work tree reach the test.
        command.current_dir(env::temp_dir());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// The broker to test: the one that `BROKER_BIN` names, else the one built beside this test.
pub fn binary() -> OsString {
    env::var_os("BROKER_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_broker").into())
}
