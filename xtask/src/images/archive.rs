//! An image as the file that `docker load` and `ctr images import` read.

use crate::{
    cache::cant,
    command::{output, run},
};
use std::{env::consts::ARCH, fs, path::Path, process::Command};

/// What an image says of itself.
pub struct Config {
    /// Its name with its tag.
    pub name: &'static str,
    /// What is always started, as a JSON array.
    pub entrypoint: &'static str,
    /// What comes behind it unless something else is asked for, as a JSON array.
    pub command: String,
    /// The environment, as a JSON array.
    pub environment: String,
    /// The number of its user.
    pub user: &'static str,
    /// Where it starts.
    pub folder: &'static str,
}

/// Makes `image.tar` in a folder of a root file system beside it, which is deleted.
///
/// # Errors
/// Which command failed.
pub fn pack(aside: &Path, root: &Path, config: &Config) -> Result<(), String> {
    let write = |name: &str, text: String| {
        let path = aside.join(name);
        fs::write(&path, text).map_err(|error| cant("write", &path, &error))
    };
    let mut layer = Command::new("tar");
    layer.args(["--create", "--numeric-owner", "--sort=name", "--file"]);
    run(layer.arg(aside.join("layer.tar")).arg("--directory").arg(root).arg("."))?;
    fs::remove_dir_all(root).map_err(|error| cant("delete", root, &error))?;
    let sum = output(Command::new("sha256sum").arg(aside.join("layer.tar")))?;
    let sum = sum.split_whitespace().next().unwrap_or_default();
    write("config.json", config.json(sum))?;
    let (name, parts) = (config.name, ["manifest.json", "config.json", "layer.tar"]);
    let manifest =
        format!(r#"[{{"Config":"config.json","RepoTags":["{name}"],"Layers":["layer.tar"]}}]"#);
    write("manifest.json", manifest)?;
    let mut whole = Command::new("tar");
    whole.args(["--create", "--remove-files", "--file"]).arg(aside.join("image.tar"));
    run(whole.arg("--directory").arg(aside).args(parts))
}

impl Config {
    fn json(&self, sum: &str) -> String {
        let Self { entrypoint, command, environment, user, folder, .. } = self;
        let architecture = match ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        format!(
            r#"{{"architecture":"{architecture}","os":"linux","config":{{"User":"{user}","WorkingDir":"{folder}","Env":{environment},"Entrypoint":{entrypoint},"Cmd":{command}}},"rootfs":{{"type":"layers","diff_ids":["sha256:{sum}"]}}}}"#
        )
    }
}
