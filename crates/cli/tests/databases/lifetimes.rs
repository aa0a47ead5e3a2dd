//! Lifetimes across kill -9 and a new start: each ends when it was said to end.

use crate::{
    audit::Auditor,
    body::Key,
    calls,
    chance::{self, Chance},
    database::{Kind, over_both},
    entry::{Entry, Lifetime, Outcome},
    process::Broker,
    waiting::{PATIENCE, until},
};
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

over_both!(lifetimes_end_when_they_were_said_to);

const MESSAGES: u64 = 60;
const LONGEST: Duration = Duration::from_secs(20);

async fn lifetimes_end_when_they_were_said_to(kind: Kind) {
    let mut chance = Chance::new(chance::seed());
    let launch = kind.launch(kind.shared());
    let mut broker = Broker::start(&launch).await;
    let client = calls::connect(broker.address).await;
    let subjects: [Arc<str>; 3] = ["a".into(), "b".into(), "c".into()];
    let mut auditor = Auditor::default();
    let mut last_ids = [0; 3];
    for number in 1..=MESSAGES {
        // Some end before the restart, some while nobody serves, most after it.
        let lifetime = Lifetime::For(chance.millis(500, LONGEST.as_millis() as u64));
        let at = (number % 3) as usize;
        let mut entry = Entry::new(Key { publisher: 1, number }, &subjects[at], lifetime);
        let id = calls::publish(&client, entry.request(100)).await.expect("stored");
        entry.outcome = Outcome::Acked { id, at: SystemTime::now() };
        last_ids[at] = id;
        auditor.add(vec![entry]);
    }
    let all_gone = SystemTime::now() + LONGEST;
    broker.kill();
    broker = Broker::start(&launch).await;
    let client = calls::connect(broker.address).await;
    let mut audits = 0;
    until(2 * PATIENCE, "every lifetime ends", async || {
        audits += 1;
        let verdict = auditor.audit(&client).await;
        assert!(verdict.is_good(), "audit {audits}: {verdict}");
        (SystemTime::now() > all_gone).then_some(())
    })
    .await;
    println!("{audits} audits");
    assert!(audits > 2, "the restart took as long as the lifetimes");
    for (subject, last) in subjects.iter().zip(last_ids) {
        assert!(calls::replay(&client, subject, 0).await.is_empty());
        let next = calls::publish(&client, calls::kept(subject, "x")).await.expect("stored");
        assert!(next > last, "{subject}: id {next} after {last}");
    }
}
