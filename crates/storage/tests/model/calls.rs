//! The calls that are drawn.

use crate::support::Restart;
use proptest::{collection::vec, prelude::*};

/// Subjects in use; few, so that calls meet.
pub const SUBJECTS: [&str; 4] = ["a", "ab", "b", "\u{1F980}"];

/// One message that is to be kept. Its id is the next of its subject.
#[derive(Debug, Clone)]
pub struct Draft {
    pub subject: usize,
    /// From the time of the call, in ns; `None` for good.
    pub lifetime: Option<i64>,
    pub body: usize,
}

/// One call, or a few that belong together.
#[derive(Debug, Clone)]
pub enum Call {
    Append(Vec<Draft>),
    /// Numbered together, appended in two parts, the later numbers first.
    AppendSwapped(Vec<Draft>, usize),
    /// Several appends under way at once.
    AppendAtOnce(Vec<Vec<Draft>>),
    /// An earlier batch once more.
    Repeat(prop::sample::Index),
    Fetch(usize, prop::sample::Index),
    Read {
        subject: usize,
        after: prop::sample::Index,
        limit: usize,
    },
    Subjects(usize),
    Purge(usize, prop::sample::Index),
    /// Time passes and space is given back, with this many calls at most.
    Reclaim(i64, usize),
    KeepTime(i64),
    Restart(Restart),
}

fn draft() -> impl Strategy<Value = Draft> {
    let lifetime = prop_oneof![2 => (1..60i64).prop_map(Some), 1 => Just(None)];
    let body = prop_oneof![3 => 0..200usize, 1 => 0..20_000usize];
    (0..SUBJECTS.len(), lifetime, body).prop_map(|(subject, lifetime, body)| Draft {
        subject,
        lifetime,
        body,
    })
}

fn restart() -> impl Strategy<Value = Restart> {
    prop_oneof![Just(Restart::Clean), Just(Restart::Crash), Just(Restart::LetGo)]
}

fn call() -> impl Strategy<Value = Call> {
    let subject = || 0..SUBJECTS.len();
    let index = any::<prop::sample::Index>;
    prop_oneof![
        10 => vec(draft(), 1..8).prop_map(Call::Append),
        3 => (vec(draft(), 2..8), 1..7usize).prop_map(|(drafts, at)| Call::AppendSwapped(drafts, at)),
        3 => vec(vec(draft(), 1..4), 2..5).prop_map(Call::AppendAtOnce),
        2 => index().prop_map(Call::Repeat),
        6 => (subject(), index()).prop_map(|(subject, id)| Call::Fetch(subject, id)),
        6 => (subject(), index(), prop_oneof![Just(0), 1..5_000usize, Just(usize::MAX)])
            .prop_map(|(subject, after, limit)| Call::Read { subject, after, limit }),
        1 => (1..5usize).prop_map(Call::Subjects),
        2 => (subject(), index()).prop_map(|(subject, id)| Call::Purge(subject, id)),
        5 => (0..30i64, 1..20usize).prop_map(|(passed, calls)| Call::Reclaim(passed, calls)),
        1 => (0..50i64).prop_map(Call::KeepTime),
        2 => restart().prop_map(Call::Restart),
    ]
}

/// Up to `length` calls.
pub fn calls(length: usize) -> impl Strategy<Value = Vec<Call>> {
    vec(call(), 1..length)
}
