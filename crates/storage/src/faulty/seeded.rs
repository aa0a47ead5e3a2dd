//! Faults drawn by chance, the same for the same seed and calls.

use super::{Faults, Hold, ReadPlan, SingleFault, WriteFault, WritePlan};
use crate::Operation;
use broker_core::{AppendError, Message, MessageId, ReadError, Subject};
use parking_lot::Mutex;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// How often what goes wrong, in calls of a thousand. Faults of writing calls exclude each other,
/// so the first seven are at most 1,000 together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rates {
    /// Nothing is written: `Unavailable`.
    pub unavailable: u32,
    /// Nothing is written: `Full`.
    pub full: u32,
    /// It is written, and the answer is `Unknown`.
    pub unknown_written: u32,
    /// Nothing is written, and the answer is `Unknown`.
    pub unknown_unwritten: u32,
    /// Written or not (half of each): `Lost`.
    pub lost: u32,
    /// Some messages of a batch are refused.
    pub refused: u32,
    /// Some messages of a batch are unavailable or of unknown outcome, written or not.
    pub single: u32,
    /// A read fails: `Unavailable`.
    pub unread: u32,
    /// An answer comes late.
    pub late: u32,
}

/// Faults drawn by chance.
#[derive(Debug)]
pub struct Seeded {
    rates: Rates,
    state: Mutex<u64>,
    is_calm: AtomicBool,
}

impl Seeded {
    /// Faults at these rates.
    #[must_use]
    pub fn new(seed: u64, rates: Rates) -> Self {
        Self { rates, state: Mutex::new(seed), is_calm: AtomicBool::new(false) }
    }

    /// Whether from now on nothing goes wrong.
    pub fn set_calm(&self, calm: bool) {
        self.is_calm.store(calm, Ordering::Relaxed);
    }

    /// A number below `bound`, evenly enough for tests (the generator is splitmix64).
    fn draw(&self, bound: u32) -> u32 {
        let mut state = self.state.lock();
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        u32::try_from(((mixed >> 32) * u64::from(bound)) >> 32).unwrap_or(0)
    }

    fn hold(&self) -> Hold {
        if self.draw(1_000) < self.rates.late { Hold::Polls(1 + self.draw(20)) } else { Hold::No }
    }

    fn fault(&self, size: usize) -> WriteFault {
        let why = || "a fault says so".to_owned();
        let rates = &self.rates;
        let mut drawn = self.draw(1_000);
        let mut hits = |rate: u32| {
            let hit = drawn < rate;
            drawn = drawn.wrapping_sub(rate);
            hit
        };
        if hits(rates.unavailable) {
            WriteFault::Before(AppendError::Unavailable(why()))
        } else if hits(rates.full) {
            WriteFault::Before(AppendError::Full("faulty store"))
        } else if hits(rates.unknown_written) {
            WriteFault::After(AppendError::Unknown(why()))
        } else if hits(rates.unknown_unwritten) {
            WriteFault::Before(AppendError::Unknown(why()))
        } else if hits(rates.lost) {
            let lost = AppendError::Lost(why());
            if self.draw(2) == 0 { WriteFault::Before(lost) } else { WriteFault::After(lost) }
        } else if hits(rates.refused) {
            WriteFault::Refuse((0..size).filter(|_| self.draw(3) == 0).collect())
        } else if hits(rates.single) {
            WriteFault::Single((0..size).filter_map(|place| self.single(place)).collect())
        } else {
            WriteFault::None
        }
    }

    fn single(&self, place: usize) -> Option<(usize, SingleFault)> {
        let fault = match self.draw(6) {
            0 => SingleFault::Unavailable,
            1 => SingleFault::UnknownWritten,
            2 => SingleFault::UnknownUnwritten,
            _ => return None,
        };
        Some((place, fault))
    }
}

impl Faults for Seeded {
    fn write(&self, _: Operation, batch: &[Arc<Message>]) -> WritePlan {
        if self.is_calm.load(Ordering::Relaxed) {
            return WritePlan::default();
        }
        WritePlan { fault: self.fault(batch.len()), hold: self.hold() }
    }

    fn read(&self, _: Operation) -> ReadPlan {
        if self.is_calm.load(Ordering::Relaxed) {
            return ReadPlan::default();
        }
        let fails = self.draw(1_000) < self.rates.unread;
        let error = fails.then(|| ReadError::Unavailable("a fault says so".into()));
        ReadPlan { error, hold: self.hold() }
    }

    fn is_damaged(&self, _: &Subject, _: MessageId) -> bool {
        false
    }
}
