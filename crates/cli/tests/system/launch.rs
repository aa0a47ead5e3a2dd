//! How a broker is started.

#[path = "../commands/environment.rs"]
mod environment;

pub use environment::clear_settings;

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A command line for a broker, to be started as often as a test likes.
#[derive(Debug, Clone)]
pub struct Launch {
    wrapper: Vec<OsString>,
    arguments: Vec<OsString>,
    folder: PathBuf,
}

impl Launch {
    /// A broker that keeps messages in a folder.
    pub fn local(folder: &Path) -> Self {
        Self::new(folder, "local")
    }

    /// A broker that keeps messages in memory.
    pub fn memory(folder: &Path) -> Self {
        Self::new(folder, "memory")
    }

    fn new(folder: &Path, storage: &str) -> Self {
        let arguments = Vec::new();
        Self { wrapper: Vec::new(), arguments, folder: folder.into() }.with("--storage", storage)
    }

    /// With a flag and its value.
    pub fn with(mut self, flag: &str, value: &str) -> Self {
        self.arguments.extend([flag.into(), value.into()]);
        self
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
        command.args(words).arg("serve").args(&self.arguments);
        command.arg("--data-dir").arg(&self.folder);
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
