//! Bars, as SVG.

use std::fmt::Write as _;

/// A bar and what it is called.
pub struct Bar {
    pub label: String,
    pub value: f64,
    /// Drawn in the stronger colour.
    pub ours: bool,
}

const LABELS: f64 = 230.0;
const BARS: f64 = 420.0;
const ROW: f64 = 24.0;

/// Horizontal bars; with `logarithmic`, each tenth of the width the same factor.
pub fn bars(title: &str, unit: &str, logarithmic: bool, bars: &[Bar]) -> String {
    let height = 44.0 + ROW * bars.len() as f64;
    let width = LABELS + BARS + 110.0;
    let most = bars.iter().map(|bar| bar.value).fold(1.0, f64::max);
    let scale = |value: f64| {
        let part = if logarithmic {
            value.max(1.0).ln() / most.ln()
        } else {
            value / most
        };
        (part * BARS).max(1.0)
    };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"10\" y=\"22\" font-weight=\"bold\" fill=\"#222222\">{}</text>\n",
        escaped(title)
    );
    for (index, bar) in bars.iter().enumerate() {
        let y = 36.0 + ROW * index as f64;
        let (colour, value) = (if bar.ours { "#b7410e" } else { "#8a9ba8" }, thousands(bar.value));
        let _ = writeln!(
            svg,
            "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\" fill=\"#222222\">{}</text>\
             <rect x=\"{LABELS}\" y=\"{y:.0}\" width=\"{:.1}\" height=\"17\" fill=\"{colour}\"/>\
             <text x=\"{:.1}\" y=\"{:.0}\" fill=\"#222222\">{value} {unit}</text>",
            LABELS - 8.0,
            y + 13.0,
            escaped(&bar.label),
            scale(bar.value),
            LABELS + scale(bar.value) + 6.0,
            y + 13.0,
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// With commas between thousands.
pub fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index != 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
