//! The gate's verbs, `cargo xtask test` and `cargo xtask tidy`, and what helps to work.

#![expect(clippy::print_stdout, reason = "a command line speaks on its standard output")]
#![expect(clippy::print_stderr, reason = "and complains on its standard error")]

mod cache;
mod clients;
mod command;
mod containers;
mod costs;
mod edge;
mod golang;
mod grafana;
mod images;
mod java;
mod kubernetes;
mod machine;
mod maven;
mod measure;
mod postgres;
mod run;
mod servers;
mod steps;
mod tally;
mod telemetry;
mod tidy;
mod toolchain;
mod workspace;

use std::process::ExitCode;
use tally::Tally;

const USAGE: &str = "\
Usage:
  cargo xtask test              run every test; the last line says `N passed, N failed`
  cargo xtask test NAME         run one part of them; some, such as `cluster`, run by their name only
  cargo xtask servers NAME ...  keep servers for tests: postgres, cassandra, cassandra-old
  cargo xtask tidy              check the style of the sources alone
  cargo xtask measure           print the table of docs/performance.md; it takes an hour
  cargo xtask costs [ROUNDS]    print what metrics, logs and traces cost; a round takes about a minute
  cargo xtask measure TEXT ...  its rows that have TEXT in their names, with more options for `broker bench`
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["test"] => test(&steps::of_every_run()),
        ["test", name] | ["test", "--only", name] => only(name),
        ["servers", names @ ..] => concluded(servers::keep(names)),
        ["tidy"] => finish(tidy::check()),
        ["measure"] => concluded(measure::run("", &[])),
        ["measure", only, options @ ..] => concluded(measure::run(only, options)),
        ["costs"] => concluded(costs::run(5)),
        ["costs", rounds] => concluded(rounds.parse().map_or(Err(USAGE.to_owned()), costs::run)),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            ExitCode::SUCCESS
        }
        _ => {
            eprint!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn only(name: &str) -> ExitCode {
    match steps::all().into_iter().find(|step| step.name == name) {
        Some(step) => test(&[step]),
        None => {
            eprintln!("There is no part `{name}`. The parts are:");
            for step in steps::all() {
                eprintln!("  {:<14} {}", step.name, step.about);
            }
            ExitCode::from(2)
        }
    }
}

/// Prepares the machine and runs the steps one after the other, whatever the earlier ones did.
fn test(steps: &[steps::Step]) -> ExitCode {
    if let Err(reason) = machine::prepare(steps) {
        eprintln!("{reason}");
        return finish(Tally { passed: 0, failed: 1 });
    }
    let mut sum = Tally::default();
    for step in steps {
        println!("\n== {}: {}", step.name, step.about);
        let (tally, seconds) = run::step(step);
        println!("== {}: {tally} in {seconds:.1} s", step.name);
        sum += tally;
    }
    finish(sum)
}

fn concluded(result: Result<(), String>) -> ExitCode {
    let Err(reason) = result else { return ExitCode::SUCCESS };
    eprintln!("{reason}");
    ExitCode::FAILURE
}

/// Says the sum as the last line.
fn finish(sum: Tally) -> ExitCode {
    println!("{sum}");
    if sum.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
