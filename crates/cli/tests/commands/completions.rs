//! Scripts that complete the command line.

use crate::command::{broker, run};
use std::process::Command;

fn script(shell: &str) -> String {
    run(broker(&["completions", shell]), b"").text().to_owned()
}

/// Every verb, out of the help.
fn verbs() -> Vec<String> {
    let help = run(broker(&["--help"]), b"").text().to_owned();
    let listed = help.split_once("Commands:\n").unwrap().1.split_once("\n\n").unwrap().0;
    let verb = |line: &str| {
        let indented = line.strip_prefix("  ").filter(|rest| !rest.starts_with(' '))?;
        Some(indented.split(' ').next()?.to_owned())
    };
    listed.lines().filter_map(verb).collect()
}

#[test]
fn every_shell_gets_every_verb() {
    let verbs = verbs();
    assert!(verbs.len() > 8 && verbs.contains(&"completions".to_owned()), "{verbs:?}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = script(shell);
        for verb in &verbs {
            assert!(script.contains(verb.as_str()), "{shell} {verb}");
        }
    }
}

#[test]
fn bash_reads_its_script_and_completes_a_verb() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("broker.bash");
    std::fs::write(&path, script("bash")).unwrap();
    let mut check = Command::new("bash");
    check.arg("-n").arg(&path);
    let checked = run(check, b"");
    assert_eq!(checked.text(), "");
    assert_eq!(checked.stderr, "");

    let mut complete = Command::new("bash");
    let line = "source \"$0\"; COMP_WORDS=(broker su); COMP_CWORD=1; \
                _broker broker su broker; echo \"${COMPREPLY[@]}\"";
    complete.args(["--norc", "-c", line]).arg(&path);
    assert_eq!(run(complete, b"").text(), "subscribe subjects\n");
}
