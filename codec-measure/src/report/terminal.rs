//! The table for the terminal at the end of a study.

use super::summary::{Summary, summaries};
use crate::plot::{number, short, signed};
use crate::refused::{fewer_clips, refused_clips};
use crate::reliability;
use crate::results::{Point, Results};
use crate::words::Words;

const BOLD: &str = "\x1b[1m";
const GREEN: &str = "\x1b[32m";
const RED: &str = "\x1b[31m";
const PLAIN: &str = "\x1b[0m";

/// One line for each arm, at most `width` characters wide if its first two columns allow it:
/// columns that do not fit are omitted, the last ones first. `colour` marks significant differences
/// from the anchor. Control characters in names become U+FFFD.
#[must_use]
pub fn table(results: &Results, width: usize, colour: bool) -> String {
    let rows = summaries(results);
    let mut columns = columns_of(results, &rows);
    while columns.len() > 2 && total(&columns) > width {
        columns.pop();
    }
    let mut out = String::new();
    if let Some(partial) = &results.partial {
        out.push_str(&format!("Partial: {partial}.\n\n"));
    }
    let heads: Vec<Cell> =
        columns.iter().map(|column| Cell { text: column.head.clone(), paint: BOLD }).collect();
    line(&mut out, &columns, &heads, colour);
    for index in 0..rows.len() {
        let cells: Vec<Cell> = columns.iter().map(|column| column.cells[index].clone()).collect();
        line(&mut out, &columns, &cells, colour);
    }
    let failed: usize = rows.iter().map(|row| row.failed).sum();
    let points: usize = rows.iter().map(|row| row.points).sum();
    let missing = rows.iter().filter(|row| !row.is_anchor && row.bd_rates.first() == Some(&None));
    let missing: Vec<String> = missing
        .map(|row| format!("No BD-rate for {}: {}.\n", clean(&row.arm.name), reason(results, row)))
        .collect();
    out.push_str(&format!("\nBD-rate against {}: ", clean(&results.anchor)));
    out.push_str("difference in bitrate at equal quality, in percent: mean over clips ");
    out.push_str("with its 95 % interval (none for one clip); below 0 is better.\n");
    out.push_str(&missing.concat());
    for row in &rows {
        let metric = results.metrics.first().map_or("", |metric| metric.id.as_str());
        if let Some(clips) = fewer_clips(results, &row.arm.name, metric) {
            let missing = refused_clips(results, &row.arm.name, metric);
            let missing: Vec<String> =
                missing.iter().map(|(clip, why)| clean(&format!("{clip} ({why})"))).collect();
            out.push_str(&format!(
                "BD-rate of {} over {clips}, without {}.\n",
                clean(&row.arm.name),
                missing.join(", ")
            ));
        }
        let weak = reliability::unreliable_clips(results, &row.arm.name, metric);
        if !weak.is_empty() {
            let list: Vec<_> =
                weak.iter().map(|(clip, why)| format!("{} ({why})", clean(clip))).collect();
            let arm = clean(&row.arm.name);
            out.push_str(&format!(
                "BD-rate of {arm} is based on little data: {}.\n",
                list.join(", ")
            ));
        }
    }
    out.push_str(&hulls(results));
    if failed > 0 {
        out.push_str(&format!("{failed} of {points} points failed.\n"));
    }
    for note in &results.notes {
        out.push_str(&format!("note: {}\n", clean(note)));
    }
    out
}

/// The points of each hull by the first metric with their sizes, for studies with several sizes.
fn hulls(results: &Results) -> String {
    let Some(metric) = results.metrics.first() else { return String::new() };
    let mut out = String::new();
    for arm in &results.arms {
        for clip in &results.clips {
            let on_hull = |point: &&Point| point.size.is_some() && point.is_on_curve(&metric.id);
            let mut points: Vec<&Point> =
                results.points_of(&arm.name, &clip.name).filter(on_hull).collect();
            points.sort_by(|a, b| a.kbps.total_cmp(&b.kbps));
            let sized = points
                .iter()
                .filter_map(|point| Some(format!("{} at {} kb/s", point.size?, short(point.kbps))));
            let sized: Vec<String> = sized.collect();
            if !sized.is_empty() {
                let (arm, clip) = (clean(&arm.name), clean(&clip.name));
                out.push_str(&format!(
                    "Sizes on the convex hull of {arm} on {clip}, by {}: {}.\n",
                    metric.name,
                    sized.join(", ")
                ));
            }
        }
    }
    out
}

/// Why an arm has no BD-rate by the first metric.
fn reason(results: &Results, row: &Summary<'_>) -> String {
    let metric = results.metrics.first().map(|metric| metric.id.as_str());
    let of_arm = results.comparisons.iter().find(|comparison| {
        comparison.arm == row.arm.name && Some(comparison.metric.as_str()) == metric
    });
    let refused =
        of_arm.and_then(|comparison| comparison.clips.iter().find_map(|clip| clip.refused.clone()));
    refused.map_or_else(|| "no points to compare".to_owned(), |why| clean(&why))
}

struct Column {
    head: String,
    left: bool,
    cells: Vec<Cell>,
}

#[derive(Clone)]
struct Cell {
    text: String,
    paint: &'static str,
}

impl Cell {
    fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), paint: "" }
    }
}

fn columns_of(results: &Results, rows: &[Summary<'_>]) -> Vec<Column> {
    let column = |head: &str, cell: &dyn Fn(&Summary<'_>) -> Cell| Column {
        head: clean(head),
        left: false,
        cells: rows.iter().map(cell).collect(),
    };
    let figure = |value: Option<f64>| Cell::plain(value.map_or_else(|| "–".into(), short));
    let bd_rate = |metric: usize| {
        move |row: &Summary<'_>| match row.bd_rates.get(metric).copied().flatten() {
            _ if row.is_anchor => Cell::plain("anchor"),
            None => Cell::plain("none"),
            Some(rate) => {
                let ends = rate
                    .interval
                    .map(|ends| format!(" [{}, {}]", signed(ends.low, 1), signed(ends.high, 1)));
                let text = signed(rate.value, 1) + &ends.unwrap_or_default();
                let paint = match rate.differs {
                    Some(true) if rate.value < 0.0 => GREEN,
                    Some(true) => RED,
                    _ => "",
                };
                Cell { text, paint }
            }
        }
    };
    let mut columns = vec![Column {
        head: "arm".into(),
        left: true,
        cells: rows.iter().map(|row| Cell::plain(clean(&row.arm.name))).collect(),
    }];
    if let Some(metric) = results.metrics.first() {
        columns.push(column(&format!("BD-rate {}, %", metric.name), &bd_rate(0)));
    }
    columns.push(column("CPU, ×", &|row| figure(row.cpu_ratio.map(|ratio| ratio.value))));
    let (words, is_audio) = (Words::of(results), results.is_audio());
    columns.push(column(words.speed_head, &|row| figure(row.fps)));
    if is_audio {
        columns.push(column(&format!("CPU ms per {}", words.per), &|row| figure(row.cpu_ms)));
    } else {
        columns.push(column("p95 ms", &|row| figure(row.latency.map(|latency| latency.p95))));
    }
    columns.push(column("rate error, %", &|row| figure(row.rate_error)));
    columns.push(column(words.frozen, &|row| Cell::plain(row.frozen.to_string())));
    if rows.iter().any(|row| row.failed > 0) {
        columns.push(column("failed", &|row| {
            let paint = if row.failed > 0 { RED } else { "" };
            Cell { text: format!("{}/{}", row.failed, row.points), paint }
        }));
    }
    if !is_audio {
        columns.push(column("p99 ms", &|row| figure(row.p99)));
    }
    columns.push(column("memory, MB", &|row| {
        Cell::plain(row.peak_rss.map_or_else(|| "–".into(), megabytes))
    }));
    for (index, metric) in results.metrics.iter().enumerate().skip(1) {
        columns.push(column(&format!("BD-rate {}, %", metric.name), &bd_rate(index)));
    }
    columns
}

/// Millions of bytes.
pub(crate) fn megabytes(bytes: u64) -> String {
    number(f64::from(u32::try_from(bytes / 100_000).unwrap_or(u32::MAX)) / 10.0, 1)
}

fn total(columns: &[Column]) -> usize {
    columns.iter().map(|column| column.width() + 2).sum::<usize>().saturating_sub(2)
}

impl Column {
    fn width(&self) -> usize {
        let texts = self.cells.iter().map(|cell| &cell.text).chain([&self.head]);
        texts.map(|text| text.chars().count()).max().unwrap_or(0)
    }
}

fn line(out: &mut String, columns: &[Column], cells: &[Cell], colour: bool) {
    let start = out.len();
    for (column, cell) in columns.iter().zip(cells) {
        let room = " ".repeat(column.width() - cell.text.chars().count());
        if out.len() > start {
            out.push_str("  ");
        }
        if !column.left {
            out.push_str(&room);
        }
        if colour && !cell.paint.is_empty() {
            out.push_str(&[cell.paint, &cell.text, PLAIN].concat());
        } else {
            out.push_str(&cell.text);
        }
        if column.left {
            out.push_str(&room);
        }
    }
    out.truncate(out.trim_end_matches(' ').len());
    out.push('\n');
}

fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
