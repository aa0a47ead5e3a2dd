//! Programs that the system's packages bring too old, or not at all.

use std::process::Command;

/// A program of at least some version.
#[derive(Debug, Clone, Copy)]
pub struct Toolchain {
    /// As in PATH.
    pub program: &'static str,
    /// Makes it say its version.
    pub argument: &'static str,
    /// What stands before the number.
    pub prefix: &'static str,
    /// The oldest that will do: major and minor.
    pub oldest: (u32, u32),
    /// How to get it.
    pub advice: &'static str,
}

/// Node.
pub const NODE: Toolchain = Toolchain {
    program: "node",
    argument: "--version",
    prefix: "v",
    oldest: (18, 0),
    advice: "install the package nodejs, or see nodejs.org",
};

impl Toolchain {
    /// What it says of its version.
    ///
    /// # Errors
    /// It is missing or too old, and how to get it.
    pub fn check(&self) -> Result<String, String> {
        let output = Command::new(self.program).arg(self.argument).output();
        let said = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        let (major, minor) = self.oldest;
        let wanted =
            format!("The tests need `{}` {major}.{minor} or newer: {}.", self.program, self.advice);
        match said {
            Err(_) => Err(wanted),
            Ok(said) if self.version(&said) < Some(self.oldest) => {
                Err(format!("{wanted} This one says `{said}`."))
            }
            Ok(said) => Ok(said),
        }
    }

    fn version(&self, said: &str) -> Option<(u32, u32)> {
        said.split_whitespace().find_map(|word| {
            let mut parts = word.strip_prefix(self.prefix)?.split('.').map(str::parse);
            Some((parts.next()?.ok()?, parts.next()?.ok()?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GO: Toolchain = Toolchain {
        program: "go",
        argument: "version",
        prefix: "go",
        oldest: (25, 0),
        advice: "see its page",
    };

    #[test]
    fn reads_a_version_where_it_stands() {
        let node = Toolchain { prefix: "v", ..GO };
        assert_eq!(node.version("v18.19.0"), Some((18, 19)));
        assert_eq!(GO.version("go version go1.26.8 linux/amd64"), Some((1, 26)));
        assert_eq!(GO.version("go go away"), None);
    }

    #[test]
    fn says_what_is_missing_or_old() {
        let missing = Toolchain { program: "no-such-program", ..GO };
        let wanted = "The tests need `no-such-program` 25.0 or newer: see its page.";
        assert_eq!(missing.check(), Err(wanted.into()));
        let old = Toolchain { program: "echo", argument: "v3.1", prefix: "v", ..GO };
        assert!(old.check().unwrap_err().ends_with("This one says `v3.1`."));
        assert_eq!(Toolchain { oldest: (3, 1), ..old }.check(), Ok("v3.1".into()));
    }
}
