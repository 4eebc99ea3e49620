//! The instruction set: what was asked for, compiled in and found.

use codec_simd::Level;

use crate::failure::{Failure, Result};

/// Names a level that is to be used instead of the best one.
const VARIABLE: &str = "CODEC_SIMD";

/// The level to run, as `CODEC_SIMD` says, or else the best.
pub(crate) fn requested_level() -> Result<Level> {
    let request = match std::env::var(VARIABLE) {
        Ok(request) => Some(request),
        Err(std::env::VarError::NotPresent) => None,
        Err(error) => return Err(Failure::usage(format!("{VARIABLE}: {error}"))),
    };
    Level::choose(request.as_deref()).map_err(|error| {
        Failure::usage(format!("{VARIABLE}: {error}; this CPU has {}", names(detected())))
    })
}

fn compiled() -> impl Iterator<Item = Level> {
    Level::ALL.into_iter().filter(|level| level.is_compiled())
}

fn detected() -> impl Iterator<Item = Level> {
    Level::ALL.into_iter().filter(|level| level.is_supported())
}

fn names(levels: impl Iterator<Item = Level>) -> String {
    levels.map(Level::name).collect::<Vec<_>>().join(" ")
}

/// What `--version` prints.
pub(crate) fn version() -> String {
    format!(
        "{}\nSIMD compiled: {}\nSIMD detected: {}",
        env!("CARGO_PKG_VERSION"),
        names(compiled()),
        names(detected())
    )
}
