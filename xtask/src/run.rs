//! Runs a step and counts its tests while its output goes by.

use crate::{
    servers::{Servers, Variable},
    steps::{Cargo, Step, Work},
    tally::Tally,
    tidy, workspace,
};
use std::{
    io::{self, BufRead, BufReader, Write},
    process::{Command, Stdio},
    time::Instant,
};

/// Runs a step; answers its tally and how many seconds it took.
pub fn step(step: &Step) -> (Tally, f64) {
    let start = Instant::now();
    let prepared = step.prepare.map_or(Ok(Vec::new()), |prepare| prepare());
    let tally = match (&step.work, prepared) {
        (_, Err(reason)) => {
            eprintln!("{reason}");
            Tally { passed: 0, failed: 1 }
        }
        (Work::Tidy, Ok(_)) => tidy::check(),
        (Work::Cargo(calls), Ok(variables)) => all(calls, &variables),
        (Work::Served { servers, builds, tests }, Ok(variables)) => {
            served(servers, builds, tests, variables)
        }
    };
    (tally, start.elapsed().as_secs_f64())
}

fn all(calls: &[Cargo], variables: &[Variable]) -> Tally {
    something(in_turn(calls, variables).0)
}

/// Builds, and tests while the servers run.
fn served(servers: &[&str], builds: &[Cargo], tests: &[Cargo], mut known: Vec<Variable>) -> Tally {
    let (built, success) = in_turn(builds, &known);
    if !success {
        return built;
    }
    match Servers::start(servers, &known) {
        Ok(servers) => {
            known.extend_from_slice(&servers.variables);
            all(tests, &known)
        }
        Err(reason) => {
            eprintln!("{reason}");
            Tally::default().with_exit(false)
        }
    }
}

/// A step of tests that ran none is a broken step, not a good one.
fn something(sum: Tally) -> Tally {
    if sum == Tally::default() {
        eprintln!("This step ran no test.");
    }
    sum
}

/// Runs the calls until one fails; what they counted, and whether none failed.
fn in_turn(calls: &[Cargo], variables: &[Variable]) -> (Tally, bool) {
    let mut sum = Tally::default();
    for call in calls {
        println!("$ cargo {}", call.line);
        let mut command = Command::new(workspace::cargo());
        command.args(call.line.split_whitespace()).current_dir(workspace::root());
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        command.envs(call.env.iter().map(|(name, value)| (name, value)));
        let (tally, success) = watched(command, &mut io::stdout().lock()).unwrap_or_else(|error| {
            eprintln!("cargo can't be run: {error}");
            (Tally::default(), false)
        });
        sum += tally.with_exit(success);
        if !success {
            return (sum, false);
        }
    }
    (sum, true)
}

/// Runs a command, passing its output on; answers the tests it counted and whether it succeeded.
fn watched(mut command: Command, out: &mut impl Write) -> io::Result<(Tally, bool)> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let counted = match child.stdout.take() {
        Some(from) => pass_on(BufReader::new(from), out),
        None => Ok(Tally::default()),
    };
    let status = child.wait()?;
    Ok((counted?, status.success()))
}

fn pass_on(mut from: impl BufRead, out: &mut impl Write) -> io::Result<Tally> {
    let (mut tally, mut line) = (Tally::default(), Vec::new());
    // By bytes: a test may print what is not UTF-8.
    while from.read_until(b'\n', &mut line)? > 0 {
        out.write_all(&line)?;
        if let Some(result) = Tally::from_result_line(&String::from_utf8_lossy(&line)) {
            tally += result;
        }
        line.clear();
    }
    out.flush()?;
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> (Tally, bool) {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        // Not to the real output: whoever counts this test would count what it prints.
        watched(command, &mut io::sink()).unwrap()
    }

    #[test]
    fn adds_up_the_results_of_several_programs() {
        let (tally, success) = shell(
            "echo 'test result: ok. 2 passed; 0 failed; 0 ignored'
             echo 'test result: FAILED. 1 passed; 3 failed; 0 ignored'; exit 101",
        );
        assert_eq!(tally, Tally { passed: 3, failed: 3 });
        assert!(!success);
    }

    #[test]
    fn output_that_is_no_text_is_passed_on() {
        let (tally, success) =
            shell(r"printf '\377\n'; echo 'test result: ok. 1 passed; 0 failed; 0 ignored'");
        assert_eq!(tally, Tally { passed: 1, failed: 0 });
        assert!(success);
    }
}
