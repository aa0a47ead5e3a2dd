//! The page as text.

use broker_server::MetricsFormat;
use prometheus::{
    TextEncoder,
    proto::{MetricFamily, MetricType},
};

/// Writes families in a format, in the order of their names.
pub fn write(mut families: Vec<MetricFamily>, format: MetricsFormat) -> String {
    families.sort_by(|one, other| one.name().cmp(other.name()));
    let mut text = String::new();
    for family in &families {
        // One without a value says nothing.
        if family.get_metric().is_empty() {
            continue;
        }
        let start = text.len();
        // Its errors are those of what it writes to, and a text has none.
        let _ = TextEncoder.encode_utf8(std::slice::from_ref(family), &mut text);
        if format == MetricsFormat::OpenMetrics && family.get_field_type() == MetricType::COUNTER {
            name_counter(family.name(), start, &mut text);
        }
    }
    if format == MetricsFormat::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

/// In OpenMetrics a counter is called by its name without `_total`, which only its values have; what is
/// not called so cannot be one. Everything else that is used here is written alike.
fn name_counter(name: &str, start: usize, text: &mut String) {
    let (old, new) = match name.strip_suffix("_total") {
        Some(base) => (format!("# TYPE {name} counter"), format!("# TYPE {base} counter")),
        None => (format!("# TYPE {name} counter"), format!("# TYPE {name} unknown")),
    };
    let base = name.strip_suffix("_total").unwrap_or(name);
    let section = text.split_off(start);
    let section = section.replacen(&format!("# HELP {name} "), &format!("# HELP {base} "), 1);
    text.push_str(&section.replacen(&old, &new, 1));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::metrics::{
        catalog::{EXPIRED, LIMIT, OLD_GC},
        sheet::Sheet,
    };

    #[test]
    fn open_metrics_names_counters_in_its_own_way() {
        let families = || {
            let mut sheet = Sheet::default();
            sheet.count(&OLD_GC, &[], 0);
            sheet.count(&LIMIT, &["calls"], 3);
            sheet.count(&EXPIRED, &[], 7);
            sheet.families()
        };
        let lines =
            |format| write(families(), format).lines().map(str::to_owned).collect::<Vec<_>>();
        let help = |metric: &super::super::catalog::Metric| metric.meaning.to_owned();
        let text = lines(MetricsFormat::Text);
        let expected = [
            format!("# HELP broker_limit {}", help(&LIMIT)),
            "# TYPE broker_limit gauge".into(),
            "broker_limit{limit=\"calls\"} 3".into(),
            format!("# HELP broker_messages_expired_total {}", help(&EXPIRED)),
            "# TYPE broker_messages_expired_total counter".into(),
            "broker_messages_expired_total 7".into(),
            format!("# HELP total_gc {}", help(&OLD_GC)),
            "# TYPE total_gc counter".into(),
            "total_gc 0".into(),
        ];
        assert_eq!(text, expected);
        let mut open = expected;
        open[3] = open[3].replace("_total ", " ");
        open[4] = "# TYPE broker_messages_expired counter".into();
        open[7] = "# TYPE total_gc unknown".into();
        assert_eq!(lines(MetricsFormat::OpenMetrics)[..9], open);
        assert_eq!(lines(MetricsFormat::OpenMetrics)[9..], ["# EOF"]);
    }
}
