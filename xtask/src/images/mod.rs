//! Images for tests, made on this machine: no registry is asked. Programs are the real ones, of Debian or built here,
//! under the names by which `compose.yaml` knows the usual images.

mod archive;
mod root;

use crate::{
    cache::{Cache, cant},
    command::{output, run},
    edge, telemetry, workspace,
};
use archive::{Config, pack};
use root::Root;
use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

/// What the builder has beside Rust, as the usual image has.
const BUILDER_PACKAGES: &str = "gcc,libc6-dev,make,ca-certificates";
const SUITE: &str = "bookworm";

/// Another one makes every image anew, as a change of how they are put together must.
const FORM: &str = "1";

/// A folder with all of them, each in a file of its own.
///
/// # Errors
/// A sentence that says what is missing, or which command failed.
pub fn prepare(cache: &Cache) -> Result<PathBuf, String> {
    let images = [
        ("rust", builder(cache)?),
        ("postgres", postgres(cache)?),
        ("prometheus", prometheus(cache)?),
        ("node-exporter", node_exporter(cache)?),
        ("envoy", envoy(cache)?),
        ("jaeger", jaeger(cache)?),
    ];
    let definition: Vec<&[u8]> =
        images.iter().map(|(_, image)| image.as_os_str().as_encoded_bytes()).collect();
    cache.entry("images", &definition, |aside| {
        images.iter().try_for_each(|(name, image)| {
            let link = aside.join(format!("{name}.tar"));
            symlink(image, &link).map_err(|error| cant("make", &link, &error))
        })
    })
}

/// Makes an image once for each definition.
fn image(
    cache: &Cache,
    config: &Config,
    version: &str,
    fill: impl FnOnce(&Path) -> Result<PathBuf, String>,
) -> Result<PathBuf, String> {
    let said = [config.name, config.entrypoint, &config.command, &config.environment, config.user];
    let mut definition = said.map(str::as_bytes).to_vec();
    definition.extend([version.as_bytes(), FORM.as_bytes()]);
    let role = config.name.rsplit('/').next().unwrap_or_default();
    let role = role.split(':').next().unwrap_or_default();
    let entry = cache.entry(&format!("image-{role}"), &definition, |aside| {
        let root = fill(aside)?;
        pack(aside, &root, config)
    })?;
    Ok(entry.join("image.tar"))
}

/// Debian with a C compiler and the Rust of this machine.
fn builder(cache: &Cache) -> Result<PathBuf, String> {
    let rust = |argument: &[&str]| {
        output(Command::new("rustc").args(argument).current_dir(workspace::root()))
    };
    let sysroot = PathBuf::from(rust(&["--print", "sysroot"])?.trim());
    let config = Config {
        name: "local/rust:bookworm",
        entrypoint: "[]",
        command: r#"["/bin/bash"]"#.into(),
        environment: r#"["PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"]"#.into(),
        user: "",
        folder: "/",
    };
    let version = format!("{}{SUITE}{BUILDER_PACKAGES}", rust(&["--version", "--verbose"])?);
    image(cache, &config, &version, |aside| {
        let root = aside.join("root");
        let mut debootstrap = Command::new("debootstrap");
        debootstrap.args(["--variant=minbase", &format!("--include={BUILDER_PACKAGES}"), SUITE]);
        // It tells much.
        output(debootstrap.arg(&root).arg(mirror()?))?;
        let mut copy = Command::new("cp");
        copy.arg("--archive").args(["bin", "lib"].map(|part| sysroot.join(part)));
        run(copy.arg(root.join("usr/local")))?;
        let packages = root.join("var/cache/apt/archives");
        fs::remove_dir_all(&packages).map_err(|error| cant("delete", &packages, &error))?;
        Ok(root)
    })
}

/// Where apt of this machine gets Debian's own packages.
fn mirror() -> Result<String, String> {
    let mut ask = Command::new("apt-get");
    ask.args(["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]);
    let answer = output(ask.args(["Origin: Debian", "Component: main"]))?;
    let first = answer.lines().next().map(str::to_owned);
    first.ok_or_else(|| "apt knows no source of Debian's packages: run `apt-get update`.".into())
}

/// The newest PostgreSQL of this machine, started as the usual image does.
fn postgres(cache: &Cache) -> Result<PathBuf, String> {
    const SCRIPT: &str = include_str!("postgres.sh");
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let number = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let home = versions.map(|entry| entry.path()).max_by_key(number);
    let home = home.ok_or("There is no PostgreSQL: install `postgresql`.")?;
    let bin = home.join("bin");
    let version = output(Command::new(bin.join("postgres")).arg("--version"))?;
    let share = Path::new("/usr/share/postgresql").join(home.file_name().unwrap_or_default());
    let config = Config {
        name: "postgres:17.6",
        entrypoint: r#"["/entrypoint"]"#,
        command: r#"["postgres"]"#.into(),
        environment: format!(
            r#"["PATH={}:/bin","PGDATA=/var/lib/postgresql/data"]"#,
            bin.display()
        ),
        user: "999:999",
        folder: "/",
    };
    image(cache, &config, &format!("{version}{SCRIPT}"), |aside| {
        let root = Root::new(aside, "postgres", 999)?;
        root.write("entrypoint", SCRIPT, 0o755)?;
        root.program(Path::new("/bin/sh"), "bin/sh")?;
        root.own("var/lib/postgresql/data", 999, 0o700)?;
        root.own("var/run/postgresql", 999, 0o775)?;
        root.keep(&[home.clone(), share, "/usr/share/zoneinfo".into()])?;
        // What compiles queries brings a compiler that is larger than all else.
        let mut slim = Command::new("find");
        slim.arg(root.folder.join("usr/lib/postgresql"));
        run(slim.args(["(", "-name", "llvmjit*", "-o", "-path", "*/bitcode/*", ")", "-delete"]))?;
        let find = output(
            Command::new("find")
                .arg(&root.folder)
                .args(["-path", "*/postgresql/*"])
                .args(["(", "-name", "*.so", "-o", "-path", "*/bin/*", ")", "-type", "f"]),
        )?;
        let elves: Vec<PathBuf> = find.lines().map(PathBuf::from).collect();
        root.libraries(&elves)?;
        Ok(root.folder)
    })
}

fn prometheus(cache: &Cache) -> Result<PathBuf, String> {
    let config = Config {
        name: "prom/prometheus:v2.55.1",
        entrypoint: r#"["/bin/prometheus"]"#,
        command:
            r#"["--config.file=/etc/prometheus/prometheus.yml","--storage.tsdb.path=/prometheus"]"#
                .into(),
        environment: r#"["PATH=/bin"]"#.into(),
        user: "65534",
        folder: "/prometheus",
    };
    let version = output(Command::new("prometheus").arg("--version"))?;
    image(cache, &config, &version, |aside| {
        let root = Root::new(aside, "nobody", 65534)?;
        root.program(Path::new("/usr/bin/prometheus"), "bin/prometheus")?;
        root.program(Path::new("/usr/bin/promtool"), "bin/promtool")?;
        root.own("prometheus", 65534, 0o755)?;
        Ok(root.folder)
    })
}

fn node_exporter(cache: &Cache) -> Result<PathBuf, String> {
    let program = PathBuf::from("/usr/bin/prometheus-node-exporter");
    let version = output(Command::new(&program).arg("--version"))?;
    one_program(
        cache,
        ("prom/node-exporter:v1.5.0", r#"["/bin/node_exporter"]"#, "[]"),
        (&program, "bin/node_exporter"),
        &version,
    )
}

fn envoy(cache: &Cache) -> Result<PathBuf, String> {
    let program = edge::envoy(cache)?;
    let version = program.display().to_string();
    let command = r#"["envoy","-c","/etc/envoy/envoy.yaml"]"#;
    one_program(
        cache,
        ("envoyproxy/envoy:v1.40.0", "[]", command),
        (&program, "usr/local/bin/envoy"),
        &version,
    )
}

fn jaeger(cache: &Cache) -> Result<PathBuf, String> {
    let program = telemetry::jaeger()?;
    let version = program.display().to_string();
    one_program(
        cache,
        ("jaegertracing/jaeger:2.13.0", r#"["/cmd/jaeger/jaeger-linux"]"#, "[]"),
        (&program, "cmd/jaeger/jaeger-linux"),
        &version,
    )
}

/// An image of one program and what it is linked with: its name, entry point and command, where the program is and
/// where it goes, and its version.
fn one_program(
    cache: &Cache,
    (name, entrypoint, command): (&'static str, &'static str, &str),
    (program, inside): (&Path, &str),
    version: &str,
) -> Result<PathBuf, String> {
    let config = Config {
        name,
        entrypoint,
        command: command.into(),
        environment: r#"["PATH=/usr/local/bin:/bin"]"#.into(),
        user: "65534",
        folder: "/",
    };
    image(cache, &config, version, |aside| {
        let root = Root::new(aside, "nobody", 65534)?;
        root.program(program, inside)?;
        Ok(root.folder)
    })
}
