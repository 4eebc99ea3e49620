//! BD-rate of two encoders from a CSV file with the columns `encoder,kbps,quality`: how many percent
//! more bits the second encoder needs than the first at equal quality.
//!
//! `cargo run -p codec-measure --example bd_rate -- points.csv`

#![forbid(unsafe_code)]

use std::error::Error;
use std::io::Write;

use codec_measure::bd::{Difference, Interpolation, RatePoint, bd_metric, bd_rate};

/// The name of an encoder and its rate-distortion curve.
type Curve = (String, Vec<RatePoint>);

/// The curves of a file, in the order of their first appearance.
fn parse(csv: &str) -> Result<Vec<Curve>, Box<dyn Error>> {
    let mut curves: Vec<Curve> = Vec::new();
    for line in csv.lines().filter(|line| !line.is_empty() && !line.starts_with("encoder,")) {
        let cells: Vec<_> = line.split(',').collect();
        let [name, kbps, quality] = cells[..] else { return Err(line.into()) };
        let point = RatePoint { kbps: kbps.trim().parse()?, quality: quality.trim().parse()? };
        match curves.iter_mut().find(|(known, _)| known == name) {
            Some((_, points)) => points.push(point),
            None => curves.push((name.to_owned(), vec![point])),
        }
    }
    Ok(curves)
}

/// The BD-rate in percent, below 0 if the second encoder needs fewer bits, and the BD-metric in
/// units of the quality, for example dB.
///
/// # Errors
/// If there are not two curves, or they share no range of quality or of bitrate.
pub fn compare(csv: &str) -> Result<(Difference, Difference), Box<dyn Error>> {
    let curves = parse(csv)?;
    let [(_, anchor), (_, test)] = &curves[..] else { return Err("expected two encoders".into()) };
    let rate = bd_rate(anchor, test, Interpolation::Pchip)?;
    Ok((rate, bd_metric(anchor, test, Interpolation::Pchip)?))
}

/// Takes the name of a file.
///
/// # Errors
/// As for [`compare`].
pub fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: bd_rate FILE.csv")?;
    let (rate, metric) = compare(&std::fs::read_to_string(path)?)?;
    writeln!(
        std::io::stdout(),
        "BD-rate {:+.2} %, BD-metric {:+.3}; the curves share quality {:.2} to {:.2}",
        rate.value,
        metric.value,
        rate.from,
        rate.to
    )?;
    Ok(())
}
