//! The report for a person: one screen, aligned.

use super::{
    compare::Comparison,
    report::{DatabasePerMessage, Report},
    summary::{Better, Figure},
};
use std::io::{self, Write};

/// Width of what stands in front.
const LABEL: usize = 9;

/// Prints a report, and what a comparison with an earlier one shows.
pub fn print(
    out: &mut impl Write,
    report: &Report,
    compared: Option<&Comparison>,
) -> io::Result<()> {
    label(out, "workload", &report.workload)?;
    label(out, "broker", &report.broker)?;
    if let Some(plan) = &report.plan {
        let client = match plan.client {
            super::caller::ClientKind::Library => "broker-client",
            super::caller::ClientKind::Bare => "bare stubs",
        };
        label(out, "client", client)?;
        let rounds = format!(
            "{} of up to {:?} or {} messages, after {:?} of warming up",
            plan.rounds, plan.time, plan.messages, plan.warm_up
        );
        label(out, "rounds", &rounds)?;
    }
    table(out, &report.figures, compared)?;
    if !report.ceilings.is_empty() {
        writeln!(out, "\nwithout a broker, in the same run")?;
        table(out, &report.ceilings, None)?;
    }
    if !report.shares.is_empty() || report.per_stored_message.is_some() {
        writeln!(out)?;
    }
    for share in &report.shares {
        let (ours, ceiling) = (number(share.ours), number(share.ceiling));
        let unit = &share.unit;
        writeln!(
            out,
            "share     {:.2} of the {}: {ours} of {ceiling} {unit}",
            share.share, share.of
        )?;
    }
    if let Some(per) = report.per_stored_message {
        let stored = format!("for each of {} stored messages", per.stored);
        match per.database {
            Some(DatabasePerMessage { statements, round_trips }) => {
                let text =
                    format!("{statements:.4} statements and {round_trips:.4} round trips {stored}");
                label(out, "database", &text)?;
            }
            None => {
                let (syncs, bytes) = (per.syncs, per.written_bytes);
                let text =
                    format!("{syncs:.4} syncs and {bytes:.0} bytes written by the store {stored}");
                label(out, "disk", &text)?;
            }
        }
    }
    writeln!(out)?;
    let mut errors: Vec<_> =
        report.errors.iter().map(|(status, times)| format!("{times} {status}")).collect();
    if errors.is_empty() {
        errors.push("none".to_owned());
    }
    label(out, "errors", &errors.join(", "))?;
    let verdict = if report.audit.faults.is_clean() { "clean" } else { "FAULTS FOUND" };
    label(out, "audit", &format!("{verdict}; {}", report.audit))?;
    if let Some(compared) = compared {
        label(out, "compared", &compared.words())?;
    }
    Ok(())
}

fn label(out: &mut impl Write, name: &str, text: &str) -> io::Result<()> {
    writeln!(out, "{name:LABEL$} {text}")
}

fn table(
    out: &mut impl Write,
    figures: &[Figure],
    compared: Option<&Comparison>,
) -> io::Result<()> {
    let width = figures.iter().map(|figure| figure.name.len()).max().unwrap_or(0);
    writeln!(out, "\n{:width$} {:>13} {:>13} {:>13}", "", "median", "least", "most")?;
    for figure in figures {
        let Figure { name, unit, median, least, most, .. } = figure;
        let (median, least, most) = (number(*median), number(*least), number(*most));
        write!(out, "{name:width$} {median:>13} {least:>13} {most:>13} {unit}")?;
        if let Some(change) = compared.and_then(|compared| compared.of(name)) {
            let beyond = match (change.is_beyond_spread, change.ratio > 1.0, figure.better) {
                (false, ..) => "",
                (true, true, Better::Higher) | (true, false, Better::Lower) => "  better",
                (true, ..) => "  WORSE",
            };
            let room = 6_usize.saturating_sub(unit.len());
            write!(out, "{:room$}x{:.3}{beyond}", "", change.ratio)?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// With a comma between thousands, and decimals where the number is small.
pub fn number(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 1.0 => 1,
        _ => 3,
    };
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let (sign, digits) = whole.split_at(usize::from(whole.starts_with('-')));
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::audit::Faults;

    #[test]
    fn numbers_are_readable() {
        for (value, text) in [
            (0.0, "0.000"),
            (0.0123, "0.012"),
            (9.96, "10.0"),
            (999.4, "999"),
            (1_234_567.8, "1,234,568"),
            (-12_345.0, "-12,345"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn a_report_is_aligned_and_ends_with_its_audit() {
        let mut report = Report::new("words".into(), "a broker".into());
        report.figures = vec![
            Figure::new("messages sent", "/s", Better::Higher, vec![1_000.0, 3_000.0, 2_000.0]),
            Figure::new("p50", "us", Better::Lower, vec![1.5]),
        ];
        report.errors = [("OVERLOADED".to_owned(), 3)].into();
        report.audit.faults = Faults { lost: 1, ..Faults::default() };
        let mut out = Vec::new();
        print(&mut out, &report, None).unwrap();
        let text = String::from_utf8(out).unwrap();
        let expected = "\
workload  words
broker    a broker

                     median         least          most
messages sent         2,000         1,000         3,000 /s
p50                     1.5           1.5           1.5 us

errors    3 OVERLOADED
audit     FAULTS FOUND; 0 checked: 1 lost, 0 duplicated, 0 reordered, 0 early, 0 late, 0 wrong
";
        assert_eq!(text, expected);
    }
}
