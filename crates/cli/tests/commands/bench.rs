//! `broker bench`: a short form of every workload, for its audit and not for its time.

use crate::{
    command::{Finished, PATIENCE, Running, broker, run},
    server::Server,
    terminal::{TYPED, Terminal},
};
use rustix::process::Signal;
use serde_json::Value;
use std::{fs, os::unix::fs::MetadataExt, path::Path, process::Command, time::Instant};

/// Short, and with its temporary directory inside that one.
fn bench(inside: &Path, arguments: &[&str]) -> Command {
    let short = ["--rounds", "1", "--time", "300ms", "--warm-up", "50ms"];
    bench_in(inside, &[&short, arguments].concat())
}

fn bench_in(inside: &Path, arguments: &[&str]) -> Command {
    let mut command = broker(&[&["bench"], arguments].concat());
    command.env("TMPDIR", inside);
    command
}

fn is_empty(directory: &Path) -> bool {
    fs::read_dir(directory).unwrap().next().is_none()
}

/// Runs it and answers its JSON: it was clean, and nothing of it is left.
fn clean(arguments: &[&str]) -> Value {
    let (inside, results) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = results.path().join("report.json");
    let json = ["--json", file.to_str().unwrap()];
    let finished = run(bench(inside.path(), &[arguments, &json].concat()), b"");
    let text = finished.text();
    assert!(text.contains("errors    none") && text.contains("audit     clean"), "{text}");
    assert!(is_empty(inside.path()), "something was left behind");
    let report: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert!(report["audit"]["checked"].as_u64().unwrap() > 0, "{report}");
    report
}

fn median(report: &Value, name: &str) -> f64 {
    let figures = report["figures"].as_array().unwrap();
    let figure = figures.iter().find(|figure| figure["name"] == name);
    figure.unwrap_or_else(|| panic!("no {name}: {figures:?}"))["median"].as_f64().unwrap()
}

const FEW: [&str; 2] = ["--messages", "500"];

#[test]
fn unary_publishing_is_audited_by_reading_back() {
    for more in [&["--storage", "memory"][..], &["--subjects", "3"], &["--live"]] {
        let load = ["--in-flight", "8", "--connections", "2"];
        let report = clean(&[&["publish"], &FEW[..], &load, more].concat());
        assert!(median(&report, "messages acknowledged") > 0.0);
        assert!(median(&report, "acknowledgement p99.9") > 0.0);
        assert!(median(&report, "broker's peak anonymous memory") > 0.0);
    }
}

#[test]
fn both_clients_publish_over_streams() {
    for client in ["library", "bare"] {
        let load = ["--publishers", "2", "--subjects", "2", "--client", client];
        let report = clean(&[&["stream"], &FEW[..], &load].concat());
        assert!(median(&report, "messages acknowledged") > 0.0);
        let per = &report["per_stored_message"];
        assert!(per["syncs"].as_f64().unwrap() > 0.0, "{report}");
        assert!(per["written_bytes"].as_f64().unwrap() >= 100.0, "{report}");
    }
}

#[test]
fn an_open_loop_keeps_its_rate() {
    let load = ["--rate", "200", "--storage", "memory"];
    for workload in ["publish", "stream"] {
        let report = clean(&[&[workload], &load[..]].concat());
        let rate = median(&report, "messages acknowledged");
        assert!(rate > 20.0 && rate < 220.0, "{rate}");
        assert_eq!(report["plan"]["rate"], 200.0);
    }
}

#[test]
fn subscribers_are_followed_live_and_stored() {
    for more in [&["--live"][..], &[], &["--live", "--client", "bare"], &["--in-flight", "3"]] {
        let load = ["--publishers", "2", "--subjects", "2", "--subscribers", "3"];
        let report = clean(&[&["fan-out"], &FEW[..], &load, more].concat());
        assert!(median(&report, "messages delivered") > 0.0);
        assert!(median(&report, "end to end p50") > 0.0);
    }
}

#[test]
fn what_is_stored_is_replayed_and_fetched() {
    for client in ["library", "bare"] {
        let load = ["--subjects", "2", "--client", client];
        let replayed = clean(&[&["replay"], &FEW[..], &load, &["--subscribers", "2"]].concat());
        // Two subscribers of each subject, in two rounds.
        assert_eq!(replayed["audit"]["checked"], 2_000);
        let fetched = clean(&[&["fetch"], &FEW[..], &load, &["--in-flight", "4"]].concat());
        assert!(median(&fetched, "messages fetched") > 0.0);
    }
}

#[test]
fn a_mixed_load_is_audited_in_all_its_parts() {
    for storage in ["memory", "local"] {
        let load = ["--in-flight", "8", "--storage", storage, "--ttl", "10s"];
        let report = clean(&[&["mixed"], &FEW[..], &load].concat());
        for flow in ["acknowledged", "fetched", "delivered"] {
            assert!(median(&report, &format!("messages {flow}")) > 0.0);
        }
        for what in ["anonymous memory", "open descriptors"] {
            assert!(median(&report, &format!("broker's {what}, last quarter")) > 0.0);
        }
        // The store's size is told where it is on disk.
        let courses = report["courses"].as_array().unwrap();
        assert_eq!(courses.len(), if storage == "local" { 3 } else { 2 }, "{courses:?}");
        assert!(courses.iter().all(|course| course["values"][0].as_f64() > Some(0.0)));
    }
}

#[test]
fn a_broker_without_load_keeps_what_it_has_and_whom_it_serves() {
    let load = ["--subjects", "3", "--subscribers", "2"];
    let report = clean(&[&["idle"], &FEW[..], &load].concat());
    // One message of each subject came to both, and what is kept was read back, in two rounds.
    assert_eq!(report["audit"]["checked"], 2 * (3 * 2 + 500));
    assert!(median(&report, "broker's processor time a second") < 1e6);
    assert!(median(&report, "broker's store, second quarter") > 0.0);
}

#[test]
fn a_storm_of_expiries_is_neither_early_nor_late() {
    let load = ["--rate", "100", "--storage", "memory", "--in-flight", "4"];
    let report = clean(&[&["storm"], &FEW[..], &load].concat());
    for phase in ["before", "during", "after"] {
        assert!(median(&report, &format!("acknowledgement {phase} p99")) > 0.0);
    }
    assert!(median(&report, "heard of expiry p50") > 0.0);
}

#[test]
fn what_was_acknowledged_is_there_after_a_kill() {
    let report = clean(&["restart", "--messages", "2000", "--subjects", "30"]);
    assert!(report["audit"]["checked"].as_u64() >= Some(4_000), "{report}");
    for figure in ["until it serves again", "anonymous memory when it serves again"] {
        assert!(median(&report, figure) > 0.0);
    }
}

#[test]
fn a_ceiling_is_measured_in_the_same_run() {
    for (workload, shares) in [
        (&["publish", "--in-flight", "1", "--connections", "1"][..], 2),
        (&["stream", "--client", "bare"], 2),
        (&["fan-out", "--live", "--subscribers", "2"], 1),
        (&["replay"], 1),
        (&["fetch"], 1),
    ] {
        let report = clean(&[workload, &FEW, &["--ceiling"]].concat());
        assert_eq!(report["shares"].as_array().unwrap().len(), shares, "{}", report["shares"]);
        assert!(report["shares"][0]["share"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn the_ceilings_of_this_machine() {
    let report = clean(&["ceilings", "--messages", "200"]);
    let figures = report["figures"].as_array().unwrap();
    for part in
        ["unary publish", "publish stream", "fetch", "subscribe stream, 100", "append of 10000"]
    {
        let named = |figure: &&Value| figure["name"].as_str().unwrap().starts_with(part);
        assert!(figures.iter().any(|figure| named(&figure)), "{part}: {figures:?}");
    }
}

#[test]
fn a_run_is_compared_with_an_earlier_one_and_drawn() {
    let (inside, results) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let [json, html] = ["a.json", "a.html"].map(|name| results.path().join(name));
    let (json, html) = (json.to_str().unwrap(), html.to_str().unwrap());
    let load = [&["publish", "--storage", "memory"], &FEW[..]].concat();
    run(bench(inside.path(), &[&load[..], &["--json", json, "--html", html]].concat()), b"").text();
    let page = fs::read_to_string(html).unwrap();
    assert!(page.matches("<polyline").count() >= 3, "{page}");
    assert!(!page.contains("http"), "nothing comes from elsewhere");

    let again = run(bench(inside.path(), &[&load[..], &["--compare", json]].concat()), b"");
    let text = again.text();
    assert!(text.contains("compared  with the run of 20") && text.contains("  x"), "{text}");
    assert!(!text.contains("DIFFER"), "{text}");
}

#[test]
fn another_broker_is_measured_where_it_is() {
    let server = Server::in_memory();
    let address = format!("http://127.0.0.1:{}", server.port);
    let report = clean(&[&["publish", "--server", &address], &FEW[..]].concat());
    assert!(median(&report, "broker's peak anonymous memory") > 0.0);
    assert_eq!(report["per_stored_message"], Value::Null);
    // It goes on.
    server.run(&["health"]).text();
}

#[test]
fn a_broker_that_keeps_nothing_is_found_out() {
    // It acknowledges everything, and shows messages of its own to whoever subscribes.
    let mut handler = Running::start(broker(&["bench", "empty", "--messages", "5"]));
    let address = handler.hear(|line| Some(line.trim().rsplit_once(' ')?.1.to_owned()));
    let inside = tempfile::tempdir().unwrap();
    let few = ["--warm-up", "0s", "--rounds", "1", "--messages", "20", "--server", &address];
    let finished = run(bench_in(inside.path(), &[&["publish"], &few[..]].concat()), b"");
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let text = String::from_utf8(finished.stdout).unwrap();
    assert!(text.contains("audit     FAULTS FOUND; 5 checked: 20 lost, "), "{text}");
    assert!(text.contains(" 5 wrong"), "{text}");
}

#[test]
fn a_person_who_waits_sees_how_far_it_is() {
    let inside = tempfile::tempdir().unwrap();
    let command = bench(inside.path(), &["publish", "--storage", "memory"]);
    let mut terminal = Terminal::start(command, TYPED);
    terminal.sees("round 1 of 1 [");
    let (code, shown) = terminal.finish();
    assert_eq!(code, Some(0), "{shown}");
    // The line of the progress is taken away.
    let rest = shown.rsplit("^[[2K").next().unwrap();
    assert!(rest.trim_start().starts_with("workload  unary publish"), "{rest}");
}

#[test]
fn what_cannot_be_measured_is_one_sentence() {
    let inside = tempfile::tempdir().unwrap();
    let fails = |arguments: &[&str]| {
        let finished: Finished = run(bench(inside.path(), arguments), b"");
        let sentence = finished.sentence(finished.code.unwrap()).to_owned();
        assert!(is_empty(inside.path()), "something was left behind");
        (finished.code.unwrap(), sentence)
    };
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (code, said) = fails(&["publish", "--server", &format!("http://127.0.0.1:{port}")]);
    assert_eq!(code, 3, "{said}");
    let (code, said) = fails(&["publish", "--compare", "nowhere.json"]);
    assert!(code == 1 && said.contains("nowhere.json"), "{said}");
    let (code, said) = fails(&["fetch", "--live"]);
    assert!(code == 1 && said.contains("--live has no meaning for the workload fetch"), "{said}");
    let (code, said) = fails(&["publish", "--", "--segment-size", "1"]);
    assert!(code == 1 && said.contains("segment"), "{said}");
}

/// Of all files below.
fn bytes(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(about) if about.is_dir() => bytes(&entry.path()),
        // What is written, not what is allocated.
        Ok(about) if about.is_file() => about.len().min(about.blocks() * 512),
        _ => 0,
    });
    sizes.sum()
}

#[test]
fn an_interrupted_run_leaves_nothing_behind() {
    for signal in [Signal::INT, Signal::TERM] {
        let inside = tempfile::tempdir().unwrap();
        let long = ["publish", "--warm-up", "1h", "--ttl", "3h", "--messages", "50000000"];
        let running = Running::start(bench_in(inside.path(), &long));
        let begun = Instant::now();
        while bytes(inside.path()) < 100_000 {
            assert!(begun.elapsed() < PATIENCE, "it does not begin");
            std::thread::yield_now();
        }
        running.signal(signal);
        let finished = running.finish();
        assert_eq!(finished.code, Some(130), "{finished:?}");
        assert!(finished.stderr.contains("interrupted"), "{finished:?}");
        assert!(is_empty(inside.path()), "something was left behind");
    }
}
