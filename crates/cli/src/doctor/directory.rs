//! The directory of the local store: whether it is there, whose it is, and who uses it.

use super::{filesystem, finding::Finding, lock};
use crate::settings::Settings;
use broker_storage::StorageConfig;
use rustix::{
    fs::{Access, access},
    process::geteuid,
};
use std::{
    fs,
    io::ErrorKind,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

const NAME: &str = "data-dir";

pub fn check(settings: &Settings) -> Vec<Finding> {
    let StorageConfig::Local(config) = settings.store() else { return Vec::new() };
    look(&config.directory)
}

fn look(directory: &Path) -> Vec<Finding> {
    let shown = directory.display();
    let metadata = match fs::metadata(directory) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return vec![to_be_made(directory)],
        Err(error) => {
            let finding = format!("{shown} cannot be looked at: {error}");
            return vec![Finding::bad(NAME, finding, "give the broker's user the right to")];
        }
    };
    if !metadata.is_dir() {
        let advice = "name a directory with --data-dir";
        return vec![Finding::bad(NAME, format!("{shown} is no directory"), advice)];
    }
    if let Err(error) = access(directory, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK) {
        let finding = format!("{shown} cannot be written to: {error}");
        let advice = format!("give it to the broker's user: chown -R USER {shown}");
        return vec![Finding::bad(NAME, finding, advice)];
    }
    let mut findings = vec![Finding::ok(NAME, format!("{shown} can be written to"))];
    findings.extend(rights(directory, metadata.mode(), metadata.uid()));
    findings.extend(filesystem::check(directory));
    findings.extend(lock::check(directory));
    findings
}

fn to_be_made(directory: &Path) -> Finding {
    let shown = directory.display();
    let parent = existing(directory);
    match access(&parent, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Finding::ok(NAME, format!("{shown} is not there and will be made")),
        Err(error) => Finding::bad(
            NAME,
            format!("{shown} is not there and cannot be made in {}: {error}", parent.display()),
            "make it, and give it to the broker's user",
        ),
    }
}

/// The nearest directory above that is there.
pub fn existing(directory: &Path) -> PathBuf {
    let above = directory.ancestors().find(|path| path.is_dir());
    above.filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

fn rights(directory: &Path, mode: u32, owner: u32) -> Vec<Finding> {
    let shown = directory.display();
    let mut findings = Vec::new();
    if mode & 0o077 != 0 {
        let finding = format!("others may reach the messages in {shown} (mode {:o})", mode & 0o777);
        findings.push(Finding::warn(NAME, finding, format!("chmod 700 {shown}")));
    }
    let user = geteuid().as_raw();
    if owner != user {
        let finding = format!("{shown} belongs to user {owner}, and this is user {user}");
        let advice = "run the doctor and the broker as that user, or change the owner";
        findings.push(Finding::warn(NAME, finding, advice));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Level;
    use std::{fs::Permissions, os::unix::fs::PermissionsExt};

    #[test]
    fn a_directory_is_there_or_can_be_made_or_neither() {
        let folder = tempfile::tempdir().unwrap();
        let levels = |path: &Path| look(path).iter().map(|one| one.level).max();
        let missing = look(&folder.path().join("a/b"));
        assert!(missing[0].level == Level::Ok && missing[0].finding.contains("will be made"));
        let file = folder.path().join("file");
        fs::write(&file, "x").unwrap();
        assert_eq!(levels(&file), Some(Level::Bad));
        assert_eq!(levels(&file.join("below")), Some(Level::Bad));
    }

    #[test]
    fn what_others_may_read_is_warned_of() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let open = look(folder.path());
        assert!(open.iter().any(|one| one.finding.contains("mode 755")), "{open:?}");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
        let closed = look(folder.path());
        assert!(!closed.iter().any(|one| one.finding.contains("mode")), "{closed:?}");
        assert_eq!(rights(folder.path(), 0o700, geteuid().as_raw() + 1).len(), 1);
    }

    #[test]
    fn a_relative_path_is_made_where_one_stands() {
        assert_eq!(existing(Path::new("not-there")), Path::new("."));
    }
}
