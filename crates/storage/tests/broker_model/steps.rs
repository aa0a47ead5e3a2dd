//! What users and the world do to a broker.

use crate::support::Restart;
use proptest::{collection::vec, prelude::*, sample::Index};

/// Subjects in use; few, so that users meet.
pub const SUBJECTS: [&str; 3] = ["a", "ab", "\u{1F980}"];

/// How long a message is to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    Never,
    /// In ns.
    For(u64),
    Forever,
}

/// A message to be published.
#[derive(Debug, Clone)]
pub struct Draft {
    pub subject: usize,
    pub keep: Keep,
    pub body: usize,
}

/// Where a subscription is to begin.
#[derive(Debug, Clone)]
pub enum From {
    Retained,
    New,
    After(Index),
}

/// One step.
#[derive(Debug, Clone)]
pub enum Step {
    /// Batches under way at once.
    Publish(Vec<Vec<Draft>>),
    Subscribe(usize, From),
    /// A subscriber takes what there is, this many times, of about this many bytes.
    Read(Index, usize, usize),
    Leave(Index),
    Fetch(usize, Index),
    Purge(usize, Option<Index>),
    /// Time passes, in ns.
    Advance(u64),
    /// One that lives is fetched in its last nanosecond, and again when that is over.
    Expire(usize, Index),
    /// The wall clock is set, by ns.
    SetClock(i64),
    Reclaim,
    /// The broker ends and starts again; meanwhile the wall clock is set, by ns.
    Restart(Restart, i64),
}

fn draft() -> impl Strategy<Value = Draft> {
    let keep = prop_oneof![
        3 => Just(Keep::Never),
        3 => (1..400u64).prop_map(Keep::For),
        3 => Just(Keep::Forever),
    ];
    let body = prop_oneof![3 => 20..60usize, 1 => 20..1_500usize];
    (0..SUBJECTS.len(), keep, body).prop_map(|(subject, keep, body)| Draft { subject, keep, body })
}

fn from() -> impl Strategy<Value = From> {
    prop_oneof![
        3 => Just(From::Retained),
        1 => Just(From::New),
        2 => any::<Index>().prop_map(From::After),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let subject = || 0..SUBJECTS.len();
    let index = any::<Index>;
    let restart = prop_oneof![Just(Restart::Clean), Just(Restart::Crash)];
    prop_oneof![
        10 => vec(vec(draft(), 1..8), 1..4).prop_map(Step::Publish),
        // So much at once that tails are evicted.
        2 => vec(vec(draft(), 30..60), 1..2).prop_map(Step::Publish),
        5 => (subject(), from()).prop_map(|(subject, from)| Step::Subscribe(subject, from)),
        12 => (index(), 1..6usize, 1..3_000usize)
            .prop_map(|(who, times, bytes)| Step::Read(who, times, bytes)),
        1 => index().prop_map(Step::Leave),
        8 => (subject(), index()).prop_map(|(subject, id)| Step::Fetch(subject, id)),
        2 => (subject(), prop::option::of(index())).prop_map(|(of, up_to)| Step::Purge(of, up_to)),
        5 => (0..200u64).prop_map(Step::Advance),
        4 => (subject(), index()).prop_map(|(subject, which)| Step::Expire(subject, which)),
        2 => (-300..300i64).prop_map(Step::SetClock),
        2 => Just(Step::Reclaim),
        4 => (restart, -500..100i64).prop_map(|(how, by)| Step::Restart(how, by)),
    ]
}

/// Up to `length` steps.
pub fn steps(length: usize) -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 1..length)
}
