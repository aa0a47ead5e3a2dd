//! How much of a ceiling was reached.

use crate::bench::{
    report::Share,
    summary::{Figure, rate_name},
};

/// The part that `ours` is of a ceiling; `None` of one that was not measured.
pub fn share(of: &str, unit: &str, ours: f64, ceiling: f64) -> Option<Share> {
    (ceiling > 0.0).then(|| Share {
        of: of.to_owned(),
        unit: unit.to_owned(),
        ours,
        ceiling,
        share: ours / ceiling,
    })
}

/// Acknowledged messages a second, of the records a second of what lies under the store.
pub fn of_rate(of: &str, ours: &[Figure], measured: &[Figure]) -> Option<Share> {
    let ours = find(ours, &rate_name("acknowledged"))?;
    share(of, "/s", ours, measured.first()?.median)
}

/// How much longer an acknowledgement took than the empty handler's, in writes of what lies under the
/// store; all by p50.
pub fn beyond(of: &str, ours: &[Figure], handler: &[Figure], measured: &[Figure]) -> Option<Share> {
    let p50 = "acknowledgement p50";
    let write = measured.iter().find(|figure| figure.name.ends_with(" p50"))?.median;
    share(of, "us", find(ours, p50)? - find(handler, p50)?, write)
}

fn find(figures: &[Figure], name: &str) -> Option<f64> {
    figures.iter().find(|figure| figure.name == name).map(|figure| figure.median)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::summary::Better;

    fn figure(name: &str, value: f64) -> Figure {
        Figure::new(name, "", Better::Lower, vec![value])
    }

    #[test]
    fn a_rate_is_a_part_of_the_ceilings_rate() {
        let ours = [figure("messages delivered", 9.0), figure("messages acknowledged", 30_000.0)];
        let share = of_rate("rows", &ours, &[figure("rows, records", 40_000.0)]).unwrap();
        assert_eq!((share.share, share.ours, share.ceiling), (0.75, 30_000.0, 40_000.0));
        assert_eq!(of_rate("rows", &ours, &[figure("rows, records", 0.0)]), None);
        assert_eq!(of_rate("rows", &ours[..1], &[figure("rows, records", 1.0)]), None);
    }

    #[test]
    fn what_an_acknowledgement_takes_beyond_the_handlers_is_counted_in_writes() {
        let p50 = |value| [figure("acknowledgement p50", value)];
        let measured =
            [figure("row, records", 5.0), figure("row, write p50", 200.0), figure("row p99", 9.0)];
        let share = beyond("writes", &p50(400.0), &p50(100.0), &measured).unwrap();
        assert_eq!((share.share, share.ours, share.ceiling), (1.5, 300.0, 200.0));
        assert_eq!(beyond("writes", &p50(400.0), &[], &measured), None);
    }
}
