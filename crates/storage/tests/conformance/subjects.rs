//! Any valid name is a subject of its own, and all are listed in order.

use crate::support::{Bench, expiring, kept, subject, with_body};
use std::ops::Bound;

fn hostile() -> Vec<String> {
    let mut names: Vec<String> = [
        "'",
        "\"",
        "`",
        "\\",
        "''",
        "'; DROP TABLE messages; --",
        "a' OR '1'='1",
        "$$",
        "$1",
        "?",
        ":name",
        "{}",
        "%s",
        "%00",
        "*",
        ">",
        "a.*",
        "..",
        ".",
        "../",
        "../../etc/passwd",
        "/",
        "//",
        "a/b",
        "a\\b",
        "C:\\a",
        "~",
        "-rf",
        "NUL",
        "null",
        "NULL",
        "0",
        "-1",
        "true",
        " ",
        "  ",
        " a",
        "a ",
        "a",
        "A",
        "aa",
        "aA",
        "a\u{300}",
        "\u{e0}",
        "e\u{301}",
        "\u{e9}",
        "\u{FEFF}a",
        "\u{200D}",
        "\u{202E}rtl",
        "ﬀ",
        "ff",
        "ß",
        "SS",
        "ss",
        "İ",
        "i\u{307}",
        "\u{1F468}\u{200D}\u{1F469}",
        "\u{1F980}",
        "\u{10FFFF}",
        "\u{E000}",
        "\u{FFFF}",
        "日本語",
        "한글",
        "한글",
        "tab",
        "a=b&c=d",
        "<script>",
        "a;b",
        "a,b",
        "a|b",
        "a\u{2028}b",
        "#",
        "@",
        "token(subject)",
        "ALLOW FILTERING",
    ]
    .map(String::from)
    .to_vec();
    // The longest names, of one byte and of four per character, and ones that differ at their end.
    names.push("x".repeat(255));
    names.push("x".repeat(254));
    names.push(format!("{}y", "x".repeat(254)));
    names.push("\u{1F980}".repeat(63));
    names.push(format!("{}abc", "\u{1F980}".repeat(63)));
    names.extend((1..=20).map(|length| "p".repeat(length)));
    names.sort_unstable();
    names.dedup();
    names
}

pub async fn hostile_names_are_subjects_of_their_own(mut bench: Bench) {
    let names = hostile();
    for (id, name) in (1..).zip(&names) {
        bench.append(vec![with_body(name, id, name.clone()), kept(name, 1_000)]).await;
    }
    bench
        .in_every_life(async |bench| {
            for (id, name) in (1..).zip(&names) {
                assert_eq!(bench.ids(name).await, [id, 1_000], "{name:?}");
                let message = bench.fetch(name, id).await.unwrap();
                assert_eq!(&message.body[..], name.as_bytes());
                assert_eq!(bench.last_id(name).await, 1_000, "{name:?}");
            }
        })
        .await;
}

pub async fn hostile_names_are_listed_by_their_bytes(mut bench: Bench) {
    let names = hostile();
    let expected: Vec<(String, u64)> = names.iter().cloned().zip(1..).collect();
    // Not in their order.
    for (name, id) in expected.iter().rev() {
        bench.append(vec![kept(name, *id)]).await;
    }
    bench
        .in_every_life(async |bench| {
            for limit in [1, 2, 7, 1_000] {
                assert_eq!(bench.subjects(limit).await, expected, "limit {limit}");
            }
        })
        .await;
}

pub async fn hostile_names_are_purged_alone(mut bench: Bench) {
    let names = hostile();
    bench.append(names.iter().map(|name| kept(name, 1)).collect()).await;
    for name in names.iter().step_by(2) {
        bench.purge(name, 1).await;
    }
    bench
        .in_every_life(async |bench| {
            for (n, name) in names.iter().enumerate() {
                assert_eq!(bench.fetch(name, 1).await.is_some(), n % 2 == 1, "{name:?}");
            }
        })
        .await;
}

pub async fn a_listing_begins_above_a_name(mut bench: Bench) {
    bench.append(["b", "d", "dd", "f"].map(|name| kept(name, 1)).to_vec()).await;
    bench
        .in_every_life(async |bench| {
            for (after, first) in [
                ("a", Some("b")),
                ("b", Some("d")),
                ("c", Some("d")),
                ("d", Some("dd")),
                ("dd", Some("f")),
                ("e", Some("f")),
                ("f", None),
                ("\u{10FFFF}", None),
            ] {
                let listed =
                    bench.storage().subjects(Bound::Excluded(&subject(after)), 1).await.unwrap();
                let name = listed.first().map(|summary| summary.subject.as_str());
                assert_eq!(name, first, "after {after:?}");
            }
        })
        .await;
}

pub async fn subjects_without_messages_stay_listed(mut bench: Bench) {
    bench.append(vec![expiring("expired", 7, 10), kept("purged", 8), kept("there", 9)]).await;
    bench.purge("purged", 8).await;
    bench.reclaim(10).await;
    let expected = [("expired", 7), ("purged", 8), ("there", 9)];
    bench
        .in_every_life(async |bench| {
            bench.reclaim(10).await;
            let listed = bench.subjects(10).await;
            assert!(listed.iter().map(|(name, last)| (name.as_str(), *last)).eq(expected));
        })
        .await;
}

pub async fn many_subjects_are_listed(mut bench: Bench) {
    let mut expected: Vec<(String, u64)> = (0..3_000).map(|n| (format!("s{n}"), n + 1)).collect();
    for batch in expected.chunks(500) {
        bench.append(batch.iter().map(|(name, id)| expiring(name, *id, 10)).collect()).await;
        bench.reclaim(10).await;
    }
    expected.sort_unstable();
    bench
        .in_every_life(async |bench| {
            assert_eq!(bench.subjects(170).await, expected);
            assert_eq!(bench.subjects(10_000).await, expected);
        })
        .await;
}

pub async fn a_listing_begins_with_a_name(mut bench: Bench) {
    bench.append(["b", "d", "dd", "f"].map(|name| kept(name, 1)).to_vec()).await;
    bench
        .in_every_life(async |bench| {
            for (from, first) in
                [("a", Some("b")), ("b", Some("b")), ("c", Some("d")), ("dd", Some("dd"))]
                    .into_iter()
                    .chain([("dc", Some("dd")), ("f", Some("f")), ("ff", None)])
            {
                let listed = bench.storage().subjects(Bound::Included(&subject(from)), 1).await;
                let listed = listed.unwrap();
                let name = listed.first().map(|summary| summary.subject.as_str());
                assert_eq!(name, first, "from {from:?}");
            }
        })
        .await;
}

pub async fn listings_of_purged_and_living_subjects_go_on(mut bench: Bench) {
    let names: Vec<String> = (100..700).map(|n| format!("s{n}")).collect();
    for part in names.chunks(100) {
        bench.append(part.iter().map(|name| with_body(name, 3, vec![0; 200])).collect()).await;
        for name in part.iter().step_by(3) {
            bench.purge(name, 3).await;
        }
        bench.reclaim(0).await;
    }
    let expected: Vec<(String, u64)> = names.into_iter().map(|name| (name, 3)).collect();
    bench
        .in_every_life(async |bench| {
            for limit in [1, 11, 600, 601] {
                assert_eq!(bench.subjects(limit).await, expected, "limit {limit}");
            }
        })
        .await;
}
