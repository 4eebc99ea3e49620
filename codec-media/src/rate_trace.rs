//! Rates that change over time, read from a CSV file with seconds and rate in each line.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use codec_rtc::link::{self, LinkConfig, RateTrace, SpecRate};

use crate::failure::{Failure, Kind, Result};

/// Upper bound on the size of a trace file.
const MAX_BYTES: u64 = 16 << 20;

/// Reads the rate of a link, which may be 0 during an outage.
///
/// # Errors
/// If the file cannot be read or is not a trace.
pub fn read_trace(path: &Path) -> Result<RateTrace> {
    let name = path.display();
    let unreadable = |error| Failure::new(Kind::Input, format!("cannot read {name}: {error}"));
    let mut text = String::new();
    let file = File::open(path).map_err(unreadable)?;
    let read = file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    if read as u64 > MAX_BYTES {
        let message = format!("{name}: larger than 16 MiB, the limit of a rate trace");
        return Err(Failure::new(Kind::Input, message));
    }
    RateTrace::parse_csv(&text)
        .map_err(|error| Failure::new(Kind::Input, format!("{name}: {error}")))
}

/// Reads the bitrate of an encoder, which must not be 0.
///
/// # Errors
/// If the file cannot be read or is not a trace.
pub fn read_targets(path: &Path) -> Result<RateTrace> {
    let trace = read_trace(path)?;
    if let Some((time, _)) = trace.steps().iter().find(|(_, rate)| rate.0 == 0) {
        let (name, seconds) = (path.display(), time.as_secs_f64());
        let message = format!("{name}: invalid bitrate 0 at {seconds} s");
        return Err(Failure::new(Kind::Input, message));
    }
    Ok(trace)
}

/// Returns the configuration of a link, and reads its rate trace if it names a file.
///
/// # Errors
/// If the file cannot be read or is not a trace.
pub fn config_of(spec: &link::LinkSpec) -> Result<LinkConfig> {
    match (spec.rate(), spec.constant()) {
        (_, Some(config)) => Ok(config),
        (SpecRate::File(name), None) => Ok(spec.with_rate(read_trace(name.as_ref())?)),
        (SpecRate::Constant(rate), None) => {
            Err(Failure::internal(format!("invalid link rate {rate}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoders_reject_a_bitrate_of_0() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.csv");
        std::fs::write(&path, "seconds,rate\n0,600k\n2,0\n3,1.2M\n").unwrap();
        assert_eq!(read_trace(&path).unwrap().steps().len(), 3);
        assert!(read_targets(&path).unwrap_err().message.contains("invalid bitrate 0 at 2 s"));
    }
}
