//! The programs of a PostgreSQL.

use crate::postgres::owner;
use std::{
    env, fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

/// Names a folder with the `bin`, `lib` and `share` of a PostgreSQL, if not the newest of those that are
/// installed is wanted.
const VARIABLE: &str = "BROKER_POSTGRES";

/// The folder of the programs for a server that keeps its files in a folder.
pub fn lay(folder: &Path) -> PathBuf {
    let Some(given) = env::var_os(VARIABLE).map(PathBuf::from) else { return installed() };
    if owner().is_none() {
        return given.join("bin");
    }
    // The user that it runs as may not enter the folders of root: it gets them beside its files.
    let programs = folder.join("programs");
    copy(&given, &programs).unwrap_or_else(|error| panic!("{}: {error}", given.display()));
    programs.join("bin")
}

/// Copies a folder with its links, which name files beside them.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to, kind) = (entry.path(), to.join(entry.file_name()), entry.file_type()?);
        if kind.is_dir() {
            copy(&from, &to)?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(from)?, to)?;
        } else {
            fs::copy(from, to)?;
        }
    }
    Ok(())
}

/// The folder of the newest PostgreSQL's programs: Debian has none of them in PATH.
fn installed() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.map(|entry| entry.path()).max_by_key(version);
    newest.map(|folder| folder.join("bin")).unwrap_or_default()
}
