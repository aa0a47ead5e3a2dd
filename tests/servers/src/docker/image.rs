//! Images that tests run: the broker's, built as its users build it, and stand-ins for those of others.

use super::{Engine, context::Context};
use std::{
    env,
    ffi::OsStr,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// Names a folder with images that `cargo xtask` makes, a file each.
const IMAGES: &str = "BROKER_TEST_IMAGES";

/// Names a folder with the sources of all dependencies.
const VENDOR: &str = "BROKER_TEST_VENDOR";

/// What the broker's image is called in its file.
const NAME: &str = "broker:test";

/// A file with an image in the place of a usual one: `postgres`, `prometheus`, `node-exporter`, `envoy`, `jaeger`, or
/// `rust`, which builds the broker's.
pub fn stand_in(role: &str) -> PathBuf {
    given(IMAGES).join(format!("{role}.tar"))
}

/// The broker's image as a file for `docker load`, with the name `broker:test`: built from the Dockerfile without a
/// network, once for each content of what is built.
pub async fn broker_image() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let context = Context::of(&root).expect("the work tree can be read");
    let hash = context.hash().expect("the work tree can be read");
    let folder = target(&root).join("images");
    fs::create_dir_all(&folder).expect("the target folder can be written");
    let image = folder.join(format!("broker-{hash:016x}.tar"));
    if !image.exists() {
        // Another test that wants the same waits for this one.
        let lock = File::create(image.with_extension("lock")).expect("its folder is there");
        lock.lock().expect("a file can be locked");
        if !image.exists() {
            build(&context, &image).await;
        }
    }
    image
}

/// Where builds go.
fn target(root: &Path) -> PathBuf {
    root.join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

async fn build(context: &Context, image: &Path) {
    let folder = TempDir::with_prefix("context-").expect("a temporary folder");
    context.copy(folder.path()).expect("the work tree can be copied");
    // Must stay outside: a build that copied it would not be one of the work tree.
    fs::write(folder.path().join("unwanted"), "").expect("the folder is there");
    let mut copy = Command::new("cp");
    copy.arg("-R").arg(given(VENDOR)).arg(folder.path().join("vendor"));
    assert!(copy.status().is_ok_and(|status| status.success()), "{VENDOR} can be copied");
    let engine = Engine::on_the_network_of_the_machine().await;
    let builder = format!("RUST_IMAGE={}", engine.load(&stand_in("rust")));
    let words = ["build", "--network=none", "--tag", NAME, "--build-arg", &builder, "--quiet"];
    engine.docker(words.map(OsStr::new).into_iter().chain([folder.path().as_os_str()]));
    let aside = image.with_extension("part");
    let save = [OsStr::new("save"), OsStr::new("--output"), aside.as_os_str(), OsStr::new(NAME)];
    engine.docker(save);
    fs::rename(aside, image).expect("a file beside it can be renamed");
}

/// The folder that a variable names.
fn given(variable: &str) -> PathBuf {
    let folder = env::var_os(variable).map(PathBuf::from);
    folder.unwrap_or_else(|| {
        panic!("{variable} is not set: `cargo xtask test --only containers` does")
    })
}
