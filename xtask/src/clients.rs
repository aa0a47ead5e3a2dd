//! Prepares the tests of clients of other languages: libraries and tools in the cache, and in
//! `target/clients` a copy of the programs, laid out as in the workspace, with their stubs.
//!
//! | in `target/clients` | what |
//! | --- | --- |
//! | `bin` | the tests' programs in Go, `grpcurl` |
//! | `bin/examples` | the examples in Go |
//! | `venv` | Python with its packages; a link into the cache |
//! | `node_modules` | Node's packages; a link into the cache |
//! | `crates/proto/proto`, `examples`, `tests/clients` | copies |

use crate::{
    cache::{Cache, cant},
    command::run,
    golang::{GO, go},
    servers::Variable,
    toolchain::{NODE, Toolchain},
    workspace,
};
use std::{
    env,
    ffi::OsString,
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

const PYTHON: Toolchain = Toolchain {
    program: "python3",
    argument: "--version",
    prefix: "",
    oldest: (3, 10),
    advice: "install the packages python3 and python3-venv",
};

/// What is copied, and what of it is not.
const COPIED: &[&str] = &["crates/proto/proto", "examples", "tests/clients"];
const NOT_COPIED: &[&str] = &["node_modules", ".venv"];

/// Prepares everything. What is in the cache needs no network.
///
/// # Errors
/// A sentence that says what is missing, or which command failed.
pub fn prepare() -> Result<Vec<Variable>, String> {
    let (go, node, python) = (GO.check()?, NODE.check()?, PYTHON.check()?);
    let cache = Cache::of_the_user()?;
    let folder = workspace::clients();
    lay(&folder).map_err(|error| cant("prepare", &folder, &error))?;
    let kit = Kit { cache, folder };
    let packages = [("venv", kit.venv(&python)?), ("node_modules", kit.node_modules(&node)?)];
    for (name, made) in packages {
        let link = kit.folder.join(name);
        symlink(made.join(name), &link).map_err(|error| cant("make", &link, &error))?;
    }
    let tools = kit.go_tools(&go)?;
    kit.generate(&tools)?;
    for (module, bin) in [("tests/clients/go", "bin/"), ("examples/go", "bin/examples/")] {
        kit.build(module, bin)?;
    }
    Ok(Vec::new())
}

/// The folder of the programs in Go among the examples, made in a folder of their own, without what the other
/// languages need. What is in the cache needs no network.
///
/// # Errors
/// A sentence that says what is missing, or which command failed.
pub fn go_examples() -> Result<PathBuf, String> {
    let go = GO.check()?;
    let kit = Kit { cache: Cache::of_the_user()?, folder: workspace::target().join("go-examples") };
    lay(&kit.folder).map_err(|error| cant("prepare", &kit.folder, &error))?;
    let tools = kit.go_tools(&go)?;
    kit.generate_go("examples/go", &tools)?;
    kit.build("examples/go", "bin/")?;
    Ok(kit.folder.join("bin"))
}

/// The copies, in an empty folder.
fn lay(folder: &Path) -> io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    COPIED.iter().try_for_each(|path| copy(&workspace::root().join(path), &folder.join(path)))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if NOT_COPIED.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy(&from, &to)?;
        } else {
            fs::copy(from, to)?;
        }
    }
    Ok(())
}

struct Kit {
    cache: Cache,
    folder: PathBuf,
}

impl Kit {
    /// A cache entry with Python and what the examples require.
    fn venv(&self, version: &str) -> Result<PathBuf, String> {
        let required = self.folder.join("examples/python/requirements.txt");
        // An environment is bound to the Python that made it.
        let base =
            Command::new("python3").args(["-c", "import sys; print(sys.base_prefix)"]).output();
        let base = base.map_err(|error| format!("python3 can't be run: {error}."))?.stdout;
        let definition = [&read(&required)?[..], version.as_bytes(), &base];
        self.cache.entry("python", &definition, |aside| {
            let venv = aside.join("venv");
            run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
            let mut pip = Command::new(venv.join("bin/python"));
            pip.args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(&required);
            run(&mut pip)
        })
    }

    /// A cache entry with the packages that the lock file names.
    fn node_modules(&self, version: &str) -> Result<PathBuf, String> {
        let from = self.folder.join("tests/clients/node");
        let files = ["package.json", "package-lock.json"];
        let definition = [&read(&from.join(files[1]))?[..], version.as_bytes()];
        self.cache.entry("node", &definition, |aside| {
            for file in files {
                let to = aside.join(file);
                fs::copy(from.join(file), &to).map_err(|error| cant("write", &to, &error))?;
            }
            let mut npm = Command::new("npm");
            // The packages work without their install scripts, which are strangers' programs.
            npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(aside);
            run(&mut npm)
        })
    }

    /// A cache entry with the tools that the tests' Go module names: generators and grpcurl.
    fn go_tools(&self, version: &str) -> Result<PathBuf, String> {
        let module = self.folder.join("tests/clients/go");
        let definition = [
            &read(&module.join("go.mod"))?[..],
            &read(&module.join("go.sum"))?[..],
            version.as_bytes(),
        ];
        self.cache.entry("go", &definition, |aside| {
            let mut install = go(&self.cache, &["install", "tool"], &module);
            run(install.env("GOBIN", aside.join("bin")))
        })
    }

    /// Stubs, by the commands that the examples give to people.
    fn generate(&self, tools: &Path) -> Result<(), String> {
        for module in ["tests/clients/go", "examples/go"] {
            self.generate_go(module, tools)?;
        }
        for folder in ["tests/clients/python", "examples/python"] {
            let mut script = Command::new("sh");
            script.arg("generate.sh").current_dir(self.folder.join(folder));
            run(script.env("PATH", path(self.folder.join("venv/bin"))?))?;
        }
        for folder in ["tests/clients/web", "examples/web"] {
            let mut npm = Command::new("npm");
            npm.args(["run", "--silent", "build"]).current_dir(self.folder.join(folder));
            run(&mut npm)?;
        }
        let bin = self.folder.join("bin");
        fs::create_dir_all(&bin)
            .and_then(|()| symlink(tools.join("bin/grpcurl"), bin.join("grpcurl")))
            .map_err(|error| cant("prepare", &bin, &error))
    }

    /// The stubs of a module of Go.
    fn generate_go(&self, module: &str, tools: &Path) -> Result<(), String> {
        let mut generate = go(&self.cache, &["generate", "./..."], &self.folder.join(module));
        run(generate.env("PATH", path(tools.join("bin"))?))
    }

    /// The programs of a module of Go.
    fn build(&self, module: &str, bin: &str) -> Result<(), String> {
        let mut build = go(&self.cache, &["build", "-o"], &self.folder.join(module));
        run(build.arg(self.folder.join(bin)).arg("./..."))
    }
}

/// PATH, with a folder that is looked into first.
fn path(first: PathBuf) -> Result<OsString, String> {
    let rest = env::var_os("PATH").unwrap_or_default();
    env::join_paths([first].into_iter().chain(env::split_paths(&rest)))
        .map_err(|error| format!("PATH can't be used: {error}."))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| cant("read", path, &error))
}
