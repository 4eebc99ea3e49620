//! Rates that change over time, from a CSV file: seconds and rate in each line.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use codec_rtc::link::RateTrace;

use crate::failure::{Failure, Kind, Result};

/// No trace of the longest length is larger.
const MOST_BYTES: u64 = 16 << 20;

/// The rate of a link, which may fail for a while: a rate of 0.
pub(crate) fn read_trace(path: &Path) -> Result<RateTrace> {
    let name = path.display();
    let unreadable = |error| Failure::new(Kind::Input, format!("{name}: {error}"));
    let mut text = String::new();
    let file = File::open(path).map_err(unreadable)?;
    let read = file.take(MOST_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    if read as u64 > MOST_BYTES {
        return Err(Failure::new(Kind::Input, format!("{name}: too large for a trace of rates")));
    }
    RateTrace::parse_csv(&text)
        .map_err(|error| Failure::new(Kind::Input, format!("{name}: {error}")))
}

/// The bitrate of an encoder, which is never 0.
pub(crate) fn read_targets(path: &Path) -> Result<RateTrace> {
    let trace = read_trace(path)?;
    if let Some((time, _)) = trace.steps().iter().find(|(_, rate)| rate.0 == 0) {
        let (name, seconds) = (path.display(), time.as_secs_f64());
        let message = format!("{name}: a bitrate of 0 at {seconds} s: an encoder has none");
        return Err(Failure::new(Kind::Input, message));
    }
    Ok(trace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoder_has_no_bitrate_of_0() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.csv");
        std::fs::write(&path, "seconds,rate\n0,600k\n2,0\n3,1.2M\n").unwrap();
        assert_eq!(read_trace(&path).unwrap().steps().len(), 3);
        assert!(read_targets(&path).unwrap_err().message.contains("a bitrate of 0 at 2 s"));
    }
}
