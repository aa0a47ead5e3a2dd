//! Lines over time, as SVG.

use crate::bench::print::number;
use std::fmt::{self, Write};

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 80.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 28.0;
/// Lines across.
const STEPS: u8 = 4;

/// One diagram, from 0 upwards.
pub struct Plot<'a> {
    pub title: &'a str,
    /// Times at which a round ends, in seconds, ascending.
    pub marks: Vec<f64>,
    pub lines: Vec<Line<'a>>,
}

/// A line in pieces, each of points of seconds and values.
pub struct Line<'a> {
    pub name: &'a str,
    pub colour: &'a str,
    pub pieces: Vec<Vec<(f64, f64)>>,
}

impl Plot<'_> {
    pub fn svg(&self) -> Result<String, fmt::Error> {
        let mut svg = String::new();
        let (right, highest) = (self.right(), self.highest());
        writeln!(
            svg,
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
            self.title
        )?;
        writeln!(svg, "<text x=\"{LEFT}\" y=\"14\">{}</text>", self.title)?;
        for step in 0..=STEPS {
            let value = highest * f64::from(step) / f64::from(STEPS);
            let y = y(value, highest);
            writeln!(
                svg,
                "<path d=\"M{LEFT} {y:.1}H{WIDTH}\" stroke=\"#8884\"/><text x=\"{:.0}\" y=\"{:.1}\" \
                 text-anchor=\"end\">{}</text>",
                LEFT - 6.0,
                y + 4.0,
                number(value)
            )?;
        }
        for mark in &self.marks {
            let x = x(*mark, right);
            writeln!(
                svg,
                "<path d=\"M{x:.1} {TOP}V{:.0}\" stroke=\"#8888\" stroke-dasharray=\"3 3\"/>\
                 <text x=\"{x:.1}\" y=\"{:.0}\" text-anchor=\"end\">{mark:.1} s</text>",
                HEIGHT - BOTTOM,
                HEIGHT - 10.0
            )?;
        }
        for (line, place) in self.lines.iter().zip(0_u8..) {
            let Line { name, colour, pieces } = line;
            let legend = WIDTH - 60.0 * f64::from(place) - 40.0;
            writeln!(
                svg,
                "<text x=\"{legend:.0}\" y=\"14\" style=\"fill:{colour}\">{name}</text>"
            )?;
            for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
                let mut points = String::new();
                for (at, value) in piece {
                    write!(points, "{:.1},{:.1} ", x(*at, right), y(*value, highest))?;
                }
                writeln!(
                    svg,
                    "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>",
                    points.trim_end()
                )?;
            }
        }
        svg.push_str("</svg>\n");
        Ok(svg)
    }

    fn right(&self) -> f64 {
        self.marks.last().copied().unwrap_or(0.0).max(1e-9)
    }

    /// The top of the diagram: a round number above all values.
    fn highest(&self) -> f64 {
        let values = self.lines.iter().flat_map(|line| line.pieces.iter().flatten());
        let most = values.map(|(_, value)| *value).fold(0.0, f64::max);
        let size = 10_f64.powf(most.max(1e-3).log10().floor());
        let steps = [1.0, 2.0, 4.0, 6.0, 8.0, 10.0];
        steps.iter().map(|step| step * size).find(|top| *top >= most).unwrap_or(10.0 * size)
    }
}

fn x(at: f64, right: f64) -> f64 {
    LEFT + (WIDTH - LEFT) * (at / right).min(1.0)
}

fn y(value: f64, highest: f64) -> f64 {
    HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (value / highest).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_from_the_left_edge_to_the_right_and_to_its_height() {
        let line = Line { name: "p50", colour: "red", pieces: vec![vec![(0.0, 0.0), (2.0, 4.0)]] };
        let svg = Plot { title: "t", marks: vec![2.0], lines: vec![line] }.svg().unwrap();
        assert!(svg.contains("points=\"80.0,212.0 900.0,24.0\""), "{svg}");
        assert!(svg.contains("2.0 s") && svg.contains(">p50<"));
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        let line = Line { name: "p50", colour: "red", pieces: vec![vec![]] };
        let svg = Plot { title: "t", marks: vec![], lines: vec![line] }.svg().unwrap();
        assert!(!svg.contains("polyline") && !svg.contains("NaN"), "{svg}");
    }
}
