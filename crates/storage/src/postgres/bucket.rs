//! Which table a message goes to.
//!
//! Messages that expire at about the same time share a table, so that space is given back by dropping
//! tables and never row by row. A message's class is chosen by its lifetime: the tables of a class span
//! an eighth of its longest lifetime, so few tables of a class are alive at once, and a message
//! outlives its expiry by little against its lifetime.

use broker_core::{Message, Timestamp};
use std::time::Duration;

/// Tables of a class that can be alive at once for lifetimes that have just begun, beside the one
/// that is dying.
const TABLES_OF_A_CLASS: i128 = 8;

/// A span of expiries, and with it a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket {
    /// The span in ns; 0: messages without expiry.
    pub width: i64,
    /// Every message in it has expired by then; `i64::MAX`: it stays for good.
    pub ends_at: i64,
}

impl Bucket {
    /// What is kept for good.
    pub const KEEP: Self = Self { width: 0, ends_at: i64::MAX };

    /// The bucket of a message, of those that are alive at `horizon`: what expired before it was
    /// stored goes to the next bucket that ends.
    pub fn of(message: &Message, shortest: Duration, horizon: Timestamp) -> Self {
        let Some(expires_at) = message.expires_at else { return Self::KEEP };
        let width = width(message.published_at, expires_at, shortest);
        Self::at(width, expires_at.max(horizon))
    }

    /// The bucket of that width which holds that moment.
    fn at(width: i64, moment: Timestamp) -> Self {
        let (wide, moment) = (i128::from(width), i128::from(moment.0));
        let end = (moment.div_euclid(wide) + 1) * wide;
        Self { width, ends_at: i64::try_from(end).unwrap_or(i64::MAX) }
    }

    /// The one after it, if there is any.
    pub fn next(self) -> Option<Self> {
        let is_last = self.width == 0 || self.ends_at == i64::MAX;
        (!is_last).then(|| Self::at(self.width, Timestamp(self.ends_at)))
    }

    /// Whether everything in it has expired at that moment.
    pub fn is_dead(self, at: Timestamp) -> bool {
        self.ends_at <= at.0 && self.ends_at != i64::MAX
    }
}

/// The width of the class of a lifetime.
fn width(published_at: Timestamp, expires_at: Timestamp, shortest: Duration) -> i64 {
    let lifetime = i128::from(expires_at.0) - i128::from(published_at.0);
    let mut width = i128::try_from(shortest.as_nanos()).unwrap_or(i128::MAX).max(1);
    while width.saturating_mul(TABLES_OF_A_CLASS) < lifetime {
        width = width.saturating_mul(TABLES_OF_A_CLASS);
    }
    i64::try_from(width).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use broker_core::{Headers, MessageId, Subject};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const MINUTE: Duration = Duration::from_secs(60);

    fn message(published_at: i64, expires_at: Option<i64>) -> Message {
        let (published_at, expires_at) = (Timestamp(published_at), expires_at.map(Timestamp));
        let subject = Subject::new("s").unwrap();
        let body = bytes::Bytes::new();
        Message::new(subject, MessageId(1), published_at, expires_at, Headers::default(), body)
    }

    #[test]
    fn short_lifetimes_share_minutes_and_longer_ones_longer_spans() {
        let of = |seconds: i64| {
            let message = message(0, Some(seconds * 1_000_000_000));
            Bucket::of(&message, MINUTE, Timestamp::MIN).width / 1_000_000_000
        };
        assert_eq!(
            [of(0), of(1), of(480), of(481), of(3_840), of(3_841)],
            [60, 60, 60, 480, 480, 3_840]
        );
    }

    #[test]
    fn what_is_kept_for_good_has_no_end() {
        let bucket = Bucket::of(&message(0, None), MINUTE, Timestamp(i64::MAX));
        assert_eq!(bucket, Bucket::KEEP);
        assert!(!bucket.is_dead(Timestamp(i64::MAX)));
        assert_eq!(bucket.next(), None);
    }

    proptest! {
        #[test]
        fn a_bucket_dies_only_after_its_messages(
            published_at: i64, expires_at: i64, horizon: i64, shortest in 1..1_000_000_000_000u64,
        ) {
            let message = message(published_at, Some(expires_at));
            let bucket = Bucket::of(&message, Duration::from_nanos(shortest), Timestamp(horizon));
            prop_assert!(bucket.ends_at > expires_at || bucket.ends_at == i64::MAX);
            prop_assert!(!bucket.is_dead(Timestamp(horizon)));
            prop_assert!(bucket.next().is_none_or(|next| next.ends_at > bucket.ends_at));
        }

        #[test]
        fn a_message_outlives_its_expiry_by_little(lifetime in 1..3_155_760_000_000_000_000i64) {
            let message = message(1_800_000_000_000_000_000, Some(1_800_000_000_000_000_000 + lifetime));
            let bucket = Bucket::of(&message, MINUTE, Timestamp::MIN);
            let over = bucket.ends_at - message.expires_at.unwrap().0;
            prop_assert!(over <= 60_000_000_000.max(lifetime));
        }

        #[test]
        fn few_buckets_are_alive_at_once(
            now in 0..4_000_000_000_000_000_000i64,
            lifetimes in prop::collection::vec(1..3_155_760_000_000_000_000i64, 1..300),
        ) {
            // Published at any time before, and alive now.
            let mut alive = BTreeSet::new();
            for (n, lifetime) in lifetimes.iter().enumerate() {
                let published_at = now - lifetime / 97 * (n as i64 % 97);
                let message = message(published_at, Some(published_at.saturating_add(*lifetime)));
                alive.insert(Bucket::of(&message, MINUTE, Timestamp(now)));
            }
            for bucket in &alive {
                let class = alive.iter().filter(|other| other.width == bucket.width);
                prop_assert!(class.count() as i128 <= TABLES_OF_A_CLASS + 1);
            }
        }

        #[test]
        fn a_message_stays_in_its_bucket_while_that_lives(
            lifetime in 1..3_155_760_000_000_000_000i64, first in 0..1_000u64, later in 0..1_000u64,
        ) {
            let message = message(0, Some(lifetime));
            let horizon = |thousandths: u64| {
                Timestamp(i64::try_from(i128::from(lifetime) * 2 * i128::from(thousandths) / 1_000).unwrap_or(i64::MAX))
            };
            let (one, other) = (horizon(first.min(later)), horizon(first.max(later)));
            let (before, after) =
                (Bucket::of(&message, MINUTE, one), Bucket::of(&message, MINUTE, other));
            prop_assert!(before == after || before.is_dead(other));
        }
    }
}
