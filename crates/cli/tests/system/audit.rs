//! Holds what the broker shows against what it told its publishers and subscribers.

use crate::{
    body::{self, Key},
    calls::{self, Client},
    entry::{Entry, Lifetime, Outcome},
    view::View,
};
use broker_proto::MessageResponse;
use prost_types::Timestamp;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tonic::Status;

/// Acknowledged messages of each subject that are fetched one by one in an audit.
const FETCHED: usize = 50;

/// Findings that are told one by one.
const SHOWN: u64 = 10;

/// All that was said so far.
#[derive(Default)]
pub struct Auditor {
    entries: HashMap<Key, Entry>,
    views: Vec<View>,
    rounds: u64,
}

/// What an audit found. Everything but the first two and the last must be zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verdict {
    pub acked: u64,
    pub found: u64,
    pub lost: u64,
    pub duplicated: u64,
    pub skipped: u64,
    pub reordered: u64,
    pub corrupt: u64,
    pub too_early: u64,
    pub too_late: u64,
    pub unknown: u64,
}

impl Verdict {
    /// Whether every promise was kept.
    pub fn is_good(&self) -> bool {
        self.broken() == 0
    }

    fn broken(&self) -> u64 {
        let Self { lost, duplicated, skipped, reordered, corrupt, too_early, too_late, .. } = self;
        lost + duplicated + skipped + reordered + corrupt + too_early + too_late
    }

    /// Tells the first few findings one by one.
    pub fn show(&self, words: impl FnOnce() -> String) {
        if self.broken() <= SHOWN {
            println!("{}", words());
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acked, found, lost, duplicated, skipped, reordered, corrupt, .. } = self;
        write!(f, "acked {acked} / found {found} / lost {lost} / duplicated {duplicated} / ")?;
        write!(f, "skipped {skipped} / reordered {reordered} / corrupt {corrupt} / ")?;
        write!(
            f,
            "expired-too-early {} / served-after-expiry {} / ",
            self.too_early, self.too_late
        )?;
        write!(f, "unknown {}", self.unknown)
    }
}

impl Auditor {
    /// Takes what a publisher remembers.
    pub fn add(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            let twice = self.entries.insert(entry.key, entry);
            assert!(twice.is_none(), "a test uses each publisher's number once");
        }
    }

    /// Takes what a subscriber was shown.
    pub fn add_view(&mut self, view: View) {
        self.views.push(view);
    }

    /// Reads everything back and judges it.
    pub async fn audit(&mut self, client: &Client) -> Verdict {
        self.rounds += 1;
        let mut verdict = Verdict {
            acked: self.entries.values().filter(|entry| entry.stored_id().is_some()).count() as u64,
            unknown: self.entries.values().filter(|e| e.outcome == Outcome::Unknown).count() as u64,
            ..Verdict::default()
        };
        verdict.duplicated += self.ids_given_twice();
        let mut by_subject: BTreeMap<Arc<str>, Vec<&Entry>> = BTreeMap::new();
        for entry in self.entries.values() {
            by_subject.entry(entry.subject.clone()).or_default().push(entry);
        }
        for (subject, entries) in by_subject {
            let from = SystemTime::now();
            let shown = Shown::new(calls::replay(client, &subject, self.rounds).await);
            let to = SystemTime::now();
            self.judge_shown(&subject, &shown, from, &mut verdict);
            judge_missing(client, &entries, &shown, to, &mut verdict).await;
            for view in self.views.iter().filter(|view| view.subject() == &*subject) {
                view.judge(&shown, to, &mut verdict);
            }
            judge_fetched(client, &entries, &shown, self.rounds, &mut verdict).await;
        }
        verdict
    }

    fn ids_given_twice(&self) -> u64 {
        let mut ids = HashSet::new();
        let stored = self.entries.values().filter_map(|e| Some((&e.subject, e.stored_id()?)));
        stored.filter(|id| !ids.insert(*id)).count() as u64
    }

    /// Is what a replay shows what was sent, once and in order?
    fn judge_shown(&self, subject: &str, shown: &Shown, from: SystemTime, verdict: &mut Verdict) {
        let mut keys = HashSet::new();
        let mut last_numbers: HashMap<u32, u64> = HashMap::new();
        verdict.reordered += shown.ids_out_of_order();
        for message in &shown.messages {
            let key = body::decode(&message.body);
            let entry = key.and_then(|key| self.entries.get(&key));
            let Some(entry) = entry.filter(|entry| is_whole(entry, subject, message)) else {
                verdict.corrupt += 1;
                verdict.show(|| format!("not what was sent: id {} of {subject}", message.id));
                continue;
            };
            verdict.duplicated += u64::from(!keys.insert(entry.key));
            verdict.duplicated += u64::from(entry.outcome == Outcome::Refused);
            verdict.too_late += u64::from(is_expired(entry, message, from));
            let last = last_numbers.entry(entry.key.publisher).or_default();
            verdict.reordered += u64::from(entry.key.number <= *last);
            *last = entry.key.number;
        }
    }
}

/// What a replay showed of one subject.
pub struct Shown {
    messages: Vec<MessageResponse>,
    by_id: HashMap<u64, usize>,
}

impl Shown {
    pub fn new(messages: Vec<MessageResponse>) -> Self {
        let by_id = messages.iter().enumerate().map(|(at, message)| (message.id, at)).collect();
        Self { messages, by_id }
    }

    pub fn by_id(&self, id: u64) -> Option<&MessageResponse> {
        self.by_id.get(&id).map(|at| &self.messages[*at])
    }

    pub fn ids(&self) -> impl Iterator<Item = u64> {
        self.messages.iter().map(|message| message.id)
    }

    fn ids_out_of_order(&self) -> u64 {
        self.messages.windows(2).filter(|two| two[0].id >= two[1].id).count() as u64
    }
}

/// Whether a message is the one that was sent, under the id that was told.
fn is_whole(entry: &Entry, subject: &str, message: &MessageResponse) -> bool {
    &*entry.subject == subject
        && message.subject == subject
        && entry.lifetime != Lifetime::DeliveredOnly
        && entry.stored_id().is_none_or(|id| id == message.id)
        && message.expires_at.is_some() == matches!(entry.lifetime, Lifetime::For(_))
}

/// Whether a message had expired before it was asked for.
fn is_expired(entry: &Entry, message: &MessageResponse, asked: SystemTime) -> bool {
    let told = message.expires_at.as_ref().map(time);
    [told, entry.latest_expiry()].into_iter().flatten().any(|expiry| expiry <= asked)
}

/// Counts what is there, and asks for what should be and is not.
async fn judge_missing(
    client: &Client,
    entries: &[&Entry],
    shown: &Shown,
    to: SystemTime,
    verdict: &mut Verdict,
) {
    for entry in entries {
        let Some(id) = entry.stored_id() else { continue };
        if shown.by_id(id).is_some() {
            verdict.found += 1;
        } else if entry.earliest_expiry().is_none_or(|expiry| expiry > to) {
            match calls::fetch(client, &entry.subject, id).await {
                Err(status) if calls::reason(&status) == "MESSAGE_EXPIRED" => {
                    verdict.too_early += 1
                }
                _ => verdict.lost += 1,
            }
            verdict.show(|| format!("not in the replay: {entry:?}"));
        }
    }
}

/// Fetches some of the acknowledged messages by id.
async fn judge_fetched(
    client: &Client,
    entries: &[&Entry],
    shown: &Shown,
    round: u64,
    verdict: &mut Verdict,
) {
    // Another part of them in each round.
    let step = (entries.len() / FETCHED).max(1);
    for entry in entries.iter().skip(round as usize % step).step_by(step) {
        let Some(id) = entry.stored_id() else { continue };
        let from = SystemTime::now();
        let alive = entry.earliest_expiry().is_none_or(|expiry| expiry > from);
        // What is missing is counted already.
        if !alive || shown.by_id(id).is_some() {
            let answer = calls::fetch(client, &entry.subject, id).await;
            judge_answer(entry, answer, from, SystemTime::now(), verdict);
        }
    }
}

fn judge_answer(
    entry: &Entry,
    answer: Result<MessageResponse, Status>,
    from: SystemTime,
    to: SystemTime,
    verdict: &mut Verdict,
) {
    match answer {
        Ok(message) => {
            verdict.corrupt += u64::from(body::decode(&message.body) != Some(entry.key));
            verdict.too_late += u64::from(is_expired(entry, &message, from));
        }
        Err(status) if calls::reason(&status) == "MESSAGE_EXPIRED" => {
            let alive = entry.earliest_expiry().is_none_or(|expiry| expiry > to);
            verdict.too_early += u64::from(alive);
        }
        Err(status) => {
            verdict.lost += 1;
            verdict.show(|| format!("not fetched: {entry:?}: {status}"));
        }
    }
}

/// A wire timestamp after the epoch.
pub fn time(at: &Timestamp) -> SystemTime {
    let since = Duration::new(at.seconds.unsigned_abs(), at.nanos.unsigned_abs());
    SystemTime::UNIX_EPOCH + since
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Outcome::{Acked, Refused};

    /// Kept messages 1 to 3 of one publisher under the ids 1 to 3, as told and as shown.
    fn three() -> (Auditor, Vec<MessageResponse>) {
        let (mut auditor, mut messages) = (Auditor::default(), Vec::new());
        for id in 1..=3 {
            let key = Key { publisher: 1, number: id };
            let mut entry = Entry::new(key, &"s".into(), Lifetime::Kept);
            entry.outcome = Acked { id, at: SystemTime::now() };
            auditor.add(vec![entry]);
            let (body, subject) = (body::encode(key, 32), "s".into());
            messages.push(MessageResponse { id, body, subject, ..MessageResponse::default() });
        }
        (auditor, messages)
    }

    fn judge(auditor: &Auditor, messages: Vec<MessageResponse>) -> Verdict {
        let mut verdict = Verdict::default();
        auditor.judge_shown("s", &Shown::new(messages), SystemTime::now(), &mut verdict);
        verdict
    }

    #[test]
    fn what_was_told_and_shown_is_good() {
        let (auditor, messages) = three();
        assert!(judge(&auditor, messages).is_good());
    }

    #[test]
    fn wrong_order_is_found() {
        let (auditor, mut messages) = three();
        messages.swap(0, 1);
        assert!(judge(&auditor, messages).reordered > 0);
    }

    #[test]
    fn a_message_shown_twice_or_refused_is_found() {
        let (mut auditor, mut messages) = three();
        messages.push(MessageResponse { id: 4, ..messages[0].clone() });
        assert!(!judge(&auditor, messages).is_good());
        for entry in auditor.entries.values_mut() {
            entry.outcome = Refused;
        }
        assert_eq!(judge(&auditor, three().1).duplicated, 3);
    }

    #[test]
    fn another_id_subject_or_body_is_found() {
        let (auditor, messages) = three();
        let changes: [fn(&mut MessageResponse); 3] =
            [|m| m.id = 9, |m| m.subject = "t".into(), |m| m.body = "damaged".into()];
        for change in changes {
            let mut messages = messages.clone();
            change(&mut messages[2]);
            assert_eq!(judge(&auditor, messages).corrupt, 1);
        }
    }

    #[test]
    fn a_message_shown_after_its_time_is_found() {
        let (mut auditor, messages) = three();
        for entry in auditor.entries.values_mut() {
            entry.lifetime = Lifetime::For(Duration::ZERO);
        }
        let expires_at = Some(Timestamp { seconds: 1, nanos: 0 });
        let messages = messages.into_iter().map(|m| MessageResponse { expires_at, ..m }).collect();
        assert_eq!(judge(&auditor, messages).too_late, 3);
    }

    #[test]
    fn an_id_told_twice_is_found() {
        let (mut auditor, _) = three();
        assert_eq!(auditor.ids_given_twice(), 0);
        for entry in auditor.entries.values_mut() {
            entry.outcome = Acked { id: 1, at: SystemTime::now() };
        }
        assert_eq!(auditor.ids_given_twice(), 2);
    }

    fn view(messages: &[MessageResponse]) -> View {
        let mut view = View::of("s".into());
        messages.iter().cloned().for_each(|message| view.push(message));
        view
    }

    fn judge_view(view: &View, messages: &[MessageResponse]) -> Verdict {
        let mut verdict = Verdict::default();
        view.judge(&Shown::new(messages.to_vec()), SystemTime::now(), &mut verdict);
        verdict
    }

    #[test]
    fn what_a_subscriber_saw_and_is_gone_is_lost() {
        let (_, messages) = three();
        assert!(judge_view(&view(&messages[..2]), &messages).is_good());
        assert_eq!(judge_view(&view(&messages[1..2]), &messages[..1]).lost, 1);
    }

    #[test]
    fn what_a_subscriber_went_past_is_found() {
        let (_, messages) = three();
        let seen = view(&[messages[0].clone(), messages[2].clone()]);
        assert_eq!(judge_view(&seen, &messages).skipped, 1);
        let seen = view(&[messages[1].clone(), messages[0].clone()]);
        assert!(judge_view(&seen, &messages).reordered > 0);
    }
}
