//! Dashboards keep to Grafana's own types, and can be read by a person.

use crate::{
    dashboard::{Dashboard, text},
    shipped,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashSet},
    env, fs,
    os::unix::fs::symlink,
    path::PathBuf,
    process::Command,
};
use tempfile::TempDir;

/// Names the folder with Grafana's types and the compiler that checks them, made by `cargo xtask`.
const TYPES: &str = "BROKER_GRAFANA_TYPES";

/// How wide Grafana's grid is.
const WIDTH: u64 = 24;

/// Where the panel lies: x, y, width, height.
fn place(panel: &Value) -> [u64; 4] {
    ["x", "y", "w", "h"]
        .map(|side| panel["gridPos"][side].as_u64().unwrap_or_else(|| panic!("no place: {panel}")))
}

fn types() -> PathBuf {
    let folder = env::var_os(TYPES);
    folder.map_or_else(
        || panic!("{TYPES} is not set: run `cargo xtask test --only telemetry`"),
        PathBuf::from,
    )
}

/// What the compiler says of these texts, each as a dashboard.
fn compile(dashboards: &BTreeMap<String, String>) -> Result<(), String> {
    let folder = TempDir::new().expect("a temporary folder");
    let write =
        |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
    write("dashboard.ts", &shipped::text("tests/telemetry/dashboard.ts"));
    symlink(types().join("node_modules"), folder.path().join("node_modules")).expect("a new link");
    let compiler = "node_modules/typescript/bin/tsc";
    let mut command = Command::new("node");
    command.args([
        compiler,
        "--noEmit",
        "--strict",
        "--skipLibCheck",
        "--moduleResolution",
        "bundler",
    ]);
    command.args(["--module", "esnext", "--target", "es2022"]).current_dir(&folder);
    for (name, text) in dashboards {
        let import = "import type { Dashboard } from \"./dashboard.js\";";
        write(&format!("{name}.ts"), &format!("{import}\nexport const it: Dashboard = {text};\n"));
        command.arg(format!("{name}.ts"));
    }
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    if output.status.success() { Ok(()) } else { Err(said) }
}

#[test]
fn they_have_the_types_of_grafana() {
    let all = Dashboard::all();
    assert_eq!(all.len(), 4);
    let texts = all.iter().map(|dashboard| (dashboard.name.clone(), dashboard.text())).collect();
    assert_eq!(compile(&texts), Ok(()));
}

#[test]
fn a_wrong_key_or_value_is_found() {
    let text = Dashboard::all()[0].text();
    let spoilt = [
        ("key", "\"title\"", "\"titel\""),
        ("text", "\"h\": 8", "\"h\": \"8\""),
        ("line", "\"lineWidth\"", "\"lineWidht\""),
        ("mode", "\"mode\": \"thresholds\"", "\"mode\": \"treshholds\""),
        ("query", "\"legendFormat\"", "\"legend\""),
    ];
    let texts = spoilt.map(|(name, right, wrong)| {
        assert!(text.contains(right), "{right}");
        (name.to_owned(), text.replacen(right, wrong, 1))
    });
    let said = compile(&BTreeMap::from(texts)).expect_err("all of them are wrong");
    for (name, _, wrong) in spoilt {
        assert!(said.contains(&format!("{name}.ts(")), "{wrong} is accepted:\n{said}");
    }
}

#[test]
fn every_panel_says_what_it_shows() {
    for dashboard in Dashboard::all() {
        let mut titles = HashSet::new();
        for panel in dashboard.panels() {
            let title = text(panel, "title");
            let name = format!("{}: {title}", dashboard.name);
            assert!(!title.is_empty() && titles.insert(title), "{name}: a title of its own");
            assert!(text(panel, "description").ends_with('.'), "{name}: a sentence");
            let defaults = &panel["fieldConfig"]["defaults"];
            assert!(!text(defaults, "unit").is_empty(), "{name}: a unit");
            assert!(defaults["thresholds"]["steps"][0].is_object(), "{name}: thresholds");
            let targets = panel["targets"].as_array().expect("it has targets");
            assert!(!targets.is_empty(), "{name}: a query");
            for target in targets {
                assert!(!text(target, "legendFormat").is_empty(), "{name}: a legend");
            }
        }
        assert!(titles.len() > 10, "{}: {titles:?}", dashboard.name);
        assert!(!text(&dashboard.model, "description").is_empty(), "{}", dashboard.name);
    }
}

#[test]
fn ids_are_unique() {
    let mut uids = HashSet::new();
    for dashboard in Dashboard::all() {
        assert!(uids.insert(text(&dashboard.model, "uid").to_owned()), "{}", dashboard.name);
        let mut ids = HashSet::new();
        for item in dashboard.items() {
            assert!(ids.insert(item["id"].as_u64().expect("an id")), "{}: {item}", dashboard.name);
        }
    }
}

#[test]
fn panels_fill_the_grid_and_do_not_overlap() {
    for dashboard in Dashboard::all() {
        let mut cells: BTreeMap<(u64, u64), &str> = BTreeMap::new();
        for item in dashboard.items() {
            let [x, y, w, h] = place(item);
            let title = text(item, "title");
            assert!(w > 0 && h > 0 && x + w <= WIDTH, "{}: {title} is outside", dashboard.name);
            for cell in (y..y + h).flat_map(|y| (x..x + w).map(move |x| (y, x))) {
                let other = cells.insert(cell, title);
                assert_eq!(other, None, "{}: {title} lies over another", dashboard.name);
            }
        }
        let (&(last, _), _) = cells.last_key_value().expect("it has panels");
        let gaps = (last + 1) * WIDTH - cells.len() as u64;
        assert_eq!(gaps, 0, "{}: cells without a panel", dashboard.name);
    }
}

#[test]
fn the_provisioning_fits_what_is_shipped_beside_it() {
    let source = shipped::text("deploy/grafana/provisioning/datasources/prometheus.yml");
    let prometheus = shipped::text("deploy/prometheus/prometheus.yml");
    let setting = |text: &str, name: &str| {
        let value =
            text.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(": "));
        value.unwrap_or_else(|| panic!("no `{name}`")).to_owned()
    };
    assert_eq!(setting(&source, "timeInterval"), setting(&prometheus, "scrape_interval"));
    let address = setting(&source, "url").replace("http://", "");
    assert!(prometheus.contains(&format!("- targets: [{address}]")), "{address}");
    let page = shipped::text("docs/monitoring.md");
    let provider = shipped::text("deploy/grafana/provisioning/dashboards/broker.yml");
    assert!(page.contains(&format!("{}/\n", setting(&provider, "path"))), "{page}");
    for dashboard in Dashboard::all() {
        let row = format!("| {} | ", text(&dashboard.model, "title"));
        assert!(page.contains(&row), "docs/monitoring.md has no row `{row}`");
    }
}
