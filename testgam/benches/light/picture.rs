//! Curves as a picture in SVG: a column each, above the time, below the memory, with logarithmic axes.
//!
//! Invariant: a decade is as wide as it is high, so a line that rises by one in one is growth in proportion.

use std::fmt::Write;

/// How far something has grown.
pub struct Curve {
    pub what: &'static str,
    pub points: Vec<Point>,
}

/// What was measured for so many.
pub struct Point {
    pub count: usize,
    pub ms: f64,
    /// With inotify alone.
    pub raw_ms: Option<f64>,
    /// Milliseconds on a processor, and MiB more than before.
    pub server: (f64, f64),
    pub client: (f64, f64),
}

/// A decade, in pixels.
const DECADE: f64 = 64.0;
/// The decades that are shown: of counts (from the first one of a curve), of milliseconds, and of MiB.
const COUNTS: i32 = 3;
const TIMES: (i32, i32) = (-1, 4);
const SIZES: (i32, i32) = (-2, 3);
/// Room for what is written beside and above a panel.
const LEFT: f64 = 58.0;
const ABOVE: f64 = 48.0;

const WIDTH: f64 = LEFT + COUNTS as f64 * DECADE + 30.0;
const HEIGHT: f64 = ABOVE + (TIMES.1 - TIMES.0) as f64 * DECADE + 24.0;

/// Colours of lines.
const TIME: &str = "#1f5f8b";
const RAW: &str = "#999";
const SERVER: &str = "#b5482f";
const CLIENT: &str = "#5a8f3c";

/// Draws curves beside each other.
pub fn draw(curves: &[Curve]) -> String {
    let (width, height) = (WIDTH * curves.len() as f64, 2.0 * HEIGHT);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for (column, curve) in curves.iter().enumerate() {
        let first = curve.points.first().map_or(0, |point| (point.count as f64).log10().floor() as i32);
        let left = LEFT + column as f64 * WIDTH;
        let mut panel = Panel { svg: &mut svg, left, top: ABOVE, first, lowest: TIMES.0, highest: TIMES.1 };
        panel.frame(&format!("{}: ms", curve.what));
        let raw = curve.points.iter().filter_map(|point| Some((point.count, point.raw_ms?)));
        panel.line(1.0, RAW, "inotify alone", raw);
        panel.line(0.0, TIME, "ours", curve.points.iter().map(|point| (point.count, point.ms)));
        panel = Panel { top: ABOVE + HEIGHT, lowest: SIZES.0, highest: SIZES.1, ..panel };
        panel.frame("more memory: MiB");
        panel.line(0.0, SERVER, "server", curve.points.iter().map(|point| (point.count, point.server.1)));
        panel.line(1.0, CLIENT, "client", curve.points.iter().map(|point| (point.count, point.client.1)));
    }
    svg.push_str("</svg>\n");
    svg
}

/// A pair of axes.
struct Panel<'a> {
    svg: &'a mut String,
    left: f64,
    top: f64,
    /// The decades at which the axes begin, and the one at which the vertical ends.
    first: i32,
    lowest: i32,
    highest: i32,
}

impl Panel<'_> {
    fn x(&self, count: f64) -> f64 {
        self.left + (count.log10() - f64::from(self.first)) * DECADE
    }

    /// What is too small to be shown lies on the axis.
    fn y(&self, value: f64) -> f64 {
        let decade = value.log10().clamp(f64::from(self.lowest), f64::from(self.highest));
        self.top + (f64::from(self.highest) - decade) * DECADE
    }

    fn frame(&mut self, title: &str) {
        let (left, right) = (self.left, self.left + f64::from(COUNTS) * DECADE);
        let (top, bottom) = (self.top, self.top + f64::from(self.highest - self.lowest) * DECADE);
        self.text(left, top - 12.0, "start", "black", title);
        for decade in self.lowest..=self.highest {
            let y = self.y(10_f64.powi(decade));
            self.rule(left, y, right, y);
            self.text(left - 6.0, y + 4.0, "end", "#555", &shown(decade));
        }
        for decade in self.first..=self.first + COUNTS {
            let x = self.x(10_f64.powi(decade));
            self.rule(x, top, x, bottom);
            self.text(x, bottom + 15.0, "middle", "#555", &shown(decade));
        }
    }

    /// The row is that of its name, in the upper corner.
    fn line(&mut self, row: f64, colour: &str, name: &str, points: impl Iterator<Item = (usize, f64)>) {
        let points: Vec<_> = points.map(|(count, value)| (self.x(count as f64), self.y(value))).collect();
        let path: Vec<_> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(
            self.svg,
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" points=\"{}\"/>",
            path.join(" ")
        );
        for (x, y) in &points {
            let _ = writeln!(self.svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>");
        }
        self.text(self.left + 8.0, self.top + 16.0 + row * 15.0, "start", colour, name);
    }

    fn rule(&mut self, x1: f64, y1: f64, x2: f64, y2: f64) {
        let _ = writeln!(
            self.svg,
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"#ddd\"/>"
        );
    }

    fn text(&mut self, x: f64, y: f64, anchor: &str, colour: &str, text: &str) {
        let _ = writeln!(
            self.svg,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{text}</text>"
        );
    }
}

/// A power of ten.
fn shown(decade: i32) -> String {
    match decade {
        0..3 => 10_u32.pow(decade.unsigned_abs()).to_string(),
        3..6 => format!("{},000", 10_u32.pow(decade.unsigned_abs() - 3)),
        6.. => format!("{},000,000", 10_u32.pow(decade.unsigned_abs() - 6)),
        _ => format!("0.{}1", "0".repeat(decade.unsigned_abs() as usize - 1)),
    }
}
