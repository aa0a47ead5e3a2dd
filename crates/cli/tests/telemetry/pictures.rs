//! Pictures of dashboards, drawn by headless Chromium from what Prometheus answers.

use crate::{
    dashboard::{Dashboard, filled_in, text},
    shipped,
    stage::{Stage, now},
};
use broker_test_servers::Prometheus;
use serde_json::{Map, Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// As in `draw.js`: the width of a page, and the heights of its head and of a cell of the grid.
const WIDTH: u64 = 1600;
const HEAD: u64 = 44;
const CELL: u64 = 38;

/// How many times larger than that of an empty page a picture's file must be.
const RICHER: u64 = 3;

/// Draws a dashboard into `target/pictures`; the titles of panels that show nothing.
pub async fn draw(stage: &Stage, dashboard: &Dashboard) -> Vec<String> {
    let end = now();
    let answers = answers(&stage.prometheus, dashboard, stage.start, end).await;
    let data = format!(
        "const dashboard = {};\nconst answers = {answers};\nconst range = {};\n",
        dashboard.model,
        json!({ "start": stage.start, "end": end })
    );
    let page = Page::new(&data);
    let height = HEAD + CELL * dashboard.items().map(bottom).max().expect("it has panels");
    let (picture, blank) = (place(&dashboard.name), page.0.path().join("blank.png"));
    page.shoot("page.html", &picture, height);
    fs::write(page.0.path().join("blank.html"), "<!doctype html>").expect("written");
    page.shoot("blank.html", &blank, height);
    let size = |path: &Path| fs::metadata(path).expect("a picture").len();
    assert!(size(&picture) > RICHER * size(&blank), "{} is empty", picture.display());
    let drawn = page.drawn();
    assert_eq!(drawn.len(), dashboard.panels().count(), "{}: {drawn:?}", dashboard.name);
    drawn.into_iter().filter(|(_, series)| *series == 0).map(|(title, _)| title).collect()
}

/// For each panel's id, what Prometheus answers to each of its queries.
async fn answers(prometheus: &Prometheus, dashboard: &Dashboard, start: f64, end: f64) -> Value {
    let (mut answers, start, end) = (Map::new(), start.to_string(), end.to_string());
    for panel in dashboard.panels() {
        let mut of_panel = Vec::new();
        for target in panel["targets"].as_array().expect("it has queries") {
            let query = filled_in(text(target, "expr"));
            let form = [("query", query.as_str()), ("start", &start), ("end", &end), ("step", "1")];
            let answer = prometheus.ask("/api/v1/query_range", &form).await;
            let mut answer = answer.unwrap_or_else(|error| panic!("{query}: {error}"));
            of_panel.push(answer["result"].take());
        }
        answers.insert(panel["id"].to_string(), of_panel.into());
    }
    answers.into()
}

/// The last line of the grid that a panel takes.
fn bottom(panel: &Value) -> u64 {
    let side = |side: &str| panel["gridPos"][side].as_u64().expect("a place");
    side("y") + side("h")
}

/// Where the picture of a dashboard goes: beside what else is built.
fn place(name: &str) -> PathBuf {
    let target =
        Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it lies in the target folder");
    let folder = target.join("pictures");
    fs::create_dir_all(&folder).expect("the target folder can be written");
    folder.join(format!("{name}.png"))
}

/// The page of a dashboard, in a folder of its own.
struct Page(TempDir);

impl Page {
    fn new(data: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        for name in shipped::files("tests/telemetry/pictures") {
            let text = shipped::text(&format!("tests/telemetry/pictures/{name}"));
            fs::write(folder.path().join(name), text).expect("written");
        }
        fs::write(folder.path().join("data.js"), data).expect("written");
        Self(folder)
    }

    fn chromium(&self) -> Command {
        let mut command = Command::new("chromium");
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]);
        // The page reads its modules from files beside it, and nothing else.
        command.args(["--allow-file-access-from-files", "--no-first-run", "--disable-extensions"]);
        command.arg(format!("--user-data-dir={}", self.0.path().join("profile").display()));
        command
    }

    fn shoot(&self, page: &str, picture: &Path, height: u64) {
        let mut command = self.chromium();
        command.arg(format!("--window-size={WIDTH},{height}"));
        command.arg(format!("--screenshot={}", picture.display()));
        self.run(command, page);
    }

    /// The titles of the panels that were drawn, each with the number of its series.
    fn drawn(&self) -> Vec<(String, u64)> {
        let mut command = self.chromium();
        command.arg("--dump-dom");
        let dom = self.run(command, "page.html");
        assert!(dom.contains("data-drawn=\"all\""), "the page failed: {dom}");
        let panel = |rest: &str| {
            let (title, rest) = rest.split_once("\" data-series=\"")?;
            Some((title.to_owned(), rest.split('"').next()?.parse().ok()?))
        };
        dom.split("data-title=\"").skip(1).filter_map(panel).collect()
    }

    fn run(&self, mut command: Command, page: &str) -> String {
        command.arg(format!("file://{}", self.0.path().join(page).display()));
        let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}
