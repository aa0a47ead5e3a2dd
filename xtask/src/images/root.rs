//! The root file system of an image, put together from files of this machine.

use crate::{
    cache::cant,
    command::{output, run},
};
use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::Command,
};

/// A folder that becomes one.
pub struct Root {
    /// Where it is.
    pub folder: PathBuf,
}

impl Root {
    /// An empty one in a folder, with `/tmp` and a user of this name and number.
    ///
    /// # Errors
    /// A file can't be made.
    pub fn new(aside: &Path, user: &str, number: u32) -> Result<Self, String> {
        let root = Self { folder: aside.join("root") };
        root.own("tmp", 0, 0o1777)?;
        let users = format!("root:x:0:0::/:/bin/sh\n{user}:x:{number}:{number}::/:/bin/sh\n");
        root.write("etc/passwd", &users, 0o644)?;
        root.write("etc/group", &format!("root:x:0:\n{user}:x:{number}:\n"), 0o644)?;
        root.write("etc/nsswitch.conf", "hosts: files dns\n", 0o644)?;
        Ok(root)
    }

    /// A file with this text.
    ///
    /// # Errors
    /// It can't be made.
    pub fn write(&self, inside: &str, text: &str, mode: u32) -> Result<(), String> {
        let path = self.folder.join(inside);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        made.and_then(|()| fs::write(&path, text))
            .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(mode)))
            .map_err(|error| cant("write", &path, &error))
    }

    /// An empty folder of this user.
    ///
    /// # Errors
    /// It can't be made.
    pub fn own(&self, inside: &str, user: u32, mode: u32) -> Result<(), String> {
        let path = self.folder.join(inside);
        fs::create_dir_all(&path)
            .and_then(|()| chown(&path, Some(user), Some(user)))
            .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(mode)))
            .map_err(|error| cant("make", &path, &error))
    }

    /// A program of this machine at another place.
    ///
    /// # Errors
    /// It can't be copied.
    pub fn program(&self, from: &Path, inside: &str) -> Result<(), String> {
        let path = self.folder.join(inside);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        made.and_then(|()| fs::copy(from, &path)).map_err(|error| cant("copy", from, &error))?;
        self.libraries(&[from.to_owned()])
    }

    /// Files and folders of this machine, where they are there.
    ///
    /// # Errors
    /// One can't be copied.
    pub fn keep(&self, paths: &[PathBuf]) -> Result<(), String> {
        let mut copy = Command::new("cp");
        copy.args(["--recursive", "--no-dereference", "--parents"]).args(paths);
        run(copy.arg(&self.folder))
    }

    /// What these programs and libraries are linked with.
    ///
    /// # Errors
    /// One can't be copied.
    pub fn libraries(&self, of: &[PathBuf]) -> Result<(), String> {
        // A program that is linked with nothing is told of by a failure.
        let Ok(list) = output(Command::new("ldd").args(of)) else { return Ok(()) };
        let mut libraries: Vec<&str> = list
            .lines()
            .filter(|line| line.starts_with(char::is_whitespace))
            .flat_map(str::split_whitespace)
            .filter(|word| word.starts_with('/'))
            .collect();
        libraries.sort_unstable();
        libraries.dedup();
        let mut copy = Command::new("cp");
        copy.args(["--dereference", "--parents", "--target-directory"]).arg(&self.folder);
        if libraries.is_empty() { Ok(()) } else { run(copy.args(libraries)) }
    }
}
