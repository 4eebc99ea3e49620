//! Table cells that several tables of the report page share.

use super::controls::sample;
use crate::plot::{escape, number, short};
use crate::report::tables::{Cell, Row, long};
use crate::results::{Clip, Point, Results};

pub(super) fn arm_cell(results: &Results, arm: &str) -> Cell {
    Cell {
        html: format!("{}{}", sample(results, arm, false), escape(arm)),
        sort: None,
        class: if long(arm).is_empty() { "arm" } else { "arm long" },
    }
}

pub(super) fn arm_index(results: &Results, name: &str) -> Option<usize> {
    results.arms.iter().position(|arm| arm.name == name)
}

pub(super) fn clip_index(results: &Results, name: &str) -> Option<usize> {
    results.clips.iter().position(|clip| clip.name == name)
}

/// A value of a metric, with decimals according to its magnitude.
pub(super) fn digits(value: f64) -> String {
    number(value, if value.abs() < 2.0 { 4 } else { 2 })
}

/// `640 × 480, 300 frames at 30`, or `48 kHz, 2 channels, 10.5 s`.
pub(super) fn format_of(clip: &Clip) -> String {
    match clip.audio {
        Some(audio) => format!("{audio}, {} s", short(clip.seconds)),
        None => {
            let Clip { width, height, frames, fps, .. } = clip;
            format!("{width} × {height}, {frames} frames at {}", short(*fps))
        }
    }
}

pub(super) fn bytes(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

pub(super) fn names_of(results: &Results, point: &Point) -> Vec<Cell> {
    vec![arm_cell(results, &point.arm), Cell::text(&point.clip)]
}

pub(super) fn row_of(results: &Results, point: &Point, cells: Vec<Cell>) -> Row {
    Row { arm: arm_index(results, &point.arm), clip: clip_index(results, &point.clip), cells }
}

/// Escapes like [`escape`], but keeps line breaks.
pub(super) fn pre(text: &str) -> String {
    text.lines().map(escape).collect::<Vec<_>>().join("\n")
}
