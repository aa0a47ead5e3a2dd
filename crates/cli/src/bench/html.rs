//! A report as one page, with nothing from elsewhere.

mod plot;

use super::{
    print,
    report::{Course, Report, Timeline},
};
use plot::{Line, Plot};
use std::fmt::{self, Write};

const STYLE: &str = "\
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}\
table{border-collapse:collapse;font-variant-numeric:tabular-nums}\
td,th{padding:.15rem .8rem;text-align:right;border-bottom:1px solid #ddd}\
td:first-child,th:first-child{text-align:left}\
svg{width:100%;height:auto;margin:.5rem 0 1.5rem}\
svg text{font:12px system-ui,sans-serif;fill:#555}\
code{background:#f4f4f4;padding:.1rem .3rem}\
.clean{color:#176f2c}.faults{color:#b00020;font-weight:bold}\
@media(prefers-color-scheme:dark){body{background:#161616;color:#ddd}code{background:#2a2a2a}\
td,th{border-color:#333}svg text{fill:#aaa}.clean{color:#6fce83}.faults{color:#ff7b8a}}";

/// The page.
pub fn page(report: &Report) -> Result<String, fmt::Error> {
    let mut page = String::new();
    let title = escaped(&report.workload);
    write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>broker bench: {title}</title>\n\
         <style>{STYLE}</style>\n<h1>broker bench</h1>\n<p>{title}</p>\n"
    )?;
    about(&mut page, report)?;
    let (state, verdict) = match report.audit.faults.is_clean() {
        true => ("clean", "Audit: clean"),
        false => ("faults", "Audit: faults found"),
    };
    writeln!(page, "<p class=\"{state}\">{verdict}; {}</p>", escaped(&report.audit.to_string()))?;
    table(&mut page, "Figures", report)?;
    plots(&mut page, &report.timelines)?;
    courses(&mut page, &report.courses)?;
    page.push_str("</html>\n");
    Ok(page)
}

fn about(page: &mut String, report: &Report) -> fmt::Result {
    let machine = &report.machine;
    let rows = [
        ("Broker", report.broker.clone()),
        ("Date", report.date.clone()),
        (
            "Machine",
            format!("{} processors, {}, {}", machine.processors, machine.model, machine.kernel),
        ),
    ];
    writeln!(page, "<p><code>{}</code></p>", escaped(&report.command))?;
    for (name, text) in rows {
        writeln!(page, "<p>{name}: {}</p>", escaped(&text))?;
    }
    let errors = report.errors.iter().map(|(status, times)| format!("{times} {status}"));
    let errors = errors.collect::<Vec<_>>().join(", ");
    if !errors.is_empty() {
        writeln!(page, "<p>Errors: {}</p>", escaped(&errors))?;
    }
    for share in &report.shares {
        writeln!(page, "<p>{:.2} of the {}</p>", share.share, escaped(&share.of))?;
    }
    Ok(())
}

fn table(page: &mut String, title: &str, report: &Report) -> fmt::Result {
    writeln!(page, "<h2>{title}</h2>\n<table>")?;
    writeln!(page, "<tr><th></th><th>median</th><th>least</th><th>most</th><th></th></tr>")?;
    for figure in report.figures.iter().chain(&report.ceilings) {
        let numbers = [figure.median, figure.least, figure.most].map(print::number);
        writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escaped(&figure.name),
            numbers[0],
            numbers[1],
            numbers[2],
            escaped(&figure.unit)
        )?;
    }
    page.push_str("</table>\n");
    Ok(())
}

/// Rate and latency of every kind over time, round behind round.
fn plots(page: &mut String, timelines: &[Timeline]) -> fmt::Result {
    let mut kinds: Vec<&str> = Vec::new();
    for timeline in timelines {
        if !kinds.contains(&timeline.what.as_str()) {
            kinds.push(&timeline.what);
        }
    }
    for kind in kinds {
        let rounds: Vec<_> = timelines.iter().filter(|timeline| timeline.what == kind).collect();
        writeln!(page, "<h2>{}</h2>", escaped(kind))?;
        let rate = [("rate", "#2a6fbb", series(&rounds, |round| &round.rate))];
        page.push_str(&plot("messages a second", &rounds, &rate)?);
        let latency = [
            ("p50", "#2a8a4a", series(&rounds, |round| &round.p50)),
            ("p99", "#c9541d", series(&rounds, |round| &round.p99)),
        ];
        page.push_str(&plot("latency in us", &rounds, &latency)?);
    }
    Ok(())
}

/// What the broker had over time, round behind round.
fn courses(page: &mut String, courses: &[Course]) -> fmt::Result {
    let mut kinds: Vec<(&str, &str)> = Vec::new();
    for course in courses {
        if !kinds.contains(&(&course.what, &course.unit)) {
            kinds.push((&course.what, &course.unit));
        }
    }
    if !kinds.is_empty() {
        page.push_str("<h2>broker</h2>\n");
    }
    for (what, unit) in kinds {
        let (mut at, mut marks, mut pieces) = (0.0, Vec::new(), Vec::new());
        for round in courses.iter().filter(|course| course.what == what) {
            let mut points = Vec::new();
            for value in &round.values {
                points.push((at, *value));
                at += round.width;
            }
            marks.push(at);
            pieces.push(points);
        }
        let title = format!("{what} {unit}");
        let lines = vec![Line { name: "", colour: "#7a4fa0", pieces }];
        page.push_str(&Plot { title: title.trim_end(), marks, lines }.svg()?);
    }
    Ok(())
}

/// Points of time and value. Where nothing happened there is none.
fn series<'a>(
    rounds: &[&'a Timeline],
    values: impl Fn(&'a Timeline) -> &'a Vec<f64>,
) -> Vec<Vec<(f64, f64)>> {
    let mut begins = 0.0;
    let mut all = Vec::new();
    for round in rounds {
        let mut points = Vec::new();
        let mut at = begins;
        for (value, rate) in values(round).iter().zip(&round.rate) {
            if *rate > 0.0 {
                points.push((at, *value));
            }
            at += round.width;
        }
        begins = at;
        all.push(points);
    }
    all
}

type Series<'a> = (&'a str, &'a str, Vec<Vec<(f64, f64)>>);

fn plot(title: &str, rounds: &[&Timeline], lines: &[Series<'_>]) -> Result<String, fmt::Error> {
    let mut ends = Vec::new();
    for round in rounds {
        let width: f64 = round.rate.iter().map(|_| round.width).sum();
        ends.push(ends.last().copied().unwrap_or(0.0) + width);
    }
    let lines = lines
        .iter()
        .map(|(name, colour, pieces)| Line { name, colour, pieces: pieces.clone() })
        .collect();
    Plot { title, marks: ends, lines }.svg()
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::summary::{Better, Figure};

    #[test]
    fn a_page_has_figures_and_plots_and_needs_nothing_from_elsewhere() {
        let mut report = Report::new("a <b> & \"c\"".into(), "a broker".into());
        report.figures = vec![Figure::new("x<y", "us", Better::Lower, vec![1_234.0])];
        let timeline = |round| Timeline {
            what: "acknowledgement".into(),
            round,
            width: 0.1,
            rate: vec![10.0, 0.0, 30.0],
            p50: vec![1.0, 0.0, 2.0],
            p99: vec![5.0, 0.0, 9.0],
        };
        report.timelines = vec![timeline(1), timeline(2)];
        report.courses = vec![Course {
            what: "store".into(),
            unit: "MiB".into(),
            round: 1,
            width: 0.1,
            values: vec![3.0, 4.0],
        }];
        let page = page(&report).unwrap();
        assert!(page.contains("a &lt;b&gt; &amp; &quot;c&quot;") && page.contains("x&lt;y"));
        assert!(page.contains("1,234"));
        assert!(page.contains(">store MiB<"));
        assert_eq!(page.matches("<svg").count(), 3);
        assert_eq!(page.matches("</svg>").count(), 3);
        for outside in ["http", "src=", "href=", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
    }

    #[test]
    fn rounds_stand_behind_each_other_without_what_did_not_happen() {
        let round = Timeline {
            what: String::new(),
            round: 1,
            width: 0.5,
            rate: vec![1.0, 0.0, 2.0],
            p50: vec![7.0, 0.0, 8.0],
            p99: vec![],
        };
        let points = series(&[&round, &round], |round| &round.p50);
        assert_eq!(points, [[(0.0, 7.0), (1.0, 8.0)], [(1.5, 7.0), (2.5, 8.0)]]);
    }
}
