//! Which instruction sets are measured.

use codec_simd::Level;

use crate::failure::{Failure, Result};

/// The levels of `--levels`; `usual` if none is named.
pub(super) fn chosen(names: &[String], usual: &[Level]) -> Result<Vec<Level>> {
    let mut levels = Vec::new();
    for name in names {
        if name == "all" {
            levels.extend(supported());
            continue;
        }
        let level = Level::choose(Some(name))
            .map_err(|error| Failure::usage(format!("--levels {name}: {error}")))?;
        levels.push(level);
    }
    if names.is_empty() {
        levels.extend(usual);
    }
    // Each once, in the order of the list of all.
    Ok(Level::ALL.into_iter().filter(|level| levels.contains(level)).collect())
}

/// What this CPU has.
pub(super) fn supported() -> Vec<Level> {
    Level::ALL.into_iter().filter(|level| level.is_supported()).collect()
}
