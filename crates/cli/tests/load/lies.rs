//! Each check of each tool can fail: a server that lies about just that makes it fail, in words that name it.

use crate::{
    liar::Liar,
    lie::Lie,
    tool::{k6, must_say, pool},
};

const SCRIPTS: [&str; 4] = ["publish.js", "fetch.js", "subscribe.js", "mixed.js"];

/// The same server, without a lie: what fails below fails because of the lie.
#[tokio::test(flavor = "multi_thread")]
async fn the_truth_is_found_good() {
    let liar = Liar::start(Lie::None).await;
    for script in SCRIPTS {
        k6(script, liar.address, &[("DURATION", "6s")]).succeeds().await;
    }
    for flags in [&[][..], &["-keep"], &["-old"], &["-ttl", "0s"]] {
        pool(liar.address, flags).succeeds().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn publish_finds_them() {
    for (lie, ttl, what) in [
        (Lie::NoId, "60", "a kept message has an id above 0"),
        (Lie::NotDurable, "60", "a kept message is as durable as expected"),
        (Lie::SameId, "60", "ids of a subject only grow"),
        (Lie::KeepLive, "0", "what is delivered only has the id 0"),
    ] {
        found("publish.js", lie, ttl, what).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fetch_finds_them() {
    for (lie, what) in [
        (Lie::NoId, "a kept message has an id above 0"),
        (Lie::NotDurable, "a kept message is as durable as expected"),
        (Lie::Garble, "a fetched body is the one published"),
        (Lie::Misname, "a fetched message has the id and the subject asked for"),
        (Lie::Invent, "what was never published is not found"),
    ] {
        found("fetch.js", lie, "60", what).await;
    }
    let liar = Liar::start(Lie::Forget).await;
    let log = k6("fetch.js", liar.address, &[]).fails().await;
    must_say(&log, "Fetch failed: INVALID_ARGUMENT MESSAGE_NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn subscribe_finds_them() {
    for (lie, what) in [
        (Lie::NoId, "a kept message has an id above 0"),
        (Lie::NotDurable, "a kept message is as durable as expected"),
        (Lie::SameId, "no id is given twice"),
        (Lie::Forget, "nothing acknowledged is missing"),
        (Lie::Drop, "nothing acknowledged is missing"),
        (Lie::Repeat, "nothing comes twice"),
        (Lie::Swap, "messages come in the order of their ids"),
        (Lie::Garble, "a delivered body is the one published"),
        (Lie::Misname, "nothing comes that was not published"),
        (Lie::StoreTwice, "nothing comes that was not published"),
        (Lie::End, "a subscription goes on until its reader leaves"),
    ] {
        found("subscribe.js", lie, "60", what).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mixed_finds_them() {
    for (lie, what) in [
        (Lie::NoId, "a kept message has an id above 0"),
        (Lie::NotDurable, "a kept message is as durable as expected"),
        (Lie::SameId, "ids of a subject only grow"),
        (Lie::KeepLive, "what is delivered only has the id 0"),
        (Lie::Forget, "nothing acknowledged is missing"),
        (Lie::Drop, "nothing acknowledged is missing"),
        (Lie::Repeat, "nothing comes twice"),
        (Lie::Swap, "messages come in the order of their ids"),
        (Lie::Garble, "a delivered body is one that was published"),
        (Lie::StoreTwice, "nothing comes twice"),
        (Lie::End, "a subscription goes on until its reader leaves"),
    ] {
        found("mixed.js", lie, "60", what).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pool_finds_them() {
    for (lie, flags, what) in [
        (Lie::NoId, &[][..], "acknowledged without an id"),
        (Lie::NotDurable, &[], "kept, and said to be delivered only"),
        (Lie::SameId, &[], "an id given twice"),
        (Lie::SameId, &["-workers", "1"], "ids do not grow"),
        (Lie::KeepLive, &["-ttl", "0s"], "delivered only, and said to be kept"),
        (Lie::Forget, &[], "missing"),
        (Lie::Forget, &[], "not fetched"),
        (Lie::Drop, &[], "missing"),
        (Lie::Repeat, &[], "twice"),
        (Lie::StoreTwice, &[], "twice"),
        (Lie::Swap, &[], "out of order"),
        (Lie::End, &[], "a subscription failed"),
        (Lie::Garble, &[], "other than published"),
        (Lie::Garble, &[], "fetched other than published"),
        (Lie::Misname, &[], "other than published"),
        (Lie::RefuseAndStore, &["-allow", "1"], "never acknowledged"),
        (Lie::Forget, &["-old"], "missing"),
        (Lie::Drop, &["-old"], "missing"),
        (Lie::Repeat, &["-old"], "twice"),
        (Lie::Swap, &["-old"], "out of order"),
        (Lie::Garble, &["-old"], "other than published"),
    ] {
        let liar = Liar::start(lie).await;
        let log = pool(liar.address, flags).fails().await;
        must_say(&log, what);
        must_say(&log, "AUDIT FAILED: ");
    }
}

/// Whom a limit refuses tries again, and is shown everything.
#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_subscriptions_is_no_lie() {
    let liar = Liar::start(Lie::Limit).await;
    for script in ["subscribe.js", "mixed.js"] {
        let log =
            k6(script, liar.address, &[("LIMITED", "1"), ("DURATION", "8s")]).succeeds().await;
        must_say(&log, "broker_calls_limited.");
        let log = k6(script, liar.address, &[("DURATION", "3s")]).fails().await;
        must_say(&log, "Subscribe failed: RESOURCE_EXHAUSTED OVERLOADED");
    }
    pool(liar.address, &[]).succeeds().await;
}

/// A script fails because of a lie, and names what was wrong.
async fn found(script: &str, lie: Lie, ttl: &str, what: &str) {
    let liar = Liar::start(lie).await;
    let settings = [("TTL", ttl), ("DURATION", "3s"), ("TIMEOUT", "4s")];
    let log = k6(script, liar.address, &settings).fails().await;
    must_say(&log, &format!("Not so: {what}"));
    must_say(&log, "✗ 'rate==1'");
}
