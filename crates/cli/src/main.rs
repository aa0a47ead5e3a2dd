//! The `broker` binary: the broker itself and a client for the command line.

mod admin;
mod answer;
mod arguments;
mod bench;
mod completions;
mod config;
mod copy;
mod doctor;
mod exit;
mod fetch;
mod format;
mod health;
mod interrupt;
mod lines;
mod listing;
mod log_level;
mod output;
mod profile;
mod publish;
mod purge;
mod serve;
mod settings;
mod subjects;
mod subscribe;
mod table;
mod time;
mod visible;

use arguments::{Arguments, Verb};
use clap::Parser;
use std::process::ExitCode;
use tokio::runtime::{Builder, Runtime};

#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    exit::report(run(arguments.verb))
}

fn run(verb: Verb) -> anyhow::Result<ExitCode> {
    let runtime = runtime(&verb)?;
    let result = runtime.block_on(async {
        match verb {
            Verb::Serve(arguments) => serve::run(arguments).await,
            Verb::Config(command) => config::run(&command),
            Verb::Publish(command) => publish::run(command).await,
            Verb::Subscribe(command) => subscribe::run(command).await,
            Verb::Fetch(command) => fetch::run(command).await,
            Verb::Health(command) => health::run(command).await,
            Verb::Subjects(command) => subjects::run(command).await,
            Verb::Purge(command) => purge::run(command).await,
            Verb::LogLevel(command) => log_level::run(command).await,
            Verb::Profile(command) => profile::run(command).await,
            Verb::Doctor(command) => doctor::run(command).await,
            Verb::Completions(command) => completions::run(&command),
            Verb::Copy(command) => copy::run(command).await,
            Verb::Bench(command) => bench::run(*command).await,
        }
    });
    // A thread may be reading from a terminal: nobody waits for the next line.
    runtime.shutdown_background();
    result
}

fn runtime(verb: &Verb) -> std::io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    match verb {
        Verb::Serve(_) | Verb::Copy(_) => {}
        Verb::Bench(command) => {
            command.threads.map(|threads| builder.worker_threads(threads));
        }
        // Beside the main thread, which may wait for a slow reader of the output, this one keeps
        // the connection alive.
        _ => {
            builder.worker_threads(1);
        }
    }
    builder.enable_all().build()
}
