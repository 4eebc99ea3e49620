//! The instruction set: requested, compiled in and detected.

use codec_simd::Level;

use codec_media::failure::{Failure, Result};

/// Environment variable that selects a level instead of the best one.
const VARIABLE: &str = "CODEC_SIMD";

/// Returns the level to use: the level that `CODEC_SIMD` names, or the best one.
pub(crate) fn requested_level() -> Result<Level> {
    let request = match std::env::var(VARIABLE) {
        Ok(request) => Some(request),
        Err(std::env::VarError::NotPresent) => None,
        Err(error) => return Err(Failure::usage(format!("invalid {VARIABLE}: {error}"))),
    };
    Level::choose(request.as_deref()).map_err(|_| {
        let request = request.as_deref().unwrap_or_default();
        let supported = names(Level::supported());
        Failure::usage(format!("invalid {VARIABLE} {request}: this CPU supports {supported}"))
    })
}

fn compiled() -> impl Iterator<Item = Level> {
    Level::ALL.into_iter().filter(|level| level.is_compiled())
}

fn names(levels: impl Iterator<Item = Level>) -> String {
    levels.map(Level::name).collect::<Vec<_>>().join(", ")
}

/// The output of `--version`.
pub(crate) fn version() -> String {
    format!(
        "{}\nSIMD compiled: {}\nSIMD detected: {}",
        env!("CARGO_PKG_VERSION"),
        names(compiled()),
        names(Level::supported())
    )
}
