//! The workloads, and what they are like when nothing else is asked for.

pub mod fan_out;
pub mod fetch;
pub mod idle;
pub mod mixed;
pub mod publish;
pub mod replay;
pub mod restart;
pub mod storm;
pub mod stream;

use super::{round::Round, scene::Scene};
use anyhow::Result;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Workload {
    /// Unary Publish calls, each acknowledged
    Publish,
    /// PublishStream, pipelined
    Stream,
    /// Publishers to subjects with subscribers, live
    FanOut,
    /// Subscribing to what is stored
    Replay,
    /// Fetch calls of what is stored
    Fetch,
    /// Publishing, fetching and subscribing at once
    Mixed,
    /// Publishing while many messages expire within a second
    Storm,
    /// No load: idle subscribers, and messages that are kept
    Idle,
    /// Killing the broker while it is published to, and starting it again
    Restart,
    /// What gRPC, the disk or a database allow on this machine, without a broker
    Ceilings,
    /// The empty handler that a ceiling is measured on
    #[value(hide = true)]
    Empty,
}

/// Which options a workload has a use for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Uses {
    pub in_flight: bool,
    pub rate: bool,
    pub publishers: bool,
    pub subjects: bool,
    pub subscribers: bool,
    pub live: bool,
    pub ceiling: bool,
}

/// A workload's own numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Defaults {
    pub connections: usize,
    pub in_flight: usize,
    pub rate: Option<f64>,
    pub subjects: usize,
    pub messages: u64,
    pub rounds: usize,
    pub warm_up: Duration,
    pub uses: Uses,
}

impl Workload {
    /// Those against a broker.
    #[cfg(test)]
    pub const MEASURED: [Self; 9] = [
        Self::Publish,
        Self::Stream,
        Self::FanOut,
        Self::Replay,
        Self::Fetch,
        Self::Mixed,
        Self::Storm,
        Self::Idle,
        Self::Restart,
    ];

    pub fn defaults(self) -> Defaults {
        let none = Uses { subjects: true, ..Uses::default() };
        let calls = Uses { in_flight: true, rate: true, ceiling: true, ..none };
        let defaults = |connections, in_flight, messages, uses| Defaults {
            connections,
            in_flight,
            rate: None,
            subjects: 1,
            messages,
            rounds: 5,
            warm_up: Duration::from_secs(1),
            uses,
        };
        match self {
            Self::Publish => defaults(4, 256, 1_000_000, Uses { live: true, ..calls }),
            Self::Stream => {
                defaults(1, 16_384, 5_000_000, Uses { live: true, publishers: true, ..calls })
            }
            Self::FanOut => defaults(
                2,
                16_384,
                5_000_000,
                Uses { live: true, publishers: true, subscribers: true, ..calls },
            ),
            Self::Replay => {
                defaults(1, 1, 1_000_000, Uses { subscribers: true, ceiling: true, ..none })
            }
            Self::Fetch => defaults(4, 256, 100_000, calls),
            Self::Mixed => Defaults {
                subjects: 16,
                // An hour of a thousand a second; bench keeps eight bytes of each.
                ..defaults(4, 64, 5_000_000, Uses { subscribers: true, ceiling: false, ..calls })
            },
            Self::Storm => Defaults {
                subjects: 16,
                rate: Some(2_000.0),
                // One takes long: it waits until the space is back.
                rounds: 1,
                warm_up: Duration::ZERO,
                ..defaults(4, 256, 1_000_000, Uses { ceiling: false, ..calls })
            },
            Self::Idle => Defaults {
                subjects: 16,
                rounds: 1,
                warm_up: Duration::ZERO,
                ..defaults(4, 1, 5_000, Uses { subscribers: true, ..none })
            },
            Self::Restart => Defaults {
                rounds: 1,
                warm_up: Duration::ZERO,
                ..defaults(1, 16_384, 1_000_000, Uses { in_flight: true, ..none })
            },
            Self::Ceilings | Self::Empty => {
                defaults(4, 256, 1_000_000, Uses { subjects: false, ..none })
            }
        }
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

impl Workload {
    /// Plays one round.
    pub async fn play(self, scene: &Scene) -> Result<Round> {
        match self {
            Self::Publish => publish::play(scene).await,
            Self::Stream => stream::play(scene).await,
            Self::FanOut => fan_out::play(scene).await,
            Self::Replay => replay::play(scene).await,
            Self::Fetch => fetch::play(scene).await,
            Self::Mixed => mixed::play(scene).await,
            Self::Storm => storm::play(scene).await,
            Self::Idle => idle::play(scene).await,
            Self::Restart | Self::Ceilings | Self::Empty => {
                anyhow::bail!("{self} has no rounds on a broker that goes on")
            }
        }
    }

    /// Whether it needs what was published before.
    pub fn needs_stock(self) -> bool {
        matches!(self, Self::Replay | Self::Fetch | Self::Idle)
    }
}
