//! Runs one encoding, and measures its time and memory.

use std::fs;
use std::path::Path;
use std::time::Duration;

use codec_measure::results::Target;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::stop::Stop;

use super::arm::Arm;

use super::session::{Session, now_s};
use super::store::{FrameLog, PointStore, Run, digest_of};
use crate::process::{self, ProcessError};

/// The exit code of our encoder if it does not reach a quality.
const MISSED: i32 = Kind::Check as i32;

/// Runs a command that writes a stream, and measures it. `Err(Ok(why))` means that this point has
/// no results.
pub(super) fn encode(
    (arm, target): (&Arm, Target),
    argv: &[String],
    (output, report): (&Path, &Path),
    limit: Duration,
    stop: &Stop,
) -> Result<std::result::Result<Run, String>> {
    let accepted = arm.may_miss(target).then_some(MISSED);
    let (usage, missed_target) = match process::run_accepting(accepted, argv, limit, stop) {
        Ok(ended) => ended,
        Err(ProcessError::Interrupted) => {
            return Err(Failure::new(Kind::Interrupted, "interrupted"));
        }
        Err(ProcessError::Failed(why)) => return Ok(Err(why)),
    };
    let size = fs::metadata(output).map_or(0, |found| found.len());
    if size == 0 {
        let program = argv.first().map_or("", String::as_str);
        return Ok(Err(format!("{program} wrote nothing to {{out}}")));
    }
    let frames = if arm.reports() {
        let text = fs::read_to_string(report).map_err(|error| {
            Failure::new(Kind::Internal, format!("cannot read {}: {error}", report.display()))
        })?;
        let _ = fs::remove_file(report);
        Some(frame_log(&text).ok_or_else(|| Failure::internal("cannot read an encoder report"))?)
    } else {
        None
    };
    Ok(Ok(Run { usage, digest: digest_of(output)?, frames, missed_target, ..Run::default() }))
}

/// Parses the output of `codec encode --report`.
fn frame_log(text: &str) -> Option<FrameLog> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next()?.split(',').collect();
    let column = |name: &str| names.iter().position(|found| *found == name);
    let (frame, kind, bytes, encode) =
        (column("frame")?, column("type")?, column("bytes")?, column("encode_us")?);
    let (held, allocations) = (column("held_frames"), column("allocations"));
    let mut log = FrameLog::default();
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let cell = |at: usize| cells.get(at).copied();
        if cell(kind)? == "drop" {
            log.dropped += 1;
            continue;
        }
        let number = |at: Option<usize>| at.and_then(cell).and_then(|text| text.parse().ok());
        log.frame.push(cell(frame)?.parse().ok()?);
        log.shown.push(cell(kind)? != "altref");
        log.bytes.push(cell(bytes)?.parse().ok()?);
        log.encode_us.push(cell(encode)?.parse().ok()?);
        log.held.push(number(held).unwrap_or(0).try_into().unwrap_or(u32::MAX));
        log.allocations.extend(number(allocations));
    }
    Some(log)
}

/// Whether the measurement is already stored.
pub(super) fn is_known(arm: &Arm, store: &PointStore, number: u32) -> bool {
    known(arm, store, number).is_some()
}

fn known(arm: &Arm, store: &PointStore, number: u32) -> Option<Run> {
    store.run(number).filter(|_| store.stream(arm.extension()).is_file())
}

/// Measures an encoding, unless its result is already stored.
pub(super) fn measure(
    (arm, target): (&Arm, Target),
    argv: &[String],
    store: &PointStore,
    number: u32,
    limit: Duration,
    (session, stop): (&Session, &Stop),
) -> Result<std::result::Result<Run, String>> {
    if let Some(run) = known(arm, store, number) {
        return Ok(Ok(run));
    }
    let extension = arm.extension();
    let has_stream = store.stream(extension).is_file();
    let (output, report) = (store.temporary(extension), store.temporary("csv"));
    let _ = fs::remove_file(&output);
    let (begun_s, before) = (now_s(), session.slice_ns());
    let mut outcome = encode((arm, target), argv, (&output, &report), limit, stop)?;
    if let Ok(run) = &mut outcome {
        (run.session, run.begun_s) = (session.begun_s, begun_s);
        run.calibration_ns = before.zip(session.slice_ns()).map(|(a, b)| f64::midpoint(a, b));
    }
    if outcome.is_ok() && !has_stream {
        store.keep_stream(&output, extension)?;
    }
    let _ = fs::remove_file(&output);
    if let Ok(run) = &outcome {
        store.keep_run(number, run)?;
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name() {
        let text = "frame,type,bytes,encode_us,held_frames,allocations\r\n0,key,900,1500,0,12\r\n\
                    1,drop,0,10,,3\r\n3,altref,40,700,1,0\r\n2,inter,50,600,2,0\r\n";
        let log = frame_log(text).unwrap();
        assert_eq!((log.dropped, log.frame), (1, vec![0, 3, 2]));
        assert_eq!(log.shown, [true, false, true]);
        assert_eq!((log.held, log.allocations), (vec![0, 1, 2], vec![12, 0, 0]));
        assert_eq!(frame_log("frame,type\n"), None);
    }
}
