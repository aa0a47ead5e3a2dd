//! Chance from a seed, so that a failure can be had again.

use std::{env, time::Duration};

/// A stream of numbers that a seed decides (SplitMix64).
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A stream of its own for a part of the test.
    pub fn fork(&mut self) -> Self {
        Self(self.next())
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `from` to `to`, both included.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.next() % (to - from + 1)
    }

    /// A number of milliseconds, as [`Chance::between`].
    pub fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(self.between(from, to))
    }

    /// One of several.
    pub fn of<'a, T>(&mut self, these: &'a [T]) -> &'a T {
        &these[self.between(0, these.len() as u64 - 1) as usize]
    }
}

/// The seed of this run: `BROKER_SEED`, else always the same one.
pub fn seed() -> u64 {
    let given = env::var("BROKER_SEED").ok();
    given.map_or(1, |text| text.parse().expect("BROKER_SEED is a number"))
}
