//! A per-frame report, as CSV or JSON.

use std::io::{BufWriter, Write};
use std::path::Path;

use codec_core::codec::DropReason;

use crate::Env;
use crate::failure::{Failure, Result};
use crate::io::output::{OutputFile, OutputRules};
use crate::json::{self, Object};

/// The format of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportFormat {
    /// Comma-separated values, one line per frame.
    Csv,
    /// One JSON object.
    Json,
}

impl ReportFormat {
    /// Returns the format for the extension of a file name.
    ///
    /// # Errors
    /// If the extension is neither `csv` nor `json`.
    pub fn of(path: &Path) -> Result<Self> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => Ok(Self::Csv),
            Some("json") => Ok(Self::Json),
            _ => Err(Failure::usage(format!(
                "invalid --report {}: expected a name ending in .csv or .json",
                path.display()
            ))),
        }
    }
}

/// The name of a drop reason.
pub fn drop_name(reason: DropReason) -> &'static str {
    match reason {
        DropReason::BufferLow => "buffer low",
        DropReason::OverCap => "over cap",
        DropReason::LayerOff => "layer off",
        _ => "other",
    }
}

/// The result of a frame.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Row {
    /// Number of the input frame, from 0.
    pub frame: u64,
    pub(crate) pts: i64,
    /// `key`, `inter`, `altref` (not shown) or `drop`.
    pub(crate) kind: &'static str,
    pub(crate) layer: u8,
    pub(crate) bytes: u64,
    pub(crate) qindex: Option<u8>,
    pub(crate) target_bits: Option<u64>,
    pub(crate) buffer_bits: Option<i64>,
    /// Duration of the encoder call that returned the packet.
    pub(crate) encode_us: u64,
    pub(crate) psnr: Option<[f64; 3]>,
    pub(crate) ssim: Option<f64>,
    pub(crate) drop_reason: Option<&'static str>,
    pub(crate) speed: Option<u8>,
    /// Whether the encoder met the frame's deadline: `met` or `missed`.
    pub(crate) deadline: Option<&'static str>,
    /// Look-ahead: number of later frames that the encoder held when it returned the packet.
    pub(crate) held: Option<u64>,
    /// Allocations of the call that returned the packet, on its thread.
    pub(crate) allocations: Option<u64>,
}

/// Columns with their units; new ones are appended.
const COLUMNS: &str = "frame,pts_ticks,type,layer,bytes,qindex,target_bits,buffer_bits,encode_us,\
                       psnr_y_db,psnr_u_db,psnr_v_db,ssim,drop_reason,simd,speed,deadline,held_frames,\
                       allocations";

/// A report under construction.
pub(crate) struct Report {
    output: OutputFile,
    out: BufWriter<Box<dyn Write + Send>>,
    format: ReportFormat,
    level: &'static str,
    rows: u64,
}

impl Report {
    /// Creates the file. `header`: settings of the whole run, for JSON.
    pub(crate) fn create(
        path: &Path,
        format: ReportFormat,
        rules: &OutputRules,
        header: Object,
        env: &Env,
    ) -> Result<Self> {
        let output = OutputFile::create(path, rules)?;
        let out = BufWriter::new(output.writer()?);
        let level = env.level.name();
        let mut report = Self { output, out, format, level, rows: 0 };
        match format {
            ReportFormat::Csv => report.put(&format!("{COLUMNS}\r\n"))?,
            ReportFormat::Json => {
                let header = header.text("simd", level).finish();
                report.put(header.trim_end_matches('}'))?;
                report.put(",\"frames\":[")?;
            }
        }
        Ok(report)
    }

    fn put(&mut self, text: &str) -> Result<()> {
        let written = self.out.write_all(text.as_bytes());
        written.map_err(|error| Failure::output(&self.output.name, error))
    }

    pub(crate) fn write(&mut self, row: &Row) -> Result<()> {
        let line = match self.format {
            ReportFormat::Csv => self.csv(row),
            ReportFormat::Json => {
                let separator = if self.rows == 0 { "\n" } else { ",\n" };
                format!("{separator}{}", json_row(row))
            }
        };
        self.rows += 1;
        self.put(&line)
    }

    fn csv(&self, row: &Row) -> String {
        fn cell<T: ToString>(value: Option<T>) -> String {
            value.map_or_else(String::new, |value| value.to_string())
        }
        let psnr = |plane: usize| cell(row.psnr.map(|psnr| json::float(psnr[plane])));
        let cells = [
            row.frame.to_string(),
            row.pts.to_string(),
            row.kind.to_owned(),
            row.layer.to_string(),
            row.bytes.to_string(),
            cell(row.qindex),
            cell(row.target_bits),
            cell(row.buffer_bits),
            row.encode_us.to_string(),
            psnr(0),
            psnr(1),
            psnr(2),
            cell(row.ssim.map(json::float)),
            cell(row.drop_reason),
            self.level.to_owned(),
            cell(row.speed),
            cell(row.deadline),
            cell(row.held),
            cell(row.allocations),
        ];
        format!("{}\r\n", cells.join(","))
    }

    /// Completes the file and renames it. `summary`: totals, for JSON.
    pub(crate) fn finish(mut self, summary: &str) -> Result<()> {
        if self.format == ReportFormat::Json {
            self.put(&format!("\n],\"summary\":{summary}}}\n"))?;
        }
        self.out.flush().map_err(|error| Failure::output(&self.output.name, error))?;
        self.output.commit()
    }
}

fn json_row(row: &Row) -> String {
    let psnr = |plane: usize| row.psnr.map(|psnr| json::float(psnr[plane]));
    Object::new()
        .raw("frame", row.frame)
        .raw("pts", row.pts)
        .text("type", row.kind)
        .raw("layer", row.layer)
        .raw("bytes", row.bytes)
        .maybe("qindex", row.qindex)
        .maybe("target_bits", row.target_bits)
        .maybe("buffer_bits", row.buffer_bits)
        .raw("encode_us", row.encode_us)
        .maybe("psnr_y", psnr(0))
        .maybe("psnr_u", psnr(1))
        .maybe("psnr_v", psnr(2))
        .maybe("ssim", row.ssim.map(json::float))
        .maybe("drop_reason", row.drop_reason.map(json::text))
        .maybe("speed", row.speed)
        .maybe("deadline", row.deadline.map(json::text))
        .maybe("held_frames", row.held)
        .maybe("allocations", row.allocations)
        .finish()
}
