//! `broker copy` between stores on disk.

use crate::{
    command::{Finished, PATIENCE, Running, broker, run},
    server::{Server, serve},
};
use rustix::process::Signal;
use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};
use tempfile::TempDir;

/// Two directories.
struct Pair {
    folder: TempDir,
}

impl Pair {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// With the messages of a store.
    fn stocked(stock: impl FnOnce(&Server)) -> Self {
        let this = Self::new();
        this.with("from", stock);
        this
    }

    fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a broker in one of them.
    fn with<T>(&self, name: &str, work: impl FnOnce(&Server) -> T) -> T {
        let place = self.place(name);
        let place = ["--data-dir", place.to_str().unwrap(), "--segment-size", "64KiB"];
        let server = Server::start(serve(&place));
        // Its admin port answers once calls are served, and calls wait for that.
        server.run(&["health"]).text();
        let done = work(&server);
        server.running.signal(Signal::TERM);
        assert_eq!(server.running.finish().code, Some(0));
        done
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = broker(&["copy", "--from", "local", "--to", "local"]);
        for side in ["from", "to"] {
            let place = self.place(side);
            command.arg(format!("--{side}-set")).arg(format!("data-dir={}", place.display()));
        }
        command.args(["--to-set", "segment-size=64KiB"]).args(arguments);
        command
    }

    fn copy(&self) -> Finished {
        run(self.command(&[]), b"")
    }

    /// What a broker in one of them shows of all that is kept.
    fn shown(&self, name: &str, subjects: &[&str]) -> String {
        self.with(name, |server| {
            let mut shown = server.run(&["subjects", "--format", "json"]).text().to_owned();
            for subject in subjects {
                let row = shown.lines().find(|row| row.contains(&format!("{subject:?}")));
                let row: serde_json::Value = serde_json::from_str(row.unwrap()).unwrap();
                let count = row["messages"].to_string();
                if count != "0" {
                    let all = ["subscribe", subject, "--count", &count, "--format", "json"];
                    shown.push_str(server.run(&all).text());
                }
            }
            shown
        })
    }
}

fn lines(count: usize) -> Vec<u8> {
    let mut lines = String::new();
    (0..count).for_each(|number| writeln!(lines, "line {number} of some length").unwrap());
    lines.into_bytes()
}

#[test]
fn everything_is_there_afterwards_and_nothing_is_written_twice() {
    let pair = Pair::stocked(|server| {
        server.run(&["publish", "orders", "one", "--keep", "--header", "table=4"]).text();
        server.run(&["publish", "orders", "two", "--ttl", "1h"]).text();
        server.run(&["publish", "it's; \"ü\"", "", "--keep"]).text();
        server.run_with(&["publish", "many", "--keep"], &lines(5_000)).text();
    });
    let copied = pair.copy();
    let listed: Vec<_> = copied.text().lines().collect();
    let columns = |line: &str| line.split('\t').map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(listed.len(), 3, "{copied:?}");
    assert_eq!(columns(listed[0])[..2], ["1", "1"]);
    assert_eq!(columns(listed[1])[..2], ["5000", "5000"]);
    assert!(copied.stderr.contains("5003 were written, 0 were there"), "{copied:?}");
    let subjects = ["orders", "many", "it's; \"ü\""];
    assert_eq!(pair.shown("from", &subjects), pair.shown("to", &subjects));

    let again = pair.copy();
    assert_eq!(again.text(), copied.text());
    assert!(again.stderr.contains("0 were written, 5003 were there"), "{again:?}");
    let json = run(pair.command(&["--format", "json"]), b"");
    assert_eq!(json.text().lines().count(), 3);
    assert!(json.text().contains(r#""last_id":5000,"messages":5000,"#), "{json:?}");
}

#[test]
fn ids_that_were_used_are_not_used_again() {
    let pair = Pair::stocked(|server| {
        server.run_with(&["publish", "purged", "--keep"], &lines(7)).text();
        server.run(&["purge", "purged", "--yes"]).text();
        server.run_with(&["publish", "half", "--keep"], &lines(4)).text();
        server.run(&["publish", "half", "brief", "--ttl", "1ms"]).text();
        // It is over before it is copied.
        let begun = Instant::now();
        while server.run(&["fetch", "half", "5"]).code == Some(0) {
            assert!(begun.elapsed() < PATIENCE, "it is still there");
        }
    });
    for _ in 0..2 {
        let copied = pair.copy();
        assert!(copied.text().contains("7\t0\t0\t-\tpurged"), "{copied:?}");
        assert!(copied.text().contains("5\t4\t"), "{copied:?}");
        assert_eq!(pair.shown("from", &["half"]), pair.shown("to", &["half"]));
    }
    pair.with("to", |server| {
        assert_eq!(server.run(&["publish", "purged", "x", "--keep"]).text(), "8\n");
        assert_eq!(server.run(&["publish", "half", "x", "--keep"]).text(), "6\n");
        let gone = server.run(&["fetch", "half", "5"]);
        assert!(gone.sentence(4).contains("expired"), "{gone:?}");
    });
}

#[test]
fn a_target_that_was_in_use_is_left_as_it_is_and_the_others_are_copied() {
    let pair = Pair::stocked(|server| {
        for subject in ["a", "b", "c"] {
            server.run_with(&["publish", subject, "--keep"], &lines(3)).text();
        }
    });
    pair.with("to", |server| {
        server.run(&["publish", "a", "mine", "--keep"]).text();
        server.run_with(&["publish", "c", "--keep"], &lines(4)).text();
        server.run(&["publish", "d", "mine", "--keep"]).text();
    });
    let copied = pair.copy();
    assert_eq!(copied.code, Some(1), "{copied:?}");
    for sentence in [
        "broker: a: the target has another message 1; nothing of it was copied",
        "broker: c: the target's last id is 4, the source's 3",
        "2 of 3 subjects are not whole in the target",
    ] {
        assert!(copied.stderr.contains(sentence), "{sentence}: {copied:?}");
    }
    pair.with("to", |server| {
        let all = |subject: &str, count: &str| {
            let command = ["subscribe", subject, "--count", count, "--format", "raw"];
            server.run(&command).text().to_owned()
        };
        assert_eq!(all("a", "1"), "mine\n");
        assert_eq!(all("b", "3").as_bytes(), lines(3));
        assert_eq!(all("d", "1"), "mine\n");
    });
}

#[test]
fn it_goes_on_after_any_kill() {
    let pair = Pair::stocked(|server| {
        for subject in ["a", "b", "c"] {
            server.run_with(&["publish", subject, "--keep"], &lines(30_000)).text();
        }
        server.run_with(&["publish", "d", "--keep"], &lines(3)).text();
        server.run(&["purge", "d", "--yes"]).text();
    });
    for files in [1, 3, 6, 10] {
        let mut copying = Running::start(pair.command(&[]));
        let begun = Instant::now();
        while segments(&pair.place("to")) < files {
            assert!(begun.elapsed() < PATIENCE, "it does not come so far");
            std::thread::yield_now();
        }
        copying.kill();
    }
    let copied = pair.copy();
    assert_eq!(copied.code, Some(0), "{copied:?}");
    let subjects = ["a", "b", "c", "d"];
    assert_eq!(pair.shown("from", &subjects), pair.shown("to", &subjects));
}

/// Files that a store has begun.
fn segments(place: &Path) -> usize {
    let is_log = |name: &Path| name.extension().is_some_and(|extension| extension == "log");
    let entries = place.read_dir().into_iter().flatten().flatten();
    entries.filter(|entry| is_log(&entry.path())).count()
}

#[test]
fn an_interrupted_copy_ends_in_order_and_goes_on() {
    let pair = Pair::stocked(|server| {
        server.run_with(&["publish", "a", "--keep"], &lines(60_000)).text();
    });
    let copying = Running::start(pair.command(&[]));
    let begun = Instant::now();
    while segments(&pair.place("to")) == 0 {
        assert!(begun.elapsed() < PATIENCE, "it does not come so far");
        std::thread::yield_now();
    }
    copying.signal(Signal::INT);
    let finished = copying.finish();
    assert_eq!(finished.code, Some(130), "{finished:?}");
    assert!(finished.stderr.contains("run it again to go on"), "{finished:?}");
    assert_eq!(pair.copy().code, Some(0));
    assert_eq!(pair.shown("from", &["a"]), pair.shown("to", &["a"]));
}

#[test]
fn what_is_damaged_is_named_and_the_rest_is_copied() {
    let pair = Pair::stocked(|server| {
        server.run(&["publish", "s", "before", "--keep"]).text();
        server.run(&["publish", "s", "THE DAMAGED ONE", "--keep"]).text();
        server.run(&["publish", "s", "behind", "--keep"]).text();
        server.run_with(&["publish", "other", "--keep"], &lines(3_000)).text();
    });
    damage(&pair.place("from"), b"THE DAMAGED ONE");
    let copied = pair.copy();
    assert_eq!(copied.code, Some(1), "{copied:?}");
    let sentence = "broker: s: message 2 is damaged in the source";
    assert!(copied.stderr.contains(sentence), "{copied:?}");
    assert!(copied.stderr.contains("1 of 2 subjects are not whole"), "{copied:?}");
    pair.with("to", |server| {
        let all = server.run(&["subscribe", "s", "--count", "2", "--format", "raw"]);
        assert_eq!(all.text(), "before\nbehind\n");
    });
}

/// Overwrites the one place that has these: a bit alone would be mended.
fn damage(place: &Path, bytes: &[u8]) {
    let mut changed = 0;
    for entry in place.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let mut content = fs::read(&path).unwrap();
        if let Some(at) = content.windows(bytes.len()).position(|window| window == bytes) {
            content[at..at + bytes.len()].fill(b'X');
            fs::write(&path, content).unwrap();
            changed += 1;
        }
    }
    assert_eq!(changed, 1);
}

#[test]
fn what_stands_against_it_is_one_sentence() {
    let pair = Pair::new();
    let nothing = pair.copy();
    assert!(nothing.sentence(1).starts_with("there is no store in "), "{nothing:?}");
    assert!(nothing.sentence(1).ends_with("from, which --from names"), "{nothing:?}");

    let pair = Pair::stocked(|server| {
        server.run(&["publish", "s", "one", "--keep"]).text();
    });
    let refused = |arguments: &[&str], code| {
        run(broker(&[&["copy"], arguments].concat()), b"").sentence(code).to_owned()
    };
    let place = format!("data-dir={}", pair.place("from").display());
    let from = ["--from", "local", "--from-set", &place];
    let same = refused(&[&from[..], &["--to", "local", "--to-set", &place]].concat(), 1);
    assert_eq!(same, "--from and --to are the same store");
    let memory = refused(&[&from[..], &["--to", "memory"]].concat(), 1);
    assert!(memory.starts_with("the store `memory` of --to is gone"), "{memory}");
    let kind = refused(&[&from[..], &["--to", "paper"]].concat(), 2);
    assert!(kind.starts_with("--to is `paper`; write memory, local"), "{kind}");
    let unknown = refused(&[&from[..], &["--to", "local", "--to-set", "datadir=x"]].concat(), 2);
    let expected = "unknown setting `datadir` of --to-set; did you mean `data-dir`?";
    assert_eq!(unknown, expected);

    pair.with("from", |_| {
        let busy = pair.copy();
        let sentence = busy.sentence(1);
        assert!(sentence.starts_with("cannot open the store of --from: "), "{sentence}");
        assert!(sentence.ends_with("is in use by another broker"), "{sentence}");
    });
    pair.with("to", |_| {
        let busy = pair.copy();
        assert!(busy.sentence(1).starts_with("cannot open the store of --to: "), "{busy:?}");
    });
    assert_eq!(pair.copy().code, Some(0));
}
