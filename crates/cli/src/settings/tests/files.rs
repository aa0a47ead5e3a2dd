//! Which file is read.

use crate::settings::{
    inputs::{first_file, read_text},
    wrong::Wrong,
};
use std::fs;

#[test]
fn the_first_file_that_is_there_is_read_alone() {
    let folder = tempfile::tempdir().unwrap();
    let [absent, one, two] = ["a.toml", "b.toml", "c.toml"].map(|name| folder.path().join(name));
    fs::write(&one, "grace = '1s'").unwrap();
    fs::write(&two, "listen = 'x'").unwrap();
    let below = one.join("file");
    let names = [&absent, &below, &one, &two].map(|path| path.to_str().unwrap());
    let mut wrong = Wrong::default();
    let file = first_file(&names, &mut wrong).unwrap();
    assert_eq!(file.path, names[2]);
    assert_eq!(file.values["grace"], ("1s".into(), 1));
    assert!(wrong.is_empty(), "{wrong}");
    assert!(first_file(&names[..2], &mut wrong).is_none() && wrong.is_empty());
}

#[test]
fn a_file_that_is_there_and_cannot_be_read_is_not_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let mut wrong = Wrong::default();
    assert!(first_file(&[path, "b.toml"], &mut wrong).is_none());
    let [sentence] = wrong.sentences() else { panic!("{wrong}") };
    assert!(sentence.starts_with(&format!("{path} cannot be read: ")), "{sentence}");
}

#[test]
fn a_file_has_a_size_and_is_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, vec![b'#'; 1024 * 1024]).unwrap();
    assert_eq!(read_text(&path).unwrap().len(), 1024 * 1024);
    fs::write(&path, vec![b'#'; 1024 * 1024 + 1]).unwrap();
    assert!(read_text(&path).unwrap_err().to_string().contains("1 MiB"));
    fs::write(&path, b"one\ntwo \xff\n").unwrap();
    assert_eq!(read_text(&path).unwrap_err().to_string(), "line 2 is not UTF-8");
}
