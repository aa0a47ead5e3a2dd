//! What is measured: a workload with all its numbers settled.

use super::{
    arguments::BenchCommand,
    body,
    caller::ClientKind,
    workload::{Uses, Workload, restart},
};
use crate::settings::StorageKind;
use anyhow::{Result, ensure};
use broker_client::MAX_MESSAGE_BYTES;
use serde::{Deserialize, Serialize};
use std::{ops::RangeInclusive, time::Duration};

/// Followers at once: each has the memory of a subscription here and in the broker.
const MOST_SUBSCRIPTIONS: usize = 10_000;
/// How long after a round the messages must live: for its audit.
const AUDIT_TIME: Duration = Duration::from_secs(120);
/// How long messages must live that are delivered and fetched at once.
const LEAST_TTL: Duration = Duration::from_secs(10);

/// A workload's numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub workload: Workload,
    pub client: ClientKind,
    pub connections: usize,
    /// Messages or calls under way at most, all publishers together.
    pub in_flight: usize,
    /// Messages a second of an open loop; absent in a closed one.
    pub rate: Option<f64>,
    pub publishers: usize,
    pub subjects: usize,
    /// Of each subject.
    pub subscribers: usize,
    /// Delivered only, nothing stored.
    pub live: bool,
    pub body_bytes: usize,
    #[serde(with = "seconds")]
    pub ttl: Duration,
    pub rounds: usize,
    /// The longest a round is measured.
    #[serde(with = "seconds")]
    pub time: Duration,
    #[serde(with = "seconds")]
    pub warm_up: Duration,
    /// Messages of a round at most.
    pub messages: u64,
}

mod seconds {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::Duration;

    pub fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(time.as_secs_f64())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        let seconds = f64::deserialize(from)?;
        Duration::try_from_secs_f64(seconds).map_err(serde::de::Error::custom)
    }
}

impl Plan {
    /// What was typed, with the workload's defaults for the rest.
    ///
    /// # Errors
    /// One sentence on what has no meaning for the workload or does not fit together.
    pub fn new(command: &BenchCommand) -> Result<Self> {
        let workload = command.workload;
        let defaults = workload.defaults();
        refuse_unused(command, defaults.uses)?;
        let is_gone = command.server.is_some() || command.storage == StorageKind::Memory;
        ensure!(
            workload != Workload::Restart || !is_gone,
            "restart needs a broker of its own, with a store that outlives it: without --server and \
             --storage memory"
        );
        let plan = Self {
            workload,
            client: command.client,
            connections: command.connections.unwrap_or(defaults.connections),
            in_flight: command.in_flight.unwrap_or(defaults.in_flight),
            rate: command.rate.or(defaults.rate),
            publishers: command.publishers.unwrap_or(1),
            subjects: command.subjects.unwrap_or(defaults.subjects),
            subscribers: command.subscribers.unwrap_or(1),
            live: command.live,
            body_bytes: command.body,
            ttl: command.ttl,
            rounds: command.rounds.unwrap_or(defaults.rounds),
            time: command.time,
            warm_up: command.warm_up.unwrap_or(defaults.warm_up),
            messages: command.messages.unwrap_or(defaults.messages),
        };
        plan.check()?;
        Ok(plan)
    }

    fn check(&self) -> Result<()> {
        let subscriptions = self.subjects * self.subscribers;
        let follows = self.workload.defaults().uses.subscribers;
        ensure!(
            !follows || subscriptions <= MOST_SUBSCRIPTIONS,
            "--subjects {} with --subscribers {} are {subscriptions} subscriptions; at most \
             {MOST_SUBSCRIPTIONS} are allowed",
            self.subjects,
            self.subscribers
        );
        let body = self.body_bytes;
        ensure!(
            (body::LEAST_BYTES..=MAX_MESSAGE_BYTES - 1024).contains(&body),
            "--body {body} is not from {} to {} bytes",
            body::LEAST_BYTES,
            MAX_MESSAGE_BYTES - 1024
        );
        let (least, why) = match self.workload {
            Workload::Mixed => (LEAST_TTL, String::new()),
            Workload::Restart => {
                (restart::FILL_TIME + AUDIT_TIME, "until they are read back, ".to_owned())
            }
            _ => {
                let why = format!("for the time of a round and {AUDIT_TIME:?} more, ");
                (self.time + AUDIT_TIME, why)
            }
        };
        ensure!(
            self.ttl >= least,
            "--ttl {:?} is too short: messages must live {why}{least:?}, to be audited",
            self.ttl
        );
        Ok(())
    }

    /// How long a message lives; zero: delivered only.
    pub fn lifetime(&self) -> Duration {
        if self.live { Duration::ZERO } else { self.ttl }
    }

    /// Messages that a round is through with at most: where subscribers are what it is about, each
    /// receives them.
    pub fn expected(&self) -> u64 {
        let receives = matches!(self.workload, Workload::FanOut | Workload::Replay);
        self.messages * if receives { self.subscribers as u64 } else { 1 }
    }

    /// How long a round lasts at most; what is read from its beginning has an end of its own.
    pub fn longest(&self, is_warm_up: bool) -> Duration {
        match self.workload {
            Workload::Replay => Duration::MAX,
            Workload::Restart => restart::FILL_TIME,
            _ if is_warm_up => self.warm_up,
            _ => self.time,
        }
    }

    /// The numbers of the rounds; that of number 0 only warms up.
    pub fn numbers(&self) -> RangeInclusive<usize> {
        usize::from(self.warm_up.is_zero())..=self.rounds
    }

    /// The plan of the round of that number.
    pub fn of_round(&self, number: usize) -> Self {
        let time = if number == 0 { self.warm_up } else { self.time };
        Self { time, ..self.clone() }
    }

    /// The workload in words.
    pub fn words(&self) -> String {
        let Self { publishers, subjects, subscribers, connections, in_flight, messages, .. } = self;
        let bytes = self.body_bytes;
        let kept = if self.live { "delivered only" } else { "stored" };
        let loops = match self.rate {
            Some(rate) => format!(
                "open loop of {rate} a second, at most {in_flight} in flight over {}",
                count(*connections, "connection")
            ),
            None => format!(
                "closed loop, {in_flight} in flight over {}",
                count(*connections, "connection")
            ),
        };
        let to = count(*subjects, "subject");
        match self.workload {
            Workload::Publish => {
                format!("unary publish of {bytes}-byte bodies to {to}, {kept}; {loops}")
            }
            Workload::Stream => format!(
                "pipelined publish of {bytes}-byte bodies over {} to {to}, {kept}; {loops}",
                count(*publishers, "stream")
            ),
            Workload::FanOut => format!(
                "{} to {to} with {} each, {bytes}-byte bodies, {kept}; {loops}",
                count(*publishers, "publishing stream"),
                count(*subscribers, "subscriber")
            ),
            Workload::Replay => format!(
                "replay of {messages} stored messages of {bytes} bytes in {to} to {} each, over {}",
                count(*subscribers, "subscriber"),
                count(*connections, "connection")
            ),
            Workload::Fetch => {
                format!("fetch of {messages} stored messages of {bytes} bytes in {to}; {loops}")
            }
            Workload::Mixed => format!(
                "of ten calls seven publish stored, two delivered only, one fetches what was just \
                 published; {to} with {} each, {bytes}-byte bodies; {loops}",
                count(*subscribers, "subscriber")
            ),
            Workload::Storm => format!(
                "{messages} stored messages of {bytes} bytes in {to} that expire within one second, \
                 while others are published: {loops}"
            ),
            Workload::Idle => format!(
                "no load for {:?}, while {messages} messages of {bytes} bytes are kept in {to} with {} \
                 each; then one to each subject",
                self.time,
                count(*subscribers, "idle subscriber")
            ),
            Workload::Restart => format!(
                "kill after {messages} stored messages of {bytes} bytes in {to}, while more are \
                 published, {in_flight} in flight; start again, and read back"
            ),
            Workload::Ceilings | Workload::Empty => "ceilings of this machine".to_owned(),
        }
    }
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn refuse_unused(command: &BenchCommand, uses: Uses) -> Result<()> {
    let workload = command.workload;
    for (name, is_given, is_used) in [
        ("--in-flight", command.in_flight.is_some(), uses.in_flight),
        ("--rate", command.rate.is_some(), uses.rate),
        ("--publishers", command.publishers.is_some(), uses.publishers),
        ("--subscribers", command.subscribers.is_some(), uses.subscribers),
        ("--live", command.live, uses.live),
        ("--ceiling", command.ceiling, uses.ceiling),
        ("--subjects", command.subjects.is_some(), uses.subjects),
    ] {
        ensure!(!is_given || is_used, "{name} has no meaning for the workload {workload}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::arguments::tests::command;

    fn plan(arguments: &[&str]) -> Result<Plan> {
        Plan::new(&command(arguments))
    }

    #[test]
    fn every_workload_is_said_in_words() {
        let words = plan(&["publish"]).unwrap().words();
        assert_eq!(
            words,
            "unary publish of 100-byte bodies to 1 subject, stored; closed loop, 256 in flight over \
             4 connections"
        );
        let words = plan(&["fan-out", "--live", "--subscribers", "10", "--rate", "1000"]);
        assert!(words.unwrap().words().contains(
            "10 subscribers each, 100-byte bodies, delivered only; open loop of 1000 a second"
        ));
        for workload in Workload::MEASURED {
            assert!(plan(&[&workload.to_string()]).unwrap().words().len() > 20);
        }
    }

    #[test]
    fn what_has_no_meaning_or_does_not_fit_is_one_sentence_that_names_it() {
        for (arguments, named) in [
            (
                &["fetch", "--subscribers", "2"][..],
                "--subscribers has no meaning for the workload fetch",
            ),
            (&["storm", "--live"], "--live"),
            (&["restart", "--server", "h:1"], "restart needs a broker of its own"),
            (&["restart", "--storage", "memory"], "restart needs a broker of its own"),
            (&["publish", "--body", "31"], "--body 31 is not from 32"),
            (&["publish", "--ttl", "1m"], "--ttl 60s is too short"),
            (&["mixed", "--ttl", "9s"], "must live 10s, to be audited"),
            (&["fan-out", "--subjects", "200", "--subscribers", "100"], "20000 subscriptions"),
        ] {
            let error = plan(arguments).unwrap_err().to_string();
            assert!(error.contains(named) && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn a_plan_survives_json() {
        let plan = plan(&["mixed"]).unwrap();
        let text = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
    }
}
