//! Dashboards as Grafana reads them.

use crate::shipped;
use serde_json::Value;

const FOLDER: &str = "deploy/grafana/dashboards";

/// One dashboard.
pub struct Dashboard {
    /// The name of its file, without `.json`.
    pub name: String,
    /// What the file says.
    pub model: Value,
}

/// One query of one panel.
#[derive(Debug)]
pub struct Query {
    /// The title of its panel.
    pub panel: String,
    /// The expression, with variables.
    pub expression: String,
}

impl Dashboard {
    /// All that are shipped.
    pub fn all() -> Vec<Self> {
        let read = |file: &String| {
            let text = shipped::text(&format!("{FOLDER}/{file}"));
            let model =
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
            let name = file.strip_suffix(".json").expect("dashboards are JSON").to_owned();
            Self { name, model }
        };
        shipped::files(FOLDER).iter().map(read).collect()
    }

    /// What the file says, as text.
    pub fn text(&self) -> String {
        shipped::text(&format!("{FOLDER}/{}.json", self.name))
    }

    /// Its panels, rows included.
    pub fn items(&self) -> impl Iterator<Item = &Value> {
        self.model["panels"].as_array().expect("it has panels").iter()
    }

    /// Its panels.
    pub fn panels(&self) -> impl Iterator<Item = &Value> {
        self.items().filter(|item| item["type"] != "row")
    }

    /// The queries of its panels.
    pub fn queries(&self) -> Vec<Query> {
        let of = |panel: &Value| {
            let title = text(panel, "title").to_owned();
            let targets = panel["targets"].as_array().into_iter().flatten();
            targets
                .map(|target| Query {
                    panel: title.clone(),
                    expression: text(target, "expr").to_owned(),
                })
                .collect::<Vec<_>>()
        };
        self.panels().flat_map(of).collect()
    }

    /// The queries of its variables: a selector, and the label whose values are offered.
    pub fn variables(&self) -> Vec<(String, String)> {
        let list = self.model["templating"]["list"].as_array().expect("it has variables");
        let query = |variable: &Value| {
            let query = variable["query"]["query"].as_str()?;
            let inside =
                query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
            let (selector, label) = inside.and_then(|inside| inside.rsplit_once(", "))?;
            Some((selector.to_owned(), label.to_owned()))
        };
        list.iter()
            .filter(|variable| variable["type"] == "query")
            .map(|variable| query(variable).unwrap_or_else(|| panic!("{}: {variable}", self.name)))
            .collect()
    }
}

/// A text of an object; a panic that shows the object if there is none.
pub fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object[key].as_str().unwrap_or_else(|| panic!("no text `{key}` in {object}"))
}

/// An expression with variables that choose everything, for a Prometheus that scrapes every second.
pub fn filled_in(expression: &str) -> String {
    let mut filled = expression.replace("$__rate_interval", "8s");
    for variable in ["cluster", "instance", "node", "storage"] {
        filled = filled.replace(&format!("${variable}"), ".*");
    }
    assert!(!filled.contains('$'), "an unknown variable: {expression}");
    filled
}
