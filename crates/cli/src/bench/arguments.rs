//! The arguments of `broker bench`.

use super::{caller::ClientKind, workload::Workload};
use crate::{
    settings::{StorageKind, size},
    time,
};
use clap::Args;
use std::{ffi::OsString, path::PathBuf, time::Duration};

const EXAMPLES: &str = "\
Examples:
  broker bench publish --ceiling
  broker bench stream --json stream.json --html stream.html
  broker bench stream --compare stream.json
  broker bench fan-out --live --subscribers 10
  broker bench publish --rate 5000 --storage memory
  broker bench replay -- --segment-size 16MiB
  broker bench ceilings

Exit code 1: the audit found something, or nothing was measured.";

/// The arguments of `broker bench`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct BenchCommand {
    /// What is measured
    #[arg(value_enum)]
    pub workload: Workload,
    /// Measure the broker at this address instead of one that is started for it
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// The store of the broker that is started; a database is reached as `broker serve` would reach it,
    /// with messages in a schema or keyspace `broker_bench` of their own
    #[arg(
        long,
        value_enum,
        default_value = "local",
        value_name = "KIND",
        conflicts_with = "server"
    )]
    pub storage: StorageKind,
    /// Where that broker's temporary directory is made; without it, where temporary files are
    #[arg(long, value_name = "DIR", conflicts_with = "server")]
    pub dir: Option<PathBuf>,
    /// More settings for that broker, as `broker serve` takes them, behind `--`
    #[arg(last = true, value_name = "SETTING", conflicts_with = "server")]
    pub settings: Vec<OsString>,
    /// Whose code is between the bench and the socket
    #[arg(long, value_enum, default_value = "library")]
    pub client: ClientKind,
    /// Connections to the broker
    #[arg(long, value_name = "N", value_parser = number(1..=256))]
    pub connections: Option<usize>,
    /// Messages or calls under way at most, all together
    #[arg(long, value_name = "N", value_parser = number(1..=1_000_000))]
    pub in_flight: Option<usize>,
    /// Messages a second: an open loop, with latency from when each was due; without it each
    /// follows when another is done
    #[arg(long, value_name = "N", value_parser = rate, allow_negative_numbers = true)]
    pub rate: Option<f64>,
    /// Publishing streams
    #[arg(long, value_name = "N", value_parser = number(1..=256))]
    pub publishers: Option<usize>,
    /// Subjects
    #[arg(long, value_name = "N", value_parser = number(1..=1_000_000))]
    pub subjects: Option<usize>,
    /// Subscribers of each subject
    #[arg(long, value_name = "N", value_parser = number(1..=10_000))]
    pub subscribers: Option<usize>,
    /// Deliver only, store nothing
    #[arg(long)]
    pub live: bool,
    /// The size of a body: 100, 1KiB
    #[arg(long, default_value = "100", value_name = "SIZE", value_parser = bytes)]
    pub body: usize,
    /// How long stored messages live
    #[arg(long, default_value = "15m", value_name = "TIME", value_parser = time::parse)]
    pub ttl: Duration,
    /// Rounds that are measured: 5, of `storm`, `idle` and `restart` 1
    #[arg(long, value_name = "N", value_parser = number(1..=100))]
    pub rounds: Option<usize>,
    /// How long a round is measured
    #[arg(long, default_value = "3s", value_name = "TIME", value_parser = up_to_an_hour)]
    pub time: Duration,
    /// How long to warm up before: 1s, of `storm`, `idle` and `restart` 0s, which is not at all
    #[arg(long, value_name = "TIME", value_parser = up_to_an_hour)]
    pub warm_up: Option<Duration>,
    /// Messages of a round at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=50_000_000))]
    pub messages: Option<u64>,
    /// Threads of the bench's client; without it one for each processor
    #[arg(long, value_name = "N", value_parser = number(1..=256))]
    pub threads: Option<usize>,
    /// Measure the matching ceiling beside each round, and say what share of it was reached
    #[arg(long)]
    pub ceiling: bool,
    /// Write all figures to this file
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write a page with plots to this file
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Compare with what --json wrote in an earlier run
    #[arg(long, value_name = "FILE")]
    pub compare: Option<PathBuf>,
}

fn number(
    range: std::ops::RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<usize, String> + Clone + Send + Sync + 'static {
    move |text| {
        let number = text.parse().ok().filter(|number: &u64| range.contains(number));
        let number = number.and_then(|number| usize::try_from(number).ok());
        number.ok_or_else(|| format!("expected a number from {} to {}", range.start(), range.end()))
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (0.1..=10_000_000.0).contains(rate));
    rate.ok_or_else(|| "expected messages a second, from 0.1 to 10000000".to_owned())
}

fn bytes(text: &str) -> Result<usize, String> {
    let size = size::parse(text).and_then(|size| usize::try_from(size).ok());
    size.ok_or_else(|| "expected a size such as 100, 64KiB or 1MiB".to_owned())
}

fn up_to_an_hour(text: &str) -> Result<Duration, String> {
    let time = time::parse(text)?;
    if time > Duration::from_secs(3_600) {
        return Err("expected a time of at most 1h".to_owned());
    }
    Ok(time)
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Bench {
        #[command(flatten)]
        command: BenchCommand,
    }

    pub fn command(arguments: &[&str]) -> BenchCommand {
        Bench::try_parse_from([&["bench"], arguments].concat()).unwrap().command
    }

    fn refusal(arguments: &[&str]) -> String {
        let refused = Bench::try_parse_from([&["bench"], arguments].concat());
        refused.err().unwrap().to_string()
    }

    #[test]
    fn settings_of_the_broker_stand_behind_two_dashes() {
        let command = command(&["replay", "--rounds", "2", "--", "--segment-size", "1MiB"]);
        assert_eq!(command.settings, ["--segment-size", "1MiB"]);
        assert_eq!((command.rounds, command.body), (Some(2), 100));
    }

    #[test]
    fn bad_values_are_told_with_what_is_allowed() {
        for (arguments, allowed) in [
            (["publish", "--rounds", "0"], "1 to 100"),
            (["publish", "--rate", "-1"], "from 0.1"),
            (["publish", "--time", "2h"], "at most 1h"),
            (["publish", "--body", "x"], "64KiB"),
        ] {
            let text = refusal(&arguments);
            assert!(text.contains(allowed) && text.contains(arguments[2]), "{text}");
        }
        assert!(
            refusal(&["publish", "--server", "h:1", "--storage", "memory"]).contains("--storage")
        );
    }
}
