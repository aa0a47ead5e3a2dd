//! What a build of the broker's image is given.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    path::{Path, PathBuf},
};

/// The files that `.dockerignore` lets in, and itself and the Dockerfile.
pub struct Context {
    root: PathBuf,
    /// From the root, sorted.
    files: Vec<PathBuf>,
}

impl Context {
    /// That of a work tree, without vendored sources.
    pub fn of(root: &Path) -> io::Result<Self> {
        let list = fs::read_to_string(root.join(".dockerignore"))?;
        let rules: Vec<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
        let out: Vec<&str> = rules.iter().copied().filter(|rule| !rule.starts_with('!')).collect();
        let let_in = rules.iter().filter_map(|rule| rule.strip_prefix('!'));
        let mut files = vec![PathBuf::from("Dockerfile"), PathBuf::from(".dockerignore")];
        for rule in let_in.filter(|rule| *rule != "vendor") {
            walk(root, Path::new(rule), &out, &mut files)?;
        }
        files.sort();
        Ok(Self { root: root.to_owned(), files })
    }

    /// A number that is another one when anything of it is.
    pub fn hash(&self) -> io::Result<u64> {
        let mut hasher = DefaultHasher::new();
        for file in &self.files {
            file.hash(&mut hasher);
            fs::read(self.root.join(file))?.hash(&mut hasher);
        }
        Ok(hasher.finish())
    }

    /// Copies it into a folder.
    pub fn copy(&self, to: &Path) -> io::Result<()> {
        for file in &self.files {
            let copy = to.join(file);
            copy.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::copy(self.root.join(file), copy)?;
        }
        Ok(())
    }
}

/// The files in a path, without those that a rule keeps out.
fn walk(root: &Path, path: &Path, out: &[&str], files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !root.join(path).is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(root.join(path))? {
        let inside = path.join(entry?.file_name());
        if !out.iter().any(|rule| fits(rule, &inside)) {
            walk(root, &inside, out, files)?;
        }
    }
    Ok(())
}

/// Whether a path is what a rule names, where `*` is a name of any kind.
fn fits(rule: &str, path: &Path) -> bool {
    let (rule, path) = (Path::new(rule), path);
    rule.components().count() == path.components().count()
        && rule.iter().zip(path.iter()).all(|(rule, name)| rule == "*" || rule == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn tree(files: &[(&str, &str)]) -> TempDir {
        let folder = TempDir::new().unwrap();
        for (file, text) in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn it_has_what_is_let_in_and_not_kept_out() {
        let list = ("# Why.\n*\n!a\n!b/c\na/*/tests\n", ".dockerignore");
        let tree = tree(&[
            (list.1, list.0),
            ("Dockerfile", ""),
            ("a/x/src/lib.rs", ""),
            ("a/x/tests/t.rs", ""),
            ("b/c", ""),
            ("b/d", ""),
        ]);
        let context = Context::of(tree.path()).unwrap();
        let names: Vec<_> = context.files.iter().map(|file| file.to_str().unwrap()).collect();
        assert_eq!(names, [".dockerignore", "Dockerfile", "a/x/src/lib.rs", "b/c"]);
    }

    #[test]
    fn its_number_follows_its_files() {
        let tree =
            tree(&[(".dockerignore", "*\n!a\n"), ("Dockerfile", ""), ("a", "1"), ("b", "1")]);
        let hash = || Context::of(tree.path()).unwrap().hash().unwrap();
        let first = hash();
        fs::write(tree.path().join("b"), "2").unwrap();
        assert_eq!(hash(), first);
        fs::write(tree.path().join("a"), "2").unwrap();
        assert_ne!(hash(), first);
    }
}
