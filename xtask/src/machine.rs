//! Installs by package name what the tests need and the machine lacks.

use crate::steps::Step;
use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
};

/// A program the tests need and the Debian packages that bring it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    /// As found in PATH.
    pub program: &'static str,
    /// As `apt-get install` calls them, separated by blanks.
    pub packages: &'static str,
    /// With these arguments it succeeds if all of it is there: a program can come without a part.
    proof: &'static [&'static str],
    /// It may also be in the folder `bin` of any folder of this one.
    versions: &'static str,
}

impl Need {
    /// A program that is there if it is in PATH.
    pub const fn new(program: &'static str, packages: &'static str) -> Self {
        Self { program, packages, proof: &[], versions: "" }
    }

    /// A program that must succeed with these arguments, too.
    pub const fn proven_by(self, proof: &'static [&'static str]) -> Self {
        Self { proof, ..self }
    }

    /// A program that may also be in the folder `bin` of any folder of this one.
    pub const fn among_versions(self, versions: &'static str) -> Self {
        Self { versions, ..self }
    }

    fn is_among_its_versions(&self) -> bool {
        let versions = fs::read_dir(self.versions).into_iter().flatten().flatten();
        versions.map(|it| it.path().join("bin").join(self.program)).any(|file| can_run(&file))
    }
}

/// Makes sure that everything the steps need is there. A machine that has it all is not touched
/// and no network is used.
pub fn prepare(steps: &[Step]) -> Result<(), String> {
    let mut missing: Vec<Need> =
        steps.iter().flat_map(|step| &step.needs).copied().filter(|need| !is_there(need)).collect();
    missing.sort_unstable();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    let programs: Vec<&str> = missing.iter().map(|need| need.program).collect();
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.packages.split(' ')).collect();
    println!("This machine lacks {}: installing {}", programs.join(", "), packages.join(", "));
    install(&packages)?;
    match missing.iter().find(|need| !is_there(need)) {
        Some(need) => Err(format!(
            "`{}` is still not there as a whole: install `{}` by hand.",
            need.program, need.packages
        )),
        None => Ok(()),
    }
}

fn install(packages: &[&str]) -> Result<(), String> {
    // One source that can't be reached may have nothing to do with these: the installation decides.
    apt(&["update"]);
    let install = ["install", "--yes", "--no-install-recommends"];
    if apt(&[&install[..], packages].concat()) {
        return Ok(());
    }
    Err(format!("Install these by hand: {}.", packages.join(" ")))
}

/// Runs apt-get as root.
fn apt(arguments: &[&str]) -> bool {
    let mut command = if is_root() {
        Command::new("apt-get")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.arg("--preserve-env=DEBIAN_FRONTEND").arg("apt-get");
        sudo
    };
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("Uid:"))
        .and_then(|ids| ids.split_whitespace().nth(1))
        .is_some_and(|effective| effective == "0")
}

fn is_there(need: &Need) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    // System programs are not in every user's PATH.
    let system = ["/usr/sbin", "/sbin"].map(Into::into);
    let is_in_path =
        env::split_paths(&path).chain(system).any(|folder| can_run(&folder.join(need.program)));
    (is_in_path || need.is_among_its_versions()) && (need.proof.is_empty() || succeeds(need))
}

fn succeeds(need: &Need) -> bool {
    let mut command = Command::new(need.program);
    command.args(need.proof).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn can_run(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_there_and_only_that() {
        assert!(is_there(&Need::new("sh", "dash")));
        assert!(!is_there(&Need::new("no-such-program", "none")));
        assert!(is_there(&Need::new("sh", "dash").proven_by(&["-c", "true"])));
        assert!(!is_there(&Need::new("sh", "dash").proven_by(&["-c", "false"])));
        // `/usr/bin` is the folder `bin` of a folder of `/`; nothing else finds it here.
        assert!(Need::new("sh", "dash").among_versions("/").is_among_its_versions());
        assert!(!Need::new("no-such-program", "none").among_versions("/").is_among_its_versions());
    }
}
