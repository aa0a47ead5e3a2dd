//! A clock that is not everybody's.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A library that stands before the system's, as C: the common one for this makes a Java so slow that it
/// does not come up in time.
const SOURCE: &str = include_str!("clock.c");

/// Has a command believe that it is so many seconds later (earlier, if negative) than it is. How fast time
/// passes is as ever. What does that is put into the folder.
pub(crate) fn shift(command: &mut Command, seconds: i64, folder: &Path) {
    command.env("LD_PRELOAD", library(folder)).env("BROKER_CLOCK_AHEAD", seconds.to_string());
}

fn library(folder: &Path) -> PathBuf {
    let (source, library) = (folder.join("clock.c"), folder.join("clock.so"));
    if !library.exists() {
        fs::write(&source, SOURCE).expect("its folder can be written");
        let mut compiler = Command::new("cc");
        compiler.args(["-O2", "-shared", "-fPIC", "-o"]).args([&library, &source]).arg("-ldl");
        let compiled = compiler.status();
        let compiled = compiled.unwrap_or_else(|error| panic!("{compiler:?}: {error}"));
        assert!(compiled.success(), "{compiler:?}: {compiled}");
    }
    library
}
