//! What Compose makes of `compose.yaml`.

use crate::{environment::clear_settings, files};
use serde_json::Value;
use std::{
    env,
    ffi::OsString,
    process::{Command, Stdio},
};

/// A version of Compose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compose {
    /// 1.29, of Debian.
    Old,
    /// 2.
    New,
}

/// Both of them.
pub const BOTH: [Compose; 2] = [Compose::Old, Compose::New];

impl Compose {
    /// Its program.
    fn program(self) -> OsString {
        match self {
            Self::Old => "/usr/bin/docker-compose".into(),
            Self::New => env::var_os("BROKER_COMPOSE").expect("BROKER_COMPOSE names Compose 2"),
        }
    }

    /// What it answers with these profiles to these words.
    pub fn ask(self, profiles: &[&str], words: &[&str]) -> String {
        let mut command = Command::new(self.program());
        self.prepare(&mut command, ".env.example", profiles);
        let output = command.args(words).output().expect("it can be run");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{self:?} {profiles:?} {words:?}: {complaint}");
        String::from_utf8(output.stdout).expect("plain text")
    }

    /// A command that speaks to an engine, with the variables of this file.
    pub fn command(
        self,
        engine: &broker_test_servers::docker::Engine,
        variables: &str,
        profiles: &[&str],
    ) -> Command {
        let mut command = engine.command(self.program());
        self.prepare(&mut command, variables, profiles);
        command
    }

    /// The shipped file, and no variable of whoever runs the tests.
    fn prepare(self, command: &mut Command, variables: &str, profiles: &[&str]) {
        for (name, _) in files::variables(&files::text(".env.example")) {
            command.env_remove(name);
        }
        clear_settings(command);
        command.env_remove("COMPOSE_PROFILES").env_remove("COMPOSE_FILE");
        command.current_dir(files::root()).stdin(Stdio::null());
        command.args(["--file", "compose.yaml", "--project-name", "broker"]);
        command.args(["--env-file", variables]);
        for profile in profiles {
            command.args(["--profile", profile]);
        }
    }
}

/// All of it, as Compose 2 understands it.
pub fn understood(profiles: &[&str]) -> Value {
    let answer = Compose::New.ask(profiles, &["config", "--format", "json"]);
    serde_json::from_str(&answer).expect("JSON")
}
