//! Writes a CSV row for each frame of a simulation.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use codec_media::failure::{Failure, Result};
use codec_media::io::output::{OutputFile, OutputRules};
use codec_media::json::float;

use super::frame::FrameRecord;

/// Columns with their units; new ones are appended.
const COLUMNS: &str = "frame,pts_ticks,capture_ms,fate,type,requested,layer,qindex,bytes,packets,\
                       drop_reason,sent_ms,arrived_ms,ready_ms,shown_ms,delay_ms,complete,decodable,\
                       missing_packets,concealed_mbs,damaged,seen_frame,psnr_y_db,psnr_u_db,\
                       psnr_v_db,ssim,coded_psnr_y_db,coded_ssim";

/// Writes the file.
pub(super) fn write(records: &[FrameRecord], path: &Path, rules: &OutputRules) -> Result<()> {
    let file = OutputFile::create(path, rules)?;
    let mut out = BufWriter::new(file.writer()?);
    let mut write = || -> std::io::Result<()> {
        write!(out, "{COLUMNS}\r\n")?;
        for (frame, record) in records.iter().enumerate() {
            write!(out, "{}\r\n", row(frame, record))?;
        }
        out.flush()
    };
    write().map_err(|error| Failure::output(&file.name, error))?;
    drop(out);
    file.commit()
}

fn cell<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

fn millis(time: Option<Duration>) -> String {
    cell(time.map(|time| float(time.as_secs_f64() * 1e3)))
}

fn row(frame: usize, record: &FrameRecord) -> String {
    let FrameRecord { coded, received, decoded, seen, .. } = record;
    let kind = coded.map(|coded| if coded.is_key { "key" } else { "inter" });
    let cells = [
        frame.to_string(),
        record.pts.to_string(),
        millis(Some(record.capture)),
        record.fate().name().to_owned(),
        cell(kind),
        cell(coded.map(|coded| u8::from(coded.requested))),
        cell(coded.map(|coded| coded.layer)),
        cell(coded.map(|coded| coded.qindex)),
        cell(coded.map(|coded| coded.bytes)),
        cell(coded.map(|coded| coded.packets)),
        cell(record.dropped),
        millis(record.sent),
        millis(received.map(|received| received.arrived)),
        millis(decoded.map(|decoded| decoded.ready)),
        millis(record.shown()),
        millis(record.delay()),
        cell(received.map(|received| u8::from(received.complete))),
        cell(received.map(|received| u8::from(received.decodable))),
        cell(received.map(|received| received.missing_packets)),
        cell(decoded.map(|decoded| decoded.concealed_mbs)),
        cell(decoded.map(|decoded| u8::from(decoded.damaged))),
        cell(seen.map(|seen| seen.frame)),
        cell(seen.map(|seen| float(seen.score.psnr.y))),
        cell(seen.map(|seen| float(seen.score.psnr.u))),
        cell(seen.map(|seen| float(seen.score.psnr.v))),
        cell(seen.map(|seen| float(seen.score.ssim))),
        cell(coded.map(|coded| float(coded.score.psnr.y))),
        cell(coded.map(|coded| float(coded.score.ssim))),
    ];
    cells.join(",")
}
