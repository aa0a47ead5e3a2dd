//! What is slow to make is kept outside the workspace, under the hash of what defines it.

use std::{
    env, fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    process,
};

/// Says where the folder is to be, if not where caches usually are.
const VARIABLE: &str = "BROKER_TESTS_CACHE";

/// A folder that may be deleted at any time.
pub struct Cache {
    /// Where it is.
    pub root: PathBuf,
}

impl Cache {
    /// `$BROKER_TESTS_CACHE`, else `broker-tests` in the user's folder of caches.
    ///
    /// # Errors
    /// No variable says where that could be.
    pub fn of_the_user() -> Result<Self, String> {
        let place = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let usual = || {
            let caches = place("XDG_CACHE_HOME").or_else(|| Some(place("HOME")?.join(".cache")));
            Some(caches?.join("broker-tests"))
        };
        let root = place(VARIABLE).or_else(usual);
        root.map(|root| Self { root })
            .ok_or_else(|| format!("Set HOME, or {VARIABLE} to a folder for what the tests keep."))
    }

    /// The folder of this name and definition; made if it is missing. It appears whole or not at all.
    ///
    /// # Errors
    /// What `make` says, or that a folder can't be made.
    pub fn entry(
        &self,
        name: &str,
        definition: &[&[u8]],
        make: impl FnOnce(&Path) -> Result<(), String>,
    ) -> Result<PathBuf, String> {
        let mut hasher = DefaultHasher::new();
        definition.hash(&mut hasher);
        let entry = self.root.join(format!("{name}-{:016x}", hasher.finish()));
        if entry.exists() {
            return Ok(entry);
        }
        println!("Making {}", entry.display());
        let aside = self.root.join(format!(".{name}-{}", process::id()));
        // What a killed run of the same number left.
        let _ = fs::remove_dir_all(&aside);
        fs::create_dir_all(&aside).map_err(|error| cant("make", &aside, &error))?;
        let made = make(&aside).and_then(|()| {
            // Whoever made the same at the same time was faster.
            let renamed = fs::rename(&aside, &entry);
            renamed
                .or_else(|error| if entry.exists() { Ok(()) } else { Err(error) })
                .map_err(|error| cant("make", &entry, &error))
        });
        // Gone if it was renamed.
        let _ = fs::remove_dir_all(&aside);
        made.map(|()| entry)
    }
}

/// A sentence about a path.
pub fn cant(what: &str, path: &Path, error: &std::io::Error) -> String {
    format!("Can't {what} {}: {error}.", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that goes with the test.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            Self(env::temp_dir().join(format!("broker-xtask-{name}-{}", process::id())))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn an_entry_is_made_once_for_each_definition() {
        let folder = Folder::new("entries");
        let cache = Cache { root: folder.0.clone() };
        let made = |definition: &[&[u8]], word: &str| {
            cache.entry("a", definition, |aside| {
                fs::write(aside.join("word"), word).map_err(|error| error.to_string())
            })
        };
        let first = made(&[b"1"], "first").unwrap();
        assert_eq!(made(&[b"1"], "again"), Ok(first.clone()));
        assert_eq!(fs::read_to_string(first.join("word")).unwrap(), "first");
        assert_ne!(made(&[b"2"], "other").unwrap(), first);
        assert_ne!(made(&[b"1", b""], "other").unwrap(), first);
    }

    #[test]
    fn what_failed_leaves_nothing() {
        let folder = Folder::new("failures");
        let cache = Cache { root: folder.0.clone() };
        assert_eq!(cache.entry("a", &[], |_| Err("no".into())), Err("no".into()));
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 0);
    }
}
