//! The languages, and where their programs are.

use std::{env, ffi::OsString, path::PathBuf, process::Command};

/// Stamps each scenario, an `async fn(Language)` of the same module, on every language.
macro_rules! in_every_language {
    ($($scenario:ident)*) => {
        $crate::language::in_every_language!(@ go Go $($scenario)*);
        $crate::language::in_every_language!(@ python Python $($scenario)*);
        $crate::language::in_every_language!(@ node Node $($scenario)*);
    };
    (@ $module:ident $language:ident $($scenario:ident)*) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $scenario() {
                    super::$scenario($crate::language::Language::$language).await;
                }
            )*
        }
    };
}
pub(crate) use in_every_language;

/// A language with a gRPC library of its own.
#[derive(Debug, Clone, Copy)]
pub enum Language {
    /// grpc-go.
    Go,
    /// grpcio.
    Python,
    /// @grpc/grpc-js.
    Node,
}

impl Language {
    /// A program of the tests: `old` or `new`.
    pub fn test(self, name: &str) -> Command {
        match self {
            Self::Go => Command::new(prepared("bin").join(name)),
            Self::Python => python(&format!("tests/clients/python/{name}.py")),
            Self::Node => node(&format!("tests/clients/node/{name}.js")),
        }
    }

    /// One of the examples.
    pub fn example(self, name: &str) -> Command {
        match self {
            Self::Go => Command::new(prepared("bin/examples").join(name)),
            Self::Python => python(&format!("examples/python/{name}.py")),
            Self::Node => node(&format!("examples/node/{name}.js")),
        }
    }
}

fn python(script: &str) -> Command {
    let mut python = Command::new(prepared("venv/bin/python"));
    python.arg(prepared(script));
    python
}

/// A script that Node runs.
pub fn node(script: &str) -> Command {
    let mut node = Command::new("node");
    node.arg(prepared(script));
    node
}

/// Something that was prepared for these tests.
pub fn prepared(path: &str) -> PathBuf {
    let folder: OsString = env::var_os("BROKER_CLIENTS")
        .expect("BROKER_CLIENTS is set: run `cargo xtask test --only clients`");
    let path = PathBuf::from(folder).join(path);
    assert!(path.exists(), "{} is missing: run `cargo xtask test --only clients`", path.display());
    path
}
